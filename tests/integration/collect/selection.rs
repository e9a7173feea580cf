//! `--service` and `--resource` on the wire: what is asked for, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Reply, on};
use crate::support::command::Run;

use super::{ACCOUNT, REGION, User, at, json_of};

const SERVICES: [&str; 11] = [
    "backup",
    "cloudformation",
    "dynamodb",
    "ebs",
    "ec2",
    "efs",
    "rds",
    "redshift",
    "s3",
    "storagegateway",
    "vpc",
];

/// The types that a scan of a service lists.
fn types(service: &str) -> &'static [&'static str] {
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
        "dynamodb" => &["dynamodb-table", "region"],
        "ebs" => &["ebs-volume", "region"],
        "ec2" => &["ec2-instance", "region"],
        "efs" => &["efs-file-system", "region"],
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
    assert_eq!(endpoint.not_understood(), [""; 0], "{}", run.stderr);
    run
}

fn operations(endpoint: &Endpoint) -> BTreeSet<String> {
    let sent = endpoint.requests().into_iter().map(|it| it.operation);
    sent.filter(|it| it != "sts:GetCallerIdentity").collect()
}

/// The IAM action of an operation: S3 has names of its own.
fn action(operation: &str) -> &str {
    match operation {
        "s3:ListBuckets" => "s3:ListAllMyBuckets",
        "s3:HeadBucket" => "s3:ListBucket",
        "s3:GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        "s3:GetBucketLifecycleConfiguration" => "s3:GetLifecycleConfiguration",
        other => other,
    }
}

#[test]
fn a_service_takes_exactly_what_its_iam_policy_allows() {
    let user = User::new();
    for service in SERVICES {
        let here = Reply::Bare(200, &[("x-amz-bucket-region", REGION)]);
        let usual = Endpoint::start([
            on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
            on("s3:HeadBucket", here),
        ]);
        let without_policy = "EffectivePolicyNotFoundException";
        let planned = Endpoint::start([on(
            "organizations:DescribeEffectivePolicy",
            Reply::Fixture(without_policy),
        )]);
        let mut sent = BTreeSet::new();
        for endpoint in [&usual, &planned] {
            let run = scan(&user, endpoint, &["--region", REGION, "--service", service]);
            assert!([0, 1, 3].contains(&run.code), "{service}: {}", run.stderr);
            let report = json_of(&run);
            for resource in report["resources"].as_array().expect("resources") {
                let kind = resource["type"].as_str().expect("a type");
                assert!(types(service).contains(&kind), "{service}: {resource}");
            }
            assert_eq!(
                report["scan"]["complete"], true,
                "{service}: {}",
                run.stdout
            );
            sent.extend(operations(endpoint));
        }
        let sent: BTreeSet<String> = sent.iter().map(|it| action(it).to_owned()).collect();
        let policy = json_of(&user.run(&["iam-policy", "--service", service]));
        let allowed: BTreeSet<String> =
            serde_json::from_value(at(&policy, "/Statement/0/Action").clone()).expect("a list");
        assert_eq!(sent, allowed, "{service}");
    }
}

/// What is asked about every resource: who, where, what backs it up, its jobs.
const ALWAYS: [&str; 6] = [
    "backup:DescribeRegionSettings",
    "backup:ListBackupJobs",
    "backup:ListCopyJobs",
    "ec2:DescribeRegions",
    "organizations:DescribeEffectivePolicy",
    "organizations:DescribeOrganization",
];

/// What is asked beside that, keys apart.
fn own_operations(kind: &str) -> &'static [&'static str] {
    match kind {
        "cloudformation-stack" => &[],
        "dynamodb-table" => &["dynamodb:DescribeTable", "tag:GetResources"],
        "ebs-volume" | "ec2-instance" => &["ec2:DescribeInstances", "ec2:DescribeVolumes"],
        "efs-file-system" => &["elasticfilesystem:DescribeFileSystems"],
        "rds-instance" => &[
            "rds:DescribeDBInstances",
            "rds:DescribeOptionGroups",
            "tag:GetResources",
        ],
        "aurora-cluster" | "rds-cluster" => &[
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "tag:GetResources",
        ],
        "redshift-cluster" => &["redshift:DescribeClusters"],
        "redshift-namespace" => &["redshift-serverless:ListNamespaces", "tag:GetResources"],
        "s3-bucket" => &[
            "s3:GetBucketEncryption",
            "s3:GetBucketLifecycleConfiguration",
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
        // Only RDS tells DocumentDB and Neptune from its own clusters.
        "other" => &[
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "tag:GetResources",
        ],
        other => panic!("{other}"),
    }
}

/// What the fixtures give the tag `enabled` when it is sought, and none when tags are listed: there to
/// tell which of the two answers is taken.
const CONTRADICTED: [&str; 2] = [":cluster:queue", ":::mirror-111122223333"];

/// The findings of a resource by rule.
fn findings<'a>(report: &'a Value, arn: &str) -> BTreeMap<&'a str, &'a Value> {
    let all = report["findings"].as_array().expect("findings").iter();
    let own = all.filter(|it| it["resource"] == arn);
    own.map(|it| (it["rule"].as_str().expect("an id"), it))
        .collect()
}

#[test]
fn a_resource_alone_is_judged_as_with_all_others_in_a_few_calls() {
    let user = User::new();
    let full = json_of(&scan(&user, &Endpoint::start([]), &["--region", REGION]));
    let mut kinds = BTreeSet::new();
    for resource in full["resources"].as_array().expect("resources") {
        let kind = resource["type"].as_str().expect("a type");
        if ["account", "region", "backup-vault", "vpc"].contains(&kind) {
            continue;
        }
        let arn = resource["arn"].as_str().expect("an ARN");
        if CONTRADICTED.iter().any(|it| arn.ends_with(it)) {
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
        let (want, got) = (findings(&full, arn), findings(&report, arn));
        assert_eq!(
            want.keys().collect::<Vec<_>>(),
            got.keys().collect::<Vec<_>>(),
            "{arn}"
        );
        for (rule, finding) in want {
            // Which stacks hold it is not asked.
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

        let mut sent = operations(&endpoint);
        sent.retain(|it| !it.starts_with("kms:"));
        let own = own_operations(kind);
        // The opt-in settings do not speak of what is judged for its tag alone.
        let by_tag = ["secret", "ssm-parameter", "other"].contains(&kind) && !arn.contains(":rds:");
        for operation in ALWAYS {
            let untold = by_tag && operation == "backup:DescribeRegionSettings";
            assert_ne!(sent.contains(operation), untold, "{arn}: {operation}");
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
            24
        };
        assert!(endpoint.requests().len() <= most, "{arn}: {sent:?}");
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
}

#[test]
fn what_is_not_there_is_wrong_usage_and_what_is_denied_is_unknown() {
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
    for (arn, rest) in [
        (
            format!("arn:aws:dynamodb:{place}:table/dead"),
            "there is no",
        ),
        ("arn:aws:s3:::dead".to_owned(), "there is no"),
        (
            format!("arn:aws:ec2:{REGION}:999988887777:volume/vol-1"),
            "999988887777",
        ),
        (
            format!("arn:aws:rds:{place}:db:ledger-1"),
            "name the cluster",
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
    let bucket = format!("arn:aws:s3:::ledger-{ACCOUNT}");
    let args = ["--resource", bucket.as_str(), "--region", "eu-west-3"];
    let run = scan(&user, &Endpoint::start([]), &args);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(REGION), "{}", run.stderr);
}

#[test]
fn a_snapshot_of_one_service_says_so_and_tells_of_no_other() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let snapshot = json_of(&user.collect(&endpoint, &[REGION], &["--service", "s3"]));
    assert_eq!(snapshot["selection"], json!({"services": ["s3"]}));
    assert_eq!(
        at(&snapshot, &format!("/regions/{REGION}/instances/gap/kind")),
        "not-asked"
    );
    let run = user.judge(&snapshot, &[]);
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
        let run = user.judge(&snapshot, more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{more:?}");
        assert!(
            run.stderr.contains("collected with --service s3"),
            "{}",
            run.stderr
        );
    }
}
