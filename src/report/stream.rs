//! The interface of writers that write findings one by one, without a list of all of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::digest::counts::Totals;
use super::digest::prerequisites::AccountPrerequisites;
use super::facts::{Scan, Summary};
use super::{
    CauseList, Comparison, Finding, Part, Report, ResourceLine, ResourceVerdict, StaleWaiver,
    Status, Unread, WriteError, cause_id_of,
};
use crate::exit::FailOn;
use crate::model::coverage::Coverage;

/// The statuses of the findings to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown([bool; 5]);

impl Shown {
    /// Returns a choice of some statuses, and of the findings of rules that do not apply on request.
    #[must_use]
    pub fn only(statuses: &[Status], skipped: bool) -> Self {
        let mut shown = Shown([false; 5]);
        shown.0[Status::Skip as usize] = skipped;
        for status in statuses {
            shown.0[*status as usize] = true;
        }
        shown
    }

    /// Whether findings of a status are written.
    #[must_use]
    pub fn includes_status(self, status: Status) -> bool {
        self.0[status as usize]
    }

    /// Whether a finding is written.
    #[must_use]
    pub fn includes(self, finding: &Finding) -> bool {
        self.includes_status(finding.status)
    }

    /// Returns the statuses that are written, except `skip`; none if all are.
    fn list_statuses(self) -> Vec<Status> {
        let all = [Status::Fail, Status::Warn, Status::Unknown, Status::Pass];
        let chosen = all.into_iter().filter(|it| self.0[*it as usize]);
        let chosen: Vec<Status> = chosen.collect();
        match chosen.len() == all.len() {
            true => Vec::new(),
            false => chosen,
        }
    }
}

impl From<bool> for Shown {
    /// Returns a choice of all statuses; of `skip` on request.
    fn from(skipped: bool) -> Self {
        let all = [Status::Fail, Status::Warn, Status::Unknown, Status::Pass];
        Shown::only(&all, skipped)
    }
}

/// Everything that a report holds besides its findings, as the last line of ndjson has it.
#[derive(Debug, Serialize)]
pub(super) struct ReportFacts<'a> {
    pub(super) scan: Scan,
    pub(super) summary: Summary,
    pub(super) verdict: ResourceVerdict,
    pub(super) exit_code: u8,
    pub(super) gate: FailOn,
    pub(super) coverage: &'a [Coverage],
    pub(super) causes: CauseList<'a>,
    #[serde(skip)]
    pub(super) resources: &'a [ResourceLine],
    #[serde(skip)]
    prerequisites: AccountPrerequisites<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) stale_waivers: &'a [StaleWaiver],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<&'a Comparison>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) unread: &'a [Unread],
}

impl<'a> ReportFacts<'a> {
    /// Returns the ids of the causes of the account that stop backups or copies of a resource, sorted.
    pub(super) fn prerequisites_of(&self, line: &ResourceLine) -> Vec<String> {
        if !line.kind.is_backed_up() {
            return Vec::new();
        }
        let obstacles = self.prerequisites.obstacles_of(line);
        let failing = obstacles.filter(|it| it.status == Status::Fail);
        let mut ids: Vec<String> = failing.filter_map(cause_id_of).collect();
        ids.sort_unstable();
        ids
    }

    /// Returns the facts of a report of which some findings are written.
    pub(super) fn new(report: &'a Report, shown: Shown, gate: FailOn) -> Self {
        ReportFacts {
            scan: Scan {
                statuses: shown.list_statuses(),
                ..Scan::from_report(report)
            },
            summary: Summary::of(report),
            verdict: Totals::count(report).verdict,
            exit_code: report.exit(gate).code(),
            gate,
            causes: CauseList::collect(&report.findings, &report.arguments),
            prerequisites: AccountPrerequisites::collect(report),
            coverage: &report.coverage,
            resources: &report.resources,
            stale_waivers: &report.stale_waivers,
            comparison: report.comparison.as_ref(),
            unread: &report.unread,
        }
    }
}

/// What is done with a finding and the row of its resource.
pub type Visit<'a> = dyn FnMut(&Finding, Option<&ResourceLine>) -> Result<(), WriteError> + 'a;

/// The findings of a report, in its order. They can be asked for again.
pub trait FindingSource {
    /// Visits the findings on the resources of a part: `part` says whether it includes a region, and a type of
    /// resource there.
    ///
    /// # Errors
    /// The first error of the visitor.
    fn visit_part(&self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<(), WriteError>;

    /// Visits all findings.
    ///
    /// # Errors
    /// The first error of the visitor.
    fn visit_all(&self, visit: &mut Visit<'_>) -> Result<(), WriteError> {
        self.visit_part(&|_, _| true, visit)
    }
}

/// The findings that a report holds.
#[derive(Debug)]
pub(super) struct HeldFindings<'a> {
    report: &'a Report,
    lines: BTreeMap<&'a str, &'a ResourceLine>,
}

impl<'a> HeldFindings<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        HeldFindings {
            report,
            lines: report.resources_by_arn(),
        }
    }
}

impl FindingSource for HeldFindings<'_> {
    fn visit_part(&self, part: &Part<'_>, visit: &mut Visit<'_>) -> Result<(), WriteError> {
        let findings = self.report.findings.iter();
        for finding in findings.filter(|it| part(&it.region, Some(it.kind))) {
            visit(finding, self.lines.get(finding.resource.as_str()).copied())?;
        }
        Ok(())
    }
}
