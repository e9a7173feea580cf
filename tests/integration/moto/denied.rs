//! Denied operations, one at a time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::emulator::lock_moto;
use super::expected::{assert_expected, findings_by_place};

/// Service, operation, resource type (any if empty) and the rules that are unknown for this type if the
/// operation is denied. Without an operation that lists resources, these resources have no findings, so
/// only rules about other resources are given.
const NEEDS: [(&str, &str, &str, &[&str]); 41] = [
    (
        "backup",
        "DescribeRegionSettings",
        "",
        &["dynamodb-advanced-features-enabled", "service-opted-in"],
    ),
    (
        "dynamodb",
        "DescribeTable",
        "dynamodb-table",
        &[
            "encryption-customer-key-recommended",
            "resource-state-ready",
        ],
    ),
    ("dynamodb", "ListTables", "", &[]),
    ("ec2", "DescribeInstances", "", &[]),
    // Instances show that the networks are in use, and all subnets have the route.
    ("ec2", "DescribeNetworkInterfaces", "", &[]),
    (
        "ec2",
        "DescribeRouteTables",
        "",
        &["s3-gateway-endpoint-routed"],
    ),
    (
        "ec2",
        "DescribeSubnets",
        "",
        &["s3-gateway-endpoint-routed"],
    ),
    (
        "ec2",
        "DescribeVolumes",
        "ec2-instance",
        &[
            "encryption-at-rest",
            "encryption-customer-key",
            "kms-key-shared",
            "kms-key-locally-usable",
            "kms-key-usable",
        ],
    ),
    (
        "ec2",
        "DescribeVpcEndpoints",
        "",
        &[
            "s3-gateway-endpoint-present",
            "s3-gateway-endpoint-routed",
            "s3-gateway-endpoint-open",
        ],
    ),
    ("ec2", "DescribeVpcs", "", &[]),
    (
        "ec2",
        "GetEbsDefaultKmsKeyId",
        "",
        &["ebs-default-encryption"],
    ),
    (
        "ec2",
        "GetEbsEncryptionByDefault",
        "",
        &["ebs-default-encryption"],
    ),
    (
        "kms",
        "DescribeKey",
        "",
        &[
            "kms-key-usable",
            "kms-key-shared",
            "kms-key-fully-shared",
            "kms-key-locally-usable",
            "encryption-customer-key",
        ],
    ),
    (
        "kms",
        "GetKeyPolicy",
        "",
        &[
            "kms-key-shared",
            "kms-key-fully-shared",
            "kms-key-locally-usable",
        ],
    ),
    ("rds", "DescribeDBClusters", "", &[]),
    ("rds", "DescribeDBInstances", "", &[]),
    (
        "s3",
        "GetBucketEncryption",
        "s3-bucket",
        &["encryption-customer-key-recommended", "kms-key-not-central"],
    ),
    (
        "s3",
        "GetBucketLifecycleConfiguration",
        "",
        &["s3-old-versions-expire"],
    ),
    (
        "s3",
        "GetBucketVersioning",
        "",
        &["s3-versioning-enabled", "s3-old-versions-expire"],
    ),
    ("s3", "ListBuckets", "", &[]),
    (
        "backup",
        "GetBackupVaultAccessPolicy",
        "",
        &["local-vault-ready"],
    ),
    ("backup", "ListBackupJobs", "", &["backup-recent"]),
    // A plan of the account may run in a window of a database.
    ("backup", "ListBackupPlans", "", &["rds-windows-clear"]),
    ("backup", "ListBackupVaults", "", &["local-vault-ready"]),
    ("backup", "ListCopyJobs", "", &["copy-recent"]),
    ("cloudformation", "DescribeStacks", "", &[]),
    (
        "cloudformation",
        "ListStackResources",
        "cloudformation-stack",
        &["stack-resources-ready"],
    ),
    ("elasticfilesystem", "DescribeFileSystems", "", &[]),
    ("fsx", "DescribeFileSystems", "", &[]),
    ("iam", "GetRole", "", &["backup-role-ready"]),
    (
        "iam",
        "ListAttachedRolePolicies",
        "",
        &["backup-role-ready"],
    ),
    ("iam", "ListRolePolicies", "", &["backup-role-ready"]),
    (
        "organizations",
        "DescribeEffectivePolicy",
        "",
        &["backup-policy-effective"],
    ),
    (
        "organizations",
        "DescribeOrganization",
        "",
        &["organization-member"],
    ),
    (
        "rds",
        "DescribeOptionGroups",
        "",
        &["rds-option-group-shareable"],
    ),
    ("redshift", "DescribeClusters", "", &[]),
    ("redshift-serverless", "ListNamespaces", "", &[]),
    (
        "storagegateway",
        "DescribeCachediSCSIVolumes",
        "storage-gateway-volume",
        // Another operation reads the volumes of stored gateways.
        &[],
    ),
    (
        "storagegateway",
        "DescribeStorediSCSIVolumes",
        "storage-gateway-volume",
        &[],
    ),
    ("storagegateway", "ListGateways", "", &[]),
    (
        "storagegateway",
        "ListVolumes",
        "storage-gateway",
        // No rule needs the volumes of an untagged gateway.
        &[],
    ),
];

/// Operations that only rules of the platform team need, or none. They do not affect the exit code.
const PLATFORM: [&str; 6] = [
    "DescribeOrganization",
    "GetBackupVaultAccessPolicy",
    "GetRole",
    "ListAttachedRolePolicies",
    "ListBackupVaults",
    "ListRolePolicies",
];

/// Operations that read tags or regions, rather than facts of a rule.
const SECONDARY: [(&str, &str); 2] = [("tagging", "GetResources"), ("ec2", "DescribeRegions")];

#[test]
fn a_rule_does_not_pass_if_an_operation_it_needs_is_denied() {
    let moto = lock_moto();
    let account = "444455556666";
    let expected = moto.seed_account(account, "clean");
    moto.control_overlay("POST", "reset", &Value::Null);
    let (_, complete) = moto.scan_account(account, &[]);
    assert_expected(&complete, &expected);
    let complete = findings_by_place(&complete);

    let sent: BTreeSet<(String, String)> = moto
        .sent_operations(account)
        .into_iter()
        .filter(|(service, _)| service != "sts")
        .collect();
    let named: BTreeSet<(String, String)> = NEEDS
        .iter()
        .map(|(service, operation, ..)| (*service, *operation))
        .chain(SECONDARY)
        .map(|(service, operation)| (service.to_owned(), operation.to_owned()))
        .collect();
    assert_eq!(
        sent, named,
        "NEEDS lists exactly the operations that are sent"
    );

    let types: BTreeMap<String, String> = expected
        .resources
        .iter()
        .map(|(arn, it)| (arn.clone(), it.kind.clone()))
        .collect();
    let secondary = SECONDARY.map(|(service, operation)| (service, operation, "", &[][..]));
    for (service, operation, kind, rules) in NEEDS.into_iter().chain(secondary) {
        moto.set_rules(&json!([{"service": service, "operation": operation, "deny": true}]));
        let (run, report) = moto.scan_account(account, &[]);
        // Without tags, a resource with backup=disabled is evaluated as if it were enabled, and may fail.
        let untagged = operation == "GetResources";
        // Where all subnets have the route, it does not matter which of them are in use.
        let is_settled = operation == "DescribeNetworkInterfaces";
        let want = match is_settled || PLATFORM.contains(&operation) {
            true => 0,
            false => 3,
        };
        let code_holds = run.code == want || (untagged && run.code == 1);
        assert!(
            code_holds,
            "{operation} denied: exit {}, {}",
            run.code, run.stderr
        );
        assert_eq!(report["scan"]["complete"], false, "{operation}");
        let denied = findings_by_place(&report);
        let mut touched = 0;
        for (place, (status, _)) in &denied {
            let before = complete.get(place).map(|(status, _)| status.as_str());
            assert!(
                status == "unknown" || before == Some(status) || (untagged && before.is_none()),
                "{operation} denied: {place:?} went from {before:?} to {status}"
            );
            // The role needs nothing of the key of a file system.
            let needs_nothing =
                place.1 == "kms-key-locally-usable" && types[&place.0] == "efs-file-system";
            let is_affected = (kind.is_empty() || types[&place.0] == kind) && !needs_nothing;
            if is_affected && rules.contains(&place.1.as_str()) && before == Some("pass") {
                assert_eq!(status, "unknown", "{operation} denied: {place:?}");
                touched += 1;
            }
        }
        assert!(
            rules.is_empty() || touched >= rules.len(),
            "{operation} denied: {touched} findings of {rules:?}"
        );
        if untagged {
            let tags = report["resources"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["type"] == "s3-bucket");
            assert!(
                tags.clone().count() > 0 && tags.clone().all(|it| it["backup_tag"] == "unknown")
            );
        }
        assert_reported(&report, operation);
    }
}

/// Checks that a coverage row reports a denied operation.
fn assert_reported(report: &Value, operation: &str) {
    let rows = report["coverage"].as_array().unwrap();
    let is_reported = rows.iter().any(|row| {
        let error = &row["error"];
        error["operation"]
            .as_str()
            .is_some_and(|it| it.ends_with(&format!(":{operation}")))
            && [
                "AccessDenied",
                "AccessDeniedException",
                "UnauthorizedOperation",
            ]
            .contains(&error["code"].as_str().unwrap())
    });
    assert!(
        is_reported,
        "{operation} was denied, but no coverage row reports it: {rows:?}"
    );
}
