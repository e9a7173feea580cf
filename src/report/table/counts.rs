//! How many of what, where, and how they stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{ResourceLine, ResourceVerdict};

use super::view::{Place, View, noun};
use crate::report::page::{Page, Tone};

/// Counts by type, then by region, in one table with the same columns.
pub(super) fn write(page: &mut Page, view: &View<'_>) {
    let report = view.report;
    if report.resources.is_empty() {
        return;
    }
    page.title("COUNTS", "");
    let mut head = vec![String::new()];
    head.extend(ResourceVerdict::WORST_FIRST.map(|verdict| verdict.as_str().to_owned()));
    head.push("total".to_owned());
    let columns = head.len();
    let mut grid = vec![head];

    let kinds: BTreeMap<&str, &str> = report
        .resources
        .iter()
        .map(|it| (it.kind.as_str(), noun(it.kind)))
        .collect();
    for (kind, name) in kinds {
        // A region among the types reads like one of the regions below.
        let name = if kind == "region" {
            "region settings"
        } else {
            name
        };
        grid.push(numbers(
            name,
            report
                .resources
                .iter()
                .filter(|it| it.kind.as_str() == kind),
        ));
    }
    grid.push(vec![String::new(); columns]);
    // A region with nothing in it was looked at all the same.
    let regions: BTreeSet<&str> = report
        .regions
        .iter()
        .map(String::as_str)
        .chain(report.resources.iter().map(|it| it.region.as_str()))
        .collect();
    for region in regions {
        grid.push(numbers(
            region,
            report.resources.iter().filter(|it| it.region == region),
        ));
    }
    grid.push(vec![String::new(); columns]);
    grid.push(numbers("all", report.resources.iter()));
    let tones = ResourceVerdict::WORST_FIRST.map(|verdict| (verdict.as_str(), Tone::of(verdict)));
    page.numbers(2, grid, &tones);
    if view
        .placed(Place::Untagged)
        .any(|row| row.verdict < row.line.verdict)
    {
        let words = "Here a resource without a backup tag is at risk at best.";
        page.flow(2, 2, &[(Tone::Dim, words)]);
    }
}

fn numbers<'a>(name: &str, lines: impl Iterator<Item = &'a ResourceLine>) -> Vec<String> {
    let mut counts: BTreeMap<ResourceVerdict, usize> = BTreeMap::new();
    let mut total = 0;
    for line in lines {
        *counts.entry(line.verdict).or_default() += 1;
        total += 1;
    }
    let number = |number: usize| {
        if number == 0 {
            "-".to_owned()
        } else {
            number.to_string()
        }
    };
    let mut row = vec![name.to_owned()];
    row.extend(
        ResourceVerdict::WORST_FIRST
            .map(|verdict| number(counts.get(&verdict).copied().unwrap_or_default())),
    );
    row.push(number(total));
    row
}
