//! `--service` and `--resource`: the calls that are sent, and their results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::command::Run;
use crate::support::endpoint::{Endpoint, Reply, on};

use super::{ACCOUNT, REGION, User, at, json_of};

const SERVICES: [&str; 14] = [
    "backup",
    "cloudformation",
    "documentdb",
    "dynamodb",
    "ebs",
    "ec2",
    "efs",
    "fsx",
    "neptune",
    "rds",
    "redshift",
    "s3",
    "storagegateway",
    "vpc",
];

/// Returns the resource types that a scan of a service reports.
fn reported_types(service: &str) -> &'static [&'static str] {
    match service {
        "backup" => &[
            "account",
            "region",
            "backup-vault",
            "secret",
            "ssm-parameter",
            "other",
        ],
        "cloudformation" => &["cloudformation-stack", "region"],
        "documentdb" => &["documentdb-cluster", "region"],
        "dynamodb" => &["dynamodb-table", "region"],
        "ebs" => &["ebs-volume", "region"],
        "ec2" => &["ec2-instance", "region"],
        "efs" => &["efs-file-system", "region"],
        "fsx" => &["fsx-file-system", "fsx-volume", "region"],
        "neptune" => &["neptune-cluster", "region"],
        "rds" => &["rds-instance", "rds-cluster", "aurora-cluster", "region"],
        "redshift" => &["redshift-cluster", "redshift-namespace", "region"],
        "s3" => &["s3-bucket", "region"],
        "storagegateway" => &["storage-gateway", "storage-gateway-volume", "region"],
        "vpc" => &["vpc"],
        other => panic!("{other}"),
    }
}

fn scan(user: &User, endpoint: &Endpoint, more: &[&str]) -> Run {
    let url = endpoint.url();
    let mut args = vec!["scan", "--endpoint-url", &url, "--format", "json"];
    args.extend(["--show-skipped"]);
    args.extend(more);
    let run = user.run(&args);
    assert_eq!(endpoint.unexpected_requests(), [""; 0], "{}", run.stderr);
    run
}

fn sent_operations(endpoint: &Endpoint) -> BTreeSet<String> {
    let sent = endpoint.requests().into_iter().map(|it| it.operation);
    sent.filter(|it| it != "sts:GetCallerIdentity").collect()
}

/// Returns the IAM action of an operation, which S3 names differently.
fn iam_action(operation: &str) -> &str {
    match operation {
        "s3:ListBuckets" => "s3:ListAllMyBuckets",
        "s3:HeadBucket" => "s3:ListBucket",
        "s3:GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        "s3:GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
        "s3:GetBucketNotificationConfiguration" => "s3:GetBucketNotification",
        other => other,
    }
}

#[test]
fn a_scan_of_a_service_sends_exactly_the_operations_of_its_iam_policy() {
    let user = User::new();
    for service in SERVICES {
        let here = Reply::Bare(200, &[("x-amz-bucket-region", REGION)]);
        let usual = Endpoint::start([
            on("s3:ListBuckets", Reply::Fixture("ListBuckets-no-region")),
            on("s3:HeadBucket", here),
        ]);
        let without_policy = "EffectivePolicyNotFoundException";
        let planned = Endpoint::start([
            on(
                "organizations:DescribeEffectivePolicy",
                Reply::Fixture(without_policy),
            ),
            on(
                "backup:ListBackupVaults",
                Reply::Fixture("ListBackupVaults-own-key"),
            ),
        ]);
        let mut sent = BTreeSet::new();
        for endpoint in [&usual, &planned] {
            let run = scan(&user, endpoint, &["--region", REGION, "--service", service]);
            assert!([0, 1, 3].contains(&run.code), "{service}: {}", run.stderr);
            let report = json_of(&run);
            for resource in report["resources"].as_array().expect("resources") {
                let kind = resource["type"].as_str().expect("a type");
                assert!(
                    reported_types(service).contains(&kind),
                    "{service}: {resource}"
                );
            }
            assert_eq!(
                report["scan"]["complete"], true,
                "{service}: {}",
                run.stdout
            );
            sent.extend(sent_operations(endpoint));
        }
        let sent: BTreeSet<String> = sent.iter().map(|it| iam_action(it).to_owned()).collect();
        let policy = json_of(&user.run(&["iam-policy", "--service", service]));
        let allowed: BTreeSet<String> =
            serde_json::from_value(at(&policy, "/Statement/0/Action").clone()).expect("a list");
        assert_eq!(sent, allowed, "{service}");
    }
}

/// The operations that are sent for every resource.
const ALWAYS: [&str; 10] = [
    "backup:DescribeRegionSettings",
    "backup:GetBackupPlan",
    "backup:GetBackupSelection",
    "backup:ListBackupJobs",
    "backup:ListBackupPlans",
    "backup:ListBackupSelections",
    "backup:ListCopyJobs",
    "ec2:DescribeRegions",
    "organizations:DescribeEffectivePolicy",
    "organizations:DescribeOrganization",
];

/// Returns the other operations that are sent for a resource, without KMS.
fn own_operations(kind: &str) -> &'static [&'static str] {
    match kind {
        "cloudformation-stack" => &[],
        "dynamodb-table" => &["dynamodb:DescribeTable", "tag:GetResources"],
        "ebs-volume" | "ec2-instance" => &["ec2:DescribeInstances", "ec2:DescribeVolumes"],
        "efs-file-system" => &["elasticfilesystem:DescribeFileSystems"],
        "fsx-file-system" => &[
            "fsx:DescribeDataRepositoryAssociations",
            "fsx:DescribeFileSystems",
        ],
        "fsx-volume" => &["fsx:DescribeFileSystems", "fsx:DescribeVolumes"],
        "rds-instance" => &[
            "rds:DescribeDBInstances",
            "rds:DescribeOptionGroups",
            "tag:GetResources",
        ],
        "aurora-cluster" | "documentdb-cluster" | "neptune-cluster" | "rds-cluster" => &[
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "tag:GetResources",
        ],
        "redshift-cluster" => &["redshift:DescribeClusters"],
        "redshift-namespace" => &["redshift-serverless:ListNamespaces", "tag:GetResources"],
        "s3-bucket" => &[
            "s3:GetBucketEncryption",
            "s3:GetBucketLifecycleConfiguration",
            "s3:GetBucketNotificationConfiguration",
            "s3:GetBucketVersioning",
            "s3:ListBuckets",
            "tag:GetResources",
        ],
        "storage-gateway" | "storage-gateway-volume" => &[
            "storagegateway:DescribeCachediSCSIVolumes",
            "storagegateway:DescribeStorediSCSIVolumes",
            "storagegateway:ListGateways",
            "storagegateway:ListVolumes",
            "tag:GetResources",
        ],
        "secret" | "ssm-parameter" => &["tag:GetResources"],
        // Only RDS distinguishes the clusters of DocumentDB and Neptune from its own.
        "other" => &[
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "tag:GetResources",
        ],
        other => panic!("{other}"),
    }
}

/// Resources that are tagged and that their service does not know: they cannot be selected.
const GONE: [&str; 2] = [":table/far", ":instance/i-0aa11bb22cc33dd44"];

/// Returns the findings of a resource by rule.
fn findings_by_rule<'a>(report: &'a Value, arn: &str) -> BTreeMap<&'a str, &'a Value> {
    let all = report["findings"].as_array().expect("findings").iter();
    let own = all.filter(|it| it["resource"] == arn);
    own.map(|it| (it["rule"].as_str().expect("an id"), it))
        .collect()
}

#[test]
fn a_selected_resource_has_the_same_findings_with_few_calls() {
    let user = User::new();
    let full = json_of(&scan(&user, &Endpoint::start([]), &["--region", REGION]));
    let mut kinds = BTreeSet::new();
    for resource in full["resources"].as_array().expect("resources") {
        let kind = resource["type"].as_str().expect("a type");
        if ["account", "region", "backup-vault", "vpc"].contains(&kind) {
            continue;
        }
        let arn = resource["arn"].as_str().expect("an ARN");
        if GONE.iter().any(|it| arn.ends_with(it)) {
            continue;
        }
        kinds.insert(kind);
        let endpoint = Endpoint::start([]);
        let run = scan(&user, &endpoint, &["--resource", arn]);
        assert!([0, 1, 3].contains(&run.code), "{arn}: {}", run.stderr);
        let report = json_of(&run);
        let listed = report["resources"].as_array().expect("resources").iter();
        let listed: Vec<&str> = listed.filter_map(|it| it["arn"].as_str()).collect();
        assert!(
            listed
                .iter()
                .all(|it| *it == arn || it.starts_with("backup-check:region:")),
            "{listed:?}"
        );
        let (want, got) = (findings_by_rule(&full, arn), findings_by_rule(&report, arn));
        assert_eq!(
            want.keys().collect::<Vec<_>>(),
            got.keys().collect::<Vec<_>>(),
            "{arn}"
        );
        for (rule, finding) in want {
            // The stacks of the resource are not read.
            if rule == "backup-not-duplicated" {
                assert!(
                    ["skip", "warn"].contains(&got[rule]["status"].as_str().unwrap_or(""))
                        || got[rule] == finding
                );
                continue;
            }
            assert_eq!(got[rule], finding, "{rule} on {arn}");
        }
        assert_eq!(report["scan"]["complete"], true, "{arn}: {}", run.stdout);

        let mut sent = sent_operations(&endpoint);
        sent.retain(|it| !it.starts_with("kms:"));
        let own = own_operations(kind);
        // The opt-in settings do not cover resources that are checked only for their tag.
        let by_tag = ["secret", "ssm-parameter", "other"].contains(&kind) && !arn.contains(":rds:");
        for operation in ALWAYS {
            let not_needed = by_tag && operation == "backup:DescribeRegionSettings";
            assert_ne!(sent.contains(operation), not_needed, "{arn}: {operation}");
        }
        if kind != "cloudformation-stack" {
            for operation in &sent {
                let expected = own.contains(&operation.as_str());
                assert!(
                    expected || ALWAYS.contains(&operation.as_str()),
                    "{arn}: {operation}"
                );
            }
        }
        let most = if kind == "cloudformation-stack" {
            60
        } else {
            26
        };
        assert!(endpoint.requests().len() <= most, "{arn}: {sent:?}");
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
}

#[test]
fn a_missing_resource_is_a_usage_error_and_a_denied_one_is_unknown() {
    let user = User::new();
    let place = format!("{REGION}:{ACCOUNT}");
    for (arn, operation) in [
        (
            format!("arn:aws:ec2:{place}:instance/i-0000000000000dead"),
            "ec2:DescribeInstances",
        ),
        (
            format!("arn:aws:ec2:{place}:volume/vol-0000000000000dead"),
            "ec2:DescribeVolumes",
        ),
        (
            format!("arn:aws:rds:{place}:db:dead"),
            "rds:DescribeDBInstances",
        ),
        (
            format!("arn:aws:rds:{place}:cluster:dead"),
            "rds:DescribeDBClusters",
        ),
        (
            format!("arn:aws:elasticfilesystem:{place}:file-system/fs-dead"),
            "elasticfilesystem:DescribeFileSystems",
        ),
        (
            format!("arn:aws:fsx:{place}:file-system/fs-0000000000000dead"),
            "fsx:DescribeFileSystems",
        ),
        (
            format!("arn:aws:fsx:{place}:volume/fs-0000000000000dead/fsvol-0000000000000dead"),
            "fsx:DescribeVolumes",
        ),
        (
            format!("arn:aws:redshift:{place}:cluster:dead"),
            "redshift:DescribeClusters",
        ),
        (
            format!("arn:aws:redshift-serverless:{place}:namespace/dead"),
            "redshift-serverless:ListNamespaces",
        ),
        (
            format!("arn:aws:storagegateway:{place}:gateway/sgw-dead"),
            "storagegateway:ListGateways",
        ),
        (
            format!("arn:aws:cloudformation:{place}:stack/dead/1"),
            "cloudformation:DescribeStacks",
        ),
    ] {
        let run = scan(&user, &Endpoint::start([]), &["--resource", &arn]);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{arn}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(&arn), "{}", run.stderr);
        for reply in [Reply::Denied, Reply::Throttled] {
            let endpoint = Endpoint::start([on(operation, reply)]);
            let run = scan(&user, &endpoint, &["--resource", &arn]);
            assert_eq!(run.code, 3, "{arn}: {}", run.stderr);
            assert_eq!(json_of(&run)["scan"]["complete"], false);
        }
    }
}

#[test]
fn a_resource_that_cannot_be_checked_is_a_usage_error() {
    let user = User::new();
    let place = format!("{REGION}:{ACCOUNT}");
    for (arn, rest) in [
        (
            format!("arn:aws:dynamodb:{place}:table/dead"),
            "does not exist",
        ),
        ("arn:aws:s3:::dead".to_owned(), "does not exist"),
        (
            format!("arn:aws:ec2:{REGION}:999988887777:volume/vol-1"),
            "999988887777",
        ),
        (
            format!("arn:aws:rds:{place}:db:ledger-1"),
            "select the cluster",
        ),
        (
            format!("arn:aws:ec2:eu-central-9:{ACCOUNT}:volume/vol-1"),
            "eu-central-9",
        ),
        (
            format!("arn:aws:ec2:af-south-1:{ACCOUNT}:volume/vol-1"),
            "not enabled",
        ),
        (
            format!("arn:aws:secretsmanager:{place}:secret:dead-1"),
            "backup=enabled",
        ),
    ] {
        let run = scan(&user, &Endpoint::start([]), &["--resource", &arn]);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{arn}: {}",
            run.stderr
        );
        assert!(run.stderr.contains(rest), "{}", run.stderr);
    }
}

#[test]
fn a_bucket_outside_the_selected_regions_is_a_usage_error() {
    let user = User::new();
    let bucket = format!("arn:aws:s3:::ledger-{ACCOUNT}");
    let args = ["--resource", bucket.as_str(), "--region", "eu-west-3"];
    let run = scan(&user, &Endpoint::start([]), &args);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(REGION), "{}", run.stderr);
}

#[test]
fn a_list_of_regions_that_is_denied_makes_the_scan_of_a_bucket_incomplete() {
    let user = User::new();
    let endpoint = Endpoint::start([on("ec2:DescribeRegions", Reply::Denied)]);
    let bucket = format!("arn:aws:s3:::ledger-{ACCOUNT}");
    let run = scan(&user, &endpoint, &["--resource", &bucket]);
    let report = json_of(&run);
    assert_eq!(at(&report, "/scan/complete"), false);
    let rows = report["coverage"].as_array().unwrap().iter();
    let denied = rows.filter(|it| it["error"]["operation"] == "ec2:DescribeRegions");
    assert_eq!(denied.map(|it| &it["region"]).collect::<Vec<_>>(), [REGION]);
}

#[test]
fn a_snapshot_of_one_service_cannot_be_scanned_for_another() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let snapshot = json_of(&user.collect(&endpoint, &[REGION], &["--service", "s3"]));
    assert_eq!(snapshot["selection"], json!({"services": ["s3"]}));
    assert_eq!(
        at(&snapshot, &format!("/regions/{REGION}/instances/gap/kind")),
        "not-asked"
    );
    let run = user.evaluate(&snapshot, &[]);
    let report = json_of(&run);
    assert_eq!(report["scan"]["selection"]["services"], json!(["s3"]));
    assert_eq!(report["scan"]["complete"], true);
    for more in [
        &["--service", "ec2"][..],
        &["--rule", "account"],
        &[
            "--resource",
            "arn:aws:ec2:eu-central-1:111122223333:volume/vol-1",
        ],
    ] {
        let run = user.evaluate(&snapshot, more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{more:?}");
        assert!(
            run.stderr.contains("collected with --service s3"),
            "{}",
            run.stderr
        );
    }
}
