//! No violation of a case passes, or is gone, because something else was not read: one fact at a time is taken from
//! it.

use std::collections::BTreeSet;
use std::thread;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::Snapshot;
use backup_check::report::{Finding, Report, Status};
use backup_check::rule::Rule;
use backup_check::rules;
use serde_json::Value;

use super::{Case, read_fixture};
use crate::gaps::{Loss, apply_loss, possible_losses};

/// What may be lost without a trace: the start of a pointer, and the cases, all but where one is named.
const REPLACED: [(&str, Option<&str>); 11] = [
    // Permissions that AWS includes and no backup needs are a warning where something would use them.
    (
        "/regions/eu-central-1/volumes",
        Some("without what deletes expired backups"),
    ),
    (
        "/regions/eu-central-1/volumes/items/0/tags",
        Some("without what deletes expired backups"),
    ),
    (
        "/regions/eu-central-1/instances",
        Some("a deny of sharing the images that AWS Backup made"),
    ),
    (
        "/regions/eu-central-1/instances/items/0/tags",
        Some("a deny of sharing the images that AWS Backup made"),
    ),
    // The account's plans, or else the values of the company guide, take its place; the guide says so.
    ("/backup_policy", None),
    // The name of the role is that of the company guide.
    (
        "/backup_roles/aws-controltower-BackupRole",
        Some("the company's role with another path"),
    ),
    // A list of jobs has the vault of each; older snapshots do not.
    (
        "/regions/eu-central-1/backup_jobs/items/0/vault",
        Some("an older snapshot, and automatic backups of EFS"),
    ),
    // The region was also searched by tag, which shows what the list lacks.
    (
        "/regions/eu-central-1/volumes",
        Some("/elsewhere/eu-central-1"),
    ),
    // AWS lists a network interface of every instance, and there is none in the VPC.
    ("/regions/eu-central-1/instances", Some("there is none")),
    (
        "/regions/eu-central-1/instances/items/0/vpc_id",
        Some("there is none"),
    ),
    // The copy shows that the type can be copied after all. Without it the type is left out, as the guide says.
    (
        "/regions/eu-central-1/copy_jobs",
        Some("copied with issues although that is not possible"),
    ),
];

fn is_replaced(case: &Case, pointer: &str, loss: Loss) -> bool {
    // Jobs are listed in no order, so a list without its end is as good as none.
    let is_lost = loss != Loss::ListEnd || pointer.ends_with("_jobs");
    REPLACED.iter().any(|(lost, of)| {
        let is_of = of.is_none_or(|of| case.name == of || case.snapshot.pointer(of).is_some());
        *lost == pointer && is_of && is_lost
    })
}

/// Returns the violations that pass, are skipped or turn to another severity without what was lost. A resource that is
/// not listed anymore has no findings.
fn find_lost_violations(rule: &'static Rule, case: &Case) -> Vec<String> {
    let (settings, options) = (
        case.settings(),
        Options {
            preflight: case.preflight,
            only: BTreeSet::from([rule.id]),
            ..Options::default()
        },
    );
    let check = |snapshot: &Snapshot| evaluate(snapshot, &settings, &options, &rules::ALL);
    let snapshot = case.snapshot().unwrap();
    let before = check(&snapshot);
    let is_violation = |status: Status| matches!(status, Status::Fail | Status::Warn);
    let violations = before.findings.iter().filter(|it| is_violation(it.status));
    let violations: Vec<_> = violations.collect();
    if violations.is_empty() {
        return Vec::new();
    }
    let whole: Value = serde_json::to_value(&snapshot).unwrap();
    let mut lost = Vec::new();
    for (pointer, loss) in possible_losses(&whole, 2) {
        let after: Report =
            check(&serde_json::from_value(apply_loss(&whole, &pointer, loss)).unwrap());
        for violation in &violations {
            let is_same = |it: &&Finding| it.resource == violation.resource;
            let now = after.findings.iter().find(is_same).map(|it| it.status);
            let is_kept = now.is_some_and(|now| now == violation.status || now == Status::Unknown);
            let is_listed = after
                .resources
                .iter()
                .any(|it| it.arn == violation.resource);
            if is_listed && !is_kept && !is_replaced(case, &pointer, loss) {
                let (case, was) = (&case.name, violation.status);
                lost.push(format!(
                    "{} {case}: {loss:?} {pointer}: {was:?} -> {now:?}",
                    rule.id
                ));
            }
        }
    }
    lost
}

#[test]
fn no_violation_passes_or_is_skipped_when_something_is_not_read() {
    let lost: Vec<String> = thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                let rules = rules::ALL.iter().skip(half).step_by(2);
                let of_rule = |rule: &'static Rule| {
                    let cases = read_fixture(rule).cases;
                    let lost = cases.iter().map(|case| find_lost_violations(rule, case));
                    lost.flatten().collect::<Vec<_>>()
                };
                rules.flat_map(|rule| of_rule(rule)).collect::<Vec<_>>()
            })
        });
        let found = halves.map(|half| half.join().unwrap());
        found.into_iter().flatten().collect()
    });
    assert!(lost.is_empty(), "{}:\n{}", lost.len(), lost.join("\n"));
}
