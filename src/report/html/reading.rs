//! How far the account could be read, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::coverage::{Coverage, CoverageState};
use crate::report::Report;
use crate::report::table::unread::is_denial;
use crate::text::{and_more, escape_invisible, truncate_middle};

use super::number;

/// Columns of an answer of AWS's that are told.
const MOST_OF_AN_ANSWER: usize = 400;
/// Regions that are named.
const MOST_REGIONS: usize = 6;

/// How far the account could be read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) complete: bool,
    pub(super) interrupted: bool,
    pub(super) denied: bool,
    pub(super) regions: Vec<String>,
    pub(super) rows: Vec<ReadingRow<'a>>,
    pub(super) failures: Vec<Failure<'a>>,
    pub(super) unread: Vec<UnreadList>,
}

/// One service in all regions.
#[derive(Debug)]
pub(super) struct ReadingRow<'a> {
    pub(super) service: &'a str,
    /// None where it was not asked there.
    pub(super) cells: Vec<Option<ReadingCell>>,
}

/// One service in one region.
#[derive(Debug)]
pub(super) struct ReadingCell {
    pub(super) tone: &'static str,
    pub(super) words: String,
}

/// One operation that failed in the same way in some regions.
#[derive(Debug)]
pub(super) struct Failure<'a> {
    pub(super) service: &'a str,
    pub(super) state: &'static str,
    pub(super) operation: String,
    pub(super) code: String,
    pub(super) regions: String,
    pub(super) message: String,
}

/// A list that broke off.
#[derive(Debug)]
pub(super) struct UnreadList {
    pub(super) service: &'static str,
    pub(super) regions: String,
    pub(super) reason: String,
}

impl<'a> Reading<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let regions: BTreeSet<&str> = report
            .coverage
            .iter()
            .map(|it| it.region.as_str())
            .collect();
        let mut services: BTreeMap<&str, BTreeMap<&str, &Coverage>> = BTreeMap::new();
        for row in &report.coverage {
            services
                .entry(&row.service)
                .or_default()
                .insert(&row.region, row);
        }
        let rows = services
            .into_iter()
            .map(|(service, of_region)| ReadingRow {
                service,
                cells: regions
                    .iter()
                    .map(|region| of_region.get(region).map(|row| cell(row)))
                    .collect(),
            })
            .collect();
        Reading {
            complete: report.complete && !report.interrupted,
            interrupted: report.interrupted,
            denied: report.coverage.iter().any(|row| {
                let error = row.error.as_ref();
                row.state == CoverageState::Denied
                    || error.is_some_and(|error| is_denial(&error.code))
            }),
            regions: regions
                .iter()
                .map(|it| escape_invisible(it).into_owned())
                .collect(),
            rows,
            failures: failures(report),
            unread: unread(report),
        }
    }

    /// The services of which something is missing.
    pub(super) fn missing(&self) -> String {
        let services: BTreeSet<&str> = self
            .failures
            .iter()
            .map(|it| it.service)
            .chain(self.unread.iter().map(|it| it.service))
            .collect();
        escape_invisible(&and_more(services, 12)).into_owned()
    }
}

fn cell(row: &Coverage) -> ReadingCell {
    ReadingCell {
        tone: match row.state {
            CoverageState::Scanned => "pass",
            CoverageState::Disabled => "exempt",
            _ => "unknown",
        },
        words: match row.state {
            CoverageState::Scanned => number(row.resources),
            state => state.as_str().to_owned(),
        },
    }
}

fn failures(report: &Report) -> Vec<Failure<'_>> {
    type Sort<'r> = (&'static str, &'r str, &'r str, &'r str);
    let mut sorts: BTreeMap<Sort<'_>, (BTreeSet<&str>, &str)> = BTreeMap::new();
    for row in &report.coverage {
        if row.state == CoverageState::Scanned {
            continue;
        }
        let (operation, code, message) = row.error.as_ref().map_or(("", "", ""), |error| {
            (&error.operation, &error.code, &error.message)
        });
        let entry = sorts
            .entry((row.state.as_str(), &row.service, operation, code))
            .or_insert((BTreeSet::new(), message));
        entry.0.insert(&row.region);
    }
    sorts
        .into_iter()
        .map(
            |((state, service, operation, code), (regions, message))| Failure {
                service,
                state,
                operation: escape_invisible(operation).into_owned(),
                code: escape_invisible(code).into_owned(),
                regions: escape_invisible(&and_more(regions, MOST_REGIONS)).into_owned(),
                message: truncate_middle(message, MOST_OF_AN_ANSWER),
            },
        )
        .collect()
}

fn unread(report: &Report) -> Vec<UnreadList> {
    let mut lists: BTreeMap<(&'static str, &str), BTreeSet<&str>> = BTreeMap::new();
    for unread in &report.unread {
        let regions = lists.entry((unread.service, &unread.reason)).or_default();
        regions.extend(unread.region.as_deref());
    }
    lists
        .into_iter()
        .map(|((service, reason), regions)| UnreadList {
            service,
            regions: escape_invisible(&and_more(regions, MOST_REGIONS)).into_owned(),
            reason: escape_invisible(reason).into_owned(),
        })
        .collect()
}
