//! FSx file systems and volumes.

use serde::{Deserialize, Serialize};

use super::Observed;
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
    /// Its storage capacity.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
}

impl FsxFileSystem {
    /// Whether AWS Backup selects the volumes of the file system instead of the file system.
    ///
    /// # Errors
    /// Why its type is not known.
    pub fn is_ontap(&self) -> Result<bool, super::Gap> {
        Ok(self.file_system_type.get()? == ONTAP)
    }

    /// Whether it is for temporary data: FSx makes no backups of it, and encrypts it with an FSx key.
    ///
    /// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_FileSystem.html>.
    ///
    /// # Errors
    /// Why its deployment is not known.
    pub fn is_scratch(&self) -> Result<bool, super::Gap> {
        let deployment = self.deployment_type.get()?.as_deref();
        Ok(deployment.is_some_and(|it| it.starts_with("SCRATCH")))
    }
}

/// The type of file systems and volumes of FSx for NetApp ONTAP.
pub const ONTAP: &str = "ONTAP";

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
    /// Its capacity, or its quota on OpenZFS.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// `AVAILABLE`, `CREATED`, `FAILED`, ...
    #[serde(default)]
    pub state: Observed<String>,
}
