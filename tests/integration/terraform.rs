//! Plans and states of Terraform: what is expected of `fixtures/terraform`, stated by hand, and of files
//! that are not what they should be.

use std::collections::BTreeMap;
use std::fs;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::{Exit, FailOn};
use backup_check::model::snapshot::{Snapshot, Source};
use backup_check::model::{GapKind, Observed};
use backup_check::report::{Report, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::planned::Surroundings;
use backup_check::source::terraform::{self, TerraformError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::command::{Run, backup_check, repository, run, run_with_input};

fn plan(name: &str) -> Value {
    let file = repository().join(format!("fixtures/terraform/{name}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn try_read(root: &Value, region: Option<&str>) -> Result<Snapshot, TerraformError> {
    let around = Surroundings {
        file: "plan.json",
        tag_key: "backup",
        region,
        read_at: "2026-03-03T06:00:00Z",
    };
    terraform::read(root, &around)
}

fn snapshot(root: &Value) -> Snapshot {
    try_read(root, None).unwrap()
}

fn report(root: &Value) -> Report {
    evaluate(
        &snapshot(root),
        &Settings::default(),
        &Options::default(),
        &ALL,
    )
}

/// Verdicts of resources by what stands for their ARNs, without those of regions.
fn verdicts(report: &Report) -> BTreeMap<&str, &str> {
    let resources = report.resources.iter();
    resources
        .filter(|it| !it.arn.starts_with("backup-check:"))
        .map(|it| (it.arn.as_str(), it.verdict.as_str()))
        .collect()
}

/// What worse than a pass was found of a resource, as `status rule`.
fn found(report: &Report, resource: &str) -> Vec<String> {
    let findings = report.findings.iter();
    findings
        .filter(|it| it.resource == resource)
        .filter(|it| matches!(it.status, Status::Fail | Status::Warn | Status::Unknown))
        .map(|it| format!("{} {}", it.status.as_str(), it.rule.id))
        .collect()
}

fn message<'a>(report: &'a Report, rule: &str, resource: &str) -> &'a str {
    let mut findings = report.findings.iter();
    let finding = findings.find(|it| it.rule.id == rule && it.resource == resource);
    &finding
        .unwrap_or_else(|| panic!("no {rule} on {resource}"))
        .message
}

/// The planned change of an address.
fn change<'a>(root: &'a mut Value, address: &str) -> &'a mut Value {
    let changes = root["resource_changes"].as_array_mut().unwrap();
    let mut changes = changes.iter_mut();
    changes.find(|it| it["address"] == address).unwrap()
}

/// The configuration of a resource of the root module.
fn configured<'a>(root: &'a mut Value, address: &str) -> &'a mut Value {
    let resources = &mut root["configuration"]["root_module"]["resources"];
    let mut resources = resources.as_array_mut().unwrap().iter_mut();
    &mut resources.find(|it| it["address"] == address).unwrap()["expressions"]
}

#[test]
fn a_plan_in_which_all_is_ready() {
    let report = report(&plan("ready"));
    assert_eq!(report.source, Source::TerraformPlan);
    assert_eq!(report.account_id.as_deref(), Some("111122223333"));
    // From a variable's value, not its default.
    assert_eq!(report.regions, ["eu-central-1"]);
    assert_eq!(
        verdicts(&report),
        BTreeMap::from([
            ("aws_db_instance.orders", "ready"),
            ("aws_dynamodb_table.carts", "ready"),
            ("aws_ebs_volume.data", "ready"),
            ("aws_efs_file_system.shared", "ready"),
            ("aws_instance.web", "ready"),
            ("aws_instance.web.root_block_device[0]", "exempt"),
            ("aws_rds_cluster.shop", "ready"),
            ("aws_s3_bucket.documents", "ready"),
            ("aws_vpc.main", "ready"),
        ])
    );
    assert_eq!(report.exit(FailOn::Fail), Exit::Ready);
    assert!(report.complete);
    let passes = |rule: &str, resource: &str| {
        report
            .findings
            .iter()
            .any(|it| it.rule.id == rule && it.resource == resource && it.status == Status::Pass)
    };
    // Each way to name the key led to it: its ARN, an alias' target, an alias' name, a block's attribute.
    for resource in [
        "aws_ebs_volume.data",
        "aws_db_instance.orders",
        "aws_rds_cluster.shop",
        "aws_instance.web",
    ] {
        assert!(passes("kms-key-shared", resource), "{resource}");
        assert!(passes("kms-key-locally-usable", resource), "{resource}");
    }
    assert!(passes("ec2-image-copyable", "aws_instance.web"));
    assert!(passes("s3-gateway-endpoint-present", "aws_vpc.main"));
    assert!(passes("s3-gateway-endpoint-routed", "aws_vpc.main"));
    assert!(passes("s3-gateway-endpoint-open", "aws_vpc.main"));
    assert!(passes("s3-versioning-enabled", "aws_s3_bucket.documents"));
    assert!(passes("s3-old-versions-expire", "aws_s3_bucket.documents"));
    let volume = report
        .findings
        .iter()
        .find(|it| it.resource == "aws_ebs_volume.data")
        .unwrap();
    let place = volume.place.as_ref().unwrap();
    assert_eq!((place.file.as_str(), place.line), ("plan.json", None));
    assert_eq!(place.address.as_deref(), Some("aws_ebs_volume.data"));
}

#[test]
fn a_plan_with_every_sort_of_breach() {
    let report = report(&plan("breaches"));
    for (resource, expected) in [
        (
            "aws_ebs_volume.closed",
            &["warn kms-key-fully-shared", "fail kms-key-shared"][..],
        ),
        (
            "aws_ebs_volume.private",
            &[
                "warn kms-key-fully-shared",
                "fail kms-key-locally-usable",
                "fail kms-key-shared",
            ],
        ),
        ("aws_ebs_volume.off", &["fail kms-key-usable"]),
        ("aws_ebs_volume.rsa", &["fail kms-key-usable"]),
        ("aws_ebs_volume.plain", &["fail encryption-at-rest"]),
        ("aws_ebs_volume.managed", &["fail encryption-customer-key"]),
        (
            "aws_ebs_volume.typo",
            &["fail backup-tag-valid", "fail encryption-customer-key"],
        ),
        (
            "aws_ebs_volume.untagged",
            &["warn backup-decision-made", "fail encryption-at-rest"],
        ),
        ("aws_ebs_volume.custom", &["warn backup-tag-not-custom"]),
        (
            "aws_db_instance.managed",
            &[
                "fail encryption-customer-key",
                "warn rds-automated-backups-enabled",
            ],
        ),
        ("aws_db_instance.plain", &["fail encryption-at-rest"]),
        (
            "aws_db_instance.oracle",
            &[
                "fail encryption-customer-key",
                "fail rds-option-group-shareable",
            ],
        ),
        (
            "aws_rds_cluster.crm",
            &[
                "fail cross-account-copy-supported",
                "fail encryption-at-rest",
            ],
        ),
        // Aurora encrypts with a key of its own where none is asked for.
        ("aws_rds_cluster.shop", &["warn encryption-at-rest"]),
        (
            "aws_s3_bucket.bare",
            &[
                "warn encryption-customer-key-recommended",
                "fail s3-versioning-enabled",
            ],
        ),
        (
            "aws_s3_bucket.suspended",
            &[
                "warn encryption-customer-key-recommended",
                "fail s3-versioning-enabled",
            ],
        ),
        (
            "aws_s3_bucket.growing",
            &[
                "warn encryption-customer-key-recommended",
                "warn s3-old-versions-expire",
            ],
        ),
        (
            "aws_dynamodb_table.carts",
            &[
                "fail dynamodb-advanced-features-enabled",
                "warn encryption-customer-key-recommended",
            ],
        ),
        (
            "aws_efs_file_system.plain",
            &["warn encryption-customer-key-recommended"],
        ),
        (
            "aws_storagegateway_gateway.files",
            &["fail cross-account-copy-supported"],
        ),
        (
            "aws_secretsmanager_secret.db",
            &["fail cross-account-copy-supported"],
        ),
        (
            "aws_fsx_lustre_file_system.scratch",
            &["warn cross-account-copy-supported"],
        ),
        (
            "aws_instance.appliance",
            &["fail ec2-image-copyable", "fail encryption-at-rest"],
        ),
        ("aws_vpc.main", &["fail s3-gateway-endpoint-present"]),
        (
            "backup-check:region:111122223333:eu-central-1",
            &["warn ebs-default-encryption", "warn service-opted-in"],
        ),
    ] {
        assert_eq!(found(&report, resource), expected, "{resource}");
    }
    for (resource, rule) in [
        (
            "aws_redshift_cluster.dwh",
            "fail cross-account-copy-supported",
        ),
        (
            "aws_redshiftserverless_namespace.dwh",
            "fail cross-account-copy-supported",
        ),
    ] {
        assert!(
            found(&report, resource).contains(&rule.to_owned()),
            "{resource}"
        );
    }
    assert_eq!(report.exit(FailOn::Fail), Exit::Failed);
}

#[test]
fn modules_instances_changes_and_what_nobody_can_know_yet() {
    let root = plan("mixed");
    let report = report(&root);
    let volume = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:volume/{id}");
    let (kept, elsewhere) = (volume("vol-0kept"), volume("vol-0elsewhere"));
    let (imported, untouched) = (volume("vol-0imported"), volume("vol-0untouched"));
    assert_eq!(
        verdicts(&report),
        BTreeMap::from([
            // What exists goes by its ARN; what was planned to go is not there.
            (kept.as_str(), "ready"),
            (imported.as_str(), "ready"),
            (untouched.as_str(), "ready"),
            (elsewhere.as_str(), "unknown"),
            ("aws_ebs_volume.replaced", "ready"),
            // A key of each instance, by its key and by its value.
            ("aws_ebs_volume.by_key[\"a\"]", "ready"),
            ("aws_ebs_volume.by_key[\"b\"]", "not-ready"),
            ("aws_ebs_volume.by_value[\"a\"]", "ready"),
            ("aws_ebs_volume.by_value[\"b\"]", "not-ready"),
            ("aws_ebs_volume.beside", "ready"),
            ("aws_ebs_volume.coalesced", "ready"),
            ("aws_ebs_volume.by_local", "unknown"),
            ("aws_ebs_volume.default_key", "unknown"),
            ("aws_ebs_volume.either", "unknown"),
            ("aws_ebs_volume.later", "unknown"),
            ("aws_ebs_volume.unset", "unknown"),
            ("aws_efs_file_system.named_later", "ready"),
            ("aws_efs_file_system.tagged_later", "unknown"),
            ("aws_efs_file_system.opted_out", "exempt"),
            ("aws_dynamodb_table.carts", "unknown"),
            ("module.db.aws_db_instance.this", "ready"),
            ("module.store[0].aws_s3_bucket.this[0]", "at-risk"),
            ("module.store[1].aws_s3_bucket.this[0]", "not-ready"),
        ])
    );
    // By the provider's alias, which the module was given.
    let regions: BTreeMap<&str, &str> = report
        .resources
        .iter()
        .map(|it| (it.arn.as_str(), it.region.as_str()))
        .collect();
    assert_eq!(
        regions["module.store[1].aws_s3_bucket.this[0]"],
        "eu-central-1"
    );
    assert_eq!(regions["module.db.aws_db_instance.this"], "eu-west-1");

    // Through a variable, an output, and a policy that waits for a role.
    let shared = message(&report, "kms-key-shared", "module.db.aws_db_instance.this");
    assert_eq!(
        shared,
        "key module.kms.aws_kms_key.this[0] lets 692653576357 in"
    );
    for (resource, why) in [
        (
            "aws_ebs_volume.by_local",
            "it comes through local.key_arn, and a plan does not show local values",
        ),
        (
            "aws_ebs_volume.either",
            "it may be aws_kms_key.later or module.kms.aws_kms_key.this[0]",
        ),
        (
            "aws_ebs_volume.later",
            "policy of aws_kms_key.later is known only after apply",
        ),
        (
            "aws_ebs_volume.default_key",
            "a setting of the account that the plan does not hold",
        ),
        (
            elsewhere.as_str(),
            "is not in the plan, which only names it",
        ),
    ] {
        let seen = message(&report, "kms-key-shared", resource);
        assert!(seen.contains(why), "{resource}: {seen}");
    }
    let unset = message(&report, "encryption-at-rest", "aws_ebs_volume.unset");
    assert!(unset.contains("a setting of the account"), "{unset}");
    // The settings of the account are nobody's to plan here: no finding, and nothing that gates.
    for region in ["eu-central-1", "eu-west-1"] {
        let region = format!("backup-check:region:111122223333:{region}");
        assert_eq!(found(&report, &region), Vec::<String>::new());
    }
    assert!(report.complete);
    assert!(!format!("{report:?}").contains("not for reports"));
}

#[test]
fn a_policy_that_may_hold_more_than_it_shows_is_left_open() {
    let address = "module.kms.data.aws_iam_policy_document.this";
    let statements = |root: &mut Value, tree: &str, of: Value| {
        change(root, address)["change"][tree]["statement"][1]["principals"][0]["identifiers"] = of;
    };
    let verdict = |root: &Value| {
        let report = report(root);
        found(&report, "module.db.aws_db_instance.this")
    };
    let mut root = plan("mixed");
    assert_eq!(verdict(&root), Vec::<String>::new());
    // The role alone: then the central account may not use the key.
    statements(&mut root, "after", json!([]));
    statements(&mut root, "after_unknown", json!([true]));
    assert!(verdict(&root).contains(&"fail kms-key-shared".to_owned()));
    // All of it: what else is in it does not show.
    statements(&mut root, "after", Value::Null);
    statements(&mut root, "after_unknown", json!(true));
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
    // More than the expression refers to.
    statements(&mut root, "after", json!([]));
    statements(&mut root, "after_unknown", json!([true, true]));
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
    // Something is merged into it.
    let mut root = plan("mixed");
    let module = &mut root["configuration"]["root_module"]["module_calls"]["kms"]["module"];
    let mut resources = module["resources"].as_array_mut().unwrap().iter_mut();
    let document = resources.find(|it| it["mode"] == "data").unwrap();
    document["expressions"]["override_policy_documents"] = json!({"references": ["var.more"]});
    change(&mut root, address)["change"]["after_unknown"]["override_policy_documents"] =
        json!(true);
    assert!(verdict(&root).contains(&"unknown kms-key-shared".to_owned()));
}

#[test]
fn a_state_is_judged_as_it_is() {
    let mut root = json!({
        "format_version": "1.0",
        "terraform_version": "1.9.5",
        "values": plan("mixed")["prior_state"]["values"],
    });
    let report = report(&root);
    assert_eq!(report.source, Source::TerraformPlan);
    let verdicts = verdicts(&report);
    let volume = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:volume/{id}");
    assert_eq!(verdicts[volume("vol-0kept").as_str()], "ready");
    assert_eq!(verdicts[volume("vol-0replaced").as_str()], "not-ready");

    root["values"] = json!({"root_module": {}});
    assert!(snapshot(&root).regions.is_empty());
}

/// A plan of one change, in which nothing else is known.
fn only(kind: &str, after: Value, unknown: Value) -> Value {
    let expressions: serde_json::Map<String, Value> = after
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, value)| !value.is_null() && *name != "tags_all")
        .map(|(name, value)| (name.clone(), json!({"constant_value": value})))
        .collect();
    json!({
        "format_version": "1.2",
        "resource_changes": [{
            "address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown},
        }],
        "configuration": {"root_module": {"resources": [{
            "address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
            "provider_config_key": "aws", "expressions": expressions,
        }]}},
    })
}

#[test]
fn an_account_that_is_not_known_is_no_other() {
    let mut root = plan("breaches");
    root["prior_state"]["values"]["root_module"]["resources"]
        .as_array_mut()
        .unwrap()
        .retain(|it| it["type"] != "aws_caller_identity");
    let report = report(&root);
    assert_eq!(report.account_id, None);
    // The default policy lets the account's root in, whichever it is, and nobody else.
    assert_eq!(
        found(&report, "aws_ebs_volume.closed"),
        ["warn kms-key-fully-shared", "fail kms-key-shared"]
    );
    // A policy for a user of some account may be one for this.
    assert!(
        found(&report, "aws_ebs_volume.private")
            .contains(&"unknown kms-key-locally-usable".to_owned())
    );
}

#[test]
fn where_a_plan_is_for() {
    let region = |root: &Value, named: Option<&str>| {
        let snapshot = try_read(root, named).unwrap();
        snapshot.regions.into_keys().collect::<Vec<_>>()
    };
    let mut root = only(
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
    // As a resource says since version 6 of the provider.
    root["resource_changes"][0]["change"]["after"]["region"] = json!("us-east-1");
    assert_eq!(region(&root, None), ["us-east-1"]);

    let mut root = only(
        "aws_ebs_volume",
        json!({"availability_zone": "eu-central-1b", "encrypted": true}),
        json!({"arn": true}),
    );
    assert_eq!(region(&root, None), ["eu-central-1"]);
    // What one resource shows holds for all of its provider.
    let table = only(
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
fn tags_come_from_where_terraform_puts_them() {
    let tags = |after: Value, unknown: Value| {
        let snapshot = snapshot(&only("aws_efs_file_system", after, unknown));
        snapshot.regions["unknown"].file_systems.items[0]
            .tags
            .clone()
    };
    let enabled = BTreeMap::from([("backup".to_owned(), "enabled".to_owned())]);
    let on = json!({"backup": "enabled"});
    // Default tags are in `tags_all` only.
    assert_eq!(
        tags(json!({"tags": null, "tags_all": on}), json!({})),
        Observed::Known(enabled.clone())
    );
    // Without tags and default tags, older providers leave `tags_all` to the apply.
    assert_eq!(
        tags(json!({"tags": null}), json!({"tags_all": true})),
        Observed::Known(BTreeMap::new())
    );
    assert_eq!(
        tags(json!({"tags": on}), json!({"tags_all": true})),
        Observed::Known(enabled.clone())
    );
    // Other tags are nobody's matter; the backup tag is.
    assert_eq!(
        tags(
            json!({"tags": on, "tags_all": on}),
            json!({"tags_all": {"commit": true}})
        ),
        Observed::Known(enabled)
    );
    let open = tags(
        json!({"tags": {}, "tags_all": {}}),
        json!({"tags_all": {"backup": true}}),
    );
    assert_eq!(open.gap().map(|gap| gap.kind), Some(GapKind::AfterApply));
    let odd = tags(json!({"tags": "backup", "tags_all": "backup"}), json!({}));
    assert_eq!(odd.gap().map(|gap| gap.kind), Some(GapKind::Unreadable));
}

#[test]
fn what_is_sensitive_is_not_read() {
    let mut root = plan("ready");
    change(&mut root, "aws_kms_key.data")["change"]["after_sensitive"] = json!({"policy": true});
    change(&mut root, "aws_ebs_volume.data")["change"]["after_sensitive"] =
        json!({"tags_all": {"backup": true}});
    let report = report(&root);
    let seen = message(&report, "kms-key-shared", "aws_db_instance.orders");
    assert_eq!(
        seen,
        "policy of aws_kms_key.data is marked as sensitive, so it is not read"
    );
    let seen = message(&report, "backup-tag-valid", "aws_ebs_volume.data");
    assert!(seen.contains("is marked as sensitive"), "{seen}");
    assert!(!format!("{report:?}").contains("not-for-reports"));
}

#[test]
fn a_key_in_another_account_is_not_the_plans_own() {
    let mut root = plan("ready");
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
    let report = report(&root);
    assert_eq!(report.account_id.as_deref(), Some("111122223333"));
    assert_eq!(
        found(&report, "aws_ebs_volume.data"),
        ["warn kms-key-not-central"]
    );
}

#[test]
fn a_variable_that_is_null_sets_nothing() {
    let mut root = plan("ready");
    configured(&mut root, "aws_db_instance.orders")["kms_key_id"] =
        json!({"references": ["var.key"]});
    root["variables"]["key"] = json!({"value": null});
    let report = report(&root);
    // RDS takes its own key then.
    assert_eq!(
        found(&report, "aws_db_instance.orders"),
        ["fail encryption-customer-key"]
    );
}

#[test]
fn a_key_that_may_not_be_set_at_all_is_left_open() {
    let seen = |references: Value, variable: Value| {
        let mut root = plan("ready");
        configured(&mut root, "aws_db_instance.orders")["kms_key_id"] =
            json!({"references": references});
        root["variables"]["own_key"] = json!({"value": variable});
        let report = report(&root);
        message(&report, "kms-key-shared", "aws_db_instance.orders").to_owned()
    };
    let with = |first: &str| json!([first, "aws_kms_key.data.arn", "aws_kms_key.data"]);
    let follows = "key aws_kms_key.data lets 692653576357 in";
    // coalesce(var.own_key, aws_kms_key.data.arn), or the like
    assert_eq!(seen(with("var.own_key"), Value::Null), follows);
    // var.own_key ? aws_kms_key.data.arn : null
    let open = seen(with("var.own_key"), json!(false));
    assert!(
        open.ends_with("it may be aws_kms_key.data or unset, which depends on var.own_key"),
        "{open}"
    );
    let open = seen(with("terraform.workspace"), json!(false));
    assert!(
        open.ends_with("or unset, which depends on terraform.workspace"),
        "{open}"
    );
    let open = seen(
        with("data.aws_caller_identity.current.account_id"),
        json!(false),
    );
    assert!(open.contains("or unset"), "{open}");
}

#[test]
fn what_goes_takes_its_settings_with_it() {
    let bucket = json!({
        "bucket": "x", "id": "x", "arn": "arn:aws:s3:::x", "tags_all": {"backup": "enabled"},
        "versioning": [{"enabled": true, "mfa_delete": false}],
    });
    let mut root = only("aws_s3_bucket", bucket, json!({}));
    change(&mut root, "aws_s3_bucket.x")["change"]["actions"] = json!(["no-op"]);
    configured(&mut root, "aws_s3_bucket.x")
        .as_object_mut()
        .unwrap()
        .remove("versioning");
    let found_of = |root: &Value| {
        let report = report(root);
        let findings = report.findings.iter();
        let mut of = findings.filter(|it| it.rule.id == "s3-versioning-enabled");
        of.next().unwrap().status
    };
    assert_eq!(found_of(&root), Status::Pass);
    root["resource_changes"].as_array_mut().unwrap().push(json!({
        "address": "aws_s3_bucket_versioning.x", "mode": "managed", "type": "aws_s3_bucket_versioning", "name": "x",
        "change": {"actions": ["delete"], "before": {"bucket": "x"}, "after": null, "after_unknown": {}},
    }));
    assert_eq!(found_of(&root), Status::Unknown);
}

#[test]
fn default_tags_reach_into_modules() {
    let mut root = only(
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
    let snapshot = snapshot(&root);
    let tags = snapshot.regions["eu-west-1"].file_systems.items[0]
        .tags
        .known();
    assert_eq!(
        tags.and_then(|tags| tags.get("backup")).map(String::as_str),
        Some("enabled")
    );
}

/// Adds resources that are created to a plan's root module: type, name, values, unknown values and expressions.
fn grow(root: &mut Value, items: &[(&str, &str, Value, &[&str], Value)]) {
    for (kind, name, after, unknown, expressions) in items {
        let item = json!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name});
        let unknown: Value = unknown
            .iter()
            .map(|name| ((*name).to_owned(), json!(true)))
            .collect();
        let (mut planned, mut config) = (item.clone(), item);
        planned["change"] = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": unknown});
        config["provider_config_key"] = json!("aws");
        config["expressions"] = expressions.clone();
        root["resource_changes"]
            .as_array_mut()
            .unwrap()
            .push(planned);
        root["configuration"]["root_module"]["resources"]
            .as_array_mut()
            .unwrap()
            .push(config);
    }
}

/// An expression that refers to an attribute.
fn to(reference: &str) -> Value {
    let (address, _) = reference.rsplit_once('.').unwrap();
    json!({"references": [reference, address]})
}

/// A data source that was read for the plan.
fn look_up(root: &mut Value, kind: &str, values: Value) {
    let resources = &mut root["prior_state"]["values"]["root_module"]["resources"];
    resources.as_array_mut().unwrap().push(json!({
        "address": format!("data.{kind}.x"), "mode": "data", "type": kind, "name": "x", "values": values,
    }));
}

#[test]
fn data_sources_tell_of_keys_outside_the_plan() {
    let mut root = plan("ready");
    let arn = |n: usize| {
        format!("arn:aws:kms:eu-central-1:111122223333:key/0000000{n}-0000-4000-8000-000000000000")
    };
    look_up(
        &mut root,
        "aws_kms_alias",
        json!({"name": "alias/aws/ebs", "target_key_arn": arn(1)}),
    );
    look_up(
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
        grow(
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
    let report = report(&root);
    assert_eq!(
        found(&report, "aws_ebs_volume.managed"),
        ["fail encryption-customer-key"]
    );
    assert_eq!(
        found(&report, "aws_ebs_volume.leaving"),
        [
            "unknown kms-key-fully-shared",
            "unknown kms-key-locally-usable",
            "unknown kms-key-shared",
            "fail kms-key-usable",
        ]
    );
}

#[test]
fn what_hangs_together_is_seen_together() {
    let mut root = plan("ready");
    let on = json!({"backup": "enabled"});
    let key = || to("aws_kms_key.data.arn");
    grow(
        &mut root,
        &[
            // An instance that is backed up, and its volume again.
            (
                "aws_volume_attachment",
                "a",
                json!({}),
                &["volume_id", "instance_id"],
                json!({"volume_id": to("aws_ebs_volume.data.id"), "instance_id": to("aws_instance.web.id")}),
            ),
            // A tag on a gateway, and none on its volume.
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
                json!({"gateway_arn": to("aws_storagegateway_gateway.g.arn"), "kms_encrypted": {}, "kms_key": key()}),
            ),
            // A tag on a member, and none on its cluster.
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
                json!({"cluster_identifier": to("aws_rds_cluster.c.id")}),
            ),
            // A subnet in use whose table has no route to the endpoint.
            (
                "aws_subnet",
                "s",
                json!({}),
                &["arn", "id", "vpc_id"],
                json!({"vpc_id": to("aws_vpc.main.id")}),
            ),
            (
                "aws_lambda_function",
                "f",
                json!({"vpc_config": [{}]}),
                &["arn"],
                json!({"vpc_config": [{"subnet_ids": to("aws_subnet.s.id")}]}),
            ),
        ],
    );
    change(&mut root, "aws_lambda_function.f")["change"]["after_unknown"]["vpc_config"] =
        json!([{"subnet_ids": true}]);
    let table = json!({"region_name": "eu-west-1", "propagate_tags": true});
    change(&mut root, "aws_dynamodb_table.carts")["change"]["after"]["replica"] = json!([table]);
    let report = report(&root);
    assert_eq!(
        found(&report, "aws_ebs_volume.data"),
        ["warn backup-not-duplicated"]
    );
    assert_eq!(
        found(&report, "aws_storagegateway_gateway.g"),
        ["fail backup-tag-placed"]
    );
    assert_eq!(
        found(&report, "aws_storagegateway_cached_iscsi_volume.v"),
        ["warn backup-decision-made"]
    );
    assert_eq!(
        found(&report, "aws_rds_cluster.c"),
        ["warn backup-decision-made", "fail backup-tag-placed"]
    );
    assert_eq!(
        found(&report, "aws_vpc.main"),
        ["fail s3-gateway-endpoint-routed"]
    );
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
fn devices_are_told_apart_whatever_their_order() {
    let mut root = plan("ready");
    let device = |name: &str| json!({"device_name": name, "encrypted": true});
    let written = |name: &str, key: &str| json!({"device_name": {"constant_value": name}, "encrypted": {"constant_value": true}, "kms_key_id": to(key)});
    grow(
        &mut root,
        &[(
            "aws_kms_key",
            "closed",
            json!({"is_enabled": true}),
            &["arn", "id", "key_id", "policy"],
            json!({}),
        )],
    );
    let instance = change(&mut root, "aws_instance.web");
    instance["change"]["after"]["ebs_block_device"] =
        json!([device("/dev/sdf"), device("/dev/sdg")]);
    instance["change"]["after_unknown"]["ebs_block_device"] =
        json!([{"kms_key_id": true}, {"kms_key_id": true}]);
    // A set: the plan orders it as it likes.
    configured(&mut root, "aws_instance.web")["ebs_block_device"] = json!([
        written("/dev/sdg", "aws_kms_key.closed.arn"),
        written("/dev/sdf", "aws_kms_key.data.arn")
    ]);
    let report = report(&root);
    let shared = |number: usize| {
        found(
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
    assert!(found(&report, "aws_instance.web").contains(&"fail kms-key-shared".to_owned()));
}

#[test]
fn keys_of_every_sort_are_known_for_what_they_are() {
    let mut root = plan("ready");
    let mut add = |kind: &str, after: Value, expressions: Value| {
        let item =
            json!({"address": format!("{kind}.k"), "mode": "managed", "type": kind, "name": "k"});
        let (mut planned, mut config) = (item.clone(), item);
        planned["change"] = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": {"arn": true, "key_id": true, "key_state": true, "key_spec": true}});
        config["provider_config_key"] = json!("aws");
        config["expressions"] = expressions;
        root["resource_changes"]
            .as_array_mut()
            .unwrap()
            .push(planned);
        root["configuration"]["root_module"]["resources"]
            .as_array_mut()
            .unwrap()
            .push(config);
    };
    add(
        "aws_kms_external_key",
        json!({"policy": "{}"}),
        json!({"policy": {"constant_value": "{}"}}),
    );
    add(
        "aws_kms_replica_key",
        json!({"enabled": false}),
        json!({"primary_key_arn": {"references": ["aws_kms_key.data.arn", "aws_kms_key.data"]}}),
    );
    change(&mut root, "aws_kms_replica_key.k")["change"]["after_unknown"]["primary_key_arn"] =
        json!(true);
    let snapshot = snapshot(&root);
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
fn encryption_by_default_of_the_same_plan_counts() {
    let mut root = plan("breaches");
    change(&mut root, "aws_ebs_encryption_by_default.this")["change"]["after"]["enabled"] =
        json!(true);
    let report = report(&root);
    // Encrypted after all; with which key is not in the plan.
    let plain = found(&report, "aws_ebs_volume.plain");
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
fn a_bucket_whose_settings_may_be_elsewhere_in_the_plan_is_left_open() {
    let mut root = plan("breaches");
    // Nobody knows whose versioning it is.
    configured(&mut root, "aws_s3_bucket_versioning.suspended")["bucket"] =
        json!({"references": ["local.bucket"]});
    let versioning = change(&mut root, "aws_s3_bucket_versioning.suspended");
    versioning["change"]["after"]["bucket"] = Value::Null;
    versioning["change"]["after_unknown"]["bucket"] = json!(true);
    let report = report(&root);
    for bucket in ["aws_s3_bucket.bare", "aws_s3_bucket.suspended"] {
        let found = found(&report, bucket);
        assert!(
            found.contains(&"unknown s3-versioning-enabled".to_owned()),
            "{found:?}"
        );
    }
}

#[test]
fn databases_from_snapshots_are_as_their_snapshots() {
    let database = json!({
        "engine": "postgres", "identifier": "x", "storage_encrypted": false, "snapshot_identifier": "old",
        "tags_all": {"backup": "enabled"},
    });
    let mut root = only(
        "aws_db_instance",
        database,
        json!({"kms_key_id": true, "arn": true}),
    );
    // The provider writes it, nobody set it.
    configured(&mut root, "aws_db_instance.x")
        .as_object_mut()
        .unwrap()
        .remove("storage_encrypted");
    let seen = found(&report(&root), "aws_db_instance.x");
    assert!(
        seen.contains(&"unknown encryption-at-rest".to_owned()),
        "{seen:?}"
    );
}

#[test]
fn nothing_that_is_backed_up_vanishes() {
    for (kind, after) in [
        ("awscc_ec2_volume", json!({"size": 1})),
        ("awscc_s3_bucket", json!({"bucket_name": "x"})),
        ("aws_spot_instance_request", json!({"ami": "ami-0"})),
        (
            "aws_autoscaling_group",
            json!({"tag": [{"key": "backup", "value": "enabled", "propagate_at_launch": true}]}),
        ),
    ] {
        let report = report(&only(kind, after, json!({"arn": true})));
        assert_eq!(report.exit(FailOn::Fail), Exit::Unknown, "{kind}");
        let told = report
            .unread
            .iter()
            .any(|it| format!("{it:?}").contains(&format!("{kind}.x")));
        assert!(told, "{kind}: {:?}", report.unread);
    }
    let on = json!({"backup": "enabled"});
    for kind in [
        "aws_docdb_cluster",
        "aws_neptune_cluster",
        "aws_eks_cluster",
        "aws_fsx_ontap_volume",
        "aws_ssm_parameter",
        "aws_timestreamwrite_table",
    ] {
        let tagged = report(&only(
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
        let untagged = report(&only(
            kind,
            json!({"tags": null}),
            json!({"arn": true, "tags_all": true}),
        ));
        assert!(verdicts(&untagged).is_empty(), "{kind}");
    }
}

#[test]
fn a_backup_plan_is_judged_as_far_as_it_goes() {
    let mut root = plan("ready");
    let mut add = |kind: &str, after: Value, unknown: Value, expressions: Value| {
        let item =
            json!({"address": format!("{kind}.b"), "mode": "managed", "type": kind, "name": "b"});
        let mut change = item.clone();
        change["change"] = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": unknown});
        root["resource_changes"]
            .as_array_mut()
            .unwrap()
            .push(change);
        let mut config = item;
        config["provider_config_key"] = json!("aws");
        config["expressions"] = expressions;
        root["configuration"]["root_module"]["resources"]
            .as_array_mut()
            .unwrap()
            .push(config);
    };
    add(
        "aws_backup_vault",
        json!({"name": "local"}),
        json!({"arn": true, "id": true, "kms_key_arn": true}),
        json!({"name": {"constant_value": "local"}}),
    );
    add(
        "aws_backup_plan",
        json!({"name": "daily", "rule": [{
            "rule_name": "daily", "target_vault_name": "local", "schedule": "cron(0 5 ? * * *)",
            "lifecycle": [{"delete_after": 1}],
            "copy_action": [{"destination_vault_arn": "arn:aws:backup:eu-central-1:692653576357:backup-vault:central", "lifecycle": []}],
        }]}),
        json!({"arn": true, "id": true}),
        json!({"name": {"constant_value": "daily"}, "rule": [{}]}),
    );
    add(
        "aws_backup_selection",
        json!({"name": "tagged", "iam_role_arn": "arn:aws:iam::111122223333:role/backup", "selection_tag": [{"type": "STRINGEQUALS", "key": "backup", "value": "enabled"}]}),
        json!({"id": true, "plan_id": true}),
        json!({"name": {"constant_value": "tagged"}, "plan_id": {"references": ["aws_backup_plan.b.id", "aws_backup_plan.b"]}}),
    );
    let snapshot = snapshot(&root);
    let region = &snapshot.regions["eu-central-1"];
    assert_eq!(region.backup_plans.items[0].selections.items.len(), 1);
    assert_eq!(
        region.vaults.items[0].kms_key,
        Observed::Known(Some("alias/aws/backup".to_owned()))
    );
    let report = report(&root);
    let area = "backup-check:region:111122223333:eu-central-1";
    // No organization in sight, and the plan says all that it takes.
    assert_eq!(found(&report, area), ["warn local-vault-key-shared"]);
}

#[test]
fn a_plan_of_another_form_is_refused_with_the_place() {
    let error = |change: fn(&mut Value)| {
        let mut root = plan("ready");
        change(&mut root);
        try_read(&root, None).unwrap_err().to_string()
    };
    for (change, expected) in [
        (
            (|it| it["format_version"] = json!("2.0")) as fn(&mut Value),
            "a plan of format version 2.0, and this backup-check reads 0.x and 1.x",
        ),
        (
            |it| it["format_version"] = json!(1),
            "format_version is not a version",
        ),
        (|it| it["errored"] = json!(true), "the plan failed"),
        (
            |it| it["resource_changes"] = json!({}),
            "resource_changes is not a list",
        ),
        (
            |it| it["resource_changes"][2]["change"]["actions"] = json!("create"),
            "resource_changes[2].change.actions is not a list",
        ),
        (
            |it| it["resource_changes"][1]["address"] = json!(7),
            "resource_changes[1].address is not a text",
        ),
        (
            |it| it["resource_changes"][0]["change"]["after"] = json!([]),
            "resource_changes[0].change.after is not an object",
        ),
    ] {
        let seen = error(change);
        assert!(seen.contains(expected), "{seen}");
    }
    let empty = try_read(&json!({"format_version": "1.0"}), None)
        .unwrap_err()
        .to_string();
    assert!(empty.starts_with("nothing to judge"), "{empty}");
}

/// Some value at odds with what stands there.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!("")),
        Just(json!("\u{e9}[\"")),
        Just(json!([])),
        Just(json!([null, {}, [1]])),
        Just(json!({})),
        Just(json!({"references": ["module.x[", "each.value", "", "var.region", 3]})),
        Just(json!({"constant_value": {}})),
    ]
}

/// Puts a value in the place of the one of a number, counted from the root.
fn put(value: &mut Value, at: &mut usize, odd: &Value) -> bool {
    if *at == 0 {
        *value = odd.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|it| put(it, at, odd)),
        Value::Object(fields) => fields.values_mut().any(|it| put(it, at, odd)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_makes_it_panic(name in prop_oneof![Just("ready"), Just("mixed")], places in proptest::collection::vec((0usize..9000, odd()), 1..4)) {
        let mut root = plan(name);
        for (mut place, odd) in places {
            put(&mut root, &mut place, &odd);
        }
        if let Ok(snapshot) = try_read(&root, None) {
            let _ = evaluate(&snapshot, &Settings::default(), &Options::default(), &ALL);
        }
    }
}

/// The paths of everything in a value, as in `/rule/0/status`.
fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut visit = |name: String, value: &Value| {
        let path = format!("{at}/{name}");
        paths(value, &path, all);
        all.push(path);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, it)| visit(name.clone(), it)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(n, it)| visit(n.to_string(), it)),
        _ => {}
    }
}

/// Says that what is at a path is unknown.
fn open(unknown: &mut Value, path: &[&str]) {
    match path {
        [] => *unknown = json!(true),
        [name, rest @ ..] => match name.parse::<usize>() {
            Ok(number) => {
                if !unknown.is_array() {
                    *unknown = json!([]);
                }
                let list = unknown.as_array_mut().unwrap();
                list.resize(list.len().max(number + 1), json!({}));
                open(&mut list[number], rest);
            }
            Err(_) => {
                if !unknown.is_object() {
                    *unknown = json!({});
                }
                open(&mut unknown[*name], rest);
            }
        },
    }
}

/// The plan once for each part of each resource, with it left open by something that no plan shows.
fn opened(root: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let changes = root["resource_changes"].as_array().unwrap();
    for (number, change) in changes.iter().enumerate() {
        if change["mode"] == "data" || change["change"]["actions"] != json!(["create"]) {
            continue;
        }
        let address = change["address"].as_str().unwrap();
        let mut parts = Vec::new();
        paths(&change["change"]["after"], "", &mut parts);
        for path in parts {
            let mut root = root.clone();
            let planned = &mut root["resource_changes"][number]["change"];
            *planned["after"].pointer_mut(&path).unwrap() = Value::Null;
            let names: Vec<&str> = path.split('/').skip(1).collect();
            open(&mut planned["after_unknown"], &names);
            let (around, name) = path.rsplit_once('/').unwrap();
            let block = configured(&mut root, address).pointer_mut(around);
            if let Some(Value::Object(block)) = block {
                block.insert(name.to_owned(), json!({"references": ["local.x"]}));
            }
            all.push((format!("{path} of {address}"), root));
        }
    }
    all
}

fn statuses(report: &Report) -> BTreeMap<(&str, &str), Status> {
    let findings = report.findings.iter();
    findings
        .map(|it| ((it.rule.id, it.resource.as_str()), it.status))
        .collect()
}

#[test]
fn what_is_open_never_passes_and_never_fails() {
    for fixture in ["ready", "breaches"] {
        let root = plan(fixture);
        let closed = report(&root);
        let closed = statuses(&closed);
        for (what, root) in opened(&root) {
            let report = report(&root);
            for (of, status) in statuses(&report) {
                let Some(before) = closed.get(&of) else {
                    continue;
                };
                let is_turned = matches!(
                    (before, status),
                    (Status::Pass | Status::Skip, Status::Fail | Status::Warn)
                        | (Status::Fail | Status::Warn, Status::Pass)
                );
                assert!(
                    !is_turned,
                    "{of:?} without {what}: {before:?} to {status:?}"
                );
            }
        }
    }
}

#[test]
fn a_key_out_of_something_else_is_not_followed() {
    let mut root = plan("ready");
    let key = json!({"references": ["random_id.x.hex", "random_id.x"]});
    configured(&mut root, "aws_ebs_volume.data")["kms_key_id"] = key;
    let report = report(&root);
    let findings = report
        .findings
        .iter()
        .filter(|it| it.resource == "aws_ebs_volume.data");
    for finding in findings.filter(|it| it.rule.id.starts_with("kms-key-")) {
        assert_eq!(finding.status, Status::Unknown, "{}", finding.rule.id);
    }
    assert_eq!(verdicts(&report)["aws_ebs_volume.data"], "unknown");
}

fn scan(fixture: &str, flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = repository().join(format!("fixtures/terraform/{fixture}.json"));
    run(backup_check(folder.path())
        .args(["scan", "--from"])
        .arg(file)
        .args(flags))
}

#[test]
fn the_program_judges_plans() {
    for (fixture, flags, code) in [
        ("ready", &[][..], 0),
        ("ready", &["--preflight"], 0),
        ("breaches", &[], 1),
        ("breaches", &["--fail-on", "never"], 0),
        ("mixed", &[], 1),
        (
            "mixed",
            &["--rule", "dynamodb-advanced-features-enabled"],
            3,
        ),
        (
            "mixed",
            &[
                "--rule",
                "ebs-default-encryption",
                "backup-policy-effective",
                "--gate",
                "account",
            ],
            0,
        ),
        (
            "mixed",
            &["--region", "eu-west-1", "--rule", "s3-versioning-enabled"],
            0,
        ),
    ] {
        let run = scan(fixture, flags);
        assert_eq!(run.code, code, "{fixture} {flags:?}: {run:?}");
    }
    let run = scan("breaches", &["--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["scan"]["source"], "terraform-plan");
    assert_eq!(report["scan"]["account_id"], "111122223333");
    let fails = report["findings"].as_array().unwrap().iter();
    let place = fails
        .filter(|it| it["resource"] == "aws_ebs_volume.closed")
        .map(|it| it["location"].clone())
        .next()
        .unwrap();
    assert_eq!(place["address"], "aws_ebs_volume.closed");
    assert!(
        place["file"]
            .as_str()
            .unwrap()
            .ends_with("fixtures/terraform/breaches.json")
    );
}

#[test]
fn a_plan_comes_through_a_pipe_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = only(
        "aws_s3_bucket",
        json!({"bucket": "x", "tags_all": {"backup": "enabled"}}),
        json!({"arn": true}),
    );
    let run = run_with_input(
        backup_check(folder.path()).args(["scan", "--from", "-", "--format", "json"]),
        &text.to_string(),
    );
    assert_eq!(run.code, 1, "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["scan"]["account_id"], Value::Null);
    assert_eq!(report["scan"]["regions"], json!(["unknown"]));
    assert_eq!(report["findings"][0]["location"]["file"], "stdin");
}

#[test]
fn files_that_are_not_a_shown_plan_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = [0xfeff_u16]
        .into_iter()
        .chain("{}".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, part) in [
        (b"PK\x03\x04\x14\x00\xff\xfe".to_vec(), "run `terraform show -json x`"),
        (br#"{"version": 4, "terraform_version": "1.9.5", "lineage": "a", "resources": []}"#.to_vec(), "state file as Terraform keeps it"),
        (br#"{"format_version": "2.0", "resource_changes": []}"#.to_vec(), "format version 2.0"),
        (br#"{"format_version": "1.2", "errored": true, "planned_values": {}}"#.to_vec(), "the plan failed"),
        (br#"{"format_version": "1.0"}"#.to_vec(), "nothing to judge"),
        (b"# main\nresource \"aws_s3_bucket\" \"x\" {\n}\n".to_vec(), "is a Terraform configuration"),
        (b"Terraform will perform the following actions:\n".to_vec(), "a plan as people read it"),
        (b"{\"@level\":\"info\",\"@message\":\"Terraform 1.9.5\",\"@module\":\"terraform.ui\"}\n{\"@level\":\"info\"}\n".to_vec(), "the log of `terraform plan -json`"),
        (utf16, "UTF-16"),
        (b"{\"a\": 1}".to_vec(), "not a snapshot of backup-check"),
        (b"\xff\x00".to_vec(), "byte 0 is not UTF-8"),
    ] {
        fs::write(folder.path().join("x"), &bytes).unwrap();
        let run = run(backup_check(folder.path()).args(["scan", "--from", "x"]));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(part), "{part:?} is not in {}", run.stderr);
        assert!(run.stderr.starts_with("error: x"), "{}", run.stderr);
    }
    // A byte order mark is no reason to refuse.
    let text = format!("\u{feff}{}", plan("ready"));
    fs::write(folder.path().join("x"), text).unwrap();
    assert_eq!(
        run(backup_check(folder.path()).args(["scan", "--from", "x"])).code,
        0
    );
}

/// A VPC with a public subnet in use, an endpoint for S3 and a route table, which says what is given.
fn network(table: Value, unknown: Value, more: &[(&str, &str, Value, &[&str], Value)]) -> Value {
    let mut root = only(
        "aws_vpc",
        json!({"cidr_block": "10.0.0.0/16"}),
        json!({"id": true}),
    );
    grow(
        &mut root,
        &[
            (
                "aws_subnet",
                "a",
                json!({}),
                &["id", "vpc_id"],
                json!({"vpc_id": to("aws_vpc.x.id")}),
            ),
            (
                "aws_instance",
                "a",
                json!({"ami": "ami-1"}),
                &["id", "subnet_id"],
                json!({"subnet_id": to("aws_subnet.a.id")}),
            ),
            (
                "aws_route_table",
                "a",
                table,
                &["id", "vpc_id"],
                json!({"vpc_id": to("aws_vpc.x.id")}),
            ),
            (
                "aws_route_table_association",
                "a",
                json!({}),
                &["route_table_id", "subnet_id"],
                json!({"subnet_id": to("aws_subnet.a.id"), "route_table_id": to("aws_route_table.a.id")}),
            ),
            (
                "aws_vpc_endpoint",
                "a",
                json!({"service_name": "com.amazonaws.eu-central-1.s3", "vpc_endpoint_type": "Gateway"}),
                &["id", "vpc_id"],
                json!({"vpc_id": to("aws_vpc.x.id")}),
            ),
        ],
    );
    grow(&mut root, more);
    for (name, unknown) in unknown.as_object().unwrap() {
        change(&mut root, "aws_route_table.a")["change"]["after_unknown"][name] = unknown.clone();
    }
    root
}

#[test]
fn where_a_default_route_leads_may_be_open() {
    let routed = |root: &Value| found(&report(root), "aws_vpc.x");
    let breach = "fail s3-gateway-endpoint-routed".to_owned();
    let open = ["unknown s3-gateway-endpoint-routed".to_owned()];
    let nat = json!({"route": [{"cidr_block": "0.0.0.0/0", "gateway_id": "", "nat_gateway_id": "nat-1"}]});
    assert_eq!(routed(&network(nat, json!({}), &[])), [breach]);
    // The configuration does not show such blocks: it may be an internet gateway.
    let inline = json!({"route": [{"cidr_block": "0.0.0.0/0"}]});
    let gateway = json!({"route": [{"gateway_id": true}]});
    assert_eq!(routed(&network(inline, gateway, &[])), open);
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
        route(to("aws_route_table.a.id"), local.clone()),
        route(local, to("aws_internet_gateway.g.id")),
    ] {
        assert_eq!(routed(&network(json!({}), json!({}), &more)), open);
    }
    let mut root = network(json!({}), json!({}), &[]);
    change(&mut root, "aws_vpc_endpoint.a")["change"]["after_unknown"]["route_table_ids"] =
        json!(true);
    configured(&mut root, "aws_vpc_endpoint.a")["route_table_ids"] =
        json!({"references": ["local.tables"]});
    assert_eq!(routed(&root), open);
}

#[test]
fn a_volume_that_asks_for_no_encryption_may_get_it_from_the_account() {
    let root = only(
        "aws_ebs_volume",
        json!({"encrypted": false, "tags": {"backup": "enabled"}}),
        json!({"id": true}),
    );
    let found = found(&report(&root), "aws_ebs_volume.x");
    assert!(
        found.contains(&"unknown encryption-at-rest".to_owned()),
        "{found:?}"
    );
}

#[test]
fn dynamic_blocks_that_wait_are_not_taken_for_none() {
    let mut root = only(
        "aws_s3_bucket",
        json!({"bucket": "b", "tags": {"backup": "enabled"}}),
        json!({"id": true}),
    );
    for (kind, block) in [
        ("aws_s3_bucket_versioning", "versioning_configuration"),
        ("aws_s3_bucket_lifecycle_configuration", "rule"),
    ] {
        grow(
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
    let found = found(&report(&root), "aws_s3_bucket.x");
    assert!(
        found.contains(&"unknown s3-versioning-enabled".to_owned()),
        "{found:?}"
    );
}

/// Adds instances of a resource.
fn grow_each(
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
fn an_instance_picks_a_key_only_where_that_is_certain() {
    let case = |keys: &[Value], own: &[Value], config: Value| {
        let mut root = only("aws_vpc", json!({}), json!({}));
        grow_each(
            &mut root,
            "aws_kms_key",
            keys,
            &json!({"is_enabled": true}),
            &json!({"arn": true}),
            &json!({"expressions": {}}),
        );
        grow_each(
            &mut root,
            "aws_ebs_volume",
            own,
            &json!({"encrypted": true}),
            &json!({"kms_key_id": true}),
            &config,
        );
        let snapshot = snapshot(&root);
        let volumes = &snapshot.regions.values().next().unwrap().volumes.items;
        volumes[0].kms_key.known().cloned().flatten()
    };
    let picks =
        |by: &str| json!({"expressions": {"kms_key_id": {"references": ["aws_kms_key.k", by]}}});
    let of = |key: &str| Some(format!("arn:aws:kms:unknown::key/aws_kms_key.k[{key}]"));
    let (numbers, names) = ([json!(0), json!(1)], [json!("a"), json!("b")]);
    assert_eq!(case(&numbers, &numbers, picks("count.index")), of("0"));
    // `count.index + 1`, for all that a plan shows.
    assert_eq!(case(&numbers, &numbers[..1], picks("count.index")), None);
    assert_eq!(case(&names, &names, picks("each.key")), of("\"a\""));
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
fn devices_that_are_not_told_apart_are_left_open() {
    let mut root = plan("ready");
    let device = |name: &str| json!({"device_name": name, "encrypted": true});
    let instance = change(&mut root, "aws_instance.web");
    instance["change"]["after"]["ebs_block_device"] =
        json!([device("/dev/sdg"), device("/dev/sdf")]);
    instance["change"]["after_unknown"]["ebs_block_device"] =
        json!([{"kms_key_id": true}, {"kms_key_id": true}]);
    // The other is of a dynamic block, which is not shown.
    configured(&mut root, "aws_instance.web")["ebs_block_device"] = json!([
        {"device_name": {"references": ["var.device"]}, "encrypted": {"constant_value": true}, "kms_key_id": to("aws_kms_key.data.arn")}
    ]);
    for number in 0..2 {
        let found = found(
            &report(&root),
            &format!("aws_instance.web.ebs_block_device[{number}]"),
        );
        assert!(
            found.contains(&"unknown kms-key-shared".to_owned()),
            "{found:?}"
        );
    }
}

#[test]
fn volumes_of_images_and_launch_templates_count() {
    let mut root = plan("ready");
    let before = found(&report(&root), "aws_instance.web");
    assert!(
        !before.contains(&"unknown encryption-at-rest".to_owned()),
        "{before:?}"
    );
    change(&mut root, "aws_instance.web")["change"]["after"]["launch_template"] =
        json!([{"version": "1"}]);
    let templated = found(&report(&root), "aws_instance.web");
    assert!(
        templated.contains(&"unknown encryption-at-rest".to_owned()),
        "{templated:?}"
    );
    let mut root = plan("ready");
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
    let brought = found(&report(&root), "aws_instance.web");
    assert!(
        brought.contains(&"unknown encryption-at-rest".to_owned()),
        "{brought:?}"
    );
}

#[test]
fn a_plan_without_changes_shows_what_exists() {
    let values = json!({"root_module": {"resources": [{
        "address": "aws_s3_bucket.b", "mode": "managed", "type": "aws_s3_bucket", "name": "b",
        "values": {"bucket": "b", "arn": "arn:aws:s3:::b", "tags_all": {"backup": "enabled"}},
    }]}});
    let root = json!({
        "format_version": "1.2", "planned_values": values, "prior_state": {"format_version": "1.0", "values": values},
        "configuration": {"root_module": {"resources": [{"address": "aws_s3_bucket.b", "mode": "managed", "type": "aws_s3_bucket", "name": "b", "expressions": {}}]}},
    });
    let found = found(&report(&root), "arn:aws:s3:::b");
    assert!(
        found.contains(&"unknown s3-versioning-enabled".to_owned()),
        "{found:?}"
    );
}

#[test]
fn one_id_of_two_keys_is_that_of_the_own_region() {
    let mut root = only(
        "aws_s3_bucket",
        json!({"bucket": "b", "region": "eu-central-1"}),
        json!({"id": true}),
    );
    let encryption = json!({"bucket": "b", "region": "eu-central-1", "rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": "mrk-1"}]}]});
    let key = |region: &str| json!({"key_id": "mrk-1", "arn": format!("arn:aws:kms:{region}:111122223333:key/mrk-1")});
    grow(
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
    let snapshot = snapshot(&root);
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

#[test]
fn files_in_colour_are_recognized_too() {
    let prose = "\n\u{1b}[0m\u{1b}[1mTerraform will perform the following actions:\u{1b}[0m\n";
    for (text, expected) in [
        (prose, "as people read it"),
        ("output \"x\" {\n}\n", "Terraform configuration"),
    ] {
        let found = backup_check::source::detect::recognize(text.as_bytes().to_vec(), "f");
        assert!(found.unwrap_err().to_string().contains(expected));
    }
}
