//! From findings to the change that mends them: one change for each root cause, in one of several
//! dialects. Nothing here runs anything.
//!
//! A [`Change`] is data: what to do, to what, with which permissions, and what running traffic notices.
//! The dialects ([`dialect::aws_cli`], [`dialect::terraform`], [`dialect::cdk`], [`dialect::key_policy`]) only write it down.

pub mod change;
pub mod dialect;
pub mod shell;

mod build;
mod group;
mod runbook;
mod text;

use std::collections::BTreeSet;

use crate::model::Snapshot;
use crate::report::{Finding, Report, Status};
use crate::settings::Settings;

pub use change::Action;
pub use runbook::Step;

/// One change: it mends one root cause, however many findings that is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it does, in a line.
    pub title: String,
    /// The region it is made in; none where it has none, or several.
    pub region: Option<String>,
    /// The findings that it mends.
    pub mends: Vec<Mended>,
    /// How.
    pub remedy: Remedy,
    /// What running traffic and running costs notice of it.
    pub warnings: Vec<String>,
    /// The IAM actions that whoever makes it needs, sorted.
    pub permissions: BTreeSet<&'static str>,
}

/// A finding that a change mends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mended {
    /// The resource's ARN, or what stands for one.
    pub resource: String,
    /// The rule.
    pub rule: &'static str,
    /// The finding's id.
    pub finding: String,
}

/// How a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// In place: nothing is replaced and nothing stops.
    InPlace(Vec<Action>),
    /// Step by step, by somebody who watches: it replaces data, costs downtime, revives a key, or needs a
    /// decision.
    Runbook(Vec<Step>),
    /// Not by this account's configuration: somebody else changes it, or something else must be used.
    Advice(Vec<String>),
}

/// Which findings are to be mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that fail and are not waived.
    Failing,
    /// All that fail or warn and are not waived.
    FailingAndWarning,
    /// These, by id.
    Ids(BTreeSet<String>),
}

impl Wanted {
    fn holds(&self, finding: &Finding) -> bool {
        match self {
            Wanted::Failing => finding.status == Status::Fail && finding.waiver.is_none(),
            Wanted::FailingAndWarning => {
                matches!(finding.status, Status::Fail | Status::Warn) && finding.waiver.is_none()
            }
            Wanted::Ids(ids) => {
                ids.contains(&finding.id) && matches!(finding.status, Status::Fail | Status::Warn)
            }
        }
    }
}

/// The changes that mend the findings of a report, first those in place, in the order in which they
/// should be made.
#[must_use]
pub fn changes(
    snapshot: &Snapshot,
    settings: &Settings,
    report: &Report,
    wanted: &Wanted,
) -> Vec<Change> {
    let mut plan = group::Plan::new(snapshot, settings);
    for finding in report.findings.iter().filter(|it| wanted.holds(it)) {
        plan.add(finding);
    }
    plan.changes()
}
