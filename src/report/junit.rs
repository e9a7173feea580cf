//! JUnit XML, which GitLab, Jenkins and most CI servers show as test results.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::{Finding, Report, Status, WriteError};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::service::Service;
use crate::model::snapshot::GLOBAL;
use crate::text::escape_invisible;

/// Writes a report as test results: a suite for each service in each region, a case for each rule and
/// resource. Red is what makes the exit code 1 or 3, and nothing else.
///
/// # Errors
/// The writer failed.
pub fn write(
    report: &Report,
    show_skipped: bool,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let gate = gate.told();
    let mut cases: BTreeMap<(&str, &str), Vec<TestCase>> = BTreeMap::new();
    let shown = |it: &&Finding| show_skipped || it.status != Status::Skip;
    for finding in report.findings.iter().filter(shown) {
        let suite = (finding.region.as_str(), area(finding.kind));
        cases.entry(suite).or_default().push(case(finding, gate));
    }
    let mut unread: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for list in &report.unread {
        let region = list.region.as_deref().unwrap_or(GLOBAL);
        let reasons = unread.entry((region, list.service)).or_default();
        reasons.insert(&list.reason);
    }
    if report.interrupted && unread.is_empty() {
        let reasons = unread.entry((GLOBAL, "account")).or_default();
        reasons.insert("the scan was stopped before its end");
    }
    for ((region, service), reasons) in unread {
        let suite = cases.entry((region, service)).or_default();
        suite.push(lists(region, service, &reasons));
    }

    let mut suites = Suites::new(match &report.account_id {
        Some(account) => format!("backup-check {}", plain(account)),
        None => "backup-check".to_owned(),
    });
    for ((region, area), cases) in cases {
        let mut suite = TestSuite::new(format!("{} {}", plain(region), plain(area)));
        suite.timestamp = report.started_at.parse().ok();
        suite.add_test_cases(cases);
        suites.add_test_suite(suite);
    }
    let text = suites.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// The service, or what the settings are of.
fn area(kind: ResourceKind) -> &'static str {
    kind.service().map_or(kind.as_str(), Service::as_str)
}

fn case(finding: &Finding, gate: FailOn) -> TestCase {
    let message = plain(&finding.message);
    let mut status = match (finding.status, &finding.waiver) {
        (Status::Pass, _) => TestCaseStatus::success(),
        (Status::Skip, _) | (_, Some(_)) => TestCaseStatus::skipped(),
        _ if finding.stops(gate) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (Status::Unknown, None) if finding.gating => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        // It does not fail a scan, so it does not fail a test either.
        (Status::Warn, None) if finding.gating => TestCaseStatus::success(),
        (Status::Fail | Status::Unknown | Status::Warn, None) => TestCaseStatus::skipped(),
    };
    let brief = match &finding.waiver {
        Some(waiver) => format!(
            "waived by {} until {}: {}; {}: {message}",
            plain(&waiver.owner),
            plain(&waiver.expires),
            plain(&waiver.reason),
            finding.status.as_str()
        ),
        None if finding.status.is_trouble() && !finding.gating => {
            format!("{}, does not gate: {message}", finding.status.as_str())
        }
        None if finding.status == Status::Fail && !finding.stops(gate) => {
            format!("fail, as in the baseline: {message}")
        }
        None => message,
    };
    status.set_message(&brief);
    status.set_type(match finding.waiver {
        Some(_) => "waived",
        None => finding.status.as_str(),
    });
    let mut all = brief;
    if let Some(fix) = &finding.fix {
        all.push_str("\nFix: ");
        all.push_str(&plain(fix));
    }
    if let Some(place) = &finding.place {
        all.push_str("\nAt ");
        all.push_str(&plain(&place.file));
        for number in [place.line, place.column].into_iter().flatten() {
            all.push_str(&format!(":{number}"));
        }
    }
    status.set_description(&all);

    let mut case = TestCase::new(finding.rule.id, status);
    case.set_classname(plain(&finding.resource));
    if finding.status == Status::Warn && matches!(case.status, TestCaseStatus::Success { .. }) {
        case.set_system_out(format!("warn: {all}"));
    }
    case
}

/// The case of lists that could hold something that gates and were not read to their end.
fn lists(region: &str, service: &str, reasons: &BTreeSet<&str>) -> TestCase {
    let reasons: Vec<String> = reasons.iter().map(|it| plain(it)).collect();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_message(format!(
            "resources to be backed up may be missing: {}",
            reasons.join("; ")
        ))
        .set_type("unread");
    let mut case = TestCase::new("every list was read to its end", status);
    case.set_classname(format!("{} {service}", plain(region)));
    case
}

/// The text with everything made visible that XML cannot hold or that a terminal would obey.
///
/// Source: <https://www.w3.org/TR/xml/#charsets>.
fn plain(text: &str) -> String {
    escape_invisible(text)
        .replace('\u{fffe}', "\\u{fffe}")
        .replace('\u{ffff}', "\\u{ffff}")
}
