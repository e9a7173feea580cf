//! Merges the missing statements into a key policy, and leaves the rest of it as it is.

use std::collections::BTreeSet;

use serde::Serialize;

use super::copy;
use super::copy::{CentralAccount, KeyFacts, ViaService};
use super::lossless_json::LosslessJson;
use super::service_request::is_grant_action;
use crate::iam::decision::{BlockingDeny, Verdict};
use crate::iam::document::{Document, ParseError};

/// The maximum size of a key policy, in bytes.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>.
pub const MAX_POLICY_BYTES: usize = 32_768;

/// The result of a merge.
#[derive(Debug, Clone)]
pub enum Merge {
    /// No change: every action that the copy needs is allowed.
    Unchanged(LosslessJson),
    /// The policy with the missing statements.
    Added(LosslessJson),
    /// A Deny blocks the copy or may block it, and an added statement cannot override it.
    Blocked(BlockingDeny),
    /// The merged policy would exceed the KMS limit; its minified length in bytes.
    TooLarge(usize),
}

/// A statement to add, its members in the order in which people write them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Grant<'a> {
    sid: String,
    effect: &'static str,
    principal: Principal<'a>,
    action: Vec<&'static str>,
    resource: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Bool>,
}

#[derive(Serialize)]
struct Principal<'a> {
    #[serde(rename = "AWS")]
    aws: &'a str,
}

/// For AWS resources alone, as AWS's own example has it:
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#key-policy-service-integration>.
#[derive(Serialize)]
struct Bool {
    #[serde(rename = "Bool")]
    bool: ForAwsResource,
}

#[derive(Serialize)]
struct ForAwsResource {
    #[serde(rename = "kms:GrantIsForAWSResource")]
    grant_is_for_aws_resource: &'static str,
}

/// Merges the statements that grant the central account access, through one service or through either.
///
/// They name the root of the central account and those of the ten actions that are not certainly allowed: one statement for
/// the use of the key, one for grants.
///
/// # Errors
/// Where the text is not a policy; see [`Document::parse`].
pub fn merge(
    text: &str,
    key: &KeyFacts,
    central: &CentralAccount,
    via: Option<ViaService>,
) -> Result<Merge, ParseError> {
    let document = Document::parse(text)?;
    let unreadable = |error: serde_json::Error| ParseError {
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    };
    let mut policy =
        LosslessJson::parse(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(unreadable)?;
    let access = match via {
        Some(via) => copy::evaluate_copy_access(&document, key, central, via),
        None => copy::evaluate_copy_access_any(&document, key, central),
    };
    let missing = |grants: bool| -> Vec<&'static str> {
        let lacking = access.actions.iter().filter(|action| {
            action.decision.verdict() != Verdict::Allowed
                && is_grant_action(action.action) == grants
        });
        lacking.map(|action| action.action).collect()
    };
    let (usage, grants) = (missing(false), missing(true));
    if key.is_central(central) || (usage.is_empty() && grants.is_empty()) {
        return Ok(Merge::Unchanged(policy));
    }
    if let Some(obstacle) = copy::find_copy_deny(&document, key, central, via) {
        return Ok(Merge::Blocked(obstacle));
    }

    let root = format!("arn:{}:iam::{}:root", key.partition(), central.account_id);
    let statement = |sid: &str, action: Vec<&'static str>, condition| {
        LosslessJson::from_value(&Grant {
            sid: choose_sid(&document, sid),
            effect: "Allow",
            principal: Principal { aws: &root },
            action,
            resource: "*",
            condition,
        })
        .map_err(unreadable)
    };
    let mut added = Vec::new();
    if !usage.is_empty() {
        added.push(statement("BackupCopyUse", usage, None)?);
    }
    if !grants.is_empty() {
        let condition = Bool {
            bool: ForAwsResource {
                grant_is_for_aws_resource: "true",
            },
        };
        added.push(statement("BackupCopyGrants", grants, Some(condition))?);
    }
    append_statements(&mut policy, added);
    let length = serde_json::to_string(&policy).map_err(unreadable)?.len();
    if length > MAX_POLICY_BYTES {
        return Ok(Merge::TooLarge(length));
    }
    Ok(Merge::Added(policy))
}

/// Returns a statement id that is not used yet. Ids may repeat in a key policy, but then they are ambiguous in messages.
fn choose_sid(document: &Document, sid: &str) -> String {
    let sids = document.statements.iter();
    let taken: BTreeSet<&str> = sids.filter_map(|it| it.sid.as_deref()).collect();
    let numbered = (2..=document.statements.len() + 1).map(|number| format!("{sid}{number}"));
    std::iter::once(sid.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name.as_str()))
        .unwrap_or_else(|| sid.to_owned())
}

fn append_statements(policy: &mut LosslessJson, mut added: Vec<LosslessJson>) {
    let LosslessJson::Object(members) = policy else {
        return;
    };
    for (name, value) in members {
        if name == "Statement" {
            match value {
                LosslessJson::List(statements) => statements.append(&mut added),
                // A single statement is a list of one.
                single => {
                    added.insert(0, single.clone());
                    *single = LosslessJson::List(std::mem::take(&mut added));
                }
            }
        }
    }
}
