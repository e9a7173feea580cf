//! The severity of a finding for security consoles, which sort the findings of many tools by it.

use super::{Finding, Status};

/// A severity, in ascending order. None is critical: a backup that cannot work is not a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ConsoleSeverity {
    /// The check passed or does not apply.
    Informational,
    /// A warning or inconclusive check that does not gate.
    Low,
    /// A failure that does not gate, or a gating check that warns or is inconclusive.
    Medium,
    /// A gating failure: the copies of a tagged resource cannot work.
    High,
}

impl ConsoleSeverity {
    pub(super) fn from_finding(finding: &Finding) -> Self {
        match (finding.status, finding.gating) {
            (Status::Pass | Status::Skip, _) => ConsoleSeverity::Informational,
            (Status::Fail, true) => ConsoleSeverity::High,
            (Status::Fail, false) | (Status::Warn | Status::Unknown, true) => {
                ConsoleSeverity::Medium
            }
            (Status::Warn | Status::Unknown, false) => ConsoleSeverity::Low,
        }
    }
}
