use crate::analysis::encryption::{stored, use_customer_key};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::kind::BackupKey;
use crate::model::{Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Storage whose backup inherits its encryption is encrypted: EBS volumes, the volumes of EC2
    /// instances, RDS, Aurora and Redshift.
    ///
    /// Storage Gateway volumes and Redshift Serverless namespaces are always encrypted.
    ///
    /// ## Why it matters
    ///
    /// The company guide requires encryption. AWS does not need it for a copy: the copy of an
    /// unencrypted EBS volume or RDS instance is encrypted with the key of the central vault. The copy
    /// of an unencrypted Aurora cluster *stays unencrypted* in the central account.
    ///
    /// Aurora clusters created since February 2026 use an AWS owned key unless they specify a key. The
    /// RDS API reports them as unencrypted in one field and as `sse-rds` in another. This is a warning.
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
        concerns: |kind| kind.backup_key == BackupKey::Inherited,
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let parts = stored(cx, resource)?.into_iter().map(|part| {
        let outcome = match part.encrypted {
            Ok(true) => Outcome::pass("encrypted"),
            Ok(false) if has_aws_owned_key(resource) => Outcome::warn(
                "encrypted with an AWS owned key: AWS does not document whether the central copy stays encrypted",
            )
            .fix("Restore a snapshot with a customer managed key, and switch over.")
            .remedy(use_customer_key(cx, resource, part.id, false)),
            Ok(false) => report_unencrypted(resource.kind())
                .remedy(use_customer_key(cx, resource, part.id, false)),
            Err(gap) => Outcome::unknown(&gap),
        };
        outcome.part(part.id)
    });
    Ok(Outcome::worst(parts)
        .unwrap_or_else(|| Outcome::skip("no storage whose encryption its backup inherits")))
}

fn has_aws_owned_key(resource: Resource<'_>) -> bool {
    match resource {
        Resource::DbInstance(database) => database.aws_owned_key,
        Resource::DbCluster(cluster) => cluster.aws_owned_key,
        _ => false,
    }
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
        _ => (
            "not encrypted (AWS encrypts the central copy, but not the source)",
            "Copy a snapshot of the volume with a customer managed key, create a volume from the copy, and replace the volume.",
        ),
    };
    Outcome::breach(message).fix(fix)
}
