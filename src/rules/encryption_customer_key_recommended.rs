use crate::analysis::encryption::{is_aws_alias, managed, resolve, use_customer_key};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::key_sharing::copy::ViaService;
use crate::model::Resource;
use crate::model::ResourceKind;
use crate::model::kind::BackupKey;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// S3 buckets, DynamoDB tables, EFS file systems and Storage Gateway volumes are encrypted with a
    /// customer managed key.
    ///
    /// ## Why it matters
    ///
    /// The company guide recommends it. Copies do not depend on it: AWS Backup encrypts backups of
    /// buckets, tables and file systems with the key of the vault.
    ///
    /// A Storage Gateway volume without a KMS key is encrypted with keys that S3 manages. The company
    /// guide requires a customer managed key for it. AWS does not: the copy is encrypted with the key
    /// of the central vault.
    ///
    /// ## Fix
    ///
    /// For a bucket, set the customer managed key as the default encryption. For a table, set it as the
    /// key of the table. Both change in place, but existing objects keep their key. The key of a file
    /// system or a gateway volume is set at creation: move the data to a new one.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Amazon S3", "Amazon DynamoDB", "Amazon EFS" and "AWS Storage Gateway".
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    /// - <https://docs.aws.amazon.com/storagegateway/latest/vgw/encryption.html>
    RULE = Rule {
        id: "encryption-customer-key-recommended",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "Buckets, tables, file systems and gateway volumes use a customer managed key",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check_resource),
        concerns: |kind| {
            kind.backup_key == BackupKey::Vault || kind.kind == ResourceKind::StorageGatewayVolume
        },
    }
}

const IN_PLACE: &str = "Set a customer managed key: the key changes in place.";

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (key, own_key, fix) = match resource {
        Resource::Bucket(_) => (
            managed(resource)?,
            "encrypted with an S3 managed key, not",
            IN_PLACE,
        ),
        Resource::Table(_) => (
            managed(resource)?,
            "encrypted with an AWS owned key, not",
            IN_PLACE,
        ),
        Resource::FileSystem(_) => (
            managed(resource)?,
            "not encrypted, and therefore not",
            "Create a file system that is encrypted with a customer managed key, and move the data to it.",
        ),
        Resource::GatewayVolume(volume) => match volume.kms_key.get()? {
            None => (
                None,
                "encrypted with S3 managed keys, not",
                "Restore a snapshot to a volume with a customer managed key, and switch over.",
            ),
            Some(_) => {
                return Ok(Outcome::skip(
                    "its backup inherits its key: see encryption-customer-key",
                ));
            }
        },
        _ => return Ok(Outcome::skip("its backup inherits its encryption")),
    };
    // Only a file system can be without encryption.
    let is_encrypted = key.is_some() || !matches!(resource, Resource::FileSystem(_));
    let remedy = use_customer_key(cx, resource, None, is_encrypted);
    let Some(name) = key else {
        return Ok(report_key(own_key, fix).remedy(remedy));
    };
    if is_aws_alias(name) {
        return Ok(report_key(&describe_aws_managed_key(name), fix).remedy(remedy));
    }
    let key = resolve(cx, name, None, ViaService::Ec2)?;
    Ok(if key.is_aws_managed()? {
        report_key(&describe_aws_managed_key(&key.name()), fix)
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

fn describe_aws_managed_key(key: &str) -> String {
    format!("encrypted with the AWS managed {key}, not")
}
