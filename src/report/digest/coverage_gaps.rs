//! Data that could not be read, the same failure in many regions once.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::coverage::{Coverage, CoverageState};
use crate::report::{Report, Unread};
use crate::text::and_more;

/// The number of services that a sentence names.
const MOST_SERVICES: usize = 12;

#[derive(Debug)]
pub(in crate::report) struct CoverageGaps<'a> {
    /// Failed operations, sorted by state, service, operation and error code.
    pub(in crate::report) failures: Vec<Failure<'a>>,
    /// Incomplete lists that no failure explains, sorted by service and reason.
    pub(in crate::report) lists: Vec<IncompleteList<'a>>,
    /// The services with incomplete lists, explained or not.
    list_services: BTreeSet<&'a str>,
}

/// An operation that failed in the same way in one or more regions.
#[derive(Debug)]
pub(in crate::report) struct Failure<'a> {
    pub(in crate::report) state: CoverageState,
    pub(in crate::report) service: &'a str,
    /// The operation; empty if the region is disabled.
    pub(in crate::report) operation: &'a str,
    /// The error code; empty if the region is disabled.
    pub(in crate::report) code: &'a str,
    pub(in crate::report) regions: BTreeSet<&'a str>,
    /// The first error message.
    pub(in crate::report) message: &'a str,
}

/// A list that is incomplete for the same reason in one or more regions.
#[derive(Debug)]
pub(in crate::report) struct IncompleteList<'a> {
    pub(in crate::report) service: &'a str,
    pub(in crate::report) reason: &'a str,
    /// The regions; empty if the list covers all.
    pub(in crate::report) regions: BTreeSet<&'a str>,
}

impl<'a> CoverageGaps<'a> {
    /// Groups the failures and the incomplete lists of a report.
    pub(super) fn group(report: &'a Report) -> Self {
        let rows = report.coverage.iter();
        let failed: Vec<&Coverage> = rows
            .filter(|row| row.state != CoverageState::Scanned)
            .collect();
        let (files, failed): (Vec<&Coverage>, Vec<&Coverage>) =
            failed.into_iter().partition(|row| is_gap_of_file(row));
        CoverageGaps {
            failures: group_failures(&failed),
            lists: group_lists(report, &failed, &files),
            list_services: report.unread.iter().map(|list| list.service).collect(),
        }
    }

    pub(in crate::report) fn is_empty(&self) -> bool {
        self.failures.is_empty() && self.list_services.is_empty()
    }

    /// Whether a permission is missing.
    pub(in crate::report) fn has_denials(&self) -> bool {
        self.failures.iter().any(Failure::is_denial)
    }

    /// Returns how many calls were denied and how many failed otherwise. A row names one call of a service in a
    /// region, so there may have been more.
    pub(in crate::report) fn count_calls(&self) -> (usize, usize) {
        let calls = |is_denial: bool| {
            let of_calls = self.failures.iter().filter(|it| !it.operation.is_empty());
            let failures = of_calls.filter(move |it| it.is_denial() == is_denial);
            failures.map(|it| it.regions.len()).sum()
        };
        (calls(true), calls(false))
    }

    /// Returns the services whose data is incomplete, as a list in a sentence.
    pub(in crate::report) fn name_services(&self) -> String {
        let failed = self.failures.iter().map(|failure| failure.service);
        let listed = self.list_services.iter().copied();
        let of_files = self.lists.iter().map(|list| list.service);
        let services: BTreeSet<&str> = failed.chain(listed).chain(of_files).collect();
        and_more(services, MOST_SERVICES)
    }

    /// Returns the warning that incomplete lists call for; `None` if every list is complete.
    pub(in crate::report) fn missing_resources(&self) -> Option<String> {
        (!self.list_services.is_empty()).then(|| {
            format!(
                "Resources to be backed up may be missing from this report: some lists of {} are incomplete.",
                and_more(self.list_services.iter().copied(), MOST_SERVICES)
            )
        })
    }
}

impl Failure<'_> {
    /// Whether a permission is missing.
    pub(in crate::report) fn is_denial(&self) -> bool {
        self.state == CoverageState::Denied || self.has_denial_code()
    }

    /// Whether its error code is one of the codes that services use for a missing permission.
    pub(in crate::report) fn has_denial_code(&self) -> bool {
        self.code.contains("AccessDenied") || self.code.contains("Unauthorized")
    }
}

fn group_failures<'a>(failed: &[&'a Coverage]) -> Vec<Failure<'a>> {
    let mut failures: BTreeMap<(&str, &str, &str, &str), Failure<'a>> = BTreeMap::new();
    for row in failed {
        let (operation, code, message) = row.error.as_ref().map_or(("", "", ""), |error| {
            (&error.operation, &error.code, &error.message)
        });
        let failure = failures
            .entry((row.state.as_str(), &row.service, operation, code))
            .or_insert_with(|| Failure {
                state: row.state,
                service: &row.service,
                operation,
                code,
                regions: BTreeSet::new(),
                message,
            });
        failure.regions.insert(&row.region);
    }
    failures.into_values().collect()
}

/// Whether a row is about what a plan or template does not contain, not about a call.
fn is_gap_of_file(row: &Coverage) -> bool {
    row.error
        .as_ref()
        .is_some_and(|error| error.operation.is_empty())
}

fn group_lists<'a>(
    report: &'a Report,
    failed: &[&Coverage],
    files: &[&'a Coverage],
) -> Vec<IncompleteList<'a>> {
    let mut lists: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in files {
        let reason = row.error.as_ref().map_or("", |error| &error.message);
        let regions = lists.entry((&row.service, reason)).or_default();
        regions.insert(&row.region);
    }
    let explained = [failed, files].concat();
    let unexplained = report.unread.iter();
    for list in unexplained.filter(|it| !is_explained(it, &explained)) {
        let regions = lists.entry((list.service, &list.reason)).or_default();
        regions.extend(list.region.as_deref());
    }
    lists
        .into_iter()
        .map(|((service, reason), regions)| IncompleteList {
            service,
            reason,
            regions,
        })
        .collect()
}

/// Whether a failure of the same service already says why a list is incomplete.
fn is_explained(list: &Unread, failed: &[&Coverage]) -> bool {
    failed.iter().any(|row| {
        row.service == list.service && list.region.as_ref().is_none_or(|it| *it == row.region)
    })
}
