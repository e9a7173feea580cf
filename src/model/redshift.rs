//! Redshift clusters and namespaces of Redshift Serverless.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;
use super::tag::Tags;

/// A provisioned cluster. Source: Redshift API, `DescribeClusters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its ARN.
    pub arn: String,
    /// Its identifier.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `available`, `available, prep-for-resize`, `paused`, `resizing`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: Observed<bool>,
    /// The key as Redshift names it; none where it is not encrypted, or where AWS owns the key.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Whether it is encrypted with a key that AWS owns, which Redshift names `AWS_OWNED_KMS_KEY`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aws_owned_key: bool,
    /// Its storage capacity.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
}

/// A namespace of Redshift Serverless: its data is always encrypted.
///
/// Source: Redshift Serverless API, `ListNamespaces`, and
/// <https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-workgroups-and-namespaces-rotate-kms-key.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// Its ARN, which ends with a UUID.
    pub arn: String,
    /// Its name.
    pub id: String,
    /// Its tags. Source: `GetResources`.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `AVAILABLE`, `MODIFYING`, `DELETING`.
    #[serde(default)]
    pub state: Observed<String>,
    /// The key as Redshift names it; none where AWS owns the key, which is how a namespace starts.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
}
