//! CloudFormation templates: what is read out of them, and what is said of what cannot be.

use std::collections::BTreeMap;
use std::fs;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::backup_plan::ColdStorage;
use backup_check::model::{GapKind, Observed, Snapshot};
use backup_check::report::{Report, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::cloudformation::{self, Read};
use backup_check::source::planned::Surroundings;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::command::{Run, backup_check, repository, run, run_with_input};

mod binary;
mod choices;
mod conditions;
mod databases;
mod fsx;
mod functions;
mod instances;
mod keys;
mod network;
mod policies;
mod services;

/// What a template is read as, in a region and with parameters.
fn read(text: &str, region: Option<&str>, parameters: &[(&str, &str)]) -> Read {
    try_read(text, region, parameters).unwrap_or_else(|error| panic!("{error}"))
}

fn try_read(
    text: &str,
    region: Option<&str>,
    parameters: &[(&str, &str)],
) -> Result<Read, cloudformation::TemplateError> {
    let around = Surroundings {
        file: "t.yaml",
        tag_key: "backup",
        region,
        account: None,
        without_lookups: false,
        central_account: "692653576357",
        read_at: "2026-03-03T06:00:00Z",
    };
    let parameters: Vec<(String, String)> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    cloudformation::read(text, &around, &parameters)
}

fn judge(snapshot: &Snapshot) -> Report {
    evaluate(snapshot, &Settings::default(), &Options::default(), &ALL)
}

/// The findings on a logical id, by rule.
fn findings<'r>(report: &'r Report, id: &str) -> BTreeMap<&'r str, (Status, &'r str)> {
    let arn = format!("t.yaml#{id}");
    let own = report.findings.iter().filter(|it| it.resource == arn);
    own.map(|it| (it.rule.id, (it.status, it.explanation.message.as_str())))
        .collect()
}

/// Holds the findings of a report against what is expected: logical id, rule, status, part of the message.
fn expect(report: &Report, expected: &[(&str, &str, Status, &str)]) {
    for (id, rule, status, words) in expected {
        let found = findings(report, id);
        let Some((got, message)) = found.get(rule) else {
            panic!("{id} has no {rule}, only {:?}", found.keys());
        };
        assert_eq!(got, status, "{rule} of {id}: {message}");
        assert!(message.contains(words), "{rule} of {id}: {message}");
    }
}

/// A template of resources alone.
fn of(resources: &str) -> String {
    let indented: Vec<String> = resources.lines().map(|line| format!("  {line}")).collect();
    format!(
        "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n{}\n",
        indented.join("\n")
    )
}

fn fixture(name: &str) -> String {
    let file = repository().join("fixtures/cloudformation").join(name);
    fs::read_to_string(file).unwrap()
}

// Each line is what the template's author would say of it.
#[test]
fn a_template_is_judged_as_what_it_makes() {
    use Status::{Fail, Pass, Skip, Unknown, Warn};
    let read = read(&fixture("orders.yaml"), None, &[]);
    let report = judge(&read.snapshot);
    expect(
        &report,
        &[
            (
                "SharedVolume",
                "kms-key-shared",
                Pass,
                "allows 692653576357",
            ),
            ("SharedVolume", "kms-key-fully-shared", Pass, ""),
            ("SharedVolume", "kms-key-usable", Pass, "enabled"),
            ("SharedVolume", "kms-key-locally-usable", Pass, ""),
            ("SharedVolume", "encryption-customer-key", Pass, ""),
            ("SharedVolume", "resource-state-ready", Skip, ""),
            ("OwnVolume", "kms-key-shared", Fail, "kms:Decrypt"),
            ("OwnVolume", "kms-key-locally-usable", Pass, ""),
            ("OpenVolume", "kms-key-shared", Unknown, "parameter Auditor"),
            ("OpenVolume", "kms-key-locally-usable", Pass, ""),
            (
                "UnsaidVolume",
                "encryption-at-rest",
                Unknown,
                "encryption by default",
            ),
            ("NoKeyVolume", "encryption-at-rest", Pass, ""),
            (
                "NoKeyVolume",
                "encryption-customer-key",
                Unknown,
                "default key for EBS",
            ),
            (
                "ManagedVolume",
                "encryption-customer-key",
                Fail,
                "AWS managed key aws/ebs",
            ),
            (
                "ForeignVolume",
                "kms-key-shared",
                Unknown,
                "does not contain",
            ),
            ("Database", "kms-key-shared", Pass, ""),
            ("Database", "rds-automated-backups-enabled", Pass, "7 days"),
            ("PlainDatabase", "encryption-at-rest", Fail, "not encrypted"),
            (
                "PlainDatabase",
                "rds-automated-backups-enabled",
                Warn,
                "0 days",
            ),
            (
                "RestoredDatabase",
                "encryption-at-rest",
                Unknown,
                "DBSnapshotIdentifier",
            ),
            ("Aurora", "backup-tag-placed", Fail, "member instance"),
            ("Aurora", "kms-key-shared", Pass, ""),
            ("MultiAz", "cross-account-copy-supported", Fail, "Multi-AZ"),
            (
                "MultiAz",
                "encryption-customer-key",
                Fail,
                "AWS managed key aws/rds",
            ),
            ("Archive", "s3-versioning-enabled", Pass, ""),
            ("Archive", "s3-old-versions-expire", Pass, "expires"),
            (
                "Archive",
                "encryption-customer-key-recommended",
                Pass,
                "DefaultKey",
            ),
            ("Archive", "kms-key-locally-usable", Pass, ""),
            ("Exports", "s3-versioning-enabled", Fail, "never enabled"),
            (
                "Exports",
                "encryption-customer-key-recommended",
                Warn,
                "S3 managed key",
            ),
            (
                "Reports",
                "s3-versioning-enabled",
                Unknown,
                "parameter Stage",
            ),
            ("Samples", "s3-versioning-enabled", Fail, ""),
            (
                "Undecided",
                "backup-tag-valid",
                Unknown,
                "parameter Auditor",
            ),
            (
                "Orders",
                "dynamodb-advanced-features-enabled",
                Unknown,
                "the account",
            ),
            (
                "Orders",
                "encryption-customer-key-recommended",
                Warn,
                "AWS managed key aws/dynamodb",
            ),
            (
                "Files",
                "encryption-customer-key-recommended",
                Warn,
                "AWS managed key aws/elasticfilesystem",
            ),
            (
                "Warehouse",
                "cross-account-copy-supported",
                Fail,
                "Redshift",
            ),
            ("Password", "cross-account-copy-supported", Fail, "secret"),
            (
                "Endpoint",
                "cross-account-copy-supported",
                Fail,
                "Systems Manager parameter",
            ),
            ("Lake", "cross-account-copy-supported", Fail, "SCRATCH_1"),
            ("Network", "s3-gateway-endpoint-present", Pass, "ToStorage"),
            ("Network", "s3-gateway-endpoint-routed", Pass, ""),
            ("Network", "s3-gateway-endpoint-open", Pass, ""),
        ],
    );
    assert!(findings(&report, "Gone").is_empty());
    // What is exempt is looked at for its tag alone.
    assert!(findings(&report, "Cache").values().all(|it| it.0 != Fail));
    let [note] = read.notes.as_slice() else {
        panic!("{:?}", read.notes);
    };
    assert!(
        note.contains("condition Perhaps") && note.contains("Samples"),
        "{note}"
    );
}

#[test]
fn parameters_and_the_region_close_what_they_open() {
    use Status::{Fail, Pass};
    let auditor = "arn:aws:iam::111122223333:role/Auditor";
    let parameters = [("Stage", "prod"), ("Auditor", auditor)];
    let read = read(&fixture("orders.yaml"), Some("eu-west-1"), &parameters);
    let report = judge(&read.snapshot);
    expect(
        &report,
        &[
            (
                "OpenVolume",
                "kms-key-shared",
                Fail,
                "no statement allows it",
            ),
            ("Reports", "s3-versioning-enabled", Pass, ""),
            ("Samples", "s3-versioning-enabled", Fail, ""),
            // The tag's value is a parameter's, and that is no value of the tag.
            ("Undecided", "backup-tag-valid", Fail, "Auditor"),
            ("SharedVolume", "kms-key-shared", Pass, ""),
            ("Network", "s3-gateway-endpoint-present", Pass, ""),
        ],
    );
    assert!(read.notes.is_empty(), "{:?}", read.notes);
    assert_eq!(report.regions, ["eu-west-1"]);
    let dev = self::read(&fixture("orders.yaml"), None, &[("Stage", "dev")]);
    let dev = judge(&dev.snapshot);
    assert!(findings(&dev, "Samples").is_empty());
    expect(
        &dev,
        &[("Reports", "s3-versioning-enabled", Fail, "never enabled")],
    );
}

#[test]
fn yaml_and_json_say_the_same() {
    let told = |name| {
        let report = judge(&read(&fixture(name), None, &[]).snapshot);
        let findings = report.findings.iter();
        // Messages name lines, which differ.
        let without_lines = |text: &str| {
            let words = text.split_whitespace();
            let words = words.filter(|word| {
                !word
                    .trim_end_matches(':')
                    .bytes()
                    .all(|b| b.is_ascii_digit())
            });
            words.collect::<Vec<_>>().join(" ")
        };
        findings
            .map(|it| {
                (
                    it.id(),
                    it.status,
                    without_lines(&it.explanation.message),
                    it.gating,
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told("orders.yaml"), told("orders.json"));
    assert!(told("orders.yaml").len() > 100);
}

#[test]
fn everything_is_where_the_template_says() {
    let text = fixture("orders.yaml");
    let read = read(&text, None, &[]);
    for (arn, place) in &read.snapshot.places {
        let line = usize::try_from(place.line.unwrap()).unwrap();
        let id = place.address.as_deref().unwrap();
        let is_key = arn.ends_with(&format!(":key/{id}"));
        assert!(is_key || arn.starts_with(&format!("t.yaml#{id}")), "{arn}");
        assert_eq!(place.file, "t.yaml");
        assert_eq!(place.column, Some(3), "{arn}");
        assert_eq!(
            text.lines().nth(line - 1),
            Some(format!("  {id}:").as_str())
        );
    }
    let report = judge(&read.snapshot);
    let volume = report
        .findings
        .iter()
        .find(|it| it.resource == "t.yaml#OwnVolume");
    assert!(volume.unwrap().place.is_some());
}

// What `cdk synth` writes: hashes in ids, metadata, assets, a condition on every region there is.
#[test]
fn what_cdk_writes_is_read() {
    use Status::{Pass, Unknown};
    let read = read(&fixture("cdk.json"), None, &[]);
    let report = judge(&read.snapshot);
    expect(
        &report,
        &[
            ("Data4E4BDC83", "kms-key-shared", Pass, ""),
            ("Data4E4BDC83", "kms-key-locally-usable", Pass, ""),
            ("Store8FA3C1A2", "s3-versioning-enabled", Pass, ""),
            (
                "Store8FA3C1A2",
                "encryption-customer-key-recommended",
                Pass,
                "",
            ),
            ("Web2F4C7B1E", "ec2-image-copyable", Pass, ""),
            (
                "TableCD117FA1",
                "dynamodb-advanced-features-enabled",
                Unknown,
                "",
            ),
            (
                "VpcB5F44EFB",
                "s3-gateway-endpoint-present",
                Status::Fail,
                "no gateway endpoint",
            ),
        ],
    );
    // Nothing that is judged hangs on the condition of CDK's own metadata.
    assert!(read.notes.is_empty(), "{:?}", read.notes);
}

// Settings of the account and its regions are not the template's, and gate nothing.
#[test]
fn what_the_account_sets_is_skipped() {
    let clean = of(
        "Key:\n  Type: AWS::KMS::Key\nLogs:\n  Type: AWS::S3::Bucket\n  Properties:\n    VersioningConfiguration: {Status: Enabled}\n    Tags: [{Key: backup, Value: enabled}]",
    );
    let report = judge(&read(&clean, Some("eu-west-1"), &[]).snapshot);
    let settings = report
        .findings
        .iter()
        .filter(|it| matches!(it.kind.as_str(), "region" | "account"));
    let mut rules = Vec::new();
    for finding in settings {
        assert_eq!(
            finding.status,
            Status::Skip,
            "{}: {}",
            finding.rule.id,
            finding.explanation.message
        );
        assert!(!finding.gating);
        rules.push(finding.rule.id);
    }
    let known = [
        "backup-policy-effective",
        "ebs-default-encryption",
        "local-vault-key-shared",
        "local-vault-ready",
        "service-opted-in",
    ];
    for rule in known {
        assert!(rules.contains(&rule), "{rule} was not asked");
    }
    assert!(report.complete, "{:?}", report.unread);
    let exit = report.exit(backup_check::exit::FailOn::Fail);
    assert_eq!(exit, backup_check::exit::Exit::Ready);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // Whatever the text, there is an answer: never a panic.
    #[test]
    fn no_text_panics(text in ".{0,400}") {
        let _ = cloudformation::is_template(&text);
        let _ = try_read(&text, None, &[]);
        let _ = try_read(&format!("Resources:\n  A:\n    Type: {text}"), None, &[]);
    }

    #[test]
    fn no_cut_and_no_slip_panics(cut in 0..6000_usize, slip in any::<char>(), json in any::<bool>()) {
        let text = fixture(if json { "orders.json" } else { "orders.yaml" });
        let at = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut).last().unwrap_or(0);
        let _ = try_read(&text[..at], None, &[]);
        let mut slipped = text.clone();
        slipped.insert(at, slip);
        if let Ok(read) = try_read(&slipped, None, &[]) {
            judge(&read.snapshot);
        }
    }

    // A property of any shape gives a verdict or a gap.
    #[test]
    fn no_shape_panics(value in shape()) {
        let kinds = [
            ("AWS::EC2::Volume", "KmsKeyId"), ("AWS::EC2::Instance", "BlockDeviceMappings"),
            ("AWS::RDS::DBInstance", "Engine"), ("AWS::RDS::DBCluster", "StorageEncrypted"),
            ("AWS::S3::Bucket", "LifecycleConfiguration"), ("AWS::S3::Bucket", "BucketEncryption"),
            ("AWS::DynamoDB::GlobalTable", "Replicas"), ("AWS::EFS::FileSystem", "FileSystemTags"),
            ("AWS::KMS::Key", "KeyPolicy"), ("AWS::EC2::VPCEndpoint", "RouteTableIds"),
            ("AWS::Backup::BackupPlan", "BackupPlan"), ("AWS::RDS::OptionGroup", "OptionConfigurations"),
        ];
        let mut resources = serde_json::Map::new();
        for (index, (kind, property)) in kinds.iter().enumerate() {
            let properties = json!({*property: value, "Tags": value, "VpcId": value});
            resources.insert(format!("R{index}"), json!({"Type": kind, "Properties": properties}));
        }
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": value, "Action": value, "Resource": "*", "Condition": value}]});
        resources.insert("K".to_owned(), json!({"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}));
        resources.insert("V".to_owned(), json!({"Type": "AWS::EC2::Volume", "Properties": {"Encrypted": true, "KmsKeyId": {"Ref": "K"}}}));
        let template = json!({"Parameters": {"P": {"Type": "String"}}, "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "a"]}}, "Resources": resources});
        if let Ok(read) = try_read(&template.to_string(), None, &[]) {
            judge(&read.snapshot);
        }
    }
}

/// Values of any shape, with functions among them.
fn shape() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z:${}*./]{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("P"),
            Just("K"),
            Just("R0"),
            Just("AWS::AccountId"),
            Just("AWS::NoValue"),
            Just("X")
        ]
        .prop_map(|name| json!({"Ref": name})),
        Just(json!({"Fn::GetAtt": ["K", "Arn"]})),
        Just(json!({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/${P}"})),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let name = prop_oneof![
            Just("AWS"),
            Just("Key"),
            Just("Value"),
            Just("Ebs"),
            Just("DeviceName"),
            Just("Rules"),
            Just("Status"),
            Just("Fn::If"),
            Just("Fn::Join"),
            Just("Fn::Select"),
            Just("Fn::Split"),
            Just("Fn::FindInMap"),
            Just("Fn::Sub"),
            Just("Fn::Base64"),
            Just("Fn::Transform"),
            Just("Fn::Nonsense"),
            Just("StringEquals"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner.clone(), 0..3).prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
            (inner.clone(), inner).prop_map(|(yes, no)| json!({"Fn::If": ["C", yes, no]})),
        ]
    })
}

/// Why the listings of a template's region may be longer.
fn gaps(snapshot: &Snapshot) -> Vec<(GapKind, String)> {
    let unlisted = snapshot.incomplete_listings();
    unlisted
        .iter()
        .map(|it| (it.gap.kind, it.gap.to_string()))
        .collect()
}
