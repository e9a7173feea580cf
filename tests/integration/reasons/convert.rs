//! Reports that are read back from their JSON, and what `--status` leaves out.

use std::collections::BTreeSet;
use std::fs;

use backup_check::exit::FailOn;
use backup_check::report::convert::{Converted, read_report};
use backup_check::report::format::FORMATS;
use backup_check::report::table::TableView;
use serde_json::Value;

use super::{is_fit_for_asff, list, read_file, render, render_view, reports, text};
use crate::support::command::{backup_check, repository, run};

#[test]
fn a_converted_report_is_the_report_of_the_scan_in_every_format() {
    for (name, report) in reports() {
        let json = render("json", report);
        let Converted { report: read, gate } =
            read_report(&json).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(gate, FailOn::Fail);
        assert_eq!(read.exit(gate), report.exit(gate), "{name}");
        for format in FORMATS {
            let is_fit = format.name != "asff" || is_fit_for_asff(report);
            if is_fit {
                assert!(
                    render(format.name, &read) == render(format.name, report),
                    "{name}: {}",
                    format.name
                );
            }
        }
        for view in [TableView::Causes, TableView::Resources] {
            let of_read = render_view("table", &read, view, 100);
            assert_eq!(of_read, render_view("table", report, view, 100), "{name}");
        }
    }
}

fn clean_json() -> Value {
    let account = repository().join("fixtures/accounts/mixed.json");
    let report = read_file(&account, false).unwrap();
    serde_json::from_str(&render("json", &report)).unwrap()
}

#[test]
fn what_is_no_whole_report_is_refused_with_the_way_out() {
    let document = clean_json();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        changed.to_string()
    };
    let whole = document.to_string();
    let snapshot = repository().join("fixtures/accounts/clean.json");
    let cases: Vec<(String, &str)> = vec![
        (
            fs::read_to_string(snapshot).unwrap(),
            "`backup-check scan FILE`",
        ),
        (String::new(), "it is empty"),
        (" \n".to_owned(), "it is empty"),
        ("not json".to_owned(), "not a --format json report"),
        (whole[..whole.len() / 2].to_owned(), "report"),
        ("[1, 2]".to_owned(), "not a --format json report"),
        ("{}".to_owned(), "no \"schema\" field"),
        (format!("{whole}\n{whole}\n"), "--format ndjson"),
        (
            changed(&|it| it["schema"] = "backup-check/v2".into()),
            "unsupported schema \"backup-check/v2\"",
        ),
        (
            changed(&|it| it["schema"] = "backup-check/key-policy/v1".into()),
            "unsupported schema \"backup-check/key-policy/v1\"",
        ),
        (
            changed(&|it| it["findings"][0]["rule"] = "rule-of-tomorrow".into()),
            "the report was written by backup-check",
        ),
        (
            changed(&|it| it["findings"][0]["status"] = "maybe".into()),
            "damaged report",
        ),
        (
            changed(&|it| drop(it["findings"].as_array_mut().unwrap().pop())),
            "its summary does not count",
        ),
        (
            changed(&|it| drop(it["resources"].as_array_mut().unwrap().remove(0))),
            "damaged report",
        ),
        (changed(&|it| it["exit_code"] = 0.into()), "exit code 0"),
        (
            changed(&|it| it["scan"]["statuses"] = serde_json::json!(["fail"])),
            "write it without --status",
        ),
    ];
    for (text, part) in cases {
        let error = read_report(&text).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn convert_writes_other_formats_and_exits_as_the_scan_did() {
    let folder = tempfile::tempdir().unwrap();
    for (account, code) in [("clean", 0), ("mixed", 1), ("no-access", 3)] {
        let file = repository().join(format!("fixtures/accounts/{account}.json"));
        let scanned = run(backup_check(folder.path()).arg("scan").arg(&file).args([
            "--format",
            "json=report.json",
            "csv",
        ]));
        assert_eq!(scanned.code, code, "{}", scanned.stderr);
        let converted = run(backup_check(folder.path()).args([
            "convert",
            "report.json",
            "--format",
            "csv",
            "html=page.html",
        ]));
        assert_eq!(
            (converted.code, converted.stdout),
            (code, scanned.stdout),
            "{account}"
        );
        assert!(
            fs::read_to_string(folder.path().join("page.html"))
                .unwrap()
                .contains("</html>")
        );
    }
    for (arguments, part) in [
        (
            &["convert", "missing.json"][..],
            "failed to read missing.json",
        ),
        (
            &["convert", "report.json", "--format", "pdf"],
            "unknown format",
        ),
        (
            &["convert", "report.json", "--status", "fail"],
            "--status narrows lists of findings",
        ),
        (
            &[
                "convert",
                "report.json",
                "--view",
                "causes",
                "--format",
                "csv",
            ],
            "--view is for the table",
        ),
        (&["convert"], "REPORT"),
        (&["convert", "page.html"], "not a --format json report"),
    ] {
        let refused = run(backup_check(folder.path()).args(arguments));
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(
            refused.stderr.contains(part),
            "{arguments:?}: {}",
            refused.stderr
        );
    }
}

#[test]
fn exports_have_the_findings_of_the_chosen_statuses_and_the_counts_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = repository().join("fixtures/accounts/mixed.json");
    let scan = |more: &[&str]| {
        let run = run(backup_check(folder.path())
            .arg("scan")
            .arg(&file)
            .args(more));
        assert_eq!(run.code, 1, "{}", run.stderr);
        run.stdout
    };
    let document = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let statuses = |value: &Value| -> BTreeSet<String> {
        let findings = list(value, "findings").iter();
        findings.map(|it| text(it, "status").to_owned()).collect()
    };
    let all = document(&scan(&["--format", "json"]));
    let some = document(&scan(&["--format", "json", "--status", "fail", "unknown"]));
    assert_eq!(
        statuses(&some),
        ["fail".to_owned(), "unknown".to_owned()].into()
    );
    assert_eq!(some["summary"], all["summary"]);
    assert_eq!(some["causes"], all["causes"]);
    assert_eq!(
        some["scan"]["statuses"],
        serde_json::json!(["fail", "unknown"])
    );
    assert!(all["scan"].get("statuses").is_none());
    let rows = scan(&["--format", "csv", "--status", "warn"]);
    let warned = list(&all, "findings")
        .iter()
        .filter(|it| it["status"] == "warn");
    assert_eq!(rows.lines().count(), warned.count() + 1);
    // What counts and groups findings shows all of them.
    assert_eq!(
        scan(&["--status", "pass", "--format", "markdown", "json=some.json"]),
        scan(&["--format", "markdown"])
    );
    let refused = run(backup_check(folder.path())
        .arg("scan")
        .arg(&file)
        .args(["--status", "fail"]));
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("--view causes"),
        "{}",
        refused.stderr
    );
}
