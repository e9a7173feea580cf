//! The number of resources with each verdict, by type and by region.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::digest::counts::VerdictCounts;
use crate::report::digest::view::View;
use crate::report::page::{Page, Tone};
use crate::report::{ResourceLine, ResourceVerdict};

/// Writes counts by type, then by region, in one table with the same columns.
pub(super) fn write_counts(page: &mut Page, view: &View<'_>) {
    let report = view.report;
    if report.resources.is_empty() {
        return;
    }
    page.title("COUNTS", "");
    let mut head = vec![String::new()];
    head.extend(ResourceVerdict::WORST_FIRST.map(|verdict| verdict.as_str().to_owned()));
    head.push("total".to_owned());
    let separator = vec![String::new(); head.len()];
    let mut grid = vec![head];

    let lines = || report.resources.iter();
    let kinds: BTreeMap<&str, &str> = lines()
        .map(|it| (it.kind.as_str(), it.kind.noun()))
        .collect();
    for (kind, noun) in kinds {
        // The noun `region` would read like one of the regions below.
        let noun = match kind {
            "region" => "region settings",
            _ => noun,
        };
        let of_kind = lines().filter(|it| it.kind.as_str() == kind);
        grid.push(count_row(noun, of_kind));
    }
    grid.push(separator.clone());
    // Regions without resources were scanned, too.
    let regions: BTreeSet<&str> = report
        .regions
        .iter()
        .map(String::as_str)
        .chain(lines().map(|it| it.region.as_str()))
        .collect();
    for region in regions {
        grid.push(count_row(region, lines().filter(|it| it.region == region)));
    }
    grid.push(separator);
    grid.push(count_row("all", lines()));
    let tones =
        ResourceVerdict::WORST_FIRST.map(|verdict| (verdict.as_str(), Tone::for_verdict(verdict)));
    page.add_number_table(2, grid, &tones);
    if view.has_worse_for_missing_tag() {
        let note = "Untagged resources are counted as at risk or worse.";
        page.flow(2, 2, &[(Tone::Dim, note)]);
    }
}

fn count_row<'a>(name: &str, lines: impl Iterator<Item = &'a ResourceLine>) -> Vec<String> {
    let counts: VerdictCounts = lines.map(|line| line.verdict).collect();
    let mut row = vec![name.to_owned()];
    row.extend(counts.worst_first().map(|(_, number)| match number {
        0 => "-".to_owned(),
        number => number.to_string(),
    }));
    row.push(counts.total().to_string());
    row
}
