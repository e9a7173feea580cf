# region, bucket, days; the rules that the bucket has stay, and so does which small objects they move
expire_old_versions() {
  local region=$1 bucket=$2 days=$3 seen rules size='' old='' own='' where rule
  if [ "${EXPIRE_OLD_VERSIONS:-}" != yes ]; then
    leave "it deletes data: set EXPIRE_OLD_VERSIONS=yes where that is meant"
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
  # S3 takes no rule with a Filter next to one with a Prefix of its own
  case $old in
    0) where='"Filter":{"Prefix":""}' ;;
    [1-9]*) where='"Prefix":""' ;;
    *)
      leave "the lifecycle rules of $bucket cannot be read, and putting others would delete them: $seen"
      return
      ;;
  esac
  rule='{"ID":"backup-check-old-versions","Status":"Enabled",'$where',"NoncurrentVersionExpiration":{"NoncurrentDays":'$days'}}'
  case $own in
    '') rules='{"Rules":['$rule']}' ;;
    0)
      rules=$(aws s3api get-bucket-lifecycle-configuration "$@" --query "{Rules: [Rules[?ID != 'backup-check-old-versions'], [\`$rule\`]][]}" --output json) || {
        leave "the lifecycle rules of $bucket cannot be read"
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
