//! What the columns of the table of kinds can say.

use crate::model::observed::Gap;
use crate::model::region::Region;

/// Whether AWS Backup backs up resources of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupSupport {
    /// AWS Backup backs them up.
    Supported,
    /// AWS Backup does not back them up, but they are tagged as if it did: a gateway is tagged instead
    /// of its volumes, a secret because it is valuable.
    Unsupported,
    /// They are settings or infrastructure, and have no data.
    NotApplicable,
}

/// The key that encrypts the backups of a kind.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupKey {
    /// The key of the resource: the backup inherits it.
    Inherited,
    /// The key of the vault: the kind is fully managed by AWS Backup.
    Vault,
    /// There is no backup, or each part of it has its own key.
    None,
}

/// The list of a snapshot that holds the resources of a kind.
#[derive(Debug, Clone, Copy)]
pub enum ListedIn {
    /// The account's list of buckets, which covers all regions.
    Buckets,
    /// A list of the region; the function returns why the list may be incomplete.
    Region(fn(&Region) -> &Option<Gap>),
    /// The region's list of resources that were found by their tag.
    Tagged,
    /// No list of resources that can be backed up.
    None,
}

/// What names a resource of a kind in the calls that look it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The id that CloudFormation and most APIs use.
    Id,
    /// The ARN.
    Arn,
    /// The ARN, or the id that CloudFormation uses.
    ArnOrId,
    /// Nothing: such a resource is not selected by itself.
    None,
}
