use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::ec2::Instance;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The instance was not launched from an AWS Marketplace image: it has no Marketplace product code.
    ///
    /// ## Why it matters
    ///
    /// The backup of an instance is an AMI. AWS does not allow copying an AMI with a Marketplace
    /// product code to another account.
    ///
    /// ## Fix
    ///
    /// Tag the data volumes of the instance instead of the instance. Launch a new instance from the
    /// Marketplace when you need to restore.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    RULE = Rule {
        id: "ec2-image-copyable",
        group: Group::Service,
        owner: Owner::Member,
        title: "The image of the instance can be copied to another account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Instance(check_instance),
    }
}

fn check_instance(_: &RuleContext<'_>, instance: &Instance) -> CheckResult {
    let codes = instance.marketplace_codes.get()?;
    Ok(if codes.is_empty() {
        Outcome::pass("no AWS Marketplace product code")
    } else {
        Outcome::breach(format!(
            "launched from an AWS Marketplace image (product code {}): its AMI cannot be copied to another account",
            codes.join(", ")
        ))
        .fix("Tag its data volumes backup=enabled instead of the instance.")
        .with("product_codes", codes.clone())
    })
}
