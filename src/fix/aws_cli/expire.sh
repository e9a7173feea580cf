# region, bucket, days; the rules that the bucket has stay
expire_old_versions() {
  local rule rules
  if [ "${EXPIRE_OLD_VERSIONS:-}" != yes ]; then
    leave "it deletes data: set EXPIRE_OLD_VERSIONS=yes where that is meant"
    return
  fi
  rule='{"ID":"backup-check-old-versions","Status":"Enabled","Filter":{"Prefix":""},"NoncurrentVersionExpiration":{"NoncurrentDays":'$3'}}'
  if rules=$(aws s3api get-bucket-lifecycle-configuration --region "$1" --bucket "$2" --expected-bucket-owner "$account" --query "{Rules: [Rules, [\`$rule\`]][]}" --output json 2>&1); then
    if [ "$(printf '%s' "$rules" | grep -c '"backup-check-old-versions"')" -gt 1 ]; then
      say '  already done'
      return
    fi
  else
    case $rules in
      *NoSuchLifecycleConfiguration*) rules='{"Rules":['$rule']}' ;;
      *)
        leave "the lifecycle rules of $2 cannot be read, and putting others would delete them: $rules"
        return
        ;;
    esac
  fi
  aws s3api put-bucket-lifecycle-configuration --region "$1" --bucket "$2" --expected-bucket-owner "$account" --lifecycle-configuration "$rules" >/dev/null
}
