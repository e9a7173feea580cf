//! What AWS Backup needs for each type of resource: its name in the opt-in settings, and the actions that the
//! backup role must be allowed.
//!
//! The actions are those of the statements that AWS lists for each service, and of the policy for S3, looked
//! up on 2026-08-22:
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html#customer-managed-policies>,
//! <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html> (v30),
//! <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForS3Backup.html> (v4).
//! The opt-in settings:
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/getting-started.html#service-opt-in>,
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html#resource-assignment-filter>.

use crate::model::arn::Arn;
use crate::model::kind::KINDS;
use crate::model::{Resource, ResourceKind};

use super::rule_runs::Subject;

/// A type of resource that AWS Backup backs up.
#[derive(Debug)]
pub struct BackupType {
    /// The CloudFormation type.
    pub aws_type: &'static str,
    /// The name in the opt-in settings.
    pub name: &'static str,
    /// Whether a selection that names the type is made without the opt-in. Types that share the shape of
    /// their ARNs with others always need it.
    pub is_optional_if_named: bool,
    /// The actions that a backup needs.
    pub needs: &'static [Need],
}

/// An action that the backup role needs.
#[derive(Debug)]
pub struct Need {
    /// The action.
    pub action: &'static str,
    /// The resources that it must be allowed on: ARNs with placeholders, [`SOURCE`] or [`ANY`].
    pub on: &'static [&'static str],
    /// Whether backups or copies fail without it.
    pub is_required: bool,
}

/// The resource that is backed up.
pub const SOURCE: &str = "{source}";
/// A resource that is not documented, or an action that knows no resources.
pub const ANY: &str = "*";

const SNAPSHOT: &str = "arn:{partition}:ec2:{region}::snapshot/snap-*";
const IMAGE: &str = "arn:{partition}:ec2:{region}::image/ami-*";
const DB_SNAPSHOT: &str = "arn:{partition}:rds:{region}:{account}:snapshot:awsbackup:*";
const CLUSTER_SNAPSHOT: &str =
    "arn:{partition}:rds:{region}:{account}:cluster-snapshot:awsbackup:*";
const FSX_BACKUP: &str = "arn:{partition}:fsx:{region}:{account}:backup/backup-*";
const REDSHIFT_SNAPSHOT: &str =
    "arn:{partition}:redshift:{region}:{account}:snapshot:*/awsbackup:*";
const SERVERLESS_SNAPSHOT: &str =
    "arn:{partition}:redshift-serverless:{region}:{account}:snapshot/*";
const ACCESS_ENTRY: &str = "arn:{partition}:eks:{region}:{account}:access-entry/*";
const OBJECTS: &str = "{source}/*";
const EVENT_RULE: &str = "arn:{partition}:events:{region}:{account}:rule/AwsBackupManagedRule*";
const RECOVERY_POINT: &str = "arn:{partition}:backup:{region}:{account}:recovery-point:*";

/// A vault of the central account.
pub const CENTRAL_VAULT: &str = "{central vault}";

/// What a copy to another account needs.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html#prereq-cab>.
pub const COPY_NEEDS: &[Need] = &[
    need("backup:CopyFromBackupVault", &[ANY]),
    need("backup:CopyIntoBackupVault", &[CENTRAL_VAULT]),
];

/// What a selection by tag needs.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html>.
pub const TAG_NEEDS: &[Need] = &[need("tag:GetResources", &[ANY])];

const EBS_NEEDS: &[Need] = &[
    need("ec2:CreateSnapshot", &[SOURCE, SNAPSHOT]),
    need("ec2:CreateTags", &[SNAPSHOT]),
    extra("ec2:DescribeVolumes", &[ANY]),
    extra("ec2:DescribeSnapshots", &[ANY]),
    extra("ec2:DeleteSnapshot", &[SNAPSHOT]),
];
const EC2_NEEDS: &[Need] = &[
    need("ec2:CreateImage", &[SOURCE, IMAGE, SNAPSHOT]),
    need("ec2:CreateTags", &[IMAGE]),
    extra("ec2:DescribeInstances", &[ANY]),
    extra("ec2:DescribeImages", &[ANY]),
    extra("ec2:DescribeInstanceAttribute", &[ANY]),
    extra("ec2:ModifyImageAttribute", &[IMAGE]),
    extra("ec2:DeregisterImage", &[IMAGE]),
];
const RDS_NEEDS: &[Need] = &[
    need("rds:CreateDBSnapshot", &[SOURCE, DB_SNAPSHOT]),
    need("rds:AddTagsToResource", &[DB_SNAPSHOT]),
    extra("rds:DescribeDBInstances", &[SOURCE]),
    extra("rds:DescribeDBSnapshots", &[DB_SNAPSHOT]),
    extra("rds:ListTagsForResource", &[SOURCE]),
    extra("rds:DeleteDBSnapshot", &[DB_SNAPSHOT]),
    extra("rds:ModifyDBSnapshotAttribute", &[DB_SNAPSHOT]),
];
const CLUSTER_NEEDS: &[Need] = &[
    need("rds:CreateDBClusterSnapshot", &[SOURCE, CLUSTER_SNAPSHOT]),
    need("rds:AddTagsToResource", &[CLUSTER_SNAPSHOT]),
    extra("rds:DescribeDBClusters", &[SOURCE]),
    extra("rds:DescribeDBClusterSnapshots", &[CLUSTER_SNAPSHOT]),
    extra("rds:ListTagsForResource", &[SOURCE]),
    extra("rds:DeleteDBClusterSnapshot", &[CLUSTER_SNAPSHOT]),
    extra("rds:ModifyDBClusterSnapshotAttribute", &[CLUSTER_SNAPSHOT]),
];
const EFS_NEEDS: &[Need] = &[
    need("elasticfilesystem:Backup", &[SOURCE]),
    extra("elasticfilesystem:DescribeTags", &[SOURCE]),
    extra("backup:TagResource", &[RECOVERY_POINT]),
];
// With advanced features, which a copy needs.
const DYNAMODB_NEEDS: &[Need] = &[
    need("dynamodb:StartAwsBackupJob", &[SOURCE]),
    extra("dynamodb:DescribeTable", &[SOURCE]),
    extra("dynamodb:ListTagsOfResource", &[SOURCE]),
    extra("backup:TagResource", &[RECOVERY_POINT]),
];
const S3_NEEDS: &[Need] = &[
    need("s3:GetBucketVersioning", &[SOURCE]),
    need("s3:GetBucketTagging", &[SOURCE]),
    need("s3:GetBucketLocation", &[SOURCE]),
    need("s3:GetBucketAcl", &[SOURCE]),
    need("s3:GetBucketNotification", &[SOURCE]),
    need("s3:PutBucketNotification", &[SOURCE]),
    need("s3:ListBucket", &[SOURCE]),
    need("s3:ListBucketVersions", &[SOURCE]),
    need("s3:GetInventoryConfiguration", &[SOURCE]),
    need("s3:PutInventoryConfiguration", &[SOURCE]),
    need("s3:GetObject", &[OBJECTS]),
    need("s3:GetObjectAcl", &[OBJECTS]),
    need("s3:GetObjectTagging", &[OBJECTS]),
    need("s3:GetObjectVersion", &[OBJECTS]),
    need("s3:GetObjectVersionAcl", &[OBJECTS]),
    need("s3:GetObjectVersionTagging", &[OBJECTS]),
    extra("events:PutRule", &[EVENT_RULE]),
    extra("events:PutTargets", &[EVENT_RULE]),
    extra("cloudwatch:GetMetricData", &[ANY]),
    extra("backup:TagResource", &[RECOVERY_POINT]),
];
const GATEWAY_NEEDS: &[Need] = &[
    need("storagegateway:CreateSnapshot", &[SOURCE]),
    need("ec2:CreateTags", &[SNAPSHOT]),
    extra("storagegateway:ListTagsForResource", &[SOURCE]),
    extra("ec2:DescribeSnapshots", &[ANY]),
    extra("ec2:DeleteSnapshot", &[SNAPSHOT]),
];
const REDSHIFT_NEEDS: &[Need] = &[
    need("redshift:CreateClusterSnapshot", &[REDSHIFT_SNAPSHOT]),
    need("redshift:CreateTags", &[REDSHIFT_SNAPSHOT]),
    extra("redshift:DescribeClusters", &[SOURCE]),
    extra("redshift:DescribeClusterSnapshots", &[REDSHIFT_SNAPSHOT]),
];
const SERVERLESS_NEEDS: &[Need] = &[
    need(
        "redshift-serverless:CreateSnapshot",
        &[SOURCE, SERVERLESS_SNAPSHOT],
    ),
    need("redshift-serverless:TagResource", &[SERVERLESS_SNAPSHOT]),
    extra("redshift-serverless:GetNamespace", &[SOURCE]),
    extra("redshift-serverless:GetSnapshot", &[SERVERLESS_SNAPSHOT]),
];
const STACK_NEEDS: &[Need] = &[
    need("cloudformation:GetTemplate", &[SOURCE]),
    need("cloudformation:DescribeStacks", &[SOURCE]),
    need("cloudformation:ListStackResources", &[SOURCE]),
];
const FSX_NEEDS: &[Need] = &[
    need("fsx:CreateBackup", &[SOURCE, FSX_BACKUP]),
    need("fsx:TagResource", &[FSX_BACKUP]),
    extra("fsx:DescribeBackups", &[FSX_BACKUP]),
    extra("fsx:CopyBackup", &[FSX_BACKUP]),
    extra("fsx:ListTagsForResource", &[SOURCE]),
];
const TIMESTREAM_NEEDS: &[Need] = &[
    need("timestream:StartAwsBackupJob", &[SOURCE]),
    need("timestream:GetAwsBackupStatus", &[SOURCE]),
    extra("timestream:DescribeEndpoints", &[ANY]),
];
const DSQL_NEEDS: &[Need] = &[
    need("dsql:StartBackupJob", &[SOURCE]),
    need("dsql:GetBackupJob", &[SOURCE]),
    extra("dsql:GetCluster", &[SOURCE]),
];
const EKS_NEEDS: &[Need] = &[
    need("eks:DescribeCluster", &[SOURCE]),
    need("eks:CreateAccessEntry", &[SOURCE]),
    need("eks:AssociateAccessPolicy", &[ACCESS_ENTRY]),
    extra("eks:ListTagsForResource", &[SOURCE]),
];
const VM_NEEDS: &[Need] = &[
    need("backup-gateway:Backup", &[SOURCE]),
    extra("backup-gateway:ListTagsForResource", &[SOURCE]),
];
const HANA_NEEDS: &[Need] = &[
    need("ssm-sap:BackupDatabase", &[SOURCE]),
    extra("ssm-sap:GetDatabase", &[SOURCE]),
    extra("ssm-sap:GetOperation", &[ANY]),
];

/// Every type. The Terraform documentation has the names that AWS's does not:
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/backup_region_settings>.
#[rustfmt::skip]
pub static BACKUP_TYPES: [BackupType; 20] = [
    named("AWS::S3::Bucket", "S3", S3_NEEDS),
    named("AWS::EC2::Instance", "EC2", EC2_NEEDS),
    named("AWS::EC2::Volume", "EBS", EBS_NEEDS),
    named("AWS::RDS::DBInstance", "RDS", RDS_NEEDS),
    shared("AWS::RDS::DBCluster", "Aurora", CLUSTER_NEEDS),
    shared("AWS::DocDB::DBCluster", "DocumentDB", CLUSTER_NEEDS),
    shared("AWS::Neptune::DBCluster", "Neptune", CLUSTER_NEEDS),
    named("AWS::EFS::FileSystem", "EFS", EFS_NEEDS),
    named("AWS::DynamoDB::Table", "DynamoDB", DYNAMODB_NEEDS),
    named("AWS::StorageGateway::Volume", "Storage Gateway", GATEWAY_NEEDS),
    named("AWS::Redshift::Cluster", "Redshift", REDSHIFT_NEEDS),
    named("AWS::RedshiftServerless::Namespace", "Redshift Serverless", SERVERLESS_NEEDS),
    named("AWS::CloudFormation::Stack", "CloudFormation", STACK_NEEDS),
    shared("AWS::FSx::FileSystem", "FSx", FSX_NEEDS),
    named("AWS::FSx::Volume", "FSx", FSX_NEEDS),
    named("AWS::Timestream::Table", "Timestream", TIMESTREAM_NEEDS),
    named("AWS::DSQL::Cluster", "DSQL", DSQL_NEEDS),
    named("AWS::EKS::Cluster", "EKS", EKS_NEEDS),
    named("AWS::BackupGateway::VirtualMachine", "VirtualMachine", VM_NEEDS),
    named("AWS::SystemsManagerSAP::Application", "SAP HANA on Amazon EC2", HANA_NEEDS),
];

/// Types with the backups of another one.
const SAME_AS: [(&str, &str); 2] = [
    ("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"),
    ("AWS::Timestream::Database", "AWS::Timestream::Table"),
];

const fn need(action: &'static str, on: &'static [&'static str]) -> Need {
    Need {
        action,
        on,
        is_required: true,
    }
}

/// An action that AWS lists and a backup may do without: it deletes expired backups, reads their state, or
/// copies tags.
const fn extra(action: &'static str, on: &'static [&'static str]) -> Need {
    Need {
        is_required: false,
        ..need(action, on)
    }
}

const fn named(aws_type: &'static str, name: &'static str, needs: &'static [Need]) -> BackupType {
    BackupType {
        aws_type,
        name,
        is_optional_if_named: true,
        needs,
    }
}

const fn shared(aws_type: &'static str, name: &'static str, needs: &'static [Need]) -> BackupType {
    BackupType {
        is_optional_if_named: false,
        ..named(aws_type, name, needs)
    }
}

/// The types of which AWS Backup makes continuous backups.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html#point-in-time-recovery-supported-services>.
/// Checked 2026-11-30.
const WITH_CONTINUOUS_BACKUPS: [&str; 4] = [
    "AWS::S3::Bucket",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBCluster",
    "AWS::SystemsManagerSAP::Application",
];

impl BackupType {
    /// Returns what rules for continuous backups make of the type.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match WITH_CONTINUOUS_BACKUPS.contains(&self.aws_type) {
            true => Subject::Continuous,
            false => Subject::Snapshots,
        }
    }

    /// Returns the shape of the ARNs of the type, with `*` for the id.
    #[must_use]
    pub fn arn_shape(&self, partition: &str, region: &str, account: &str) -> String {
        let types = KINDS.iter().flat_map(|row| row.types);
        let mut same = types.filter(|it| it.cloudformation == self.aws_type);
        let shape = same.find_map(|it| it.arn).unwrap_or("rds:cluster");
        let Some((service, resource)) = shape.split_once(':') else {
            return format!("arn:{partition}:{shape}:::*");
        };
        // The name of a stack is followed by its UUID.
        let resource = match self.aws_type {
            "AWS::CloudFormation::Stack" => "stack/*",
            _ => resource,
        };
        let separator = match service {
            "rds" | "redshift" => ':',
            _ => '/',
        };
        format!("arn:{partition}:{service}:{region}:{account}:{resource}{separator}*")
    }
}

/// Returns the row of a CloudFormation type.
#[must_use]
pub fn find_type(aws_type: &str) -> Option<&'static BackupType> {
    let same = SAME_AS.iter().find(|(it, _)| *it == aws_type);
    let aws_type = same.map_or(aws_type, |(_, same)| same);
    BACKUP_TYPES.iter().find(|row| row.aws_type == aws_type)
}

/// Returns the row of a resource; `None` if AWS Backup does not back it up.
#[must_use]
pub fn type_of(resource: Resource<'_>) -> Option<&'static BackupType> {
    if !resource.kind().has_backups() {
        return None;
    }
    match resource {
        Resource::Tagged(tagged) => find_type(&tagged.aws_type),
        _ => types_of_kind(resource.kind()).next(),
    }
}

/// Returns the rows of the types of a kind.
pub fn types_of_kind(kind: ResourceKind) -> impl Iterator<Item = &'static BackupType> {
    let types = kind.facts().types.iter();
    types.filter_map(|it| find_type(it.cloudformation))
}

/// Returns the row of the type with ARNs like this one. A cluster of DocumentDB or Neptune has those of
/// Aurora, whose backups need the same actions.
#[must_use]
pub fn type_of_arn(arn: &str) -> Option<&'static BackupType> {
    let arn = Arn::parse(arn)?;
    let types = KINDS.iter().flat_map(|row| row.types);
    let fitting = types.filter(|it| it.matches_arn(&arn));
    let specific = fitting.max_by_key(|it| it.arn.map_or(0, str::len))?;
    find_type(specific.cloudformation)
}

/// Returns what rules for continuous backups make of the type with ARNs like this one.
#[must_use]
pub fn subject_of_arn(arn: &str) -> Subject {
    type_of_arn(arn).map_or(Subject::Continuous, BackupType::subject)
}

/// Returns a resource's name in the opt-in settings. A Multi-AZ DB cluster shares its type with Aurora, and has
/// the name of RDS.
#[must_use]
pub fn opt_in_name(resource: Resource<'_>) -> Option<&'static str> {
    let of_kind = resource.kind().opt_in_name();
    of_kind.or_else(|| type_of(resource).map(|row| row.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_backed_up_has_a_row_with_the_name_of_its_kind() {
        for kind in KINDS.iter().filter(|row| row.kind.has_backups()) {
            for it in kind.types {
                let row = find_type(it.cloudformation);
                let row = row.unwrap_or_else(|| panic!("{}", it.cloudformation));
                assert!(row.needs.iter().any(|need| need.is_required));
                if let (Some(name), false) =
                    (kind.opt_in_name, kind.kind == ResourceKind::RdsCluster)
                {
                    assert_eq!(row.name, name);
                }
            }
        }
    }

    #[test]
    fn the_shape_of_a_type_is_that_of_its_arns() {
        for row in &BACKUP_TYPES {
            let arn = row
                .arn_shape("aws", "eu-central-1", "111122223333")
                .replace('*', "x");
            let found = type_of_arn(&arn).map(|it| it.needs.len());
            assert_eq!(found, Some(row.needs.len()), "{arn}");
        }
    }

    #[test]
    fn an_arn_names_its_type() {
        for (arn, want) in [
            ("arn:aws:ec2:eu-central-1:111122223333:volume/vol-1", "EBS"),
            ("arn:aws:s3:::ledger", "S3"),
            (
                "arn:aws:rds:eu-central-1:111122223333:cluster:shop",
                "Aurora",
            ),
            (
                "arn:aws:timestream:eu-central-1:111122223333:database/a/table/b",
                "Timestream",
            ),
            (
                "arn:aws:storagegateway:eu-central-1:111122223333:gateway/sgw-1/volume/vol-1",
                "Storage Gateway",
            ),
        ] {
            assert_eq!(type_of_arn(arn).map(|it| it.name), Some(want), "{arn}");
        }
        assert!(type_of_arn("arn:aws:sns:eu-central-1:111122223333:topic").is_none());
    }
}
