//! How grave a finding is, for consoles that sort the findings of many tools by it.

use super::{Finding, Status};

/// In ascending order. Nothing here is critical: a backup that does not work is no breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gravity {
    /// Nothing is wrong.
    Informational,
    /// Worth a look.
    Low,
    /// To be mended before the resource is tagged, or to be looked into.
    Medium,
    /// The copies of a resource that is tagged cannot work.
    High,
}

impl Gravity {
    pub(super) fn of(finding: &Finding) -> Self {
        match (finding.status, finding.gating) {
            (Status::Pass | Status::Skip, _) => Gravity::Informational,
            (Status::Fail, true) => Gravity::High,
            (Status::Fail, false) | (Status::Warn | Status::Unknown, true) => Gravity::Medium,
            (Status::Warn | Status::Unknown, false) => Gravity::Low,
        }
    }
}
