//! EC2 instances, EBS volumes and the region's EBS defaults.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;
use super::tag::Tags;

/// An EC2 instance. Source: EC2 API, `DescribeInstances`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its ARN.
    pub arn: String,
    /// `i-...`.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping`, `stopped`.
    #[serde(default)]
    pub state: Observed<String>,
    /// `ebs` or `instance-store`.
    #[serde(default)]
    pub root_device_type: Observed<String>,
    /// The AMI that it was launched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Codes of its image from the AWS Marketplace.
    #[serde(default)]
    pub marketplace_codes: Observed<Vec<String>>,
    /// Ids of the EBS volumes attached to it.
    #[serde(default)]
    pub volumes: Observed<Vec<String>>,
    /// The VPC it runs in.
    #[serde(default)]
    pub vpc_id: Observed<Option<String>>,
    /// The subnet of its primary network interface, as far as EC2 names it. The network interfaces of the
    /// VPC show the subnets of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// The Outpost that it runs on. One that a snapshot does not mention is in a Region.
    #[serde(default = "nowhere", skip_serializing_if = "is_in_region")]
    pub outpost_arn: Observed<Option<String>>,
}

/// EC2 names the Outpost of a resource only where there is one.
fn nowhere() -> Observed<Option<String>> {
    Observed::Known(None)
}

fn is_in_region(outpost_arn: &Observed<Option<String>>) -> bool {
    *outpost_arn == nowhere()
}

/// An EBS volume. Source: EC2 API, `DescribeVolumes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Its ARN.
    pub arn: String,
    /// `vol-...`.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `creating`, `available`, `in-use`, `deleting`, `deleted`, `error`.
    #[serde(default)]
    pub state: Observed<String>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: Observed<bool>,
    /// The key as EC2 names it, where it is encrypted.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Its capacity.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// Ids of the instances it is attached to.
    #[serde(default)]
    pub attached_to: Observed<Vec<String>>,
    /// The Outpost that stores it. One that a snapshot does not mention is in a Region.
    #[serde(default = "nowhere", skip_serializing_if = "is_in_region")]
    pub outpost_arn: Observed<Option<String>>,
}

/// Encryption of new EBS volumes in a region.
/// Source: EC2 API, `GetEbsEncryptionByDefault` and `GetEbsDefaultKmsKeyId`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EbsDefaults {
    /// Whether every new volume is encrypted.
    #[serde(default)]
    pub encryption: Observed<bool>,
    /// The key that is then used.
    #[serde(default)]
    pub kms_key: Observed<String>,
}
