//! The services of a scan, as `--service` and `coverage.service` name them.

use serde::{Deserialize, Serialize};

use super::resource::ResourceKind;

/// A service of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// AWS Backup: vaults, plans, roles, and what is tagged and has no service of its own here.
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
    /// The keys that resources of the other services name. It has nothing to judge by itself.
    Kms,
    /// RDS instances, Aurora and Multi-AZ DB clusters.
    Rds,
    /// Redshift clusters and serverless namespaces.
    Redshift,
    /// S3 buckets.
    S3,
    /// Storage gateways and their volumes.
    Storagegateway,
    /// VPCs, as far as their traffic to S3 goes.
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

    /// As on the command line and in the coverage.
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

    /// The service of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Service::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// Whose resources its own are judged by, beside keys and what AWS Backup says: an instance is
    /// encrypted as its volumes are, a volume may be backed up with its instance, a VPC is in use where
    /// an instance runs, a stack is what it holds, and only RDS tells DocumentDB and Neptune from its own
    /// clusters.
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
            _ => &[],
        }
    }

    /// Whether AWS Backup backs up resources of it, or people may think so.
    #[must_use]
    pub fn is_backed_up(self) -> bool {
        !matches!(self, Service::Kms | Service::Vpc)
    }

    /// Whether it has resources that the region's opt-in settings speak of.
    #[must_use]
    pub fn has_opt_in(self) -> bool {
        self.is_backed_up() && self != Service::Backup
    }
}

impl ResourceKind {
    /// The service that lists resources of this kind; none for settings, which several have.
    #[must_use]
    pub fn service(self) -> Option<Service> {
        Some(match self {
            ResourceKind::S3Bucket => Service::S3,
            ResourceKind::Ec2Instance => Service::Ec2,
            ResourceKind::EbsVolume => Service::Ebs,
            ResourceKind::RdsInstance | ResourceKind::RdsCluster | ResourceKind::AuroraCluster => {
                Service::Rds
            }
            ResourceKind::DynamodbTable => Service::Dynamodb,
            ResourceKind::EfsFileSystem => Service::Efs,
            ResourceKind::StorageGatewayVolume | ResourceKind::StorageGateway => {
                Service::Storagegateway
            }
            ResourceKind::RedshiftCluster | ResourceKind::RedshiftNamespace => Service::Redshift,
            ResourceKind::CloudformationStack => Service::Cloudformation,
            ResourceKind::Secret
            | ResourceKind::SsmParameter
            | ResourceKind::Other
            | ResourceKind::BackupVault => Service::Backup,
            ResourceKind::Vpc => Service::Vpc,
            ResourceKind::Region | ResourceKind::Account => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::CLOUDFORMATION_TYPES;

    #[test]
    fn a_stack_needs_all_that_it_may_hold() {
        let kinds = CLOUDFORMATION_TYPES.iter().flat_map(|(_, kinds)| *kinds);
        for service in kinds.filter_map(|kind| kind.service()) {
            let needed = Service::Cloudformation
                .required_services()
                .contains(&service);
            assert!(needed || service == Service::Cloudformation, "{service:?}");
        }
    }
}
