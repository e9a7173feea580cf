# what failed, as the tagging API tells it without failing itself
check_tagged() {
  case $1 in
    '{}' | null | None | '') ;;
    *) leave "some resources refused: $1" ;;
  esac
}

# region, tags, ARNs
tag() {
  local region=$1 tags=$2 refused
  shift 2
  refused=$(aws resourcegroupstaggingapi tag-resources --region "$region" --tags "$tags" --resource-arn-list "$@" --query FailedResourcesMap --output json)
  check_tagged "$refused"
}

# region, key, ARNs
untag() {
  local region=$1 key=$2 refused
  shift 2
  refused=$(aws resourcegroupstaggingapi untag-resources --region "$region" --tag-keys "$key" --resource-arn-list "$@" --query FailedResourcesMap --output json)
  check_tagged "$refused"
}
