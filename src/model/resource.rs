//! A resource of any kind, as rules, reports and the evaluator see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backup::Vault;
use super::cloudformation::Stack;
use super::dynamodb::Table;
use super::ec2::{Instance, Volume};
use super::efs::FileSystem;
use super::observed::{Gap, GapKind};
use super::rds::{DbCluster, DbInstance};
use super::redshift::{Cluster, Namespace};
use super::s3::Bucket;
use super::snapshot::{GLOBAL, IncompleteListing, Region, Snapshot};
use super::storage_gateway::{Gateway, GatewayVolume};
use super::tag::{BackupTag, Tags};
use super::tagged::TaggedResource;
use super::vpc::Vpc;
use super::{Listing, Observed};

/// What a resource is: the report's `type`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceKind {
    /// A general purpose S3 bucket.
    S3Bucket,
    /// An EC2 instance.
    Ec2Instance,
    /// An EBS volume.
    EbsVolume,
    /// An RDS DB instance that is in no cluster.
    RdsInstance,
    /// An RDS Multi-AZ DB cluster.
    RdsCluster,
    /// An Aurora cluster.
    AuroraCluster,
    /// A DynamoDB table.
    DynamodbTable,
    /// An EFS file system.
    EfsFileSystem,
    /// A volume of a volume gateway.
    StorageGatewayVolume,
    /// A storage gateway.
    StorageGateway,
    /// A Redshift cluster.
    RedshiftCluster,
    /// A namespace of Redshift Serverless.
    RedshiftNamespace,
    /// A CloudFormation stack.
    CloudformationStack,
    /// A secret of Secrets Manager.
    Secret,
    /// A parameter of Systems Manager.
    SsmParameter,
    /// Something else that carries the tag, outside the guide.
    Other,
    /// A VPC.
    Vpc,
    /// A vault of AWS Backup.
    BackupVault,
    /// An account's settings in one region.
    Region,
    /// The account as a whole.
    Account,
}

impl ResourceKind {
    /// As in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ResourceKind::S3Bucket => "s3-bucket",
            ResourceKind::Ec2Instance => "ec2-instance",
            ResourceKind::EbsVolume => "ebs-volume",
            ResourceKind::RdsInstance => "rds-instance",
            ResourceKind::RdsCluster => "rds-cluster",
            ResourceKind::AuroraCluster => "aurora-cluster",
            ResourceKind::DynamodbTable => "dynamodb-table",
            ResourceKind::EfsFileSystem => "efs-file-system",
            ResourceKind::StorageGatewayVolume => "storage-gateway-volume",
            ResourceKind::StorageGateway => "storage-gateway",
            ResourceKind::RedshiftCluster => "redshift-cluster",
            ResourceKind::RedshiftNamespace => "redshift-namespace",
            ResourceKind::CloudformationStack => "cloudformation-stack",
            ResourceKind::Secret => "secret",
            ResourceKind::SsmParameter => "ssm-parameter",
            ResourceKind::Other => "other",
            ResourceKind::Vpc => "vpc",
            ResourceKind::BackupVault => "backup-vault",
            ResourceKind::Region => "region",
            ResourceKind::Account => "account",
        }
    }

    /// Whether AWS Backup selects resources of this kind by their tag, or people may think so: a
    /// gateway is never selected, and is tagged in the place of its volumes; nor is a secret.
    #[must_use]
    pub fn is_backed_up(self) -> bool {
        !matches!(
            self,
            ResourceKind::Vpc
                | ResourceKind::BackupVault
                | ResourceKind::Region
                | ResourceKind::Account
        )
    }

    /// Whether AWS Backup makes backups of this kind: of some, people only think so.
    #[must_use]
    pub fn has_backups(self) -> bool {
        self.is_backed_up()
            && !matches!(
                self,
                ResourceKind::StorageGateway | ResourceKind::Secret | ResourceKind::SsmParameter
            )
    }

    /// Whether AWS Backup manages backups of this kind fully, so that the vault's key encrypts them.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>.
    #[must_use]
    pub fn is_fully_managed(self) -> bool {
        matches!(
            self,
            ResourceKind::S3Bucket | ResourceKind::DynamodbTable | ResourceKind::EfsFileSystem
        )
    }

    /// AWS Backup's name of the resource type in its opt-in settings; none where it has none.
    ///
    /// A gateway has none: its volumes are what is backed up.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DescribeRegionSettings.html>;
    /// for Redshift Serverless, which that page leaves out,
    /// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/backup_region_settings>.
    #[must_use]
    pub fn backup_name(self) -> Option<&'static str> {
        match self {
            ResourceKind::S3Bucket => Some("S3"),
            ResourceKind::Ec2Instance => Some("EC2"),
            ResourceKind::EbsVolume => Some("EBS"),
            ResourceKind::RdsInstance | ResourceKind::RdsCluster => Some("RDS"),
            ResourceKind::AuroraCluster => Some("Aurora"),
            ResourceKind::DynamodbTable => Some("DynamoDB"),
            ResourceKind::EfsFileSystem => Some("EFS"),
            ResourceKind::StorageGatewayVolume => Some("Storage Gateway"),
            ResourceKind::RedshiftCluster => Some("Redshift"),
            ResourceKind::RedshiftNamespace => Some("Redshift Serverless"),
            ResourceKind::CloudformationStack => Some("CloudFormation"),
            ResourceKind::StorageGateway
            | ResourceKind::Secret
            | ResourceKind::SsmParameter
            | ResourceKind::Other
            | ResourceKind::Vpc
            | ResourceKind::BackupVault
            | ResourceKind::Region
            | ResourceKind::Account => None,
        }
    }
}

/// What CloudFormation calls the types that have their own lists. A table has two, DB clusters of both kinds share one.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.
pub const CLOUDFORMATION_TYPES: [(&str, &[ResourceKind]); 11] = [
    (
        "AWS::CloudFormation::Stack",
        &[ResourceKind::CloudformationStack],
    ),
    ("AWS::DynamoDB::GlobalTable", &[ResourceKind::DynamodbTable]),
    ("AWS::DynamoDB::Table", &[ResourceKind::DynamodbTable]),
    ("AWS::EC2::Instance", &[ResourceKind::Ec2Instance]),
    ("AWS::EC2::Volume", &[ResourceKind::EbsVolume]),
    ("AWS::EFS::FileSystem", &[ResourceKind::EfsFileSystem]),
    (
        "AWS::RDS::DBCluster",
        &[ResourceKind::AuroraCluster, ResourceKind::RdsCluster],
    ),
    ("AWS::RDS::DBInstance", &[ResourceKind::RdsInstance]),
    ("AWS::Redshift::Cluster", &[ResourceKind::RedshiftCluster]),
    (
        "AWS::RedshiftServerless::Namespace",
        &[ResourceKind::RedshiftNamespace],
    ),
    ("AWS::S3::Bucket", &[ResourceKind::S3Bucket]),
];

/// One resource of a snapshot.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// An S3 bucket.
    Bucket(&'a Bucket),
    /// An EC2 instance.
    Instance(&'a Instance),
    /// An EBS volume.
    Volume(&'a Volume),
    /// An RDS DB instance that is in no cluster.
    DbInstance(&'a DbInstance),
    /// An Aurora or a Multi-AZ DB cluster.
    DbCluster(&'a DbCluster),
    /// A DynamoDB table.
    Table(&'a Table),
    /// An EFS file system.
    FileSystem(&'a FileSystem),
    /// A volume of a volume gateway.
    GatewayVolume(&'a GatewayVolume),
    /// A storage gateway.
    Gateway(&'a Gateway),
    /// A Redshift cluster.
    RedshiftCluster(&'a Cluster),
    /// A namespace of Redshift Serverless.
    RedshiftNamespace(&'a Namespace),
    /// A CloudFormation stack.
    Stack(&'a Stack),
    /// Something that was found by its tag.
    Tagged(&'a TaggedResource),
    /// A VPC.
    Vpc(&'a Vpc),
    /// A vault of AWS Backup.
    Vault(&'a Vault),
    /// The account's settings in one region.
    Region(&'a Region),
    /// The account as a whole.
    Account(&'a Snapshot),
}

impl<'a> Resource<'a> {
    /// What it is.
    #[must_use]
    pub fn kind(self) -> ResourceKind {
        match self {
            Resource::Bucket(_) => ResourceKind::S3Bucket,
            Resource::Instance(_) => ResourceKind::Ec2Instance,
            Resource::Volume(_) => ResourceKind::EbsVolume,
            Resource::DbInstance(_) => ResourceKind::RdsInstance,
            Resource::DbCluster(cluster) if cluster.is_multi_az() => ResourceKind::RdsCluster,
            Resource::DbCluster(_) => ResourceKind::AuroraCluster,
            Resource::Table(_) => ResourceKind::DynamodbTable,
            Resource::FileSystem(_) => ResourceKind::EfsFileSystem,
            Resource::GatewayVolume(_) => ResourceKind::StorageGatewayVolume,
            Resource::Gateway(_) => ResourceKind::StorageGateway,
            Resource::RedshiftCluster(_) => ResourceKind::RedshiftCluster,
            Resource::RedshiftNamespace(_) => ResourceKind::RedshiftNamespace,
            Resource::Stack(_) => ResourceKind::CloudformationStack,
            Resource::Tagged(tagged) => tagged.kind(),
            Resource::Vpc(_) => ResourceKind::Vpc,
            Resource::Vault(_) => ResourceKind::BackupVault,
            Resource::Region(_) => ResourceKind::Region,
            Resource::Account(_) => ResourceKind::Account,
        }
    }

    /// Its ARN and its id; none for a region and an account, which AWS gives no ARN.
    #[must_use]
    pub fn arn_and_id(self) -> Option<(&'a str, &'a str)> {
        match self {
            Resource::Bucket(it) => Some((&it.arn, &it.id)),
            Resource::Instance(it) => Some((&it.arn, &it.id)),
            Resource::Volume(it) => Some((&it.arn, &it.id)),
            Resource::DbInstance(it) => Some((&it.arn, &it.id)),
            Resource::DbCluster(it) => Some((&it.arn, &it.id)),
            Resource::Table(it) => Some((&it.arn, &it.id)),
            Resource::FileSystem(it) => Some((&it.arn, &it.id)),
            Resource::GatewayVolume(it) => Some((&it.arn, &it.id)),
            Resource::Gateway(it) => Some((&it.arn, &it.id)),
            Resource::RedshiftCluster(it) => Some((&it.arn, &it.id)),
            Resource::RedshiftNamespace(it) => Some((&it.arn, &it.id)),
            Resource::Stack(it) => Some((&it.arn, &it.id)),
            Resource::Tagged(it) => Some((&it.arn, &it.id)),
            Resource::Vpc(it) => Some((&it.arn, &it.id)),
            Resource::Vault(it) => Some((&it.arn, &it.id)),
            Resource::Region(_) | Resource::Account(_) => None,
        }
    }

    /// Its tags; none for what is not backed up.
    #[must_use]
    pub fn tags(self) -> Option<&'a Observed<Tags>> {
        match self {
            Resource::Bucket(it) => Some(&it.tags),
            Resource::Instance(it) => Some(&it.tags),
            Resource::Volume(it) => Some(&it.tags),
            Resource::DbInstance(it) => Some(&it.tags),
            Resource::DbCluster(it) => Some(&it.tags),
            Resource::Table(it) => Some(&it.tags),
            Resource::FileSystem(it) => Some(&it.tags),
            Resource::GatewayVolume(it) => Some(&it.tags),
            Resource::Gateway(it) => Some(&it.tags),
            Resource::RedshiftCluster(it) => Some(&it.tags),
            Resource::RedshiftNamespace(it) => Some(&it.tags),
            Resource::Stack(it) => Some(&it.tags),
            Resource::Tagged(it) => Some(&it.tags),
            Resource::Vpc(_) | Resource::Vault(_) | Resource::Region(_) | Resource::Account(_) => {
                None
            }
        }
    }

    /// Its `Name` tag, where it has one and the tags were read; else the name that its service keeps.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        let tagged = || self.tags()?.known()?.get("Name").map(String::as_str);
        match self {
            Resource::Vpc(vpc) => vpc.name.as_deref(),
            Resource::Gateway(gateway) => tagged().or(gateway.name.as_deref()),
            _ => tagged(),
        }
    }

    /// Its state, where the kind has one that AWS Backup minds.
    #[must_use]
    pub fn state(self) -> Option<&'a Observed<String>> {
        match self {
            Resource::Instance(it) => Some(&it.state),
            Resource::Volume(it) => Some(&it.state),
            Resource::DbInstance(it) => Some(&it.state),
            Resource::DbCluster(it) => Some(&it.state),
            Resource::Table(it) => Some(&it.state),
            Resource::FileSystem(it) => Some(&it.state),
            Resource::GatewayVolume(it) => Some(&it.state),
            Resource::RedshiftCluster(it) => Some(&it.state),
            Resource::RedshiftNamespace(it) => Some(&it.state),
            Resource::Stack(it) => Some(&it.state),
            Resource::Bucket(_)
            | Resource::Gateway(_)
            | Resource::Tagged(_)
            | Resource::Vpc(_)
            | Resource::Vault(_)
            | Resource::Region(_)
            | Resource::Account(_) => None,
        }
    }

    /// Whether it is on its way out: such a resource is left out of a report.
    ///
    /// A Redshift cluster takes its final snapshot before it is deleted:
    /// <https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html>.
    #[must_use]
    pub fn is_being_deleted(self) -> bool {
        self.state().and_then(Observed::known).is_some_and(|state| {
            matches!(
                state.to_ascii_lowercase().as_str(),
                "deleting"
                    | "deleted"
                    | "delete_in_progress"
                    | "delete_complete"
                    | "final-snapshot"
                    | "shutting-down"
                    | "terminated"
            )
        })
    }
}

impl Region {
    /// The backed-up resources of the region, but for its buckets, then its VPCs.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.all_resources()
            .filter(|resource| !resource.is_being_deleted())
    }

    /// The same with those that are on their way out.
    pub fn all_resources(&self) -> impl Iterator<Item = Resource<'_>> {
        let members = |db: &&DbInstance| db.cluster.is_none();
        let instances = self.instances.items.iter().map(Resource::Instance);
        let volumes = self.volumes.items.iter().map(Resource::Volume);
        let databases = self
            .db_instances
            .items
            .iter()
            .filter(members)
            .map(Resource::DbInstance);
        let clusters = self.db_clusters.items.iter().map(Resource::DbCluster);
        let tables = self.tables.items.iter().map(Resource::Table);
        let file_systems = self.file_systems.items.iter().map(Resource::FileSystem);
        let volumes_of_gateways = self.gateway_volumes.items.iter();
        let gateways = self.gateways.items.iter().map(Resource::Gateway);
        let warehouses = self.redshift_clusters.items.iter();
        let namespaces = self.redshift_namespaces.items.iter();
        let stacks = self.stacks.items.iter().map(Resource::Stack);
        let tagged = self.tagged.items.iter().map(Resource::Tagged);
        let vpcs = self.network.vpcs.items.iter().map(Resource::Vpc);
        instances
            .chain(volumes)
            .chain(databases)
            .chain(clusters)
            .chain(tables)
            .chain(file_systems)
            .chain(volumes_of_gateways.map(Resource::GatewayVolume))
            .chain(gateways)
            .chain(warehouses.map(Resource::RedshiftCluster))
            .chain(namespaces.map(Resource::RedshiftNamespace))
            .chain(stacks)
            .chain(tagged)
            .chain(vpcs)
    }
}

impl Snapshot {
    /// Keeps only some regions, as if no other had been scanned: of those it keeps what is tagged
    /// `enabled`.
    pub fn restrict_to_regions(&mut self, regions: &[String]) {
        let others: Vec<(String, Listing<String>)> = self
            .regions
            .iter()
            .filter(|(name, region)| !regions.contains(name) && !region.disabled)
            .map(|(name, _)| {
                let by_tag = self.elsewhere.get(name).cloned();
                (
                    name.clone(),
                    by_tag.unwrap_or_else(|| self.list_enabled_in(name)),
                )
            })
            .collect();
        self.coverage.retain(|row| {
            regions.contains(&row.region)
                || row.region == GLOBAL
                || self.elsewhere.contains_key(&row.region)
        });
        self.elsewhere.extend(others);
        self.regions.retain(|name, _| regions.contains(name));
        let kept = |name: &String| regions.contains(name);
        self.buckets
            .items
            .retain(|bucket| bucket.region.known().is_none_or(kept));
    }

    /// The ARNs of what is tagged `enabled` in a region that was scanned.
    fn list_enabled_in(&self, region: &str) -> Listing<String> {
        let mut listing = Listing::complete(Vec::new());
        let unlisted = self.incomplete_listings().into_iter();
        let here = |it: &IncompleteListing<'_>| {
            it.region == Some(region) || (it.region.is_none() && it.service == "s3")
        };
        listing.gap = unlisted.filter(here).map(|it| it.gap.clone()).next();
        let lists = self
            .regions
            .get(region)
            .into_iter()
            .flat_map(Region::listing_gaps);
        let mut gaps = lists.chain(&self.buckets.gap);
        if let Some(gap) = gaps.find(|gap| gap.kind == GapKind::NotAsked) {
            listing.gap.get_or_insert_with(|| gap.clone());
        }
        let resources = self.resources_in(region);
        for resource in resources.filter(|it| it.kind().has_backups()) {
            match (resource.tags(), resource.arn_and_id()) {
                (Some(Observed::Unknown(gap)), _) => {
                    listing.gap.get_or_insert_with(|| gap.clone());
                }
                (Some(tags), Some((arn, _)))
                    if BackupTag::from_tags(tags, &self.tag_key) == BackupTag::Enabled =>
                {
                    listing.items.push(arn.to_owned());
                }
                _ => {}
            }
        }
        listing.items.sort_unstable();
        listing
    }

    /// Everything in one region: its buckets, its other resources, its VPCs. The region itself is not among them.
    pub fn resources_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = Resource<'a>> {
        let buckets = self
            .buckets
            .items
            .iter()
            .filter(move |bucket| bucket.region.known().is_some_and(|name| name == region))
            .map(Resource::Bucket);
        let others = self
            .regions
            .get(region)
            .into_iter()
            .flat_map(Region::resources);
        buckets.chain(others)
    }

    /// Buckets whose region could not be read, each with the reason.
    pub fn buckets_without_region(&self) -> impl Iterator<Item = (&Bucket, &Gap)> {
        self.buckets
            .items
            .iter()
            .filter_map(|bucket| bucket.region.gap().map(|gap| (bucket, gap)))
    }
}
