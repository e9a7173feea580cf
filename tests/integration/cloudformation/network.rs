//! VPCs of which a template leaves something open.

use super::*;
use Status::{Fail, Pass, Unknown, Warn};

/// A template of these parameters and conditions, a VPC in use with an endpoint for S3, and more resources.
fn judge_vpc(more: &str) -> Report {
    judge_endpoint("[!Ref Other]", more)
}

/// As [`judge_vpc`], with the route tables of the endpoint: `Table` is that of the subnet in use.
fn judge_endpoint(tables: &str, more: &str) -> Report {
    let text = format!(
        "
Parameters:
  Open: {{Type: String}}
Conditions:
  Maybe: !Equals [!Ref Open, '']
Resources:
  Igw: {{Type: AWS::EC2::InternetGateway}}
  Vgw: {{Type: AWS::EC2::VPNGateway, Properties: {{Type: ipsec.1}}}}
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Sub: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}}}
  Table: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc}}}}
  Other: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Vpc}}}}
  Of: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{SubnetId: !Ref Sub, RouteTableId: !Ref Table}}}}
  Server: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref Sub, ImageId: ami-1}}}}
  Endpoint: {{Type: AWS::EC2::VPCEndpoint, Properties: {{VpcId: !Ref Vpc, ServiceName: !Sub 'com.amazonaws.${{AWS::Region}}.s3', RouteTableIds: {tables}}}}}
{more}
"
    );
    judge(&read(&text, Some("eu-central-1"), &[]).snapshot)
}

#[test]
fn a_default_route_that_is_open_makes_a_subnet_neither_public_nor_private() {
    let route = |properties: &str, condition: &str| {
        format!("  Route: {{Type: AWS::EC2::Route, {condition}Properties: {{{properties}}}}}")
    };
    let all = "DestinationCidrBlock: 0.0.0.0/0";
    let table = "RouteTableId: !Ref Table";
    for (properties, condition, expected) in [
        (format!("{table}, {all}, GatewayId: !Ref Igw"), "", Warn),
        (format!("{table}, {all}, GatewayId: !Ref Vgw"), "", Fail),
        (format!("{table}, {all}, NatGatewayId: nat-1"), "", Fail),
        (
            format!("{table}, {all}, GatewayId: !Ref Igw"),
            "Condition: Maybe, ",
            Unknown,
        ),
        (
            format!("{table}, DestinationCidrBlock: !Ref Open, GatewayId: !Ref Igw"),
            "",
            Unknown,
        ),
        (
            format!("{table}, {all}, GatewayId: !If [Maybe, !Ref Igw, !Ref Vgw]"),
            "",
            Unknown,
        ),
        (
            format!(
                "{all}, GatewayId: !Ref Igw, RouteTableId: !If [Maybe, !Ref Table, !Ref Other]"
            ),
            "",
            Unknown,
        ),
        (
            format!("{all}, GatewayId: !Ref Igw, RouteTableId: !If [Maybe, !Ref Other, rtb-1]"),
            "",
            Fail,
        ),
    ] {
        let report = judge_vpc(&route(&properties, condition));
        let (status, message) = findings(&report, "Vpc")["s3-gateway-endpoint-routed"];
        assert_eq!(status, expected, "{properties}: {message}");
    }
}

#[test]
fn a_subnet_of_one_of_several_vpcs_may_be_in_each() {
    let more = "
  New: {Type: AWS::EC2::VPC, Condition: Maybe, Properties: {CidrBlock: 10.1.0.0/16}}
  In: {Type: AWS::EC2::Subnet, Properties: {VpcId: !If [Maybe, !Ref New, !Ref Open], CidrBlock: 10.1.0.0/24}}
  TableIn: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !If [Maybe, !Ref New, !Ref Open]}}
  OfIn: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref In, RouteTableId: !Ref TableIn}}";
    let server = "
  ServerIn: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref In, ImageId: ami-1}}";
    let endpoint = "
  EndpointIn: {Type: AWS::EC2::VPCEndpoint, Properties: {VpcId: !If [Maybe, !Ref New, !Ref Open], ServiceName: !Sub 'com.amazonaws.${AWS::Region}.s3', RouteTableIds: [!Ref TableIn]}}";
    let present =
        |report: &Report, vpc: &str| findings(report, vpc)["s3-gateway-endpoint-present"].0;
    let report = judge_vpc(more);
    assert_eq!(present(&report, "New"), Status::Skip);
    for more in [
        format!("{more}{server}"),
        format!("{more}{server}{endpoint}"),
    ] {
        let report = judge_vpc(&more);
        assert_eq!(present(&report, "New"), Unknown);
        // The other VPC has nothing to do with it.
        assert_eq!(present(&report, "Vpc"), Pass);
        expect(
            &report,
            &[
                ("Vpc", "s3-gateway-endpoint-open", Pass, "full access"),
                ("Vpc", "s3-gateway-endpoint-routed", Fail, "Table"),
            ],
        );
    }
}

#[test]
fn a_workload_may_run_in_a_subnet_group_whose_name_is_a_choice() {
    let group = |name: &str, used: &str| {
        format!(
            "
  New: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.1.0.0/16}}}}
  In: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref New, CidrBlock: 10.1.0.0/24}}}}
  Group: {{Type: AWS::ElastiCache::SubnetGroup, Properties: {{CacheSubnetGroupName: {name}, Description: d, SubnetIds: [!Ref In]}}}}
  Cache: {{Type: AWS::ElastiCache::CacheCluster, Properties: {{CacheSubnetGroupName: {used}, Engine: redis}}}}"
        )
    };
    for (name, used, expected) in [
        ("a", "a", Fail),
        ("a", "b", Status::Skip),
        ("a", "!If [Maybe, a, b]", Unknown),
        ("!If [Maybe, a, b]", "a", Unknown),
        ("!If [Maybe, a, b]", "c", Status::Skip),
    ] {
        let report = judge_vpc(&group(name, used));
        let (status, message) = findings(&report, "New")["s3-gateway-endpoint-present"];
        assert_eq!(status, expected, "{name} {used}: {message}");
    }
}

#[test]
fn a_route_table_that_is_open_leaves_the_others_of_the_endpoint_as_they_are() {
    let custom = "  Custom: {Type: 'Custom::Tables', Properties: {ServiceToken: t}}";
    for (tables, expected) in [
        ("[!Ref Table, !Ref Open]", Pass),
        ("[!Ref Table, !GetAtt Custom.Id]", Pass),
        (
            "[!Ref Table, !If [Maybe, !Ref Other, !Ref AWS::NoValue]]",
            Pass,
        ),
        ("!If [Maybe, [!Ref Table], [!Ref Other, !Ref Table]]", Pass),
        // A parameter is no route table that the template creates.
        ("[!Ref Other, !Ref Open]", Fail),
        ("!Ref Open", Fail),
        ("[!Ref Other, !If [Maybe, rtb-1, rtb-2]]", Fail),
        ("[!Ref Other, !GetAtt Custom.Id]", Unknown),
        ("[!Ref Other, !If [Maybe, !Ref Table, !Ref Open]]", Unknown),
        ("!If [Maybe, [!Ref Table], [!Ref Other]]", Unknown),
        ("!If [Maybe, [!Ref Table], !Ref Open]", Unknown),
    ] {
        let report = judge_endpoint(tables, custom);
        let (status, message) = findings(&report, "Vpc")["s3-gateway-endpoint-routed"];
        assert_eq!(status, expected, "{tables}: {message}");
        // The endpoint and its policy are known.
        for rule in ["s3-gateway-endpoint-present", "s3-gateway-endpoint-open"] {
            let (status, message) = findings(&report, "Vpc")[rule];
            assert_eq!(status, Pass, "{tables} {rule}: {message}");
        }
    }
}

#[test]
fn a_route_table_that_an_endpoint_names_has_its_route_whatever_its_vpc_is() {
    let more = "
  Custom: {Type: 'Custom::Vpc', Properties: {ServiceToken: t}}
  In: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
  TableIn: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !If [Maybe, !Ref Vpc, !Ref Open]}}
  OfIn: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref In, RouteTableId: !Ref TableIn}}
  ServerIn: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref In, ImageId: ami-1}}";
    for (tables, expected) in [
        ("[!Ref Table, !Ref TableIn]", Pass),
        ("[!Ref Table]", Fail),
        ("[!Ref Table, !GetAtt Custom.Id]", Unknown),
    ] {
        let report = judge_endpoint(tables, more);
        let (status, message) = findings(&report, "Vpc")["s3-gateway-endpoint-routed"];
        assert_eq!(status, expected, "{tables}: {message}");
    }
}

#[test]
fn a_workload_in_a_subnet_of_any_vpc_may_be_in_each() {
    let more = |vpc: &str| {
        format!(
            "
  Custom: {{Type: 'Custom::Vpc', Properties: {{ServiceToken: t}}}}
  New: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.1.0.0/16}}}}
  In: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: {vpc}, CidrBlock: 10.1.0.0/24}}}}
  ServerIn: {{Type: AWS::EC2::Instance, Properties: {{SubnetId: !Ref In, ImageId: ami-1}}}}"
        )
    };
    for (vpc, expected) in [
        ("!Ref Open", Status::Skip),
        ("!GetAtt Custom.Id", Unknown),
        ("!If [Maybe, !Ref New, !Ref AWS::NoValue]", Unknown),
    ] {
        let report = judge_vpc(&more(vpc));
        let (status, message) = findings(&report, "New")["s3-gateway-endpoint-present"];
        assert_eq!(status, expected, "{vpc}: {message}");
    }
}

#[test]
fn what_is_open_in_a_vpc_elsewhere_is_open_in_none_of_the_template() {
    let of_vpc = |vpc: &str| {
        format!(
            "
  Custom: {{Type: 'Custom::Vpc', Properties: {{ServiceToken: t}}}}
  Far: {{Type: AWS::EC2::VPCEndpoint, Properties: {{VpcId: {vpc}, ServiceName: !Ref Open}}}}
  FarSub: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: {vpc}, CidrBlock: 10.1.0.0/24}}}}
  FarOf: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{SubnetId: !If [Maybe, !Ref FarSub, !Ref Open], RouteTableId: !Ref Open}}}}"
        )
    };
    for (vpc, expected) in [
        ("!Ref Open", Pass),
        ("vpc-1", Pass),
        ("!ImportValue Vpc", Pass),
        ("!If [Maybe, vpc-1, !Ref Open]", Pass),
        ("!If [Maybe, vpc-1, !Ref Vpc]", Unknown),
        ("!GetAtt Custom.Id", Unknown),
    ] {
        let report = judge_endpoint("[!Ref Table]", &of_vpc(vpc));
        let (status, message) = findings(&report, "Vpc")["s3-gateway-endpoint-open"];
        assert_eq!(status, expected, "{vpc}: {message}");
    }
}
