//! Three accounts as `collect` saves them, and what a person who knows them says of every resource.
//!
//! The expectations come from the design of the accounts, never from the tool's output. A resource is
//! named by its `Name` tag, or else by its id.

mod mixed;

use std::collections::{BTreeMap, BTreeSet};

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::model::coverage::CoverageState;
use backup_check::model::snapshot::Source;
use backup_check::model::tag::BackupTag;
use backup_check::model::tag::BackupTag::{Custom, Disabled, Enabled, Unknown};
use backup_check::model::{Gap, GapKind, Listing, ResourceKind, Snapshot};
use backup_check::report::json::{JsonReport, report_schema};
use backup_check::report::{Finding, Report, ResourceLine, ResourceVerdict, Status, json};
use backup_check::rule::{Check, Group, Owner};
use backup_check::rules::{ALL, find};
use backup_check::settings::{Settings, Standard};
use backup_check::source::saved;
use serde_json::Value;

const ACCOUNTS: [&str; 3] = ["clean", "mixed", "no-access"];
pub const STANDARDS: [Standard; 2] = [Standard::Guide, Standard::Aws];
pub const REGIONS: [&str; 5] = [
    "ap-southeast-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-3",
    "us-east-1",
];

/// A finding that is neither passed nor skipped: its rule and status.
type Reason = (&'static str, Status);

fn text_of(account: &str) -> String {
    let path = format!(
        "{}/fixtures/accounts/{account}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn snapshot(account: &str) -> Snapshot {
    saved::read_snapshot(&text_of(account)).unwrap_or_else(|error| panic!("{account}: {error}"))
}

fn judge(snapshot: &Snapshot, standard: Standard) -> Report {
    let options = Options {
        standard,
        ..Options::default()
    };
    evaluate(snapshot, &Settings::default(), &options, &ALL)
}

fn account_id(snapshot: &Snapshot) -> &str {
    snapshot.account_id.as_deref().unwrap_or_default()
}

fn code(report: &Report, fail_on: FailOn) -> u8 {
    report.exit(fail_on).code()
}

fn name(snapshot: &Snapshot, resource: &ResourceLine) -> String {
    if let Some(name) = &resource.name {
        return name.clone();
    }
    if resource.kind == ResourceKind::BackupVault {
        return format!("vault of {}", resource.region);
    }
    let mut vpcs = snapshot
        .regions
        .values()
        .flat_map(|region| &region.network.vpcs.items);
    if vpcs.any(|vpc| vpc.id == resource.id && vpc.is_default) {
        return format!("default VPC of {}", resource.region);
    }
    resource.id.clone()
}

fn by_kind(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for resource in &report.resources {
        *counts.entry(resource.kind.as_str()).or_default() += 1;
    }
    counts
}

fn by_tag(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for resource in report
        .resources
        .iter()
        .filter(|resource| resource.kind.is_backed_up())
    {
        *counts.entry(resource.backup_tag.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn clean_is_ready_without_a_warning() {
    let snapshot = snapshot("clean");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        for fail_on in [FailOn::Fail, FailOn::Warn] {
            assert_eq!(code(&report, fail_on), 0, "{}", standard.as_str());
        }
        assert!(report.complete);
        assert!(report.unread.is_empty());
        let bad: Vec<(&str, &str)> = report
            .findings
            .iter()
            .filter(|finding| !matches!(finding.status, Status::Pass | Status::Skip))
            .map(|finding| (finding.rule.id, finding.resource.as_str()))
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
    }
    let report = judge(&snapshot, Standard::Guide);
    let kinds = [
        ("account", 1),
        ("aurora-cluster", 1),
        ("backup-vault", 5),
        ("cloudformation-stack", 3),
        ("dynamodb-table", 5),
        ("ebs-volume", 7),
        ("ec2-instance", 5),
        ("efs-file-system", 1),
        ("rds-instance", 3),
        ("region", 5),
        ("s3-bucket", 6),
        ("storage-gateway", 1),
        ("storage-gateway-volume", 1),
        ("vpc", 7),
    ];
    assert_eq!(by_kind(&report), BTreeMap::from(kinds));
    let exempt: BTreeSet<String> = report
        .resources
        .iter()
        .filter(|resource| resource.verdict == ResourceVerdict::Exempt)
        .map(|resource| name(&snapshot, resource))
        .collect();
    let wanted = [
        "shop-access-logs-444455556666",
        "shop-bastion",
        "shop-bastion-root",
        "shop-db-replica",
        "shop-dr-1-root",
        "shop-edge",
        "shop-edge-Storage-1QXK7Z0V3T9PD",
        "shop-edge-cache-444455556666",
        "shop-sessions",
        "shop-web-1-root",
        "shop-web-2-root",
        "shop-worker-1-data",
        "shop-worker-1-root",
    ];
    assert_eq!(exempt, wanted.map(str::to_owned).into());
    assert_eq!(
        by_tag(&report),
        BTreeMap::from([("enabled", 19), ("disabled", 13), ("none", 1)])
    );
}

#[test]
fn without_the_list_of_jobs_nobody_knows_whether_backups_are_made() {
    let mut snapshot = snapshot("clean");
    let mut denied = Gap::new(GapKind::Denied, "");
    denied.operation = "backup:ListBackupJobs".to_owned();
    denied.action = "backup:ListBackupJobs".to_owned();
    denied.code = Some("AccessDeniedException".to_owned());
    for region in snapshot.regions.values_mut() {
        region.backup_jobs = Listing {
            items: Vec::new(),
            gap: Some(denied.clone()),
        };
    }
    let report = judge(&snapshot, Standard::Guide);
    assert_eq!(code(&report, FailOn::Fail), 3);
    assert!(!report.complete);
    for resource in &report.resources {
        let wanted = match resource.backup_tag {
            // No gateway is ever backed up.
            Enabled if resource.kind == ResourceKind::StorageGateway => ResourceVerdict::Ready,
            Enabled => ResourceVerdict::Unknown,
            Disabled => ResourceVerdict::Exempt,
            _ => ResourceVerdict::Ready,
        };
        assert_eq!(resource.verdict, wanted, "{}", resource.arn);
    }
    // What is judged before it is tagged needs no proof.
    let options = Options {
        preflight: true,
        ..Options::default()
    };
    let report = evaluate(&snapshot, &Settings::default(), &options, &ALL);
    assert!(report.complete);
    let proof = |it: &Finding| it.rule.group == Group::Proof;
    assert!(!report.findings.iter().any(proof));
}

#[test]
fn proof_is_held_against_rules_that_nobody_asked_for() {
    let options = Options {
        only: BTreeSet::from([("copy-recent", Status::Fail).0]),
        ..Options::default()
    };
    let snapshot = snapshot("mixed");
    let report = evaluate(&snapshot, &Settings::default(), &options, &ALL);
    let says = |name: &str| {
        let resource = report
            .resources
            .iter()
            .find(|it| it.name.as_deref() == Some(name))
            .unwrap();
        let finding = report
            .findings
            .iter()
            .find(|it| it.resource == resource.arn)
            .unwrap();
        assert_eq!(finding.rule.id, ("copy-recent", Status::Fail).0);
        (finding.status, finding.explanation.message.clone())
    };
    let (status, message) = says("app-web-1");
    assert_eq!(status, Status::Fail);
    assert!(message.contains("kms-key-shared explains it"), "{message}");
    let (status, message) = says("app-migration-2024");
    assert_eq!(status, Status::Pass);
    assert!(
        message.contains("kms-key-shared fails nevertheless"),
        "{message}"
    );
    let (status, message) = says("data-kafka-3");
    assert_eq!(status, Status::Fail);
    assert!(
        message.contains("every copy prerequisite of the resource passes"),
        "{message}"
    );
}

#[test]
fn a_snapshot_that_is_narrowed_knows_what_is_tagged_in_its_other_regions() {
    let mut narrowed = snapshot("clean");
    narrowed.restrict_to_regions(&["eu-central-1".to_owned()]);
    let tagged: BTreeMap<&str, usize> = narrowed
        .elsewhere
        .iter()
        .filter(|(_, listing)| !listing.items.is_empty())
        .map(|(region, listing)| (region.as_str(), listing.items.len()))
        .collect();
    assert_eq!(tagged, BTreeMap::from([("eu-west-1", 4), ("us-east-1", 2)]));
    let report = judge(&narrowed, Standard::Guide);
    let found: Vec<Reason> = report
        .findings
        .iter()
        .filter(|finding| !matches!(finding.status, Status::Pass | Status::Skip))
        .map(|finding| (finding.rule.id, finding.status))
        .collect();
    // The policy covers them, and nobody looked.
    assert_eq!(found, [("backup-region-covered", Status::Warn)]);
    let mut narrowed = snapshot("mixed");
    narrowed.restrict_to_regions(&["eu-central-1".to_owned()]);
    // Tables are denied there, and so are tags.
    assert!(narrowed.elsewhere["ap-southeast-1"].gap.is_some());
    assert!(narrowed.elsewhere["eu-west-3"].gap.is_none());
}

// As where the tags are asked: see `source::collect::tagging`.
#[test]
fn a_snapshot_that_is_narrowed_leaves_out_what_has_no_backups() {
    let arns = |snapshot: &Snapshot| snapshot.elsewhere["eu-west-1"].clone();
    let mut narrowed = snapshot("clean");
    narrowed.restrict_to_regions(&["eu-central-1".to_owned()]);
    let mut with_others = snapshot("clean");
    let region = with_others.regions.get_mut("eu-west-1").unwrap();
    let secret = serde_json::json!({
        "arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-1-a1b2c3",
        "id": "db-1",
        "aws_type": "AWS::SecretsManager::Secret",
        "tags": {"known": {"backup": "enabled"}},
    });
    let gateway = serde_json::json!({
        "arn": "arn:aws:storagegateway:eu-west-1:111122223333:gateway/sgw-1",
        "id": "sgw-1",
    });
    region
        .tagged
        .items
        .push(serde_json::from_value(secret).unwrap());
    region
        .gateways
        .items
        .push(serde_json::from_value(gateway).unwrap());
    with_others.restrict_to_regions(&["eu-central-1".to_owned()]);
    assert_eq!(arns(&with_others), arns(&narrowed));
}

#[test]
fn without_access_nothing_is_judged_and_nothing_passes() {
    let snapshot = snapshot("no-access");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        assert_eq!(code(&report, FailOn::Fail), 3, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Warn), 3, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Never), 0, "{}", standard.as_str());
        assert!(!report.complete);
        let mut resources: Vec<(&str, ResourceVerdict)> = report
            .resources
            .iter()
            .map(|it| (it.id.as_str(), it.verdict))
            .collect();
        let account = (account_id(&snapshot), ResourceVerdict::Unknown);
        assert!(resources.contains(&account));
        resources.retain(|it| *it != account);
        assert_eq!(
            resources,
            REGIONS.map(|region| (region, ResourceVerdict::Unknown))
        );
        let of_kind = |kind: ResourceKind| -> Vec<Reason> {
            let findings = report.findings.iter().filter(|it| it.kind == kind);
            findings.map(|it| (it.rule.id, it.status)).collect()
        };
        let each = [
            ("backup-policy-effective", Status::Unknown),
            ("central-copy-retained", Status::Unknown),
            ("ebs-default-encryption", Status::Unknown),
            ("local-vault-key-shared", Status::Unknown),
            ("local-vault-ready", Status::Unknown),
            ("service-opted-in", Status::Unknown),
        ];
        assert_eq!(of_kind(ResourceKind::Region), each.repeat(REGIONS.len()));
        assert_eq!(
            of_kind(ResourceKind::Account),
            [
                ("backup-region-covered", Status::Unknown),
                ("backup-role-ready", Status::Unknown),
                ("organization-member", Status::Unknown)
            ]
        );
        // The regions, the buckets of all; instances, volumes, two lists of databases, file systems,
        // tables, gateways, two lists of Redshift, two of FSx, stacks and what only tags give away in each. And
        // the VPCs of each: it may hold a bucket that is tagged for backup.
        assert_eq!(report.unread.len(), 2 + 14 * REGIONS.len());
        for unread in &report.unread {
            assert!(unread.reason.contains("denied"), "{unread:?}");
        }
    }
    for row in &snapshot.coverage {
        // No resource names a key, so none was asked for.
        let wanted = if row.service == "kms" {
            CoverageState::Scanned
        } else {
            CoverageState::Denied
        };
        assert_eq!(row.state, wanted, "{row:?}");
    }
}

#[test]
fn every_account_has_a_row_for_each_region_and_service() {
    const SERVICES: [&str; 12] = [
        "backup",
        "cloudformation",
        "dynamodb",
        "ebs",
        "ec2",
        "efs",
        "kms",
        "rds",
        "redshift",
        "s3",
        "storagegateway",
        "vpc",
    ];
    for account in ACCOUNTS {
        let snapshot = snapshot(account);
        let rows: Vec<(&str, &str)> = snapshot
            .coverage
            .iter()
            .map(|row| (row.region.as_str(), row.service.as_str()))
            .collect();
        let mut wanted: Vec<(&str, &str)> = REGIONS
            .into_iter()
            .flat_map(|region| SERVICES.map(|service| (region, service)))
            .collect();
        // The account as a whole, and one query on the tag in each region beside.
        let beside = snapshot.elsewhere.keys().map(String::as_str);
        wanted.extend(beside.chain(["global"]).map(|region| (region, "backup")));
        wanted.sort_unstable();
        assert_eq!(rows, wanted, "{account}");
    }
}

#[test]
fn a_snapshot_is_read_and_written_without_loss() {
    for account in ACCOUNTS {
        let text = text_of(account);
        let mut snapshot = snapshot(account);
        assert_eq!(
            snapshot.source,
            Source::Snapshot,
            "{account}: what is read from a file says so"
        );
        let again = saved::read_snapshot(&saved::write_snapshot(&snapshot).unwrap()).unwrap();
        assert_eq!(again, snapshot, "{account}");
        snapshot.source = Source::Aws;
        assert!(
            saved::write_snapshot(&snapshot).unwrap() == text,
            "{account}: not in the form that collect writes"
        );
    }
}

#[test]
fn every_report_keeps_the_contract() {
    let schema = serde_json::to_value(report_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for account in ACCOUNTS {
        for standard in STANDARDS {
            let about = format!("{account} under {}", standard.as_str());
            let render = || {
                let mut bytes = Vec::new();
                let report = judge(&snapshot(account), standard);
                json::write_report(&report, true, FailOn::Fail, &mut bytes).unwrap();
                String::from_utf8(bytes).unwrap()
            };
            let text = render();
            assert_eq!(text, render(), "{about}: two runs differ");
            let value: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{about}: {errors:?}");
            let report: JsonReport = serde_json::from_value(value).unwrap();
            keeps_the_contract(&about, &report);
        }
    }
}

#[test]
fn only_what_is_outside_the_guide_says_what_aws_calls_it() {
    let mut bytes = Vec::new();
    json::write_report(
        &judge(&snapshot("mixed"), Standard::Guide),
        true,
        FailOn::Fail,
        &mut bytes,
    )
    .unwrap();
    let report: JsonReport = serde_json::from_slice(&bytes).unwrap();
    let named: Vec<(&str, &str)> = report
        .resources
        .iter()
        .filter_map(|it| Some((it.kind.as_str(), it.aws_type.as_deref()?)))
        .collect();
    assert_eq!(named, [("other", "AWS::FSx::FileSystem")]);
    let value = serde_json::to_value(&report).unwrap();
    let secret = value["resources"].as_array().unwrap().iter();
    let secret: Vec<&Value> = secret.filter(|it| it["type"] == "secret").collect();
    assert_eq!(secret.len(), 1);
    assert_eq!(secret[0].get("aws_type"), None);
}

fn keeps_the_contract(about: &str, report: &JsonReport) {
    let resources: Vec<_> = report
        .resources
        .iter()
        .map(|it| (&it.account_id, &it.region, it.kind.as_str(), &it.arn))
        .collect();
    assert!(resources.is_sorted(), "{about}: resources are not sorted");
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|it| {
            (
                &it.account_id,
                &it.region,
                it.resource_type.as_str(),
                &it.resource,
                &it.rule,
            )
        })
        .collect();
    assert!(findings.is_sorted(), "{about}: findings are not sorted");
    let coverage: Vec<_> = report
        .coverage
        .iter()
        .map(|it| (&it.region, &it.service))
        .collect();
    assert!(coverage.is_sorted(), "{about}: coverage is not sorted");

    let lines = report.resources.iter();
    let listed: BTreeMap<&str, &ResourceLine> = lines.map(|it| (it.arn.as_str(), it)).collect();
    assert_eq!(
        listed.len(),
        report.resources.len(),
        "{about}: a resource is listed twice"
    );
    let mut ids = BTreeSet::new();
    for finding in &report.findings {
        assert!(
            ids.insert(&finding.id),
            "{about}: id {} is there twice",
            finding.id
        );
        let hex = finding
            .id
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        assert!(finding.id.len() == 16 && hex, "{about}: {}", finding.id);
        let resource = listed.get(finding.resource.as_ref());
        let resource =
            resource.unwrap_or_else(|| panic!("{about}: {} is not listed", finding.resource));
        assert_eq!(
            (
                finding.resource_type,
                finding.region.as_ref(),
                finding.backup_tag
            ),
            (resource.kind, resource.region.as_str(), resource.backup_tag),
            "{about}: {}",
            finding.id
        );
        assert!(!finding.message.is_empty(), "{about}: {}", finding.id);
    }

    let verdicts = |verdict| {
        report
            .resources
            .iter()
            .filter(|it| it.verdict == verdict)
            .count()
    };
    let counts = &report.summary.resources;
    assert_eq!(counts.total, report.resources.len(), "{about}");
    assert_eq!(counts.ready, verdicts(ResourceVerdict::Ready), "{about}");
    assert_eq!(counts.at_risk, verdicts(ResourceVerdict::AtRisk), "{about}");
    assert_eq!(
        counts.not_ready,
        verdicts(ResourceVerdict::NotReady),
        "{about}"
    );
    assert_eq!(
        counts.unknown,
        verdicts(ResourceVerdict::Unknown),
        "{about}"
    );
    assert_eq!(counts.exempt, verdicts(ResourceVerdict::Exempt), "{about}");
    let statuses = |status| {
        report
            .findings
            .iter()
            .filter(|it| it.status == status)
            .count()
    };
    let counts = &report.summary.findings;
    assert_eq!(counts.pass, statuses(Status::Pass), "{about}");
    assert_eq!(counts.fail, statuses(Status::Fail), "{about}");
    assert_eq!(counts.warn, statuses(Status::Warn), "{about}");
    assert_eq!(counts.unknown, statuses(Status::Unknown), "{about}");
    let gating = report
        .findings
        .iter()
        .filter(|it| it.gating && it.status == Status::Fail)
        .count();
    assert_eq!(counts.gating_fail, gating, "{about}");
}
