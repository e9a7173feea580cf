//! A resource of any kind, as rules and the evaluator see it.

use super::backup::Vault;
use super::cloudformation::Stack;
use super::dynamodb::Table;
use super::ec2::{Instance, Volume};
use super::efs::FileSystem;
use super::kind::ResourceKind;
use super::observed::Observed;
use super::rds::{DbCluster, DbInstance};
use super::redshift::{Cluster, Namespace};
use super::region::Region;
use super::s3::Bucket;
use super::snapshot::Snapshot;
use super::state::Phase;
use super::storage_gateway::{Gateway, GatewayVolume};
use super::tag::Tags;
use super::tagged::TaggedResource;
use super::vpc::Vpc;

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
    /// The account.
    Account(&'a Snapshot),
}

impl<'a> Resource<'a> {
    /// Returns its kind.
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

    /// Returns its ARN and its id; `None` for a region and an account, which have no ARN.
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

    /// Returns its tags; `None` for kinds that are not backed up.
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

    /// Returns its `Name` tag, or else the name that its service stores.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        let tagged = || self.tags()?.known()?.get("Name").map(String::as_str);
        match self {
            Resource::Vpc(vpc) => vpc.name.as_deref(),
            Resource::Gateway(gateway) => tagged().or(gateway.name.as_deref()),
            _ => tagged(),
        }
    }

    /// Returns its state, if the kind has one that affects backups.
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

    /// Whether it is being deleted: such a resource is left out of a report.
    #[must_use]
    pub fn is_being_deleted(self) -> bool {
        let state = self.state().and_then(Observed::known);
        state.is_some_and(|state| self.kind().phase_of(state) == Some(Phase::Deleting))
    }
}
