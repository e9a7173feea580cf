use crate::analysis::encryption::{
    Part, all_parts, check_each_part, is_aws_alias, name_aws_managed_key, resolve, use_customer_key,
};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::kind::BackupKey;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// S3 buckets, DynamoDB tables and EFS file systems are encrypted with a customer managed key.
    ///
    /// ## Why it matters
    ///
    /// The company guide recommends it. Copies do not depend on it: AWS Backup encrypts backups of
    /// buckets, tables and file systems with the key of the vault.
    ///
    /// ## Fix
    ///
    /// For a bucket, set the customer managed key as the default encryption. For a table, set it as the
    /// key of the table. Both change in place, but existing objects keep their key. The key of a file
    /// system is set at creation: move the data to a new one.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Amazon S3", "Amazon DynamoDB" and "Amazon EFS".
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    RULE = Rule {
        id: "encryption-customer-key-recommended",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "Buckets, tables and file systems use a customer managed key",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check_resource),
        reads: &[Fact::BucketEncryption, Fact::Keys],
        concerns: |kind| kind.backup_key == BackupKey::Vault,
    }
}

const IN_PLACE: &str = "Set a customer managed key: the key changes in place.";

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (own_key, fix) = match resource {
        Resource::Bucket(_) => ("encrypted with an S3 managed key, not", IN_PLACE),
        Resource::Table(_) => ("encrypted with an AWS owned key, not", IN_PLACE),
        Resource::FileSystem(_) => (
            "not encrypted, and therefore not",
            "Create a file system that is encrypted with a customer managed key, and move the data to it.",
        ),
        _ => return Ok(Outcome::skip("its backup inherits its encryption")),
    };
    let worst = check_each_part(&all_parts(cx, resource)?, |part| {
        check_part(cx, resource, part, (own_key, fix))
    });
    Ok(worst.unwrap_or_else(|| Outcome::skip("its backup inherits its encryption")))
}

/// Checks the encryption of a resource. The texts are for one without a key of the account.
fn check_part(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    part: &Part<'_>,
    (own_key, fix): (&str, &str),
) -> CheckResult {
    let key = part.key.clone()?;
    // Only a file system can be without encryption.
    let is_encrypted = key.is_some() || !matches!(resource, Resource::FileSystem(_));
    let remedy = use_customer_key(cx, resource, None, is_encrypted);
    let Some(name) = key else {
        return Ok(report_key(own_key, fix).remedy(remedy));
    };
    let report_aws_managed = |name: &str| {
        let key = name_aws_managed_key(name, part.via);
        report_key(&format!("encrypted with the {key}, not"), fix)
    };
    if is_aws_alias(name) {
        return Ok(report_aws_managed(name).remedy(remedy));
    }
    let key = resolve(cx, name, part.via)?;
    Ok(if key.is_aws_managed()? {
        report_aws_managed(&key.arn)
            .remedy(remedy)
            .with("key_arn", key.arn)
    } else {
        Outcome::pass(format!("{} is customer managed", key.name())).with("key_arn", key.arn)
    })
}

fn report_key(seen: &str, fix: &str) -> Outcome {
    Outcome::breach(format!(
        "{seen} with a customer managed key (recommended; copies work anyway)"
    ))
    .fix(fix)
}
