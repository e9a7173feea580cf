//! AWS Backup's own settings, the vaults, and the roles that make the backups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Listing, Observed};

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

/// The type of a logically air-gapped vault.
pub const AIR_GAPPED_VAULT: &str = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT";

/// The vault of EFS automatic backups, which cannot be copied to another account.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>.
pub const EFS_VAULT: &str = "aws/efs/automatic-backup-vault";

/// A vault of the account's. Source: AWS Backup API, `ListBackupVaults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub id: String,
    /// `BACKUP_VAULT`, `LOGICALLY_AIR_GAPPED_BACKUP_VAULT`, `RESTORE_ACCESS_BACKUP_VAULT`.
    #[serde(default)]
    pub vault_type: Observed<String>,
    /// `CREATING`, `AVAILABLE`, `FAILED`; none where AWS Backup returns none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The key of backups that AWS Backup manages fully; none where AWS owns the key.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Vault Lock's shortest retention; none where it sets none.
    #[serde(default)]
    pub min_retention_days: Observed<Option<u32>>,
    /// Vault Lock's longest retention; none where it sets none.
    #[serde(default)]
    pub max_retention_days: Observed<Option<u32>>,
    /// Its access policy as text; none where it has none. Source: `GetBackupVaultAccessPolicy`.
    #[serde(default)]
    pub access_policy: Observed<Option<String>>,
}

impl Vault {
    /// Whether the vault can be used. One without a state can.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.state.as_deref().is_none_or(|it| it == "AVAILABLE")
    }

    /// Whether it is known to be logically air-gapped.
    #[must_use]
    pub fn is_air_gapped(&self) -> bool {
        self.vault_type
            .known()
            .is_some_and(|it| it == AIR_GAPPED_VAULT)
    }
}

/// A role that makes backups. Source: IAM API, `GetRole`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRole {
    /// Its ARN, with its path.
    pub arn: String,
    /// Who may assume it, as text.
    #[serde(default)]
    pub trust_policy: Observed<String>,
    /// The ARN of its permissions boundary, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// ARNs of managed policies attached to it. Source: `ListAttachedRolePolicies`.
    #[serde(default)]
    pub attached_policies: Listing<String>,
    /// Names of its inline policies. Source: `ListRolePolicies`.
    #[serde(default)]
    pub inline_policies: Listing<String>,
    /// The documents of its managed and inline policies and of its boundary as text, by the ARN of a managed
    /// policy and the name of an inline one. A policy without a document was not read; AWS managed ones that
    /// are known by name need none. Source: `GetPolicyVersion`, `GetRolePolicy`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<String, Observed<String>>,
}
