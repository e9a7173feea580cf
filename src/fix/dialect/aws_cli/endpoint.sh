# usage: open_endpoint REGION ENDPOINT
open_endpoint() {
  if [ "${OPEN_ENDPOINTS:-}" != yes ]; then
    skip "its policy may restrict buckets on purpose; set OPEN_ENDPOINTS=yes to replace it"
    return
  fi
  try aws ec2 modify-vpc-endpoint --region "$1" --vpc-endpoint-id "$2" --reset-policy >/dev/null
}

# usage: create_s3_endpoint REGION VPC ROUTE_TABLE...
create_s3_endpoint() {
  local region=$1 vpc=$2 existing
  shift 2
  existing=$(aws ec2 describe-vpc-endpoints --region "$region" --filters "Name=vpc-id,Values=$vpc" "Name=service-name,Values=com.amazonaws.$region.s3" Name=vpc-endpoint-type,Values=Gateway --query 'VpcEndpoints[].VpcEndpointId' --output text) || {
    skip "failed to read the endpoints of $vpc"
    return
  }
  if [ -n "$existing" ] && [ "$existing" != None ]; then
    say "  already exists: $existing"
    return
  fi
  try aws ec2 create-vpc-endpoint --region "$region" --vpc-id "$vpc" --vpc-endpoint-type Gateway --service-name "com.amazonaws.$region.s3" --route-table-ids "$@" >/dev/null
}

# usage: add_route_tables REGION ENDPOINT ROUTE_TABLE...
add_route_tables() {
  local region=$1 endpoint=$2 existing table
  shift 2
  existing=$(aws ec2 describe-vpc-endpoints --region "$region" --vpc-endpoint-ids "$endpoint" --query 'VpcEndpoints[].RouteTableIds[]' --output text) || {
    skip "failed to read $endpoint"
    return
  }
  for table in "$@"; do
    case " $(printf '%s' "$existing" | tr '[:space:]' ' ') " in
      *" $table "*) say "  $table already has the route" ;;
      *) try aws ec2 modify-vpc-endpoint --region "$region" --vpc-endpoint-id "$endpoint" --add-route-table-ids "$table" >/dev/null ;;
    esac
  done
}
