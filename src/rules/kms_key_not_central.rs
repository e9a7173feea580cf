use crate::analysis::encryption::{
    KeyOwner, Part, all_parts, check_each_part, is_aws_alias, resolve, use_customer_key,
};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::kind::BackupKey;
use crate::model::service::Service;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource is not encrypted with a key of the central account.
    ///
    /// ## Why it matters
    ///
    /// The copy works, because the central account owns the key. But the data and its backup then
    /// depend on the same key. The company guide asks to keep the two separate.
    ///
    /// ## Fix
    ///
    /// Encrypt the resource with a key of this account, and share that key with the central account.
    ///
    /// ## Sources
    ///
    /// - The company guide, "KMS Key Best Practice".
    RULE = Rule {
        id: "kms-key-not-central",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The key does not belong to the central account",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check_resource),
        concerns: |kind| kind.backup_key != BackupKey::None,
        reads: &[Fact::Resources(Service::Ebs), Fact::BucketEncryption, Fact::Keys],
        is_of_encryption: true,
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    if matches!(
        resource,
        Resource::Gateway(_) | Resource::Stack(_) | Resource::Tagged(_)
    ) {
        return Ok(Outcome::skip("its encryption is not checked"));
    }
    let worst = check_each_part(&all_parts(cx, resource)?, |part| {
        check_part(cx, resource, part)
    });
    Ok(worst.unwrap_or_else(|| Outcome::pass("not encrypted with a KMS key")))
}

fn check_part(cx: &RuleContext<'_>, resource: Resource<'_>, part: &Part<'_>) -> CheckResult {
    let Some(name) = part.key.clone()? else {
        return Ok(Outcome::pass("not encrypted with a KMS key"));
    };
    if is_aws_alias(name) {
        return Ok(Outcome::pass(
            "encrypted with an AWS managed key of this account",
        ));
    }
    let key = resolve(cx, name, part.via)?;
    Ok(if key.owner == KeyOwner::Central {
        Outcome::breach(format!(
            "encrypted with {} of the central account {}: the data and its backup depend on the same key",
            key.name(),
            key.account()
        ))
        .about(key.arn.as_str())
        .fix("Use a key of this account, and share it with the central account.")
        .remedy(use_customer_key(cx, resource, part.id, true))
    } else {
        Outcome::pass(format!("{} does not belong to the central account", key.name()))
    }
    .with("key_arn", key.arn.as_str()))
}
