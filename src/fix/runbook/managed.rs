//! Runbooks for other storage: buckets, tables, file systems, Redshift and gateway volumes. The ids and
//! regions given are words of a shell.

use super::note::{KEY, WAITERS};
use crate::fix::change::Step;

/// Returns the steps that change the key of a bucket.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html>.
pub(super) fn encrypt_bucket(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(KEY),
        Step::note(
            "There is no downtime, but every principal that reads or writes objects needs permission to use the key, including the backup role. Existing objects keep their encryption until they are copied over themselves.",
        ),
        Step::run(
            format!(
                r#"aws s3api put-bucket-encryption --region {region} --bucket {id} --server-side-encryption-configuration '{{"Rules":[{{"ApplyServerSideEncryptionByDefault":{{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"'"$KEY_ARN"'"}},"BucketKeyEnabled":true}}]}}'"#
            ),
            &["s3:PutEncryptionConfiguration"],
        ),
    ]
}

/// Returns the steps that change the key of a table.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.tutorial.html>.
pub(super) fn encrypt_table(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(KEY),
        Step::note(
            "There is no downtime and no data is replaced, but every principal that reads or writes the table needs permission to use the key. A table is inaccessible while its key is disabled. The key of a table can be changed four times in 24 hours.",
        ),
        Step::run(
            format!(
                "aws dynamodb update-table --region {region} --table-name {id} --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId=\"$KEY_ARN\""
            ),
            &["dynamodb:UpdateTable", "kms:CreateGrant", "kms:DescribeKey"],
        ),
    ]
}

/// Returns the steps that replace a file system by one with another key.
///
/// Source: <https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html>.
pub(super) fn encrypt_file_system(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(KEY),
        Step::note(format!(
            "The key of a file system cannot be changed. Create a new file system, give it mount targets and the policies and tags of {id}, and copy the data, for example with AWS DataSync. Data written to the old file system after the copy is lost: stop writing before the last copy. Downtime lasts until all clients mount the new file system."
        )),
        Step::run(
            format!(
                "aws efs create-file-system --region {region} --encrypted --kms-key-id \"$KEY_ARN\" --creation-token \"$(uuidgen)\""
            ),
            &[
                "elasticfilesystem:CreateFileSystem",
                "kms:CreateGrant",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
            ],
        ),
        Step::note("Delete the old file system only after the new one has proved itself."),
    ]
}

/// Returns the steps that change the key of a Redshift cluster.
pub(super) fn encrypt_redshift_cluster(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(
            "AWS Backup cannot copy a Redshift cluster to another account with any key. This only changes the encryption; for a copy, UNLOAD the data to a bucket that is backed up.",
        ),
        Step::note(KEY),
        Step::note(
            "Downtime: the cluster is read-only for the hours in which Redshift moves its data. Choose a quiet time.",
        ),
        Step::run(
            format!(
                "aws redshift modify-cluster --region {region} --cluster-identifier {id} --encrypted --kms-key-id \"$KEY_ARN\""
            ),
            &["redshift:ModifyCluster"],
        ),
    ]
}

/// Returns the steps that change the key of a Redshift namespace.
pub(super) fn encrypt_redshift_namespace(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(
            "AWS Backup cannot copy a Redshift namespace to another account with any key. This only changes the encryption; for a copy, UNLOAD the data to a bucket that is backed up.",
        ),
        Step::note(KEY),
        Step::note("The namespace is not fully usable until Redshift has changed the key."),
        Step::run(
            format!(
                "aws redshift-serverless update-namespace --region {region} --namespace-name {id} --kms-key-id \"$KEY_ARN\""
            ),
            &["redshift-serverless:UpdateNamespace"],
        ),
    ]
}

/// Returns the steps that replace a gateway volume by one with another key.
pub(super) fn encrypt_gateway_volume(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(KEY),
        Step::note(WAITERS),
        Step::note(
            "Set VOLUME_ARN, GATEWAY_ARN, SIZE (in bytes), TARGET_NAME (a new one) and ADDRESS from `aws storagegateway describe-cached-iscsi-volumes`. For a stored volume, use create-stored-iscsi-volume and a local disk instead, with the same --snapshot-id, --kms-encrypted and --kms-key.",
        ),
        Step::note(
            "The key of a gateway volume cannot be changed. Stop writing to the volume: data written after the snapshot is lost.",
        ),
        Step::run(
            format!(
                "SNAPSHOT_ID=$(aws storagegateway create-snapshot --region {region} --volume-arn \"$VOLUME_ARN\" --snapshot-description 'before the change of key' --query SnapshotId --output text)  # of {id}"
            ),
            &["storagegateway:CreateSnapshot"],
        ),
        Step::run(
            format!(
                "aws ec2 wait snapshot-completed --region {region} --snapshot-ids \"$SNAPSHOT_ID\""
            ),
            &["ec2:DescribeSnapshots"],
        ),
        Step::run(
            format!(
                "aws storagegateway create-cached-iscsi-volume --region {region} --gateway-arn \"$GATEWAY_ARN\" --volume-size-in-bytes \"$SIZE\" --snapshot-id \"$SNAPSHOT_ID\" --target-name \"$TARGET_NAME\" --network-interface-id \"$ADDRESS\" --client-token \"$(uuidgen)\" --kms-encrypted --kms-key \"$KEY_ARN\""
            ),
            &["storagegateway:CreateCachediSCSIVolume"],
        ),
        Step::note(
            "Downtime: log the initiators out of the old target and in to the new one. Copy the tags of the old volume. Delete the old volume only after the new one has proved itself.",
        ),
    ]
}
