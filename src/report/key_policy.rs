//! The report on one key policy: as text, as JSON of schema `backup-check/key-policy/v1`, and as the policy that
//! would pass.

use std::io::Write;

use serde::Serialize;

use super::WriteError;
use super::table::Style;
use crate::iam::decision::{Decision, Verdict};
use crate::iam::document::{Document, ParseError};
use crate::key_sharing::aws_managed::find_aws_managed_key;
use crate::key_sharing::copy;
use crate::key_sharing::copy::{ActionVerdict, CopyAccess, Need, Overall};
use crate::key_sharing::facts::{BackupRole, CentralAccount, KeyFacts, Organization, ViaService};
use crate::key_sharing::local_use::{LocalAccess, combine_verdicts, evaluate_local_access};
use crate::key_sharing::lossless_json::LosslessJson;
use crate::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use crate::report::page::{Page, Tone};
use crate::text::{is_invisible, replace_word};

/// The name of the schema.
pub const SCHEMA: &str = "backup-check/key-policy/v1";

/// The request that a key policy is checked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// The key that has the policy.
    pub key: KeyFacts,
    /// The account that makes the request.
    pub central: CentralAccount,
    /// The service that the request is made through; both where it is `None`.
    pub via: Option<ViaService>,
    /// The backup role of this account.
    pub backup_role: String,
}

/// The result for a key policy.
#[derive(Debug)]
pub struct KeyPolicy {
    question: Question,
    access: CopyAccess,
    /// For each service that the request may be made through.
    local: Vec<LocalAccess>,
    merge: Merge,
    /// The name of the AWS managed key that has the policy, if it is one.
    aws_managed_key: Option<&'static str>,
}

impl KeyPolicy {
    /// Evaluates the text of a policy.
    ///
    /// # Errors
    /// The text is not a policy; the error has the line and column.
    pub fn evaluate(text: &str, question: Question) -> Result<Self, ParseError> {
        let Question {
            key,
            central,
            via,
            backup_role,
        } = &question;
        let document = Document::parse(text)?;
        let role = BackupRole {
            account: key.key_account.clone(),
            name: backup_role.clone(),
            organization: match &central.org_id {
                Some(id) => Organization::Member(id.clone()),
                None => Organization::Unknown,
            },
        };
        let services = via.map_or(ViaService::ALL.to_vec(), |via| vec![via]);
        let local = services
            .into_iter()
            .map(|via| evaluate_local_access(&document, key, &role, via));
        Ok(KeyPolicy {
            access: match via {
                Some(via) => copy::evaluate_copy_access(&document, key, central, *via),
                None => copy::evaluate_copy_access_any(&document, key, central),
            },
            local: local.collect(),
            merge: merge(text, key, central, *via)?,
            aws_managed_key: find_aws_managed_key(&document, &key.key_account),
            question,
        })
    }

    /// Returns the verdict. A key of the central account counts as shared regardless of its policy.
    #[must_use]
    pub fn verdict(&self) -> Overall {
        if self.question.key.is_central(&self.question.central) {
            Overall::Shared
        } else {
            self.access.overall
        }
    }

    fn merged_policy(&self) -> Option<&LosslessJson> {
        match &self.merge {
            _ if self.aws_managed_key.is_some() => None,
            Merge::Unchanged(policy) | Merge::Added(policy) => Some(policy),
            Merge::Blocked(_) | Merge::TooLarge(_) => None,
        }
    }

    /// Returns what to do about the policy.
    fn advice_text(&self) -> String {
        let account = &self.question.central.account_id;
        if let Some(name) = self.aws_managed_key {
            return format!(
                "This is the policy of an AWS managed key ({name}), which nobody can change or share. Encrypt the resource with \
                 a customer managed key whose policy allows {account}."
            );
        }
        let advice = match &self.merge {
            Merge::Unchanged(_) if self.question.key.is_central(&self.question.central) => {
                "The key does not need to be shared: access depends on the policies of the central account."
                    .to_owned()
            }
            Merge::Unchanged(_) => match combine_verdicts(&self.local) {
                Verdict::Allowed => "Nothing is missing.".to_owned(),
                _ => format!("{account} needs nothing more."),
            },
            Merge::Added(_) => format!(
                "This policy would pass: the current policy plus the statements that grant {account} access."
            ),
            Merge::Blocked(obstacle) => {
                let verb = if obstacle.is_certain { "denies" } else { "may deny" };
                format!(
                    "Adding statements to this policy does not help: an explicit deny {verb} the access. Change it first: {}.",
                    obstacle.explanation
                )
            }
            Merge::TooLarge(length) => format!(
                "The merged policy would be {length} bytes (minified); the KMS limit is {MAX_POLICY_BYTES}. Shorten the policy first."
            ),
        };
        match self.local_advice() {
            Some(local) => format!("{advice} {local}"),
            None => advice,
        }
    }

    /// Returns what to do about the access of this account's backup role, where it is denied.
    fn local_advice(&self) -> Option<String> {
        let denied = self
            .local
            .iter()
            .find(|it| it.verdict() == Verdict::Denied)?;
        if combine_verdicts(&self.local) != Verdict::Denied {
            return None;
        }
        let key = &self.question.key;
        Some(match denied.worst_decision()? {
            Decision::ExplicitDeny { by, .. } => {
                format!("Change the explicit deny ({by}) so that this account can make backups.")
            }
            _ => format!(
                "Add a statement that allows kms:* for arn:{}:iam::{}:root, so that this account can make backups.",
                key.partition(),
                key.key_account
            ),
        })
    }

    /// Returns the access of this account's backup role.
    fn local_access_text(&self) -> String {
        let role = &self.question.backup_role;
        let verdict = combine_verdicts(&self.local);
        let worst = self.local.iter().max_by_key(|it| it.verdict());
        let reason = worst.map_or_else(String::new, LocalAccess::reason);
        let use_through = |access: &LocalAccess| {
            let verb = match access.verdict() {
                Verdict::Allowed => "may use the key",
                Verdict::Conditional => "may be allowed to use the key",
                Verdict::Denied => "may not use the key",
            };
            format!("{verb} through {}", access.via.as_str())
        };
        match verdict {
            Verdict::Allowed => {
                format!("{role} in this account may use the key, subject to its IAM permissions")
            }
            Verdict::Denied => format!(
                "{role} in this account may not use the key, so no backup can be made: {reason}"
            ),
            Verdict::Conditional if self.local.iter().all(|it| it.verdict() == verdict) => {
                format!("cannot determine whether {role} in this account may use the key: {reason}")
            }
            Verdict::Conditional => {
                let uses: Vec<String> = self.local.iter().map(use_through).collect();
                format!("{role} in this account {}: {reason}", uses.join(", and "))
            }
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    schema: &'static str,
    verdict: &'static str,
    principal: &'a str,
    actions: Vec<Action<'a>>,
    local_access: &'static str,
    merged_policy: Option<&'a LosslessJson>,
    blocked_by: Option<String>,
    advice: String,
}

#[derive(Serialize)]
struct Action<'a> {
    action: &'a str,
    need: &'static str,
    verdict: &'static str,
    statement: Option<String>,
    reason: String,
}

/// Writes the result as JSON of schema `backup-check/key-policy/v1`.
///
/// # Errors
/// The output failed.
pub fn write_json(policy: &KeyPolicy, out: &mut dyn Write) -> Result<(), WriteError> {
    let action = |it: &ActionVerdict| Action {
        action: it.action,
        need: it.need.as_str(),
        verdict: it.decision.verdict().as_str(),
        statement: it.decision.statement().map(ToString::to_string),
        reason: policy.access.reason(it),
    };
    let answer = Answer {
        schema: SCHEMA,
        verdict: policy.verdict().as_str(),
        principal: &policy.access.principal,
        actions: policy.access.actions.iter().map(action).collect(),
        local_access: combine_verdicts(&policy.local).as_str(),
        merged_policy: policy.merged_policy(),
        blocked_by: match &policy.merge {
            Merge::Blocked(obstacle) => Some(obstacle.statement.to_string()),
            Merge::Unchanged(_) | Merge::Added(_) | Merge::TooLarge(_) => None,
        },
        advice: policy.advice_text(),
    };
    serde_json::to_writer_pretty(&mut *out, &answer)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Writes the result for people, followed by the merged policy.
///
/// # Errors
/// The output failed.
pub fn write_text(
    policy: &KeyPolicy,
    style: &Style,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut page = Page::new(style.width, style.color);
    write_verdict(&mut page, policy);
    page.blank();
    write_actions(&mut page, &policy.access);
    page.blank();
    page.flow(0, 2, &[(Tone::Plain, &policy.local_access_text())]);
    page.blank();
    page.flow(0, 2, &[(Tone::Strong, &policy.advice_text())]);
    let added = match &policy.merge {
        Merge::Added(merged) if policy.aws_managed_key.is_none() => Some(merged),
        _ => None,
    };
    if added.is_some() {
        page.flow(0, 2, &[(Tone::Plain, &put_command(&policy.question.key))]);
    }
    out.write_all(page.into_text().as_bytes())?;
    if let Some(merged) = added {
        let text = serde_json::to_string_pretty(merged)?;
        writeln!(out, "\n{}", escape_json(&text))?;
    }
    Ok(())
}

/// Writes only the policy that would pass, ready for `aws kms put-key-policy`. Returns why there is none, if there
/// is none; then nothing is written.
///
/// # Errors
/// The output failed.
pub fn write_policy(policy: &KeyPolicy, out: &mut dyn Write) -> Result<Option<String>, WriteError> {
    let Some(merged) = policy.merged_policy() else {
        return Ok(Some(policy.advice_text()));
    };
    let text = serde_json::to_string_pretty(merged)?;
    writeln!(out, "{}", escape_json(&text))?;
    Ok(None)
}

/// Writes the verdict and the request that was evaluated.
fn write_verdict(page: &mut Page, policy: &KeyPolicy) {
    let Question {
        key, central, via, ..
    } = &policy.question;
    let account = &central.account_id;
    let (tone, verdict) = match policy.verdict() {
        _ if key.is_central(central) => (
            Tone::Good,
            format!("shared: the key belongs to the central account {account}"),
        ),
        Overall::Shared => (
            Tone::Good,
            format!("shared: {account} can copy backups encrypted with this key"),
        ),
        Overall::PartlyShared => (
            Tone::Risk,
            format!(
                "partly shared: {account} can copy, but lacks a permission that the guide recommends"
            ),
        ),
        Overall::NotShared => (
            Tone::Bad,
            format!("not shared: {account} cannot copy backups encrypted with this key"),
        ),
        Overall::Conditional => (
            Tone::Unknown,
            format!("conditional: the policy alone does not determine whether {account} can copy"),
        ),
    };
    page.flow(0, 2, &[(tone, &verdict)]);
    let services = via.map_or("ec2 and rds", ViaService::as_str);
    let region = key
        .region()
        .map_or_else(String::new, |region| format!(" in {region}"));
    let request = format!(
        "checked for the AWS Backup service-linked role of the central account, through {services}{region}"
    );
    page.flow(0, 2, &[(Tone::Dim, &request)]);
}

/// Writes the actions, those with the same verdict and reason together.
fn write_actions(page: &mut Page, access: &CopyAccess) {
    for (verdict, reason, actions) in group_actions(access) {
        let tone = match verdict {
            Verdict::Allowed => Tone::Good,
            Verdict::Conditional => Tone::Unknown,
            Verdict::Denied => Tone::Bad,
        };
        page.flow(2, 6, &[(tone, verdict.as_str()), (Tone::Plain, &actions)]);
        page.flow(6, 6, &[(Tone::Dim, &reason)]);
    }
}

/// Returns the sentence with the command that sets the merged policy.
fn put_command(key: &KeyFacts) -> String {
    let Some(id) = &key.key_arn else {
        return "Save it as policy.json and set it with `aws kms put-key-policy`. With the argument --key-arn, the \
                command is printed here in full."
            .to_owned();
    };
    let region = key
        .region()
        .map_or_else(String::new, |region| format!(" --region {region}"));
    format!(
        "Save it as policy.json and run `aws kms put-key-policy{region} --key-id {id} --policy-name default \
         --policy file://policy.json`."
    )
}

/// Returns JSON with every invisible character escaped. They occur only in strings.
fn escape_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_invisible(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Returns the actions grouped by verdict and reason, the worst first: verdict, reason, actions.
fn group_actions(access: &CopyAccess) -> Vec<(Verdict, String, String)> {
    // The reason without the action's name, the reason with it, the actions.
    let mut groups: Vec<(Verdict, String, String, Vec<String>)> = Vec::new();
    for action in &access.actions {
        let verdict = action.decision.verdict();
        let reason = access.reason(action);
        let shared = replace_word(&reason, action.action, "these");
        let name = match action.need {
            Need::Required => action.action.to_owned(),
            Need::Recommended => format!("{} (recommended)", action.action),
        };
        match groups
            .iter_mut()
            .find(|group| group.0 == verdict && group.1 == shared)
        {
            Some(group) => group.3.push(name),
            None => groups.push((verdict, shared, reason, vec![name])),
        }
    }
    groups.sort_by_key(|(verdict, ..)| std::cmp::Reverse(*verdict));
    groups
        .into_iter()
        .map(|(verdict, shared, exact, actions)| {
            let reason = if actions.len() > 1 { shared } else { exact };
            (verdict, reason, actions.join(", "))
        })
        .collect()
}
