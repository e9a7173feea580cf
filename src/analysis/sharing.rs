//! Checks what the policy of a key allows the central account, and what only the owner of the key can check.

use std::sync::Arc;

use crate::iam::decision::{Decision, Verdict};
use crate::key_sharing::copy::{ActionVerdict, Need};
use crate::model::observed::{Gap, GapKind};

use super::RuleContext;
use super::encryption::{KeyOwner, KeyUse};
use super::outcome::{CheckResult, Outcome};
use super::remedy::Remedy;

/// Checks whether a key policy allows the central account the actions of one need, for the rules
/// `kms-key-shared` and `kms-key-fully-shared`.
///
/// # Errors
/// Why the policy is not known, or what its decision depends on.
pub fn judge_sharing(cx: &RuleContext<'_>, key: &KeyUse<'_>, need: Need) -> CheckResult {
    let central = &cx.settings.central_account;
    let name = key.name();
    match key.owner {
        KeyOwner::Central => {
            return Ok(
                Outcome::pass(format!("{name} belongs to the central account {central}"))
                    .with("key_arn", key.arn.as_str()),
            );
        }
        KeyOwner::Foreign => return Ok(ask_owner(key, central)),
        KeyOwner::Own | KeyOwner::Unclear => {}
    }
    if key.is_missing()? {
        return Ok(Outcome::skip("the key does not exist; see kms-key-usable"));
    }
    let access = cx.copy_access(&key.facts(), &key.arn, key.via)?;
    let denied: Vec<&ActionVerdict> = access
        .missing_actions(need)
        .filter(|action| action.decision.verdict() == Verdict::Denied)
        .collect();
    if let Some(first) = denied.first() {
        let missing: Vec<&str> = denied.iter().map(|action| action.action).collect();
        let outcome = Outcome::breach(format!(
            "{name} does not let {central} use {}: {}",
            missing.join(", "),
            access.reason(first)
        ));
        return Ok(outcome
            .fix(sharing(cx, key, &denied))
            .remedy(Remedy::ShareKey {
                key_arn: key.arn.clone(),
                facts: Arc::new(key.facts()),
            })
            .about(key.arn.as_str())
            .with("key_arn", key.arn.as_str())
            .with("missing_actions", missing)
            .with(
                "statement",
                first.decision.statement().map(ToString::to_string),
            ));
    }
    if let Some(open) = access.missing_actions(need).next() {
        let message = format!(
            "whether {name} allows {central} to use {} depends on a condition that cannot be evaluated: {}",
            open.action,
            open.decision.reason()
        );
        return Ok(open_question(key, GapKind::Open, message));
    }
    Ok(Outcome::pass(format!("{name} allows {central}"))
        .about(key.arn.as_str())
        .with("key_arn", key.arn.as_str()))
}

/// Returns that only the owner of a key knows whether its policy allows someone to use it.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>: cross-account use: no.
#[must_use]
pub fn ask_owner(key: &KeyUse<'_>, whom: &str) -> Outcome {
    let message = format!(
        "{} belongs to account {}, and only that account can read its policy; ask its owner whether it allows {whom}",
        key.name(),
        key.account()
    );
    open_question(key, GapKind::Foreign, message)
}

/// Returns the fix that allows the central account to use a key.
fn sharing(cx: &RuleContext<'_>, key: &KeyUse<'_>, denied: &[&ActionVerdict]) -> String {
    let denier = denied.iter().find_map(|action| match &action.decision {
        Decision::ExplicitDeny { by, .. } => Some(by),
        _ => None,
    });
    if let Some(denier) = denier {
        return format!(
            "Change the explicit deny first ({denier}): adding an Allow statement does not override it."
        );
    }
    if cx.snapshot.source.is_planned() {
        return format!(
            "Allow it in the policy of {} where the key is declared; `backup-check key-policy` prints the missing statements.",
            key.name()
        );
    }
    format!(
        "Replace its policy with the one that `aws kms get-key-policy --region {0} --key-id {1} --query Policy --output text | backup-check key-policy - --region {0} --key-account {2} --format policy` prints.",
        key.region(),
        key.id(),
        key.account()
    )
}

/// Returns an unknown outcome whose cause is shared by all resources under the key.
fn open_question(key: &KeyUse<'_>, kind: GapKind, message: String) -> Outcome {
    Outcome::unknown(&Gap::new(kind, message))
        .about(key.arn.as_str())
        .with("key_arn", key.arn.as_str())
}
