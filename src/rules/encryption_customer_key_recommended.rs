use crate::model::Resource;
use crate::policy::copy::Via;
use crate::rule::keys::{is_aws_alias, managed, resolve};
use crate::rule::{Check, Cx, Group, Judgement, Outcome, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Buckets and tables are encrypted with a customer managed key.
    ///
    /// The company recommends it, and their copies do not depend on it: AWS Backup encrypts such
    /// backups with the key of the vault, whatever the key of the resource.
    ///
    /// ## Fix
    ///
    /// Set a customer managed key as the bucket's default encryption, or as the table's key. Both
    /// change in place; objects that are there keep the key they were written with.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Amazon S3" and "Amazon DynamoDB".
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    RULE = Rule {
        id: "encryption-customer-key-recommended",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "Buckets and tables use a customer managed key",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check),
    }
}

fn check(cx: &Cx<'_>, resource: Resource<'_>) -> Judgement {
    let own_key = match resource {
        Resource::Bucket(_) => "S3's own key",
        Resource::Table(_) => "a key that DynamoDB owns",
        _ => return Ok(Outcome::skip("its backup takes over its own encryption")),
    };
    let Some(name) = managed(resource)? else {
        return Ok(breach(own_key));
    };
    if is_aws_alias(name) {
        return Ok(breach(&format!("the AWS managed {name}")));
    }
    let key = resolve(cx, name, None, Via::Ec2)?;
    Ok(if key.is_aws_managed()? {
        breach(&format!("the AWS managed {}", key.name())).with("key_arn", key.arn)
    } else {
        Outcome::pass(format!("{} is customer managed", key.name())).with("key_arn", key.arn)
    })
}

fn breach(key: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with {key}, not with a customer managed key (recommended; its copies work all the same)"
    ))
    .fix("Set a customer managed key: it changes in place.")
}
