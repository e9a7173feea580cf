//! Families of checks: the columns of the tables of services and resources.

use std::collections::BTreeMap;

use crate::report::{Finding, Report, Status};
use crate::rule::Group;

/// A family of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum Family {
    /// The backup tag.
    Tag,
    /// Encryption, except the rules of KMS keys.
    Encryption,
    /// KMS keys.
    Key,
    /// What the service requires; settings of the network and of the account.
    Service,
    /// Backups and copies that were made.
    Proof,
}

impl Family {
    /// Every family, in the order of the columns.
    pub(in crate::report) const ALL: [Family; 5] = [
        Family::Tag,
        Family::Encryption,
        Family::Key,
        Family::Service,
        Family::Proof,
    ];

    /// Returns the heading of its column.
    pub(in crate::report) fn heading(self) -> &'static str {
        match self {
            Family::Tag => "tag",
            Family::Encryption => "encr",
            Family::Key => "key",
            Family::Service => "service",
            Family::Proof => "proof",
        }
    }

    /// Returns the family of a finding.
    pub(in crate::report) fn of_finding(finding: &Finding) -> Self {
        match finding.rule.group {
            Group::Tagging => Family::Tag,
            Group::Encryption if finding.rule.id.starts_with("kms-key-") => Family::Key,
            Group::Encryption => Family::Encryption,
            Group::Service | Group::Network | Group::Account => Family::Service,
            Group::Proof => Family::Proof,
        }
    }
}

/// The worst status of a resource in each family; `None` where no rule of the family was checked.
pub(in crate::report) type Marks = [Option<Status>; Family::ALL.len()];

/// Returns the marks of every resource, by ARN. Waived findings count as passed.
pub(in crate::report) fn mark_resources(report: &Report) -> BTreeMap<&str, Marks> {
    let mut marks: BTreeMap<&str, Marks> = BTreeMap::new();
    for finding in &report.findings {
        let of_resource = marks.entry(&finding.resource).or_default();
        let status = match finding.waiver {
            Some(_) => Status::Pass,
            None => finding.status,
        };
        if status != Status::Skip {
            let mark = &mut of_resource[Family::of_finding(finding) as usize];
            *mark = (*mark).max(Some(status));
        }
    }
    marks
}
