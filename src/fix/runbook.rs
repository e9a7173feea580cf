//! What cannot change in place, step by step: new storage under the right key, and the switch to it.

use crate::model::ResourceKind;
use crate::model::arn::Arn;

use super::build::MOST_TAGGED;
use super::shell::quote;

/// One step of a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What to know or to do before the next command.
    Say(String),
    /// A command. What stands in it as `"$NAME"` is for whoever runs it to set.
    Run {
        /// The command's text, quoted.
        command: String,
        /// The IAM actions that it takes.
        permissions: &'static [&'static str],
    },
}

impl Step {
    /// The IAM actions that it takes.
    pub fn permissions(&self) -> impl Iterator<Item = &'static str> {
        let permissions: &'static [&'static str] = match self {
            Step::Say(_) => &[],
            Step::Run { permissions, .. } => permissions,
        };
        permissions.iter().copied()
    }
}

fn say(text: impl Into<String>) -> Step {
    Step::Say(text.into())
}

fn run(command: impl Into<String>, permissions: &'static [&'static str]) -> Step {
    Step::Run {
        command: command.into(),
        permissions,
    }
}

/// Storage that cannot get another key in place, or only with an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Storage {
    Volume,
    DbInstance,
    AuroraCluster,
    /// One that is not encrypted: its snapshots get their key as they are restored, never as they are copied.
    PlainAuroraCluster,
    DbCluster,
    RedshiftCluster,
    RedshiftNamespace,
    GatewayVolume,
    Bucket,
    Table,
    FileSystem,
}

/// What the new key must be, whatever it encrypts.
const KEY: &str = "KEY_ARN is an enabled customer managed key of this account in this region whose policy lets the central account in: check it with `backup-check key-policy`.";

/// Source: <https://docs.aws.amazon.com/cli/latest/reference/ec2/wait/snapshot-completed.html>.
const WAITS: &str = "A `wait` gives up after 10 to 30 minutes. Then run it again on its own, not what stands before it, until it ends well.";

impl Storage {
    pub(super) fn of(kind: ResourceKind) -> Option<Self> {
        Some(match kind {
            ResourceKind::EbsVolume | ResourceKind::Ec2Instance => Storage::Volume,
            ResourceKind::RdsInstance => Storage::DbInstance,
            ResourceKind::AuroraCluster => Storage::AuroraCluster,
            ResourceKind::RdsCluster => Storage::DbCluster,
            ResourceKind::RedshiftCluster => Storage::RedshiftCluster,
            ResourceKind::RedshiftNamespace => Storage::RedshiftNamespace,
            ResourceKind::StorageGatewayVolume => Storage::GatewayVolume,
            ResourceKind::S3Bucket => Storage::Bucket,
            ResourceKind::DynamodbTable => Storage::Table,
            ResourceKind::EfsFileSystem => Storage::FileSystem,
            _ => return None,
        })
    }

    pub(super) fn title(self, ids: &[String], region: &str) -> String {
        let what = match self {
            Storage::Volume => "volume",
            Storage::DbInstance => "DB instance",
            Storage::AuroraCluster | Storage::PlainAuroraCluster => "Aurora cluster",
            Storage::DbCluster => "Multi-AZ DB cluster",
            Storage::RedshiftCluster => "Redshift cluster",
            Storage::RedshiftNamespace => "Redshift namespace",
            Storage::GatewayVolume => "gateway volume",
            Storage::Bucket => "bucket",
            Storage::Table => "table",
            Storage::FileSystem => "file system",
        };
        match ids {
            [id] => format!("Put {what} {id} under a customer managed key"),
            ids => format!(
                "Put {} {what}s in {region} under a customer managed key",
                ids.len()
            ),
        }
    }

    /// The steps, with the real id where there is one, else for one after the other.
    pub(super) fn steps(self, ids: &[String], region: &str) -> Vec<Step> {
        if let [id] = ids {
            return self.of_one(&quote(id), region);
        }
        let quoted: Vec<String> = ids.iter().map(|id| quote(id)).collect();
        let mut steps = vec![say(format!(
            "One after the other, with ID set to each of: {}",
            quoted.join(" ")
        ))];
        steps.extend(self.of_one("\"$ID\"", region));
        steps
    }

    fn of_one(self, id: &str, region: &str) -> Vec<Step> {
        let at = format!("--region {}", quote(region));
        match self {
            Storage::Volume => volume(id, &at),
            Storage::DbInstance => db_instance(id, &at),
            Storage::AuroraCluster => aurora_cluster(id, &at, true),
            Storage::PlainAuroraCluster => aurora_cluster(id, &at, false),
            Storage::Bucket => bucket(id, &at),
            Storage::Table => table(id, &at),
            Storage::FileSystem => file_system(id, &at),
            Storage::DbCluster => db_cluster(id, &at),
            Storage::RedshiftCluster => vec![
                say(
                    "AWS Backup cannot copy a Redshift cluster to another account under any key. This step mends the encryption alone: for a copy, UNLOAD to a bucket that is backed up.",
                ),
                say(KEY),
                say(
                    "Downtime: the cluster is read-only while Redshift moves its data, which may take hours. Choose a quiet hour.",
                ),
                run(
                    format!(
                        "aws redshift modify-cluster {at} --cluster-identifier {id} --encrypted --kms-key-id \"$KEY_ARN\""
                    ),
                    &["redshift:ModifyCluster"],
                ),
            ],
            Storage::RedshiftNamespace => vec![
                say(
                    "AWS Backup cannot copy a Redshift namespace to another account under any key. This step mends the encryption alone: for a copy, UNLOAD to a bucket that is backed up.",
                ),
                say(KEY),
                say("It is not fully usable until Redshift has changed the key."),
                run(
                    format!(
                        "aws redshift-serverless update-namespace {at} --namespace-name {id} --kms-key-id \"$KEY_ARN\""
                    ),
                    &["redshift-serverless:UpdateNamespace"],
                ),
            ],
            Storage::GatewayVolume => vec![
                say(KEY),
                say(WAITS),
                say(
                    "VOLUME_ARN, GATEWAY_ARN, SIZE (in bytes), TARGET_NAME (a new one) and ADDRESS are told by `aws storagegateway describe-cached-iscsi-volumes`. A stored volume is made with create-stored-iscsi-volume and a local disk instead, with the same --snapshot-id, --kms-encrypted and --kms-key.",
                ),
                say(
                    "The key of a gateway volume cannot be changed. Stop writing to it: what is written after the snapshot is lost.",
                ),
                run(
                    format!(
                        "SNAPSHOT_ID=$(aws storagegateway create-snapshot {at} --volume-arn \"$VOLUME_ARN\" --snapshot-description 'before the change of key' --query SnapshotId --output text)  # of {id}"
                    ),
                    &["storagegateway:CreateSnapshot"],
                ),
                run(
                    format!("aws ec2 wait snapshot-completed {at} --snapshot-ids \"$SNAPSHOT_ID\""),
                    &["ec2:DescribeSnapshots"],
                ),
                run(
                    format!(
                        "aws storagegateway create-cached-iscsi-volume {at} --gateway-arn \"$GATEWAY_ARN\" --volume-size-in-bytes \"$SIZE\" --snapshot-id \"$SNAPSHOT_ID\" --target-name \"$TARGET_NAME\" --network-interface-id \"$ADDRESS\" --client-token \"$(uuidgen)\" --kms-encrypted --kms-key \"$KEY_ARN\""
                    ),
                    &["storagegateway:CreateCachediSCSIVolume"],
                ),
                say(
                    "Downtime: let the initiators log out of the old target and in to the new one. Tag the new volume as the old one was. Delete the old one only when the new one has been used for a while.",
                ),
            ],
        }
    }
}

fn volume(id: &str, at: &str) -> Vec<Step> {
    vec![
        say(KEY),
        say(WAITS),
        say(
            "INSTANCE_ID and DEVICE say where it is attached. AVAILABILITY_ZONE and VOLUME_TYPE are those of the old volume; give create-volume its --iops, --throughput and tags, too. A volume that is attached nowhere needs no stop, detach, attach and start.",
        ),
        run(
            format!("aws ec2 describe-volumes {at} --volume-ids {id}"),
            &["ec2:DescribeVolumes"],
        ),
        say(
            "Downtime begins: stop the instance that it is attached to. What is written after the snapshot is lost, so nothing may write. Stopping loses what is on instance store and a public address that is not an Elastic IP. An Auto Scaling group replaces an instance that stops, and its volumes with it: put the instance on standby first.",
        ),
        run(
            format!(
                "aws ec2 stop-instances {at} --instance-ids \"$INSTANCE_ID\" && aws ec2 wait instance-stopped {at} --instance-ids \"$INSTANCE_ID\""
            ),
            &["ec2:StopInstances", "ec2:DescribeInstances"],
        ),
        run(
            format!(
                "SNAPSHOT_ID=$(aws ec2 create-snapshot {at} --volume-id {id} --description 'before the change of key' --query SnapshotId --output text) && aws ec2 wait snapshot-completed {at} --snapshot-ids \"$SNAPSHOT_ID\""
            ),
            &["ec2:CreateSnapshot", "ec2:DescribeSnapshots"],
        ),
        run(
            format!(
                "COPY_ID=$(aws ec2 copy-snapshot {at} --source-region {} --source-snapshot-id \"$SNAPSHOT_ID\" --encrypted --kms-key-id \"$KEY_ARN\" --query SnapshotId --output text) && aws ec2 wait snapshot-completed {at} --snapshot-ids \"$COPY_ID\"",
                at.trim_start_matches("--region ")
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
        run(
            format!(
                "VOLUME_ID=$(aws ec2 create-volume {at} --snapshot-id \"$COPY_ID\" --availability-zone \"$AVAILABILITY_ZONE\" --volume-type \"$VOLUME_TYPE\" --query VolumeId --output text) && aws ec2 wait volume-available {at} --volume-ids \"$VOLUME_ID\""
            ),
            &["ec2:CreateVolume"],
        ),
        run(
            format!(
                "aws ec2 detach-volume {at} --volume-id {id} && aws ec2 wait volume-available {at} --volume-ids {id}"
            ),
            &["ec2:DetachVolume"],
        ),
        run(
            format!(
                "aws ec2 attach-volume {at} --volume-id \"$VOLUME_ID\" --instance-id \"$INSTANCE_ID\" --device \"$DEVICE\""
            ),
            &["ec2:AttachVolume"],
        ),
        run(
            format!("aws ec2 start-instances {at} --instance-ids \"$INSTANCE_ID\""),
            &["ec2:StartInstances"],
        ),
        say(
            "Downtime ends when the instance is up. The new volume is kept when the instance is terminated, also where the old one was not. An Auto Scaling group or infrastructure code would bring the old encryption back: change it there too. Delete the old volume and the first snapshot only when the new one has been used for a while.",
        ),
    ]
}

fn db_instance(id: &str, at: &str) -> Vec<Step> {
    let region = at.trim_start_matches("--region ");
    vec![
        say(KEY),
        say(WAITS),
        run(
            format!("aws rds describe-db-instances {at} --db-instance-identifier {id}"),
            &["rds:DescribeDBInstances"],
        ),
        say(
            "Downtime begins: stop the applications that write to it. What is written after the snapshot is lost.",
        ),
        run(
            format!(
                "aws rds create-db-snapshot {at} --db-instance-identifier {id} --db-snapshot-identifier \"$SNAPSHOT\" && aws rds wait db-snapshot-available {at} --db-snapshot-identifier \"$SNAPSHOT\""
            ),
            &["rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"],
        ),
        run(
            format!(
                "aws rds copy-db-snapshot {at} --source-region {region} --source-db-snapshot-identifier \"$SNAPSHOT\" --target-db-snapshot-identifier \"$SNAPSHOT-rekeyed\" --kms-key-id \"$KEY_ARN\" --copy-tags && aws rds wait db-snapshot-available {at} --db-snapshot-identifier \"$SNAPSHOT-rekeyed\""
            ),
            &["rds:CopyDBSnapshot", "kms:CreateGrant", "kms:DescribeKey"],
        ),
        say(
            "Restore under a new name, with the class, subnet group, security groups, parameter and option group of the old one, and --multi-az where it has a standby: a restore takes defaults where none is named.",
        ),
        run(
            format!(
                "aws rds restore-db-instance-from-db-snapshot {at} --db-snapshot-identifier \"$SNAPSHOT-rekeyed\" --db-instance-identifier \"$NEW_ID\" --db-instance-class \"$CLASS\" --db-subnet-group-name \"$SUBNET_GROUP\" --vpc-security-group-ids \"$SECURITY_GROUP\" --db-parameter-group-name \"$PARAMETER_GROUP\" --option-group-name \"$OPTION_GROUP\" --copy-tags-to-snapshot && aws rds wait db-instance-available {at} --db-instance-identifier \"$NEW_ID\""
            ),
            &[
                "rds:RestoreDBInstanceFromDBSnapshot",
                "rds:DescribeDBInstances",
            ],
        ),
        say(
            "Tag the new instance as the old one was: without its backup tag nothing backs it up. Switch over: give the old instance another name and, once it is available under it, the new one the old name. Each restarts. The endpoint stays the same.",
        ),
        run(
            format!(
                "aws rds modify-db-instance {at} --db-instance-identifier {id} --new-db-instance-identifier \"$OLD_ID\" --apply-immediately"
            ),
            &["rds:ModifyDBInstance"],
        ),
        run(
            format!(
                "aws rds modify-db-instance {at} --db-instance-identifier \"$NEW_ID\" --new-db-instance-identifier {id} --apply-immediately"
            ),
            &["rds:ModifyDBInstance"],
        ),
        say(
            "Start the applications: downtime ends here. Read replicas and automated backups of the old instance do not come along. Delete it only when the new one has been used for a while, with a final snapshot.",
        ),
    ]
}

/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html>: an
/// unencrypted snapshot of a cluster cannot be copied with a key.
fn aurora_cluster(id: &str, at: &str, is_encrypted: bool) -> Vec<Step> {
    let mut steps = vec![
        say(KEY),
        say(WAITS),
        run(
            format!("aws rds describe-db-clusters {at} --db-cluster-identifier {id}"),
            &["rds:DescribeDBClusters"],
        ),
        say(
            "Downtime begins: stop the applications that write to it. What is written after the snapshot is lost.",
        ),
        run(
            format!(
                "aws rds create-db-cluster-snapshot {at} --db-cluster-identifier {id} --db-cluster-snapshot-identifier \"$SNAPSHOT\" && aws rds wait db-cluster-snapshot-available {at} --db-cluster-snapshot-identifier \"$SNAPSHOT\""
            ),
            &[
                "rds:CreateDBClusterSnapshot",
                "rds:DescribeDBClusterSnapshots",
            ],
        ),
    ];
    if is_encrypted {
        steps.push(run(
            format!(
                "aws rds copy-db-cluster-snapshot {at} --source-db-cluster-snapshot-identifier \"$SNAPSHOT\" --target-db-cluster-snapshot-identifier \"$SNAPSHOT-rekeyed\" --kms-key-id \"$KEY_ARN\" --copy-tags && aws rds wait db-cluster-snapshot-available {at} --db-cluster-snapshot-identifier \"$SNAPSHOT-rekeyed\""
            ),
            &[
                "rds:CopyDBClusterSnapshot",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
        ));
    } else {
        steps.push(say(
            "A snapshot of a cluster that is not encrypted gets its key as it is restored: copying it with a key is refused.",
        ));
    }
    let snapshot = match is_encrypted {
        true => "\"$SNAPSHOT-rekeyed\"",
        false => "\"$SNAPSHOT\"",
    };
    steps.extend([
        run(
            format!(
                "aws rds restore-db-cluster-from-snapshot {at} --snapshot-identifier {snapshot} --db-cluster-identifier \"$NEW_ID\" --engine \"$ENGINE\" --engine-version \"$ENGINE_VERSION\" --kms-key-id \"$KEY_ARN\" --db-subnet-group-name \"$SUBNET_GROUP\" --vpc-security-group-ids \"$SECURITY_GROUP\" --db-cluster-parameter-group-name \"$PARAMETER_GROUP\" && aws rds wait db-cluster-available {at} --db-cluster-identifier \"$NEW_ID\""
            ),
            &[
                "rds:RestoreDBClusterFromSnapshot",
                "rds:DescribeDBClusters",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
        ),
        run(
            format!(
                "aws rds create-db-instance {at} --db-instance-identifier \"$NEW_ID-1\" --db-cluster-identifier \"$NEW_ID\" --engine \"$ENGINE\" --db-instance-class \"$CLASS\" && aws rds wait db-instance-available {at} --db-instance-identifier \"$NEW_ID-1\""
            ),
            &["rds:CreateDBInstance", "rds:DescribeDBInstances"],
        ),
        say(
            "Tag the new cluster as the old one was: without its backup tag nothing backs it up. Switch over: give the old cluster another name and, once it is available under it, the new one the old name.",
        ),
        run(
            format!(
                "aws rds modify-db-cluster {at} --db-cluster-identifier {id} --new-db-cluster-identifier \"$OLD_ID\" --apply-immediately"
            ),
            &["rds:ModifyDBCluster"],
        ),
        run(
            format!(
                "aws rds modify-db-cluster {at} --db-cluster-identifier \"$NEW_ID\" --new-db-cluster-identifier {id} --apply-immediately"
            ),
            &["rds:ModifyDBCluster"],
        ),
        say(
            "Start the applications: downtime ends here. Each further reader is another create-db-instance. Delete the old cluster only when the new one has been used for a while, with a final snapshot.",
        ),
    ]);
    steps
}

fn db_cluster(id: &str, at: &str) -> Vec<Step> {
    let mut steps = vec![
        say(
            "AWS Backup cannot copy a Multi-AZ DB cluster to another account under any key. Restore it as a DB instance with one standby, and put that under the key.",
        ),
        say(
            "Downtime begins: stop the applications that write to it. What is written after the snapshot is lost.",
        ),
        run(
            format!(
                "aws rds create-db-cluster-snapshot {at} --db-cluster-identifier {id} --db-cluster-snapshot-identifier \"$CLUSTER_SNAPSHOT\" && aws rds wait db-cluster-snapshot-available {at} --db-cluster-snapshot-identifier \"$CLUSTER_SNAPSHOT\""
            ),
            &[
                "rds:CreateDBClusterSnapshot",
                "rds:DescribeDBClusterSnapshots",
            ],
        ),
        run(
            format!(
                "aws rds restore-db-instance-from-db-snapshot {at} --db-cluster-snapshot-identifier \"$CLUSTER_SNAPSHOT\" --db-instance-identifier \"$INSTANCE_ID\" --db-instance-class \"$CLASS\" --db-subnet-group-name \"$SUBNET_GROUP\" --vpc-security-group-ids \"$SECURITY_GROUP\" && aws rds wait db-instance-available {at} --db-instance-identifier \"$INSTANCE_ID\""
            ),
            &[
                "rds:RestoreDBInstanceFromDBSnapshot",
                "rds:DescribeDBInstances",
            ],
        ),
        say(
            "From here on as for any DB instance. Applications need the new endpoint: that of a cluster does not come along. Delete the cluster only when the instance has been used for a while, with a final snapshot.",
        ),
    ];
    steps.extend(db_instance("\"$INSTANCE_ID\"", at));
    steps
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html>.
fn bucket(id: &str, at: &str) -> Vec<Step> {
    vec![
        say(KEY),
        say(
            "Nothing stops, but whoever reads or writes objects must be allowed to use the key, the backup role too. Objects that exist keep their encryption until they are copied over themselves.",
        ),
        run(
            format!(
                r#"aws s3api put-bucket-encryption {at} --bucket {id} --server-side-encryption-configuration '{{"Rules":[{{"ApplyServerSideEncryptionByDefault":{{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"'"$KEY_ARN"'"}},"BucketKeyEnabled":true}}]}}'"#
            ),
            &["s3:PutEncryptionConfiguration"],
        ),
    ]
}

/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.tutorial.html>.
fn table(id: &str, at: &str) -> Vec<Step> {
    vec![
        say(KEY),
        say(
            "Nothing stops and no data is replaced, but whoever reads or writes the table must be allowed to use the key, and a table whose key is turned off cannot be reached. A table's key can be changed four times in 24 hours.",
        ),
        run(
            format!(
                "aws dynamodb update-table {at} --table-name {id} --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId=\"$KEY_ARN\""
            ),
            &["dynamodb:UpdateTable", "kms:CreateGrant", "kms:DescribeKey"],
        ),
    ]
}

/// Source: <https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html>.
fn file_system(id: &str, at: &str) -> Vec<Step> {
    vec![
        say(KEY),
        say(format!(
            "The key of a file system cannot be changed. Make a new one, give it mount targets and the policies and tags of {id}, and copy the data, with AWS DataSync for instance. What is written to the old one after the copy is lost: stop writing before the last copy. Downtime lasts until all clients mount the new one."
        )),
        run(
            format!(
                "aws efs create-file-system {at} --encrypted --kms-key-id \"$KEY_ARN\" --creation-token \"$(uuidgen)\""
            ),
            &[
                "elasticfilesystem:CreateFileSystem",
                "kms:CreateGrant",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
            ],
        ),
        say("Delete the old file system only when the new one has been used for a while."),
    ]
}

/// A gateway endpoint for a VPC all of whose subnets reach the internet directly.
pub(super) fn public_endpoint(region: &str, vpc_id: &str, tables: &[String]) -> Vec<Step> {
    let tables: Vec<String> = tables.iter().map(|it| quote(it)).collect();
    vec![
        say(
            "Every route table of the VPC leads to an internet gateway, so S3 is reached without an endpoint, too. Take the route tables of the subnets whose traffic to S3 is to stay inside AWS. Open connections to S3 of these subnets break at this moment, and traffic then comes from private addresses: choose a quiet hour.",
        ),
        run(
            format!(
                "aws ec2 create-vpc-endpoint --region {} --vpc-id {} --vpc-endpoint-type Gateway --service-name {} --route-table-ids {}",
                quote(region),
                quote(vpc_id),
                quote(&format!("com.amazonaws.{region}.s3")),
                tables.join(" ")
            ),
            &["ec2:CreateVpcEndpoint"],
        ),
    ]
}

/// How a key that is disabled, or waits to be deleted, is used again; none where nothing brings it back.
pub(super) fn revive(arn: &str, state: Option<&str>) -> Option<Vec<Step>> {
    let region = Arn::parse(arn).map_or("", |arn| arn.region);
    let at = format!("--region {} --key-id {}", quote(region), quote(arn));
    let enable = run(format!("aws kms enable-key {at}"), &["kms:EnableKey"]);
    let why = say(
        "Find out first why it was turned off: whoever did so may have meant that nothing can be read any more.",
    );
    match state {
        Some("Disabled") => Some(vec![why, enable]),
        Some("PendingDeletion" | "PendingReplicaDeletion") => Some(vec![
            why,
            say("Its deletion cannot be taken back once the waiting time is over."),
            run(
                format!("aws kms cancel-key-deletion {at}"),
                &["kms:CancelKeyDeletion"],
            ),
            enable,
        ]),
        _ => None,
    }
}

/// How the own account's IAM gets its say over a key again.
pub(super) fn local_use(arn: &str, account: Option<&str>) -> Vec<Step> {
    let parsed = Arn::parse(arn);
    let at = format!(
        "--region {} --key-id {}",
        quote(parsed.map_or("", |arn| arn.region)),
        quote(arn)
    );
    let partition = parsed.map_or("aws", |arn| arn.partition);
    let account = account
        .or(parsed.map(|arn| arn.account))
        .unwrap_or_default();
    let statement = format!(
        r#"{{"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {{"AWS": "arn:{partition}:iam::{account}:root"}}, "Action": "kms:*", "Resource": "*"}}"#
    );
    vec![
        say(
            "The account's own IAM has no say over the key, so its backup role cannot use it. With this statement, which a key's default policy has, IAM decides; or name the backup role alone with the actions of the guide. IAM cannot allow this change either: somebody whom the policy itself lets administer the key must make it.",
        ),
        run(
            format!(
                "aws kms get-key-policy {at} --policy-name default --query Policy --output text >policy.json  # add to its Statement: {statement}"
            ),
            &["kms:GetKeyPolicy"],
        ),
        run(
            format!(
                "aws kms put-key-policy {at} --policy-name default --policy file://policy.json"
            ),
            &["kms:PutKeyPolicy"],
        ),
    ]
}

/// How RDS is told to make backups of its own.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.Enabling.html>.
pub(super) fn automated_backups(arn: &str) -> Vec<Step> {
    let parsed = Arn::parse(arn);
    let region = quote(parsed.map_or("", |arn| arn.region));
    let id = quote(parsed.map_or(arn, |arn| arn.resource_id()));
    if parsed.is_some_and(|arn| arn.resource.starts_with("cluster:")) {
        return vec![run(
            format!(
                "aws rds modify-db-cluster --region {region} --db-cluster-identifier {id} --backup-retention-period 7 --apply-immediately"
            ),
            &["rds:ModifyDBCluster"],
        )];
    }
    vec![
        say(
            "Downtime: going from no automated backups to some restarts the instance. Without --apply-immediately it happens in the next maintenance window.",
        ),
        run(
            format!(
                "aws rds modify-db-instance --region {region} --db-instance-identifier {id} --backup-retention-period 7"
            ),
            &["rds:ModifyDBInstance"],
        ),
    ]
}

/// How resources are tagged where somebody must decide with what.
pub(super) fn tag(arns: &[String], key: &str, region: &str, words: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = words.iter().map(say).collect();
    let is_stack = |arn: &&String| Arn::parse(arn).is_some_and(|it| it.service == "cloudformation");
    let (stacks, others): (Vec<&String>, Vec<&String>) = arns.iter().partition(is_stack);
    if !stacks.is_empty() {
        steps.push(say(
            "The tags of a stack are set when it is updated: put them into its deployment.",
        ));
    }
    // Each word holds what its owner put into it; the value is for whoever decides.
    let tag = quote(&format!("{key}="));
    for arns in others.chunks(MOST_TAGGED) {
        let arns: Vec<String> = arns.iter().map(|arn| quote(arn)).collect();
        steps.push(run(
            format!(
                "aws resourcegroupstaggingapi tag-resources --region {} --tags {tag}\"$VALUE\" --resource-arn-list {}  # enabled, disabled or custom",
                quote(region),
                arns.join(" ")
            ),
            &["tag:TagResources"],
        ));
    }
    steps
}
