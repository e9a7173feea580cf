//! What counts for the exit code, in numbers.

use super::{Report, ResourceVerdict, Status};

/// Findings that gate, by status, and what stands beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Findings that gate and fail.
    pub failed: usize,
    /// Findings that gate and warn.
    pub warned: usize,
    /// Findings that gate and could not be judged.
    pub unknown: usize,
    /// Findings that would count, and that a waiver covers.
    pub waived: usize,
    /// The worst of what gates, in the words that a resource's verdict has. A list that could hold
    /// something that gates and was not read to its end makes it unknown at best.
    pub verdict: ResourceVerdict,
}

impl Totals {
    /// Counts a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let gating = |status: Status| {
            let found = report.findings.iter();
            found.filter(|it| it.gating && it.status == status).count()
        };
        let failed = gating(Status::Fail);
        let warned = gating(Status::Warn);
        let unknown = gating(Status::Unknown);
        let verdict = if failed > 0 {
            ResourceVerdict::NotReady
        } else if unknown > 0 || !report.unread.is_empty() || report.interrupted {
            ResourceVerdict::Unknown
        } else if warned > 0 {
            ResourceVerdict::AtRisk
        } else {
            ResourceVerdict::Ready
        };
        Totals {
            failed,
            warned,
            unknown,
            waived: report
                .findings
                .iter()
                .filter(|it| it.waiver.is_some())
                .count(),
            verdict,
        }
    }
}
