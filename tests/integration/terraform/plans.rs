//! Verdicts of the plans and states in `fixtures/terraform`.

use std::collections::BTreeMap;

use backup_check::exit::{Exit, FailOn};
use backup_check::model::snapshot::Source;
use backup_check::report::Report;
use backup_check::report::Status;
use serde_json::json;

use super::{evaluate_plan, load_plan, message_of, problems_of, read_snapshot, verdicts_of};

#[test]
fn a_ready_plan_has_no_violation() {
    let report = evaluate_plan(&load_plan("ready"));
    assert_eq!(report.source, Source::TerraformPlan);
    assert_eq!(report.account_id.as_deref(), Some("111122223333"));
    // The value of the variable, not its default.
    assert_eq!(report.regions, ["eu-central-1"]);
    assert_eq!(
        verdicts_of(&report),
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
    // By its ARN, the target of an alias, the name of an alias, an attribute in a block.
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

/// Asserts the findings of resources that are worse than a pass.
fn assert_problems(report: &Report, expected: &[(&str, &[&str])]) {
    for (resource, problems) in expected {
        assert_eq!(problems_of(report, resource), *problems, "{resource}");
    }
}

#[test]
fn violations_of_volumes_are_found() {
    let expected: [(&str, &[&str]); 9] = [
        (
            "aws_ebs_volume.closed",
            &["warn kms-key-fully-shared", "fail kms-key-shared"],
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
    ];
    assert_problems(&evaluate_plan(&load_plan("breaches")), &expected);
}

#[test]
fn violations_of_databases_are_found() {
    let expected: [(&str, &[&str]); 5] = [
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
        // Aurora uses an AWS owned key if no key is named.
        ("aws_rds_cluster.shop", &["fail encryption-customer-key"]),
    ];
    let report = evaluate_plan(&load_plan("breaches"));
    assert_problems(&report, &expected);
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
        let problems = problems_of(&report, resource);
        assert!(problems.contains(&rule.to_owned()), "{resource}");
    }
}

#[test]
fn violations_of_other_resources_are_found() {
    let expected: [(&str, &[&str]); 11] = [
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
            &["fail cross-account-copy-supported"],
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
    ];
    let report = evaluate_plan(&load_plan("breaches"));
    assert_problems(&report, &expected);
    assert_eq!(report.exit(FailOn::Fail), Exit::Failed);
}

#[test]
fn modules_instances_and_changes_have_their_verdicts() {
    let report = evaluate_plan(&load_plan("mixed"));
    let volume = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:volume/{id}");
    let (kept, elsewhere) = (volume("vol-0kept"), volume("vol-0elsewhere"));
    let (imported, untouched) = (volume("vol-0imported"), volume("vol-0untouched"));
    assert_eq!(
        verdicts_of(&report),
        BTreeMap::from([
            // Existing resources have their ARN. Resources that are deleted are not in the report.
            (kept.as_str(), "ready"),
            (imported.as_str(), "ready"),
            (untouched.as_str(), "ready"),
            (elsewhere.as_str(), "unknown"),
            ("aws_ebs_volume.replaced", "ready"),
            // The index may be worked out from `each.key`, and the keys differ.
            ("aws_ebs_volume.by_key[\"a\"]", "unknown"),
            ("aws_ebs_volume.by_key[\"b\"]", "unknown"),
            // One key per instance, by `each.value`.
            ("aws_ebs_volume.by_value[\"a\"]", "ready"),
            ("aws_ebs_volume.by_value[\"b\"]", "not-ready"),
            ("aws_ebs_volume.beside", "ready"),
            // The same key as that of `module.db`.
            ("aws_ebs_volume.coalesced", "unknown"),
            ("aws_ebs_volume.by_local", "unknown"),
            ("aws_ebs_volume.default_key", "unknown"),
            ("aws_ebs_volume.either", "unknown"),
            ("aws_ebs_volume.later", "unknown"),
            ("aws_ebs_volume.unset", "unknown"),
            ("aws_efs_file_system.named_later", "ready"),
            ("aws_efs_file_system.tagged_later", "unknown"),
            ("aws_efs_file_system.opted_out", "exempt"),
            ("aws_dynamodb_table.carts", "unknown"),
            // Its key has a policy with a role that does not exist yet, which an expression may change.
            ("module.db.aws_db_instance.this", "unknown"),
            ("module.store[0].aws_s3_bucket.this[0]", "at-risk"),
            ("module.store[1].aws_s3_bucket.this[0]", "not-ready"),
        ])
    );
    // The module has a provider with an alias.
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
}

#[test]
fn unknown_findings_name_their_reason() {
    let report = evaluate_plan(&load_plan("mixed"));
    let volume = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:volume/{id}");
    let elsewhere = volume("vol-0elsewhere");
    // Through a variable and an output, with a policy that is known only after apply.
    let shared = message_of(&report, "kms-key-shared", "module.db.aws_db_instance.this");
    assert!(
        shared.contains("whether key module.kms.aws_kms_key.this[0] allows 692653576357")
            && shared.contains("identifiers of module.kms.data.aws_iam_policy_document.this"),
        "{shared}"
    );
    for (resource, why) in [
        (
            "aws_ebs_volume.by_local",
            "it depends on local.key_arn, and a plan does not show local values",
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
            "a setting of the account that is not in the plan",
        ),
        (
            elsewhere.as_str(),
            "is not in the plan, which only refers to it",
        ),
    ] {
        let seen = message_of(&report, "kms-key-shared", resource);
        assert!(seen.contains(why), "{resource}: {seen}");
    }
    let unset = message_of(&report, "encryption-at-rest", "aws_ebs_volume.unset");
    assert!(unset.contains("a setting of the account"), "{unset}");
    // Settings of the account are not in the plan: they have no finding and do not gate.
    for region in ["eu-central-1", "eu-west-1"] {
        let region = format!("backup-check:region:111122223333:{region}");
        assert_eq!(problems_of(&report, &region), Vec::<String>::new());
    }
    assert!(report.complete);
    assert!(!format!("{report:?}").contains("not for reports"));
}

#[test]
fn a_state_is_evaluated_without_changes() {
    let mut root = json!({
        "format_version": "1.0",
        "terraform_version": "1.9.5",
        "values": load_plan("mixed")["prior_state"]["values"],
    });
    let report = evaluate_plan(&root);
    assert_eq!(report.source, Source::TerraformState);
    let verdicts = verdicts_of(&report);
    let volume = |id: &str| format!("arn:aws:ec2:eu-west-1:111122223333:volume/{id}");
    assert_eq!(verdicts[volume("vol-0kept").as_str()], "ready");
    assert_eq!(verdicts[volume("vol-0replaced").as_str()], "not-ready");

    root["values"] = json!({"root_module": {}});
    assert!(read_snapshot(&root).regions.is_empty());
}

#[test]
fn a_plan_without_changes_shows_existing_resources() {
    let values = json!({"root_module": {"resources": [{
        "address": "aws_s3_bucket.b", "mode": "managed", "type": "aws_s3_bucket", "name": "b",
        "values": {"bucket": "b", "arn": "arn:aws:s3:::b", "tags_all": {"backup": "enabled"}},
    }]}});
    let root = json!({
        "format_version": "1.2", "planned_values": values, "prior_state": {"format_version": "1.0", "values": values},
        "configuration": {"root_module": {"resources": [{"address": "aws_s3_bucket.b", "mode": "managed", "type": "aws_s3_bucket", "name": "b", "expressions": {}}]}},
    });
    let found = problems_of(&evaluate_plan(&root), "arn:aws:s3:::b");
    assert!(
        found.contains(&"unknown s3-versioning-enabled".to_owned()),
        "{found:?}"
    );
}
