//! The services of a scan, as `--service` and `coverage.service` name them.

use serde::{Deserialize, Serialize};

/// A service of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// AWS Backup: vaults, plans, roles, and tagged resources of other types.
    Backup,
    /// CloudFormation stacks.
    Cloudformation,
    /// DocumentDB clusters.
    Documentdb,
    /// DynamoDB tables.
    Dynamodb,
    /// EBS volumes, and how new ones are encrypted.
    Ebs,
    /// EC2 instances.
    Ec2,
    /// EFS file systems.
    Efs,
    /// FSx file systems and volumes.
    Fsx,
    /// The KMS keys of the other resources. It has no resources that are checked by themselves.
    Kms,
    /// Neptune clusters.
    Neptune,
    /// RDS instances, Aurora and Multi-AZ DB clusters.
    Rds,
    /// Redshift clusters and serverless namespaces.
    Redshift,
    /// S3 buckets.
    S3,
    /// Storage gateways and their volumes.
    Storagegateway,
    /// VPCs, for their traffic to S3.
    Vpc,
}

impl Service {
    /// Every service, in the order of the coverage.
    pub const ALL: [Service; 15] = [
        Service::Backup,
        Service::Cloudformation,
        Service::Documentdb,
        Service::Dynamodb,
        Service::Ebs,
        Service::Ec2,
        Service::Efs,
        Service::Fsx,
        Service::Kms,
        Service::Neptune,
        Service::Rds,
        Service::Redshift,
        Service::S3,
        Service::Storagegateway,
        Service::Vpc,
    ];

    /// Returns the name on the command line and in the coverage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Backup => "backup",
            Service::Cloudformation => "cloudformation",
            Service::Documentdb => "documentdb",
            Service::Dynamodb => "dynamodb",
            Service::Ebs => "ebs",
            Service::Ec2 => "ec2",
            Service::Efs => "efs",
            Service::Fsx => "fsx",
            Service::Kms => "kms",
            Service::Neptune => "neptune",
            Service::Rds => "rds",
            Service::Redshift => "redshift",
            Service::S3 => "s3",
            Service::Storagegateway => "storagegateway",
            Service::Vpc => "vpc",
        }
    }

    /// Returns the service with a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Service::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// Whether the backup tag means something on its resources.
    #[must_use]
    pub fn is_backed_up(self) -> bool {
        !matches!(self, Service::Kms | Service::Vpc)
    }

    /// Whether the region's opt-in settings apply to its resources.
    #[must_use]
    pub fn has_opt_in(self) -> bool {
        self.is_backed_up() && self != Service::Backup
    }
}
