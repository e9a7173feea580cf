use crate::analysis::encryption::{each_customer_key, inherited};
use crate::analysis::sharing::judge_sharing;
use crate::analysis::{CheckResult, RuleContext};
use crate::key_sharing::copy::Need;
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::kind::BackupKey;
use crate::model::service::Service;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The key policy allows the central account the other actions of the company guide: `kms:Encrypt`,
    /// `kms:ReEncryptTo`, `kms:GenerateDataKey`, `kms:ListGrants` and `kms:RevokeGrant`.
    ///
    /// ## Why it matters
    ///
    /// A copy is not known to need these actions. The examples of AWS list most of them, and a
    /// cross-account restore may need them.
    ///
    /// ## Fix
    ///
    /// Use both statements of the company guide unchanged. They contain `kms:ReEncrypt*` and
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
        title: "The key is shared with all actions of the company guide",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check_resource),
        reads: &[Fact::Resources(Service::Ebs), Fact::Keys, Fact::Organization],
        is_of_encryption: true,
        // A backup of Redshift cannot be copied, with any key.
        concerns: |kind| {
            kind.backup_key == BackupKey::Inherited && kind.service != Some(Service::Redshift)
        },
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, inherited(cx, resource)?, |key| {
        judge_sharing(cx, key, Need::Recommended)
    })
}
