use crate::analysis::backup_role::check_each_role;
use crate::analysis::encryption::{KeyOwner, KeyUse, all_parts, each_customer_key};
use crate::analysis::role_name::RoleName;
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::iam::decision::Verdict;
use crate::model::Resource;
use crate::model::observed::{Gap, GapKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The policy of the key lets the own account's backup role use it, either by name or by leaving
    /// it to IAM, with the account's root as the principal.
    ///
    /// Without it the local backup fails. For a bucket it is worse: the job reports success and leaves
    /// out the objects that it could not decrypt.
    ///
    /// ## Fix
    ///
    /// Put the usual first statement back: `kms:*` for the account's root.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    RULE = Rule {
        id: "kms-key-locally-usable",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The account's own backup role can use the key",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, all_parts(cx, resource)?, |key| {
        if matches!(key.owner, KeyOwner::Central | KeyOwner::Foreign) {
            return Ok(Outcome::skip("the key belongs to another account"));
        }
        if key.metadata()?.is_none() {
            return Ok(Outcome::skip("the key does not exist: see kms-key-usable"));
        }
        check_each_role(cx, |role| judge(cx, key, role))
    })
}

fn judge(cx: &RuleContext<'_>, key: &KeyUse<'_>, role: &RoleName) -> CheckResult {
    let access = cx.local_access(&key.facts(), &key.arn, role)?;
    let (name, role) = (key.name(), &role.name);
    let reason = access.usage.reason();
    let outcome = match access.verdict() {
        Verdict::Allowed => {
            Outcome::pass(format!("{name} can be used by this account's backup role"))
        }
        Verdict::Denied if key.account().is_empty() => {
            let message = format!(
                "whether {name} lets this account's backup role {role} use it cannot be known: the plan does not say which account it is for"
            );
            return Err(Gap::new(GapKind::Unplanned, message));
        }
        Verdict::Denied => Outcome::breach(format!(
            "{name} lets neither this account's root nor its backup role {role} use it: {reason}"
        ))
        .fix(format!(
            "Add a statement to the policy of {name} that allows kms:* for arn:aws:iam::{}:root.",
            key.account()
        )),
        Verdict::Conditional => {
            let message = format!(
                "whether {name} lets this account's backup role {role} use it cannot be known from here: {reason}"
            );
            return Err(Gap::new(GapKind::Open, message));
        }
    };
    Ok(outcome
        .about(key.arn.as_str())
        .with("key_arn", key.arn.as_str()))
}
