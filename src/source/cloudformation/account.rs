//! The account of a stack, where its key policies name it.

use std::collections::BTreeSet;

use crate::model::arn::{Arn, is_account_id};

use super::build::KEY;
use super::template::Template;
use super::value::{Phrase, Piece, Resolved};

/// Returns the account of the stack and the key whose policy names it.
///
/// KMS rejects a key policy that no principal in the key's own account could change. So if one
/// account by number may, other than the central account, it is the account of the stack. None where
/// no policy names it, or several disagree.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#allow-access-policy-update>.
pub(super) fn infer_account<'a>(
    template: &Template<'a>,
    central_account: &str,
) -> Option<(String, &'a str)> {
    let mut found: Option<(String, &'a str)> = None;
    for declared in template.of_type(KEY) {
        let properties = template.properties(declared);
        let bypass = properties.get("BypassPolicyLockoutSafetyCheck");
        if !matches!(bypass.as_boolean(), Ok(None | Some(false))) {
            continue;
        }
        let policy = properties.get("KeyPolicy");
        let Some(account) = find_administrator(&policy, central_account) else {
            continue;
        };
        match &found {
            Some((other, _)) if *other != account => return None,
            Some(_) => {}
            None => found = Some((account, declared.id)),
        }
    }
    found
}

/// Returns the only account, other than the central one, that a key policy allows to change the policy.
fn find_administrator(policy: &Resolved, central_account: &str) -> Option<String> {
    let statements = policy.get("Statement");
    let mut accounts = BTreeSet::new();
    for (condition, statement) in statements.items().ok()? {
        let allows = statement.get("Effect").text() == Ok(Some("Allow".to_owned()));
        if !allows || !may_put_policy(statement) {
            continue;
        }
        // A principal that is not known may be the account's own.
        if condition.is_some() || !statement.get("Condition").is_absent() {
            return None;
        }
        let principals = statement.get("Principal").get("AWS");
        for (condition, principal) in principals.items().ok()? {
            let phrase = principal.clone().phrase();
            let account = find_account(&phrase).filter(|_| condition.is_none())?;
            accounts.insert(account);
        }
    }
    accounts.remove(central_account);
    let account = accounts.pop_first()?;
    accounts.is_empty().then_some(account)
}

fn may_put_policy(statement: &Resolved) -> bool {
    const ACTION: &str = "kms:putkeypolicy";
    let actions = statement.get("Action");
    let Ok(actions) = actions.items() else {
        return true;
    };
    actions.into_iter().any(|(_, action)| match action.text() {
        Ok(Some(action)) => {
            let action = action.to_ascii_lowercase();
            // Patterns of actions end with their only wildcard.
            match action.split_once('*') {
                Some((before, _)) => ACTION.starts_with(before),
                None => action == ACTION,
            }
        }
        _ => true,
    })
}

/// Returns the account of a principal; none where it has no account number.
fn find_account(phrase: &Phrase) -> Option<String> {
    let [Piece::Text(text), ..] = phrase.0.as_slice() else {
        return None;
    };
    if phrase.0.len() == 1 && is_account_id(text) {
        return Some(text.clone());
    }
    // What comes after the account may be unknown.
    let arn = Arn::parse(text).filter(|arn| arn.service == "iam")?;
    is_account_id(arn.account).then(|| arn.account.to_owned())
}
