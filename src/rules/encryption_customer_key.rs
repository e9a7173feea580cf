use crate::analysis::encryption::{Part, is_aws_alias, resolve, stored, use_customer_key};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::kind::BackupKey;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Encrypted storage whose backup inherits its key uses a customer managed key, not an AWS managed
    /// key such as `aws/ebs` or `aws/rds`.
    ///
    /// ## Why it matters
    ///
    /// To copy the backup, the central account needs access to the key. The policy of an AWS managed
    /// key cannot be changed. Such a backup can never be copied to another account.
    ///
    /// AWS Backup cannot copy Redshift to another account with any key. The company guide still
    /// requires a customer managed key.
    ///
    /// ## Fix
    ///
    /// The key of a volume or a database cannot be changed in place. Copy a snapshot with a customer
    /// managed key that is shared with the central account, restore from the copy, and switch over.
    /// Redshift can change its key in place.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    /// - <https://docs.aws.amazon.com/ebs/latest/userguide/share-kms-key.html>
    /// - <https://docs.aws.amazon.com/redshift/latest/mgmt/changing-cluster-encryption.html>
    /// - <https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-workgroups-and-namespaces-rotate-kms-key.html>
    /// - The company guide, "Amazon Redshift".
    RULE = Rule {
        id: "encryption-customer-key",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "Encrypted storage uses a customer managed key",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check_resource),
        concerns: |kind| kind.backup_key == BackupKey::Inherited,
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let parts = stored(cx, resource)?.into_iter().map(|part| {
        let id = part.id;
        check_part(cx, resource, &part)
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
            .part(id)
    });
    Ok(Outcome::worst(parts)
        .unwrap_or_else(|| Outcome::skip("its backup does not inherit its KMS key")))
}

fn check_part(cx: &RuleContext<'_>, resource: Resource<'_>, part: &Part<'_>) -> CheckResult {
    let is_redshift = matches!(
        resource,
        Resource::RedshiftCluster(_) | Resource::RedshiftNamespace(_)
    );
    let Some(name) = part.key.clone()? else {
        return Ok(match resource {
            _ if !part.encrypted.clone()? => Outcome::skip("not encrypted: see encryption-at-rest"),
            _ if is_redshift => report_redshift_key("an AWS owned key")
                .remedy(use_customer_key(cx, resource, part.id, true)),
            Resource::FsxFileSystem(_) | Resource::FsxVolume(_) => Outcome::skip(
                "encrypted with a key of FSx, which only file systems without backups are: see cross-account-copy-supported",
            ),
            _ => Outcome::skip(
                "encrypted with S3 managed keys, which its backup does not inherit: see encryption-customer-key-recommended",
            ),
        });
    };
    let report = |text: &str, arn: &str| {
        let outcome = if is_redshift {
            report_redshift_key(&format!("the AWS managed {text}"))
                .about(arn)
                .with("key_arn", arn)
        } else {
            report_aws_managed_key(text, arn)
        };
        outcome.remedy(use_customer_key(cx, resource, part.id, true))
    };
    if is_aws_alias(name) {
        return Ok(report(name, name));
    }
    let key = resolve(cx, name, part.id, part.via)?;
    Ok(if key.is_aws_managed()? {
        report(&key.name(), &key.arn)
    } else {
        Outcome::pass(format!("{} is customer managed", key.name()))
            .about(key.arn.as_str())
            .with("key_arn", key.arn.as_str())
    })
}

fn report_aws_managed_key(name: &str, arn: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with the AWS managed {name}, whose policy cannot be changed: no other account can copy the backup"
    ))
    .about(arn)
    .fix("Copy a snapshot with a customer managed key that is shared with the central account, restore from the copy, and switch over.")
    .with("key_arn", arn)
}

fn report_redshift_key(key: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with {key}, not with a customer managed key (AWS Backup cannot copy it to another account anyway)"
    ))
    .fix("Modify it to use a customer managed key, at a quiet time: it is not fully usable until Redshift has changed the key.")
}
