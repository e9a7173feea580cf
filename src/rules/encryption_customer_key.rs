use crate::analysis::encryption::{
    Part, check_each_part, is_aws_alias, name_aws_managed_key, resolve, stored, use_customer_key,
};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::fsx::LUSTRE;
use crate::model::kind::BackupKey;
use crate::model::service::Service;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Encrypted storage whose backup inherits its key uses a customer managed key, not an AWS managed
    /// key such as `aws/ebs` or `aws/rds`, and not an AWS owned key.
    ///
    /// ## Why it matters
    ///
    /// To copy the backup, the central account needs access to the key. The policy of an AWS managed
    /// key cannot be changed. Such a backup can never be copied to another account.
    ///
    /// An AWS owned key (the default of new Aurora clusters since February 2026, `sse-rds`, and of Redshift)
    /// is not in any account, and cannot be shared. The company guide requires a customer managed key. AWS
    /// does not document that such a copy fails, so this is a warning under its standard.
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
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>
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
        reads: &[Fact::Resources(Service::Ebs), Fact::Keys],
        is_of_encryption: true,
        concerns: |kind| kind.backup_key == BackupKey::Inherited,
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let worst = check_each_part(&stored(cx, resource)?, |part| {
        check_part(cx, resource, part)
    });
    Ok(worst.unwrap_or_else(|| Outcome::skip("its backup does not inherit its KMS key")))
}

fn check_part(cx: &RuleContext<'_>, resource: Resource<'_>, part: &Part<'_>) -> CheckResult {
    let is_redshift = matches!(
        resource,
        Resource::RedshiftCluster(_) | Resource::RedshiftNamespace(_)
    );
    let Some(name) = part.key.clone()? else {
        if !part.encrypted.clone()? {
            return Ok(Outcome::skip("not encrypted: see encryption-at-rest"));
        }
        if let Resource::FsxFileSystem(file_system) = resource
            && file_system.file_system_type.get()? == LUSTRE
            && file_system.is_scratch()?
        {
            return Ok(Outcome::skip(
                "encrypted with a key of FSx: no backups are made of it (see cross-account-copy-supported)",
            ));
        }
        let outcome = match is_redshift {
            true => report_redshift_key("an AWS owned key"),
            false => report_aws_owned_key(resource),
        };
        // RDS calls what is encrypted with an AWS owned key unencrypted.
        let remedy = use_customer_key(cx, resource, part.id, is_redshift);
        return Ok(outcome.guide_only().remedy(remedy));
    };
    let report = |arn: &str| {
        let key = format!("the {}", name_aws_managed_key(arn, part.via));
        let outcome = match is_redshift {
            true => report_redshift_key(&key),
            false => report_aws_managed_key(&key),
        };
        outcome
            .about(arn)
            .with("key_arn", arn)
            .remedy(use_customer_key(cx, resource, part.id, true))
    };
    if is_aws_alias(name) {
        return Ok(report(name));
    }
    let key = resolve(cx, name, part.via)?;
    Ok(if key.is_aws_managed()? {
        report(&key.arn)
    } else {
        Outcome::pass(format!("{} is customer managed", key.name()))
            .about(key.arn.as_str())
            .with("key_arn", key.arn.as_str())
    })
}

fn report_aws_managed_key(key: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with {key}, whose policy cannot be changed: no other account can copy the backup"
    ))
    .fix("Copy a snapshot with a customer managed key that is shared with the central account, restore from the copy, and switch over.")
}

fn report_aws_owned_key(resource: Resource<'_>) -> Outcome {
    let copy = match resource {
        Resource::DbCluster(it) if it.is_multi_az() => {
            " (AWS Backup cannot copy it to another account anyway)"
        }
        _ => ": AWS does not document whether the central copy stays encrypted",
    };
    Outcome::breach(format!(
        "encrypted with an AWS owned key, not with a customer managed key{copy}"
    ))
    .fix("Restore a snapshot with a customer managed key, and switch over.")
}

fn report_redshift_key(key: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with {key}, not with a customer managed key (AWS Backup cannot copy it to another account anyway)"
    ))
    .fix("Modify it to use a customer managed key, at a quiet time: it is not fully usable until Redshift has changed the key.")
}
