//! What is known about the key, the central account and the path of the call.

use std::collections::BTreeMap;

use crate::iam::request::{Context, Value};
use crate::model::arn::Arn;

/// What is known about the key. `None` where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFacts {
    /// The key's ARN; what is no ARN counts as not known.
    pub key_arn: Option<String>,
    /// The account that owns it.
    pub key_account: String,
    /// The region it is used in; where it is not known, the ARN's counts.
    pub region: Option<String>,
    /// `SYMMETRIC_DEFAULT`
    pub key_spec: Option<String>,
    /// `ENCRYPT_DECRYPT`
    pub key_usage: Option<String>,
    /// `AWS_KMS`
    pub origin: Option<String>,
    /// Whether it is a multi-Region key.
    pub multi_region: Option<bool>,
    /// Its tags.
    pub tags: Option<BTreeMap<String, String>>,
}

impl KeyFacts {
    fn arn(&self) -> Option<Arn<'_>> {
        self.key_arn.as_deref().and_then(Arn::parse)
    }

    /// The region the key is used in, from the facts or from the ARN.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let region = self.region.as_deref();
        region
            .or_else(|| self.arn().map(|arn| arn.region))
            .filter(|region| !region.is_empty())
    }

    /// The partition, from the ARN or the region; `aws` where neither is known.
    #[must_use]
    pub fn partition(&self) -> &str {
        match (self.arn(), self.region()) {
            (Some(arn), _) => arn.partition,
            (None, Some(region)) if region.starts_with("cn-") => "aws-cn",
            (None, Some(region)) if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// Leaves out which of the keys of its account and region it is.
    pub(crate) fn forget_id(&mut self) {
        if let Some(arn) = self.arn()
            && arn.resource.starts_with("key/")
        {
            let any = Arn {
                resource: "key/*",
                ..arn
            };
            self.key_arn = Some(any.to_string());
        }
    }

    /// Whether the central account owns the key, which counts as shared.
    #[must_use]
    pub fn is_central(&self, central: &CentralAccount) -> bool {
        self.key_account == central.account_id
    }

    /// The ARN, with `*` for what is not known of it.
    pub(super) fn arn_shape(&self) -> String {
        if let Some(arn) = self.arn() {
            return arn.to_string();
        }
        let region = self.region().unwrap_or("*");
        let (partition, account) = (self.partition(), &self.key_account);
        format!("arn:{partition}:kms:{region}:{account}:key/*")
    }
}

/// The account that receives the copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentralAccount {
    /// The central account's id.
    pub account_id: String,
    /// Its organization's id, where it was read or given.
    pub org_id: Option<String>,
}

/// What is known about the organization of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Organization {
    /// It was not read or given.
    #[default]
    Unknown,
    /// The account is in no organization.
    None,
    /// The account is in the organization with this id.
    Member(String),
}

impl Organization {
    /// Sets the organization of what some condition keys are about: `aws:Principal`, `aws:Resource`,
    /// `backup:CopyTarget`. AWS Backup copies only within one organization
    /// (<https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>).
    pub(crate) fn set(&self, context: &mut Context, whose: &[&str]) {
        for name in whose {
            let (id, paths) = self.values();
            context.set(&format!("{name}OrgID"), id);
            context.set(&format!("{name}OrgPaths"), paths);
        }
    }

    /// Returns the condition values: the id, and the path, of which only the start is known.
    ///
    /// A path is `o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/`:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html>.
    fn values(&self) -> (Value, Value) {
        match self {
            Organization::Unknown => (Value::Unknown, Value::Unknown),
            Organization::None => (Value::Absent, Value::Absent),
            Organization::Member(id) => (Value::one(id), Value::Shaped(format!("{id}/r-*/"))),
        }
    }
}

/// The role with which AWS Backup backs up the resources of the key's account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupRole {
    /// The account of the role.
    pub account: String,
    /// Its name, after its path where that is known: `service-role/Backup`.
    pub name: String,
    /// The organization of the account.
    pub organization: Organization,
}

/// The service that calls KMS for AWS Backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ViaService {
    /// EBS, EC2 and Storage Gateway volumes.
    Ec2,
    /// RDS, Aurora, DocumentDB and Neptune.
    Rds,
    /// FSx.
    Fsx,
    /// Redshift.
    Redshift,
    /// Redshift Serverless.
    RedshiftServerless,
    /// DynamoDB.
    DynamoDb,
    /// S3.
    S3,
    /// EFS.
    Efs,
    /// AWS Backup itself, for backups that it manages fully under the key of a vault.
    Backup,
}

/// What is known about a service that calls KMS.
struct Service {
    via: ViaService,
    /// Its name in `kms:ViaService`.
    name: &'static str,
    /// The key that it creates in an account.
    aws_managed_key: &'static str,
    /// What AWS Backup's role does with the key of a resource.
    backup_role_actions: &'static [&'static str],
}

/// The role creates a grant, and the service works with it.
const GRANTS: &[&str] = &["kms:DescribeKey", "kms:CreateGrant"];
const SNAPSHOTS: &[&str] = &[
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];
const TABLES: &[&str] = &["kms:DescribeKey", "kms:Decrypt", "kms:GenerateDataKey"];
const OBJECTS: &[&str] = &["kms:DescribeKey", "kms:Decrypt"];
const VAULTS: &[&str] = &["kms:CreateGrant", "kms:GenerateDataKey", "kms:Decrypt"];

/// The services. Checked 2026-11-29.
///
/// Sources of the names and keys:
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service>,
/// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>.
///
/// The actions are the KMS statements of
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html>
/// (version 30 of 2026-02-23: describing and grants for every service, then EC2 and DynamoDB); for S3 those of
/// <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForS3Backup.html>
/// (version 5 of 2026-08-24); for vaults <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>. EFS
/// reads a file system with its own grant: <https://docs.aws.amazon.com/efs/latest/ug/EFSKMSPolicy.html>.
#[rustfmt::skip]
const SERVICES: [Service; 9] = [
    Service { via: ViaService::Ec2, name: "ec2", aws_managed_key: "aws/ebs", backup_role_actions: SNAPSHOTS },
    Service { via: ViaService::Rds, name: "rds", aws_managed_key: "aws/rds", backup_role_actions: GRANTS },
    Service { via: ViaService::Fsx, name: "fsx", aws_managed_key: "aws/fsx", backup_role_actions: GRANTS },
    Service { via: ViaService::Redshift, name: "redshift", aws_managed_key: "aws/redshift", backup_role_actions: GRANTS },
    Service { via: ViaService::RedshiftServerless, name: "redshift-serverless", aws_managed_key: "aws/redshift", backup_role_actions: GRANTS },
    Service { via: ViaService::DynamoDb, name: "dynamodb", aws_managed_key: "aws/dynamodb", backup_role_actions: TABLES },
    Service { via: ViaService::S3, name: "s3", aws_managed_key: "aws/s3", backup_role_actions: OBJECTS },
    Service { via: ViaService::Efs, name: "elasticfilesystem", aws_managed_key: "aws/elasticfilesystem", backup_role_actions: &[] },
    Service { via: ViaService::Backup, name: "backup", aws_managed_key: "aws/backup", backup_role_actions: VAULTS },
];

impl ViaService {
    /// The services whose copies `key-policy` checks unless `--via` names one.
    pub const ALL: [Self; 2] = [Self::Ec2, Self::Rds];

    fn service(self) -> &'static Service {
        let found = SERVICES.iter().find(|service| service.via == self);
        // Every variant has a row: a test holds it.
        found.unwrap_or(&SERVICES[0])
    }

    /// Returns the service as in `kms:ViaService`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.service().name
    }

    /// Returns the AWS managed key that the service uses for resources that name no other key: `aws/ebs`.
    #[must_use]
    pub fn aws_managed_key(self) -> &'static str {
        self.service().aws_managed_key
    }

    /// Returns the actions on the key of a resource that AWS Backup's role needs to back it up.
    #[must_use]
    pub fn backup_role_actions(self) -> &'static [&'static str] {
        self.service().backup_role_actions
    }

    /// Returns the AWS managed key of the service with a name in `kms:ViaService`, where it is one of these.
    #[must_use]
    pub fn find_aws_managed_key(name: &str) -> Option<&'static str> {
        let found = SERVICES.iter().find(|service| service.name == name);
        found.map(|service| service.aws_managed_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_a_row_in_the_order_of_the_variants() {
        for (index, service) in SERVICES.iter().enumerate() {
            assert_eq!(service.via as usize, index, "{}", service.name);
        }
        assert_eq!(ViaService::Backup as usize, SERVICES.len() - 1);
    }
}
