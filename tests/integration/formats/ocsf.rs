//! Compliance Findings, validated against the schema of the framework.

use std::fs;
use std::sync::LazyLock;

use backup_check::evaluate::Options;
use backup_check::exit::FailOn;
use backup_check::report::{
    Baseline, Comparison, EarlierFinding, Report, Status, Waiver, WriteError,
};
use serde_json::{Value, json};

use super::{hostile, render, render_skipped, report, snapshot, try_render};
use crate::support::command::repository;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let file = "fixtures/schema/ocsf-1.5.0-compliance-finding.json";
    serde_json::from_str(&fs::read_to_string(repository().join(file)).unwrap()).unwrap()
});

fn events(report: &Report) -> Vec<Value> {
    let text = render("ocsf", report);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Collects the violations of the schema of a class or object.
fn check(schema: &Value, class: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let (Some(attributes), Some(fields)) = (class["attributes"].as_object(), value.as_object())
    else {
        wrong.push(format!("{at}: not an object of the schema"));
        return;
    };
    for (name, attribute) in attributes {
        if attribute["requirement"] == "required" && !fields.contains_key(name) {
            wrong.push(format!("{at}.{name}: required"));
        }
    }
    if let Some(names) = class["constraints"]["at_least_one"].as_array()
        && !names
            .iter()
            .any(|name| fields.contains_key(name.as_str().unwrap()))
    {
        wrong.push(format!("{at}: needs one of {names:?}"));
    }
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        let Some(attribute) = attributes.get(name) else {
            wrong.push(format!("{at}: no such attribute"));
            continue;
        };
        if attribute["@deprecated"] == true {
            wrong.push(format!("{at}: deprecated"));
        }
        let items = match (attribute["is_array"] == true, value) {
            (true, Value::Array(items)) => items.as_slice(),
            (false, value) => std::slice::from_ref(value),
            (true, _) => {
                wrong.push(format!("{at}: not a list"));
                continue;
            }
        };
        for item in items {
            check_item(schema, attribute, item, &at, wrong);
        }
        if let Some(sibling) = attribute["sibling"].as_str()
            && let Some(text) = fields.get(sibling)
            && value != &json!(99)
            && &attribute["enum"][value.to_string()] != text
        {
            wrong.push(format!("{at}: {value} is not {text}"));
        }
    }
}

fn check_item(schema: &Value, attribute: &Value, item: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut kind = attribute["type"].as_str().unwrap();
    while let Some(base) = schema["types"][kind]["type"].as_str() {
        kind = base;
    }
    let fits = match kind {
        "object_t" => {
            let object = attribute["object_type"].as_str().unwrap();
            // The generic object allows any attribute.
            if object == "object" {
                item.is_object()
            } else {
                check(schema, &schema["objects"][object], item, at, wrong);
                true
            }
        }
        "string_t" => item.is_string(),
        "integer_t" | "long_t" => item.is_i64(),
        "boolean_t" => item.is_boolean(),
        "json_t" => true,
        other => panic!("unknown type {other}"),
    };
    if !fits {
        wrong.push(format!("{at}: {item} is no {kind}"));
    }
    if let Some(values) = attribute["enum"].as_object() {
        let value = item.as_str().map_or(item.to_string(), str::to_owned);
        if !values.contains_key(&value) {
            wrong.push(format!("{at}: {value} is none of {:?}", values.keys()));
        }
    }
}

fn wrong(event: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let class = &SCHEMA["classes"]["compliance_finding"];
    check(&SCHEMA, class, event, "event", &mut wrong);
    wrong
}

/// Returns a report in which every attribute has a value somewhere.
fn full() -> Report {
    let mut report = report(hostile(), &Options::default());
    let mut fixed = Vec::new();
    for (number, finding) in report.findings.iter_mut().enumerate() {
        match (finding.status, number % 3) {
            (Status::Pass, 0) => fixed.push(EarlierFinding {
                id: finding.id(),
                rule: finding.rule.id.to_owned(),
                resource: finding.resource.clone(),
                status: Status::Fail,
            }),
            (Status::Fail | Status::Warn | Status::Unknown, 0) => {
                finding.baseline = Some(Baseline::Unchanged);
            }
            (Status::Fail | Status::Warn | Status::Unknown, 1) => {
                finding.baseline = Some(Baseline::New);
                finding.gating = false;
                finding.waiver = Some(Box::new(Waiver {
                    reason: "moves \u{2028} in Q2".into(),
                    owner: "team-payments".into(),
                    expires: "2026-06-30".into(),
                }));
            }
            _ => {}
        }
    }
    report.comparison = Some(Comparison {
        fixed,
        ..Comparison::default()
    });
    report
}

#[test]
fn every_event_fits_the_class() {
    for report in [
        full(),
        report(snapshot("mixed"), &Options::default()),
        report(snapshot("no-access"), &Options::default()),
    ] {
        let events = events(&report);
        let shown = report
            .findings
            .iter()
            .filter(|it| it.status != Status::Skip);
        assert_eq!(events.len(), shown.count());
        for event in events {
            assert_eq!(wrong(&event), Vec::<String>::new(), "{event:#}");
        }
    }
}

#[test]
fn rules_that_do_not_apply_fit_the_class_too() {
    let report = report(snapshot("mixed"), &Options::default());
    let text = render_skipped("ocsf", &report);
    assert_eq!(text.lines().count(), report.findings.len());
    let mut skipped = 0;
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(wrong(&event), Vec::<String>::new(), "{event:#}");
        skipped += usize::from(event["compliance"]["status_id"] == 99);
    }
    assert!(skipped > 0);
}

#[test]
fn the_validation_finds_violations() {
    let report = report(snapshot("clean"), &Options::default());
    let good = events(&report).remove(0);
    assert!(wrong(&good).is_empty());
    for (pointer, bad) in [
        ("/time", json!("2026-03-03")),
        ("/time", Value::Null),
        ("/severity_id", json!(17)),
        ("/severity", json!("Dire")),
        ("/metadata/product", json!({"version": "1"})),
        ("/cloud/account/type_id", json!(9)),
        ("/resources", json!({})),
        ("/resources/0/uid", json!(1)),
        ("/compliance/standards", json!("guide")),
        ("/finding_info", json!({"title": "no uid"})),
        ("/category_uid", json!(3)),
    ] {
        let mut event = good.clone();
        *event.pointer_mut(pointer).expect(pointer) = bad;
        assert!(!wrong(&event).is_empty(), "{pointer}");
    }
    let mut event = good.clone();
    event["surprise"] = json!(1);
    assert!(!wrong(&event).is_empty());
    for name in ["cloud", "metadata", "compliance", "type_uid"] {
        let mut event = good.clone();
        event.as_object_mut().unwrap().remove(name);
        assert!(!wrong(&event).is_empty(), "{name}");
    }
}

#[test]
fn an_event_has_the_values_of_its_finding() {
    let report = full();
    // The time below is that of `date -d 2026-03-03T06:00:18Z +%s`, in milliseconds.
    assert_eq!(report.finished_at, "2026-03-03T06:00:18Z");
    let shown = report
        .findings
        .iter()
        .filter(|it| it.status != Status::Skip);
    let fixed = &report.comparison.as_ref().unwrap().fixed;
    let mut seen = std::collections::BTreeSet::new();
    for (event, finding) in events(&report).iter().zip(shown) {
        let closed = fixed.iter().any(|it| it.id == finding.id());
        let (result, open) = match finding.status {
            Status::Unknown => (0, 1),
            Status::Pass => (1, 4),
            Status::Warn => (2, 1),
            Status::Fail => (3, 1),
            Status::Skip => unreachable!(),
        };
        let open = if finding.waiver.is_some() { 3 } else { open };
        let activity = match finding.baseline {
            Some(Baseline::Unchanged) => 2,
            _ if closed => 3,
            _ => 1,
        };
        let severity = match (finding.status, finding.gating) {
            (Status::Fail, true) => 4,
            (Status::Fail, false) | (Status::Warn | Status::Unknown, true) => 3,
            (Status::Warn | Status::Unknown, false) => 2,
            _ => 1,
        };
        for (pointer, want) in [
            ("/class_uid", json!(2003)),
            ("/activity_id", json!(activity)),
            ("/type_uid", json!(200_300 + activity)),
            ("/time", json!(1_772_517_618_000_i64)),
            ("/severity_id", json!(severity)),
            ("/status_id", json!(open)),
            ("/status_code", json!(finding.status.as_str())),
            ("/compliance/status_id", json!(result)),
            ("/compliance/control", json!(finding.rule.id)),
            ("/compliance/standards", json!(["backup-check guide"])),
            ("/finding_info/uid", json!(finding.id())),
            ("/finding_info/title", json!(finding.rule.title)),
            ("/message", json!(finding.explanation.message)),
            ("/metadata/version", json!("1.5.0")),
            ("/metadata/profiles", json!(["cloud"])),
            ("/cloud/provider", json!("AWS")),
            ("/cloud/account/uid", json!("111122223333")),
            ("/cloud/account/type_id", json!(10)),
            ("/resources/0/uid", json!(finding.resource)),
            ("/unmapped/gating", json!(finding.gating)),
        ] {
            assert_eq!(event.pointer(pointer), Some(&want), "{pointer}: {event:#}");
        }
        let fix = event.pointer("/remediation/desc").and_then(Value::as_str);
        assert_eq!(fix, finding.explanation.fix.as_deref());
        let region = event.pointer("/cloud/region").and_then(Value::as_str);
        let named = finding.region != "global";
        assert_eq!(region, named.then_some(finding.region.as_str()));
        if !finding.explanation.evidence.is_empty() {
            assert_eq!(
                event["evidences"][0]["data"],
                json!(finding.explanation.evidence)
            );
        }
        if finding.waiver.is_some() {
            assert_eq!(
                event["comment"],
                "waived by team-payments until 2026-06-30: moves \u{2028} in Q2"
            );
        }
        seen.insert((result, open, activity));
    }
    for want in [(1, 4, 3), (3, 1, 2), (3, 3, 1), (0, 1, 1), (2, 1, 1)] {
        assert!(seen.contains(&want), "{want:?} is not in the report");
    }
}

#[test]
fn no_two_events_share_an_id() {
    let events = events(&full());
    let mut ids: Vec<&str> = events
        .iter()
        .map(|it| it["metadata"]["uid"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn an_unknown_account_is_omitted() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.account_id = None;
    for finding in &mut report.findings {
        finding.account_id = None;
    }
    for event in events(&report) {
        assert_eq!(event["cloud"].get("account"), None);
        assert_eq!(wrong(&event), Vec::<String>::new());
    }
}

#[test]
fn a_report_without_a_time_is_an_error() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.finished_at = "yesterday".into();
    let (out, result) = try_render("ocsf", &report, FailOn::Fail, false);
    let error = result.unwrap_err();
    assert!(matches!(error, WriteError::Unfit { .. }));
    assert!(error.to_string().contains("\"yesterday\""), "{error}");
    assert!(out.is_empty());
}
