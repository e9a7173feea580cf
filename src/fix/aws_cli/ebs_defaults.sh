# region, key, the variable that names the key
ebs_defaults() {
  if [ -z "$2" ]; then
    leave "set $3 to a customer managed key of $1 that is shared with the central account"
    return
  fi
  aws ec2 modify-ebs-default-kms-key-id --region "$1" --kms-key-id "$2" >/dev/null
  aws ec2 enable-ebs-encryption-by-default --region "$1" >/dev/null
}
