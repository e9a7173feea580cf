use crate::analysis::encryption::{each_customer_key, inherited, judge_sharing};
use crate::analysis::{CheckResult, RuleContext};
use crate::key_sharing::copy::Need;
use crate::model::Resource;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The policy of the key lets the central account do the rest of what the company guide lists:
    /// `kms:Encrypt`, `kms:ReEncryptTo`, `kms:GenerateDataKey`, `kms:ListGrants` and `kms:RevokeGrant`.
    ///
    /// A copy was not seen to need them. AWS's own examples name most of them, and a restore across
    /// accounts may want them.
    ///
    /// ## Fix
    ///
    /// Use the two statements of the company guide as they are: `kms:ReEncrypt*` and
    /// `kms:GenerateDataKey*` with the wildcard, and all three grant actions.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Key Policy Example".
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html>
    RULE = Rule {
        id: "kms-key-fully-shared",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The key is shared with all the actions of the guide",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, inherited(cx, resource)?, |key| {
        judge_sharing(cx, key, Need::Recommended)
    })
}
