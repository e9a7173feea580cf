//! EFS file systems.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;
use super::tag::Tags;

/// A file system. Source: EFS API, `DescribeFileSystems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSystem {
    /// Its ARN.
    pub arn: String,
    /// `fs-...`.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `creating`, `available`, `updating`, `deleting`, `deleted`, `error`.
    #[serde(default)]
    pub state: Observed<String>,
    /// Whether it is encrypted.
    #[serde(default)]
    pub encrypted: Observed<bool>,
    /// The key as EFS names it, where it is encrypted.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Its metered size, in all storage classes.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
}
