use crate::analysis::encryption::{KeyOwner, is_aws_alias, name_aws_managed_key, resolve};
use crate::analysis::sharing::judge_sharing;
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext, Verdict};
use crate::key_sharing::copy::Need;
use crate::key_sharing::facts::ViaService;
use crate::model::fact::Fact;
use crate::model::service::Service;
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// EBS encryption by default is on in the region, and its default key is an enabled customer
    /// managed key that is shared with the central account.
    ///
    /// ## Why it matters
    ///
    /// If encryption by default is off, new volumes are unencrypted unless the request asks for
    /// encryption. The copy of an unencrypted volume works, and AWS encrypts it with the key of the
    /// central vault. But the company guide requires encryption of the volume.
    ///
    /// If the default key is `aws/ebs`, or a key that is not shared with the central account, backups of
    /// new volumes cannot be copied.
    ///
    /// ## Fix
    ///
    /// Enable EBS encryption by default in the region. Set a customer managed key that is shared with
    /// the central account. Existing volumes do not change.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    RULE = Rule {
        id: "ebs-default-encryption",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "New EBS volumes are encrypted with a customer managed key",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Settings(Service::Ebs, check_region),
        reads: &[Fact::EbsDefaults, Fact::Keys, Fact::Organization],
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
        return Ok(report_aws_managed_key(name).fix(fix).remedy(remedy));
    }
    let key = resolve(cx, name, ViaService::Ec2)?;
    if key.is_aws_managed()? {
        return Ok(report_aws_managed_key(&key.arn).fix(fix).remedy(remedy));
    }
    if matches!(key.owner, KeyOwner::Own | KeyOwner::Unclear)
        && key.metadata()?.is_none_or(|it| it.state != "Enabled")
    {
        let message = format!(
            "new EBS volumes are encrypted with {}, which does not exist or is not enabled",
            key.name()
        );
        return Ok(Outcome::breach(message)
            .fix(fix)
            .remedy(remedy)
            .with("key_arn", key.arn));
    }
    let shared = judge_sharing(cx, &key, Need::Required)?;
    Ok(match shared.verdict {
        Verdict::Pass => {
            Outcome::pass(format!("new EBS volumes are encrypted with {}", key.name()))
                .with("key_arn", key.arn)
        }
        Verdict::Breach => shared.after("backups of new EBS volumes cannot be copied"),
        _ => shared.after("it is not known whether backups of new EBS volumes can be copied"),
    })
}

fn report_aws_managed_key(name: &str) -> Outcome {
    Outcome::breach(format!(
        "new EBS volumes are encrypted with the {}: their backups cannot be copied to another account",
        name_aws_managed_key(name, ViaService::Ec2)
    ))
    .with("key_arn", name)
}
