//! Cold storage. Every figure is computed by hand, in the comment next to it: 0.1 USD for warm storage, 0.02 for archived
//! EBS snapshots, 0.04 for cold backups of EFS, 0.05 for those of DynamoDB.

use backup_check::cost::estimate::Estimate;
use backup_check::cost::line::Cost;
use backup_check::cost::note::Note;
use serde_json::{Value, json};

use super::{REGION, account, at_most, daily, estimate, line, measured, noted, tagged, volume};

/// A daily rule whose backups move to cold storage, and whose copies follow them.
fn cooled(retention: Option<u32>, after_days: u32, archives: bool) -> Value {
    let mut rule = daily(retention, None, REGION);
    rule["cold_storage"] = json!({"known": {"after_days": after_days, "archives": archives}});
    rule["copies"][0]["cold_storage"] = json!({"known": null});
    rule
}

/// The same on the first of each month.
fn monthly(retention: u32, after_days: u32, archives: bool) -> Value {
    let mut rule = cooled(Some(retention), after_days, archives);
    rule["schedule"] = json!("cron(0 3 1 * ? *)");
    rule
}

#[track_caller]
fn assert_usd(cost: Cost, want: [f64; 3]) {
    let usd = cost.usd;
    for (got, want) in [usd.one, usd.planning, usd.ceiling].into_iter().zip(want) {
        assert!((got - want).abs() < 1e-4, "{cost:?} instead of {want:?}");
    }
    assert!(!cost.lacks_price, "{cost:?}");
}

fn estimate_volume(rule: Value) -> Estimate {
    let lists = json!({"volumes": [volume("vol-1", 100)]});
    estimate(&account(lists, vec![rule]), Some(0.03))
}

fn estimate_efs(rule: Value) -> Estimate {
    let file_system = tagged(
        "elasticfilesystem",
        "file-system/fs-1",
        json!({"size": measured(100)}),
    );
    let lists = json!({"file_systems": [file_system]});
    estimate(&account(lists, vec![rule]), Some(0.03))
}

// https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive-considerations.html: archived snapshots are full.
#[test]
fn archived_snapshots_of_ebs_are_full_copies_if_the_plan_opts_in() {
    let archived = estimate_volume(monthly(365, 7, true));
    let side = &line(&archived, "ebs-volume").member;
    assert_eq!(side.points, Some((12, 12)));
    // One warm point, 10; eleven archived ones, 11 * 100 * 0.02
    assert_usd(side.storage, [10.0, 32.0, 32.0]);
    assert_usd(
        line(&archived, "ebs-volume").central.storage,
        [10.0, 32.0, 32.0],
    );
    assert_eq!(noted(&archived, Note::ArchivedInFull), 1);
    let warm = estimate_volume(monthly(365, 7, false));
    // 10 * (1 + 11 * 0.03); 12 * 10
    assert_usd(
        line(&warm, "ebs-volume").member.storage,
        [10.0, 13.3, 120.0],
    );
    assert_eq!(noted(&warm, Note::ArchivedInFull), 0);
}

// Daily snapshots that are archived cost more than warm ones, which are incremental.
#[test]
fn archiving_daily_snapshots_of_ebs_costs_more() {
    let planning = |archives| {
        let estimate = estimate_volume(cooled(Some(120), 30, archives));
        line(&estimate, "ebs-volume").member.storage.usd.planning
    };
    // 10 * (1 + 29 * 0.03) + 90 * 2, and 10 * (1 + 119 * 0.03)
    assert!((planning(true) - 198.7).abs() < 1e-4);
    assert!((planning(false) - 45.7).abs() < 1e-4);
}

// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html: for 90 days at least.
#[test]
fn cold_storage_is_billed_for_90_days_at_least() {
    for retention in [120, 40] {
        let estimate = estimate_efs(cooled(Some(retention), 30, false));
        let side = &line(&estimate, "efs-file-system").member;
        assert_eq!(side.points, Some((retention.into(), retention.into())));
        // 10; 10 * (1 + 29 * 0.03) + 4 * (1 + 89 * 0.03); 30 * 10 + 90 * 4
        assert_usd(side.storage, [10.0, 33.38, 660.0]);
    }
    // It expires before it moves.
    let warm = estimate_efs(cooled(Some(30), 30, false));
    assert_usd(
        line(&warm, "efs-file-system").member.storage,
        [10.0, 18.7, 300.0],
    );
}

#[test]
fn cold_backups_of_dynamodb_are_full_as_warm_ones() {
    let table = tagged("dynamodb", "table/orders", json!({"size": measured(10)}));
    let snapshot = account(
        json!({"tables": [table]}),
        vec![cooled(Some(100), 10, false)],
    );
    let estimate = estimate(&snapshot, Some(0.03));
    // 10 * 1 + 90 * 0.5
    assert_usd(
        line(&estimate, "dynamodb-table").member.storage,
        [1.0, 55.0, 55.0],
    );
}

// AWS Backup ignores the setting for types without cold storage, and the snapshots of an image cannot be archived.
#[test]
fn types_without_cold_storage_stay_warm() {
    let database = tagged(
        "rds",
        "db:a",
        json!({"size": at_most(100), "engine": {"known": "mysql"}}),
    );
    let instance = tagged(
        "ec2",
        "instance/i-1",
        json!({"volumes": {"known": ["vol-1"]}}),
    );
    let mut of_instance = volume("vol-1", 100);
    of_instance["tags"] = json!({"known": {}});
    let lists =
        json!({"db_instances": [database], "instances": [instance], "volumes": [of_instance]});
    let cold = estimate(
        &account(lists.clone(), vec![cooled(Some(120), 30, true)]),
        Some(0.03),
    );
    let warm = estimate(
        &account(lists, vec![daily(Some(120), None, REGION)]),
        Some(0.03),
    );
    assert_eq!(cold.lines, warm.lines);
}

#[test]
fn a_copy_with_its_own_lifecycle_does_not_follow_the_backup() {
    let mut rule = cooled(Some(120), 30, false);
    rule["copies"][0]["retention_days"] = json!(30);
    let own = estimate_efs(rule.clone());
    // All 30 copies are warm.
    assert_usd(
        line(&own, "efs-file-system").central.storage,
        [10.0, 18.7, 300.0],
    );
    rule["copies"][0]["retention_days"] = json!(120);
    rule["copies"][0]["cold_storage"] = json!({"known": {"after_days": 10, "archives": false}});
    let cold = estimate_efs(rule);
    // 10 * (1 + 9 * 0.03) + 4 * (1 + 109 * 0.03); 10 * 10 + 110 * 4
    assert_usd(
        line(&cold, "efs-file-system").central.storage,
        [10.0, 29.78, 540.0],
    );
}

#[test]
fn cold_storage_without_a_price_lacks_one() {
    let mut rule = cooled(Some(120), 30, false);
    rule["copies"][0]["vault_arn"] =
        json!("arn:aws:backup:eu-west-1:692653576357:backup-vault:central");
    let estimate = estimate_efs(rule);
    let line = line(&estimate, "efs-file-system");
    assert!(line.central.storage.lacks_price && !line.member.storage.lacks_price);
    assert!(estimate.missing().is_something());
}

// A snapshot that an older version collected does not say when backups move.
#[test]
fn an_older_snapshot_is_priced_as_warm_storage() {
    let mut rule = daily(Some(120), None, REGION);
    let older = estimate_efs(rule.clone());
    rule["cold_storage"] = json!({"known": null});
    assert_eq!(older.lines, estimate_efs(rule).lines);
}

#[test]
fn cold_storage_that_could_not_be_read_is_noted() {
    let mut rule = daily(Some(120), None, REGION);
    rule["cold_storage"] = json!({"unknown": {"kind": "unreadable", "message": "no number"}});
    let unread = estimate_efs(rule.clone());
    assert_eq!(noted(&unread, Note::ColdStorageUnread), 1);
    assert_eq!(noted(&estimate_volume(rule), Note::ColdStorageUnread), 1);
    let warm = estimate_efs(daily(Some(120), None, REGION));
    assert_eq!(noted(&warm, Note::ColdStorageUnread), 0);
    assert_eq!(unread.lines, warm.lines);
}

#[test]
fn more_cold_days_never_cost_less() {
    let mut before = 0.0;
    for days in (1..400).step_by(7) {
        let estimate = estimate_volume(cooled(Some(days), 30, true));
        let usd = line(&estimate, "ebs-volume").member.storage.usd;
        assert!(
            usd.one <= usd.planning && usd.planning <= usd.ceiling,
            "{days}"
        );
        assert!(usd.ceiling >= before, "{days}");
        before = usd.ceiling;
    }
}
