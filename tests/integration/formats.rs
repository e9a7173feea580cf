//! Reports in every format, of accounts whose names are against us.

mod github;
mod html;
mod markdown;

use std::fs;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::model::Snapshot;
use backup_check::report::Report;
use backup_check::report::format::{Format, Rendering};
use backup_check::report::table::Style;
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use serde_json::{Value, json};

use crate::command::repository;

mod asff;
mod csv;
mod junit;
mod ndjson;
mod ocsf;
mod sarif;

/// What people and attackers put into tags.
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

/// The snapshot of an account under `fixtures/accounts`.
pub fn snapshot(account: &str) -> Value {
    let file = repository().join(format!("fixtures/accounts/{account}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The same with hostile texts for the `Name` tags, and for ids that their owners choose.
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

/// The report of a snapshot, judged as the guide does.
pub fn report(snapshot: Value, options: &Options) -> Report {
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    evaluate(&snapshot, &Settings::default(), options, &ALL)
}

/// A report in a format.
pub fn render(format: &str, report: &Report) -> String {
    render_for(format, report, FailOn::Fail)
}

/// A report in a format, where the gate is another.
pub fn render_for(format: &str, report: &Report, gate: FailOn) -> String {
    let how = Rendering {
        style: Style {
            width: 100,
            color: false,
            show_skipped: false,
        },
        anchor: "backup-check.toml",
        gate,
    };
    let mut out = Vec::new();
    let format = Format::named(format).expect("a format");
    (format.write)(report, &how, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_format_says_the_same_twice() {
    for format in backup_check::report::format::ALL {
        let once = render(format.name, &report(hostile(), &Options::default()));
        let twice = render(format.name, &report(hostile(), &Options::default()));
        assert_eq!(once, twice, "{}", format.name);
        assert!(!once.is_empty(), "{}", format.name);
    }
}
