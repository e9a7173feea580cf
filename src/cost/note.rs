//! What an estimate says besides its figures.

use crate::text::plural;

/// A remark about an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Local backups are kept for less than the week that AWS recommends.
    ShortLocalRetention,
    /// Copies expire before the next one is made, so that each is a full one.
    CopyExpiresFirst,
    /// Every backup of a type is a full one, and many are kept.
    FullBackupsKept,
    /// An instance and its volumes are both selected.
    VolumeWithInstance,
    /// A stack counts by its members.
    StackMembers,
    /// No plan selects the resource.
    NotSelected,
    /// Backups of RDS are free up to the size of the databases.
    RdsAllowance,
    /// Snapshots of Aurora are free within the window of the automated backups.
    AuroraWindow,
    /// Small objects are billed as larger ones.
    SmallObjects,
    /// Snapshots of EBS volumes move to the archive tier.
    ArchivedInFull,
    /// It could not be read when backups move to cold storage.
    ColdStorageUnread,
    /// A rule makes continuous backups.
    Continuous,
    /// Copies go to accounts that are neither this one nor the central one.
    OtherAccounts,
    /// The vault is logically air-gapped.
    AirGapped,
    /// The tags of the resource could not be read.
    TagsUnknown,
    /// The region of the bucket could not be read.
    RegionUnknown,
    /// The resource is in a region that was not scanned.
    NotScanned,
    /// A list of resources is incomplete.
    IncompleteLists,
}

/// The number of full backups from which keeping them is worth a note.
pub const MANY_FULL_BACKUPS: u64 = 7;
/// The days that AWS recommends to keep a warm backup at least.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/metering-and-billing.html>.
pub const RECOMMENDED_DAYS: u32 = 7;

impl Note {
    /// Returns the name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Note::ShortLocalRetention => "short-local-retention",
            Note::CopyExpiresFirst => "copy-expires-first",
            Note::FullBackupsKept => "full-backups-kept",
            Note::VolumeWithInstance => "volume-with-instance",
            Note::StackMembers => "stack-members",
            Note::NotSelected => "not-selected",
            Note::RdsAllowance => "rds-allowance",
            Note::AuroraWindow => "aurora-window",
            Note::SmallObjects => "small-objects",
            Note::ArchivedInFull => "archived-in-full",
            Note::ColdStorageUnread => "cold-storage-unread",
            Note::Continuous => "continuous",
            Note::OtherAccounts => "other-accounts",
            Note::AirGapped => "air-gapped",
            Note::TagsUnknown => "tags-unknown",
            Note::RegionUnknown => "region-unknown",
            Note::NotScanned => "not-scanned",
            Note::IncompleteLists => "incomplete-lists",
        }
    }

    /// Whether something is missing from the figures.
    #[must_use]
    pub fn is_missing_something(self) -> bool {
        matches!(
            self,
            Note::OtherAccounts
                | Note::TagsUnknown
                | Note::RegionUnknown
                | Note::NotScanned
                | Note::IncompleteLists
        )
    }

    /// Returns the note as sentences, for the number of resources or lists that it is about.
    #[must_use]
    pub fn describe(self, number: usize) -> String {
        let resources = plural(number, "resource");
        let keep = verb(number, "keeps", "keep");
        match self {
            Note::ShortLocalRetention => format!(
                "{resources} {keep} local backups for less than a week. AWS recommends at least one week of warm storage: with less, each backup may be a full one, which costs more and not less."
            ),
            Note::CopyExpiresFirst => format!(
                "The copies of {resources} expire before the next one is made, so each copy is a full one."
            ),
            Note::FullBackupsKept => format!(
                "Every backup of a DynamoDB table or of an Aurora, DocumentDB or Neptune cluster is billed at full size, and many are kept of {resources}. A shorter retention saves most there."
            ),
            Note::VolumeWithInstance => format!(
                "{} tagged for backup {} backed up with {} too, and counted once. Remove one of the two tags.",
                plural(number, "volume"),
                verb(number, "is", "are"),
                verb(number, "its instance", "their instances"),
            ),
            Note::StackMembers => format!(
                "{} {} counted by the resources in {}.",
                plural(number, "stack"),
                verb(number, "is", "are"),
                verb(number, "it", "them")
            ),
            Note::NotSelected => format!(
                "No backup plan selects {resources}: there is nothing to pay, and no backup."
            ),
            Note::RdsAllowance => format!(
                "RDS keeps backups up to the size of the databases of a region for free in their account. The allowance is subtracted from the local figures of {}; automated backups use it too. The central account has no such allowance.",
                plural(number, "database")
            ),
            Note::AuroraWindow => format!(
                "Local snapshots of {} are free as long as they are within the retention of the automated backups.",
                plural(number, "Aurora cluster")
            ),
            Note::SmallObjects => format!(
                "Objects below 128 KB in {} are billed as 128 KB, and requests are billed apart: many small or noncurrent objects cost a multiple.",
                plural(number, "bucket")
            ),
            Note::ArchivedInFull => format!(
                "Snapshots of {} move to the EBS archive tier, where each is a full copy and is billed for 90 days at least. That saves money only if few are made, such as one a month.",
                plural(number, "volume")
            ),
            Note::ColdStorageUnread => format!(
                "When backups of {resources} move to cold storage could not be read: they are counted as warm ones."
            ),
            Note::Continuous => format!(
                "Continuous backups of {resources} are counted as one point per run of the rule."
            ),
            Note::OtherAccounts => format!(
                "Copies of {resources} to other accounts than the central one are not included."
            ),
            Note::AirGapped => format!(
                "{resources} {keep} backups in a logically air-gapped vault, which AWS Backup bills at its own prices: no price."
            ),
            Note::TagsUnknown => format!(
                "{resources} whose tags could not be read {} not included.",
                verb(number, "is", "are")
            ),
            Note::RegionUnknown => format!(
                "{} whose region could not be read {} not included.",
                plural(number, "bucket"),
                verb(number, "is", "are")
            ),
            Note::NotScanned => format!(
                "{} tagged for backup in regions or services that were not scanned {} not included.",
                resources,
                verb(number, "is", "are")
            ),
            Note::IncompleteLists => format!(
                "{} could not be read completely, so resources may be missing.",
                plural(number, "list")
            ),
        }
    }
}

fn verb(number: usize, one: &'static str, several: &'static str) -> &'static str {
    if number == 1 { one } else { several }
}
