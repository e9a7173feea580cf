//! Estimates of cost: hand-computed figures for each rule of billing, the laws that all figures obey, and the
//! command.

mod accounts;
mod billing;
mod cold;
mod command;
mod laws;

use backup_check::cost::estimate::{Estimate, Question, estimate_cost};
use backup_check::cost::line::Line;
use backup_check::cost::note::Note;
use backup_check::cost::prices::PriceList;
use backup_check::model::Snapshot;
use backup_check::model::selection::Selection;
use backup_check::settings::Settings;
use serde_json::{Map, Value, json};

const ACCOUNT: &str = "222233334444";
const REGION: &str = "eu-central-1";
const GIB: u64 = 1 << 30;

/// The lists of a region that an estimate reads.
const LISTS: [&str; 14] = [
    "instances",
    "volumes",
    "db_instances",
    "db_clusters",
    "file_systems",
    "tables",
    "gateways",
    "gateway_volumes",
    "redshift_clusters",
    "redshift_namespaces",
    "stacks",
    "tagged",
    "vaults",
    "backup_plans",
];

/// Prices that make sums easy: 0.10 for everything, 0.02 for a transfer from Frankfurt to Ireland.
const PRICES: &str = r#"
as_of = "2026-11-01"
source = "a test"
[region.eu-central-1]
ebs-snapshot = 0.1
rds-backup = 0.1
aurora-backup = 0.1
ebs-archive = 0.02
efs-backup = 0.1
efs-cold-backup = 0.04
dynamodb-cold-backup = 0.05
s3-backup = 0.1
dynamodb-backup = 0.1
redshift-backup = 0.1
fsx-ontap-backup = 0.1
[region.eu-west-1]
ebs-snapshot = 0.1
efs-backup = 0.1
[transfer.eu-central-1]
eu-west-1 = 0.02
"#;

/// A size of a snapshot, in GiB.
fn at_most(gib: u64) -> Value {
    json!({"known": {"bytes": gib * GIB, "basis": "at-most"}})
}

/// A measured size, in GiB.
fn measured(gib: u64) -> Value {
    json!({"known": {"bytes": gib * GIB, "basis": "measured"}})
}

/// A resource that is tagged for backup, with further facts.
fn tagged(service: &str, resource: &str, facts: Value) -> Value {
    let id = resource.rsplit(['/', ':']).next().unwrap();
    let mut all = json!({
        "arn": format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"),
        "id": id,
        "tags": {"known": {"backup": "enabled"}},
    });
    let facts: Map<String, Value> = serde_json::from_value(facts).unwrap();
    all.as_object_mut().unwrap().extend(facts);
    all
}

fn volume(id: &str, gib: u64) -> Value {
    tagged(
        "ec2",
        &format!("volume/{id}"),
        json!({"size": at_most(gib)}),
    )
}

/// A rule that runs every day, with a local retention and a copy to the central account in a region.
fn daily(local: Option<u32>, central: Option<u32>, region: &str) -> Value {
    let vault = format!("arn:aws:backup:{region}:692653576357:backup-vault:central");
    json!({
        "name": "daily", "vault": "local", "schedule": "cron(0 3 ? * * *)",
        "timezone": {"known": null}, "start_window_minutes": {"known": 60},
        "continuous": {"known": false}, "retention_days": local,
        "copies": [{"vault_arn": vault, "retention_days": central}],
    })
}

/// An account with the resources of one region, whose plan has some rules.
fn account(lists: Value, rules: Vec<Value>) -> Snapshot {
    let mut region = Map::new();
    for list in LISTS {
        let items = lists.get(list).cloned().unwrap_or_else(|| json!([]));
        region.insert(list.to_owned(), json!({"items": items}));
    }
    let buckets = lists.get("buckets").cloned().unwrap_or_else(|| json!([]));
    let policy = json!({"plans": [{"regions": [REGION], "plan": {
        "name": "central",
        "rules": {"items": rules},
        "selections": {"items": [{
            "name": "enabled",
            "role_arn": "arn:aws:iam::$account:role/aws-controltower-BackupRole",
            "tags": [{"key": "backup", "value": "enabled"}],
        }]},
    }}]});
    serde_json::from_value(json!({
        "snapshot_version": 1, "account_id": ACCOUNT, "tag_key": "backup",
        "started_at": "2026-11-02T05:00:00Z", "finished_at": "2026-11-02T05:00:09Z",
        "enabled_regions": {"items": [REGION]}, "backup_policy": {"known": policy},
        "buckets": {"items": buckets}, "regions": {REGION: region},
    }))
    .unwrap()
}

/// Estimates an account with the prices of the tests.
fn estimate(snapshot: &Snapshot, change_rate: Option<f64>) -> Estimate {
    let prices = PriceList::parse(PRICES).unwrap();
    let question = Question {
        selection: &Selection::default(),
        preflight: false,
        change_rate,
        prices: &prices,
    };
    estimate_cost(snapshot, &Settings::default(), &question)
}

fn line<'e>(estimate: &'e Estimate, kind: &str) -> &'e Line {
    let mut lines = estimate.lines.iter();
    let found = lines.find(|line| line.kind.as_str() == kind);
    found.unwrap_or_else(|| panic!("no line of {kind}: {:?}", estimate.lines))
}

fn noted(estimate: &Estimate, note: Note) -> usize {
    let mut notes = estimate.notes.iter();
    notes.find(|it| it.0 == note).map_or(0, |it| it.1)
}
