//! The CSV for spreadsheets, parsed again.

use std::collections::BTreeMap;

use ::csv::ReaderBuilder;
use backup_check::evaluate::Options;
use backup_check::model::place::Place;
use backup_check::report::{Baseline, Report, Status, Waiver};

use super::{hostile, render, render_skipped, report, snapshot};

type Row = BTreeMap<String, String>;

fn rows(text: &str) -> Vec<Row> {
    // The reader rejects rows with a different number of cells.
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn one(report: &Report) -> Row {
    rows(&render("csv", report)).remove(0)
}

#[test]
fn a_row_is_a_finding() {
    for account in ["mixed", "no-access", "clean"] {
        let report = report(snapshot(account), &Options::default());
        let rows = rows(&render("csv", &report));
        let findings = report.findings.iter();
        let findings: Vec<_> = findings.filter(|it| it.status != Status::Skip).collect();
        assert_eq!(rows.len(), findings.len(), "{account}");
        for (row, finding) in rows.iter().zip(findings) {
            let line = report
                .resources
                .iter()
                .find(|it| it.arn == finding.resource);
            for (column, want) in [
                ("id", finding.id().as_str()),
                ("status", finding.status.as_str()),
                ("account_id", report.account_id.as_deref().unwrap()),
                ("region", &finding.region),
                ("resource_type", finding.kind.as_str()),
                ("resource", &finding.resource),
                ("resource_id", &finding.resource_id),
                ("rule", finding.rule.id),
                ("group", finding.rule.group.as_str()),
                ("owner", finding.rule.owner.as_str()),
                ("backup_tag", finding.backup_tag.as_str()),
                ("message", &finding.explanation.message),
                ("fix", finding.explanation.fix.as_deref().unwrap_or("")),
                ("verdict", line.map_or("", |it| it.verdict.as_str())),
                ("name", line.and_then(|it| it.name.as_deref()).unwrap_or("")),
                ("waiver_reason", ""),
                ("baseline", ""),
                ("file", ""),
            ] {
                let want = want.replace('\u{1b}', "\\u{1b}");
                assert_eq!(row[column], want, "{account}: {column}");
            }
            let gating = if finding.gating { "true" } else { "false" };
            assert_eq!(row["gating"], gating);
        }
    }
}

#[test]
fn lines_end_as_rfc_4180_says() {
    let text = render("csv", &report(hostile(), &Options::default()));
    assert!(text.ends_with("\r\n"));
    let unended = text.replace("\r\n", "");
    assert!(!unended.chars().any(char::is_control));
    let header = "id,status,gating,account_id,region,resource_type,aws_type,resource,resource_id,name,\
                  backup_tag,verdict,rule,group,owner,message,fix,waiver_reason,waiver_owner,\
                  waiver_expires,baseline,file,line,address,cause,title,severity,services,scanned_at\r\n";
    assert!(text.starts_with(header), "{}", text.lines().next().unwrap());
}

#[test]
fn no_cell_is_a_formula_for_any_separator() {
    let report = report(hostile(), &Options::default());
    let text = render("csv", &report);
    let mut seen = 0;
    for delimiter in [b',', b';', b'\t'] {
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        for record in reader.records().map(Result::unwrap) {
            for cell in &record {
                let bare = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"');
                assert!(
                    !bare.starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff20}']),
                    "{cell:?}"
                );
                seen += usize::from(cell.starts_with('\''));
            }
        }
    }
    assert!(seen > 0);
    let cells: Vec<Row> = rows(&text);
    let is_there = |name: &str| cells.iter().any(|row| row["name"] == name);
    assert!(is_there("'=cmd|' /C calc'!A0"));
    assert!(is_there("'@sum(1+1)*cmd"));
    assert!(is_there("two\\nlines\\r\\nand ::warning file=x::more"));
    assert!(is_there("</script><script>alert(1)</script>"));
}

#[test]
fn waivers_baseline_and_place_have_their_columns() {
    let mut report = report(snapshot("mixed"), &Options::default());
    report.findings.retain(|it| it.status == Status::Fail);
    report.findings.truncate(1);
    let finding = &mut report.findings[0];
    finding.waiver = Some(Box::new(Waiver {
        reason: "moves, in \"Q2\"; =1+1".into(),
        owner: "team-payments".into(),
        expires: "2026-06-30".into(),
    }));
    finding.baseline = Some(Baseline::Unchanged);
    finding.place = Some(Box::new(Place {
        file: "infra/db.yaml".into(),
        line: Some(12),
        column: Some(3),
        address: Some("Db".into()),
        condition: None,
        loop_body: None,
        own_condition: None,
    }));
    let row = one(&report);
    for (column, want) in [
        ("waiver_reason", "moves, in \"Q2\";' =1+1"),
        ("waiver_owner", "team-payments"),
        ("waiver_expires", "2026-06-30"),
        ("baseline", "unchanged"),
        ("file", "infra/db.yaml"),
        ("line", "12"),
        ("address", "Db"),
    ] {
        assert_eq!(row[column], want, "{column}");
    }
}

#[test]
fn rules_that_do_not_apply_are_shown_on_request() {
    let report = report(snapshot("mixed"), &Options::default());
    let rows = rows(&render_skipped("csv", &report));
    assert_eq!(rows.len(), report.findings.len());
    assert!(rows.iter().any(|row| row["status"] == "skip"));
}
