//! JUnit XML, which GitLab, Jenkins and most CI servers display as test results.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::Timestamp;

use super::{Finding, FindingSource, Report, SHORT_ID, Shown, Status, WriteError, cause_id_of};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::service::Service;
use crate::model::snapshot::GLOBAL;
use crate::text::escape_invisible;

/// Writes the findings of a source as test results: one suite per region and service, whose numbers precede its
/// cases; one case per rule and resource.
///
/// A case fails or errs only where it makes the exit code 1 or 3.
pub(super) fn write_findings(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let gate = gate.displayed_gate();
    let listings = incomplete_listings(report);
    let suites = count_cases(report, shown, gate, &listings);
    let mut all = CaseCounts::default();
    suites.values().for_each(|counts| all.add(*counts));
    let name = match &report.account_id {
        Some(account) => format!("backup-check {}", escape_text(account)),
        None => "backup-check".to_owned(),
    };
    let CaseCounts {
        tests,
        skipped,
        failures,
        errors,
    } = all;
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"{}\" tests=\"{tests}\" skipped=\"{skipped}\" failures=\"{failures}\" errors=\"{errors}\">",
        escape_markup(&name)
    )?;
    let time = report.started_at.parse::<Timestamp>().ok();
    let time = time.map(|it| {
        it.strftime(" timestamp=\"%Y-%m-%dT%H:%M:%S%.3f+00:00\"")
            .to_string()
    });
    for (&(region, suite), counts) in &suites {
        let CaseCounts {
            tests,
            skipped,
            failures,
            errors,
        } = counts;
        writeln!(
            out,
            "    <testsuite name=\"{} {suite}\" tests=\"{tests}\" skipped=\"{skipped}\" errors=\"{errors}\" failures=\"{failures}\"{}>",
            escape_markup(&escape_text(region)),
            time.as_deref().unwrap_or_default()
        )?;
        let part = |of: &str, kind: Option<ResourceKind>| {
            of == region && kind.is_none_or(|kind| suite_name(kind) == suite)
        };
        source.visit_part(&part, &mut |finding, _| match shown.includes(finding) {
            true => Ok(out.write_all(format_case(finding, gate).as_bytes())?),
            false => Ok(()),
        })?;
        if let Some(reasons) = listings.get(&(region, suite)) {
            out.write_all(format_listing(region, suite, reasons).as_bytes())?;
        }
        writeln!(out, "    </testsuite>")?;
    }
    Ok(writeln!(out, "</testsuites>")?)
}

/// The numbers of cases.
#[derive(Debug, Clone, Copy, Default)]
struct CaseCounts {
    tests: usize,
    skipped: usize,
    failures: usize,
    errors: usize,
}

impl CaseCounts {
    fn add(&mut self, other: CaseCounts) {
        self.tests += other.tests;
        self.skipped += other.skipped;
        self.failures += other.failures;
        self.errors += other.errors;
    }

    fn add_result(&mut self, result: CaseResult) {
        self.tests += 1;
        match result {
            CaseResult::Success => {}
            CaseResult::Skipped => self.skipped += 1,
            CaseResult::Failure => self.failures += 1,
            CaseResult::Error => self.errors += 1,
        }
    }
}

/// Counts the cases of each suite.
fn count_cases<'a>(
    report: &'a Report,
    shown: Shown,
    gate: FailOn,
    listings: &BTreeMap<(&'a str, &'a str), BTreeSet<&str>>,
) -> BTreeMap<(&'a str, &'a str), CaseCounts> {
    let mut suites: BTreeMap<(&str, &str), CaseCounts> = BTreeMap::new();
    for finding in report.shown(shown) {
        let suite = (finding.region.as_str(), suite_name(finding.kind));
        let counts = suites.entry(suite).or_default();
        counts.add_result(case_result(finding, gate));
    }
    for line in &report.resources {
        let of_status = |status, number: u16| match shown.includes_status(status) {
            true => usize::from(number),
            false => 0,
        };
        let passes = of_status(Status::Pass, line.omitted.passes);
        let skipped = of_status(Status::Skip, line.omitted.skips);
        if passes + skipped > 0 {
            let suite = (line.region.as_str(), suite_name(line.kind));
            suites.entry(suite).or_default().add(CaseCounts {
                tests: passes + skipped,
                skipped,
                ..CaseCounts::default()
            });
        }
    }
    for suite in listings.keys() {
        let counts = suites.entry(*suite).or_default();
        counts.add_result(CaseResult::Error);
    }
    suites
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaseResult {
    Success,
    Skipped,
    Failure,
    Error,
}

impl CaseResult {
    /// Returns the name of the element; none of a success.
    fn element(self) -> Option<&'static str> {
        match self {
            CaseResult::Success => None,
            CaseResult::Skipped => Some("skipped"),
            CaseResult::Failure => Some("failure"),
            CaseResult::Error => Some("error"),
        }
    }
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

fn format_case(finding: &Finding, gate: FailOn) -> String {
    let result = case_result(finding, gate);
    let class = escape_markup(&escape_text(&finding.resource)).into_owned();
    let name = finding.rule.id;
    let start = format!("        <testcase name=\"{name}\" classname=\"{class}\"");
    let is_warning = finding.status == Status::Warn;
    if result == CaseResult::Success && !is_warning {
        return format!("{start}/>\n");
    }
    let message = case_message(finding, gate);
    let mut description = message.clone();
    if let Some(fix) = &finding.explanation.fix {
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
    let description = escape_markup(&description);
    let content = match result.element() {
        Some(element) => {
            let kind = match finding.waiver {
                Some(_) => "waived",
                None => finding.status.as_str(),
            };
            let message = escape_markup(&message);
            format!("<{element} message=\"{message}\" type=\"{kind}\">{description}</{element}>")
        }
        None => format!("<system-out>warn: {description}</system-out>"),
    };
    format!("{start}>\n            {content}\n        </testcase>\n")
}

/// Returns the result of a finding's case.
fn case_result(finding: &Finding, gate: FailOn) -> CaseResult {
    match (finding.status, &finding.waiver) {
        (Status::Pass, _) => CaseResult::Success,
        (Status::Skip, _) | (_, Some(_)) => CaseResult::Skipped,
        _ if finding.stops(gate) => CaseResult::Failure,
        (Status::Unknown, None) if finding.gating => CaseResult::Error,
        // A warning does not fail the scan, so it does not fail the test either.
        (Status::Warn, None) if finding.gating => CaseResult::Success,
        (Status::Fail | Status::Unknown | Status::Warn, None) => CaseResult::Skipped,
    }
}

/// Returns the message of a finding, preceded by the reason that it does not fail the test.
fn case_message(finding: &Finding, gate: FailOn) -> String {
    let message = escape_text(&finding.explanation.message);
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
fn format_listing(region: &str, service: &str, reasons: &BTreeSet<&str>) -> String {
    let reasons: Vec<String> = reasons.iter().map(|it| escape_text(it)).collect();
    let reasons = reasons.join("; ");
    let message = format!("resources tagged for backup may be missing: {reasons}");
    format!(
        "        <testcase name=\"all listings are complete\" classname=\"{} {service}\">\n            <error message=\"{}\" type=\"incomplete\"/>\n        </testcase>\n",
        escape_markup(&escape_text(region)),
        escape_markup(&message)
    )
}

/// Returns text as content of an element or an attribute.
fn escape_markup(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '\'', '"']) {
        return Cow::Borrowed(text);
    }
    let mut markup = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => markup.push_str("&lt;"),
            '>' => markup.push_str("&gt;"),
            '&' => markup.push_str("&amp;"),
            '\'' => markup.push_str("&apos;"),
            '"' => markup.push_str("&quot;"),
            _ => markup.push(c),
        }
    }
    Cow::Owned(markup)
}

/// Returns the text with every character escaped that XML does not allow or that a terminal interprets.
///
/// Source: <https://www.w3.org/TR/xml/#charsets>.
fn escape_text(text: &str) -> String {
    escape_invisible(text)
        .replace('\u{fffe}', "\\u{fffe}")
        .replace('\u{ffff}', "\\u{ffff}")
}
