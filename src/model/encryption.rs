//! Aliases of AWS managed keys: the KMS keys that AWS services create in an account.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>.

use super::arn::Arn;

/// Start of every alias of an AWS managed key. AWS reserves it:
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html>.
const RESERVED: &str = "alias/aws/";

/// AWS managed key of AWS Backup.
pub const BACKUP_ALIAS: &str = "alias/aws/backup";
/// AWS managed key of DynamoDB.
pub const DYNAMODB_ALIAS: &str = "alias/aws/dynamodb";
/// AWS managed key of EBS.
pub const EBS_ALIAS: &str = "alias/aws/ebs";
/// AWS managed key of EFS.
pub const EFS_ALIAS: &str = "alias/aws/elasticfilesystem";
/// AWS managed key of FSx.
pub const FSX_ALIAS: &str = "alias/aws/fsx";
/// AWS managed key of RDS, Aurora, DocumentDB and Neptune.
pub const RDS_ALIAS: &str = "alias/aws/rds";
/// AWS managed key of S3.
pub const S3_ALIAS: &str = "alias/aws/s3";

/// Returns whether the name of a key, an alias or the ARN of one, can only be that of an AWS managed key.
#[must_use]
pub fn is_aws_alias(name: &str) -> bool {
    let alias = Arn::parse(name).map_or(name, |arn| arn.resource);
    alias.starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reserved_aliases_are_aws_managed() {
        for alias in [
            BACKUP_ALIAS,
            DYNAMODB_ALIAS,
            EBS_ALIAS,
            EFS_ALIAS,
            FSX_ALIAS,
            RDS_ALIAS,
            S3_ALIAS,
        ] {
            assert!(is_aws_alias(alias), "{alias}");
        }
        assert!(is_aws_alias(
            "arn:aws:kms:eu-central-1:111122223333:alias/aws/ebs"
        ));
        assert!(!is_aws_alias("alias/awsome"));
        assert!(!is_aws_alias("aws/ebs"));
    }
}
