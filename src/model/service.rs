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
    /// DynamoDB tables.
    Dynamodb,
    /// EBS volumes, and how new ones are encrypted.
    Ebs,
    /// EC2 instances.
    Ec2,
    /// EFS file systems.
    Efs,
    /// The KMS keys of the other resources. It has no resources that are checked by themselves.
    Kms,
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
    pub const ALL: [Service; 12] = [
        Service::Backup,
        Service::Cloudformation,
        Service::Dynamodb,
        Service::Ebs,
        Service::Ec2,
        Service::Efs,
        Service::Kms,
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
            Service::Dynamodb => "dynamodb",
            Service::Ebs => "ebs",
            Service::Ec2 => "ec2",
            Service::Efs => "efs",
            Service::Kms => "kms",
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

    /// Returns the other services whose resources are needed to evaluate this one, besides KMS and AWS
    /// Backup: the encryption of an instance is that of its volumes, a volume may be backed up with its
    /// instance, a VPC is in use if an instance runs in it, a stack is as ready as its resources, and
    /// only the RDS API distinguishes DocumentDB and Neptune clusters from others.
    #[must_use]
    pub fn required_services(self) -> &'static [Service] {
        match self {
            Service::Ec2 => &[Service::Ebs],
            Service::Ebs | Service::Vpc => &[Service::Ec2],
            Service::Backup => &[Service::Rds],
            Service::Cloudformation => &[
                Service::Dynamodb,
                Service::Ebs,
                Service::Ec2,
                Service::Efs,
                Service::Rds,
                Service::Redshift,
                Service::S3,
            ],
            Service::Dynamodb
            | Service::Efs
            | Service::Kms
            | Service::Rds
            | Service::Redshift
            | Service::S3
            | Service::Storagegateway => &[],
        }
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
