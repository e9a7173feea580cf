use crate::analysis::encryption::{KeyOwner, is_aws_alias, resolve};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::key_sharing::copy::ViaService;
use crate::model::service::Service;
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// EBS encryption by default is on in the region, and its default key is an enabled customer
    /// managed key.
    ///
    /// ## Why it matters
    ///
    /// If encryption by default is off, new volumes are unencrypted unless the request asks for
    /// encryption. The company guide requires encryption. If the default key is `aws/ebs`, backups of
    /// new volumes cannot be copied to another account.
    ///
    /// ## Fix
    ///
    /// Enable EBS encryption by default in the region. Set a customer managed key that is shared with
    /// the central account. Existing volumes do not change.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>
    RULE = Rule {
        id: "ebs-default-encryption",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "New EBS volumes are encrypted with a customer managed key",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Settings(Service::Ebs, check_region),
    }
}

fn check_region(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let fix = format!(
        "Run `aws ec2 enable-ebs-encryption-by-default` and `aws ec2 modify-ebs-default-kms-key-id` in {} with a customer managed key.",
        cx.region
    );
    let remedy = Remedy::SetEbsDefaults {
        region: cx.region.to_owned(),
    };
    if !*region.ebs_defaults.encryption.get()? {
        return Ok(
            Outcome::breach("new EBS volumes are not encrypted by default")
                .fix(fix)
                .remedy(remedy),
        );
    }
    let name = region.ebs_defaults.kms_key.get()?;
    if is_aws_alias(name) {
        return Ok(report_aws_managed_key()
            .fix(fix)
            .remedy(remedy)
            .with("key_arn", name.as_str()));
    }
    let key = resolve(cx, name, None, ViaService::Ec2)?;
    let usable = match key.owner {
        KeyOwner::Central | KeyOwner::Foreign => true,
        KeyOwner::Own | KeyOwner::Unclear => key
            .metadata()?
            .is_some_and(|metadata| metadata.state == "Enabled"),
    };
    Ok(if key.is_aws_managed()? {
        report_aws_managed_key().fix(fix).remedy(remedy)
    } else if usable {
        Outcome::pass(format!("new EBS volumes are encrypted with {}", key.name()))
    } else {
        Outcome::breach(format!(
            "new EBS volumes are encrypted with {}, which does not exist or is not enabled",
            key.name()
        ))
        .fix(fix)
        .remedy(remedy)
    }
    .with("key_arn", name.as_str()))
}

fn report_aws_managed_key() -> Outcome {
    Outcome::breach(
        "new EBS volumes are encrypted with the AWS managed key aws/ebs: their backups cannot be copied to another account",
    )
}
