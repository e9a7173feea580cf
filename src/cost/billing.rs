//! How AWS bills the backups of each kind of resource.
//!
//! Looked up on November 28, 2026:
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/metering-and-billing.html>,
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupStorage.html>,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-storage-backup.html>.

use crate::model::fsx::ONTAP;
use crate::model::{Resource, ResourceKind};

use super::prices::Item;

/// What a backup contains after the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// What has changed since the backup before it.
    Incremental,
    /// Everything.
    Full,
}

/// The cold storage of a kind.
///
/// Sources, looked up on November 29, 2026: the column on cold storage of
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>, and
/// <https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-archive-considerations.html>.
#[derive(Debug)]
pub struct ColdTier {
    /// What is billed for a GiB and a month.
    pub item: Item,
    /// What a backup after the first one contains.
    pub chain: Chain,
    /// Whether only plans that opt in to archives use it.
    pub is_archive: bool,
}

/// The days for which cold storage is billed at least.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html>.
pub const SHORTEST_COLD_DAYS: u32 = 90;

/// How the backups of a kind are billed.
#[derive(Debug)]
pub struct BillingRule {
    /// The kind.
    pub kind: ResourceKind,
    /// What is billed for a GiB and a month; none for FSx, whose type decides.
    item: Option<Item>,
    /// What a backup after the first one contains.
    pub chain: Chain,
    /// Whether AWS Backup copies the kind to another account.
    pub is_copied: bool,
    /// Its cold storage; none where AWS Backup leaves backups in warm storage.
    pub cold: Option<ColdTier>,
}

const fn bill(kind: ResourceKind, item: Item, chain: Chain) -> BillingRule {
    BillingRule {
        kind,
        item: Some(item),
        chain,
        is_copied: true,
        cold: None,
    }
}

/// A kind whose backups plans can move to cold storage.
const fn bill_with_cold(
    kind: ResourceKind,
    item: Item,
    chain: Chain,
    cold: ColdTier,
) -> BillingRule {
    BillingRule {
        cold: Some(cold),
        ..bill(kind, item, chain)
    }
}

/// A kind of which AWS Backup keeps backups in the account only.
const fn bill_locally(kind: ResourceKind, item: Item, chain: Chain) -> BillingRule {
    BillingRule {
        is_copied: false,
        ..bill(kind, item, chain)
    }
}

const fn bill_fsx(kind: ResourceKind) -> BillingRule {
    BillingRule {
        kind,
        item: None,
        chain: Chain::Incremental,
        is_copied: true,
        cold: None,
    }
}

/// Every kind that is billed by its size. Storage Gateway volumes are kept as EBS snapshots. The snapshots of an image
/// cannot be archived.
#[rustfmt::skip]
pub static BILLING: &[BillingRule] = &[
    bill_with_cold(ResourceKind::EbsVolume, Item::EbsSnapshot, Chain::Incremental, ColdTier { item: Item::EbsArchive, chain: Chain::Full, is_archive: true }),
    bill(ResourceKind::Ec2Instance, Item::EbsSnapshot, Chain::Incremental),
    bill(ResourceKind::StorageGatewayVolume, Item::EbsSnapshot, Chain::Incremental),
    bill(ResourceKind::RdsInstance, Item::RdsBackup, Chain::Incremental),
    bill_locally(ResourceKind::RdsCluster, Item::RdsBackup, Chain::Incremental),
    bill(ResourceKind::AuroraCluster, Item::AuroraBackup, Chain::Full),
    bill(ResourceKind::DocumentdbCluster, Item::DocumentdbBackup, Chain::Full),
    bill(ResourceKind::NeptuneCluster, Item::NeptuneBackup, Chain::Full),
    bill_with_cold(ResourceKind::EfsFileSystem, Item::EfsBackup, Chain::Incremental, ColdTier { item: Item::EfsColdBackup, chain: Chain::Incremental, is_archive: false }),
    bill(ResourceKind::S3Bucket, Item::S3Backup, Chain::Incremental),
    bill_with_cold(ResourceKind::DynamodbTable, Item::DynamodbBackup, Chain::Full, ColdTier { item: Item::DynamodbColdBackup, chain: Chain::Full, is_archive: false }),
    bill_fsx(ResourceKind::FsxFileSystem),
    bill_fsx(ResourceKind::FsxVolume),
    bill_locally(ResourceKind::RedshiftCluster, Item::RedshiftBackup, Chain::Incremental),
    bill_locally(ResourceKind::RedshiftNamespace, Item::RedshiftBackup, Chain::Incremental),
];

impl BillingRule {
    /// Returns the rule of a kind; `None` for a kind that is not billed by its size, or of which it is not known.
    #[must_use]
    pub fn of_kind(kind: ResourceKind) -> Option<&'static BillingRule> {
        BILLING.iter().find(|rule| rule.kind == kind)
    }

    /// Returns what is billed for a resource of the kind; `None` if its type is not known.
    #[must_use]
    pub fn item_of(&self, resource: Resource<'_>) -> Option<Item> {
        let file_system_type = match resource {
            Resource::FsxFileSystem(it) => it.file_system_type.known(),
            Resource::FsxVolume(it) => it.volume_type.known(),
            _ => return self.item,
        };
        match file_system_type?.as_str() {
            "WINDOWS" => Some(Item::FsxWindowsBackup),
            "LUSTRE" => Some(Item::FsxLustreBackup),
            ONTAP => Some(Item::FsxOntapBackup),
            "OPENZFS" => Some(Item::FsxOpenzfsBackup),
            _ => None,
        }
    }
}

/// The account that pays for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// The account whose resources are backed up.
    Member,
    /// The account that stores the copies.
    Central,
}

impl Payer {
    /// Both, in the order of reports.
    pub const ALL: [Payer; 2] = [Payer::Member, Payer::Central];

    /// Returns the name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Payer::Member => "member",
            Payer::Central => "central",
        }
    }

    /// Returns who pays for the data that a copy transfers to another Region: the account that it comes from for
    /// kinds that AWS Backup manages fully, else the account that it goes to.
    #[must_use]
    pub fn of_transfer(kind: ResourceKind) -> Self {
        match kind.is_fully_managed() {
            true => Payer::Member,
            false => Payer::Central,
        }
    }
}
