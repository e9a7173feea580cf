//! The account, the time, the regions, and whether the report is complete.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::{Source, UNKNOWN_REGION};
use crate::report::Report;
use crate::report::digest::Digest;
use crate::report::digest::summary::{account_name, format_minute};
use crate::report::page::{Page, Tone};
use crate::settings::Standard;
use crate::text::{and_more, display_width, plural};

/// The number of regions that are named.
const MOST_REGIONS: usize = 6;

/// Writes the account, the regions, the standard and the time, and what could not be read.
pub(super) fn write_header(page: &mut Page, digest: &Digest<'_>) {
    let report = digest.report;
    let account = format!("{}:", account_name(report, str::to_owned));
    let standard = match report.standard {
        Standard::Guide => "company guide",
        Standard::Aws => "AWS standard",
    };
    let describe = |regions: String| {
        let parts = [regions, standard.to_owned(), describe_time(report)];
        let parts: Vec<String> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        parts.join(", ")
    };
    let mut about = describe(name_regions(report));
    if display_width(&account) + 1 + display_width(&about) > page.width() {
        about = describe(count_regions(report));
    }
    page.flow(
        0,
        2,
        &[(Tone::Strong, account.as_str()), (Tone::Plain, &about)],
    );
    if let Some(selected) = report.selection.describe() {
        let text = format!("{selected}; the rest of the account was not checked");
        page.flow(0, 2, &[(Tone::Strong, "Only"), (Tone::Plain, &text)]);
    }
    if report.interrupted {
        write_incomplete(page, "the scan was interrupted; results are partial.");
    } else if !report.complete {
        write_incomplete(page, &describe_gaps(digest, page.width()));
        write_open_lists(page, digest);
    }
}

/// The most reasons that the header names.
const MOST_REASONS: usize = 5;

/// Writes what a plan or template leaves open, which only its author can say more about.
fn write_open_lists(page: &mut Page, digest: &Digest<'_>) {
    if !digest.report.source.is_planned() {
        return;
    }
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for list in &digest.gaps.lists {
        services
            .entry(list.reason)
            .or_default()
            .insert(list.service);
    }
    for (reason, services) in services.iter().take(MOST_REASONS) {
        let head = format!("{}:", and_more(services.iter().copied(), MOST_REASONS));
        page.flow(2, 4, &[(Tone::Unknown, &head), (Tone::Plain, reason)]);
    }
}

fn name_regions(report: &Report) -> String {
    match report.regions.len() {
        2..=MOST_REGIONS => format!("{} ({})", count_regions(report), report.regions.join(", ")),
        _ => count_regions(report),
    }
}

fn count_regions(report: &Report) -> String {
    match report.regions.len() {
        0 => String::new(),
        1 if report.regions[0] == UNKNOWN_REGION => "region not known".to_owned(),
        1 => report.regions[0].clone(),
        number => plural(number, "region"),
    }
}

/// Returns where the data comes from, and when it was read.
fn describe_time(report: &Report) -> String {
    let source = match report.source {
        Source::Aws => "read",
        Source::Snapshot => "saved",
        Source::TerraformPlan => "Terraform plan of",
        Source::TerraformState => "Terraform state of",
        Source::Cloudformation => "CloudFormation template of",
    };
    match format_minute(&report.started_at) {
        time if time.is_empty() => String::new(),
        time => format!("{source} {time}"),
    }
}

/// Returns what could not be read, on one line if there is room, and what to do.
fn describe_gaps(digest: &Digest<'_>, width: usize) -> String {
    let services = digest.gaps.name_services();
    let (denied, failed) = digest.gaps.count_calls();
    let were = |number: usize, what: &str| {
        let verb = if number == 1 { "was" } else { "were" };
        format!("at least {} {verb} {what}", plural(number, "call"))
    };
    let what = match (denied, failed) {
        (0, 0) if services.is_empty() => "some details could not be read".to_owned(),
        (0, 0) => format!("some data of {services} could not be read"),
        (0, failed) => format!("at least {} failed", plural(failed, "call")),
        (denied, 0) => were(denied, "denied"),
        (denied, failed) => format!("{}, {failed} failed", were(denied, "denied")),
    };
    let advice = match digest.gaps.has_denials() {
        true => "see `backup-check iam-policy`.",
        false => "see `--view causes`.",
    };
    let full = format!("{what} ({services}); {advice}");
    match denied + failed > 0 && display_width(&full) + "Incomplete: ".len() <= width {
        true => full,
        false => format!("{what}; {advice}"),
    }
}

fn write_incomplete(page: &mut Page, text: &str) {
    page.flow(0, 2, &[(Tone::Unknown, "Incomplete:"), (Tone::Plain, text)]);
}
