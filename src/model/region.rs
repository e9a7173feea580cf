//! What was read in one region.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::backup::{BackupSettings, Vault};
use super::backup_plan::BackupPlan;
use super::cloudformation::{Export, Stack};
use super::dynamodb::Table;
use super::ec2::{EbsDefaults, Instance, Volume};
use super::efs::FileSystem;
use super::fsx::{FsxFileSystem, FsxVolume};
use super::image::Image;
use super::job::{BackupJob, CopyJob};
use super::kms::KeyAlias;
use super::observed::{Gap, Listing, Observed};
use super::rds::{DbCluster, DbInstance, OptionGroup};
use super::redshift::{Cluster, Namespace};
use super::storage_gateway::{Gateway, GatewayVolume};
use super::tagged::TaggedResource;
use super::vpc::Network;

/// What was seen in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Whether the region is not enabled for the account: then nothing was asked there.
    #[serde(default)]
    pub disabled: bool,
    /// EC2 instances.
    #[serde(default)]
    pub instances: Listing<Instance>,
    /// EBS volumes.
    #[serde(default)]
    pub volumes: Listing<Volume>,
    /// Encryption of new volumes.
    #[serde(default)]
    pub ebs_defaults: EbsDefaults,
    /// VPCs and what is in them.
    #[serde(default)]
    pub network: Network,
    /// RDS instances, members of clusters too.
    #[serde(default)]
    pub db_instances: Listing<DbInstance>,
    /// Clusters of Aurora, DocumentDB and Neptune, and Multi-AZ DB clusters.
    #[serde(default)]
    pub db_clusters: Listing<DbCluster>,
    /// The option groups that Oracle and SQL Server instances use.
    #[serde(default)]
    pub option_groups: Listing<OptionGroup>,
    /// EFS file systems.
    #[serde(default)]
    pub file_systems: Listing<FileSystem>,
    /// FSx file systems. A snapshot of an older version has those that are tagged `enabled` in `tagged`.
    #[serde(default = "list_none", skip_serializing_if = "lists_none")]
    pub fsx_file_systems: Listing<FsxFileSystem>,
    /// Volumes of FSx for ONTAP and OpenZFS. For older versions, see the file systems.
    #[serde(default = "list_none", skip_serializing_if = "lists_none")]
    pub fsx_volumes: Listing<FsxVolume>,
    /// DynamoDB tables.
    #[serde(default)]
    pub tables: Listing<Table>,
    /// Storage gateways of all types.
    #[serde(default)]
    pub gateways: Listing<Gateway>,
    /// Volumes of the volume gateways.
    #[serde(default)]
    pub gateway_volumes: Listing<GatewayVolume>,
    /// Redshift clusters.
    #[serde(default)]
    pub redshift_clusters: Listing<Cluster>,
    /// Namespaces of Redshift Serverless.
    #[serde(default)]
    pub redshift_namespaces: Listing<Namespace>,
    /// CloudFormation stacks, nested ones too.
    #[serde(default)]
    pub stacks: Listing<Stack>,
    /// What is tagged `enabled` and is in no other list.
    #[serde(default)]
    pub tagged: Listing<TaggedResource>,
    /// AWS Backup's settings.
    #[serde(default)]
    pub backup_settings: Observed<BackupSettings>,
    /// AWS Backup's backup jobs of the last 30 days: of each resource and plan the newest in each state,
    /// and the oldest that completed. Jobs of stacks and jobs within them are kept apart.
    #[serde(default)]
    pub backup_jobs: Listing<BackupJob>,
    /// Its copy jobs of the same time: of each resource, plan and destination account the newest in
    /// each state.
    #[serde(default)]
    pub copy_jobs: Listing<CopyJob>,
    /// The account's vaults.
    #[serde(default)]
    pub vaults: Listing<Vault>,
    /// The account's backup plans. Of those that an organization's policy created only ids and names are
    /// read where the policy was.
    #[serde(default)]
    pub backup_plans: Listing<BackupPlan>,
    /// ARNs of keys that resources name by alias or id.
    #[serde(default)]
    pub key_names: BTreeMap<String, Observed<String>>,
    /// VPCs that may have workloads besides those of the network, and why that is not known. Only plans have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub possible_workloads: BTreeMap<String, Gap>,
    /// The AMIs that the account owns, and those that its instances and launch templates use. Others exist too. Only
    /// plans and templates need them, as they do exports and aliases.
    #[serde(default, skip_serializing_if = "Listing::is_not_collected")]
    pub images: Listing<Image>,
    /// What stacks export.
    #[serde(default, skip_serializing_if = "Listing::is_not_collected")]
    pub exports: Listing<Export>,
    /// The aliases of the account's own keys, those of AWS left out.
    #[serde(default, skip_serializing_if = "Listing::is_not_collected")]
    pub key_aliases: Listing<KeyAlias>,
}

fn list_none<T>() -> Listing<T> {
    Listing::complete(Vec::new())
}

fn lists_none<T: PartialEq>(listing: &Listing<T>) -> bool {
    *listing == list_none()
}
