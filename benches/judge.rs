//! How long it takes to judge and to report. `cargo bench --no-default-features`.

#![allow(clippy::expect_used, reason = "a benchmark may fail loudly")]

use std::hint::black_box;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::snapshot::Snapshot;
use backup_check::report::{json, table};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::saved;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

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

fn judge(c: &mut Criterion) {
    let (settings, options) = (Settings::default(), Options::default());
    let mixed = saved::read(MIXED).expect("the fixture is a snapshot");
    let large = large();
    c.bench_function("read 230 resources", |b| {
        b.iter(|| saved::read(black_box(MIXED)))
    });
    c.bench_function("judge 230 resources", |b| {
        b.iter(|| evaluate(black_box(&mixed), &settings, &options, &ALL))
    });
    c.bench_function("judge 10,000 volumes under 100 keys", |b| {
        b.iter(|| evaluate(black_box(&large), &settings, &options, &ALL))
    });
    let report = evaluate(&large, &settings, &options, &ALL);
    c.bench_function("write 10,000 volumes as JSON", |b| {
        b.iter(|| json::write(black_box(&report), false, &mut std::io::sink()))
    });
    let style = table::Style {
        width: 80,
        color: false,
        show_skipped: false,
    };
    c.bench_function("write 10,000 volumes as a table", |b| {
        b.iter(|| table::write(black_box(&report), &style, &mut std::io::sink()))
    });
}

criterion_group!(benches, judge);
criterion_main!(benches);
