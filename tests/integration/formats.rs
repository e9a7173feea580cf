//! Reports in every format, also of accounts with hostile names.

mod github;
mod html;
mod layout;
mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use backup_check::evaluate::{Options, evaluate, evaluate_again};
use backup_check::exit::FailOn;
use backup_check::model::Snapshot;
use backup_check::report::format::{FORMATS, Format, Rendering};
use backup_check::report::stream::Visit;
use backup_check::report::table::{Style, TableView};
use backup_check::report::{FindingSource, Part, Report, ResourceLine, Status, WriteError};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use serde_json::{Value, json};

use crate::support::command::repository;

mod asff;
mod csv;
mod junit;
mod ndjson;
mod ocsf;
mod openmetrics;
mod sarif;

/// Texts that users and attackers put into tags.
pub const HOSTILE: [&str; 9] = [
    "</script><script>alert(1)</script>",
    "%0A::error::owned",
    "a|b`c`\u{2028}d",
    "=cmd|' /C calc'!A0",
    "two\nlines\r\nand ::warning file=x::more",
    "\u{1F4A3} \u{202E}emoji\u{200B} \u{1F468}\u{200D}\u{1F469}",
    "<img src=x onerror=alert(1)> & \"quoted\" 'single' ]]>",
    "\u{1b}[31mred\u{7}\u{0}nul",
    "@sum(1+1)*cmd",
];

/// Returns the snapshot of an account under `fixtures/accounts`.
pub fn snapshot(account: &str) -> Value {
    let file = repository().join(format!("fixtures/accounts/{account}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Returns the mixed account with hostile texts as `Name` tags and as the names of buckets.
pub fn hostile() -> Value {
    fn visit(value: &mut Value, names: &mut impl Iterator<Item = String>) {
        match value {
            Value::Object(fields) => {
                if let Some(name) = fields.get_mut("Name") {
                    *name = json!(names.next().unwrap());
                }
                fields.values_mut().for_each(|it| visit(it, names));
            }
            Value::Array(items) => items.iter_mut().for_each(|it| visit(it, names)),
            _ => {}
        }
    }
    let mut snapshot = snapshot("mixed");
    let long = "long ".repeat(200);
    let texts: Vec<String> = HOSTILE
        .iter()
        .map(|it| (*it).to_owned())
        .chain([long])
        .collect();
    visit(&mut snapshot, &mut texts.into_iter().cycle());
    let buckets = snapshot["buckets"]["items"].as_array_mut().unwrap();
    for (bucket, text) in buckets.iter_mut().zip(HOSTILE) {
        bucket["id"] = json!(text);
        bucket["arn"] = json!(format!("arn:aws:s3:::{text}"));
    }
    snapshot
}

/// Returns the report of a snapshot under the guide.
pub fn report(snapshot: Value, options: &Options) -> Report {
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    evaluate(&snapshot, &Settings::default(), options, &ALL)
}

/// Returns a report in a format.
pub fn render(format: &str, report: &Report) -> String {
    render_with(format, report, FailOn::Fail, false)
}

/// Returns a report in a format with a gate.
pub fn render_for(format: &str, report: &Report, gate: FailOn) -> String {
    render_with(format, report, gate, false)
}

/// Returns a report in a format with the findings of rules that do not apply.
pub fn render_skipped(format: &str, report: &Report) -> String {
    render_with(format, report, FailOn::Fail, true)
}

/// Returns the table of every cause.
pub fn render_causes(report: &Report) -> String {
    let style = Style {
        view: TableView::Causes,
        ..Style::plain(80)
    };
    let mut out = Vec::new();
    backup_check::report::table::write(report, &style, FailOn::Fail, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn render_with(format: &str, report: &Report, gate: FailOn, show_skipped: bool) -> String {
    let (text, result) = try_render(format, report, gate, show_skipped);
    result.unwrap();
    text
}

/// Returns what was written of a report in a format, and the error that ended it.
fn try_render(
    format: &str,
    report: &Report,
    gate: FailOn,
    show_skipped: bool,
) -> (String, Result<(), WriteError>) {
    let how = Rendering {
        style: Style {
            show_skipped,
            ..Style::plain(100)
        },
        anchor: "backup-check.toml".to_owned(),
        gate,
        statuses: Vec::new(),
    };
    let mut out = Vec::new();
    let format = Format::with_name(format).expect("a format");
    let result = format.write_report(report, &how, &mut out);
    (String::from_utf8(out).unwrap(), result)
}

#[test]
fn every_format_is_deterministic() {
    for format in FORMATS {
        let once = render(format.name, &report(hostile(), &Options::default()));
        let twice = render(format.name, &report(hostile(), &Options::default()));
        assert_eq!(once, twice, "{}", format.name);
        assert!(!once.is_empty(), "{}", format.name);
    }
}

#[test]
fn a_format_is_a_row_of_the_table_and_a_file() {
    let mut names = BTreeSet::new();
    for format in FORMATS {
        let name = format.name;
        assert!(names.insert(name), "{name} twice");
        assert!(name.bytes().all(|it| it.is_ascii_lowercase()), "{name}");
        let about = format.about;
        assert!(
            !about.is_empty() && !about.ends_with('.'),
            "{name}: {about}"
        );
        let file = repository().join(format!("src/report/{name}.rs"));
        assert!(file.exists(), "{name} has no file");
        let found = Format::with_name(name).unwrap();
        assert_eq!(found.name, name);
    }
    assert!(Format::with_name("nonsense").is_none());
}

/// The findings of a snapshot, made when they are asked for.
struct MadeAgain<'a>(&'a Snapshot);

impl FindingSource for MadeAgain<'_> {
    fn visit_part(&self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<(), WriteError> {
        let (settings, options) = (Settings::default(), Options::default());
        let mut result = Ok(());
        let mut emit = |finding, line: &mut ResourceLine| {
            if result.is_ok() {
                result = visit(&finding, Some(line));
            }
        };
        evaluate_again(self.0, &settings, &options, &ALL, part, &mut emit);
        result
    }
}

#[test]
fn a_report_that_counts_what_passes_is_written_as_one_that_holds_it() {
    let omit = Options {
        omit_settled: true,
        ..Options::default()
    };
    let cases = [snapshot("no-access"), hostile()];
    for (case, snapshot) in cases.into_iter().enumerate() {
        let whole = report(snapshot.clone(), &Options::default());
        let omitted = report(snapshot.clone(), &omit);
        assert!(omitted.findings.iter().all(|it| it.status.is_trouble()));
        let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
        for format in FORMATS {
            for statuses in [&[][..], &[Status::Pass, Status::Unknown]] {
                let how = Rendering {
                    style: Style::plain(80),
                    anchor: "backup-check.toml".to_owned(),
                    gate: FailOn::Fail,
                    statuses: statuses.to_vec(),
                };
                let (mut held, mut streamed) = (Vec::new(), Vec::new());
                format.write_report(&whole, &how, &mut held).unwrap();
                let again = MadeAgain(&snapshot);
                let written = format.write_findings(&omitted, &again, &how, &mut streamed);
                written.unwrap();
                let (held, streamed) = (String::from_utf8(held), String::from_utf8(streamed));
                assert_eq!(streamed, held, "{case}: {} {statuses:?}", format.name);
            }
        }
    }
}

#[test]
fn a_json_report_without_findings_is_a_document() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.findings.clear();
    let document: Value = serde_json::from_str(&render("json", &report)).unwrap();
    assert_eq!(document["findings"], json!([]));
}

#[test]
fn texts_of_rules_have_the_central_account_of_the_report() {
    let mut report = report(snapshot("mixed"), &Options::default());
    report.central_account_id = "999988887777".to_owned();
    for finding in &mut report.findings {
        Arc::make_mut(&mut finding.explanation).message = String::new();
        Arc::make_mut(&mut finding.explanation).fix = None;
        Arc::make_mut(&mut finding.explanation).causes.clear();
        Arc::make_mut(&mut finding.explanation).evidence.clear();
    }
    for format in ["html", "sarif"] {
        let text = render(format, &report);
        assert!(!text.contains("692653576357"), "{format}");
        assert!(text.contains("arn:aws:iam::999988887777:root"), "{format}");
    }
}
