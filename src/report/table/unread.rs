//! What could not be read, the same failure in many places told once.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::coverage::{Coverage, CoverageState};
use crate::report::{Report, Unread};

use crate::report::page::{Page, Tone};
use crate::text::{and_more, display_width, pad_to_width, truncate_middle};

/// Columns of an answer of AWS's that are told.
const MOST_OF_AN_ANSWER: usize = 240;

/// What was asked and not answered.
pub(super) fn write(page: &mut Page, report: &Report) {
    let failed: Vec<&Coverage> = report
        .coverage
        .iter()
        .filter(|row| row.state != CoverageState::Scanned)
        .collect();
    let untold: Vec<&Unread> = report
        .unread
        .iter()
        .filter(|unread| !is_told(unread, &failed))
        .collect();
    if failed.is_empty() && untold.is_empty() && !report.interrupted {
        return;
    }
    page.title("NOT READ", "");
    if report.interrupted {
        let words = "before the end: what had not been read by then is missing.";
        page.flow(2, 4, &[(Tone::Unknown, "stopped"), (Tone::Plain, words)]);
    }
    let off: BTreeSet<&str> = failed
        .iter()
        .filter(|row| row.state == CoverageState::Disabled)
        .map(|row| row.region.as_str())
        .collect();
    if !off.is_empty() {
        let regions = and_more(off, 12);
        page.flow(
            2,
            4,
            &[
                (Tone::Unknown, "disabled"),
                (
                    Tone::Plain,
                    &format!("not enabled for this account: {regions}"),
                ),
            ],
        );
    }
    let mut kinds: BTreeMap<(&str, &str), Vec<&Coverage>> = BTreeMap::new();
    for row in failed
        .iter()
        .filter(|row| row.state != CoverageState::Disabled)
    {
        // A denial has a different code in each service, and the same remedy in all.
        let code = row.error.as_ref().map_or("", |error| error.code.as_str());
        let code = if is_denial(code) { "" } else { code };
        kinds
            .entry((row.state.as_str(), code))
            .or_default()
            .push(row);
    }
    for ((state, code), rows) in kinds {
        failure(page, report, state, code, &rows);
    }
    let mut lists: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for unread in untold {
        let regions = lists.entry((unread.service, &unread.reason)).or_default();
        regions.extend(unread.region.as_deref());
    }
    for ((service, reason), regions) in lists {
        let head = match places(report, &regions) {
            everywhere if everywhere.is_empty() => format!("{service}:"),
            some => format!("{service} in {some}:"),
        };
        page.flow(2, 4, &[(Tone::Unknown, &head), (Tone::Plain, reason)]);
    }
    if !report.unread.is_empty() {
        let services: BTreeSet<&str> = report.unread.iter().map(|unread| unread.service).collect();
        let words = format!(
            "Resources to be backed up may be missing from this report: not every list of {} could be read to its end.",
            and_more(services, 12)
        );
        page.flow(2, 2, &[(Tone::Plain, &words)]);
    }
}

/// One sort of failure: a line per operation, and what AWS said.
fn failure(page: &mut Page, report: &Report, state: &str, code: &str, rows: &[&Coverage]) {
    let code = if code.is_empty() {
        String::new()
    } else {
        format!("({code})")
    };
    let how = if state == CoverageState::Partial.as_str() {
        "· some calls failed, or pages are missing"
    } else {
        ""
    };
    page.flow(
        2,
        4,
        &[
            (Tone::Unknown, state),
            (Tone::Plain, &code),
            (Tone::Plain, how),
        ],
    );
    let mut operations: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        let operation = row
            .error
            .as_ref()
            .map_or("", |error| error.operation.as_str());
        operations
            .entry((&row.service, operation))
            .or_default()
            .insert(&row.region);
    }
    let services = operations
        .keys()
        .map(|(service, _)| display_width(service))
        .max()
        .unwrap_or_default();
    let lines: Vec<(String, String)> = operations
        .into_iter()
        .map(|((service, operation), regions)| {
            (
                format!("{}  {operation}", pad_to_width(service, services)),
                places(report, &regions),
            )
        })
        .collect();
    page.pairs(4, &lines);
    if let Some(said) = rows
        .iter()
        .find_map(|row| row.error.as_ref())
        .filter(|error| !error.message.is_empty())
    {
        let one = if rows.len() > 1 {
            "one answer"
        } else {
            "answer"
        };
        let said = format!(
            "{one}: {}",
            truncate_middle(&said.message, MOST_OF_AN_ANSWER)
        );
        page.flow(4, 4, &[(Tone::Dim, &said)]);
    }
}

fn places(report: &Report, regions: &BTreeSet<&str>) -> String {
    if regions.len() > 1 && regions.len() >= report.regions.len() {
        return format!("all {} regions", regions.len());
    }
    and_more(regions.iter().copied(), 3)
}

/// Whether a code says that something is not allowed.
pub(in crate::report) fn is_denial(code: &str) -> bool {
    code.contains("AccessDenied") || code.contains("Unauthorized")
}

/// Whether a failed row of the coverage tells already why a list broke off.
fn is_told(unread: &Unread, failed: &[&Coverage]) -> bool {
    failed.iter().any(|row| {
        row.service == unread.service
            && unread
                .region
                .as_ref()
                .is_none_or(|region| *region == row.region)
    })
}
