//! Resource kinds and the facts about each of them, in one table.
//!
//! Code that depends on the kind of a resource reads [`KINDS`] or matches [`ResourceKind`] without a
//! catch-all arm, so that the compiler or a test finds every place that a new kind affects.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arn::Arn;
use super::observed::Gap;
use super::region::Region;
use super::service::Service;
use super::state::{self, Phase, States};
use super::tagged::TaggedResource;

/// The kind of a resource: `type` in the JSON report.
///
/// The order is the order of resources in reports.
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
    /// An RDS DB instance that is not a member of a cluster.
    RdsInstance,
    /// An RDS Multi-AZ DB cluster.
    RdsCluster,
    /// An Aurora cluster.
    AuroraCluster,
    /// A DocumentDB cluster.
    DocumentdbCluster,
    /// A Neptune cluster.
    NeptuneCluster,
    /// A DynamoDB table.
    DynamodbTable,
    /// An EFS file system.
    EfsFileSystem,
    /// An FSx file system.
    FsxFileSystem,
    /// A volume of FSx for ONTAP or OpenZFS.
    FsxVolume,
    /// A volume of a volume gateway.
    StorageGatewayVolume,
    /// A storage gateway.
    StorageGateway,
    /// A Redshift cluster.
    RedshiftCluster,
    /// A Redshift Serverless namespace.
    RedshiftNamespace,
    /// A CloudFormation stack.
    CloudformationStack,
    /// A Secrets Manager secret.
    Secret,
    /// A Systems Manager parameter.
    SsmParameter,
    /// A tagged resource of another type that AWS Backup supports and the guide does not cover.
    Other,
    /// A VPC.
    Vpc,
    /// An AWS Backup vault.
    BackupVault,
    /// An account's settings in one region.
    Region,
    /// The account.
    Account,
}

/// Whether AWS Backup backs up resources of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupSupport {
    /// AWS Backup backs them up.
    Supported,
    /// AWS Backup does not back them up, but they are tagged as if it did: a gateway is tagged instead
    /// of its volumes, a secret because it is valuable.
    Unsupported,
    /// They are settings or infrastructure, and have no data.
    NotApplicable,
}

/// The key that encrypts the backups of a kind.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupKey {
    /// The key of the resource: the backup inherits it.
    Inherited,
    /// The key of the vault: the kind is fully managed by AWS Backup.
    Vault,
    /// There is no backup, or each part of it has its own key.
    None,
}

/// The list of a snapshot that holds the resources of a kind.
#[derive(Debug, Clone, Copy)]
pub enum ListedIn {
    /// The account's list of buckets, which covers all regions.
    Buckets,
    /// A list of the region; the function returns why the list may be incomplete.
    Region(fn(&Region) -> &Option<Gap>),
    /// The region's list of resources that were found by their tag.
    Tagged,
    /// No list of resources that can be backed up.
    None,
}

/// What names a resource of a kind in the calls that look it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The id that CloudFormation and most APIs use.
    Id,
    /// The ARN.
    Arn,
    /// The ARN, or the id that CloudFormation uses.
    ArnOrId,
    /// Nothing: such a resource is not selected by itself.
    None,
}

/// A resource type in AWS's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsType {
    /// The CloudFormation type: `AWS::EC2::Volume`.
    pub cloudformation: &'static str,
    /// The shape of its ARNs, as the Resource Groups Tagging API names types: `ec2:volume`. `s3` is any
    /// ARN of the service; in `timestream:database/*/table` the type follows the id of its parent. `None`
    /// if other types share its ARNs.
    pub arn: Option<&'static str>,
    /// Whether AWS Backup backs the type up with the stack that contains it.
    pub in_stack_backups: bool,
}

/// The facts about one kind of resource.
#[derive(Debug)]
pub struct Kind {
    /// The kind.
    pub kind: ResourceKind,
    /// The name in reports: `s3-bucket`.
    pub name: &'static str,
    /// The noun in messages and tables, short enough for the narrowest table.
    pub noun: &'static str,
    /// The plural in help and errors: `S3 buckets`.
    pub plural: &'static str,
    /// The service that lists the kind; `None` for settings that several services have.
    pub service: Option<Service>,
    /// The types that belong to the kind. Aurora and Multi-AZ DB clusters share one.
    pub types: &'static [AwsType],
    /// The resource types of the Terraform AWS provider that belong to the kind.
    ///
    /// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>.
    pub terraform: &'static [&'static str],
    /// Whether AWS Backup backs the kind up.
    pub backup: BackupSupport,
    /// The key that encrypts its backups.
    pub backup_key: BackupKey,
    /// The resource type in the opt-in settings of AWS Backup; `None` if the settings have none.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DescribeRegionSettings.html>;
    /// for Redshift Serverless, which that page does not list,
    /// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/backup_region_settings>.
    pub opt_in_name: Option<&'static str>,
    /// The list that holds the kind.
    pub listed_in: ListedIn,
    /// What looks one of its resources up.
    pub lookup: Lookup,
    /// The states of its resources; empty for a kind whose state does not affect backups.
    pub states: States,
    /// The resource type of AWS Security Hub, or `Other`.
    ///
    /// Source: <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ResourceDetails.html>.
    pub security_hub_type: &'static str,
}

/// A type that a stack may contain and AWS Backup backs up with it.
const fn stack_type(cloudformation: &'static str, arn: &'static str) -> AwsType {
    AwsType {
        cloudformation,
        arn: Some(arn),
        in_stack_backups: true,
    }
}

/// A type that AWS Backup does not back up with a stack.
const fn plain_type(cloudformation: &'static str, arn: &'static str) -> AwsType {
    AwsType {
        cloudformation,
        arn: Some(arn),
        in_stack_backups: false,
    }
}

/// A type with the same ARNs as an RDS cluster: only the engine distinguishes them.
const fn cluster_type(cloudformation: &'static str) -> AwsType {
    AwsType {
        cloudformation,
        arn: None,
        in_stack_backups: true,
    }
}

/// CloudFormation's type of a DB cluster. The ARNs of DocumentDB and Neptune clusters look the same.
const DB_CLUSTER: AwsType = stack_type("AWS::RDS::DBCluster", "rds:cluster");

const KIND_COUNT: usize = 24;

/// Every kind, in the order in which incomplete lists are reported.
///
/// Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
pub static KINDS: [Kind; KIND_COUNT] = TABLE;

const TABLE: [Kind; KIND_COUNT] = [
    Kind {
        kind: ResourceKind::Ec2Instance,
        name: "ec2-instance",
        noun: "ec2-instance",
        plural: "EC2 instances",
        service: Some(Service::Ec2),
        types: &[stack_type("AWS::EC2::Instance", "ec2:instance")],
        terraform: &["aws_instance"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("EC2"),
        listed_in: ListedIn::Region(|region| &region.instances.gap),
        lookup: Lookup::Id,
        states: state::INSTANCE,
        security_hub_type: "AwsEc2Instance",
    },
    Kind {
        kind: ResourceKind::EbsVolume,
        name: "ebs-volume",
        noun: "ebs-volume",
        plural: "EBS volumes",
        service: Some(Service::Ebs),
        types: &[stack_type("AWS::EC2::Volume", "ec2:volume")],
        terraform: &["aws_ebs_volume"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("EBS"),
        listed_in: ListedIn::Region(|region| &region.volumes.gap),
        lookup: Lookup::Id,
        states: state::VOLUME,
        security_hub_type: "AwsEc2Volume",
    },
    Kind {
        kind: ResourceKind::RdsInstance,
        name: "rds-instance",
        noun: "rds-instance",
        plural: "RDS DB instances",
        service: Some(Service::Rds),
        types: &[stack_type("AWS::RDS::DBInstance", "rds:db")],
        terraform: &["aws_db_instance"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("RDS"),
        listed_in: ListedIn::Region(|region| &region.db_instances.gap),
        lookup: Lookup::Id,
        states: state::DATABASE,
        security_hub_type: "AwsRdsDbInstance",
    },
    Kind {
        kind: ResourceKind::RdsCluster,
        name: "rds-cluster",
        noun: "rds-cluster",
        plural: "Multi-AZ DB clusters",
        service: Some(Service::Rds),
        types: &[DB_CLUSTER],
        terraform: &["aws_rds_cluster"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("RDS"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        lookup: Lookup::Id,
        states: state::DATABASE,
        security_hub_type: "AwsRdsDbCluster",
    },
    Kind {
        kind: ResourceKind::AuroraCluster,
        name: "aurora-cluster",
        noun: "aurora-cluster",
        plural: "Aurora clusters",
        service: Some(Service::Rds),
        types: &[DB_CLUSTER],
        terraform: &["aws_rds_cluster"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("Aurora"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        lookup: Lookup::Id,
        states: state::DATABASE,
        security_hub_type: "AwsRdsDbCluster",
    },
    Kind {
        kind: ResourceKind::DocumentdbCluster,
        name: "documentdb-cluster",
        noun: "documentdb-cluster",
        plural: "DocumentDB clusters",
        service: Some(Service::Documentdb),
        types: &[cluster_type("AWS::DocDB::DBCluster")],
        terraform: &["aws_docdb_cluster"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("DocumentDB"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        lookup: Lookup::Id,
        states: state::DATABASE,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::NeptuneCluster,
        name: "neptune-cluster",
        noun: "neptune-cluster",
        plural: "Neptune clusters",
        service: Some(Service::Neptune),
        types: &[cluster_type("AWS::Neptune::DBCluster")],
        terraform: &["aws_neptune_cluster"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("Neptune"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        lookup: Lookup::Id,
        states: state::DATABASE,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::EfsFileSystem,
        name: "efs-file-system",
        noun: "efs-file-system",
        plural: "EFS file systems",
        service: Some(Service::Efs),
        types: &[stack_type(
            "AWS::EFS::FileSystem",
            "elasticfilesystem:file-system",
        )],
        terraform: &["aws_efs_file_system"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Vault,
        opt_in_name: Some("EFS"),
        listed_in: ListedIn::Region(|region| &region.file_systems.gap),
        lookup: Lookup::Id,
        states: state::EFS,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::FsxFileSystem,
        name: "fsx-file-system",
        noun: "fsx-file-system",
        plural: "FSx file systems",
        service: Some(Service::Fsx),
        types: &[stack_type("AWS::FSx::FileSystem", "fsx:file-system")],
        terraform: &[
            "aws_fsx_lustre_file_system",
            "aws_fsx_ontap_file_system",
            "aws_fsx_openzfs_file_system",
            "aws_fsx_windows_file_system",
        ],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("FSx"),
        listed_in: ListedIn::Region(|region| &region.fsx_file_systems.gap),
        lookup: Lookup::Id,
        states: state::FSX_FILE_SYSTEM,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::FsxVolume,
        name: "fsx-volume",
        noun: "fsx-volume",
        plural: "volumes of FSx for ONTAP and OpenZFS",
        service: Some(Service::Fsx),
        types: &[stack_type("AWS::FSx::Volume", "fsx:volume")],
        terraform: &["aws_fsx_ontap_volume", "aws_fsx_openzfs_volume"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("FSx"),
        listed_in: ListedIn::Region(|region| &region.fsx_volumes.gap),
        lookup: Lookup::ArnOrId,
        states: state::FSX_VOLUME,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::DynamodbTable,
        name: "dynamodb-table",
        noun: "dynamodb-table",
        plural: "DynamoDB tables",
        service: Some(Service::Dynamodb),
        types: &[
            stack_type("AWS::DynamoDB::Table", "dynamodb:table"),
            stack_type("AWS::DynamoDB::GlobalTable", "dynamodb:table"),
        ],
        terraform: &["aws_dynamodb_table"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Vault,
        opt_in_name: Some("DynamoDB"),
        listed_in: ListedIn::Region(|region| &region.tables.gap),
        lookup: Lookup::Id,
        states: state::TABLE,
        security_hub_type: "AwsDynamoDbTable",
    },
    Kind {
        kind: ResourceKind::StorageGateway,
        name: "storage-gateway",
        noun: "storage-gateway",
        plural: "storage gateways",
        service: Some(Service::Storagegateway),
        types: &[plain_type(
            "AWS::StorageGateway::Gateway",
            "storagegateway:gateway",
        )],
        terraform: &["aws_storagegateway_gateway"],
        backup: BackupSupport::Unsupported,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::Region(|region| &region.gateways.gap),
        lookup: Lookup::Arn,
        states: &[],
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::StorageGatewayVolume,
        name: "storage-gateway-volume",
        noun: "gateway-volume",
        plural: "volumes of volume gateways",
        service: Some(Service::Storagegateway),
        types: &[plain_type(
            "AWS::StorageGateway::Volume",
            "storagegateway:gateway/*/volume",
        )],
        terraform: &[
            "aws_storagegateway_cached_iscsi_volume",
            "aws_storagegateway_stored_iscsi_volume",
        ],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("Storage Gateway"),
        listed_in: ListedIn::Region(|region| &region.gateway_volumes.gap),
        lookup: Lookup::Arn,
        states: state::GATEWAY_VOLUME,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::RedshiftCluster,
        name: "redshift-cluster",
        noun: "redshift-cluster",
        plural: "Redshift clusters",
        service: Some(Service::Redshift),
        types: &[stack_type("AWS::Redshift::Cluster", "redshift:cluster")],
        terraform: &["aws_redshift_cluster"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("Redshift"),
        listed_in: ListedIn::Region(|region| &region.redshift_clusters.gap),
        lookup: Lookup::Id,
        states: state::REDSHIFT_CLUSTER,
        security_hub_type: "AwsRedshiftCluster",
    },
    Kind {
        kind: ResourceKind::RedshiftNamespace,
        name: "redshift-namespace",
        noun: "redshift-namespace",
        plural: "Redshift Serverless namespaces",
        service: Some(Service::Redshift),
        types: &[stack_type(
            "AWS::RedshiftServerless::Namespace",
            "redshift-serverless:namespace",
        )],
        terraform: &["aws_redshiftserverless_namespace"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: Some("Redshift Serverless"),
        listed_in: ListedIn::Region(|region| &region.redshift_namespaces.gap),
        lookup: Lookup::ArnOrId,
        states: state::REDSHIFT_NAMESPACE,
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::CloudformationStack,
        name: "cloudformation-stack",
        noun: "stack",
        plural: "CloudFormation stacks",
        service: Some(Service::Cloudformation),
        types: &[stack_type(
            "AWS::CloudFormation::Stack",
            "cloudformation:stack",
        )],
        terraform: &["aws_cloudformation_stack"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::None,
        opt_in_name: Some("CloudFormation"),
        listed_in: ListedIn::Region(|region| &region.stacks.gap),
        lookup: Lookup::Arn,
        states: state::STACK,
        security_hub_type: "AwsCloudFormationStack",
    },
    Kind {
        kind: ResourceKind::Secret,
        name: "secret",
        noun: "secret",
        plural: "Secrets Manager secrets",
        service: Some(Service::Backup),
        types: &[plain_type(
            "AWS::SecretsManager::Secret",
            "secretsmanager:secret",
        )],
        terraform: &["aws_secretsmanager_secret"],
        backup: BackupSupport::Unsupported,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::Tagged,
        lookup: Lookup::Arn,
        states: &[],
        security_hub_type: "AwsSecretsManagerSecret",
    },
    Kind {
        kind: ResourceKind::SsmParameter,
        name: "ssm-parameter",
        noun: "ssm-parameter",
        plural: "Systems Manager parameters",
        service: Some(Service::Backup),
        types: &[plain_type("AWS::SSM::Parameter", "ssm:parameter")],
        terraform: &["aws_ssm_parameter"],
        backup: BackupSupport::Unsupported,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::Tagged,
        lookup: Lookup::Arn,
        states: &[],
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::Other,
        name: "other",
        noun: "other-resource",
        plural: "other resources that AWS Backup supports (DSQL, EKS, SAP HANA, Timestream, virtual machines)",
        service: Some(Service::Backup),
        types: &[
            plain_type("AWS::BackupGateway::VirtualMachine", "backup-gateway:vm"),
            stack_type("AWS::DSQL::Cluster", "dsql:cluster"),
            stack_type("AWS::EKS::Cluster", "eks:cluster"),
            plain_type("AWS::SystemsManagerSAP::Application", "ssm-sap:HANA"),
            stack_type("AWS::Timestream::Database", "timestream:database"),
            stack_type("AWS::Timestream::Table", "timestream:database/*/table"),
        ],
        terraform: &[
            "aws_dsql_cluster",
            "aws_eks_cluster",
            "aws_ssmsap_application",
            "aws_timestreamwrite_database",
            "aws_timestreamwrite_table",
        ],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::Tagged,
        lookup: Lookup::Arn,
        states: &[],
        security_hub_type: "Other",
    },
    Kind {
        kind: ResourceKind::S3Bucket,
        name: "s3-bucket",
        noun: "s3-bucket",
        plural: "S3 buckets",
        service: Some(Service::S3),
        types: &[stack_type("AWS::S3::Bucket", "s3")],
        terraform: &["aws_s3_bucket"],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Vault,
        opt_in_name: Some("S3"),
        listed_in: ListedIn::Buckets,
        lookup: Lookup::Id,
        states: &[],
        security_hub_type: "AwsS3Bucket",
    },
    Kind {
        kind: ResourceKind::Vpc,
        name: "vpc",
        noun: "VPC",
        plural: "VPCs",
        service: Some(Service::Vpc),
        types: &[plain_type("AWS::EC2::VPC", "ec2:vpc")],
        terraform: &["aws_default_vpc", "aws_vpc"],
        backup: BackupSupport::NotApplicable,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::None,
        lookup: Lookup::None,
        states: &[],
        security_hub_type: "AwsEc2Vpc",
    },
    Kind {
        kind: ResourceKind::BackupVault,
        name: "backup-vault",
        noun: "backup-vault",
        plural: "backup vaults",
        service: Some(Service::Backup),
        types: &[plain_type(
            "AWS::Backup::BackupVault",
            "backup:backup-vault",
        )],
        terraform: &["aws_backup_logically_air_gapped_vault", "aws_backup_vault"],
        backup: BackupSupport::NotApplicable,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::None,
        lookup: Lookup::None,
        states: &[],
        security_hub_type: "AwsBackupBackupVault",
    },
    Kind {
        kind: ResourceKind::Region,
        name: "region",
        noun: "region",
        plural: "regions",
        service: None,
        types: &[],
        terraform: &[],
        backup: BackupSupport::NotApplicable,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::None,
        lookup: Lookup::None,
        states: &[],
        security_hub_type: "AwsAccount",
    },
    Kind {
        kind: ResourceKind::Account,
        name: "account",
        noun: "account",
        plural: "accounts",
        service: None,
        types: &[],
        terraform: &[],
        backup: BackupSupport::NotApplicable,
        backup_key: BackupKey::None,
        opt_in_name: None,
        listed_in: ListedIn::None,
        lookup: Lookup::None,
        states: &[],
        security_hub_type: "AwsAccount",
    },
];

/// The index in [`TABLE`] of each kind.
const ROWS: [usize; KIND_COUNT] = index_rows();

const fn index_rows() -> [usize; KIND_COUNT] {
    let mut rows = [KIND_COUNT; KIND_COUNT];
    let mut index = 0;
    while index < KIND_COUNT {
        let kind = TABLE[index].kind as usize;
        assert!(rows[kind] == KIND_COUNT, "a kind has two rows");
        rows[kind] = index;
        index += 1;
    }
    rows
}

impl ResourceKind {
    /// Returns the row of the kind.
    #[must_use]
    pub fn facts(self) -> &'static Kind {
        &KINDS[ROWS[self as usize]]
    }

    /// Returns the name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// Returns the noun in messages and tables.
    #[must_use]
    pub fn noun(self) -> &'static str {
        self.facts().noun
    }

    /// Returns the service that lists the kind; `None` for settings that several services have.
    #[must_use]
    pub fn service(self) -> Option<Service> {
        self.facts().service
    }

    /// Whether the backup tag means something on the kind: AWS Backup backs it up, or users expect it to.
    #[must_use]
    pub fn is_backed_up(self) -> bool {
        self.facts().backup != BackupSupport::NotApplicable
    }

    /// Whether it is the settings of a region or of the account, which have no ARN.
    #[must_use]
    pub fn is_settings(self) -> bool {
        matches!(self, ResourceKind::Region | ResourceKind::Account)
    }

    /// Whether AWS Backup backs the kind up.
    #[must_use]
    pub fn has_backups(self) -> bool {
        self.facts().backup == BackupSupport::Supported
    }

    /// Whether the kind is fully managed by AWS Backup, so that the vault's key encrypts its backups.
    #[must_use]
    pub fn is_fully_managed(self) -> bool {
        self.facts().backup_key == BackupKey::Vault
    }

    /// Returns the resource type in the opt-in settings of AWS Backup.
    #[must_use]
    pub fn opt_in_name(self) -> Option<&'static str> {
        self.facts().opt_in_name
    }

    /// Returns what a state of the kind means for a backup; `None` for a state that is not documented.
    #[must_use]
    pub fn phase_of(self, state: &str) -> Option<Phase> {
        let mut states = self.facts().states.iter();
        let found = states.find(|(name, _)| name.eq_ignore_ascii_case(state));
        found.map(|(_, phase)| *phase)
    }
}

impl Kind {
    /// Whether resources of the kind are found by their tag alone.
    #[must_use]
    pub fn is_found_by_tag(&self) -> bool {
        matches!(self.listed_in, ListedIn::Tagged)
    }

    /// Whether a region has a list of the kind.
    #[must_use]
    pub fn has_list(&self) -> bool {
        matches!(self.listed_in, ListedIn::Region(_))
    }

    /// Returns why the list of the kind in a region may be incomplete. Buckets have no list there.
    #[must_use]
    pub fn gap_in<'a>(&self, region: &'a Region) -> Option<&'a Gap> {
        match self.listed_in {
            ListedIn::Region(gap) => gap(region).as_ref(),
            ListedIn::Tagged => region.tagged.gap.as_ref(),
            ListedIn::Buckets | ListedIn::None => None,
        }
    }
}

impl AwsType {
    /// Whether an ARN has the shape of the type.
    #[must_use]
    pub fn matches_arn(&self, arn: &Arn<'_>) -> bool {
        let Some(shape) = self.arn else {
            return false;
        };
        let Some((service, resource)) = shape.split_once(':') else {
            return arn.service == shape;
        };
        let (parent, child) = match resource.split_once("/*/") {
            Some((parent, child)) => (parent, Some(child)),
            None => (resource, None),
        };
        let id = arn.resource.strip_prefix(parent);
        let id = id.and_then(|rest| rest.strip_prefix([':', '/']));
        arn.service == service
            && id.is_some_and(|id| child.is_none_or(|child| id.split('/').nth(1) == Some(child)))
    }
}

impl TaggedResource {
    /// Returns the kind of a resource that was found by its tag.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        let rows = KINDS.iter().filter(|row| row.is_found_by_tag());
        let mut named = rows.filter(|row| {
            let mut types = row.types.iter();
            types.any(|it| it.cloudformation == self.aws_type)
        });
        named.next().map_or(ResourceKind::Other, |row| row.kind)
    }
}

/// Returns the kinds that a resource of a stack may have, if AWS Backup backs it up with the stack.
pub fn kinds_in_stack(cloudformation_type: &str) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(move |row| {
        let mut types = row.types.iter();
        types.any(|it| it.in_stack_backups && it.cloudformation == cloudformation_type)
    })
}

/// Whether AWS Backup backs up resources with this ARN.
#[must_use]
pub fn is_backed_up(arn: &str) -> bool {
    let row = Arn::parse(arn).and_then(|arn| kind_of_arn(&arn));
    row.is_some_and(|row| row.kind.has_backups())
}

/// Returns the kind of the resources with this ARN that are found by their tag alone.
#[must_use]
pub fn kind_found_by_tag(arn: &str) -> Option<ResourceKind> {
    find_tagged_type(&Arn::parse(arn)?).map(|(kind, _)| kind)
}

/// Returns the CloudFormation type of a resource that only its tag can be a source for.
#[must_use]
pub fn type_found_by_tag(arn: &str) -> Option<&'static str> {
    find_tagged_type(&Arn::parse(arn)?).map(|(_, aws_type)| aws_type.cloudformation)
}

/// Returns the kind whose ARNs have this shape. Of DB clusters, which share one, it is the first.
#[must_use]
pub fn kind_of_arn(arn: &Arn<'_>) -> Option<&'static Kind> {
    let types = KINDS
        .iter()
        .flat_map(|row| row.types.iter().map(move |it| (row, it)));
    let fitting = types.filter(|(_, it)| it.matches_arn(arn));
    // The ARN of a gateway's volume begins with that of the gateway.
    let most_specific = fitting.min_by_key(|(_, it)| Reverse(it.arn.map_or(0, str::len)));
    most_specific.map(|(row, _)| row)
}

/// The most specific type whose ARNs have this shape.
fn find_tagged_type(arn: &Arn<'_>) -> Option<(ResourceKind, &'static AwsType)> {
    let rows = KINDS.iter().filter(|row| row.is_found_by_tag());
    rows.flat_map(|row| row.types.iter().map(|it| (row.kind, it)))
        .filter(|(_, it)| it.matches_arn(arn))
        .max_by_key(|(_, it)| it.arn.map_or(0, str::len))
}

/// Returns why the lists of a region may be incomplete, by service.
pub fn listing_gaps_by_service(region: &Region) -> impl Iterator<Item = (Service, &Gap)> {
    KINDS
        .iter()
        .filter_map(move |row| Some((row.service?, row.gap_in(region)?)))
}

impl Region {
    /// Returns why the lists of one service may be incomplete.
    #[must_use]
    pub fn listing_gaps_of(&self, service: Service) -> Vec<&Gap> {
        let gaps = listing_gaps_by_service(self);
        let of_service = gaps.filter(|(of, _)| *of == service);
        of_service.map(|(_, gap)| gap).collect()
    }

    /// Returns why the lists of resources that can be backed up may be incomplete.
    #[must_use]
    pub fn listing_gaps(&self) -> Vec<&Gap> {
        listing_gaps_by_service(self).map(|(_, gap)| gap).collect()
    }
}

/// Returns the kinds of resource that can be selected, for people.
#[must_use]
pub fn list_supported_kinds() -> String {
    let rows = KINDS.iter().filter(|row| row.kind.is_backed_up());
    rows.map(|row| row.plural).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_exactly_one_row() {
        for row in &KINDS {
            assert!(std::ptr::eq(row.kind.facts(), row), "{:?}", row.kind);
        }
        let kinds: BTreeSet<ResourceKind> = KINDS.iter().map(|row| row.kind).collect();
        assert_eq!(kinds.len(), KINDS.len());
        assert_eq!(kinds.last(), Some(&ResourceKind::Account));
        assert_eq!(ResourceKind::Account as usize + 1, KINDS.len());
    }

    #[test]
    fn names_are_unique_and_match_the_serialized_form() {
        let names: BTreeSet<&str> = KINDS.iter().map(|row| row.name).collect();
        let nouns: BTreeSet<&str> = KINDS.iter().map(|row| row.noun).collect();
        let plurals: BTreeSet<&str> = KINDS.iter().map(|row| row.plural).collect();
        for set in [names, nouns, plurals] {
            assert_eq!(set.len(), KINDS.len());
        }
        for row in &KINDS {
            let json = serde_json::to_value(row.kind).unwrap();
            assert_eq!(json, row.name);
        }
    }

    #[test]
    fn a_kind_with_states_is_ready_in_one_and_names_each_once() {
        for row in KINDS.iter().filter(|row| !row.states.is_empty()) {
            let mut states = row.states.iter();
            assert!(states.any(|it| it.1 == Phase::Ready), "{:?}", row.kind);
            let names: BTreeSet<_> = row.states.iter().map(|it| it.0).collect();
            assert_eq!(names.len(), row.states.len(), "{:?}", row.kind);
        }
    }

    #[test]
    fn a_state_that_is_not_documented_has_no_meaning() {
        let volume = ResourceKind::EbsVolume;
        assert_eq!(volume.phase_of("optimizing"), None);
        assert_eq!(volume.phase_of("In-Use"), Some(Phase::Ready));
        assert_eq!(ResourceKind::Vpc.phase_of("available"), None);
    }

    #[test]
    fn a_type_of_a_stack_resolves_to_its_kinds() {
        for row in &KINDS {
            for it in row.types {
                let kinds: Vec<_> = kinds_in_stack(it.cloudformation)
                    .map(|row| row.kind)
                    .collect();
                assert_eq!(kinds.contains(&row.kind), it.in_stack_backups, "{it:?}");
                let shared = it.cloudformation == DB_CLUSTER.cloudformation;
                assert!(kinds.len() <= if shared { 2 } else { 1 }, "{it:?}");
            }
        }
        assert_eq!(kinds_in_stack("AWS::SNS::Topic").count(), 0);
    }

    #[test]
    fn a_tagged_type_resolves_to_its_kind() {
        for row in KINDS.iter().filter(|row| row.is_found_by_tag()) {
            for it in row.types {
                let resource = TaggedResource {
                    arn: String::new(),
                    id: String::new(),
                    aws_type: it.cloudformation.to_owned(),
                    tags: crate::model::Observed::default(),
                    exists: None,
                };
                assert_eq!(resource.kind(), row.kind, "{it:?}");
            }
        }
    }

    #[test]
    fn the_facts_of_a_row_agree() {
        for row in &KINDS {
            let kind = row.kind;
            let listed = !matches!(row.listed_in, ListedIn::None);
            assert_eq!(listed, kind.is_backed_up(), "{kind:?}");
            let found = row.lookup != Lookup::None;
            assert_eq!(found, listed, "{kind:?}");
            assert_eq!(row.service.is_none(), row.types.is_empty(), "{kind:?}");
            assert!(row.opt_in_name.is_none() || kind.has_backups(), "{kind:?}");
            assert!(row.backup_key == BackupKey::None || kind.has_backups());
            let in_stacks = row.types.iter().any(|it| it.in_stack_backups);
            assert!(!in_stacks || kind.has_backups(), "{kind:?}");
        }
    }

    #[test]
    fn an_arn_has_the_type_of_its_shape() {
        for (arn, aws_type, backed_up) in [
            (
                "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-1-a1b2c3",
                "AWS::SecretsManager::Secret",
                false,
            ),
            (
                "arn:aws:ssm:eu-west-1:111122223333:parameter/app/url",
                "AWS::SSM::Parameter",
                false,
            ),
            (
                "arn:aws:fsx:eu-west-1:111122223333:file-system/fs-1",
                "",
                true,
            ),
            (
                "arn:aws:fsx:eu-west-1:111122223333:backup/backup-1",
                "",
                false,
            ),
            (
                "arn:aws:timestream:eu-west-1:111122223333:database/a",
                "AWS::Timestream::Database",
                true,
            ),
            (
                "arn:aws:timestream:eu-west-1:111122223333:database/a/table/b",
                "AWS::Timestream::Table",
                true,
            ),
            ("arn:aws:ssm:eu-west-1:111122223333:document/x", "", false),
            ("arn:aws:rds:eu-west-1:111122223333:cluster:x", "", true),
            (
                "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:x",
                "",
                false,
            ),
            ("arn:aws:rds:eu-west-1:111122223333:snapshot:x", "", false),
            ("arn:aws:s3:::logs", "", true),
            ("arn:aws:ec2:eu-west-1:111122223333:volume/vol-1", "", true),
            ("arn:aws:ec2:eu-west-1:111122223333:volume-set/v", "", false),
            (
                "arn:aws:ec2:eu-west-1:111122223333:snapshot/snap-1",
                "",
                false,
            ),
            (
                "arn:aws:storagegateway:eu-west-1:111122223333:gateway/sgw-1",
                "",
                false,
            ),
            (
                "arn:aws:storagegateway:eu-west-1:111122223333:gateway/sgw-1/volume/vol-1",
                "",
                true,
            ),
            (
                "arn:aws:backup:eu-west-1:111122223333:recovery-point:1",
                "",
                false,
            ),
            ("x", "", false),
        ] {
            assert_eq!(type_found_by_tag(arn).unwrap_or(""), aws_type, "{arn}");
            assert_eq!(is_backed_up(arn), backed_up, "{arn}");
        }
    }
}
