//! Defaults of AWS and of the Terraform AWS provider: the values that a resource gets for what its
//! declaration leaves out.
//!
//! Each default is written here once, and every reader uses it. Where the provider sends another value than
//! the default of the API, its constant begins with `TERRAFORM_`.

use serde_json::json;

use crate::model::encryption::{BACKUP_ALIAS, DYNAMODB_ALIAS, EFS_ALIAS, FSX_ALIAS, RDS_ALIAS};
use crate::model::fsx::READ_WRITE;

/// Key of a backup vault.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault.html>.
pub const BACKUP_VAULT_KEY: &str = BACKUP_ALIAS;

/// Whether a DynamoDB table uses a KMS key of the account. A table without one uses an AWS owned key.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSESpecification.html>.
pub const DYNAMODB_KMS_ENCRYPTION: bool = false;

/// Key of a DynamoDB table with KMS encryption.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html>.
pub const DYNAMODB_KEY: &str = DYNAMODB_ALIAS;

/// Value of `enabled` in the Terraform resource `aws_ebs_encryption_by_default`.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ebs_encryption_by_default>.
pub const TERRAFORM_EBS_ENCRYPTION_BY_DEFAULT: bool = true;

/// Whether an EFS file system is encrypted. Only the console turns encryption on.
///
/// Source: <https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html>.
pub const EFS_ENCRYPTED: bool = false;

/// Key of an encrypted EFS file system.
///
/// Source: <https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html>.
pub const EFS_KEY: &str = EFS_ALIAS;

/// Deployment type of an FSx for Lustre file system.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystemLustreConfiguration.html>.
pub const LUSTRE_DEPLOYMENT: &str = "SCRATCH_1";

/// `StorageType` of a file system of FSx.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html>.
pub const FSX_STORAGE: &str = "SSD";

/// `OntapVolumeType` of a volume of FSx for ONTAP.
///
/// Source, for the style too: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateOntapVolumeConfiguration.html>.
pub const ONTAP_VOLUME: &str = READ_WRITE;

/// `VolumeStyle` of a volume of FSx for ONTAP.
pub const ONTAP_VOLUME_STYLE: &str = "FLEXVOL";

/// Specification of a KMS key.
///
/// Source, for the usage, the origin, the state and the Regions too:
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>.
pub const KMS_SPEC: &str = "SYMMETRIC_DEFAULT";

/// Usage of a KMS key.
pub const KMS_USAGE: &str = "ENCRYPT_DECRYPT";

/// Origin of the key material of a KMS key.
pub const KMS_ORIGIN: &str = "AWS_KMS";

/// Whether a KMS key is enabled.
pub const KMS_ENABLED: bool = true;

/// Whether a KMS key is a multi-Region key.
pub const KMS_MULTI_REGION: bool = false;

/// Whether the storage of a DB instance or DB cluster is encrypted with a KMS key.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
pub const RDS_ENCRYPTED: bool = false;

/// Key of the encrypted storage of a DB instance or DB cluster.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
pub const RDS_KEY: &str = RDS_ALIAS;

/// Retention of automated backups of a DB instance or DB cluster, in days.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
pub const RDS_RETENTION_DAYS: i32 = 1;

/// Retention of automated backups of the Terraform resource `aws_db_instance`, in days: the provider sends 0,
/// which turns them off.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/db_instance>.
pub const TERRAFORM_DB_INSTANCE_RETENTION_DAYS: i32 = 0;

/// Engine of the Terraform resource `aws_rds_cluster` in versions of the provider that do not require one.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/4.67.0/docs/resources/rds_cluster>.
pub const TERRAFORM_CLUSTER_ENGINE: &str = "aurora";

/// Whether a Redshift cluster is encrypted. Its default key is an AWS owned key.
///
/// Source: <https://docs.aws.amazon.com/redshift/latest/mgmt/working-with-db-encryption.html>.
pub const REDSHIFT_ENCRYPTED: bool = true;

/// Key id by which Redshift and Redshift Serverless name an AWS owned key.
///
/// Source: <https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateNamespace.html>.
pub const REDSHIFT_AWS_OWNED_KEY: &str = "AWS_OWNED_KMS_KEY";

/// Encryption of new objects in an S3 bucket, since January 5, 2023: keys that S3 manages.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html>.
pub const S3_ALGORITHM: &str = "AES256";

/// Type of the Terraform resource `aws_storagegateway_gateway`.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/storagegateway_gateway>.
pub const TERRAFORM_GATEWAY_TYPE: &str = "STORED";

/// Type of a VPC endpoint.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html>.
pub const VPC_ENDPOINT_TYPE: &str = "Gateway";

/// Policy of a VPC endpoint: full access.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>.
pub const VPC_ENDPOINT_POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// Returns the key of a resource that names none: the given AWS managed key, or none if the resource is known
/// not to be encrypted.
#[must_use]
pub fn managed_key(encrypted: Option<bool>, alias: &str) -> Option<String> {
    (encrypted != Some(false)).then(|| alias.to_owned())
}

/// Returns the key of an FSx file system that names none; `None` for a scratch file system of Lustre, which FSx
/// encrypts with a key that AWS owns.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_FileSystem.html>.
#[must_use]
pub fn fsx_key(deployment_type: Option<&str>) -> Option<String> {
    let is_scratch = deployment_type.is_some_and(|it| it.starts_with("SCRATCH"));
    (!is_scratch).then(|| FSX_ALIAS.to_owned())
}

/// Returns whether a new DB cluster is encrypted with an AWS owned key (SSE-RDS): an Aurora cluster that is
/// created without a KMS key, since February 18, 2026.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>.
#[must_use]
pub fn has_aws_owned_key(engine: &str, encrypted: Option<bool>) -> bool {
    engine.starts_with("aurora") && encrypted == Some(false)
}

/// Returns whether an option group is the default one of an engine, which has no options.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html>.
#[must_use]
pub fn is_default_option_group(name: &str) -> bool {
    name.starts_with("default:")
}

/// Returns the policy of a KMS key that is created without one: it allows the root of the account, so IAM
/// policies decide. An empty account is one that is not known.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
#[must_use]
pub fn key_policy(partition: &str, account: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_unencrypted_storage_has_no_managed_key() {
        assert_eq!(managed_key(Some(false), EFS_KEY), None);
        for encrypted in [Some(true), None] {
            assert_eq!(managed_key(encrypted, EFS_KEY).as_deref(), Some(EFS_KEY));
        }
    }

    #[test]
    fn only_aurora_without_a_kms_key_has_an_aws_owned_key() {
        assert!(has_aws_owned_key("aurora-mysql", Some(false)));
        assert!(!has_aws_owned_key("aurora-mysql", Some(true)));
        assert!(!has_aws_owned_key("aurora-mysql", None));
        assert!(!has_aws_owned_key("postgres", Some(false)));
    }
}
