untagged=''

# what failed, as the tagging API tells it without failing itself
check_tagged() {
  case $1 in
    '{}' | null | None | '') ;;
    *)
      untagged=yes
      leave "some resources refused: $1"
      ;;
  esac
}

# region, tags, ARNs
tag() {
  local region=$1 tags=$2 refused
  shift 2
  refused=$(aws resourcegroupstaggingapi tag-resources --region "$region" --tags "$tags" --resource-arn-list "$@" --query FailedResourcesMap --output json) || refused='all of them'
  check_tagged "$refused"
}

# region, key, ARNs; what a tag was meant to say stays where the right one could not be set
untag() {
  local region=$1 key=$2 refused
  shift 2
  if [ -n "$untagged" ]; then
    leave "a tag could not be set, so the old one stays: $key"
    return
  fi
  refused=$(aws resourcegroupstaggingapi untag-resources --region "$region" --tag-keys "$key" --resource-arn-list "$@" --query FailedResourcesMap --output json) || refused='all of them'
  check_tagged "$refused"
}
