//! The account, the time, the regions, and whether the report is complete.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::Source;
use crate::report::Report;
use crate::report::digest::Digest;
use crate::report::digest::summary::{account_name, format_time, standard_name};
use crate::report::page::{Page, Tone};
use crate::text::{and_more, plural};

/// The number of regions that are named.
const MOST_REGIONS: usize = 6;

/// Writes the account, the regions, the standard and the time, and what could not be read.
pub(super) fn write_header(page: &mut Page, digest: &Digest<'_>) {
    let report = digest.report;
    let account = format!("{}:", account_name(report, str::to_owned));
    let parts = [
        describe_regions(report),
        format!("{} standard", standard_name(report.standard)),
        describe_time(report),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    let pieces = [
        (Tone::Strong, account.as_str()),
        (Tone::Plain, &parts.join(", ")),
    ];
    page.flow(0, 2, &pieces);
    if let Some(selected) = report.selection.describe() {
        let text = format!("{selected}; the rest of the account was not checked");
        page.flow(0, 2, &[(Tone::Strong, "Only"), (Tone::Plain, &text)]);
    }
    if report.interrupted {
        write_incomplete(page, "the scan was interrupted; results are partial.");
    } else if !report.complete {
        write_incomplete(page, &describe_gaps(digest));
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

fn describe_regions(report: &Report) -> String {
    match report.regions.len() {
        0 => String::new(),
        1 => report.regions[0].clone(),
        number if number <= MOST_REGIONS => {
            format!("{number} regions ({})", report.regions.join(", "))
        }
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
    match format_time(&report.started_at) {
        time if time.is_empty() => String::new(),
        time => format!("{source} {time}"),
    }
}

fn describe_gaps(digest: &Digest<'_>) -> String {
    let services = digest.gaps.name_services();
    if services.is_empty() {
        return "some details could not be read; see `--view causes`.".to_owned();
    }
    let denied = match digest.gaps.has_denials() {
        true => " Run `backup-check iam-policy` for the permissions that a scan needs.",
        false => " Details: `--view causes`.",
    };
    format!("some data could not be read ({services}).{denied}")
}

fn write_incomplete(page: &mut Page, text: &str) {
    page.flow(0, 2, &[(Tone::Unknown, "Incomplete:"), (Tone::Plain, text)]);
}
