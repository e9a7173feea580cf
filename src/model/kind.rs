//! Resource kinds and the facts about each of them, in one table.
//!
//! Code that depends on the kind of a resource reads [`KINDS`] or matches [`ResourceKind`] without a
//! catch-all arm, so that the compiler or a test finds every place that a new kind affects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aws_type::{AwsType, DB_CLUSTER, cluster_type, plain_type, stack_type};
use super::service::Service;
use super::state::{self, Phase, States};

pub use columns::{BackupKey, BackupSupport, ListedIn, Lookup};
pub use search::{
    is_backed_up, kind_of_arn, kinds_in_stack, list_supported_kinds, listing_gaps_by_service,
    type_found_by_tag,
};

mod columns;
mod search;

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

/// A kind that AWS Backup backs up, from a list that its row names.
const fn backed_up(kind: ResourceKind, name: &'static str) -> Kind {
    Kind {
        kind,
        name,
        noun: name,
        plural: "",
        service: None,
        types: &[],
        terraform: &[],
        backup: BackupSupport::Supported,
        backup_key: BackupKey::Inherited,
        opt_in_name: None,
        listed_in: ListedIn::None,
        lookup: Lookup::Id,
        states: &[],
        security_hub_type: "Other",
    }
}

/// A kind that is found by its tag alone, without states.
const fn found_by_tag(kind: ResourceKind, name: &'static str) -> Kind {
    Kind {
        service: Some(Service::Backup),
        backup: BackupSupport::Unsupported,
        backup_key: BackupKey::None,
        listed_in: ListedIn::Tagged,
        lookup: Lookup::Arn,
        ..backed_up(kind, name)
    }
}

/// Settings or infrastructure, which have no backup.
const fn infrastructure(kind: ResourceKind, name: &'static str) -> Kind {
    Kind {
        backup: BackupSupport::NotApplicable,
        backup_key: BackupKey::None,
        lookup: Lookup::None,
        ..backed_up(kind, name)
    }
}

const KIND_COUNT: usize = 24;

/// Every kind, in the order in which incomplete lists are reported.
///
/// Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
pub static KINDS: [Kind; KIND_COUNT] = [
    Kind {
        plural: "EC2 instances",
        service: Some(Service::Ec2),
        types: &[stack_type("AWS::EC2::Instance", "ec2:instance")],
        terraform: &["aws_instance"],
        opt_in_name: Some("EC2"),
        listed_in: ListedIn::Region(|region| &region.instances.gap),
        states: state::INSTANCE,
        security_hub_type: "AwsEc2Instance",
        ..backed_up(ResourceKind::Ec2Instance, "ec2-instance")
    },
    Kind {
        plural: "EBS volumes",
        service: Some(Service::Ebs),
        types: &[stack_type("AWS::EC2::Volume", "ec2:volume")],
        terraform: &["aws_ebs_volume", "aws_ebs_volume_copy"],
        opt_in_name: Some("EBS"),
        listed_in: ListedIn::Region(|region| &region.volumes.gap),
        states: state::VOLUME,
        security_hub_type: "AwsEc2Volume",
        ..backed_up(ResourceKind::EbsVolume, "ebs-volume")
    },
    Kind {
        plural: "RDS DB instances",
        service: Some(Service::Rds),
        types: &[stack_type("AWS::RDS::DBInstance", "rds:db")],
        terraform: &["aws_db_instance"],
        opt_in_name: Some("RDS"),
        listed_in: ListedIn::Region(|region| &region.db_instances.gap),
        states: state::DATABASE,
        security_hub_type: "AwsRdsDbInstance",
        ..backed_up(ResourceKind::RdsInstance, "rds-instance")
    },
    Kind {
        plural: "Multi-AZ DB clusters",
        service: Some(Service::Rds),
        types: &[DB_CLUSTER],
        terraform: &["aws_rds_cluster"],
        opt_in_name: Some("RDS"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        states: state::DATABASE,
        security_hub_type: "AwsRdsDbCluster",
        ..backed_up(ResourceKind::RdsCluster, "rds-cluster")
    },
    Kind {
        plural: "Aurora clusters",
        service: Some(Service::Rds),
        types: &[DB_CLUSTER],
        terraform: &["aws_rds_cluster"],
        opt_in_name: Some("Aurora"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        states: state::DATABASE,
        security_hub_type: "AwsRdsDbCluster",
        ..backed_up(ResourceKind::AuroraCluster, "aurora-cluster")
    },
    Kind {
        plural: "DocumentDB clusters",
        service: Some(Service::Documentdb),
        types: &[cluster_type("AWS::DocDB::DBCluster")],
        terraform: &["aws_docdb_cluster"],
        opt_in_name: Some("DocumentDB"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        states: state::DATABASE,
        ..backed_up(ResourceKind::DocumentdbCluster, "documentdb-cluster")
    },
    Kind {
        plural: "Neptune clusters",
        service: Some(Service::Neptune),
        types: &[cluster_type("AWS::Neptune::DBCluster")],
        terraform: &["aws_neptune_cluster"],
        opt_in_name: Some("Neptune"),
        listed_in: ListedIn::Region(|region| &region.db_clusters.gap),
        states: state::DATABASE,
        ..backed_up(ResourceKind::NeptuneCluster, "neptune-cluster")
    },
    Kind {
        plural: "EFS file systems",
        service: Some(Service::Efs),
        types: &[stack_type(
            "AWS::EFS::FileSystem",
            "elasticfilesystem:file-system",
        )],
        terraform: &["aws_efs_file_system"],
        backup_key: BackupKey::Vault,
        opt_in_name: Some("EFS"),
        listed_in: ListedIn::Region(|region| &region.file_systems.gap),
        states: state::EFS,
        ..backed_up(ResourceKind::EfsFileSystem, "efs-file-system")
    },
    Kind {
        plural: "FSx file systems",
        service: Some(Service::Fsx),
        types: &[stack_type("AWS::FSx::FileSystem", "fsx:file-system")],
        terraform: &[
            "aws_fsx_lustre_file_system",
            "aws_fsx_ontap_file_system",
            "aws_fsx_openzfs_file_system",
            "aws_fsx_windows_file_system",
        ],
        opt_in_name: Some("FSx"),
        listed_in: ListedIn::Region(|region| &region.fsx_file_systems.gap),
        states: state::FSX_FILE_SYSTEM,
        ..backed_up(ResourceKind::FsxFileSystem, "fsx-file-system")
    },
    Kind {
        plural: "volumes of FSx for ONTAP and OpenZFS",
        service: Some(Service::Fsx),
        types: &[stack_type("AWS::FSx::Volume", "fsx:volume")],
        terraform: &["aws_fsx_ontap_volume", "aws_fsx_openzfs_volume"],
        opt_in_name: Some("FSx"),
        listed_in: ListedIn::Region(|region| &region.fsx_volumes.gap),
        lookup: Lookup::ArnOrId,
        states: state::FSX_VOLUME,
        ..backed_up(ResourceKind::FsxVolume, "fsx-volume")
    },
    Kind {
        plural: "DynamoDB tables",
        service: Some(Service::Dynamodb),
        types: &[
            stack_type("AWS::DynamoDB::Table", "dynamodb:table"),
            stack_type("AWS::DynamoDB::GlobalTable", "dynamodb:table"),
        ],
        terraform: &["aws_dynamodb_table"],
        backup_key: BackupKey::Vault,
        opt_in_name: Some("DynamoDB"),
        listed_in: ListedIn::Region(|region| &region.tables.gap),
        states: state::TABLE,
        security_hub_type: "AwsDynamoDbTable",
        ..backed_up(ResourceKind::DynamodbTable, "dynamodb-table")
    },
    Kind {
        plural: "storage gateways",
        service: Some(Service::Storagegateway),
        types: &[plain_type(
            "AWS::StorageGateway::Gateway",
            "storagegateway:gateway",
        )],
        terraform: &["aws_storagegateway_gateway"],
        backup: BackupSupport::Unsupported,
        backup_key: BackupKey::None,
        listed_in: ListedIn::Region(|region| &region.gateways.gap),
        lookup: Lookup::Arn,
        ..backed_up(ResourceKind::StorageGateway, "storage-gateway")
    },
    Kind {
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
        opt_in_name: Some("Storage Gateway"),
        listed_in: ListedIn::Region(|region| &region.gateway_volumes.gap),
        lookup: Lookup::Arn,
        states: state::GATEWAY_VOLUME,
        ..backed_up(ResourceKind::StorageGatewayVolume, "storage-gateway-volume")
    },
    Kind {
        plural: "Redshift clusters",
        service: Some(Service::Redshift),
        types: &[stack_type("AWS::Redshift::Cluster", "redshift:cluster")],
        terraform: &["aws_redshift_cluster"],
        opt_in_name: Some("Redshift"),
        listed_in: ListedIn::Region(|region| &region.redshift_clusters.gap),
        states: state::REDSHIFT_CLUSTER,
        security_hub_type: "AwsRedshiftCluster",
        ..backed_up(ResourceKind::RedshiftCluster, "redshift-cluster")
    },
    Kind {
        plural: "Redshift Serverless namespaces",
        service: Some(Service::Redshift),
        types: &[stack_type(
            "AWS::RedshiftServerless::Namespace",
            "redshift-serverless:namespace",
        )],
        terraform: &["aws_redshiftserverless_namespace"],
        opt_in_name: Some("Redshift Serverless"),
        listed_in: ListedIn::Region(|region| &region.redshift_namespaces.gap),
        lookup: Lookup::ArnOrId,
        states: state::REDSHIFT_NAMESPACE,
        ..backed_up(ResourceKind::RedshiftNamespace, "redshift-namespace")
    },
    Kind {
        noun: "stack",
        plural: "CloudFormation stacks",
        service: Some(Service::Cloudformation),
        types: &[stack_type(
            "AWS::CloudFormation::Stack",
            "cloudformation:stack",
        )],
        terraform: &["aws_cloudformation_stack"],
        backup_key: BackupKey::None,
        opt_in_name: Some("CloudFormation"),
        listed_in: ListedIn::Region(|region| &region.stacks.gap),
        lookup: Lookup::Arn,
        states: state::STACK,
        security_hub_type: "AwsCloudFormationStack",
        ..backed_up(ResourceKind::CloudformationStack, "cloudformation-stack")
    },
    Kind {
        plural: "Secrets Manager secrets",
        types: &[plain_type(
            "AWS::SecretsManager::Secret",
            "secretsmanager:secret",
        )],
        terraform: &["aws_secretsmanager_secret"],
        security_hub_type: "AwsSecretsManagerSecret",
        ..found_by_tag(ResourceKind::Secret, "secret")
    },
    Kind {
        plural: "Systems Manager parameters",
        types: &[plain_type("AWS::SSM::Parameter", "ssm:parameter")],
        terraform: &["aws_ssm_parameter"],
        ..found_by_tag(ResourceKind::SsmParameter, "ssm-parameter")
    },
    Kind {
        noun: "other-resource",
        plural: "other resources that AWS Backup supports (DSQL, EKS, SAP HANA, Timestream, virtual machines)",
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
        ..found_by_tag(ResourceKind::Other, "other")
    },
    Kind {
        plural: "S3 buckets",
        service: Some(Service::S3),
        types: &[stack_type("AWS::S3::Bucket", "s3")],
        terraform: &["aws_s3_bucket"],
        backup_key: BackupKey::Vault,
        opt_in_name: Some("S3"),
        listed_in: ListedIn::Buckets,
        security_hub_type: "AwsS3Bucket",
        ..backed_up(ResourceKind::S3Bucket, "s3-bucket")
    },
    Kind {
        noun: "VPC",
        plural: "VPCs",
        service: Some(Service::Vpc),
        types: &[plain_type("AWS::EC2::VPC", "ec2:vpc")],
        terraform: &["aws_default_vpc", "aws_vpc"],
        security_hub_type: "AwsEc2Vpc",
        ..infrastructure(ResourceKind::Vpc, "vpc")
    },
    Kind {
        plural: "backup vaults",
        service: Some(Service::Backup),
        types: &[plain_type(
            "AWS::Backup::BackupVault",
            "backup:backup-vault",
        )],
        terraform: &["aws_backup_logically_air_gapped_vault", "aws_backup_vault"],
        security_hub_type: "AwsBackupBackupVault",
        ..infrastructure(ResourceKind::BackupVault, "backup-vault")
    },
    Kind {
        plural: "regions",
        security_hub_type: "AwsAccount",
        ..infrastructure(ResourceKind::Region, "region")
    },
    Kind {
        plural: "accounts",
        security_hub_type: "AwsAccount",
        ..infrastructure(ResourceKind::Account, "account")
    },
];

/// The index in [`KINDS`] of each kind.
const ROWS: [usize; KIND_COUNT] = index_rows();

const fn index_rows() -> [usize; KIND_COUNT] {
    let mut rows = [KIND_COUNT; KIND_COUNT];
    let mut index = 0;
    while index < KIND_COUNT {
        let kind = KINDS[index].kind as usize;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_exactly_one_row() {
        for row in &KINDS {
            assert!(std::ptr::eq(row.kind.facts(), row), "{:?}", row.kind);
        }
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
    fn the_facts_of_a_row_agree() {
        for row in &KINDS {
            let kind = row.kind;
            let listed = !matches!(row.listed_in, ListedIn::None);
            assert_eq!(listed, kind.is_backed_up(), "{kind:?}");
            let found = row.lookup != Lookup::None;
            assert_eq!(found, listed, "{kind:?}");
            assert_eq!(row.service.is_none(), row.types.is_empty(), "{kind:?}");
            let opts_in = kind.has_backups() && !row.is_found_by_tag();
            assert_eq!(row.opt_in_name.is_some(), opts_in, "{kind:?}");
            let has_states = kind.has_backups() && row.has_list();
            assert_eq!(row.states.is_empty(), !has_states, "{kind:?}");
            assert!(!row.plural.is_empty(), "{kind:?}");
            assert!(row.backup_key == BackupKey::None || kind.has_backups());
            let in_stacks = row.types.iter().any(|it| it.in_stack_backups);
            assert!(!in_stacks || kind.has_backups(), "{kind:?}");
        }
    }
}
