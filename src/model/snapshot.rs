//! Everything that was seen of one account.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backup::{BackupRole, BackupSettings, Vault};
use super::backup_plan::BackupPlan;
use super::cloudformation::Stack;
use super::coverage::{Coverage, Stats};
use super::dynamodb::Table;
use super::ec2::{EbsDefaults, Instance, Volume};
use super::efs::FileSystem;
use super::job::{BackupJob, CopyJob};
use super::kms::Key;
use super::observed::{Gap, GapKind};
use super::organization::EffectivePolicy;
use super::place::Place;
use super::rds::{DbCluster, DbInstance, OptionGroup};
use super::redshift::{Cluster, Namespace};
use super::s3::Bucket;
use super::selection::Selection;
use super::service::Service;
use super::storage_gateway::{Gateway, GatewayVolume};
use super::tagged::TaggedResource;
use super::vpc::Network;
use super::{Listing, Observed};

/// The version of the snapshot format that this program reads and writes.
pub const SNAPSHOT_VERSION: u32 = 1;

/// The name under which calls about the account as a whole stand in the coverage: they have no region.
pub const GLOBAL: &str = "global";

/// Everything that was seen of one account at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Always [`SNAPSHOT_VERSION`].
    pub snapshot_version: u32,
    /// Where it came from.
    #[serde(default)]
    pub source: Source,
    /// The account; none where a plan does not know it.
    pub account_id: Option<String>,
    /// The key of the backup tag it was read for: tags with other keys are not kept.
    pub tag_key: String,
    /// What of the account was read, where it is not all.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// When reading began, RFC 3339 in UTC.
    pub started_at: String,
    /// When reading ended, RFC 3339 in UTC.
    pub finished_at: String,
    /// Whether reading was stopped before its end.
    #[serde(default)]
    pub interrupted: bool,
    /// The calls it took.
    #[serde(default)]
    pub stats: Stats,
    /// One row per region and service asked.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// Regions that are enabled for the account, scanned or not. Source: `DescribeRegions`.
    #[serde(default)]
    pub enabled_regions: Listing<String>,
    /// The id of the account's organization; none where it is in none. Source: `DescribeOrganization`.
    #[serde(default)]
    pub organization_id: Observed<Option<String>>,
    /// The organization's backup policy as it holds for the account; none where it has none.
    /// Source: `DescribeEffectivePolicy`.
    #[serde(default)]
    pub backup_policy: Observed<Option<EffectivePolicy>>,
    /// The roles that make backups, by name: those that the policy names, else the company's; none
    /// where there is no such role.
    #[serde(default)]
    pub backup_roles: BTreeMap<String, Observed<Option<BackupRole>>>,
    /// ARNs of what is tagged `enabled` in the regions that are enabled for the account and were not
    /// scanned, by region; of scanned ones too where not every service was read. Source: `GetResources`.
    #[serde(default)]
    pub elsewhere: BTreeMap<String, Listing<String>>,
    /// Buckets of the scanned regions, and those whose region is not known.
    #[serde(default)]
    pub buckets: Listing<Bucket>,
    /// The scanned regions by name.
    #[serde(default)]
    pub regions: BTreeMap<String, Region>,
    /// Keys by ARN, whatever their region.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
    /// Where a plan or a template declares what it holds, by the resource's ARN or what stands for one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, Place>,
}

/// Where a snapshot came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A live account.
    #[default]
    Aws,
    /// A file that `collect` wrote.
    Snapshot,
    /// `terraform show -json`.
    TerraformPlan,
    /// A CloudFormation template.
    Cloudformation,
}

impl Source {
    /// Whether it holds what shall be, and of the account only what it sets itself.
    #[must_use]
    pub fn is_planned(self) -> bool {
        matches!(self, Source::TerraformPlan | Source::Cloudformation)
    }
}

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
    /// Aurora and Multi-AZ DB clusters.
    #[serde(default)]
    pub db_clusters: Listing<DbCluster>,
    /// The option groups that Oracle and SQL Server instances use.
    #[serde(default)]
    pub option_groups: Listing<OptionGroup>,
    /// EFS file systems.
    #[serde(default)]
    pub file_systems: Listing<FileSystem>,
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
    /// AWS Backup's backup jobs of the last 30 days: of each resource the newest in each state, and
    /// the oldest that completed. Jobs of stacks and jobs within them are kept apart.
    #[serde(default)]
    pub backup_jobs: Listing<BackupJob>,
    /// Its copy jobs of the same time: of each resource and destination account the newest in each
    /// state.
    #[serde(default)]
    pub copy_jobs: Listing<CopyJob>,
    /// The account's vaults.
    #[serde(default)]
    pub vaults: Listing<Vault>,
    /// The account's backup plans. They are asked for only where no backup policy was read.
    #[serde(default)]
    pub backup_plans: Listing<BackupPlan>,
    /// ARNs of keys that resources name by alias or id.
    #[serde(default)]
    pub key_names: BTreeMap<String, Observed<String>>,
}

/// A listing that could hold resources to back up and was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteListing<'a> {
    /// The region; none for the list of buckets, which covers all.
    pub region: Option<&'a str>,
    /// The service: `ec2`, `ebs`, ...
    pub service: &'static str,
    /// The service whose resources it lists; none for the regions themselves.
    pub of: Option<Service>,
    /// Why.
    pub gap: &'a Gap,
}

impl Snapshot {
    /// The listings of resources that can be backed up which were not read to their end.
    #[must_use]
    pub fn incomplete_listings(&self) -> Vec<IncompleteListing<'_>> {
        let mut unlisted = Vec::new();
        // Without it nobody knows whether a region that answers nothing is one that runs nothing.
        if let Some(gap) = &self.enabled_regions.gap {
            unlisted.push(IncompleteListing {
                region: None,
                service: "regions",
                of: None,
                gap,
            });
        }
        // A region that is not enabled runs nothing and backs nothing up; and nobody misses what was not
        // asked for.
        let is_open = |gap: &&Gap| !matches!(gap.kind, GapKind::RegionDisabled | GapKind::NotAsked);
        if let Some(gap) = self.buckets.gap.as_ref().filter(is_open) {
            unlisted.push(IncompleteListing {
                region: None,
                service: "s3",
                of: Some(Service::S3),
                gap,
            });
        }
        for (name, region) in &self.regions {
            for (service, gap) in region.listings() {
                if let Some(gap) = gap.as_ref().filter(is_open) {
                    unlisted.push(IncompleteListing {
                        region: Some(name),
                        service: service.as_str(),
                        of: Some(service),
                        gap,
                    });
                }
            }
        }
        // Without the gateways nobody knows the volumes: that is told once.
        unlisted.dedup();
        unlisted
    }
}

impl Region {
    /// The listings of resources that can be backed up, by service, each with why it may be longer.
    fn listings(&self) -> [(Service, &Option<Gap>); 12] {
        [
            (Service::Ec2, &self.instances.gap),
            (Service::Ebs, &self.volumes.gap),
            (Service::Rds, &self.db_instances.gap),
            (Service::Rds, &self.db_clusters.gap),
            (Service::Efs, &self.file_systems.gap),
            (Service::Dynamodb, &self.tables.gap),
            (Service::Storagegateway, &self.gateways.gap),
            (Service::Storagegateway, &self.gateway_volumes.gap),
            (Service::Redshift, &self.redshift_clusters.gap),
            (Service::Redshift, &self.redshift_namespaces.gap),
            (Service::Cloudformation, &self.stacks.gap),
            (Service::Backup, &self.tagged.gap),
        ]
    }

    /// Why the listings of one service may be longer.
    #[must_use]
    pub fn listing_gaps_of(&self, service: Service) -> Vec<&Gap> {
        let listings = self.listings().into_iter();
        let own = listings.filter(|(of, _)| *of == service);
        own.filter_map(|(_, gap)| gap.as_ref()).collect()
    }

    /// Why the listings of resources that can be backed up may be longer.
    #[must_use]
    pub fn listing_gaps(&self) -> Vec<&Gap> {
        let listings = self.listings().into_iter();
        listings.filter_map(|(_, gap)| gap.as_ref()).collect()
    }
}
