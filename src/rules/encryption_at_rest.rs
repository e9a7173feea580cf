use crate::analysis::encryption::{stored, use_customer_key};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::{Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Storage whose backup takes over its encryption is encrypted: EBS volumes, the volumes of EC2
    /// instances, RDS and Aurora, Redshift.
    ///
    /// The company wants it. AWS does not need it: a copy of an unencrypted EBS volume or RDS
    /// instance works and is encrypted with the key of the central vault. A copy of an unencrypted
    /// Aurora cluster works too, but *stays unencrypted* in the central account.
    ///
    /// Aurora clusters made since February 2026 are encrypted with a key that AWS owns unless they name
    /// one. RDS calls them unencrypted in one field and `sse-rds` in another; that is a warning.
    ///
    /// Volumes of a storage gateway and namespaces of Redshift Serverless are always encrypted.
    ///
    /// ## Fix
    ///
    /// Encryption cannot be switched on in place. Take a snapshot, copy it with a customer managed
    /// key, restore from the copy, and switch over. Redshift can switch it on in place.
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
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let parts = stored(cx, resource)?.into_iter().map(|part| {
        let outcome = match part.encrypted {
            Ok(true) => Outcome::pass("encrypted"),
            Ok(false) if has_aws_owned_key(resource) => Outcome::warn(
                "encrypted with a key that AWS owns, not with one of yours: AWS does not say whether its copy in the central account stays encrypted",
            )
            .fix("Restore a snapshot of it with a customer managed key, and switch over.")
            .remedy(use_customer_key(cx, resource, part.id, false)),
            Ok(false) => breach(resource.kind())
                .remedy(use_customer_key(cx, resource, part.id, false)),
            Err(gap) => Outcome::unknown(&gap),
        };
        outcome.part(part.id)
    });
    Ok(Outcome::worst(parts).unwrap_or_else(|| {
        Outcome::skip("has no storage of its own whose encryption a backup takes over")
    }))
}

fn has_aws_owned_key(resource: Resource<'_>) -> bool {
    match resource {
        Resource::DbInstance(database) => database.aws_owned_key,
        Resource::DbCluster(cluster) => cluster.aws_owned_key,
        _ => false,
    }
}

fn breach(kind: ResourceKind) -> Outcome {
    let (message, fix) = match kind {
        ResourceKind::AuroraCluster => (
            "not encrypted, and its copy in the central account would stay unencrypted too",
            "Restore a snapshot of it into a new cluster with a customer managed key, and switch over.",
        ),
        ResourceKind::RdsCluster => (
            "not encrypted (AWS cannot copy it to another account in any case)",
            "Restore a snapshot of it into a new cluster with a customer managed key, and switch over.",
        ),
        ResourceKind::RdsInstance => (
            "not encrypted (AWS encrypts the central copy all the same; the data here is not)",
            "Copy a snapshot of it with a customer managed key, restore from the copy, and switch over.",
        ),
        ResourceKind::RedshiftCluster => (
            "not encrypted (AWS Backup cannot copy it to another account in any case)",
            "Modify the cluster to use a customer managed key, in a quiet moment: it is read-only until Redshift has moved the data.",
        ),
        _ => (
            "not encrypted (AWS encrypts the central copy all the same; the data here is not)",
            "Copy a snapshot of the volume with a customer managed key, make a volume from it, and swap them.",
        ),
    };
    Outcome::breach(message).fix(fix)
}
