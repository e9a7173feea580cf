//! DynamoDB tables.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;
use super::tag::Tags;

/// A table. Source: DynamoDB API, `ListTables` and `DescribeTable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub id: String,
    /// Its tags. Source: `GetResources`.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `ACTIVE`, `DELETING`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// The key of its encryption; none where DynamoDB owns the key.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Its size, which DynamoDB updates about every six hours.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
}
