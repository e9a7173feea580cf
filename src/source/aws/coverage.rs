//! What was asked in each region and service, and how it was answered: where coverage comes from.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::coverage::{Coverage, CoverageError, CoverageState};
use crate::model::observed::{Gap, GapKind};
use crate::model::service::Service;

use super::call::Operation;
use super::ec2::DESCRIBE_REGIONS;
use super::tagging::GET_RESOURCES;

/// The name under which calls that serve several services stand in the books. They have no row of
/// their own: what came of them is noted for each service that they serve.
pub const SHARED: &str = "shared";

/// How one operation fared in one region.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    first: Option<Gap>,
}

/// Operations by name, with how they fared.
type Page = BTreeMap<&'static str, Tally>;

/// Every call of a scan, by region and service.
#[derive(Debug, Default)]
pub struct Books(Mutex<BTreeMap<(String, &'static str), Page>>);

impl Books {
    // A panic in another task leaves the books as they were, which is fine to read.
    fn pages(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a service is being read in a region.
    pub fn open(&self, region: &str, service: &'static str) {
        self.pages()
            .entry((region.to_owned(), service))
            .or_default();
    }

    /// Notes that a region is not enabled for the account.
    pub fn disabled(&self, region: &str, services: &[&'static str]) {
        for service in services {
            let tally = Tally {
                first: Some(Gap::new(GapKind::RegionDisabled, "")),
                ..Tally::default()
            };
            self.pages()
                .entry((region.to_owned(), *service))
                .or_default()
                .insert("", tally);
        }
    }

    /// Notes what a call came to.
    pub fn note(
        &self,
        region: &str,
        service: &'static str,
        operation: Operation,
        gap: Option<&Gap>,
    ) {
        let mut pages = self.pages();
        let page = pages.entry((region.to_owned(), service)).or_default();
        let tally = page.entry(operation.name).or_default();
        match gap {
            None => tally.answered += 1,
            Some(gap) if tally.first.is_none() => tally.first = Some(gap.clone()),
            Some(_) => {}
        }
    }

    /// One row per region and service asked. `count` tells how many resources were read there.
    pub fn coverage(&self, count: impl Fn(&str, &str) -> usize) -> Vec<Coverage> {
        let pages = self.pages();
        let rows = pages
            .iter()
            .filter(|((_, service), _)| Service::from_name(service).is_some());
        rows.map(|((region, service), page)| {
            let (state, error) = summary(page);
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

fn summary(page: &Page) -> (CoverageState, Option<CoverageError>) {
    // Without tags, or without the list of regions, the service itself was read, if anything was.
    let beside = |gap: &Gap| {
        page.len() > 1
            && [GET_RESOURCES.name, DESCRIBE_REGIONS.name].contains(&gap.operation.as_str())
    };
    let failures = page
        .values()
        .filter_map(|tally| Some((tally, tally.first.as_ref()?)));
    // An operation that failed throughout says more than one that failed once.
    let telling = failures.min_by_key(|(tally, gap)| (beside(gap), tally.answered > 0));
    let Some((tally, gap)) = telling else {
        return (CoverageState::Scanned, None);
    };
    let state = match gap.kind {
        GapKind::RegionDisabled => return (CoverageState::Disabled, None),
        _ if tally.answered > 0 || beside(gap) => CoverageState::Partial,
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

    fn page(list: &[(&'static str, usize, bool, GapKind)]) -> Page {
        let tallies = list.iter().map(|(name, answered, failed, kind)| {
            let first = failed.then(|| Operation::new(name).gap(*kind, "Code", "said"));
            let answered = *answered;
            (*name, Tally { answered, first })
        });
        tallies.collect()
    }

    #[test]
    fn a_row_tells_the_worst_of_its_operations() {
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
            let (got, error) = summary(&page(list));
            assert_eq!(got, state, "{list:?}");
            assert_eq!(
                error.map(|error| error.operation).as_deref(),
                operation,
                "{list:?}"
            );
        }
    }
}
