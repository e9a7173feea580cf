//! JUnit XML, which GitLab, Jenkins and most CI servers display as test results.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::{Finding, Report, SHORT_ID, Shown, Status, WriteError, cause_id_of};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::service::Service;
use crate::model::snapshot::GLOBAL;
use crate::text::escape_invisible;

/// Writes a report as test results: one suite per region and service, one case per rule and resource.
///
/// A case fails or errs only where it makes the exit code 1 or 3.
///
/// # Errors
/// The output failed.
pub fn write_report(
    report: &Report,
    shown: impl Into<Shown>,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let gate = gate.displayed_gate();
    let mut cases: BTreeMap<(&str, &str), Vec<TestCase>> = BTreeMap::new();
    for finding in report.shown(shown) {
        let suite = (finding.region.as_str(), suite_name(finding.kind));
        let case = finding_case(finding, gate);
        cases.entry(suite).or_default().push(case);
    }
    for ((region, service), reasons) in incomplete_listings(report) {
        let suite = cases.entry((region, service)).or_default();
        suite.push(listing_case(region, service, &reasons));
    }

    let mut suites = Suites::new(match &report.account_id {
        Some(account) => format!("backup-check {}", escape_text(account)),
        None => "backup-check".to_owned(),
    });
    for ((region, name), cases) in cases {
        let mut suite = TestSuite::new(format!("{} {name}", escape_text(region)));
        suite.timestamp = report.started_at.parse().ok();
        suite.add_test_cases(cases);
        suites.add_test_suite(suite);
    }
    let text = suites.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// Returns the name of a resource's suite: its service, or its type where it has none.
fn suite_name(kind: ResourceKind) -> &'static str {
    kind.service().map_or(kind.as_str(), Service::as_str)
}

/// Returns the reasons for which listings are incomplete, by region and service.
fn incomplete_listings(report: &Report) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut listings: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for listing in &report.unread {
        let region = listing.region.as_deref().unwrap_or(GLOBAL);
        let reasons = listings.entry((region, listing.service)).or_default();
        reasons.insert(&listing.reason);
    }
    if report.interrupted && listings.is_empty() {
        let reasons = listings.entry((GLOBAL, "account")).or_default();
        reasons.insert("the scan was interrupted");
    }
    listings
}

/// Returns the case of a finding.
fn finding_case(finding: &Finding, gate: FailOn) -> TestCase {
    let mut status = case_status(finding, gate);
    let message = case_message(finding, gate);
    status.set_message(&message);
    status.set_type(match finding.waiver {
        Some(_) => "waived",
        None => finding.status.as_str(),
    });
    let mut description = message;
    if let Some(fix) = &finding.fix {
        description.push_str("\nFix: ");
        description.push_str(&escape_text(fix));
    }
    if let Some(cause) = cause_id_of(finding) {
        description.push_str(&format!("\nCause: {}", &cause[..SHORT_ID]));
    }
    if let Some(place) = &finding.place {
        description.push_str("\nAt ");
        description.push_str(&escape_text(&place.file));
        for number in [place.line, place.column].into_iter().flatten() {
            description.push_str(&format!(":{number}"));
        }
    }
    status.set_description(&description);

    let mut case = TestCase::new(finding.rule.id, status);
    case.set_classname(escape_text(&finding.resource));
    if finding.status == Status::Warn && matches!(case.status, TestCaseStatus::Success { .. }) {
        case.set_system_out(format!("warn: {description}"));
    }
    case
}

/// Returns the result of a finding's case.
fn case_status(finding: &Finding, gate: FailOn) -> TestCaseStatus {
    match (finding.status, &finding.waiver) {
        (Status::Pass, _) => TestCaseStatus::success(),
        (Status::Skip, _) | (_, Some(_)) => TestCaseStatus::skipped(),
        _ if finding.stops(gate) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (Status::Unknown, None) if finding.gating => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        // A warning does not fail the scan, so it does not fail the test either.
        (Status::Warn, None) if finding.gating => TestCaseStatus::success(),
        (Status::Fail | Status::Unknown | Status::Warn, None) => TestCaseStatus::skipped(),
    }
}

/// Returns the message of a finding, preceded by the reason that it does not fail the test.
fn case_message(finding: &Finding, gate: FailOn) -> String {
    let message = escape_text(&finding.message);
    match &finding.waiver {
        Some(waiver) => format!(
            "waived by {} until {}: {}; {}: {message}",
            escape_text(&waiver.owner),
            escape_text(&waiver.expires),
            escape_text(&waiver.reason),
            finding.status.as_str()
        ),
        None if finding.status.is_trouble() && !finding.gating => {
            format!("{}, not gating: {message}", finding.status.as_str())
        }
        None if finding.status == Status::Fail && !finding.stops(gate) => {
            format!("fail, unchanged since the baseline: {message}")
        }
        None => message,
    }
}

/// Returns the case of incomplete listings that may lack gating resources.
fn listing_case(region: &str, service: &str, reasons: &BTreeSet<&str>) -> TestCase {
    let reasons: Vec<String> = reasons.iter().map(|it| escape_text(it)).collect();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_message(format!(
            "resources tagged for backup may be missing: {}",
            reasons.join("; ")
        ))
        .set_type("incomplete");
    let mut case = TestCase::new("all listings are complete", status);
    case.set_classname(format!("{} {service}", escape_text(region)));
    case
}

/// Returns the text with every character escaped that XML does not allow or that a terminal interprets.
///
/// Source: <https://www.w3.org/TR/xml/#charsets>.
fn escape_text(text: &str) -> String {
    escape_invisible(text)
        .replace('\u{fffe}', "\\u{fffe}")
        .replace('\u{ffff}', "\\u{ffff}")
}
