//! Resources of each service.

use backup_check::exit::{Exit, FailOn};
use backup_check::model::Observed;
use backup_check::model::backup_plan::ColdStorage;
use backup_check::report::Status;
use serde_json::{Value, json};

use super::{
    add_data_source, add_resources, change_mut, evaluate_plan, expressions_mut, load_plan,
    message_of, plan_with_one, problems_of, read_snapshot, reference_to, verdicts_of,
};

#[test]
fn a_destroyed_satellite_takes_its_setting_with_it() {
    let bucket = json!({
        "bucket": "x", "id": "x", "arn": "arn:aws:s3:::x", "tags_all": {"backup": "enabled"},
        "versioning": [{"enabled": true, "mfa_delete": false}],
    });
    let mut root = plan_with_one("aws_s3_bucket", bucket, json!({}));
    change_mut(&mut root, "aws_s3_bucket.x")["change"]["actions"] = json!(["no-op"]);
    expressions_mut(&mut root, "aws_s3_bucket.x")
        .as_object_mut()
        .unwrap()
        .remove("versioning");
    let found_of = |root: &Value| {
        let report = evaluate_plan(root);
        let findings = report.findings.iter();
        let mut of = findings.filter(|it| it.rule.id == "s3-versioning-enabled");
        of.next().unwrap().status
    };
    assert_eq!(found_of(&root), Status::Pass);
    let with = |action: &str, before: Value| {
        let mut root = root.clone();
        root["resource_changes"].as_array_mut().unwrap().push(json!({
            "address": "aws_s3_bucket_versioning.x", "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "x",
            "change": {"actions": [action], "before": before, "after": null, "after_unknown": {}},
        }));
        found_of(&root)
    };
    // The provider suspends versioning when it destroys the resource.
    assert_eq!(with("delete", json!({"bucket": "x"})), Status::Fail);
    assert_eq!(with("delete", json!({"bucket": "another"})), Status::Pass);
    assert_eq!(with("delete", json!({})), Status::Unknown);
    assert_eq!(with("forget", json!({"bucket": "x"})), Status::Pass);
}

#[test]
fn an_attached_volume_is_backed_up_with_its_instance() {
    let mut root = load_plan("ready");
    let expressions = json!({"volume_id": reference_to("aws_ebs_volume.data.id"), "instance_id": reference_to("aws_instance.web.id")});
    let unknown = ["volume_id", "instance_id"];
    add_resources(
        &mut root,
        &[(
            "aws_volume_attachment",
            "a",
            json!({}),
            &unknown,
            expressions,
        )],
    );
    assert_eq!(
        problems_of(&evaluate_plan(&root), "aws_ebs_volume.data"),
        ["warn backup-not-duplicated"]
    );
}

#[test]
fn tags_on_gateways_and_cluster_members_are_misplaced() {
    let mut root = load_plan("ready");
    let on = json!({"backup": "enabled"});
    let key = || reference_to("aws_kms_key.data.arn");
    add_resources(
        &mut root,
        &[
            (
                "aws_storagegateway_gateway",
                "g",
                json!({"gateway_name": "g", "gateway_type": "CACHED", "tags_all": on}),
                &["arn", "id", "gateway_id"],
                json!({"gateway_name": {}}),
            ),
            (
                "aws_storagegateway_cached_iscsi_volume",
                "v",
                json!({"kms_encrypted": true}),
                &["arn", "gateway_arn", "kms_key", "volume_id", "tags_all"],
                json!({"gateway_arn": reference_to("aws_storagegateway_gateway.g.arn"), "kms_encrypted": {}, "kms_key": key()}),
            ),
            // A cluster member with a tag and a cluster without one.
            (
                "aws_rds_cluster",
                "c",
                json!({"cluster_identifier": "c", "engine": "aurora-mysql", "storage_encrypted": true, "backup_retention_period": 1}),
                &["arn", "id", "kms_key_id", "tags_all"],
                json!({"engine": {}, "storage_encrypted": {}, "kms_key_id": key()}),
            ),
            (
                "aws_rds_cluster_instance",
                "m",
                json!({"identifier": "m", "engine": "aurora-mysql", "tags_all": on}),
                &["arn", "cluster_identifier"],
                json!({"cluster_identifier": reference_to("aws_rds_cluster.c.id")}),
            ),
        ],
    );
    let report = evaluate_plan(&root);
    assert_eq!(
        problems_of(&report, "aws_storagegateway_gateway.g"),
        ["fail backup-tag-placed"]
    );
    assert_eq!(
        problems_of(&report, "aws_storagegateway_cached_iscsi_volume.v"),
        ["warn backup-decision-made"]
    );
    assert_eq!(
        problems_of(&report, "aws_rds_cluster.c"),
        ["warn backup-decision-made", "fail backup-tag-placed"]
    );
}

#[test]
fn a_subnet_in_use_needs_a_route_to_the_endpoint() {
    let mut root = load_plan("ready");
    add_resources(
        &mut root,
        &[
            (
                "aws_subnet",
                "s",
                json!({}),
                &["arn", "id", "vpc_id"],
                json!({"vpc_id": reference_to("aws_vpc.main.id")}),
            ),
            (
                "aws_lambda_function",
                "f",
                json!({"vpc_config": [{}]}),
                &["arn"],
                json!({"vpc_config": [{"subnet_ids": reference_to("aws_subnet.s.id")}]}),
            ),
        ],
    );
    change_mut(&mut root, "aws_lambda_function.f")["change"]["after_unknown"]["vpc_config"] =
        json!([{"subnet_ids": true}]);
    assert_eq!(
        problems_of(&evaluate_plan(&root), "aws_vpc.main"),
        ["fail s3-gateway-endpoint-routed"]
    );
}

#[test]
fn a_replica_is_a_table_in_its_region() {
    let mut root = load_plan("ready");
    let table = json!({"region_name": "eu-west-1", "propagate_tags": true});
    change_mut(&mut root, "aws_dynamodb_table.carts")["change"]["after"]["replica"] =
        json!([table]);
    let report = evaluate_plan(&root);
    let replica = "aws_dynamodb_table.carts.replica[\"eu-west-1\"]";
    let replica = report
        .resources
        .iter()
        .find(|it| it.arn == replica)
        .unwrap();
    assert_eq!(
        (replica.region.as_str(), replica.backup_tag.as_str()),
        ("eu-west-1", "enabled")
    );
}

#[test]
fn keys_of_every_type_have_their_metadata() {
    let mut root = load_plan("ready");
    let unknown = ["arn", "key_id", "key_spec", "key_state", "primary_key_arn"];
    let imported = json!({"policy": {"constant_value": "{}"}});
    let replica = json!({"primary_key_arn": reference_to("aws_kms_key.data.arn")});
    add_resources(
        &mut root,
        &[
            (
                "aws_kms_external_key",
                "k",
                json!({"policy": "{}"}),
                &unknown[..4],
                imported,
            ),
            (
                "aws_kms_replica_key",
                "k",
                json!({"enabled": false}),
                &unknown,
                replica,
            ),
        ],
    );
    let snapshot = read_snapshot(&root);
    let key = |address: &str| {
        let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/{address}");
        snapshot.keys[&arn]
            .metadata
            .known()
            .cloned()
            .flatten()
            .unwrap()
    };
    let external = key("aws_kms_external_key.k");
    assert_eq!(
        (external.state.as_str(), external.origin.as_str()),
        ("PendingImport", "EXTERNAL")
    );
    let replica = key("aws_kms_replica_key.k");
    assert_eq!(
        (replica.state.as_str(), replica.multi_region),
        ("Disabled", true)
    );
    assert_eq!(
        (replica.spec.as_str(), replica.usage.as_str()),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    );
    assert_eq!(key("aws_kms_key.data").manager, "CUSTOMER");
}

#[test]
fn encryption_by_default_in_the_plan_applies_to_its_volumes() {
    let mut root = load_plan("breaches");
    change_mut(&mut root, "aws_ebs_encryption_by_default.this")["change"]["after"]["enabled"] =
        json!(true);
    let report = evaluate_plan(&root);
    // Encrypted by default, with a key that is not in the plan.
    let plain = problems_of(&report, "aws_ebs_volume.plain");
    assert!(
        !plain.contains(&"fail encryption-at-rest".to_owned()),
        "{plain:?}"
    );
    assert!(
        plain.contains(&"unknown encryption-customer-key".to_owned()),
        "{plain:?}"
    );
}

#[test]
fn a_versioning_resource_of_an_unknown_bucket_makes_versioning_unknown() {
    let mut root = load_plan("breaches");
    // The bucket of the versioning resource is not known.
    expressions_mut(&mut root, "aws_s3_bucket_versioning.suspended")["bucket"] =
        json!({"references": ["local.bucket"]});
    let versioning = change_mut(&mut root, "aws_s3_bucket_versioning.suspended");
    versioning["change"]["after"]["bucket"] = Value::Null;
    versioning["change"]["after_unknown"]["bucket"] = json!(true);
    let report = evaluate_plan(&root);
    for bucket in ["aws_s3_bucket.bare", "aws_s3_bucket.suspended"] {
        let found = problems_of(&report, bucket);
        assert!(
            found.contains(&"unknown s3-versioning-enabled".to_owned()),
            "{found:?}"
        );
    }
}

#[test]
fn the_encryption_of_a_database_from_a_snapshot_is_unknown() {
    let database = json!({
        "engine": "postgres", "identifier": "x", "storage_encrypted": false, "snapshot_identifier": "old",
        "tags_all": {"backup": "enabled"},
    });
    let mut root = plan_with_one(
        "aws_db_instance",
        database,
        json!({"kms_key_id": true, "arn": true}),
    );
    // The provider writes the attribute although it is not set.
    expressions_mut(&mut root, "aws_db_instance.x")
        .as_object_mut()
        .unwrap()
        .remove("storage_encrypted");
    let seen = problems_of(&evaluate_plan(&root), "aws_db_instance.x");
    assert!(
        seen.contains(&"unknown encryption-at-rest".to_owned()),
        "{seen:?}"
    );
}

#[test]
fn unsupported_and_tagged_types_are_reported() {
    for (kind, after) in [
        ("awscc_ec2_volume", json!({"size": 1})),
        ("awscc_s3_bucket", json!({"bucket_name": "x"})),
        ("aws_spot_instance_request", json!({"ami": "ami-0"})),
        (
            "aws_autoscaling_group",
            json!({"tag": [{"key": "backup", "value": "enabled", "propagate_at_launch": true}]}),
        ),
    ] {
        let report = evaluate_plan(&plan_with_one(kind, after, json!({"arn": true})));
        assert_eq!(report.exit(FailOn::Fail), Exit::Unknown, "{kind}");
        let is_reported = report
            .unread
            .iter()
            .any(|it| format!("{it:?}").contains(&format!("{kind}.x")));
        assert!(is_reported, "{kind}: {:?}", report.unread);
    }
    let on = json!({"backup": "enabled"});
    for kind in [
        "aws_dsql_cluster",
        "aws_eks_cluster",
        "aws_ssm_parameter",
        "aws_timestreamwrite_table",
    ] {
        let tagged = evaluate_plan(&plan_with_one(
            kind,
            json!({"tags": on, "tags_all": on}),
            json!({"arn": true}),
        ));
        assert_eq!(
            tagged
                .resources
                .iter()
                .filter(|it| it.arn == format!("{kind}.x"))
                .count(),
            1,
            "{kind}"
        );
        let untagged = evaluate_plan(&plan_with_one(
            kind,
            json!({"tags": null}),
            json!({"arn": true, "tags_all": true}),
        ));
        assert!(verdicts_of(&untagged).is_empty(), "{kind}");
    }
}

#[test]
fn a_backup_plan_is_evaluated_with_its_vault_and_selection() {
    let mut root = load_plan("ready");
    let rule = json!({
        "rule_name": "daily", "target_vault_name": "local", "schedule": "cron(0 5 ? * * *)",
        "lifecycle": [{"delete_after": 1, "cold_storage_after": 0}],
        "copy_action": [{"destination_vault_arn": "arn:aws:backup:eu-central-1:692653576357:backup-vault:central", "lifecycle": [{"delete_after": 365, "cold_storage_after": 30, "opt_in_to_archive_for_supported_resources": true}]}],
    });
    let tag = json!({"type": "STRINGEQUALS", "key": "backup", "value": "enabled"});
    add_resources(
        &mut root,
        &[
            (
                "aws_backup_vault",
                "b",
                json!({"name": "local"}),
                &["arn", "id", "kms_key_arn"],
                json!({"name": {"constant_value": "local"}}),
            ),
            (
                "aws_backup_plan",
                "b",
                json!({"name": "daily", "rule": [rule]}),
                &["arn", "id"],
                json!({"name": {"constant_value": "daily"}, "rule": [{}]}),
            ),
            (
                "aws_backup_selection",
                "b",
                json!({"name": "tagged", "iam_role_arn": "arn:aws:iam::111122223333:role/backup", "selection_tag": [tag]}),
                &["id", "plan_id"],
                json!({"name": {"constant_value": "tagged"}, "plan_id": reference_to("aws_backup_plan.b.id")}),
            ),
        ],
    );
    let snapshot = read_snapshot(&root);
    let region = &snapshot.regions["eu-central-1"];
    let plan = &region.backup_plans.items[0];
    assert_eq!(plan.selections.items.len(), 1);
    let rule = &plan.rules.items[0];
    let cold = ColdStorage {
        after_days: 30,
        archives: true,
    };
    // The provider writes 0 where a configuration sets no days.
    assert_eq!(rule.cold_storage, Observed::Known(None));
    assert_eq!(rule.copies[0].cold_storage, Observed::Known(Some(cold)));
    assert_eq!(
        region.vaults.items[0].kms_key,
        Observed::Known(Some("alias/aws/backup".to_owned()))
    );
    let report = evaluate_plan(&root);
    let area = "backup-check:region:111122223333:eu-central-1";
    // The organization is not known, but the plan has everything else that the check needs.
    assert_eq!(problems_of(&report, area), ["warn local-vault-key-shared"]);
}

// registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/backup_plan: an argument of rule.
#[test]
fn the_air_gapped_vault_of_a_rule_is_read() {
    let arn = "arn:aws:backup:eu-central-1:111122223333:backup-vault:locked";
    let argument = "target_logically_air_gapped_backup_vault_arn";
    for (given, expression, want) in [
        (json!(arn), json!({"constant_value": arn}), Some(arn)),
        (
            json!(null),
            reference_to("aws_backup_logically_air_gapped_vault.v.arn"),
            Some(arn),
        ),
        (json!(null), json!({}), None),
    ] {
        let mut root = load_plan("ready");
        let rule = json!({"rule_name": "daily", "target_vault_name": "local", argument: &given});
        let vault = json!({"name": "locked", "min_retention_days": 7, "max_retention_days": 90});
        add_resources(
            &mut root,
            &[
                (
                    "aws_backup_logically_air_gapped_vault",
                    "v",
                    vault,
                    &["arn", "id"],
                    json!({"name": {"constant_value": "locked"}}),
                ),
                (
                    "aws_backup_plan",
                    "b",
                    json!({"name": "daily", "rule": [rule]}),
                    &["arn", "id"],
                    json!({"name": {"constant_value": "daily"}, "rule": [{argument: expression}]}),
                ),
            ],
        );
        // The ARN of a vault that the plan creates is known after apply.
        let is_open = given.is_null() && want.is_some();
        let planned = root["resource_changes"].as_array_mut().unwrap();
        let plan = planned.last_mut().unwrap();
        plan["change"]["after_unknown"]["rule"] = json!([{argument: is_open}]);
        let snapshot = read_snapshot(&root);
        let rules = &snapshot.regions["eu-central-1"].backup_plans.items[0].rules;
        assert_eq!(rules.gap, None);
        assert_eq!(rules.items[0].air_gapped_vault.as_deref(), want);
    }
}

#[test]
fn a_volume_without_encryption_may_be_encrypted_by_default() {
    let root = plan_with_one(
        "aws_ebs_volume",
        json!({"encrypted": false, "tags": {"backup": "enabled"}}),
        json!({"id": true}),
    );
    let found = problems_of(&evaluate_plan(&root), "aws_ebs_volume.x");
    assert!(
        found.contains(&"unknown encryption-at-rest".to_owned()),
        "{found:?}"
    );
}

#[test]
fn unknown_dynamic_blocks_are_not_missing_blocks() {
    let mut root = plan_with_one(
        "aws_s3_bucket",
        json!({"bucket": "b", "tags": {"backup": "enabled"}}),
        json!({"id": true}),
    );
    for (kind, block) in [
        ("aws_s3_bucket_versioning", "versioning_configuration"),
        ("aws_s3_bucket_lifecycle_configuration", "rule"),
    ] {
        add_resources(
            &mut root,
            &[(
                kind,
                "x",
                json!({"bucket": "b"}),
                &[block],
                json!({"bucket": {"constant_value": "b"}}),
            )],
        );
    }
    let found = problems_of(&evaluate_plan(&root), "aws_s3_bucket.x");
    assert!(
        found.contains(&"unknown s3-versioning-enabled".to_owned()),
        "{found:?}"
    );
}

#[test]
fn images_and_launch_templates_may_add_volumes() {
    let mut root = load_plan("ready");
    let before = problems_of(&evaluate_plan(&root), "aws_instance.web");
    assert!(
        !before.contains(&"unknown encryption-at-rest".to_owned()),
        "{before:?}"
    );
    change_mut(&mut root, "aws_instance.web")["change"]["after"]["launch_template"] =
        json!([{"version": "1"}]);
    let templated = problems_of(&evaluate_plan(&root), "aws_instance.web");
    assert!(
        templated.contains(&"unknown encryption-at-rest".to_owned()),
        "{templated:?}"
    );
    let mut root = load_plan("ready");
    let images = root["prior_state"]["values"]["root_module"]["resources"]
        .as_array_mut()
        .unwrap();
    let image = images
        .iter_mut()
        .find(|it| it["type"] == "aws_ami")
        .unwrap();
    image["values"]["root_device_name"] = json!("/dev/xvda");
    image["values"]["block_device_mappings"] = json!([
        {"device_name": "/dev/xvda", "ebs": {"encrypted": "false"}},
        {"device_name": "/dev/sdz", "ebs": {"encrypted": "false"}},
        {"device_name": "/dev/sdy", "ebs": {}, "virtual_name": "ephemeral0"},
    ]);
    let brought = problems_of(&evaluate_plan(&root), "aws_instance.web");
    assert!(
        brought.contains(&"unknown encryption-at-rest".to_owned()),
        "{brought:?}"
    );
}

// Images of Ubuntu name instance store volumes, which have no snapshot.
#[test]
fn an_instance_store_volume_of_an_image_is_no_encrypted_volume() {
    let judge = |mappings: Value| {
        let mut root = plan_with_one(
            "aws_instance",
            json!({"ami": "ami-1", "tags_all": {"backup": "enabled"}, "root_block_device": [{}]}),
            json!({"arn": true, "id": true}),
        );
        let values = json!({"id": "ami-1", "root_device_name": "/dev/sda1", "block_device_mappings": mappings});
        root["prior_state"] = json!({"values": {"root_module": {"resources": []}}});
        add_data_source(&mut root, "aws_ami", values);
        let key = "arn:aws:kms:eu-central-1:111122223333:key/0a";
        add_resources(
            &mut root,
            &[
                (
                    "aws_ebs_encryption_by_default",
                    "x",
                    json!({"enabled": true}),
                    &[],
                    json!({}),
                ),
                (
                    "aws_ebs_default_kms_key",
                    "x",
                    json!({"key_arn": key}),
                    &[],
                    json!({}),
                ),
            ],
        );
        for address in [
            "aws_ebs_encryption_by_default.x",
            "aws_ebs_default_kms_key.x",
        ] {
            let change = &mut change_mut(&mut root, address)["change"];
            change["actions"] = json!(["no-op"]);
            change["before"] = change["after"].clone();
        }
        let volume = "aws_instance.x.root_block_device[0]";
        let report = evaluate_plan(&root);
        message_of(&report, "encryption-customer-key", volume).to_owned()
    };
    let root =
        |encrypted: &str| json!({"device_name": "/dev/sda1", "ebs": {"encrypted": encrypted}});
    let store = json!({"device_name": "/dev/sdb", "ebs": {}, "virtual_name": "ephemeral0"});
    assert!(judge(json!([root("false"), store])).contains("key/0a"));
    assert!(judge(json!([root("true"), store])).contains("depends on its image"));
    assert!(judge(json!([store])).contains("depends on its image"));
}

#[test]
fn a_bucket_that_may_have_object_lock_may_have_versions() {
    let judge = |lock: Value, unknown: Value| {
        let mut values = json!({"bucket": "x", "tags_all": {"backup": "enabled"}});
        values["object_lock_enabled"] = lock;
        let mut root = plan_with_one("aws_s3_bucket", values, unknown);
        expressions_mut(&mut root, "aws_s3_bucket.x")["object_lock_enabled"] =
            json!({"references": ["local.locked"]});
        let mut found = problems_of(&evaluate_plan(&root), "aws_s3_bucket.x");
        found.retain(|it| it.ends_with("s3-versioning-enabled"));
        found
    };
    let none: [&str; 0] = [];
    assert_eq!(judge(json!(true), json!({})), none);
    assert_eq!(
        judge(json!(false), json!({})),
        ["fail s3-versioning-enabled"]
    );
    let open = judge(Value::Null, json!({"object_lock_enabled": true}));
    assert_eq!(open, ["unknown s3-versioning-enabled"]);
}
