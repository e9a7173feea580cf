//! Account, region and tags, which come from the provider.

use backup_check::model::tag::Tags;
use backup_check::model::{GapKind, Observed};
use serde_json::{Value, json};

use super::{
    change_mut, evaluate_plan, load_plan, message_of, plan_with_one, problems_of, read_snapshot,
    try_read,
};

#[test]
fn an_unknown_account_is_not_another_account() {
    let mut root = load_plan("breaches");
    root["prior_state"]["values"]["root_module"]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|it| it["type"] != "aws_caller_identity");
    let report = evaluate_plan(&root);
    assert_eq!(report.account_id, None);
    // The default policy allows only the root of the account, whichever it is.
    assert_eq!(
        problems_of(&report, "aws_ebs_volume.closed"),
        ["warn kms-key-fully-shared", "fail kms-key-shared"]
    );
    // A policy for a user of some account may be for a user of this account.
    assert!(
        problems_of(&report, "aws_ebs_volume.private")
            .contains(&"unknown kms-key-locally-usable".to_owned())
    );
}

#[test]
fn the_region_comes_from_the_provider_or_the_resource() {
    let region = |root: &Value, named: Option<&str>| {
        let snapshot = try_read(root, named).unwrap();
        snapshot.regions.into_keys().collect::<Vec<_>>()
    };
    let mut root = plan_with_one(
        "aws_dynamodb_table",
        json!({"name": "t"}),
        json!({"arn": true}),
    );
    assert_eq!(region(&root, None), ["unknown"]);
    assert_eq!(region(&root, Some("eu-west-3")), ["eu-west-3"]);
    let provider =
        |region: Value| json!({"aws": {"name": "aws", "expressions": {"region": region}}});
    root["configuration"]["provider_config"] = provider(json!({"constant_value": "eu-west-1"}));
    assert_eq!(region(&root, Some("eu-west-3")), ["eu-west-1"]);
    root["configuration"]["provider_config"] = provider(json!({"references": ["var.where"]}));
    assert_eq!(region(&root, None), ["unknown"]);
    root["variables"] = json!({"where": {"value": "ap-southeast-1"}});
    assert_eq!(region(&root, None), ["ap-southeast-1"]);
    // The `region` attribute exists since version 6 of the provider.
    root["resource_changes"][0]["change"]["after"]["region"] = json!("us-east-1");
    assert_eq!(region(&root, None), ["us-east-1"]);

    let mut root = plan_with_one(
        "aws_ebs_volume",
        json!({"availability_zone": "eu-central-1b", "encrypted": true}),
        json!({"arn": true}),
    );
    assert_eq!(region(&root, None), ["eu-central-1"]);
    // The region of one resource is that of all resources of its provider.
    let table = plan_with_one(
        "aws_dynamodb_table",
        json!({"name": "t"}),
        json!({"arn": true}),
    );
    let (changes, resources) = (
        &table["resource_changes"][0],
        &table["configuration"]["root_module"]["resources"][0],
    );
    root["resource_changes"]
        .as_array_mut()
        .unwrap()
        .push(changes.clone());
    root["configuration"]["root_module"]["resources"]
        .as_array_mut()
        .unwrap()
        .push(resources.clone());
    assert_eq!(region(&root, None), ["eu-central-1"]);
}

#[test]
fn tags_include_those_that_only_tags_all_has() {
    let tags = |after: Value, unknown: Value| {
        let snapshot = read_snapshot(&plan_with_one("aws_efs_file_system", after, unknown));
        snapshot.regions["unknown"].file_systems.items[0]
            .tags
            .clone()
    };
    let enabled = Tags::from([("backup".to_owned(), "enabled".to_owned())]);
    let on = json!({"backup": "enabled"});
    // Default tags are in `tags_all` only.
    assert_eq!(
        tags(json!({"tags": null, "tags_all": on}), json!({})),
        Observed::Known(enabled.clone())
    );
    // Without tags and default tags, older providers compute `tags_all` during apply.
    assert_eq!(
        tags(json!({"tags": null}), json!({"tags_all": true})),
        Observed::Known(Tags::new())
    );
    assert_eq!(
        tags(json!({"tags": on}), json!({"tags_all": true})),
        Observed::Known(enabled.clone())
    );
    // An unknown value matters only for the backup tag.
    assert_eq!(
        tags(
            json!({"tags": on, "tags_all": on}),
            json!({"tags_all": {"commit": true}})
        ),
        Observed::Known(enabled)
    );
    let unknown = tags(
        json!({"tags": {}, "tags_all": {}}),
        json!({"tags_all": {"backup": true}}),
    );
    assert_eq!(unknown.gap().map(|gap| gap.kind), Some(GapKind::AfterApply));
    let invalid = tags(json!({"tags": "backup", "tags_all": "backup"}), json!({}));
    assert_eq!(invalid.gap().map(|gap| gap.kind), Some(GapKind::Unreadable));
}

#[test]
fn sensitive_values_are_not_read() {
    let mut root = load_plan("ready");
    change_mut(&mut root, "aws_kms_key.data")["change"]["after_sensitive"] =
        json!({"policy": true});
    change_mut(&mut root, "aws_ebs_volume.data")["change"]["after_sensitive"] =
        json!({"tags_all": {"backup": true}});
    let report = evaluate_plan(&root);
    let seen = message_of(&report, "kms-key-shared", "aws_db_instance.orders");
    assert_eq!(
        seen,
        "policy of aws_kms_key.data is marked as sensitive and is not read"
    );
    let seen = message_of(&report, "backup-tag-valid", "aws_ebs_volume.data");
    assert!(seen.contains("is marked as sensitive"), "{seen}");
    assert!(!format!("{report:?}").contains("not-for-reports"));
}

#[test]
fn a_key_of_a_provider_with_a_role_is_in_another_account() {
    let mut root = load_plan("ready");
    let provider = json!({
        "name": "aws", "alias": "central",
        "expressions": {
            "region": {"constant_value": "eu-central-1"},
            "assume_role": [{"role_arn": {"constant_value": "arn:aws:iam::692653576357:role/terraform"}}],
        },
    });
    root["configuration"]["provider_config"]["aws.central"] = provider;
    let resources = &mut root["configuration"]["root_module"]["resources"];
    for resource in resources.as_array_mut().unwrap() {
        if resource["address"] == "aws_kms_key.data" {
            resource["provider_config_key"] = json!("aws.central");
        }
    }
    let report = evaluate_plan(&root);
    assert_eq!(report.account_id.as_deref(), Some("111122223333"));
    assert_eq!(
        problems_of(&report, "aws_ebs_volume.data"),
        ["warn kms-key-not-central"]
    );
}

#[test]
fn default_tags_apply_in_modules() {
    let mut root = plan_with_one(
        "aws_efs_file_system",
        json!({"tags": null}),
        json!({"tags_all": true}),
    );
    let resource = root["configuration"]["root_module"]["resources"][0].take();
    let mut resource = resource;
    resource["provider_config_key"] = json!("module.a.module.b:aws");
    root["configuration"] = json!({
        "provider_config": {"aws": {"name": "aws", "expressions": {
            "region": {"constant_value": "eu-west-1"},
            "default_tags": [{"tags": {"constant_value": {"backup": "enabled"}}}],
        }}},
        "root_module": {"module_calls": {"a": {"module": {"module_calls": {"b": {"module": {"resources": [resource]}}}}}}},
    });
    let planned = &mut root["resource_changes"][0];
    planned["module_address"] = json!("module.a[\"x\"].module.b");
    planned["address"] = json!("module.a[\"x\"].module.b.aws_efs_file_system.x");
    let snapshot = read_snapshot(&root);
    let tags = snapshot.regions["eu-west-1"].file_systems.items[0]
        .tags
        .known();
    assert_eq!(
        tags.and_then(|tags| tags.get("backup")).map(String::as_str),
        Some("enabled")
    );
}
