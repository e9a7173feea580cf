//! The interface of writers that write findings one by one, without a list of all of them.

use super::cause::fix_commands;
use super::digest::counts::Totals;
use super::digest::prerequisites::AccountPrerequisites;
use super::facts::{Scan, Summary};
use super::{
    CauseLedger, CauseLine, Comparison, Finding, Report, ResourceLine, ResourceVerdict,
    StaleWaiver, Status, Unread, WriteError, cause_id_of,
};
use crate::exit::FailOn;
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
    ///
    /// # Errors
    /// The output failed.
    fn begin_report(
        &mut self,
        scanned_at: &str,
        known: Option<&ReportFacts<'_>>,
    ) -> Result<(), WriteError>;

    /// Writes one finding. `resource` is its row in the list of resources.
    ///
    /// # Errors
    /// The output failed.
    fn write_finding(
        &mut self,
        finding: &Finding,
        resource: Option<&ResourceLine>,
    ) -> Result<(), WriteError>;

    /// Writes what follows the findings.
    ///
    /// # Errors
    /// The output failed.
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

    /// Whether a finding is written.
    #[must_use]
    pub fn includes(self, finding: &Finding) -> bool {
        self.0[finding.status as usize]
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
    pub causes: Vec<CauseLine>,
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
        let mut ledger = CauseLedger::default();
        report.findings.iter().for_each(|it| ledger.add_finding(it));
        ReportFacts {
            scan: Scan::from_report(report),
            summary: Summary::of(report),
            verdict: Totals::count(report).verdict,
            exit_code: report.exit(gate).code(),
            gate,
            causes: ledger.into_lines(|cause| fix_commands(cause, &report.arguments)),
            prerequisites: AccountPrerequisites::collect(report),
            coverage: &report.coverage,
            resources: &report.resources,
            stale_waivers: &report.stale_waivers,
            comparison: report.comparison.as_ref(),
            unread: &report.unread,
        }
    }
}

/// Passes a report that holds all its findings to a writer of single findings.
pub(super) fn write_collected(
    report: &Report,
    shown: Shown,
    gate: FailOn,
    writer: &mut dyn FindingWriter,
) -> Result<(), WriteError> {
    let mut facts = ReportFacts::from_report(report, gate);
    facts.scan.statuses = shown.list_statuses();
    let resources = report.resources_by_arn();
    writer.begin_report(&facts.scan.finished_at, Some(&facts))?;
    for finding in report.shown(shown) {
        let resource = resources.get(finding.resource.as_str()).copied();
        writer.write_finding(finding, resource)?;
    }
    writer.finish_report(&facts)
}
