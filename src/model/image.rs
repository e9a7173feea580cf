//! Images (AMIs), which plans and templates launch instances from.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;

/// An AMI that the account owns or uses. Source: EC2 API, `DescribeImages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// `ami-...`.
    pub id: String,
    /// `available`, `pending`, `disabled`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// `ebs` or `instance-store`.
    #[serde(default)]
    pub root_device_type: Observed<String>,
    /// The device of its root volume: `/dev/xvda`.
    #[serde(default)]
    pub root_device: Observed<String>,
    /// Its product codes from the AWS Marketplace.
    #[serde(default)]
    pub marketplace_codes: Observed<Vec<String>>,
    /// The EBS volumes that an instance gets from it.
    #[serde(default)]
    pub volumes: Vec<ImageVolume>,
}

/// An EBS volume in the block device mapping of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageVolume {
    /// `/dev/xvda`.
    pub device: String,
    /// Whether its snapshot is encrypted.
    #[serde(default)]
    pub encrypted: Observed<bool>,
    /// The key that encrypts a new volume for which none is named. If the account owns the encrypted snapshot, it is
    /// the key of the snapshot; if not, none: the default key of the region. `DescribeImages` returns no key, so it
    /// comes from `DescribeSnapshots`.
    ///
    /// Source, checked on November 29, 2026:
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIEncryption.html>,
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-examples.html#ebs-volume-encryption-outcomes>.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Its capacity.
    #[serde(default)]
    pub size: Observed<Size>,
}

impl Image {
    /// Returns the volume of a device.
    #[must_use]
    pub fn volume(&self, device: &str) -> Option<&ImageVolume> {
        self.volumes.iter().find(|it| it.device == device)
    }

    /// Returns the volumes that an instance has besides its root volume and those of some devices.
    pub fn more_volumes(&self, devices: &[&str]) -> Vec<&ImageVolume> {
        let root = self.root_device.known();
        let is_more =
            |it: &&ImageVolume| Some(&it.device) != root && !devices.contains(&it.device.as_str());
        self.volumes.iter().filter(is_more).collect()
    }
}
