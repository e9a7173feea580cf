//! Runbooks for databases of RDS and Aurora.

use super::note::{KEY, WAITERS};
use crate::fix::change::Step;

const STOP_WRITES: &str = "Downtime starts here: stop the applications that write to the database. Data written after the snapshot is lost.";

/// Returns the steps that replace a DB instance by one with another key. The id and the region are words
/// of a shell.
pub(super) fn encrypt_db_instance(id: &str, region: &str) -> Vec<Step> {
    let mut steps = copy_db_instance_snapshot(id, region);
    steps.extend(restore_db_instance(id, region));
    steps
}

fn copy_db_instance_snapshot(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(KEY),
        Step::note(WAITERS),
        Step::run(
            format!(
                "aws rds describe-db-instances --region {region} --db-instance-identifier {id}"
            ),
            &["rds:DescribeDBInstances"],
        ),
        Step::note(STOP_WRITES),
        Step::run(
            format!(
                "aws rds create-db-snapshot --region {region} --db-instance-identifier {id} --db-snapshot-identifier \"$SNAPSHOT\" && aws rds wait db-snapshot-available --region {region} --db-snapshot-identifier \"$SNAPSHOT\""
            ),
            &["rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"],
        ),
        Step::run(
            format!(
                "aws rds copy-db-snapshot --region {region} --source-region {region} --source-db-snapshot-identifier \"$SNAPSHOT\" --target-db-snapshot-identifier \"$SNAPSHOT-rekeyed\" --kms-key-id \"$KEY_ARN\" --copy-tags && aws rds wait db-snapshot-available --region {region} --db-snapshot-identifier \"$SNAPSHOT-rekeyed\""
            ),
            &["rds:CopyDBSnapshot", "kms:CreateGrant", "kms:DescribeKey"],
        ),
    ]
}

fn restore_db_instance(id: &str, region: &str) -> Vec<Step> {
    vec![
        Step::note(
            "Restore under a new name with the class, subnet group, security groups, parameter group and option group of the old instance, and with --multi-az if it has a standby: a restore uses defaults for what is not specified.",
        ),
        Step::run(
            format!(
                "aws rds restore-db-instance-from-db-snapshot --region {region} --db-snapshot-identifier \"$SNAPSHOT-rekeyed\" --db-instance-identifier \"$NEW_ID\" --db-instance-class \"$CLASS\" --db-subnet-group-name \"$SUBNET_GROUP\" --vpc-security-group-ids \"$SECURITY_GROUP\" --db-parameter-group-name \"$PARAMETER_GROUP\" --option-group-name \"$OPTION_GROUP\" --copy-tags-to-snapshot && aws rds wait db-instance-available --region {region} --db-instance-identifier \"$NEW_ID\""
            ),
            &[
                "rds:RestoreDBInstanceFromDBSnapshot",
                "rds:DescribeDBInstances",
            ],
        ),
        Step::note(
            "Copy the tags of the old instance: without its backup tag, the new instance is not backed up. Then switch over: rename the old instance and, once it is available under its new name, give the new instance the old name. Each rename restarts the instance. The endpoint does not change.",
        ),
        Step::run(
            format!(
                "aws rds modify-db-instance --region {region} --db-instance-identifier {id} --new-db-instance-identifier \"$OLD_ID\" --apply-immediately"
            ),
            &["rds:ModifyDBInstance"],
        ),
        Step::run(
            format!(
                "aws rds modify-db-instance --region {region} --db-instance-identifier \"$NEW_ID\" --new-db-instance-identifier {id} --apply-immediately"
            ),
            &["rds:ModifyDBInstance"],
        ),
        Step::note(
            "Start the applications: downtime ends here. Read replicas and automated backups of the old instance are not transferred. Delete the old instance, with a final snapshot, only after the new one has proved itself.",
        ),
    ]
}

/// Returns the steps that replace an Aurora cluster by one with another key. The id and the region are
/// words of a shell.
///
/// An unencrypted snapshot of a cluster cannot be copied with a key.
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html>.
pub(super) fn encrypt_aurora_cluster(id: &str, region: &str, is_encrypted: bool) -> Vec<Step> {
    let mut steps = vec![
        Step::note(KEY),
        Step::note(WAITERS),
        Step::run(
            format!("aws rds describe-db-clusters --region {region} --db-cluster-identifier {id}"),
            &["rds:DescribeDBClusters"],
        ),
        Step::note(STOP_WRITES),
        snapshot_cluster(id, region, "\"$SNAPSHOT\""),
    ];
    let snapshot = if is_encrypted {
        steps.push(copy_cluster_snapshot(region));
        "\"$SNAPSHOT-rekeyed\""
    } else {
        steps.push(Step::note(
            "A snapshot of an unencrypted cluster gets its key when it is restored: RDS rejects a copy with a key.",
        ));
        "\"$SNAPSHOT\""
    };
    steps.extend(restore_cluster(region, snapshot));
    steps.extend(switch_clusters(id, region));
    steps
}

fn snapshot_cluster(id: &str, region: &str, snapshot: &str) -> Step {
    Step::run(
        format!(
            "aws rds create-db-cluster-snapshot --region {region} --db-cluster-identifier {id} --db-cluster-snapshot-identifier {snapshot} && aws rds wait db-cluster-snapshot-available --region {region} --db-cluster-snapshot-identifier {snapshot}"
        ),
        &[
            "rds:CreateDBClusterSnapshot",
            "rds:DescribeDBClusterSnapshots",
        ],
    )
}

fn copy_cluster_snapshot(region: &str) -> Step {
    Step::run(
        format!(
            "aws rds copy-db-cluster-snapshot --region {region} --source-db-cluster-snapshot-identifier \"$SNAPSHOT\" --target-db-cluster-snapshot-identifier \"$SNAPSHOT-rekeyed\" --kms-key-id \"$KEY_ARN\" --copy-tags && aws rds wait db-cluster-snapshot-available --region {region} --db-cluster-snapshot-identifier \"$SNAPSHOT-rekeyed\""
        ),
        &[
            "rds:CopyDBClusterSnapshot",
            "kms:CreateGrant",
            "kms:DescribeKey",
        ],
    )
}

fn restore_cluster(region: &str, snapshot: &str) -> [Step; 2] {
    [
        Step::run(
            format!(
                "aws rds restore-db-cluster-from-snapshot --region {region} --snapshot-identifier {snapshot} --db-cluster-identifier \"$NEW_ID\" --engine \"$ENGINE\" --engine-version \"$ENGINE_VERSION\" --kms-key-id \"$KEY_ARN\" --db-subnet-group-name \"$SUBNET_GROUP\" --vpc-security-group-ids \"$SECURITY_GROUP\" --db-cluster-parameter-group-name \"$PARAMETER_GROUP\" && aws rds wait db-cluster-available --region {region} --db-cluster-identifier \"$NEW_ID\""
            ),
            &[
                "rds:RestoreDBClusterFromSnapshot",
                "rds:DescribeDBClusters",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
        ),
        Step::run(
            format!(
                "aws rds create-db-instance --region {region} --db-instance-identifier \"$NEW_ID-1\" --db-cluster-identifier \"$NEW_ID\" --engine \"$ENGINE\" --db-instance-class \"$CLASS\" && aws rds wait db-instance-available --region {region} --db-instance-identifier \"$NEW_ID-1\""
            ),
            &["rds:CreateDBInstance", "rds:DescribeDBInstances"],
        ),
    ]
}

fn switch_clusters(id: &str, region: &str) -> [Step; 4] {
    [
        Step::note(
            "Copy the tags of the old cluster: without its backup tag, the new cluster is not backed up. Then switch over: rename the old cluster and, once it is available under its new name, give the new cluster the old name.",
        ),
        Step::run(
            format!(
                "aws rds modify-db-cluster --region {region} --db-cluster-identifier {id} --new-db-cluster-identifier \"$OLD_ID\" --apply-immediately"
            ),
            &["rds:ModifyDBCluster"],
        ),
        Step::run(
            format!(
                "aws rds modify-db-cluster --region {region} --db-cluster-identifier \"$NEW_ID\" --new-db-cluster-identifier {id} --apply-immediately"
            ),
            &["rds:ModifyDBCluster"],
        ),
        Step::note(
            "Start the applications: downtime ends here. Run create-db-instance once more for each further reader. Delete the old cluster, with a final snapshot, only after the new one has proved itself.",
        ),
    ]
}

/// Returns the steps that replace a Multi-AZ DB cluster by a DB instance with another key. The id and
/// the region are words of a shell.
pub(super) fn replace_db_cluster(id: &str, region: &str) -> Vec<Step> {
    let mut steps = vec![
        Step::note(
            "AWS Backup cannot copy a Multi-AZ DB cluster to another account with any key. Restore it as a DB instance with one standby, then change the key of the instance.",
        ),
        Step::note(STOP_WRITES),
        snapshot_cluster(id, region, "\"$CLUSTER_SNAPSHOT\""),
        Step::run(
            format!(
                "aws rds restore-db-instance-from-db-snapshot --region {region} --db-cluster-snapshot-identifier \"$CLUSTER_SNAPSHOT\" --db-instance-identifier \"$INSTANCE_ID\" --db-instance-class \"$CLASS\" --db-subnet-group-name \"$SUBNET_GROUP\" --vpc-security-group-ids \"$SECURITY_GROUP\" && aws rds wait db-instance-available --region {region} --db-instance-identifier \"$INSTANCE_ID\""
            ),
            &[
                "rds:RestoreDBInstanceFromDBSnapshot",
                "rds:DescribeDBInstances",
            ],
        ),
        Step::note(
            "Continue as for any DB instance. The cluster's endpoint is not transferred: applications need the new one. Delete the cluster, with a final snapshot, only after the instance has proved itself.",
        ),
    ];
    steps.extend(encrypt_db_instance("\"$INSTANCE_ID\"", region));
    steps
}
