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
use crate::text::{display_width, truncate_middle};

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

/// The same where the counts and the checks are two tables.
#[rustfmt::skip]
const NARROW: [&str; 11] =
    ["to-\ntal", "rea-\ndy", "at\nrisk", "not\nrea-\ndy", "un-\nkno-\nwn", "ex-\nem-\npt", "tag", "encr", "key", "ser-\nvice", "proof"];

/// The least width of the names of services.
const LEAST_NAME: usize = 10;

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
    match fit_headings(&grid, page) {
        Some(headings) => write_columns(page, headings, &grid),
        None => {
            let (counts, checks) = NARROW.split_at(1 + VERDICTS.len());
            for (first, headings) in [(1, counts), (1 + counts.len(), checks)] {
                page.blank();
                let cells = first..first + headings.len();
                let part = grid.iter().map(|row| {
                    let name = std::iter::once(&row[0]);
                    name.chain(&row[cells.clone()]).cloned().collect()
                });
                write_columns(page, headings, &part.collect::<Vec<_>>());
            }
        }
    }
    let mut untagged = digest.view.rows_in(Section::Untagged);
    if untagged.next().is_some() {
        let note = "Resources without a backup tag count as if they were tagged.";
        page.flow(0, 0, &[(Tone::Dim, note)]);
    }
}

/// Writes a table of columns after the names of services, which are truncated to what is left of the width.
fn write_columns(page: &mut Page, headings: &[&str], grid: &[Vec<String>]) {
    let room = page
        .width()
        .saturating_sub(add_widths(headings, grid, page));
    let rows: Vec<Vec<String>> = grid
        .iter()
        .map(|row| {
            let name = truncate_middle(&row[0], room.max(LEAST_NAME));
            std::iter::once(name).chain(row[1..].to_vec()).collect()
        })
        .collect();
    let headings: Vec<&str> = std::iter::once("")
        .chain(headings.iter().copied())
        .collect();
    page.add_table(&headings, &rows);
}

/// Returns the widest headings with which one table fits.
fn fit_headings<'h>(grid: &[Vec<String>], page: &Page) -> Option<&'h [&'static str]> {
    let names = widest_cell(grid, 0);
    let mut all = HEADINGS.iter();
    let found = all.find(|it| names + add_widths(*it, grid, page) <= page.width());
    found.map(<[_; 11]>::as_slice)
}

/// Returns the width of the columns after the names.
fn add_widths(headings: &[&str], grid: &[Vec<String>], page: &Page) -> usize {
    let columns = headings.iter().enumerate().map(|(index, heading)| {
        let heading = heading.lines().map(display_width).max();
        let cells = widest_cell(grid, index + 1);
        heading.unwrap_or_default().max(cells) + usize::from(page.column_gap())
    });
    columns.sum()
}

fn widest_cell(grid: &[Vec<String>], column: usize) -> usize {
    let cells = grid.iter().map(|row| display_width(&row[column]));
    cells.max().unwrap_or_default()
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
