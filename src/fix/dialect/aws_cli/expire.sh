# usage: expire_old_versions REGION BUCKET DAYS
# keeps the other rules of the bucket and its minimum object size for transitions
expire_old_versions() {
  local region=$1 bucket=$2 days=$3 seen rules size='' old='' own='' where rule
  if [ "${EXPIRE_OLD_VERSIONS:-}" != yes ]; then
    skip "this deletes data; set EXPIRE_OLD_VERSIONS=yes to allow it"
    return
  fi
  set -- --region "$region" --bucket "$bucket" --expected-bucket-owner "$account"
  if seen=$(aws s3api get-bucket-lifecycle-configuration "$@" --query "[TransitionDefaultMinimumObjectSize, length(Rules[?Prefix != \`null\`]), length(Rules[?ID == 'backup-check-old-versions' && Status == 'Enabled'])]" --output text 2>&1); then
    read -r size old own <<<"$(printf '%s\n' "$seen" | tail -n 1)"
  else
    case $seen in
      *NoSuchLifecycleConfiguration*) old=0 ;;
    esac
  fi
  # S3 rejects a rule with a Filter next to a rule with a Prefix
  case $old in
    0) where='"Filter":{"Prefix":""}' ;;
    [1-9]*) where='"Prefix":""' ;;
    *)
      skip "failed to read the lifecycle rules of $bucket, which a new configuration would delete: $seen"
      return
      ;;
  esac
  rule='{"ID":"backup-check-old-versions","Status":"Enabled",'$where',"NoncurrentVersionExpiration":{"NoncurrentDays":'$days'}}'
  case $own in
    '') rules='{"Rules":['$rule']}' ;;
    0)
      rules=$(aws s3api get-bucket-lifecycle-configuration "$@" --query "{Rules: [Rules[?ID != 'backup-check-old-versions'], [\`$rule\`]][]}" --output json) || {
        skip "failed to read the lifecycle rules of $bucket"
        return
      }
      ;;
    *)
      say '  already done'
      return
      ;;
  esac
  case $size in
    '' | None) ;;
    *) set -- "$@" --transition-default-minimum-object-size "$size" ;;
  esac
  try aws s3api put-bucket-lifecycle-configuration "$@" --lifecycle-configuration "$rules" >/dev/null
}
