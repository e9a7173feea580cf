//! Expressions that refer to keys, policies and devices.

use backup_check::report::Status;
use serde_json::{Value, json};

use super::{
    add_data_source, add_resources, change_mut, evaluate_plan, expressions_mut, load_plan,
    message_of, plan_with_one, problems_of, read_snapshot, reference_to, verdicts_of,
};

#[test]
fn a_partly_known_policy_is_unknown() {
    let address = "module.kms.data.aws_iam_policy_document.this";
    let statements = |root: &mut Value, tree: &str, of: Value| {
        change_mut(root, address)["change"][tree]["statement"][1]["principals"][0]["identifiers"] =
            of;
    };
    let verdict = |root: &Value| {
        let report = evaluate_plan(root);
        problems_of(&report, "module.db.aws_db_instance.this")
    };
    let mut root = load_plan("mixed");
    // An expression may change the document because of the role that is known only after apply.
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
    // Only the role is unknown, so the central account may not use the key.
    statements(&mut root, "after", json!([]));
    statements(&mut root, "after_unknown", json!([true]));
    assert!(verdict(&root).contains(&"fail kms-key-shared".to_owned()));
    // All identifiers are unknown.
    statements(&mut root, "after", Value::Null);
    statements(&mut root, "after_unknown", json!(true));
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
    // More identifiers than references.
    statements(&mut root, "after", json!([]));
    statements(&mut root, "after_unknown", json!([true, true]));
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
    // Another policy is merged into it.
    let mut root = load_plan("mixed");
    let module = &mut root["configuration"]["root_module"]["module_calls"]["kms"]["module"];
    let mut resources = module["resources"].as_array_mut().unwrap().iter_mut();
    let document = resources.find(|it| it["mode"] == "data").unwrap();
    document["expressions"]["override_policy_documents"] = json!({"references": ["var.more"]});
    change_mut(&mut root, address)["change"]["after_unknown"]["override_policy_documents"] =
        json!(true);
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
}

#[test]
fn a_null_variable_sets_nothing() {
    let mut root = load_plan("ready");
    expressions_mut(&mut root, "aws_db_instance.orders")["kms_key_id"] =
        json!({"references": ["var.key"]});
    root["variables"]["key"] = json!({"value": null});
    let report = evaluate_plan(&root);
    // RDS uses its AWS managed key.
    assert_eq!(
        problems_of(&report, "aws_db_instance.orders"),
        ["fail encryption-customer-key"]
    );
}

#[test]
fn a_key_that_may_be_unset_is_unknown() {
    let seen = |references: Value, variable: Value| {
        let mut root = load_plan("ready");
        expressions_mut(&mut root, "aws_db_instance.orders")["kms_key_id"] =
            json!({"references": references});
        root["variables"]["own_key"] = json!({"value": variable});
        let report = evaluate_plan(&root);
        message_of(&report, "kms-key-shared", "aws_db_instance.orders").to_owned()
    };
    let with = |first: &str| json!([first, "aws_kms_key.data.arn", "aws_kms_key.data"]);
    let follows = "key aws_kms_key.data allows 692653576357";
    // var.own_key == null ? aws_kms_key.data.arn : var.own_key
    let replaced = json!([
        "var.own_key",
        "aws_kms_key.data.arn",
        "aws_kms_key.data",
        "var.own_key"
    ]);
    assert_eq!(seen(replaced, Value::Null), follows);
    // coalesce(var.own_key, aws_kms_key.data.arn), or var.own_key == null ? null : aws_kms_key.data.arn
    let unknown = seen(with("var.own_key"), Value::Null);
    assert!(
        unknown.ends_with("it may be aws_kms_key.data or unset, which depends on var.own_key"),
        "{unknown}"
    );
    // var.own_key ? aws_kms_key.data.arn : null
    let unknown = seen(with("var.own_key"), json!(false));
    assert!(
        unknown.ends_with("it may be aws_kms_key.data or unset, which depends on var.own_key"),
        "{unknown}"
    );
    let unknown = seen(with("terraform.workspace"), json!(false));
    assert!(
        unknown.ends_with("or unset, which depends on terraform.workspace"),
        "{unknown}"
    );
    let unknown = seen(
        with("data.aws_caller_identity.current.account_id"),
        json!(false),
    );
    assert!(unknown.contains("or unset"), "{unknown}");
}

#[test]
fn data_sources_describe_keys_outside_the_plan() {
    let mut root = load_plan("ready");
    let arn = |n: usize| {
        format!("arn:aws:kms:eu-central-1:111122223333:key/0000000{n}-0000-4000-8000-000000000000")
    };
    add_data_source(
        &mut root,
        "aws_kms_alias",
        json!({"name": "alias/aws/ebs", "target_key_arn": arn(1)}),
    );
    add_data_source(
        &mut root,
        "aws_kms_key",
        json!({
            "arn": arn(2), "key_manager": "CUSTOMER", "key_state": "PendingDeletion", "customer_master_key_spec": "SYMMETRIC_DEFAULT",
            "key_usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS", "multi_region": false,
        }),
    );
    for n in [1, 2] {
        let name = if n == 1 { "managed" } else { "leaving" };
        let after =
            json!({"encrypted": true, "kms_key_id": arn(n), "tags_all": {"backup": "enabled"}});
        add_resources(
            &mut root,
            &[(
                "aws_ebs_volume",
                name,
                after,
                &["arn"],
                json!({"encrypted": {}, "kms_key_id": {}}),
            )],
        );
    }
    let report = evaluate_plan(&root);
    assert_eq!(
        problems_of(&report, "aws_ebs_volume.managed"),
        ["fail encryption-customer-key"]
    );
    assert_eq!(
        problems_of(&report, "aws_ebs_volume.leaving"),
        [
            "unknown kms-key-fully-shared",
            "unknown kms-key-locally-usable",
            "unknown kms-key-shared",
            "fail kms-key-usable",
        ]
    );
}

#[test]
fn devices_are_matched_regardless_of_their_order() {
    let mut root = load_plan("ready");
    let device = |name: &str| json!({"device_name": name, "encrypted": true});
    let written = |name: &str, key: &str| json!({"device_name": {"constant_value": name}, "encrypted": {"constant_value": true}, "kms_key_id": reference_to(key)});
    add_resources(
        &mut root,
        &[(
            "aws_kms_key",
            "closed",
            json!({"is_enabled": true}),
            &["arn", "id", "key_id", "policy"],
            json!({}),
        )],
    );
    let instance = change_mut(&mut root, "aws_instance.web");
    instance["change"]["after"]["ebs_block_device"] =
        json!([device("/dev/sdf"), device("/dev/sdg")]);
    instance["change"]["after_unknown"]["ebs_block_device"] =
        json!([{"kms_key_id": true}, {"kms_key_id": true}]);
    // A set has another order in the plan.
    expressions_mut(&mut root, "aws_instance.web")["ebs_block_device"] = json!([
        written("/dev/sdg", "aws_kms_key.closed.arn"),
        written("/dev/sdf", "aws_kms_key.data.arn")
    ]);
    let report = evaluate_plan(&root);
    let shared = |number: usize| {
        problems_of(
            &report,
            &format!("aws_instance.web.ebs_block_device[{number}]"),
        )
    };
    assert!(
        !shared(0).contains(&"fail kms-key-shared".to_owned()),
        "{:?}",
        shared(0)
    );
    assert!(
        shared(1).contains(&"fail kms-key-shared".to_owned()),
        "{:?}",
        shared(1)
    );
    assert!(problems_of(&report, "aws_instance.web").contains(&"fail kms-key-shared".to_owned()));
}

#[test]
fn a_key_from_another_resource_type_is_unknown() {
    let mut root = load_plan("ready");
    let key = json!({"references": ["random_id.x.hex", "random_id.x"]});
    expressions_mut(&mut root, "aws_ebs_volume.data")["kms_key_id"] = key;
    let report = evaluate_plan(&root);
    let findings = report
        .findings
        .iter()
        .filter(|it| it.resource == "aws_ebs_volume.data");
    for finding in findings.filter(|it| it.rule.id.starts_with("kms-key-")) {
        assert_eq!(finding.status, Status::Unknown, "{}", finding.rule.id);
    }
    assert_eq!(verdicts_of(&report)["aws_ebs_volume.data"], "unknown");
}

/// Adds instances of a resource.
fn add_instances(
    root: &mut Value,
    kind: &str,
    keys: &[Value],
    after: &Value,
    unknown: &Value,
    config: &Value,
) {
    for key in keys {
        let mut item = json!({"address": format!("{kind}.k[{key}]"), "mode": "managed", "type": kind, "name": "k", "index": key});
        item["change"] = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": unknown});
        root["resource_changes"].as_array_mut().unwrap().push(item);
    }
    let mut written = json!({"address": format!("{kind}.k"), "mode": "managed", "type": kind, "name": "k", "provider_config_key": "aws"});
    written
        .as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    root["configuration"]["root_module"]["resources"]
        .as_array_mut()
        .unwrap()
        .push(written);
}

#[test]
fn an_index_selects_a_key_only_if_that_is_certain() {
    let case = |keys: &[Value], own: &[Value], config: Value| {
        let mut root = plan_with_one("aws_vpc", json!({}), json!({}));
        add_instances(
            &mut root,
            "aws_kms_key",
            keys,
            &json!({"is_enabled": true}),
            &json!({"arn": true}),
            &json!({"expressions": {}}),
        );
        add_instances(
            &mut root,
            "aws_ebs_volume",
            own,
            &json!({"encrypted": true}),
            &json!({"kms_key_id": true}),
            &config,
        );
        let snapshot = read_snapshot(&root);
        let volumes = &snapshot.regions.values().next().unwrap().volumes.items;
        volumes[0].kms_key.known().cloned().flatten()
    };
    let picks =
        |by: &str| json!({"expressions": {"kms_key_id": {"references": ["aws_kms_key.k", by]}}});
    let of = |key: &str| Some(format!("arn:aws:kms:unknown::key/aws_kms_key.k[{key}]"));
    let (numbers, names) = ([json!(0), json!(1)], [json!("a"), json!("b")]);
    // The plan does not show whether it is `count.index` or `1 - count.index`.
    let either = of("0], aws_kms_key.k[1");
    assert_eq!(case(&numbers, &numbers, picks("count.index")), either);
    assert_eq!(case(&numbers, &numbers[..1], picks("count.index")), either);
    assert_eq!(
        case(&numbers[..1], &numbers[..1], picks("count.index")),
        of("0")
    );
    // An index that the keys do not have leaves the attribute unset, with `try`.
    assert_eq!(
        case(&numbers[..1], &numbers[1..], picks("count.index")),
        None
    );
    let either = of("\"a\"], aws_kms_key.k[\"b\"");
    assert_eq!(case(&names, &names, picks("each.key")), either);
    let each = |references: Value| json!({"for_each_expression": {"references": references}, "expressions": {"kms_key_id": {"references": ["each.value.arn", "each.value"]}}});
    assert_eq!(
        case(&names, &names, each(json!(["aws_kms_key.k"]))),
        of("\"a\"")
    );
    // `{ a = aws_kms_key.k["b"], b = aws_kms_key.k["a"] }`
    let crossed = json!([
        "aws_kms_key.k[\"b\"]",
        "aws_kms_key.k",
        "aws_kms_key.k[\"a\"]",
        "aws_kms_key.k"
    ]);
    assert_eq!(case(&names, &names, each(crossed)), None);
}

#[test]
fn ambiguous_devices_are_unknown() {
    let mut root = load_plan("ready");
    let device = |name: &str| json!({"device_name": name, "encrypted": true});
    let instance = change_mut(&mut root, "aws_instance.web");
    instance["change"]["after"]["ebs_block_device"] =
        json!([device("/dev/sdg"), device("/dev/sdf")]);
    instance["change"]["after_unknown"]["ebs_block_device"] =
        json!([{"kms_key_id": true}, {"kms_key_id": true}]);
    // The other one is from a dynamic block, which is not in the configuration.
    expressions_mut(&mut root, "aws_instance.web")["ebs_block_device"] = json!([
        {"device_name": {"references": ["var.device"]}, "encrypted": {"constant_value": true}, "kms_key_id": reference_to("aws_kms_key.data.arn")}
    ]);
    for number in 0..2 {
        let found = problems_of(
            &evaluate_plan(&root),
            &format!("aws_instance.web.ebs_block_device[{number}]"),
        );
        assert!(
            found.contains(&"unknown kms-key-shared".to_owned()),
            "{found:?}"
        );
    }
}

#[test]
fn an_id_of_two_keys_is_that_in_the_same_region() {
    let mut root = plan_with_one(
        "aws_s3_bucket",
        json!({"bucket": "b", "region": "eu-central-1"}),
        json!({"id": true}),
    );
    let encryption = json!({"bucket": "b", "region": "eu-central-1", "rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": "mrk-1"}]}]});
    let key = |region: &str| json!({"key_id": "mrk-1", "arn": format!("arn:aws:kms:{region}:111122223333:key/mrk-1")});
    add_resources(
        &mut root,
        &[
            ("aws_kms_key", "k", key("eu-central-1"), &[], json!({})),
            ("aws_kms_replica_key", "k", key("eu-west-1"), &[], json!({})),
            (
                "aws_s3_bucket_server_side_encryption_configuration",
                "x",
                encryption,
                &[],
                json!({}),
            ),
        ],
    );
    let snapshot = read_snapshot(&root);
    let key = &snapshot.buckets.items[0]
        .encryption
        .known()
        .unwrap()
        .kms_key;
    assert_eq!(
        key.as_deref(),
        Some("arn:aws:kms:eu-central-1:111122223333:key/mrk-1")
    );
}
