//! Names of the IAM roles that make backups.

use std::collections::BTreeSet;

use crate::iam::request::ANY_NAME;
use crate::model::arn::Arn;
use crate::model::observed::Gap;

/// The roles that make the backups of a region.
#[derive(Debug)]
pub(super) struct BackupRoles {
    pub(super) names: BTreeSet<RoleName>,
    /// Why it is not known which of them are used.
    pub(super) open: Option<Gap>,
    /// Why there may be more.
    pub(super) unread: Option<Gap>,
}

/// The name of a role that makes backups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleName {
    /// The name, after its path where the path is known.
    pub name: String,
    /// Whether the path is known.
    pub has_path: bool,
}

impl RoleName {
    /// Creates the name of a role that is not known.
    pub(super) fn any() -> Self {
        RoleName {
            name: ANY_NAME.to_owned(),
            has_path: false,
        }
    }

    /// Reads the name from a role's ARN; none where it is not one.
    pub(super) fn from_arn(arn: &str) -> Option<Self> {
        let role = Arn::parse(arn)?.resource.strip_prefix("role/")?;
        Some(RoleName {
            name: role.to_owned(),
            has_path: true,
        })
    }
}
