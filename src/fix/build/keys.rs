//! Changes of KMS keys.

use crate::analysis::Remedy;
use crate::fix::cause::Draft;
use crate::fix::change::{Action, Change, Method};
use crate::fix::runbook::key;
use crate::key_sharing::facts::{CentralAccount, KeyFacts};
use crate::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use crate::model::Snapshot;
use crate::model::arn::Arn;
use crate::settings::Settings;

/// Adds the statements to the policy of a key that the central account needs.
pub(super) fn share_key(
    snapshot: &Snapshot,
    settings: &Settings,
    key_arn: &str,
    draft: Draft,
) -> Change {
    let title = format!(
        "Share key {key_arn} with the central account {}",
        settings.central_account
    );
    let facts = draft.remedies.iter().find_map(|remedy| match remedy {
        Remedy::ShareKey { facts, .. } => Some(facts.clone()),
        _ => None,
    });
    let before = snapshot
        .keys
        .get(key_arn)
        .and_then(|key| key.policy.known());
    let (Some(facts), Some(before)) = (facts, before) else {
        return draft.with_advice(title);
    };
    let organization = snapshot.organization_id.known().cloned().flatten();
    let central = CentralAccount {
        account_id: settings.central_account.clone(),
        org_id: settings.org_id.clone().or(organization),
    };
    match merge_policy(before, &facts, &central) {
        Merged::Policy(after) => {
            let action = Action::PutKeyPolicy {
                key_arn: key_arn.to_owned(),
                region: region_of(key_arn).to_owned(),
                before: before.clone(),
                after,
            };
            draft.in_place(title, vec![action], &[])
        }
        Merged::Advice(line) => draft.finish(title, Method::Advice(vec![line])),
        Merged::Nothing => draft.with_advice(title),
    }
}

/// The result of merging a key policy.
enum Merged {
    /// The policy to put.
    Policy(String),
    /// Why no policy helps.
    Advice(String),
    /// No statement is missing, or the policy is not valid.
    Nothing,
}

fn merge_policy(before: &str, facts: &KeyFacts, central: &CentralAccount) -> Merged {
    match merge(before, facts, central, None) {
        Ok(Merge::Added(policy)) => {
            let pretty = serde_json::to_string_pretty(&policy).ok();
            let fitting = pretty.filter(|text| text.len() <= MAX_POLICY_BYTES);
            let text = fitting.or_else(|| serde_json::to_string(&policy).ok());
            text.map_or(Merged::Nothing, Merged::Policy)
        }
        Ok(Merge::Blocked(obstacle)) => Merged::Advice(format!(
            "The statement {} denies the access, or may deny it, and an added statement cannot override a Deny. Change that statement first, then run this command again.",
            obstacle.statement
        )),
        Ok(Merge::TooLarge(length)) => Merged::Advice(format!(
            "The merged policy would be {length} bytes (minified); the KMS limit is {MAX_POLICY_BYTES}. Shorten the policy first."
        )),
        Ok(Merge::Unchanged(_)) | Err(_) => Merged::Nothing,
    }
}

/// Enables a key, or advises to replace one that cannot be enabled.
pub(super) fn enable_key(key_arn: &str, draft: Draft) -> Change {
    let is_pending_deletion = draft.remedies.iter().find_map(|remedy| match remedy {
        Remedy::EnableKey {
            is_pending_deletion,
            ..
        } => Some(*is_pending_deletion),
        _ => None,
    });
    match is_pending_deletion {
        Some(is_pending_deletion) => draft.by_hand(
            format!("Enable key {key_arn}"),
            key::enable_key(key_arn, is_pending_deletion),
        ),
        None => draft.with_advice(format!("Replace key {key_arn}")),
    }
}

/// Grants this account the use of a key.
pub(super) fn grant_local_use(snapshot: &Snapshot, key_arn: &str, draft: Draft) -> Change {
    draft.by_hand(
        format!("Allow this account's backup role to use key {key_arn}"),
        key::grant_local_use(key_arn, snapshot.account_id.as_deref()),
    )
}

fn region_of(arn: &str) -> &str {
    Arn::parse(arn).map_or("", |arn| arn.region)
}
