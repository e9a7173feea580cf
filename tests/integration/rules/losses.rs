//! No finding of a case turns to another status because something was not read: it stays or becomes unknown. One fact at
//! a time is taken from the case, and then some pairs of facts.

use std::collections::BTreeSet;
use std::thread;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::Snapshot;
use backup_check::report::{Finding, Report, Status};
use backup_check::rule::Rule;
use backup_check::rules;
use serde_json::Value;

use super::{Case, read_fixture};
use crate::gaps::{DECIDED_BY_ANOTHER_FACT, Loss, apply_loss, possible_losses};

/// What may be lost although a finding turns: the rule, the pointer and the case, or what every such case has.
const REPLACED: [(&str, &str, &str); 10] = [
    // Where no plan is known, a backup is too old after 48 hours.
    (
        "backup-recent",
        "/regions/eu-central-1/backup_plans",
        "a monthly plan",
    ),
    (
        "copy-recent",
        "/regions/eu-central-1/backup_plans",
        "a monthly plan",
    ),
    (
        "copy-recent",
        "/backup_policy",
        "copies on Sundays, and the tags of the volume are denied",
    ),
    // AWS Backup lists the plans of the policy among those of the account, where these cases have other ones.
    (
        "backup-policy-effective",
        "/backup_policy",
        "the plan that the policy created is not another one",
    ),
    (
        "backup-recent",
        "/backup_policy",
        "by another plan of the policy, whose name the list of plans has",
    ),
    // Where no plan is known, the role is that of the company guide.
    (
        "backup-role-ready",
        "/backup_policy",
        "a role of another account",
    ),
    (
        "backup-role-ready",
        "/backup_policy",
        "the policy runs in another region",
    ),
    // The region was also searched by tag, which shows what the list lacks.
    (
        "backup-region-covered",
        "/regions/eu-central-1/volumes",
        "/elsewhere/eu-central-1",
    ),
    // AWS lists a network interface of every instance, and there is none in the VPC.
    (
        "s3-gateway-endpoint-present",
        "/regions/eu-central-1/instances",
        "there is none",
    ),
    (
        "s3-gateway-endpoint-routed",
        "/regions/eu-central-1/instances",
        "an instance whose interface was not listed",
    ),
];

fn is_replaced(rule: &Rule, case: &Case, (pointer, loss): &(String, Loss)) -> bool {
    *loss != Loss::ListEnd
        && REPLACED.iter().any(|(id, lost, of)| {
            let is_of = case.name == *of || case.snapshot.pointer(of).is_some();
            *id == rule.id && lost == pointer && is_of
        })
}

/// Returns the losses of a snapshot, each by itself and with another one.
fn list_losses(whole: &Value) -> Vec<Vec<(String, Loss)>> {
    let losses = possible_losses(whole, 2);
    let each = losses.iter().map(|it| vec![it.clone()]);
    let pairs = losses.iter().enumerate().filter_map(|(n, it)| {
        let other = &losses[(n * 7 + 3) % losses.len()];
        let is_apart = !is_nested(it, other) && !is_nested(other, it);
        is_apart.then(|| vec![it.clone(), other.clone()])
    });
    each.chain(pairs).collect()
}

/// Whether one loss takes what the other one is in.
fn is_nested((outer, _): &(String, Loss), (inner, _): &(String, Loss)) -> bool {
    let rest = inner.strip_prefix(outer.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the findings that turn without what was lost. A resource that is not listed anymore has no findings.
fn find_turns(rule: &'static Rule, case: &Case) -> Vec<String> {
    let settings = case.settings();
    let options = Options {
        preflight: case.preflight,
        only: BTreeSet::from([rule.id]),
        ..Options::default()
    };
    let check = |snapshot: &Snapshot| evaluate(snapshot, &settings, &options, &rules::ALL);
    let snapshot = case.snapshot().unwrap();
    let before = check(&snapshot);
    let is_known = |it: &&Finding| it.status != Status::Unknown;
    let known: Vec<&Finding> = before.findings.iter().filter(is_known).collect();
    if known.is_empty() {
        return Vec::new();
    }
    let whole: Value = serde_json::to_value(&snapshot).unwrap();
    let mut turns = Vec::new();
    for losses in list_losses(&whole) {
        if losses.iter().any(|it| is_replaced(rule, case, it)) {
            continue;
        }
        let changed = losses
            .iter()
            .fold(whole.clone(), |changed, (pointer, loss)| {
                apply_loss(&changed, pointer, *loss)
            });
        let after: Report = check(&serde_json::from_value(changed).unwrap());
        for was in &known {
            let is_same = |it: &&Finding| it.resource == was.resource;
            let now = after.findings.iter().find(is_same).map(|it| it.status);
            let may_turn = now.is_some_and(|now| {
                let is_kept = now == was.status || now == Status::Unknown;
                is_kept || DECIDED_BY_ANOTHER_FACT.contains(&(rule.id, was.status, now))
            });
            let is_listed = after.resources.iter().any(|it| it.arn == was.resource);
            if is_listed && !may_turn {
                let (case, status) = (&case.name, was.status);
                turns.push(format!(
                    "{} {case}: {losses:?}: {status:?} -> {now:?}",
                    rule.id
                ));
            }
        }
    }
    turns
}

#[test]
fn no_finding_turns_when_something_is_not_read() {
    let turns: Vec<String> = thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                let rules = rules::ALL.iter().skip(half).step_by(2);
                let of_rule = |rule: &'static Rule| {
                    let cases = read_fixture(rule).cases;
                    let turns = cases.iter().map(|case| find_turns(rule, case));
                    turns.flatten().collect::<Vec<_>>()
                };
                rules.flat_map(|rule| of_rule(rule)).collect::<Vec<_>>()
            })
        });
        let found = halves.map(|half| half.join().unwrap());
        found.into_iter().flatten().collect()
    });
    assert!(turns.is_empty(), "{}:\n{}", turns.len(), turns.join("\n"));
}
