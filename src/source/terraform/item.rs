//! A resource of a plan or a state.

use serde_json::Value;

/// Replacement for a missing value or a missing tree of marks.
pub(super) static NULL: Value = Value::Null;
/// Tree of marks that marks everything.
pub(super) static ALL: Value = Value::Bool(true);

/// Attributes by which other resources name a resource.
pub(super) const NAMING: [&str; 12] = [
    "arn",
    "bucket",
    "cluster_identifier",
    "db_cluster_snapshot_identifier",
    "db_snapshot_identifier",
    "default_route_table_id",
    "id",
    "identifier",
    "key_id",
    "name",
    "target_db_cluster_snapshot_identifier",
    "target_db_snapshot_identifier",
];

/// Resource types of KMS keys.
pub(super) const KEYS: [&str; 4] = [
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
];

/// A resource in a plan or a state.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// `module.db[0].aws_kms_key.main["a"]`
    pub(super) address: &'a str,
    /// `aws_kms_key`
    pub(super) kind: &'a str,
    /// `main`
    pub(super) name: &'a str,
    /// `module.db[0]`; empty for the root module.
    pub(super) module: &'a str,
    /// `["a"]` or `[0]`, if it has an index.
    pub(super) key: Option<String>,
    /// Whether it is a data source.
    pub(super) is_data: bool,
    /// Whether it exists before and after the plan is applied.
    pub(super) exists: bool,
    /// Its values before the plan is applied; null if it does not exist yet.
    pub(super) before: &'a Value,
    /// Its known values.
    pub(super) values: &'a Value,
    /// Marks of unknown values: `true` marks a complete subtree.
    pub(super) unknown: &'a Value,
    /// Marks of sensitive values, in the same form.
    pub(super) sensitive: &'a Value,
    /// Its configuration.
    pub(super) config: Option<&'a Value>,
    /// Attributes that the configuration sets to null, by variables whose values are known.
    pub(super) nulls: Vec<&'a str>,
}

impl<'a> Item<'a> {
    /// Returns its type, with `data.` before that of a data source.
    pub(super) fn type_key(&self) -> &'a str {
        match self.is_data {
            true => data_type(self.kind),
            false => self.kind,
        }
    }

    /// Returns the key of its provider in `provider_config`.
    pub(super) fn provider_key(&self) -> Option<&'a str> {
        self.config?.get("provider_config_key")?.as_str()
    }
}

/// Returns the type of a data source, which differs from that of a resource.
pub(super) fn data_type(kind: &str) -> &'static str {
    match kind {
        "aws_ami" => "data.aws_ami",
        "aws_caller_identity" => "data.aws_caller_identity",
        "aws_db_cluster_snapshot" => "data.aws_db_cluster_snapshot",
        "aws_db_instance" => "data.aws_db_instance",
        "aws_db_snapshot" => "data.aws_db_snapshot",
        "aws_ebs_snapshot" => "data.aws_ebs_snapshot",
        "aws_iam_policy_document" => "data.aws_iam_policy_document",
        "aws_kms_alias" => "data.aws_kms_alias",
        "aws_kms_key" => "data.aws_kms_key",
        "aws_organizations_organization" => "data.aws_organizations_organization",
        "aws_rds_cluster" => "data.aws_rds_cluster",
        "aws_region" => "data.aws_region",
        "aws_subnet" => "data.aws_subnet",
        _ => "data",
    }
}
