//! Records the calls of each region and service: the coverage comes from here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::coverage::{Coverage, CoverageError, CoverageState};
use crate::model::observed::{Gap, GapKind};
use crate::model::service::Service;

use super::operation::{Operation, SECONDARY};

/// The results of one operation in one region.
#[derive(Debug, Default)]
struct Tally {
    succeeded: usize,
    first_gap: Option<Gap>,
}

/// Results by the name of the operation.
type Tallies = BTreeMap<&'static str, Tally>;

/// Every call of a scan, by region and service.
#[derive(Debug, Default)]
pub struct CoverageLog(Mutex<BTreeMap<(String, &'static str), Tallies>>);

impl CoverageLog {
    // A panic in another task leaves the log readable.
    fn lock_entries(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), Tallies>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a service is being read in a region.
    pub fn begin_service(&self, region: &str, service: &'static str) {
        self.lock_entries()
            .entry((region.to_owned(), service))
            .or_default();
    }

    /// Records that a region is not enabled for the account.
    pub fn record_disabled_region(&self, region: &str, services: &[&'static str]) {
        for service in services {
            let tally = Tally {
                first_gap: Some(Gap::new(GapKind::RegionDisabled, "")),
                ..Tally::default()
            };
            self.lock_entries()
                .entry((region.to_owned(), *service))
                .or_default()
                .insert("", tally);
        }
    }

    /// Records the result of a call.
    pub fn record_call(
        &self,
        region: &str,
        service: &'static str,
        operation: Operation,
        gap: Option<&Gap>,
    ) {
        let mut entries = self.lock_entries();
        let tallies = entries.entry((region.to_owned(), service)).or_default();
        let tally = tallies.entry(operation.name).or_default();
        match gap {
            None => tally.succeeded += 1,
            Some(gap) if tally.first_gap.is_none() => tally.first_gap = Some(gap.clone()),
            Some(_) => {}
        }
    }

    /// Returns whether calls of an operation succeeded in any region, and their failures: at most one for each
    /// region and service.
    pub fn list_results(&self, operation: Operation) -> (bool, Vec<Gap>) {
        let entries = self.lock_entries();
        let tallies: Vec<&Tally> = entries
            .values()
            .filter_map(|it| it.get(operation.name))
            .collect();
        let succeeded = tallies.iter().any(|tally| tally.succeeded > 0);
        let gaps = tallies.iter().filter_map(|tally| tally.first_gap.clone());
        (succeeded, gaps.collect())
    }

    /// Returns one row per region and service. `count` returns the number of resources that were read
    /// there.
    pub fn coverage_rows(&self, count: impl Fn(&str, &str) -> usize) -> Vec<Coverage> {
        let entries = self.lock_entries();
        let rows = entries
            .iter()
            .filter(|((_, service), _)| Service::from_name(service).is_some());
        rows.map(|((region, service), tallies)| {
            let (state, error) = summarize_tallies(tallies);
            Coverage {
                region: region.clone(),
                service: (*service).to_owned(),
                state,
                resources: count(region, service),
                error,
            }
        })
        .collect()
    }
}

/// Returns the state of a row, and the failure that explains it best.
fn summarize_tallies(tallies: &Tallies) -> (CoverageState, Option<CoverageError>) {
    let is_secondary =
        |gap: &Gap| tallies.len() > 1 && SECONDARY.iter().any(|it| it.name == gap.operation);
    let failures = tallies
        .values()
        .filter_map(|tally| Some((tally, tally.first_gap.as_ref()?)));
    // An operation that always failed explains more than one that failed once.
    let main = failures.min_by_key(|(tally, gap)| (is_secondary(gap), tally.succeeded > 0));
    let Some((tally, gap)) = main else {
        return (CoverageState::Scanned, None);
    };
    let state = match gap.kind {
        GapKind::RegionDisabled => return (CoverageState::Disabled, None),
        _ if tally.succeeded > 0 || is_secondary(gap) => CoverageState::Partial,
        GapKind::Denied => CoverageState::Denied,
        _ => CoverageState::Error,
    };
    let error = CoverageError {
        code: gap.code.clone().unwrap_or_default(),
        operation: gap.operation.clone(),
        message: gap.message.clone(),
    };
    (state, Some(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(list: &[(&'static str, usize, bool, GapKind)]) -> Tallies {
        let tallies = list.iter().map(|(name, succeeded, failed, kind)| {
            let first_gap = failed.then(|| Operation::new(name).make_gap(*kind, "Code", "message"));
            let tally = Tally {
                succeeded: *succeeded,
                first_gap,
            };
            (*name, tally)
        });
        tallies.collect()
    }

    #[test]
    fn a_row_reports_the_worst_of_its_operations() {
        for (list, state, operation) in [
            (
                &[("a:Read", 3, false, GapKind::Error)][..],
                CoverageState::Scanned,
                None,
            ),
            (
                &[
                    ("a:List", 1, false, GapKind::Error),
                    ("a:Read", 0, true, GapKind::Denied),
                ],
                CoverageState::Denied,
                Some("a:Read"),
            ),
            (
                &[
                    ("a:List", 1, true, GapKind::Error),
                    ("a:Read", 3, false, GapKind::Error),
                ],
                CoverageState::Partial,
                Some("a:List"),
            ),
            (
                &[
                    ("ec2:DescribeRegions", 0, true, GapKind::Denied),
                    ("ec2:DescribeVolumes", 1, true, GapKind::Error),
                ],
                CoverageState::Partial,
                Some("ec2:DescribeVolumes"),
            ),
            (
                &[
                    ("a:List", 1, false, GapKind::Error),
                    ("tag:GetResources", 0, true, GapKind::Denied),
                ],
                CoverageState::Partial,
                Some("tag:GetResources"),
            ),
            (
                &[("tag:GetResources", 0, true, GapKind::Denied)],
                CoverageState::Denied,
                Some("tag:GetResources"),
            ),
            (
                &[("a:List", 0, true, GapKind::Throttled)],
                CoverageState::Error,
                Some("a:List"),
            ),
            (
                &[
                    ("a:List", 1, true, GapKind::Error),
                    ("a:Read", 0, true, GapKind::Denied),
                ],
                CoverageState::Denied,
                Some("a:Read"),
            ),
            (
                &[("", 0, true, GapKind::RegionDisabled)],
                CoverageState::Disabled,
                None,
            ),
            (&[], CoverageState::Scanned, None),
        ] {
            let (got, error) = summarize_tallies(&tallies(list));
            assert_eq!(got, state, "{list:?}");
            assert_eq!(
                error.map(|error| error.operation).as_deref(),
                operation,
                "{list:?}"
            );
        }
    }
}
