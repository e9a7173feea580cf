//! RDS instances, and clusters of Aurora, DocumentDB and Neptune and Multi-AZ DB clusters, which share an API.

use serde::{Deserialize, Serialize};

use super::observed::{Gap, Observed};
use super::size::Size;
use super::tag::Tags;

/// A DB instance. Source: RDS API, `DescribeDBInstances`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbInstance {
    /// Its ARN.
    pub arn: String,
    /// Its identifier.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// The cluster it is a member of. A member is checked as part of its cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Whether the complete list of clusters lacks its cluster. Then it is checked by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cluster_missing: bool,
    /// `mysql`, `postgres`, `oracle-ee`, `custom-oracle-ee`, ...
    #[serde(default)]
    pub engine: Observed<String>,
    /// `available`, `modifying`, `storage-full`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// Whether its storage is encrypted.
    #[serde(default)]
    pub encrypted: Observed<bool>,
    /// Whether it is encrypted with a key that AWS owns, `StorageEncryptionType` `sse-rds`. Then
    /// `encrypted` is false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aws_owned_key: bool,
    /// The key as RDS names it, where it is encrypted.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// Its allocated storage.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// Retention of automated backups in days; 0 switches them off.
    #[serde(default)]
    pub backup_retention_days: Observed<i32>,
    /// When it is maintained each week, in UTC: `sun:03:00-sun:04:00`.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub maintenance_window: Observed<String>,
    /// When it is backed up automatically each day, in UTC: `02:00-02:30`.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub backup_window: Observed<String>,
    /// The names of its option groups: two while it goes from one to the other.
    #[serde(default)]
    pub option_groups: Observed<Vec<String>>,
    /// Where its snapshots are stored: `region`, `outposts`, or `local` for a Local Zone. A database of
    /// which a snapshot does not mention it stores them in its Region.
    #[serde(default = "in_region", skip_serializing_if = "is_in_region")]
    pub backup_target: Observed<String>,
}

/// The default of `CreateDBInstance`:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
pub const BACKUP_TARGET: &str = "region";

fn in_region() -> Observed<String> {
    Observed::Known(BACKUP_TARGET.to_owned())
}

fn is_in_region(backup_target: &Observed<String>) -> bool {
    *backup_target == in_region()
}

impl DbInstance {
    /// Whether it is checked as part of its cluster.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.cluster.is_some() && !self.cluster_missing
    }

    /// Whether its engine has options that can prevent sharing a snapshot: Oracle and SQL Server.
    /// RDS Custom has no option groups.
    ///
    /// # Errors
    /// Why the engine is not known.
    pub fn has_option_groups(&self) -> Result<bool, Gap> {
        let engine = self.engine.get()?;
        Ok(engine.starts_with("oracle-") || engine.starts_with("sqlserver-"))
    }
}

/// An option group. Source: RDS API, `DescribeOptionGroups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionGroup {
    /// Its name.
    pub id: String,
    /// What it switches on.
    #[serde(default)]
    pub options: Observed<Vec<DbOption>>,
}

/// An option of an option group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbOption {
    /// `TDE`, `Timezone`, `OLS`, ...
    pub name: String,
    /// Whether it cannot be removed while instances use the group.
    #[serde(default)]
    pub persistent: Observed<bool>,
    /// Whether it can never be removed.
    #[serde(default)]
    pub permanent: Observed<bool>,
}

/// A DB cluster. Source: RDS API, `DescribeDBClusters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbCluster {
    /// Its ARN.
    pub arn: String,
    /// Its identifier.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `aurora-mysql`, `aurora-postgresql`; `mysql` or `postgres` for a Multi-AZ DB cluster; `docdb`, `neptune`.
    pub engine: String,
    /// Why the engine is not known, in a plan or template; `engine` is then a guess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_gap: Option<Gap>,
    /// `available`, `modifying`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// Whether its storage is encrypted.
    #[serde(default)]
    pub encrypted: Observed<bool>,
    /// Whether it is encrypted with a key that AWS owns, `StorageEncryptionType` `sse-rds`. Then
    /// `encrypted` is false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aws_owned_key: bool,
    /// The key as RDS names it, where it is encrypted.
    #[serde(default)]
    pub kms_key: Observed<Option<String>>,
    /// The allocated storage of a Multi-AZ DB cluster, or what an Aurora cluster uses: RDS documents the
    /// allocated storage of Aurora only as a value that can vary, so it does not count.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// Retention of automated backups in days.
    #[serde(default)]
    pub backup_retention_days: Observed<i32>,
    /// Identifiers of its member instances.
    #[serde(default)]
    pub members: Observed<Vec<String>>,
}

impl DbCluster {
    /// Whether it is a Multi-AZ DB cluster, according to its engine. The `MultiAZ` flag is true for Aurora too.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html>.
    #[must_use]
    pub fn is_multi_az(&self) -> bool {
        is_multi_az_engine(&self.engine)
    }
}

/// Whether an engine is one of Aurora or of a Multi-AZ DB cluster. DocumentDB and Neptune answer through the
/// same API.
#[must_use]
pub fn is_rds_cluster(engine: &str) -> bool {
    engine.starts_with("aurora") || is_multi_az_engine(engine)
}

/// Whether the engine of a cluster is one of Multi-AZ DB clusters.
#[must_use]
pub fn is_multi_az_engine(engine: &str) -> bool {
    matches!(engine, "mysql" | "postgres")
}
