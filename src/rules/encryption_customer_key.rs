use crate::analysis::encryption::{Part, is_aws_alias, resolve, stored, use_customer_key};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Encrypted storage whose backup takes over its encryption uses a customer managed key, not one
    /// that AWS manages, such as `aws/ebs` or `aws/rds`.
    ///
    /// The central account must be let into the key to copy the backup. Nobody can change the policy
    /// of an AWS managed key, so such a backup can never be copied to another account.
    ///
    /// Redshift cannot be copied to another account in any case. The company wants a customer managed
    /// key for it all the same.
    ///
    /// ## Fix
    ///
    /// The key of a volume or database cannot be changed in place. Copy a snapshot with a customer
    /// managed key that is shared with the central account, restore from the copy, and switch over.
    /// Redshift changes the key in place.
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
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let parts = stored(cx, resource)?.into_iter().map(|part| {
        let id = part.id;
        judge(cx, resource, &part)
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
            .part(id)
    });
    Ok(Outcome::worst(parts)
        .unwrap_or_else(|| Outcome::skip("not encrypted with a key that a backup takes over")))
}

fn judge(cx: &RuleContext<'_>, resource: Resource<'_>, part: &Part<'_>) -> CheckResult {
    let is_redshift = matches!(
        resource,
        Resource::RedshiftCluster(_) | Resource::RedshiftNamespace(_)
    );
    let Some(name) = part.key.clone()? else {
        return Ok(match resource {
            _ if !part.encrypted.clone()? => Outcome::skip("not encrypted: see encryption-at-rest"),
            _ if is_redshift => redshift("a key that AWS owns")
                .remedy(use_customer_key(cx, resource, part.id, true)),
            _ => Outcome::skip(
                "encrypted with S3's own keys, which its backup does not take over: see encryption-customer-key-recommended",
            ),
        });
    };
    let breach = |text: &str, arn: &str| {
        let outcome = if is_redshift {
            redshift(&format!("the AWS managed {text}"))
                .about(arn)
                .with("key_arn", arn)
        } else {
            breach(text, arn)
        };
        outcome.remedy(use_customer_key(cx, resource, part.id, true))
    };
    if is_aws_alias(name) {
        return Ok(breach(name, name));
    }
    let key = resolve(cx, name, part.id, part.via)?;
    Ok(if key.is_aws_managed()? {
        breach(&key.name(), &key.arn)
    } else {
        Outcome::pass(format!("{} is customer managed", key.name()))
            .about(key.arn.as_str())
            .with("key_arn", key.arn.as_str())
    })
}

fn breach(name: &str, arn: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with the AWS managed {name}: its policy cannot be changed, so no other account can copy the backup"
    ))
    .about(arn)
    .fix("Copy a snapshot with a customer managed key that is shared with the central account, restore from it, and switch over.")
    .with("key_arn", arn)
}

fn redshift(key: &str) -> Outcome {
    Outcome::breach(format!(
        "encrypted with {key}, not with a customer managed key (AWS Backup cannot copy it to another account in any case)"
    ))
    .fix("Modify it to use a customer managed key, in a quiet moment: it is not fully usable until Redshift has changed the key.")
}
