# region, the key, the variable that names it
ebs_defaults() {
  local state
  if [ -z "$2" ]; then
    leave "set $3 to a customer managed key of $1 that is shared with the central account"
    return
  fi
  # EC2 takes any name and fails later, at every new volume
  state=$(aws kms describe-key --region "$1" --key-id "$2" --query "join('/', KeyMetadata.[KeyManager, KeyState, KeySpec])" --output text) || state='not found'
  if [ "$state" != CUSTOMER/Enabled/SYMMETRIC_DEFAULT ]; then
    leave "$3 is no enabled customer managed key for encryption in $1: $state"
    return
  fi
  aws ec2 modify-ebs-default-kms-key-id --region "$1" --kms-key-id "$2" >/dev/null || {
    leave 'AWS refused it'
    return
  }
  try aws ec2 enable-ebs-encryption-by-default --region "$1" >/dev/null
}
