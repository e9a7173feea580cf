//! The JSON report in lines, compared with the JSON report.

use std::sync::Arc;

use backup_check::evaluate::Options;
use backup_check::report::json::{JsonFinding, report_schema};
use backup_check::report::{Comparison, Report, StaleState, StaleWaiver};
use serde_json::{Value, json};

use super::{hostile, render, render_skipped, report, snapshot};

/// Returns all lines but the last, and the last.
fn lines(text: &str) -> (Vec<Value>, Value) {
    let parsed = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut lines: Vec<Value> = parsed.collect();
    let last = lines.pop().unwrap();
    (lines, last)
}

fn document(report: &Report) -> Value {
    serde_json::from_str(&render("json", report)).unwrap()
}

// Most findings are written as another of which they differ in the resource alone.
#[test]
fn a_finding_is_written_as_it_is_alone() {
    let mut copies = snapshot("mixed");
    // A name that is escaped, and one that another name begins with.
    let volumes = copies["regions"]["eu-central-1"]["volumes"]["items"].as_array_mut();
    let volumes = volumes.unwrap();
    for name in ["vol-0a\"b\\c", "vol-0a", "vol-0ab"] {
        let mut copy = volumes[0].clone();
        copy["id"] = json!(name);
        copy["arn"] = json!(format!(
            "arn:aws:ec2:eu-central-1:111122223333:volume/{name}"
        ));
        volumes.push(copy);
    }
    for snapshot in [copies, snapshot("no-access"), hostile()] {
        let report = report(snapshot, &Options::default());
        let alone: Vec<Value> = report
            .shown(true)
            .map(|finding| serde_json::to_value(JsonFinding::new(finding)).unwrap())
            .collect();
        let document: Value = serde_json::from_str(&render_skipped("json", &report)).unwrap();
        assert_eq!(document["findings"], json!(alone));
        let (lines, _) = lines(&render_skipped("ndjson", &report));
        assert_eq!(lines, with_time(&document));
    }
}

/// Returns the findings of a JSON report, each with the time of the scan.
fn with_time(document: &Value) -> Vec<Value> {
    let mut findings = document["findings"].as_array().unwrap().clone();
    for finding in &mut findings {
        finding["scanned_at"] = document["scan"]["finished_at"].clone();
    }
    findings
}

#[test]
fn lines_are_the_findings_of_the_json_report() {
    for account in ["mixed", "no-access", "clean"] {
        let report = report(snapshot(account), &Options::default());
        let document = document(&report);
        let (findings, last) = lines(&render("ndjson", &report));
        assert_eq!(findings, with_time(&document), "{account}");
        let mut want = json!({
            "schema": "backup-check/v1", "tool": document["tool"], "scan": document["scan"],
            "summary": document["summary"], "coverage": document["coverage"], "verdict": document["verdict"],
            "exit_code": document["exit_code"], "gate": document["gate"], "causes": document["causes"],
        });
        if let Some(unread) = document.get("unread") {
            want["unread"] = unread.clone();
        }
        assert_eq!(last, want, "{account}");
    }
}

#[test]
fn every_line_fits_the_schema() {
    let mut schema = serde_json::to_value(report_schema()).unwrap();
    for part in ["properties", "required"] {
        schema.as_object_mut().unwrap().remove(part);
    }
    schema["$ref"] = json!("#/$defs/JsonFinding");
    let finding = jsonschema::validator_for(&schema).unwrap();
    assert!(!finding.is_valid(&json!({"id": "x"})));
    let (findings, _) = lines(&render("ndjson", &report(hostile(), &Options::default())));
    assert!(!findings.is_empty());
    for line in findings {
        assert!(finding.is_valid(&line), "{line}");
    }
}

#[test]
fn no_character_of_a_name_ends_a_line() {
    let report = report(hostile(), &Options::default());
    let text = render("ndjson", &report);
    let ends =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}' | '\u{e0001}');
    let lines_by_any_reader = text.split(ends).filter(|line| !line.is_empty()).count();
    assert_eq!(lines_by_any_reader, text.matches('\n').count());
    let (findings, _) = lines(&text);
    assert_eq!(findings, with_time(&document(&report)));
}

#[test]
fn surrogate_pairs_and_escapes_are_read_back() {
    let mut report = report(snapshot("clean"), &Options::default());
    let text = "\u{85} \u{2028} \u{2029} \u{e0001} \u{1F4A3} \" \\ \u{feff}";
    Arc::make_mut(&mut report.findings[0].explanation).message = text.to_owned();
    let (findings, _) = lines(&render_skipped("ndjson", &report));
    assert_eq!(findings[0]["message"], text);
}

#[test]
fn rules_that_do_not_apply_are_shown_on_request() {
    let report = report(snapshot("mixed"), &Options::default());
    let has_skipped = |text: &str| {
        let (findings, _) = lines(text);
        findings.iter().any(|it| it["status"] == "skip")
    };
    assert!(has_skipped(&render_skipped("ndjson", &report)));
    assert!(!has_skipped(&render("ndjson", &report)));
}

#[test]
fn the_last_line_has_stale_waivers_and_the_comparison() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.stale_waivers = vec![StaleWaiver {
        state: StaleState::Expired,
        rule: "kms-key-shared".into(),
        resource: "*".into(),
        reason: "moves".into(),
        owner: "team".into(),
        expires: "2026-01-31".into(),
        line: 7,
        findings: 2,
    }];
    report.comparison = Some(Comparison {
        new: 1,
        unchanged: 2,
        ..Comparison::default()
    });
    let (_, last) = lines(&render("ndjson", &report));
    assert_eq!(last["stale_waivers"][0]["state"], "expired");
    assert_eq!(
        last["comparison"],
        json!({"new": 1, "unchanged": 2, "fixed": [], "not_judged": []})
    );
}
