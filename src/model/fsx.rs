//! FSx file systems and volumes.

use serde::{Deserialize, Serialize};

use super::observed::{Gap, GapKind, Observed};
use super::size::Size;
use super::tag::Tags;

/// A file system. Source: FSx API, `DescribeFileSystems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsxFileSystem {
    /// Its ARN.
    pub arn: String,
    /// `fs-...`.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `WINDOWS`, `LUSTRE`, `ONTAP` or `OPENZFS`.
    #[serde(default)]
    pub file_system_type: Observed<String>,
    /// `AVAILABLE`, `CREATING`, `MISCONFIGURED`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// The key as FSx names it. A scratch file system of Lustre has none: FSx encrypts it with a key that AWS owns.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Of Lustre: `SCRATCH_1`, `SCRATCH_2`, `PERSISTENT_1` or `PERSISTENT_2`.
    #[serde(default)]
    pub deployment_type: Observed<Option<String>>,
    /// Whether it is linked to a data repository in S3, which only Lustre can be.
    #[serde(default)]
    pub is_linked: Observed<bool>,
    /// Whether its storage class is Intelligent-Tiering, of OpenZFS.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub is_tiered: Observed<bool>,
    /// Its storage capacity.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
}

/// Whether a `StorageType` is Intelligent-Tiering.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_FileSystem.html>. Checked 2026-12-01.
///
/// # Errors
/// It is not documented.
pub fn is_intelligent_tiering(storage_type: &str) -> Result<bool, Gap> {
    match storage_type {
        "INTELLIGENT_TIERING" => Ok(true),
        "SSD" | "HDD" => Ok(false),
        _ => Err(Gap::new(
            GapKind::Unreadable,
            format!("the StorageType {storage_type:?} is not documented"),
        )),
    }
}

impl FsxFileSystem {
    /// Whether AWS Backup selects the volumes of the file system instead of the file system.
    ///
    /// # Errors
    /// Why its type is not known.
    pub fn is_ontap(&self) -> Result<bool, Gap> {
        Ok(self.file_system_type.get()? == ONTAP)
    }

    /// Whether it is for temporary data: FSx makes no backups of it, and encrypts it with an FSx key.
    ///
    /// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_FileSystem.html>.
    ///
    /// # Errors
    /// Why its deployment is not known.
    pub fn is_scratch(&self) -> Result<bool, Gap> {
        let deployment = self.deployment_type.get()?.as_deref();
        Ok(deployment.is_some_and(|it| it.starts_with("SCRATCH")))
    }
}

/// The type of file systems and volumes of FSx for NetApp ONTAP.
pub const ONTAP: &str = "ONTAP";

/// The type of file systems and volumes of FSx for OpenZFS.
pub const OPENZFS: &str = "OPENZFS";

/// The type of file systems of FSx for Lustre.
pub const LUSTRE: &str = "LUSTRE";

/// A volume of FSx for ONTAP or OpenZFS. Source: FSx API, `DescribeVolumes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FsxVolume {
    /// Its ARN.
    pub arn: String,
    /// `fsvol-...`.
    pub id: String,
    /// Its name in FSx.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `ONTAP` or `OPENZFS`.
    #[serde(default)]
    pub volume_type: Observed<String>,
    /// The id of its file system.
    #[serde(default)]
    pub file_system: Observed<String>,
    /// What kind of volume it is, of ONTAP.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub ontap_kind: Observed<OntapKind>,
    /// Its capacity, or its quota on OpenZFS.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// `AVAILABLE`, `CREATED`, `FAILED`, ...
    #[serde(default)]
    pub state: Observed<String>,
}

/// A kind of volume of FSx for ONTAP. FSx makes backups of the first.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/ONTAPGuide/using-backups.html>. Checked 2026-12-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OntapKind {
    /// `OntapVolumeType` is `RW`.
    ReadWrite,
    /// `OntapVolumeType` is `DP`: the destination of a SnapMirror relationship.
    DataProtection,
    /// `OntapVolumeType` is `LS`.
    LoadSharing,
    /// `FlexCacheEndpointType` is `CACHE`.
    FlexCache,
    /// A SnapLock volume whose `VolumeStyle` is `FLEXGROUP`.
    SnaplockFlexgroup,
}

/// `OntapVolumeType` of volumes that can be written to.
pub const READ_WRITE: &str = "RW";

/// `VolumeStyle` of volumes that are spread over several aggregates.
pub const FLEXGROUP: &str = "FLEXGROUP";

impl OntapKind {
    /// Returns the kind of a volume.
    ///
    /// # Errors
    /// Its type is not documented.
    pub fn from_type(
        volume_type: &str,
        is_cache: bool,
        is_snaplock_flexgroup: bool,
    ) -> Result<Self, Gap> {
        match volume_type {
            "DP" => Ok(Self::DataProtection),
            "LS" => Ok(Self::LoadSharing),
            READ_WRITE if is_cache => Ok(Self::FlexCache),
            READ_WRITE if is_snaplock_flexgroup => Ok(Self::SnaplockFlexgroup),
            READ_WRITE => Ok(Self::ReadWrite),
            _ => Err(Gap::new(
                GapKind::Unreadable,
                format!("the OntapVolumeType {volume_type:?} is not documented"),
            )),
        }
    }
}
