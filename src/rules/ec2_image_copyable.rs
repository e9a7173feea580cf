use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::ec2::Instance;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The instance's image may leave the account: it carries no AWS Marketplace product code.
    ///
    /// A backup of an instance is an AMI, and AWS does not let an AMI with a Marketplace product code
    /// be copied to another account.
    ///
    /// ## Fix
    ///
    /// Tag the instance's data volumes instead of the instance, and rebuild the instance from the
    /// Marketplace when it is needed.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    RULE = Rule {
        id: "ec2-image-copyable",
        group: Group::Service,
        owner: Owner::Member,
        title: "The instance's image may be copied to another account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Instance(check),
    }
}

fn check(_: &RuleContext<'_>, instance: &Instance) -> CheckResult {
    let codes = instance.marketplace_codes.get()?;
    Ok(if codes.is_empty() {
        Outcome::pass("no AWS Marketplace product code")
    } else {
        Outcome::breach(format!(
            "runs an AWS Marketplace image (product code {}): its AMI cannot be copied to another account",
            codes.join(", ")
        ))
        .fix("Tag its data volumes backup=enabled instead of the instance.")
        .with("product_codes", codes.clone())
    })
}
