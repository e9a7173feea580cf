//! Turns findings into changes, one for each root cause. Nothing here runs anything.
//!
//! A [`Change`] is data: what to do, to which resources, with which permissions, and what running
//! workloads notice. A [`dialect`] only writes it down.

pub mod change;
pub mod dialect;
pub mod shell;

mod build;
mod cause;
mod describe;
mod group;
mod runbook;

use std::collections::BTreeSet;

use crate::model::Snapshot;
use crate::report::{Finding, Report, Status};
use crate::settings::Settings;

pub use change::{Action, Change, FixedFinding, Method, Step};

/// The findings to fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that fail and are not waived.
    Failing,
    /// All that fail or warn and are not waived.
    FailingAndWarning,
    /// Those with these ids.
    Ids(BTreeSet<String>),
}

impl Wanted {
    fn includes(&self, finding: &Finding) -> bool {
        match self {
            Wanted::Failing => finding.status == Status::Fail && finding.waiver.is_none(),
            Wanted::FailingAndWarning => {
                matches!(finding.status, Status::Fail | Status::Warn) && finding.waiver.is_none()
            }
            Wanted::Ids(ids) => {
                ids.contains(&finding.id()) && matches!(finding.status, Status::Fail | Status::Warn)
            }
        }
    }
}

/// Returns the changes that fix the wanted findings of a report, in the order to make them: changes in
/// place, then runbooks, then advice.
#[must_use]
pub fn plan_changes(
    snapshot: &Snapshot,
    settings: &Settings,
    report: &Report,
    wanted: &Wanted,
) -> Vec<Change> {
    let findings = report.findings.iter().filter(|it| wanted.includes(it));
    let drafts = group::group_by_cause(findings);
    let mut changes: Vec<Change> = drafts
        .into_iter()
        .map(|(cause, draft)| build::build_change(snapshot, settings, cause, draft))
        .collect();
    changes.sort_by_key(|change| match change.method {
        Method::InPlace(_) => 0,
        Method::Declaration(_) => 1,
        Method::Runbook(_) => 2,
        Method::Advice(_) => 3,
    });
    changes
}
