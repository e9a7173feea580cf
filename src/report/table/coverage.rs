//! Data that could not be read, the same failure in many regions once.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::coverage::CoverageState;
use crate::report::Report;
use crate::report::digest::Digest;
use crate::report::digest::coverage_gaps::Failure;
use crate::report::page::{Page, Tone};
use crate::text::{and_more, display_width, pad_to_width, truncate_middle};

/// The width to which an error message is truncated, in columns.
const LONGEST_MESSAGE: usize = 240;
/// The number of disabled regions that are named.
const MOST_DISABLED: usize = 12;
/// The number of regions of an operation that are named.
const MOST_REGIONS: usize = 3;

/// Writes the failed operations and the incomplete lists.
pub(super) fn write_gaps(page: &mut Page, digest: &Digest<'_>) {
    let (report, gaps) = (digest.report, &digest.gaps);
    let interrupted = report.interrupted;
    if gaps.failures.is_empty() && gaps.lists.is_empty() && !interrupted {
        return;
    }
    page.title("COULD NOT BE READ", "");
    if interrupted {
        let text = "scan interrupted; data that had not been read is missing";
        let pieces = [(Tone::Unknown, "interrupted"), (Tone::Plain, text)];
        page.flow(2, 4, &pieces);
    }
    let is_disabled = |failure: &&Failure<'_>| failure.state == CoverageState::Disabled;
    let disabled: BTreeSet<&str> = gaps
        .failures
        .iter()
        .filter(is_disabled)
        .flat_map(|failure| failure.regions.iter().copied())
        .collect();
    if !disabled.is_empty() {
        let text = format!(
            "not enabled for this account: {}",
            and_more(disabled, MOST_DISABLED)
        );
        page.flow(2, 4, &[(Tone::Unknown, "disabled"), (Tone::Plain, &text)]);
    }
    let mut groups: BTreeMap<(&str, &str), Vec<&Failure<'_>>> = BTreeMap::new();
    for failure in gaps.failures.iter().filter(|it| !is_disabled(it)) {
        // Denials have a different code in each service and the same fix in all.
        let code = match failure.has_denial_code() {
            true => "",
            false => failure.code,
        };
        let group = groups.entry((failure.state.as_str(), code)).or_default();
        group.push(failure);
    }
    for ((state, code), failures) in groups {
        write_failures(page, report, (state, code), &failures);
    }
    for list in &gaps.lists {
        let head = match name_regions(report, &list.regions) {
            everywhere if everywhere.is_empty() => format!("{}:", list.service),
            regions => format!("{} in {regions}:", list.service),
        };
        page.flow(2, 4, &[(Tone::Unknown, &head), (Tone::Plain, list.reason)]);
    }
    if let Some(warning) = gaps.missing_resources() {
        page.flow(2, 2, &[(Tone::Plain, &warning)]);
    }
}

/// Writes the failures with the same state and error code: a line per operation, and an error message.
fn write_failures(
    page: &mut Page,
    report: &Report,
    (state, code): (&str, &str),
    failures: &[&Failure<'_>],
) {
    let code = match code {
        "" => String::new(),
        code => format!("({code})"),
    };
    let meaning = match state == CoverageState::Partial.as_str() {
        true => "· some calls failed or a list is truncated",
        false => "",
    };
    let pieces = [
        (Tone::Unknown, state),
        (Tone::Plain, code.as_str()),
        (Tone::Plain, meaning),
    ];
    page.flow(2, 4, &pieces);
    let mut operations: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for failure in failures {
        let key = (failure.service, failure.operation);
        let regions = operations.entry(key).or_default();
        regions.extend(&failure.regions);
    }
    let services = operations.keys().map(|(service, _)| display_width(service));
    let width = services.max().unwrap_or_default();
    let lines: Vec<(String, String)> = operations
        .into_iter()
        .map(|((service, operation), regions)| {
            (
                format!("{}  {operation}", pad_to_width(service, width)),
                name_regions(report, &regions),
            )
        })
        .collect();
    page.add_pairs(4, &lines);
    if let Some(failure) = failures.iter().find(|it| !it.message.is_empty()) {
        let is_single = matches!(failures, [only] if only.regions.len() == 1);
        let label = match is_single {
            true => "error",
            false => "example error",
        };
        let message = truncate_middle(failure.message, LONGEST_MESSAGE);
        page.flow(4, 4, &[(Tone::Dim, &format!("{label}: {message}"))]);
    }
}

/// Returns the regions as a list; empty if there are none.
fn name_regions(report: &Report, regions: &BTreeSet<&str>) -> String {
    if regions.len() > 1 && regions.len() >= report.regions.len() {
        return format!("all {} regions", regions.len());
    }
    and_more(regions.iter().copied(), MOST_REGIONS)
}
