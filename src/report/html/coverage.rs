//! The coverage of the scan: what was read in each region, and what could not be read.

use std::collections::{BTreeMap, BTreeSet};

use super::text::format_number;
use crate::model::coverage::{Coverage, CoverageState};
use crate::report::Report;
use crate::report::digest::Digest;
use crate::text::{and_more, escape_invisible, truncate_middle};

/// The width to which an error message is truncated, in columns.
const LONGEST_MESSAGE: usize = 400;
/// The number of regions that are named.
const MOST_REGIONS: usize = 6;

/// The coverage of the scan.
#[derive(Debug)]
pub(super) struct CoverageTable<'d> {
    pub(super) complete: bool,
    pub(super) interrupted: bool,
    /// Whether a permission is missing.
    pub(super) denied: bool,
    pub(super) regions: Vec<String>,
    pub(super) rows: Vec<CoverageRow<'d>>,
    pub(super) failures: Vec<FailureRow<'d>>,
    pub(super) lists: Vec<ListRow<'d>>,
    /// The services whose data is incomplete.
    pub(super) incomplete_services: String,
    /// The warning that resources may be missing.
    pub(super) warning: Option<String>,
}

/// One service in all regions.
#[derive(Debug)]
pub(super) struct CoverageRow<'d> {
    pub(super) service: &'d str,
    /// A cell per region; `None` if the service was not scanned there.
    pub(super) cells: Vec<Option<CoverageCell>>,
}

/// One service in one region.
#[derive(Debug)]
pub(super) struct CoverageCell {
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// An operation that failed in the same way in one or more regions.
#[derive(Debug)]
pub(super) struct FailureRow<'d> {
    pub(super) service: &'d str,
    pub(super) state: &'static str,
    pub(super) operation: String,
    pub(super) code: String,
    pub(super) regions: String,
    pub(super) message: String,
}

/// An incomplete list.
#[derive(Debug)]
pub(super) struct ListRow<'d> {
    pub(super) service: &'d str,
    pub(super) regions: String,
    pub(super) reason: String,
}

impl<'d> CoverageTable<'d> {
    pub(super) fn new(digest: &'d Digest<'d>) -> Self {
        let (report, gaps) = (digest.report, &digest.gaps);
        let (regions, rows) = build_rows(report);
        let failures = gaps.failures.iter().map(|it| FailureRow {
            service: it.service,
            state: it.state.as_str(),
            operation: escape_invisible(it.operation).into_owned(),
            code: escape_invisible(it.code).into_owned(),
            regions: name_regions(&it.regions),
            message: truncate_middle(it.message, LONGEST_MESSAGE),
        });
        let lists = gaps.lists.iter().map(|it| ListRow {
            service: it.service,
            regions: name_regions(&it.regions),
            reason: escape_invisible(it.reason).into_owned(),
        });
        CoverageTable {
            complete: report.complete && !report.interrupted,
            interrupted: report.interrupted,
            denied: gaps.has_denials(),
            regions,
            rows,
            failures: failures.collect(),
            lists: lists.collect(),
            incomplete_services: escape_invisible(&gaps.name_services()).into_owned(),
            warning: gaps.missing_resources(),
        }
    }
}

/// Returns the regions, and a row per service with a cell per region.
fn build_rows(report: &Report) -> (Vec<String>, Vec<CoverageRow<'_>>) {
    let regions = report.coverage.iter().map(|it| it.region.as_str());
    let regions: BTreeSet<&str> = regions.collect();
    let mut services: BTreeMap<&str, BTreeMap<&str, &Coverage>> = BTreeMap::new();
    for row in &report.coverage {
        let by_region = services.entry(&row.service).or_default();
        by_region.insert(&row.region, row);
    }
    let rows = services.into_iter().map(|(service, by_region)| {
        let cells = regions.iter().map(|region| by_region.get(region));
        CoverageRow {
            service,
            cells: cells.map(|row| row.map(|row| build_cell(row))).collect(),
        }
    });
    let rows = rows.collect();
    let regions = regions.into_iter();
    let regions = regions.map(|it| escape_invisible(it).into_owned());
    (regions.collect(), rows)
}

fn build_cell(row: &Coverage) -> CoverageCell {
    CoverageCell {
        class: match row.state {
            CoverageState::Scanned => "pass",
            CoverageState::Disabled => "exempt",
            _ => "unknown",
        },
        text: match row.state {
            CoverageState::Scanned => format_number(row.resources),
            state => state.as_str().to_owned(),
        },
    }
}

fn name_regions(regions: &BTreeSet<&str>) -> String {
    escape_invisible(&and_more(regions.iter().copied(), MOST_REGIONS)).into_owned()
}
