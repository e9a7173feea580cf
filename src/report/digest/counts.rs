//! Numbers of findings and resources.

use std::collections::BTreeMap;

use crate::report::{Baseline, Report, ResourceVerdict, Status};

/// Gating findings by status, and the number of waived findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Totals {
    /// Gating findings that fail.
    pub(in crate::report) failed: usize,
    /// Gating findings that fail and are not in the baseline.
    pub(in crate::report) new_failures: usize,
    /// Gating findings that warn.
    pub(in crate::report) warned: usize,
    /// Gating findings that are unknown.
    pub(in crate::report) unknown: usize,
    /// Findings that would gate if no waiver covered them.
    pub(in crate::report) waived: usize,
    /// The verdict on the account: that of its worst gating finding. An interrupted scan or an incomplete
    /// list of resources makes it unknown unless something fails.
    pub(in crate::report) verdict: ResourceVerdict,
}

impl Totals {
    /// Counts the findings of a report.
    pub(in crate::report) fn count(report: &Report) -> Self {
        let gating = |status: Status| {
            let findings = report.findings.iter();
            findings.filter(move |it| it.gating && it.status == status)
        };
        let failed = gating(Status::Fail).count();
        let warned = gating(Status::Warn).count();
        let unknown = gating(Status::Unknown).count();
        let verdict = if failed > 0 {
            ResourceVerdict::NotReady
        } else if unknown > 0 || !report.unread.is_empty() || report.interrupted {
            ResourceVerdict::Unknown
        } else if warned > 0 {
            ResourceVerdict::AtRisk
        } else {
            ResourceVerdict::Ready
        };
        let is_new = |baseline| baseline == Some(Baseline::New);
        let waived = report.findings.iter().filter(|it| it.waiver.is_some());
        Totals {
            failed,
            new_failures: gating(Status::Fail)
                .filter(|it| is_new(it.baseline))
                .count(),
            warned,
            unknown,
            waived: waived.count(),
            verdict,
        }
    }
}

/// Returns the skipped findings: how many each rule skipped for the same reason, by rule id and reason.
pub(in crate::report) fn count_skipped(report: &Report) -> BTreeMap<(&'static str, &str), usize> {
    let mut skipped = BTreeMap::new();
    let findings = report.findings.iter();
    for finding in findings.filter(|it| it.status == Status::Skip) {
        let key = (finding.rule.id, finding.explanation.message.as_str());
        *skipped.entry(key).or_default() += 1;
    }
    skipped
}
