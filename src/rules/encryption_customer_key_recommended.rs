use crate::analysis::encryption::{is_aws_alias, managed, resolve};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::key_sharing::copy::ViaService;
use crate::model::Resource;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Buckets, tables, file systems and volumes of a storage gateway are encrypted with a customer
    /// managed key.
    ///
    /// The company recommends it, and their copies do not depend on it: AWS Backup encrypts such
    /// backups with the key of the vault, whatever the key of the resource.
    ///
    /// A volume of a storage gateway without a KMS key is encrypted with S3's own keys. The company
    /// guide requires a customer managed key for it; AWS does not: the copy is encrypted with the key
    /// of the central vault.
    ///
    /// ## Fix
    ///
    /// Set a customer managed key as the bucket's default encryption, or as the table's key. Both
    /// change in place; objects that are there keep the key they were written with. The key of a file
    /// system or of a gateway's volume is chosen when it is made: move the data to a new one.
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
        check: Check::Any(check),
    }
}

const IN_PLACE: &str = "Set a customer managed key: it changes in place.";

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (key, own_key, fix) = match resource {
        Resource::Bucket(_) => (
            managed(resource)?,
            "encrypted with S3's own key, not",
            IN_PLACE,
        ),
        Resource::Table(_) => (
            managed(resource)?,
            "encrypted with a key that DynamoDB owns, not",
            IN_PLACE,
        ),
        Resource::FileSystem(_) => (
            managed(resource)?,
            "not encrypted, and so not",
            "Make an encrypted file system with a customer managed key and move the data to it.",
        ),
        Resource::GatewayVolume(volume) => match volume.kms_key.get()? {
            None => (
                None,
                "encrypted with S3's own keys, not",
                "Restore a snapshot of it into a volume with a customer managed key, and switch over.",
            ),
            Some(_) => {
                return Ok(Outcome::skip(
                    "its backup takes over its key: see encryption-customer-key",
                ));
            }
        },
        _ => return Ok(Outcome::skip("its backup takes over its own encryption")),
    };
    let Some(name) = key else {
        return Ok(breach(own_key, fix));
    };
    if is_aws_alias(name) {
        return Ok(breach(&managed_by_aws(name), fix));
    }
    let key = resolve(cx, name, None, ViaService::Ec2)?;
    Ok(if key.is_aws_managed()? {
        breach(&managed_by_aws(&key.name()), fix).with("key_arn", key.arn)
    } else {
        Outcome::pass(format!("{} is customer managed", key.name())).with("key_arn", key.arn)
    })
}

fn breach(seen: &str, fix: &str) -> Outcome {
    Outcome::breach(format!(
        "{seen} with a customer managed key (recommended; its copies work all the same)"
    ))
    .fix(fix)
}

fn managed_by_aws(key: &str) -> String {
    format!("encrypted with the AWS managed {key}, not")
}
