//! What every report must give a reason for, over all fixtures.

mod convert;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::report::Report;
use backup_check::report::format::{Format, Rendering};
use backup_check::report::json::report_schema;
use backup_check::report::table::{Style, TableView};
use backup_check::rules::ALL;
use backup_check::settings::{Settings, is_region_name};
use backup_check::source::planned::Surroundings;
use backup_check::source::{cloudformation, detect, saved, terraform};
use serde_json::Value;

use crate::support::command::repository;

/// Returns a report in a format.
fn render(format: &str, report: &Report) -> String {
    render_view(format, report, TableView::Summary, 80)
}

fn render_view(format: &str, report: &Report, view: TableView, width: usize) -> String {
    let how = Rendering {
        style: Style {
            view,
            ..Style::plain(width)
        },
        anchor: "backup-check.toml".to_owned(),
        gate: FailOn::Fail,
        statuses: Vec::new(),
    };
    let mut out = Vec::new();
    let format = Format::with_name(format).unwrap();
    format.write_report(report, &how, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Whether Security Hub can store the findings: a plan may leave the account or a region open.
fn is_fit_for_asff(report: &Report) -> bool {
    let is_region = |name: &String| is_region_name(name);
    let mut of_findings = report.findings.iter().map(|it| &it.region);
    report.account_id.is_some()
        && (report.regions.iter().any(is_region) || of_findings.all(is_region))
}

/// Returns the reports of all accounts, plans and templates under `fixtures`, as they are and with --preflight.
fn reports() -> &'static [(String, Report)] {
    static REPORTS: LazyLock<Vec<(String, Report)>> = LazyLock::new(read_files);
    &REPORTS
}

fn read_files() -> Vec<(String, Report)> {
    let mut reports = Vec::new();
    for folder in [
        "accounts",
        "cases/account",
        "cases/account-reports",
        "cases/terraform",
        "cases/cfn",
        "cloudformation",
        "terraform",
    ] {
        let path = repository().join("fixtures").join(folder);
        let Ok(files) = fs::read_dir(&path) else {
            continue;
        };
        let mut files: Vec<_> = files.map(|it| it.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|it| it.is_file()) {
            let name = file.display().to_string();
            if name.contains(".expected.") {
                continue;
            }
            // Every kind of finding is in the accounts.
            let is_account = folder == "accounts" || folder == "cases/account";
            for preflight in [false, true].into_iter().take(1 + usize::from(is_account)) {
                if let Some(report) = read_file(file, preflight) {
                    reports.push((format!("{name} {preflight}"), report));
                }
            }
        }
    }
    assert!(reports.len() > 100, "{}", reports.len());
    reports
}

/// Returns the report on a file; `None` if it needs other files or arguments.
fn read_file(file: &std::path::Path, preflight: bool) -> Option<Report> {
    let name = file.display().to_string();
    let settings = Settings::default();
    let around = Surroundings {
        file: &name,
        tag_key: &settings.tag_key,
        region: Some("eu-central-1"),
        account: None,
        without_lookups: false,
        central_account: &settings.central_account,
        read_at: "2026-03-03T06:00:00Z",
    };
    let snapshot = match detect::recognize_file(fs::read(file).unwrap(), &name).ok()? {
        detect::Found::Terraform(root, _) => terraform::read_plan(&root, &around).ok()?,
        detect::Found::Text(text) if cloudformation::is_template(&text) => {
            cloudformation::read(&text, &around, &[]).ok()?.snapshot
        }
        detect::Found::Text(text) => saved::read_snapshot(&text).ok()?,
    };
    let options = Options {
        preflight,
        ..Options::default()
    };
    Some(Report {
        arguments: " --from account.json".to_owned(),
        ..evaluate(&snapshot, &settings, &options, &ALL)
    })
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Checks that causes and findings refer to each other, and that what explains what is consistent.
fn check_causes(name: &str, document: &Value) {
    let causes: BTreeMap<&str, &Value> = list(document, "causes")
        .iter()
        .map(|cause| (text(cause, "id"), cause))
        .collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for finding in list(document, "findings") {
        let is_trouble = ["fail", "warn", "unknown"].contains(&text(finding, "status"));
        let id = text(finding, "cause");
        assert_eq!(is_trouble, !id.is_empty(), "{name}: {finding}");
        assert!(!text(finding, "message").is_empty(), "{name}: {finding}");
        let details = list(finding, "causes").iter().map(|it| text(it, "id"));
        for id in details.chain([id]).filter(|id| !id.is_empty()) {
            let cause = causes
                .get(id)
                .unwrap_or_else(|| panic!("{name}: {finding}"));
            assert_eq!(cause["rule"], finding["rule"], "{name}: {finding}");
            let resource = &finding["resource"];
            assert!(
                list(cause, "resources").contains(resource),
                "{name}: {finding}"
            );
            used.insert(id);
        }
    }
    assert_eq!(used.len(), causes.len(), "{name}: a cause of no finding");
    for (id, cause) in &causes {
        assert_eq!(id.len(), 16, "{name}: {cause}");
        assert!(!list(cause, "commands").is_empty(), "{name}: {cause}");
        if let Some(by) = cause["explained_by"].as_str() {
            assert!(
                list(causes[by], "explains").contains(&cause["id"]),
                "{name}: {cause}"
            );
        }
        for symptom in list(cause, "explains") {
            let symptom = causes[symptom.as_str().unwrap()];
            assert_eq!(symptom["explained_by"], cause["id"], "{name}: {cause}");
        }
    }
}

/// Checks that every resource that is not ready has a finding or a prerequisite that says why, and that an
/// unknown answer has a gap.
fn check_verdicts(name: &str, document: &Value) {
    let mut worst: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for finding in list(document, "findings") {
        let statuses = worst.entry(text(finding, "resource")).or_default();
        statuses.push(text(finding, "status"));
    }
    for resource in list(document, "resources") {
        for verdict in [
            text(resource, "verdict"),
            text(resource, "verdict_if_tagged"),
        ] {
            let status = match verdict {
                "not-ready" => "fail",
                "unknown" => "unknown",
                "at-risk" => "warn",
                _ => continue,
            };
            let found = worst.get(text(resource, "arn"));
            let reasons = list(resource, "reasons_if_tagged");
            let is_explained = found.is_some_and(|it| it.contains(&status))
                || reasons.iter().any(|it| text(it, "status") == status);
            assert!(
                is_explained,
                "{name}: {verdict} without a finding: {resource}"
            );
        }
    }
    let is_gap = |row: &&Value| row["state"] != "scanned";
    let has_gap = list(document, "coverage").iter().any(|row| is_gap(&row));
    if document["scan"]["complete"] == false {
        let is_known =
            document["scan"]["interrupted"] == true || !list(document, "unread").is_empty();
        assert!(has_gap || is_known, "{name}: incomplete without a gap");
    }
    for row in list(document, "coverage").iter().filter(is_gap) {
        let is_disabled = row["state"] == "disabled";
        let reason = text(&row["error"], "message");
        assert!(is_disabled || !reason.is_empty(), "{name}: {row}");
    }
    if document["verdict"] == "unknown" {
        let counts = &document["summary"]["findings"];
        let reasons = counts["gating_unknown"].as_u64().unwrap() > 0
            || !list(document, "unread").is_empty()
            || document["scan"]["interrupted"] == true;
        assert!(reasons, "{name}: unknown without a reason");
    }
}

/// Checks that the texts name a rule for each resource that they call not ready, at risk or unknown.
fn check_texts(name: &str, report: &Report) {
    let table = render_view("table", report, TableView::Resources, 140);
    let rows = table
        .lines()
        .filter(|line| line.starts_with(['✗', '!', '?']));
    for row in rows {
        // A long id is on one line, and its marks on the next.
        let at = table.find(row).unwrap();
        let both: Vec<&str> = table[at..].lines().take(2).collect();
        let named = ALL.iter().any(|rule| both.join(" ").contains(rule.id));
        assert!(named, "{name}: no rule in {row}");
    }
    let page = render("html", report);
    for row in page.split("<tr id=\"r").skip(1) {
        let row = row.split("</tr>").next().unwrap();
        let is_bad = ["not ready</b>", "at risk</b>", "unknown</b>"];
        if is_bad.iter().any(|it| row.contains(it)) {
            assert!(row.contains("href=\"#rule-"), "{name}: no rule in {row}");
            assert!(row.contains("href=\"#c"), "{name}: no cause in {row}");
        }
    }
    let markdown = render("markdown", report);
    let has_trouble = report
        .findings
        .iter()
        .any(|it| it.status.is_trouble() && it.waiver.is_none());
    assert_eq!(markdown.contains("### Root causes"), has_trouble, "{name}");
    let is_complete = report.complete && !report.interrupted;
    assert!(
        is_complete
            || markdown.contains("### Could not be read")
            || markdown.to_lowercase().contains("incomplete"),
        "{name}"
    );
    for row in cause_rows(&markdown) {
        assert!(
            row.len() == 6 && row.iter().all(|cell| !cell.is_empty()),
            "{name}: {row:?}"
        );
    }
}

/// Returns the cells of the table of causes.
fn cause_rows(markdown: &str) -> Vec<Vec<String>> {
    let Some((_, table)) = markdown.split_once("### Root causes\n\n") else {
        return Vec::new();
    };
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells = row.trim_matches('|').split(" | ");
        cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    })
    .collect()
}

#[test]
fn no_report_has_a_verdict_without_a_reason() {
    let schema = serde_json::to_value(report_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut rules = BTreeSet::new();
    for (name, report) in reports() {
        let document: Value = serde_json::from_str(&render("json", report)).unwrap();
        check_causes(name, &document);
        check_verdicts(name, &document);
        check_texts(name, report);
        let errors = validator.iter_errors(&document);
        let errors: Vec<String> = errors.map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
        rules.extend(report.findings.iter().map(|it| it.rule.id));
    }
    assert_eq!(rules.len(), ALL.len(), "rules without a fixture");
}

#[test]
fn the_schema_describes_the_evidence_of_every_rule() {
    let schema = serde_json::to_value(report_schema()).unwrap();
    assert!(text(&schema, "$id").starts_with("https://"));
    assert_eq!(schema["properties"]["schema"]["const"], "backup-check/v1");
    let finding = &schema["$defs"]["JsonFinding"];
    let ids = finding["properties"]["rule"]["enum"].as_array().unwrap();
    assert_eq!(ids.len(), ALL.len());
    let described: BTreeMap<&str, &Value> = list(finding, "allOf")
        .iter()
        .map(|of_rule| {
            let rule = text(&of_rule["if"]["properties"]["rule"], "const");
            (
                rule,
                &of_rule["then"]["properties"]["evidence"]["properties"],
            )
        })
        .collect();
    let mut missing = BTreeSet::new();
    for (_, report) in reports() {
        for finding in &report.findings {
            let members = described[finding.rule.id];
            let keys = finding.explanation.evidence.keys();
            let unknown = keys.filter(|key| members.get(key.as_str()).is_none());
            missing.extend(unknown.map(|key| format!("{} {key}", finding.rule.id)));
        }
    }
    assert!(missing.is_empty(), "not described: {missing:?}");
}

#[test]
fn every_format_names_the_causes_of_the_json_report_by_their_ids() {
    for (name, report) in reports() {
        let document: Value = serde_json::from_str(&render("json", report)).unwrap();
        let ids: BTreeSet<&str> = list(&document, "causes")
            .iter()
            .map(|it| text(it, "id"))
            .collect();
        let is_known = |short: &str| ids.iter().filter(|id| id.starts_with(short)).count() == 1;
        let of_finding: BTreeMap<&str, &str> = list(&document, "findings")
            .iter()
            .map(|it| (text(it, "id"), text(it, "cause")))
            .collect();

        let rows = cause_rows(&render("markdown", report));
        let of_markdown: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(of_markdown.len(), rows.len(), "{name}: an id twice");
        let page = render("html", report);
        let cards = page.split("<article").skip(1);
        let of_html: BTreeSet<&str> = cards
            .map(|card| {
                card.split_once("id=\"c")
                    .unwrap()
                    .1
                    .split('"')
                    .next()
                    .unwrap()
            })
            .collect();
        assert_eq!(of_html, of_markdown, "{name}");
        for id in &of_markdown {
            assert!(id.len() == 8 && is_known(id), "{name}: {id}");
        }
        let table = render_view("table", report, TableView::Causes, 100);
        let of_table: BTreeSet<&str> = table
            .lines()
            .filter(|line| line.starts_with(['✗', '!', '?']))
            .map(|line| line.split(' ').nth(1).unwrap())
            .collect();
        assert_eq!(of_table, of_markdown, "{name}");
        let annotations = render("github", report);
        for part in annotations.split("Cause: ").skip(1) {
            assert!(of_markdown.contains(&part[..8]), "{name}: {part}");
        }
        let junit = render("junit", report);
        for part in junit.split("\nCause: ").skip(1) {
            assert!(is_known(&part[..8]), "{name}: {part}");
        }
        let sarif: Value = serde_json::from_str(&render("sarif", report)).unwrap();
        for result in list(&sarif["runs"][0], "results") {
            let hash = text(&result["partialFingerprints"], "primaryLocationLineHash");
            let id = hash.strip_suffix(":1").unwrap();
            assert_eq!(
                text(&result["properties"], "cause"),
                of_finding[id],
                "{name}"
            );
        }
        if report.finished_at.is_empty() {
            continue;
        }
        for event in render("ocsf", report).lines() {
            let event: Value = serde_json::from_str(event).unwrap();
            let id = text(&event["finding_info"], "uid");
            assert_eq!(text(&event["unmapped"], "cause"), of_finding[id], "{name}");
        }
        if !is_fit_for_asff(report) {
            continue;
        }
        for request in render("asff", report).lines() {
            let request: Value = serde_json::from_str(request).unwrap();
            for finding in list(&request, "Findings") {
                let fields = &finding["ProductFields"];
                let id = text(fields, "backup-check/finding");
                assert_eq!(text(fields, "backup-check/cause"), of_finding[id], "{name}");
            }
        }
    }
}
