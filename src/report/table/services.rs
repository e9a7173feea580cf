//! A row for each service: its resources by verdict, and its worst check in each family.

use std::collections::BTreeMap;

use super::marks::counted_mark;
use crate::report::digest::Digest;
use crate::report::digest::families::{Marks, mark_resources};
use crate::report::digest::names::service_name;
use crate::report::digest::view::Section;
use crate::report::facts::ResourceCounts;
use crate::report::page::{Page, Tone};
use crate::report::{ResourceVerdict, Status};
use crate::rule::Family;
use crate::text::display_width;

/// The verdicts of the columns.
const VERDICTS: [ResourceVerdict; 5] = [
    ResourceVerdict::Ready,
    ResourceVerdict::AtRisk,
    ResourceVerdict::NotReady,
    ResourceVerdict::Unknown,
    ResourceVerdict::Exempt,
];

/// Headings of the columns after the service, from the widest to the narrowest.
#[rustfmt::skip]
const HEADINGS: [[&str; 11]; 3] = [
    ["total", "ready", "at risk", "not ready", "unknown", "exempt", "tag", "encryption", "key", "service", "proof"],
    ["total", "ready", "at\nrisk", "not\nready", "unknown", "exempt", "tag", "encr", "key", "service", "proof"],
    ["total", "ready", "at\nrisk", "not\nready", "un-\nknown", "ex-\nempt", "tag", "encr", "key", "service", "proof"],
];

/// One row of the table.
#[derive(Debug, Default)]
struct ServiceRow {
    verdicts: Vec<ResourceVerdict>,
    marks: Vec<Marks>,
}

/// Writes the table of services.
pub(super) fn write_services(page: &mut Page, digest: &Digest<'_>, ascii: bool) {
    let marks = mark_resources(digest.report, |_| true);
    let mut services: BTreeMap<(bool, &str), ServiceRow> = BTreeMap::new();
    for row in &digest.view.rows {
        let name = service_name(row.line.kind);
        let is_setting = !row.line.kind.is_backed_up();
        let service = services.entry((is_setting, name)).or_default();
        service.verdicts.push(row.verdict);
        let of_resource = marks.get(row.line.arn.as_str());
        service.marks.push(of_resource.copied().unwrap_or_default());
    }
    if services.is_empty() {
        return;
    }
    let mut grid: Vec<Vec<String>> = services
        .iter()
        .map(|((_, name), row)| row.cells(name, ascii))
        .collect();
    if services.len() > 1 {
        let all = services
            .into_values()
            .fold(ServiceRow::default(), |mut all, row| {
                all.verdicts.extend(row.verdicts);
                all.marks.extend(row.marks);
                all
            });
        grid.push(all.cells("all", ascii));
    }
    page.blank();
    let headings = fit_headings(&grid, page);
    page.add_table(&headings, &grid);
    let mut untagged = digest.view.rows_in(Section::Untagged);
    if untagged.next().is_some() {
        let note = "Resources without a backup tag count as if they were tagged.";
        page.flow(0, 0, &[(Tone::Dim, note)]);
    }
}

/// Returns the widest headings with which a table fits.
fn fit_headings(grid: &[Vec<String>], page: &Page) -> Vec<&'static str> {
    let cells = |column: usize| {
        let cells = grid.iter().map(|row| display_width(&row[column]));
        cells.max().unwrap_or_default()
    };
    let needs = |headings: &[&str; 11]| {
        let columns = headings.iter().enumerate().map(|(index, heading)| {
            let heading = heading.lines().map(display_width).max();
            heading.unwrap_or_default().max(cells(index + 1)) + usize::from(page.column_gap())
        });
        cells(0).max("service".len()) + columns.sum::<usize>()
    };
    let fitting = HEADINGS
        .iter()
        .find(|headings| needs(headings) <= page.width());
    let headings = fitting.unwrap_or(&HEADINGS[HEADINGS.len() - 1]);
    std::iter::once("")
        .chain(headings.iter().copied())
        .collect()
}

impl ServiceRow {
    fn cells(&self, name: &str, ascii: bool) -> Vec<String> {
        let counts: ResourceCounts = self.verdicts.iter().copied().collect();
        let count = |number: usize| match number {
            0 => "-".to_owned(),
            number => number.to_string(),
        };
        let mut cells = vec![name.to_owned(), counts.total.to_string()];
        cells.extend(VERDICTS.map(|verdict| count(counts.get(verdict))));
        cells.extend(Family::ALL.map(|family| {
            let worst = self.worst_mark(family);
            let with_worst = self
                .marks
                .iter()
                .filter(|marks| marks[family as usize] == worst);
            counted_mark(worst, with_worst.count(), ascii)
        }));
        cells
    }

    fn worst_mark(&self, family: Family) -> Option<Status> {
        let marks = self.marks.iter().map(|marks| marks[family as usize]);
        marks.max().flatten()
    }
}
