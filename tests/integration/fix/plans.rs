//! What `fix` writes for plans, from the file to the text.

use serde_json::{Value, json};

use crate::support::command::{backup_check, run};

/// Returns the part of a plan that creates instances of a resource, with the configuration of it: each instance has
/// an index or is the only one, and names of attributes that are known only after apply.
fn resource(
    kind: &str,
    name: &str,
    indexes: &[Value],
    (after, unknown): (Value, &[&str]),
    expressions: Value,
) -> (Vec<Value>, Value) {
    let address = format!("{kind}.{name}");
    let unknown: Value = unknown
        .iter()
        .map(|it| (*it).to_owned())
        .map(|it| (it, json!(true)))
        .collect();
    let change = |index: &Value| {
        let own = match index {
            Value::Null => address.clone(),
            index => format!("{address}[{index}]"),
        };
        json!({
            "address": own, "mode": "managed", "type": kind, "name": name, "index": index,
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown}
        })
    };
    let mut config = json!({
        "address": address, "mode": "managed", "type": kind, "name": name, "provider_config_key": "aws",
        "expressions": expressions
    });
    if indexes.first().is_some_and(Value::is_number) {
        config["count_expression"] = json!({"constant_value": indexes.len()});
    }
    (indexes.iter().map(change).collect(), config)
}

const ONE: [Value; 1] = [Value::Null];

fn two() -> [Value; 2] {
    [json!(0), json!(1)]
}

/// Returns what `fix` writes for a plan of resources.
fn fix_plan(resources: Vec<(Vec<Value>, Value)>, rule: &str) -> String {
    let (changes, configs): (Vec<Vec<Value>>, Vec<Value>) = resources.into_iter().unzip();
    let plan = json!({
        "format_version": "1.2",
        "resource_changes": changes.concat(),
        "configuration": {
            "provider_config": {
                "aws": {"name": "aws", "expressions": {"region": {"constant_value": "eu-central-1"}}},
                "aws.west": {
                    "name": "aws", "alias": "west", "expressions": {"region": {"constant_value": "eu-west-1"}}
                }
            },
            "root_module": {"resources": configs}
        }
    });
    fix_file(&plan, rule)
}

fn fix_file(plan: &Value, rule: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.json"), plan.to_string()).unwrap();
    let mut command = backup_check(folder.path());
    command.args(["fix", rule, "--from", "plan.json", "--as", "terraform"]);
    let written = run(&mut command);
    assert!(matches!(written.code, 0 | 3), "{}", written.stderr);
    written.stdout
}

/// Returns a bucket with a setting in a block.
fn bucket(name: &str, block: &str, value: Value, config: Value) -> (Vec<Value>, Value) {
    let tags = json!({"backup": "enabled"});
    let after = json!({"bucket": name, "tags": tags, block: value});
    let unknown = [
        "id",
        "arn",
        "versioning",
        "lifecycle_rule",
        "server_side_encryption_configuration",
    ];
    let unknown: Vec<&str> = unknown.into_iter().filter(|it| *it != block).collect();
    let expressions = match config.is_null() {
        true => json!({"bucket": {"constant_value": name}}),
        false => json!({"bucket": {"constant_value": name}, block: config}),
    };
    resource("aws_s3_bucket", name, &ONE, (after, &unknown), expressions)
}

/// A resource next to the block and the block would revert each other. A dynamic block is not in the configuration of a
/// plan.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_versioning>.
#[test]
fn a_block_of_a_bucket_is_changed_instead_of_a_resource_added() {
    let off = json!([{"enabled": false}]);
    let config = json!([{"enabled": {"constant_value": false}}]);
    for config in [config, Value::Null] {
        let written = fix_plan(
            vec![bucket("b", "versioning", off.clone(), config)],
            "s3-versioning-enabled",
        );
        assert!(
            written.contains("#   In aws_s3_bucket.b (plan.json):\n#     versioning {\n#       enabled = true\n#     }\n"),
            "{written}"
        );
        assert!(!written.contains("aws_s3_bucket_versioning"), "{written}");
    }
    let rule = json!([{"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}]}]);
    let config = json!([{"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": {"constant_value": "AES256"}}]}]}]);
    let block = "server_side_encryption_configuration";
    let written = fix_plan(
        vec![bucket("b", block, rule, config)],
        "encryption-customer-key-recommended",
    );
    assert!(
        written.contains(
            "#     server_side_encryption_configuration {\n#       rule {\n#         apply_server_side_encryption_by_default {\n#           \
             sse_algorithm     = \"aws:kms\"\n#           kms_master_key_id = var.kms_key_arn\n#         }\n#       }\n#     }\n"
        ),
        "{written}"
    );
    // Another setting has no block.
    let written = fix_plan(
        vec![bucket("b", "lifecycle_rule", json!([]), Value::Null)],
        "s3-versioning-enabled",
    );
    assert!(
        written.contains("resource \"aws_s3_bucket_versioning\" \"b\""),
        "{written}"
    );
}

/// The values of an existing bucket have its settings, whatever declares them.
#[test]
fn a_setting_that_an_existing_bucket_has_gets_no_second_declaration() {
    let encryption = |algorithm: &str| {
        let default = json!([{"sse_algorithm": algorithm}]);
        json!([{"rule": [{"apply_server_side_encryption_by_default": default}]}])
    };
    let logs =
        json!([{"id": "logs", "enabled": true, "prefix": "logs/", "expiration": [{"days": 9}]}]);
    let (expiry, key) = (
        "s3-old-versions-expire",
        "encryption-customer-key-recommended",
    );
    let sse = "server_side_encryption_configuration";
    for (rule, block, values, is_declared) in [
        (expiry, "lifecycle_rule", logs, true),
        (expiry, "lifecycle_rule", json!([]), false),
        (key, sse, encryption("aws:kms"), true),
        (key, sse, encryption("AES256"), false),
    ] {
        let (mut changes, config) = bucket("b", block, values.clone(), Value::Null);
        let change = &mut changes[0]["change"];
        let after = &mut change["after"];
        after["arn"] = json!("arn:aws:s3:::b");
        after["id"] = json!("b");
        after["region"] = json!("eu-central-1");
        after["versioning"] = json!([{"enabled": true}]);
        let after = after.clone();
        change["before"] = after;
        change["actions"] = json!(["no-op"]);
        change["after_unknown"] = json!({});
        let written = fix_plan(vec![(changes, config)], rule);
        assert_eq!(
            written.contains("\n#     resource \"aws_s3_bucket_"),
            !is_declared,
            "{values}: {written}"
        );
        assert_eq!(
            written.contains(&format!("\n#     {block} {{\n")),
            is_declared,
            "{values}: {written}"
        );
    }
}

/// Which instance configures which bucket is known only after apply, but there is no bucket without one.
#[test]
fn a_resource_with_an_instance_for_each_bucket_is_changed_instead_of_another_added() {
    let buckets = json!({"tags": {"backup": "enabled"}});
    let suspended = json!({"versioning_configuration": [{"status": "Suspended"}]});
    let status = json!([{"status": {"constant_value": "Suspended"}}]);
    let resources = vec![
        resource(
            "aws_s3_bucket",
            "b",
            &two(),
            (buckets, &["id", "arn", "bucket", "versioning"]),
            json!({}),
        ),
        resource(
            "aws_s3_bucket_versioning",
            "b",
            &two(),
            (suspended, &["id", "bucket"]),
            json!({
                "bucket": {"references": ["aws_s3_bucket.b", "count.index"]}, "versioning_configuration": status
            }),
        ),
    ];
    let written = fix_plan(resources, "s3-versioning-enabled");
    assert!(
        written.contains(
            "#   In aws_s3_bucket_versioning.b (plan.json):\n#     versioning_configuration {\n"
        ),
        "{written}"
    );
    assert!(!written.contains("resource \""), "{written}");
}

/// Each subnet has one of the tables, so each table is in use.
#[test]
fn an_endpoint_has_all_tables_that_a_subnet_may_have() {
    let of = |address: &str| json!({"references": [address, "count.index"]});
    let vpc = || json!({"references": ["aws_vpc.v.id", "aws_vpc.v"]});
    let bucket = json!({"tags": {"backup": "enabled"}, "bucket": "x"});
    let resources = vec![
        resource(
            "aws_vpc",
            "v",
            &ONE,
            (json!({}), &["id", "main_route_table_id"]),
            json!({}),
        ),
        resource(
            "aws_subnet",
            "s",
            &two(),
            (json!({}), &["id", "vpc_id"]),
            json!({"vpc_id": vpc()}),
        ),
        resource(
            "aws_route_table",
            "t",
            &two(),
            (json!({}), &["id", "vpc_id", "route"]),
            json!({"vpc_id": vpc()}),
        ),
        resource(
            "aws_route_table_association",
            "a",
            &two(),
            (json!({}), &["id", "subnet_id", "route_table_id"]),
            json!({"subnet_id": of("aws_subnet.s"), "route_table_id": of("aws_route_table.t")}),
        ),
        resource(
            "aws_instance",
            "i",
            &two(),
            (json!({}), &["id", "subnet_id"]),
            json!({"subnet_id": of("aws_subnet.s")}),
        ),
        resource(
            "aws_s3_bucket",
            "b",
            &ONE,
            (bucket, &["id", "arn"]),
            json!({}),
        ),
    ];
    let written = fix_plan(resources, "s3-gateway-endpoint-present");
    assert!(
        written.contains(
            "[aws_vpc.v.main_route_table_id, aws_route_table.t[0].id, aws_route_table.t[1].id]"
        ),
        "{written}"
    );
}

/// No key is in two regions.
#[test]
fn each_region_has_its_own_variable_for_a_key() {
    let file_system = |name: &str, provider: &str| {
        let after = json!({"encrypted": true, "tags": {"backup": "enabled"}});
        let expressions = json!({"encrypted": {"constant_value": true}});
        let unknown = ["id", "arn", "kms_key_id"];
        let (changes, mut config) = resource(
            "aws_efs_file_system",
            name,
            &ONE,
            (after, &unknown),
            expressions,
        );
        config["provider_config_key"] = json!(provider);
        (changes, config)
    };
    let rule = "encryption-customer-key-recommended";
    let written = fix_plan(vec![file_system("a", "aws")], rule);
    assert!(
        written.contains("kms_key_id = var.kms_key_arn\n"),
        "{written}"
    );
    let both = vec![file_system("a", "aws"), file_system("b", "aws.west")];
    let written = fix_plan(both, rule);
    for region in ["eu_central_1", "eu_west_1"] {
        let line = format!("kms_key_id = var.kms_key_arn_{region}\n");
        assert!(written.contains(&line), "{written}");
        let variable = format!("variable \"kms_key_arn_{region}\" {{\n");
        assert!(written.contains(&variable), "{written}");
    }
}

/// The code of a module of a registry is not in the repository.
#[test]
fn a_module_from_elsewhere_is_changed_through_its_inputs() {
    for (source, is_told) in [
        ("./modules/store", false),
        ("terraform-aws-modules/s3-bucket/aws", true),
    ] {
        let (changes, config) = bucket("b", "lifecycle_rule", json!([]), Value::Null);
        let mut change = changes[0].clone();
        change["address"] = json!("module.m[\"x\"].aws_s3_bucket.b");
        change["module_address"] = json!("module.m[\"x\"]");
        let plan = json!({
            "format_version": "1.2",
            "resource_changes": [change],
            "configuration": {
                "provider_config": {"aws": {"name": "aws", "expressions": {"region": {"constant_value": "eu-central-1"}}}},
                "root_module": {"module_calls": {"m": {"source": source, "module": {"resources": [config]}}}}
            }
        });
        let written = fix_file(&plan, "s3-versioning-enabled");
        let note = format!("#   Its module comes from {source}: if you cannot change that,");
        assert_eq!(written.contains(&note), is_told, "{written}");
    }
}
