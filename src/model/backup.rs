//! AWS Backup's own settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Settings of AWS Backup in one region. Source: AWS Backup API, `DescribeRegionSettings`.
///
/// Keys are AWS's names of resource types: `EBS`, `DynamoDB`, `Storage Gateway`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupSettings {
    /// `ResourceTypeOptInPreference`: the services that tag selections reach.
    pub opt_in: BTreeMap<String, bool>,
    /// `ResourceTypeManagementPreference`: the services that AWS Backup manages fully.
    pub management: BTreeMap<String, bool>,
}
