//! Storage gateways, and the volumes of volume gateways.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;
use super::tag::Tags;

/// A gateway of any type. Source: Storage Gateway API, `ListGateways`.
///
/// AWS Backup selects the volumes of volume gateways, never a gateway:
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Its ARN.
    pub arn: String,
    /// `sgw-...`.
    pub id: String,
    /// The name that it was given when it was activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its tags. Source: `GetResources`.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `CACHED`, `STORED`, `VTL`, `FILE_S3`, `FILE_FSX_SMB`, ...
    #[serde(default)]
    pub gateway_type: Observed<String>,
}

/// Whether a type of gateway is one of volumes: its volumes are backed up.
///
/// Source: <https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_GatewayInfo.html>.
#[must_use]
pub fn holds_volumes(gateway_type: &str) -> bool {
    matches!(gateway_type, "CACHED" | "STORED")
}

/// An iSCSI volume of a volume gateway, which is always encrypted: with a key of KMS, or with S3's own.
///
/// Source: Storage Gateway API, `ListVolumes`, `DescribeCachediSCSIVolumes`, `DescribeStorediSCSIVolumes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayVolume {
    /// Its ARN, which holds its gateway's.
    pub arn: String,
    /// `vol-...`.
    pub id: String,
    /// The ARN of its gateway.
    pub gateway: String,
    /// Its tags. Source: `GetResources`.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// The data on it where Storage Gateway measures it, else its capacity.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// `AVAILABLE`, `BOOTSTRAPPING`, `IRRECOVERABLE`, `PASS THROUGH`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// The key as Storage Gateway names it; none where S3's own keys encrypt it.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
}
