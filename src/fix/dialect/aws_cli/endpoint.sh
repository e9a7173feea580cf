# region, endpoint
open_endpoint() {
  if [ "${OPEN_ENDPOINTS:-}" != yes ]; then
    leave "its policy may be meant: set OPEN_ENDPOINTS=yes where it is not"
    return
  fi
  try aws ec2 modify-vpc-endpoint --region "$1" --vpc-endpoint-id "$2" --reset-policy >/dev/null
}

# region, VPC, route tables
create_s3_endpoint() {
  local region=$1 vpc=$2 there
  shift 2
  there=$(aws ec2 describe-vpc-endpoints --region "$region" --filters "Name=vpc-id,Values=$vpc" "Name=service-name,Values=com.amazonaws.$region.s3" Name=vpc-endpoint-type,Values=Gateway --query 'VpcEndpoints[].VpcEndpointId' --output text) || {
    leave "the endpoints of $vpc cannot be read"
    return
  }
  if [ -n "$there" ] && [ "$there" != None ]; then
    say "  there is one already: $there"
    return
  fi
  try aws ec2 create-vpc-endpoint --region "$region" --vpc-id "$vpc" --vpc-endpoint-type Gateway --service-name "com.amazonaws.$region.s3" --route-table-ids "$@" >/dev/null
}

# region, endpoint, route tables
add_route_tables() {
  local region=$1 endpoint=$2 there table
  shift 2
  there=$(aws ec2 describe-vpc-endpoints --region "$region" --vpc-endpoint-ids "$endpoint" --query 'VpcEndpoints[].RouteTableIds[]' --output text) || {
    leave "$endpoint cannot be read"
    return
  }
  for table in "$@"; do
    case " $(printf '%s' "$there" | tr '[:space:]' ' ') " in
      *" $table "*) say "  $table has the route already" ;;
      *) try aws ec2 modify-vpc-endpoint --region "$region" --vpc-endpoint-id "$endpoint" --add-route-table-ids "$table" >/dev/null ;;
    esac
  done
}
