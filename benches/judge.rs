//! How long it takes to judge and to report. `cargo bench --no-default-features`.

#![allow(
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a benchmark may fail loudly, and its input is a long table"
)]

use std::hint::black_box;

use backup_check::evaluate::{Options, evaluate, evaluate_again};
use backup_check::exit::FailOn;
use backup_check::iam::document::Document;
use backup_check::key_sharing::facts::{CentralAccount, KeyFacts};
use backup_check::model::snapshot::Snapshot;
use backup_check::report::format::{FORMATS, Rendering};
use backup_check::report::key_policy::{KeyPolicy, Question};
use backup_check::report::stream::Visit;
use backup_check::report::table::Style;
use backup_check::report::{FindingSource, Part, ResourceLine, WriteError};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::planned::Surroundings;
use backup_check::source::{cloudformation, saved, terraform};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const MIXED: &str = include_str!("../fixtures/accounts/mixed.json");

/// An account whose 10,000 volumes hang on 100 keys.
fn large() -> Snapshot {
    let mut snapshot: serde_json::Value = serde_json::from_str(MIXED).expect("the fixture is JSON");
    let region = "eu-central-1";
    let key =
        |n: usize| format!("arn:aws:kms:{region}:111122223333:key/00000000-0000-4000-8000-{n:012}");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"}]});
    for n in 0..100 {
        snapshot["keys"][key(n)] = json!({
            "metadata": {"known": {"manager": "CUSTOMER", "state": "Enabled", "spec": "SYMMETRIC_DEFAULT", "usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS", "multi_region": false}},
            "policy": {"known": policy.to_string()},
        });
    }
    let volumes: Vec<_> = (0..10_000)
        .map(|n| {
            json!({
                "arn": format!("arn:aws:ec2:{region}:111122223333:volume/vol-{n:017x}"), "id": format!("vol-{n:017x}"),
                "tags": {"known": {"backup": "enabled"}}, "state": {"known": "available"}, "encrypted": {"known": true},
                "kms_key": {"known": key(n % 100)}, "attached_to": {"known": []},
            })
        })
        .collect();
    snapshot["regions"][region]["volumes"] = json!({"items": volumes});
    serde_json::from_value(snapshot).expect("the snapshot has its form")
}

/// A plan of 20,000 resources: buckets with satellites, volumes that are attached to instances, and databases,
/// under 100 keys whose ARNs are known only after apply.
fn planned() -> String {
    let (mut changes, mut resources): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut add = |kind: &str, n: usize, after: Value, unknown: &[&str], expressions: Value| {
        let name = format!("n{n}");
        let item = json!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name});
        let unknown: Value = unknown
            .iter()
            .map(|name| ((*name).to_owned(), json!(true)))
            .collect();
        let (mut change, mut resource) = (item.clone(), item);
        change["change"] = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": unknown});
        resource["provider_config_key"] = json!("aws");
        resource["expressions"] = expressions;
        changes.push(change);
        resources.push(resource);
    };
    let to = |address: String| json!({"references": [format!("{address}.id"), address]});
    let on = json!({"backup": "enabled"});
    for n in 0..100 {
        add(
            "aws_kms_key",
            n,
            json!({"is_enabled": true}),
            &["arn", "id", "key_id", "policy"],
            json!({}),
        );
    }
    // Whether a volume is created after it takes a look at all that the volume depends on.
    add(
        "aws_ebs_encryption_by_default",
        0,
        json!({"enabled": true}),
        &["id"],
        json!({"enabled": {"constant_value": true}}),
    );
    for n in 0..3_800 {
        let key = to(format!("aws_kms_key.n{}", n % 100));
        let bucket = to(format!("aws_s3_bucket.n{n}"));
        add(
            "aws_s3_bucket",
            n,
            json!({"bucket": format!("b{n}"), "tags": on, "tags_all": on}),
            &["arn", "id", "versioning"],
            json!({"bucket": {}, "tags": {}}),
        );
        add(
            "aws_s3_bucket_versioning",
            n,
            json!({"versioning_configuration": [{"status": "Enabled"}]}),
            &["bucket", "id"],
            json!({"bucket": bucket}),
        );
        add(
            "aws_instance",
            n,
            json!({"ami": "ami-0", "tags": on, "tags_all": on}),
            &["arn", "id", "root_block_device"],
            json!({"ami": {}, "tags": {}}),
        );
        add(
            "aws_ebs_volume",
            n,
            json!({"encrypted": true, "tags": on, "tags_all": on}),
            &["arn", "id", "kms_key_id"],
            json!({"encrypted": {}, "kms_key_id": key, "tags": {}}),
        );
        add(
            "aws_volume_attachment",
            n,
            json!({}),
            &["volume_id", "instance_id"],
            json!({"volume_id": to(format!("aws_ebs_volume.n{n}")), "instance_id": to(format!("aws_instance.n{n}"))}),
        );
    }
    for n in 0..899 {
        let key = to(format!("aws_kms_key.n{}", n % 100));
        add(
            "aws_db_instance",
            n,
            json!({"identifier": format!("d{n}"), "engine": "postgres", "storage_encrypted": true, "tags": on, "tags_all": on}),
            &["arn", "id", "kms_key_id"],
            json!({"kms_key_id": key, "storage_encrypted": {}, "tags": {}}),
        );
    }
    let plan = json!({
        "format_version": "1.2",
        "resource_changes": changes,
        "configuration": {
            "provider_config": {"aws": {"name": "aws", "expressions": {"region": {"constant_value": "eu-central-1"}}}},
            "root_module": {"resources": resources},
        },
    });
    plan.to_string()
}

fn judge(c: &mut Criterion) {
    let (settings, options) = (Settings::default(), Options::default());
    let mixed = saved::read_snapshot(MIXED).expect("the fixture is a snapshot");
    let large = large();
    c.bench_function("read 230 resources", |b| {
        b.iter(|| saved::read_snapshot(black_box(MIXED)))
    });
    let text = saved::write_snapshot(&large).expect("the snapshot is JSON");
    c.bench_function("read 10,000 volumes", |b| {
        b.iter(|| saved::read_snapshot(black_box(&text)))
    });
    c.bench_function("judge 230 resources", |b| {
        b.iter(|| evaluate(black_box(&mixed), &settings, &options, &ALL))
    });
    c.bench_function("judge 10,000 volumes under 100 keys", |b| {
        b.iter(|| evaluate(black_box(&large), &settings, &options, &ALL))
    });
    let plan = planned();
    let around = Surroundings {
        file: "plan.json",
        tag_key: "backup",
        region: None,
        account: None,
        without_lookups: false,
        central_account: "692653576357",
        read_at: "2026-03-03T06:00:00Z",
    };
    let mut plans = c.benchmark_group("plans");
    plans.sample_size(10);
    plans.bench_function("read and judge a plan of 20,000 resources", |b| {
        b.iter(|| {
            let root = serde_json::from_str(black_box(&plan)).expect("the plan is JSON");
            let snapshot = terraform::read_plan(&root, &around).expect("the plan has its form");
            evaluate(&snapshot, &settings, &options, &ALL)
        })
    });
    plans.finish();
}

/// Writes 10,000 volumes in every format, as a scan does: what passes is counted, and made again for lists.
fn write(c: &mut Criterion) {
    let (settings, options) = (Settings::default(), Options::default());
    let large = large();
    let counted = Options {
        omit_settled: true,
        ..Options::default()
    };
    let report = evaluate(&large, &settings, &counted, &ALL);
    let again = MadeAgain {
        snapshot: &large,
        settings: &settings,
        options: &options,
    };
    let how = Rendering {
        style: Style::plain(80),
        anchor: "backup-check.toml".to_owned(),
        gate: FailOn::Fail,
        statuses: Vec::new(),
    };
    let mut writers = c.benchmark_group("write 10,000 volumes");
    writers.sample_size(10);
    for format in FORMATS {
        writers.bench_function(format.name, |b| {
            b.iter(|| {
                let mut out = std::io::sink();
                format.write_findings(black_box(&report), &again, &how, &mut out)
            })
        });
    }
    writers.finish();
}

/// The findings of a snapshot, made when they are asked for.
struct MadeAgain<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    options: &'a Options,
}

impl FindingSource for MadeAgain<'_> {
    fn visit_part(&self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<(), WriteError> {
        let mut result = Ok(());
        let mut emit = |finding, line: &mut ResourceLine| {
            if result.is_ok() {
                result = visit(&finding, Some(line));
            }
        };
        evaluate_again(
            self.snapshot,
            self.settings,
            self.options,
            &ALL,
            part,
            &mut emit,
        );
        result
    }
}

/// Parses a key policy and asks what the central account may do.
fn policies(c: &mut Criterion) {
    let statement = |n: usize| {
        json!({
            "Sid": format!("Statement{n}"),
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{:012}:root", 100_000_000_000 + n)},
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
        })
    };
    let statements: Vec<Value> = (0..50).map(statement).collect();
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    c.bench_function("parse a key policy of 50 statements", |b| {
        b.iter(|| Document::parse(black_box(&text)))
    });
    let question = || Question {
        key: KeyFacts {
            key_account: "111122223333".to_owned(),
            ..KeyFacts::default()
        },
        central: CentralAccount {
            account_id: "692653576357".to_owned(),
            org_id: Some("o-abcdefghij".to_owned()),
        },
        via: None,
        backup_role: "aws-controltower-BackupRole".to_owned(),
    };
    c.bench_function("judge a key policy of 50 statements", |b| {
        b.iter(|| KeyPolicy::evaluate(black_box(&text), question()))
    });
}

/// A template whose 5,000 volumes and buckets hang on 50 keys.
fn template() -> String {
    let mut resources = serde_json::Map::new();
    for n in 0..50 {
        let principal = json!({"AWS": [{"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}, "arn:aws:iam::692653576357:root"]});
        let statement =
            json!({"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        resources.insert(
            format!("Key{n}"),
            json!({"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}),
        );
    }
    for n in 0..2_500 {
        let tags = json!([{"Key": "backup", "Value": "enabled"}, {"Key": "Name", "Value": {"Fn::Sub": "${AWS::StackName}-data"}}]);
        let key = json!({"Fn::GetAtt": [format!("Key{}", n % 50), "Arn"]});
        let volume = json!({"Encrypted": true, "KmsKeyId": key, "Tags": tags});
        resources.insert(
            format!("Volume{n}"),
            json!({"Type": "AWS::EC2::Volume", "Properties": volume}),
        );
        let bucket = json!({"VersioningConfiguration": {"Status": {"Fn::If": ["Prod", "Enabled", "Suspended"]}}, "Tags": tags});
        resources.insert(
            format!("Bucket{n}"),
            json!({"Type": "AWS::S3::Bucket", "Properties": bucket}),
        );
    }
    json!({
        "Parameters": {"Stage": {"Type": "String", "Default": "prod"}},
        "Conditions": {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Resources": resources,
    })
    .to_string()
}

fn templates(c: &mut Criterion) {
    let around = Surroundings {
        file: "template.json",
        tag_key: "backup",
        region: Some("eu-central-1"),
        account: None,
        without_lookups: false,
        central_account: "692653576357",
        read_at: "2026-03-03T06:00:00Z",
    };
    let text = template();
    let read = || cloudformation::read(&text, &around, &[]).expect("the template is sound");
    c.bench_function("read a template of 5,000 resources", |b| b.iter(read));
    let snapshot = read().snapshot;
    let (settings, options) = (Settings::default(), Options::default());
    c.bench_function("judge a template of 5,000 resources", |b| {
        b.iter(|| evaluate(black_box(&snapshot), &settings, &options, &ALL))
    });
}

criterion_group!(benches, policies, judge, write, templates);
criterion_main!(benches);
