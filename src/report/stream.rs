//! The interface of writers that write findings one by one, without a list of all of them.

use std::collections::BTreeMap;

use super::digest::counts::Totals;
use super::digest::prerequisites::AccountPrerequisites;
use super::facts::{Scan, Summary};
use super::{
    CauseList, Comparison, Finding, Report, ResourceLine, ResourceVerdict, StaleWaiver, Status,
    Unread, WriteError, cause_id_of,
};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::coverage::Coverage;

/// A writer that writes findings one by one.
///
/// The caller calls [`begin_report`](FindingWriter::begin_report) once, then
/// [`write_finding`](FindingWriter::write_finding) for each finding in the order of the report, then
/// [`finish_report`](FindingWriter::finish_report) once.
pub trait FindingWriter {
    /// Writes what precedes the findings. `scanned_at` is the time at which reading finished, RFC 3339.
    ///
    /// `known` is `None` where the report is written while the account is evaluated: the facts are then
    /// written by [`finish_report`](FindingWriter::finish_report).
    fn begin_report(
        &mut self,
        scanned_at: &str,
        known: Option<&ReportFacts<'_>>,
    ) -> Result<(), WriteError>;

    /// Writes one finding. `resource` is its row in the list of resources.
    fn write_finding(
        &mut self,
        finding: &Finding,
        resource: Option<&ResourceLine>,
    ) -> Result<(), WriteError>;

    /// Writes what follows the findings.
    fn finish_report(&mut self, facts: &ReportFacts<'_>) -> Result<(), WriteError>;
}

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

/// Everything that a report holds besides its findings.
#[derive(Debug)]
pub struct ReportFacts<'a> {
    /// What was scanned.
    pub scan: Scan,
    /// Counts of resources and findings.
    pub summary: Summary,
    /// One row per service and region.
    pub coverage: &'a [Coverage],
    /// Every resource that was read.
    pub resources: &'a [ResourceLine],
    /// The verdict of the gating findings.
    pub verdict: ResourceVerdict,
    /// The exit code of the scan.
    pub exit_code: u8,
    /// What makes the exit code 1.
    pub gate: FailOn,
    /// What must change, sorted by id.
    pub causes: CauseList<'a>,
    /// The causes of the account that stop backups and copies.
    pub(super) prerequisites: AccountPrerequisites<'a>,
    /// Waivers of the config that are expired or unused.
    pub stale_waivers: &'a [StaleWaiver],
    /// The comparison with a baseline, if there is one.
    pub comparison: Option<&'a Comparison>,
    /// Incomplete listings that may lack gating resources.
    pub unread: &'a [Unread],
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

    /// Returns the facts of a report that holds all its findings.
    #[must_use]
    pub fn from_report(report: &'a Report, gate: FailOn) -> Self {
        ReportFacts {
            scan: Scan::from_report(report),
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

/// The resources whose findings are asked for.
pub type Part<'a> = dyn Fn(&str, Option<ResourceKind>) -> bool + 'a;

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

/// Passes the findings of a report to a writer of single findings.
pub(super) fn write_each(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    gate: FailOn,
    writer: &mut dyn FindingWriter,
) -> Result<(), WriteError> {
    let mut facts = ReportFacts::from_report(report, gate);
    facts.scan.statuses = shown.list_statuses();
    writer.begin_report(&facts.scan.finished_at, Some(&facts))?;
    source.visit_all(&mut |finding, line| match shown.includes(finding) {
        true => writer.write_finding(finding, line),
        false => Ok(()),
    })?;
    writer.finish_report(&facts)
}
