//! A resource of any kind, as rules and the evaluator see it.

use super::backup::Vault;
use super::cloudformation::Stack;
use super::dynamodb::Table;
use super::ec2::{Instance, Volume};
use super::efs::FileSystem;
use super::fsx::{FsxFileSystem, FsxVolume, ONTAP};
use super::kind::ResourceKind;
use super::observed::{Gap, Observed};
use super::rds::{DbCluster, DbInstance, is_multi_az_engine, is_rds_cluster};
use super::redshift::{Cluster, Namespace};
use super::region::Region;
use super::s3::Bucket;
use super::service::Service;
use super::size::Size;
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
    /// A cluster of Aurora, DocumentDB or Neptune, or a Multi-AZ DB cluster.
    DbCluster(&'a DbCluster),
    /// A DynamoDB table.
    Table(&'a Table),
    /// An EFS file system.
    FileSystem(&'a FileSystem),
    /// An FSx file system.
    FsxFileSystem(&'a FsxFileSystem),
    /// A volume of FSx for ONTAP or OpenZFS.
    FsxVolume(&'a FsxVolume),
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

/// Matches a resource of any kind that can be backed up, and then the kinds that cannot.
macro_rules! match_backed_up {
    ($resource:expr, $it:ident => $value:expr, $($other:pat => $else:expr),+ $(,)?) => {
        match $resource {
            Resource::Bucket($it) => $value,
            Resource::Instance($it) => $value,
            Resource::Volume($it) => $value,
            Resource::DbInstance($it) => $value,
            Resource::DbCluster($it) => $value,
            Resource::Table($it) => $value,
            Resource::FileSystem($it) => $value,
            Resource::FsxFileSystem($it) => $value,
            Resource::FsxVolume($it) => $value,
            Resource::GatewayVolume($it) => $value,
            Resource::Gateway($it) => $value,
            Resource::RedshiftCluster($it) => $value,
            Resource::RedshiftNamespace($it) => $value,
            Resource::Stack($it) => $value,
            Resource::Tagged($it) => $value,
            $($other => $else),+
        }
    };
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
            Resource::DbCluster(cluster) => kind_of_engine(&cluster.engine),
            Resource::Table(_) => ResourceKind::DynamodbTable,
            Resource::FileSystem(_) => ResourceKind::EfsFileSystem,
            Resource::FsxFileSystem(_) => ResourceKind::FsxFileSystem,
            Resource::FsxVolume(_) => ResourceKind::FsxVolume,
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

    /// Whether AWS Backup selects the volumes of this file system and not itself, or its file system and not this volume.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/getting-started.html>.
    ///
    /// # Errors
    /// Why its type is not known.
    pub fn is_never_selected(self) -> Result<bool, Gap> {
        match self {
            Resource::FsxFileSystem(it) => it.is_ontap(),
            Resource::FsxVolume(it) => Ok(it.volume_type.get()? != ONTAP),
            _ => Ok(false),
        }
    }

    /// Returns its ARN and its id; `None` for a region and an account, which have no ARN.
    #[must_use]
    pub fn arn_and_id(self) -> Option<(&'a str, &'a str)> {
        match_backed_up!(self,
            it => Some((&it.arn, &it.id)),
            Resource::Vpc(it) => Some((&it.arn, &it.id)),
            Resource::Vault(it) => Some((&it.arn, &it.id)),
            Resource::Region(_) | Resource::Account(_) => None,
        )
    }

    /// Returns its tags; `None` for kinds that are not backed up.
    #[must_use]
    pub fn tags(self) -> Option<&'a Observed<Tags>> {
        match_backed_up!(self,
            it => Some(&it.tags),
            Resource::Vpc(_) | Resource::Vault(_) | Resource::Region(_) | Resource::Account(_) => None,
        )
    }

    /// Returns the CloudFormation type of a resource that is outside the guide; `None` for all others,
    /// whose kind determines it.
    #[must_use]
    pub fn aws_type(self) -> Option<&'a str> {
        match self {
            Resource::Tagged(it) if it.kind() == ResourceKind::Other => Some(&it.aws_type),
            Resource::DbCluster(_) if self.kind() == ResourceKind::Other => {
                Some("AWS::RDS::DBCluster")
            }
            _ => None,
        }
    }

    /// Returns how much data it holds; `None` for kinds that hold none, or only that of others.
    #[must_use]
    pub fn size(self) -> Option<&'a Observed<Size>> {
        Some(match self {
            Resource::Bucket(it) => &it.size,
            Resource::Volume(it) => &it.size,
            Resource::DbInstance(it) => &it.size,
            Resource::DbCluster(it) => &it.size,
            Resource::Table(it) => &it.size,
            Resource::FileSystem(it) => &it.size,
            Resource::FsxFileSystem(it) => &it.size,
            Resource::FsxVolume(it) => &it.size,
            Resource::GatewayVolume(it) => &it.size,
            Resource::RedshiftCluster(it) => &it.size,
            Resource::Instance(_)
            | Resource::RedshiftNamespace(_)
            | Resource::Gateway(_)
            | Resource::Stack(_)
            | Resource::Tagged(_)
            | Resource::Vpc(_)
            | Resource::Vault(_)
            | Resource::Region(_)
            | Resource::Account(_) => return None,
        })
    }

    /// Returns the key by which its service names what encrypts it; `None` for a resource that has no key of
    /// its own, or whose encryption has more than a key: a bucket.
    #[must_use]
    pub fn kms_key(self) -> Option<&'a Observed<Option<String>>> {
        match self {
            Resource::Volume(it) => Some(&it.kms_key),
            Resource::DbInstance(it) => Some(&it.kms_key),
            Resource::DbCluster(it) => Some(&it.kms_key),
            Resource::Table(it) => Some(&it.kms_key),
            Resource::FileSystem(it) => Some(&it.kms_key),
            Resource::FsxFileSystem(it) => Some(&it.kms_key),
            Resource::GatewayVolume(it) => Some(&it.kms_key),
            Resource::RedshiftCluster(it) => Some(&it.kms_key),
            Resource::RedshiftNamespace(it) => Some(&it.kms_key),
            Resource::Vault(it) => Some(&it.kms_key),
            Resource::Bucket(_)
            | Resource::Instance(_)
            | Resource::FsxVolume(_)
            | Resource::Gateway(_)
            | Resource::Stack(_)
            | Resource::Tagged(_)
            | Resource::Vpc(_)
            | Resource::Region(_)
            | Resource::Account(_) => None,
        }
    }

    /// Returns its `Name` tag, or else the name that its service stores.
    #[must_use]
    pub fn name(self) -> Option<&'a str> {
        let tagged = || self.tags()?.known()?.get("Name").map(String::as_str);
        match self {
            Resource::Vpc(vpc) => vpc.name.as_deref(),
            Resource::Gateway(gateway) => tagged().or(gateway.name.as_deref()),
            Resource::FsxVolume(volume) => tagged().or(volume.name.as_deref()),
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
            Resource::FsxFileSystem(it) => Some(&it.state),
            Resource::FsxVolume(it) => Some(&it.state),
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

    /// Returns the call that failed without which it is not known whether it is being deleted.
    #[must_use]
    pub fn deletion_gap(self) -> Option<&'a Gap> {
        let gap = self.state()?.gap();
        gap.filter(|gap| gap.is_failed_call())
    }

    /// Whether it is being deleted: such a resource is left out of a report.
    #[must_use]
    pub fn is_being_deleted(self) -> bool {
        let state = self.state().and_then(Observed::known);
        state.is_some_and(|state| self.kind().phase_of(state) == Some(Phase::Deleting))
    }
}

/// Returns the kind of a DB cluster: DocumentDB and Neptune share the API of RDS. A cluster of an engine that
/// is not known is outside the guide.
fn kind_of_engine(engine: &str) -> ResourceKind {
    match engine {
        "docdb" => ResourceKind::DocumentdbCluster,
        "neptune" => ResourceKind::NeptuneCluster,
        _ if is_multi_az_engine(engine) => ResourceKind::RdsCluster,
        _ if is_rds_cluster(engine) => ResourceKind::AuroraCluster,
        _ => ResourceKind::Other,
    }
}

/// Defines what is done with every list of a region that holds resources that can be backed up.
macro_rules! impl_lists {
    ($($list:ident: $variant:ident),+ $(,)?) => {
        impl Region {
            /// Returns every resource in the lists: also members of clusters, and what is being deleted.
            pub fn listed_resources(&self) -> impl Iterator<Item = Resource<'_>> {
                std::iter::empty()$(.chain(self.$list.items.iter().map(Resource::$variant)))+
            }

            /// Returns why each list may be incomplete.
            pub fn listing_gaps_mut(&mut self) -> impl Iterator<Item = &mut Option<Gap>> {
                // Every field is named, so that no list is forgotten.
                let Region {
                    $($list,)+
                    disabled: _,
                    ebs_defaults: _,
                    network: _,
                    option_groups: _,
                    backup_settings: _,
                    backup_jobs: _,
                    copy_jobs: _,
                    vaults: _,
                    backup_plans: _,
                    key_names: _,
                    possible_workloads: _,
                    images: _,
                    exports: _,
                    key_aliases: _,
                } = self;
                [$(&mut $list.gap),+].into_iter()
            }

            /// Returns the service, the ARN and the tags of every resource in the lists.
            pub fn tags_mut(
                &mut self,
            ) -> impl Iterator<Item = (Option<Service>, &str, &mut Observed<Tags>)> {
                std::iter::empty()$(.chain(self.$list.items.iter_mut().map(|it| {
                    let service = Resource::$variant(it).kind().service();
                    (service, it.arn.as_str(), &mut it.tags)
                })))+
            }

            /// Adds the resources in the lists of another reading that are not in these.
            pub fn add_missing_resources(&mut self, other: Region) {
                $(for it in other.$list.items {
                    if !self.$list.items.iter().any(|known| known.arn == it.arn) {
                        self.$list.items.push(it);
                    }
                })+
            }
        }
    };
}

impl_lists! {
    instances: Instance,
    volumes: Volume,
    db_instances: DbInstance,
    db_clusters: DbCluster,
    tables: Table,
    file_systems: FileSystem,
    fsx_file_systems: FsxFileSystem,
    fsx_volumes: FsxVolume,
    gateway_volumes: GatewayVolume,
    gateways: Gateway,
    redshift_clusters: RedshiftCluster,
    redshift_namespaces: RedshiftNamespace,
    stacks: Stack,
    tagged: Tagged,
}
