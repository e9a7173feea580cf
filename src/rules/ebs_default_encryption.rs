use crate::analysis::encryption::{KeyOwner, is_aws_alias, resolve};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::key_sharing::copy::ViaService;
use crate::model::service::Service;
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// New EBS volumes of the region are encrypted, and with a customer managed key.
    ///
    /// With encryption by default off, or with its key left at `aws/ebs`, the next volume that
    /// somebody makes without thinking of it is one whose backup cannot be copied.
    ///
    /// ## Fix
    ///
    /// Switch on encryption by default in the region, and set a customer managed key that is shared
    /// with the central account. Volumes that are there keep what they have.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>
    RULE = Rule {
        id: "ebs-default-encryption",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "New EBS volumes get a customer managed key",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Settings(Service::Ebs, check),
    }
}

fn check(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let fix = format!(
        "Run `aws ec2 enable-ebs-encryption-by-default` and `aws ec2 modify-ebs-default-kms-key-id` in {} with a customer managed key.",
        cx.region
    );
    if !*region.ebs_defaults.encryption.get()? {
        return Ok(Outcome::breach("new EBS volumes are not encrypted by default").fix(fix));
    }
    let name = region.ebs_defaults.kms_key.get()?;
    if is_aws_alias(name) {
        return Ok(aws_managed().fix(fix).with("key_arn", name.as_str()));
    }
    let key = resolve(cx, name, None, ViaService::Ec2)?;
    let usable = match key.owner {
        KeyOwner::Central | KeyOwner::Foreign => true,
        KeyOwner::Own | KeyOwner::Unclear => key
            .metadata()?
            .is_some_and(|metadata| metadata.state == "Enabled"),
    };
    Ok(if key.is_aws_managed()? {
        aws_managed().fix(fix)
    } else if usable {
        Outcome::pass(format!("new EBS volumes get {}", key.name()))
    } else {
        Outcome::breach(format!(
            "new EBS volumes get {}, which is gone or not enabled",
            key.name()
        ))
        .fix(fix)
    }
    .with("key_arn", name.as_str()))
}

fn aws_managed() -> Outcome {
    Outcome::breach(
        "new EBS volumes get the AWS managed key aws/ebs: their backups cannot be copied to another account",
    )
}
