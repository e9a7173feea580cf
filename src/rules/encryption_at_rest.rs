use crate::analysis::encryption::{check_each_part, stored, use_customer_key};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::fact::Fact;
use crate::model::kind::BackupKey;
use crate::model::service::Service;
use crate::model::{Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Storage whose backup inherits its encryption is encrypted: EBS volumes, the volumes of EC2
    /// instances, RDS, Aurora, Redshift and Storage Gateway volumes.
    ///
    /// An AWS owned key is encryption too: the default of new Aurora clusters since February 2026, which
    /// the RDS API reports as `sse-rds`, and of Redshift. `encryption-customer-key` checks which key it is.
    ///
    /// A Storage Gateway volume without a KMS key is encrypted by S3. Its snapshot, which is the backup, is
    /// not encrypted.
    ///
    /// ## Why it matters
    ///
    /// The company guide requires encryption. AWS does not need it for a copy: the copy of an
    /// unencrypted EBS volume, RDS instance or Storage Gateway volume is encrypted with the key of the
    /// central vault. The copy of an unencrypted Aurora cluster *stays unencrypted* in the central account.
    ///
    /// ## Fix
    ///
    /// Encryption cannot be enabled in place, except for Redshift. Take a snapshot, copy it with a
    /// customer managed key, restore from the copy, and switch over.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>
    /// - <https://docs.aws.amazon.com/redshift/latest/mgmt/changing-cluster-encryption.html>
    /// - <https://docs.aws.amazon.com/storagegateway/latest/vgw/encryption.html>
    RULE = Rule {
        id: "encryption-at-rest",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "Storage is encrypted",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Any(check_resource),
        reads: &[Fact::Resources(Service::Ebs)],
        is_of_encryption: true,
        concerns: |kind| kind.backup_key == BackupKey::Inherited,
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let worst = check_each_part(&stored(cx, resource)?, |part| {
        Ok(match part.encrypted.clone()? {
            true if part.has_aws_owned_key() => Outcome::pass("encrypted with an AWS owned key"),
            true => Outcome::pass("encrypted"),
            false => report_unencrypted(resource.kind())
                .remedy(use_customer_key(cx, resource, part.id, false)),
        })
    });
    Ok(worst.unwrap_or_else(|| Outcome::skip("no storage whose encryption its backup inherits")))
}

fn report_unencrypted(kind: ResourceKind) -> Outcome {
    let (message, fix) = match kind {
        ResourceKind::AuroraCluster
        | ResourceKind::DocumentdbCluster
        | ResourceKind::NeptuneCluster => (
            "not encrypted; its copy in the central account stays unencrypted too",
            "Restore a snapshot to a new cluster with a customer managed key, and switch over.",
        ),
        ResourceKind::RdsCluster => (
            "not encrypted (AWS cannot copy it to another account anyway)",
            "Restore a snapshot to a new cluster with a customer managed key, and switch over.",
        ),
        ResourceKind::RdsInstance => (
            "not encrypted (AWS encrypts the central copy, but not the source)",
            "Copy a snapshot with a customer managed key, restore from the copy, and switch over.",
        ),
        ResourceKind::RedshiftCluster => (
            "not encrypted (AWS Backup cannot copy it to another account anyway)",
            "Modify the cluster to use a customer managed key, at a quiet time: the cluster is read-only until Redshift has migrated the data.",
        ),
        ResourceKind::StorageGatewayVolume => (
            "not encrypted with a KMS key, so its local backup is not encrypted (AWS encrypts the central copy)",
            "Restore a snapshot to a volume with a customer managed key, and switch over.",
        ),
        _ => (
            "not encrypted (AWS encrypts the central copy, but not the source)",
            "Copy a snapshot of the volume with a customer managed key, create a volume from the copy, and replace the volume.",
        ),
    };
    Outcome::breach(message).fix(fix)
}
