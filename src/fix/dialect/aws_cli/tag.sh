tagging_failed=''

# the tagging API succeeds even if it could not tag a resource; it lists the failures
check_failures() {
  case $1 in
    '{}' | null | None | '') ;;
    *)
      tagging_failed=yes
      skip "failed for: $1"
      ;;
  esac
}

# usage: tag REGION TAGS ARN...
tag() {
  local region=$1 tags=$2 failures
  shift 2
  failures=$(aws resourcegroupstaggingapi tag-resources --region "$region" --tags "$tags" --resource-arn-list "$@" --query FailedResourcesMap --output json) || failures='all resources'
  check_failures "$failures"
}

# usage: untag REGION KEY ARN...
# keeps a misspelled tag if the correct one could not be set
untag() {
  local region=$1 key=$2 failures
  shift 2
  if [ -n "$tagging_failed" ]; then
    skip "a tag could not be set, so the tag $key is kept"
    return
  fi
  failures=$(aws resourcegroupstaggingapi untag-resources --region "$region" --tag-keys "$key" --resource-arn-list "$@" --query FailedResourcesMap --output json) || failures='all resources'
  check_failures "$failures"
}
