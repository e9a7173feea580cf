//! VPCs and their routes to S3.

use serde_json::{Value, json};

use super::{
    add_resources, change_mut, evaluate_plan, expressions_mut, plan_with_one, problems_of,
    reference_to,
};

/// Returns a plan of a VPC with a subnet in use, an endpoint for S3, the given route table and other resources.
fn vpc_plan(table: Value, unknown: Value, more: &[(&str, &str, Value, &[&str], Value)]) -> Value {
    let mut root = plan_with_one(
        "aws_vpc",
        json!({"cidr_block": "10.0.0.0/16"}),
        json!({"id": true}),
    );
    add_resources(
        &mut root,
        &[
            (
                "aws_subnet",
                "a",
                json!({}),
                &["id", "vpc_id"],
                json!({"vpc_id": reference_to("aws_vpc.x.id")}),
            ),
            (
                "aws_instance",
                "a",
                json!({"ami": "ami-1"}),
                &["id", "subnet_id"],
                json!({"subnet_id": reference_to("aws_subnet.a.id")}),
            ),
            (
                "aws_route_table",
                "a",
                table,
                &["id", "vpc_id"],
                json!({"vpc_id": reference_to("aws_vpc.x.id")}),
            ),
            (
                "aws_route_table_association",
                "a",
                json!({}),
                &["route_table_id", "subnet_id"],
                json!({"subnet_id": reference_to("aws_subnet.a.id"), "route_table_id": reference_to("aws_route_table.a.id")}),
            ),
            (
                "aws_vpc_endpoint",
                "a",
                json!({"service_name": "com.amazonaws.eu-central-1.s3", "vpc_endpoint_type": "Gateway"}),
                &["id", "vpc_id"],
                json!({"vpc_id": reference_to("aws_vpc.x.id")}),
            ),
        ],
    );
    add_resources(&mut root, more);
    for (name, unknown) in unknown.as_object().unwrap() {
        change_mut(&mut root, "aws_route_table.a")["change"]["after_unknown"][name] =
            unknown.clone();
    }
    root
}

#[test]
fn an_unknown_default_route_makes_routing_unknown() {
    let routed = |root: &Value| problems_of(&evaluate_plan(root), "aws_vpc.x");
    let violation = "fail s3-gateway-endpoint-routed".to_owned();
    let open = ["unknown s3-gateway-endpoint-routed".to_owned()];
    let nat = json!({"route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "", "nat_gateway_id": "nat-1"}]});
    assert_eq!(routed(&vpc_plan(nat, json!({}), &[])), [violation]);
    // The block is not in the configuration, so its gateway may be an internet gateway.
    let inline = json!({"route": [{"cidr_block": "0.0.0.0/0"}]});
    let gateway = json!({"route": [{"gateway_id": true}]});
    assert_eq!(routed(&vpc_plan(inline, gateway, &[])), open);
    let route = |table: Value, gateway: Value| {
        let values = json!({"destination_cidr_block": "0.0.0.0/0"});
        let expressions = json!({"route_table_id": table, "gateway_id": gateway});
        [(
            "aws_route",
            "out",
            values,
            &["gateway_id", "route_table_id"][..],
            expressions,
        )]
    };
    let local = json!({"references": ["local.x"]});
    for more in [
        route(reference_to("aws_route_table.a.id"), local.clone()),
        route(local, reference_to("aws_internet_gateway.g.id")),
    ] {
        assert_eq!(routed(&vpc_plan(json!({}), json!({}), &more)), open);
    }
    let mut root = vpc_plan(json!({}), json!({}), &[]);
    change_mut(&mut root, "aws_vpc_endpoint.a")["change"]["after_unknown"]["route_table_ids"] =
        json!(true);
    expressions_mut(&mut root, "aws_vpc_endpoint.a")["route_table_ids"] =
        json!({"references": ["local.tables"]});
    assert_eq!(routed(&root), open);
}

#[test]
fn an_endpoint_that_is_open_is_none_of_another_vpc() {
    let mut root = vpc_plan(
        json!({}),
        json!({}),
        &[
            (
                "aws_vpc",
                "y",
                json!({"cidr_block": "10.1.0.0/16"}),
                &["id"],
                json!({}),
            ),
            (
                "aws_subnet",
                "y",
                json!({}),
                &["id", "vpc_id"],
                json!({"vpc_id": reference_to("aws_vpc.y.id")}),
            ),
            (
                "aws_instance",
                "y",
                json!({"ami": "ami-1"}),
                &["id", "subnet_id"],
                json!({"subnet_id": reference_to("aws_subnet.y.id")}),
            ),
        ],
    );
    let change = &mut change_mut(&mut root, "aws_vpc_endpoint.a")["change"];
    change["after"]["service_name"] = Value::Null;
    change["after_unknown"]["service_name"] = json!(true);
    let report = evaluate_plan(&root);
    let has = |vpc: &str, problem: &str| problems_of(&report, vpc).contains(&problem.to_owned());
    assert!(has("aws_vpc.x", "unknown s3-gateway-endpoint-present"));
    assert!(has("aws_vpc.y", "fail s3-gateway-endpoint-present"));
}
