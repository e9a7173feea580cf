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

/// Returns a plan as [`vpc_plan`] does, with another VPC `y` that has a subnet in use.
fn other_vpc_plan() -> Value {
    vpc_plan(
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
    )
}

#[test]
fn an_endpoint_that_is_open_is_none_of_another_vpc() {
    let mut root = other_vpc_plan();
    let change = &mut change_mut(&mut root, "aws_vpc_endpoint.a")["change"];
    change["after"]["service_name"] = Value::Null;
    change["after_unknown"]["service_name"] = json!(true);
    let report = evaluate_plan(&root);
    let has = |vpc: &str, problem: &str| problems_of(&report, vpc).contains(&problem.to_owned());
    assert!(has("aws_vpc.x", "unknown s3-gateway-endpoint-present"));
    assert!(has("aws_vpc.y", "fail s3-gateway-endpoint-present"));
}

/// Returns a plan of two VPCs in use with an endpoint for S3 each, `x` without a route to it, and other resources.
fn two_vpcs_plan(more: &[(&str, &str, Value, &[&str], Value)]) -> Value {
    let vpc = json!({"vpc_id": reference_to("aws_vpc.y.id")});
    let gateway =
        json!({"service_name": "com.amazonaws.eu-central-1.s3", "vpc_endpoint_type": "Gateway"});
    let mut root = other_vpc_plan();
    add_resources(
        &mut root,
        &[
            (
                "aws_route_table",
                "y",
                json!({}),
                &["id", "vpc_id"],
                vpc.clone(),
            ),
            (
                "aws_vpc_endpoint",
                "y",
                gateway,
                &["id", "vpc_id"],
                vpc.clone(),
            ),
            (
                "aws_internet_gateway",
                "y",
                json!({}),
                &["id", "vpc_id"],
                vpc,
            ),
        ],
    );
    add_resources(&mut root, more);
    root
}

#[test]
fn a_route_table_that_is_open_is_none_of_another_vpc() {
    let table = || reference_to("aws_route_table.y.id");
    let open = || json!({"references": ["local.x"]});
    // The route tables of the VPC differ, so that it matters which one a subnet uses.
    let out = (
        "aws_route",
        "out",
        json!({"destination_cidr_block": "0.0.0.0/0"}),
        &["gateway_id", "route_table_id"][..],
        json!({"gateway_id": reference_to("aws_internet_gateway.y.id"), "route_table_id": table()}),
    );
    let cases: [(&str, Value, &[&str], Value); 5] = [
        (
            "aws_main_route_table_association",
            json!({}),
            &["vpc_id", "route_table_id"],
            json!({"vpc_id": reference_to("aws_vpc.y.id"), "route_table_id": open()}),
        ),
        (
            "aws_route_table_association",
            json!({}),
            &["subnet_id", "route_table_id"],
            json!({"subnet_id": reference_to("aws_subnet.y.id"), "route_table_id": open()}),
        ),
        (
            "aws_route_table_association",
            json!({}),
            &["subnet_id", "route_table_id"],
            json!({"subnet_id": open(), "route_table_id": table()}),
        ),
        (
            "aws_route",
            json!({"destination_cidr_block": "0.0.0.0/0"}),
            &["gateway_id", "route_table_id"],
            json!({"gateway_id": reference_to("aws_internet_gateway.y.id"), "route_table_id": open()}),
        ),
        (
            "aws_vpc_endpoint_route_table_association",
            json!({}),
            &["vpc_endpoint_id", "route_table_id"],
            json!({"vpc_endpoint_id": reference_to("aws_vpc_endpoint.y.id"), "route_table_id": open()}),
        ),
    ];
    for (kind, values, unknown, expressions) in cases {
        let root = two_vpcs_plan(&[out.clone(), (kind, "open", values, unknown, expressions)]);
        let report = evaluate_plan(&root);
        let of = |vpc: &str| problems_of(&report, vpc);
        assert_eq!(
            of("aws_vpc.x"),
            ["fail s3-gateway-endpoint-routed"],
            "{kind}"
        );
        assert_eq!(
            of("aws_vpc.y"),
            ["unknown s3-gateway-endpoint-routed"],
            "{kind}"
        );
    }
    let mut root = two_vpcs_plan(&[]);
    change_mut(&mut root, "aws_vpc_endpoint.y")["change"]["after_unknown"]["route_table_ids"] =
        json!(true);
    expressions_mut(&mut root, "aws_vpc_endpoint.y")["route_table_ids"] = open();
    let report = evaluate_plan(&root);
    let of = |vpc: &str| problems_of(&report, vpc);
    assert_eq!(of("aws_vpc.x"), ["fail s3-gateway-endpoint-routed"]);
    assert_eq!(of("aws_vpc.y"), ["unknown s3-gateway-endpoint-routed"]);
}

#[test]
fn an_endpoint_of_the_cloud_control_api_is_none_of_another_vpc() {
    let endpoint = |vpc: Value| {
        let values = json!({"service_name": "com.amazonaws.eu-central-1.s3"});
        let mut root = other_vpc_plan();
        add_resources(
            &mut root,
            &[(
                "awscc_ec2_vpc_endpoint",
                "e",
                values,
                &["id", "vpc_id"],
                json!({"vpc_id": vpc}),
            )],
        );
        let expressions = expressions_mut(&mut root, "aws_vpc_endpoint.a");
        expressions["vpc_id"] = reference_to("aws_vpc.y.id");
        root
    };
    let present = |root: &Value, vpc: &str| {
        let of = problems_of(&evaluate_plan(root), vpc);
        of.contains(&"fail s3-gateway-endpoint-present".to_owned())
    };
    let of_other = endpoint(reference_to("aws_vpc.y.id"));
    assert!(present(&of_other, "aws_vpc.x"));
    let of_own = endpoint(reference_to("aws_vpc.x.id"));
    assert!(!present(&of_own, "aws_vpc.x"));
    let of_any = endpoint(json!({"references": ["local.x"]}));
    assert!(!present(&of_any, "aws_vpc.x"));
}

#[test]
fn the_main_route_table_is_the_one_that_the_plan_manages() {
    let routed = |is_managed: bool, table: Value| {
        let managed = (
            "aws_default_route_table",
            "main",
            json!({}),
            &["id", "default_route_table_id"][..],
            json!({"default_route_table_id": reference_to("aws_vpc.x.default_route_table_id")}),
        );
        let more = [managed];
        let mut root = vpc_plan(
            json!({}),
            json!({}),
            match is_managed {
                true => &more,
                false => &[],
            },
        );
        // The subnet has the main route table.
        let resources = root["resource_changes"].as_array_mut().unwrap();
        resources.retain(|it| it["type"] != "aws_route_table_association");
        let change = &mut change_mut(&mut root, "aws_vpc_endpoint.a")["change"];
        change["after_unknown"]["route_table_ids"] = json!(true);
        expressions_mut(&mut root, "aws_vpc_endpoint.a")["route_table_ids"] = table;
        problems_of(&evaluate_plan(&root), "aws_vpc.x")
    };
    for is_managed in [true, false] {
        for name in ["main_route_table_id", "default_route_table_id"] {
            let main = reference_to(&format!("aws_vpc.x.{name}"));
            assert_eq!(
                routed(is_managed, main),
                [] as [&str; 0],
                "{is_managed} {name}"
            );
        }
        let other = reference_to("aws_route_table.a.id");
        assert_eq!(
            routed(is_managed, other),
            ["fail s3-gateway-endpoint-routed"]
        );
        let open = json!({"references": ["local.x"]});
        assert_eq!(
            routed(is_managed, open),
            ["unknown s3-gateway-endpoint-routed"]
        );
    }
}
