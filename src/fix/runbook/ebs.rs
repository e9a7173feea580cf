//! Runbook for EBS volumes.

use super::note::{KEY, WAITERS};
use crate::fix::change::Step;

/// Returns the steps that replace a volume by one with another key. The id and the region are words of
/// a shell.
pub(super) fn encrypt_volume(id: &str, region: &str) -> Vec<Step> {
    let mut steps = stop_instance(id, region);
    steps.extend(copy_volume(id, region));
    steps.extend(swap_volumes(id, region));
    steps
}

fn stop_instance(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(KEY),
        Step::note(WAITERS),
        Step::note(
            "Set INSTANCE_ID and DEVICE from the volume's attachment, and AVAILABILITY_ZONE and VOLUME_TYPE from the volume. Pass its --iops, --throughput and tags to create-volume too. For a volume without an attachment, leave out stop, detach, attach and start.",
        ),
        Step::run(
            format!("aws ec2 describe-volumes --region {region} --volume-ids {id}"),
            &["ec2:DescribeVolumes"],
        ),
        Step::note(
            "Downtime starts here: stop the instance. Data written after the snapshot is lost, so nothing may write to the volume. A stop also loses instance store data and a public IP address that is not an Elastic IP address. An Auto Scaling group replaces a stopped instance together with its volumes: put the instance on standby first.",
        ),
        Step::run(
            format!(
                "aws ec2 stop-instances --region {region} --instance-ids \"$INSTANCE_ID\" && aws ec2 wait instance-stopped --region {region} --instance-ids \"$INSTANCE_ID\""
            ),
            &["ec2:StopInstances", "ec2:DescribeInstances"],
        ),
    ]
}

fn copy_volume(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::run(
            format!(
                "SNAPSHOT_ID=$(aws ec2 create-snapshot --region {region} --volume-id {id} --description 'before the change of key' --query SnapshotId --output text) && aws ec2 wait snapshot-completed --region {region} --snapshot-ids \"$SNAPSHOT_ID\""
            ),
            &["ec2:CreateSnapshot", "ec2:DescribeSnapshots"],
        ),
        Step::run(
            format!(
                "COPY_ID=$(aws ec2 copy-snapshot --region {region} --source-region {region} --source-snapshot-id \"$SNAPSHOT_ID\" --encrypted --kms-key-id \"$KEY_ARN\" --query SnapshotId --output text) && aws ec2 wait snapshot-completed --region {region} --snapshot-ids \"$COPY_ID\""
            ),
            &[
                "ec2:CopySnapshot",
                "kms:CreateGrant",
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
        ),
        Step::run(
            format!(
                "VOLUME_ID=$(aws ec2 create-volume --region {region} --snapshot-id \"$COPY_ID\" --availability-zone \"$AVAILABILITY_ZONE\" --volume-type \"$VOLUME_TYPE\" --query VolumeId --output text) && aws ec2 wait volume-available --region {region} --volume-ids \"$VOLUME_ID\""
            ),
            &["ec2:CreateVolume"],
        ),
    ]
}

fn swap_volumes(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::run(
            format!(
                "aws ec2 detach-volume --region {region} --volume-id {id} && aws ec2 wait volume-available --region {region} --volume-ids {id}"
            ),
            &["ec2:DetachVolume"],
        ),
        Step::run(
            format!(
                "aws ec2 attach-volume --region {region} --volume-id \"$VOLUME_ID\" --instance-id \"$INSTANCE_ID\" --device \"$DEVICE\""
            ),
            &["ec2:AttachVolume"],
        ),
        Step::run(
            format!("aws ec2 start-instances --region {region} --instance-ids \"$INSTANCE_ID\""),
            &["ec2:StartInstances"],
        ),
        Step::note(
            "Downtime ends when the instance is running. The new volume is kept when the instance is terminated, even if the old one was not. Change the encryption in launch templates and infrastructure code too, or they bring the old one back. Delete the old volume and the first snapshot only after the new volume has proved itself.",
        ),
    ]
}
