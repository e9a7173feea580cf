# usage: ebs_defaults REGION KEY_ARN NAME_OF_THE_KEY_VARIABLE
ebs_defaults() {
  local state
  if [ -z "$2" ]; then
    skip "set $3 to the ARN of a customer managed key in $1 that is shared with the central account"
    return
  fi
  # EC2 accepts any key and fails later, at every new volume
  state=$(aws kms describe-key --region "$1" --key-id "$2" --query "join('/', KeyMetadata.[KeyManager, KeyState, KeySpec])" --output text) || state='not found'
  if [ "$state" != CUSTOMER/Enabled/SYMMETRIC_DEFAULT ]; then
    skip "$3 is not an enabled symmetric customer managed key in $1: $state"
    return
  fi
  aws ec2 modify-ebs-default-kms-key-id --region "$1" --kms-key-id "$2" >/dev/null || {
    skip 'AWS rejected the request'
    return
  }
  try aws ec2 enable-ebs-encryption-by-default --region "$1" >/dev/null
}
