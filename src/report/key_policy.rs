//! The report on one key policy: for people, and as JSON of schema `backup-check/key-policy/v1`.

use std::io::Write;

use serde::Serialize;

use super::WriteError;
use super::table::Style;
use crate::iam::decision::Verdict;
use crate::iam::document::{Document, ParseError};
use crate::key_sharing::copy;
use crate::key_sharing::copy::{
    ActionVerdict, CentralAccount, CopyAccess, KeyFacts, LocalAccess, Overall,
};
use crate::key_sharing::copy::{Need, ViaService};
use crate::key_sharing::lossless_json::LosslessJson;
use crate::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use crate::report::page::{Page, Tone};
use crate::text::{is_invisible, replace_word};

/// The name of the schema.
pub const SCHEMA: &str = "backup-check/key-policy/v1";

/// The question that a key policy is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The key that carries it.
    pub key: KeyFacts,
    /// Who asks.
    pub central: CentralAccount,
    /// Through which service; either where none is named.
    pub via: Option<ViaService>,
    /// The own account's role that makes the backups.
    pub backup_role: String,
}

/// What a key policy answers.
#[derive(Debug)]
pub struct KeyPolicy {
    question: Question,
    access: CopyAccess,
    local: LocalAccess,
    merge: Merge,
}

impl KeyPolicy {
    /// Judges the text of a policy.
    ///
    /// # Errors
    /// Where the text is not a policy, with line and column.
    pub fn judge(text: &str, question: Question) -> Result<Self, ParseError> {
        let Question {
            key,
            central,
            via,
            backup_role,
        } = &question;
        let document = Document::parse(text)?;
        Ok(KeyPolicy {
            access: match via {
                Some(via) => copy::evaluate_copy_access(&document, key, central, *via),
                None => copy::evaluate_copy_access_any(&document, key, central),
            },
            local: copy::evaluate_local_access(&document, key, &key.key_account, backup_role),
            merge: merge(text, key, central, *via)?,
            question,
        })
    }

    /// The answer in a word. A key of the central account counts as shared, whatever its policy.
    #[must_use]
    pub fn verdict(&self) -> Overall {
        if self.question.key.is_central(&self.question.central) {
            Overall::Shared
        } else {
            self.access.overall
        }
    }

    fn merged(&self) -> Option<&LosslessJson> {
        match &self.merge {
            Merge::Unchanged(policy) | Merge::Added(policy) => Some(policy),
            Merge::Blocked(_) | Merge::TooLarge(_) => None,
        }
    }

    /// What there is to say about the merged policy.
    fn advice(&self) -> String {
        match &self.merge {
            Merge::Unchanged(_) if self.question.key.is_central(&self.question.central) => {
                "Nothing needs to be shared: what the central account's own policies say gates."
                    .to_owned()
            }
            Merge::Unchanged(_) => "Nothing is missing.".to_owned(),
            Merge::Added(_) => format!(
                "The policy below would pass: it is the present one, and after it what lets {} in.",
                self.question.central.account_id
            ),
            Merge::Blocked(obstacle) => {
                let what = if obstacle.is_certain {
                    "stands in the way"
                } else {
                    "may stand in the way"
                };
                format!(
                    "No statement added to this policy can help: a Deny {what}. Change it first: {}.",
                    obstacle.explanation
                )
            }
            Merge::TooLarge(length) => format!(
                "With what is missing the policy would take {length} bytes without blanks, and KMS takes {MAX_POLICY_BYTES}: \
                 shorten it first."
            ),
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

/// Writes the JSON of schema `backup-check/key-policy/v1`.
///
/// # Errors
/// The writer failed.
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
        local_access: policy.local.verdict().as_str(),
        merged_policy: policy.merged(),
        blocked_by: match &policy.merge {
            Merge::Blocked(obstacle) => Some(obstacle.statement.to_string()),
            _ => None,
        },
        advice: policy.advice(),
    };
    serde_json::to_writer_pretty(&mut *out, &answer)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Writes the answer for people, and below it the merged policy, ready to be copied.
///
/// # Errors
/// The writer failed.
pub fn write(policy: &KeyPolicy, style: &Style, out: &mut dyn Write) -> Result<(), WriteError> {
    let Question {
        key, central, via, ..
    } = &policy.question;
    let central = &central.account_id;
    let mut page = Page::new(style.width, style.color);
    let (tone, verdict) = match policy.verdict() {
        _ if key.is_central(&policy.question.central) => (
            Tone::Good,
            format!("shared: the key belongs to {central} itself"),
        ),
        Overall::Shared => (
            Tone::Good,
            format!("shared: {central} can copy what is encrypted with this key"),
        ),
        Overall::PartlyShared => (
            Tone::Risk,
            format!("partly shared: {central} can copy, but not do all that the guide asks for"),
        ),
        Overall::NotShared => (
            Tone::Bad,
            format!("not shared: {central} cannot copy what is encrypted with this key"),
        ),
        Overall::Conditional => (
            Tone::Unknown,
            format!(
                "conditional: whether {central} can copy cannot be known from the policy alone"
            ),
        ),
    };
    page.flow(0, 2, &[(tone, &verdict)]);
    let services = via.map_or("ec2 and rds", ViaService::as_str);
    let place = key
        .region()
        .map_or_else(String::new, |region| format!(" in {region}"));
    page.flow(
        0,
        2,
        &[(
            Tone::Dim,
            &format!(
                "asked for the central account's AWS Backup service-linked role, through {services}{place}"
            ),
        )],
    );
    page.blank();
    for (verdict, reason, actions) in grouped(&policy.access) {
        let tone = match verdict {
            Verdict::Allowed => Tone::Good,
            Verdict::Conditional => Tone::Unknown,
            Verdict::Denied => Tone::Bad,
        };
        page.flow(2, 6, &[(tone, verdict.as_str()), (Tone::Plain, &actions)]);
        page.flow(6, 6, &[(Tone::Dim, &reason)]);
    }
    page.blank();
    let local = &policy.local;
    let role = &policy.question.backup_role;
    let may = match local.verdict() {
        Verdict::Allowed => format!("the own account's {role} may use the key, if IAM lets it"),
        Verdict::Conditional => format!(
            "whether the own account's {role} may use the key is open: {}",
            local.usage.reason()
        ),
        Verdict::Denied => format!(
            "the own account's {role} may not use the key, so no backup can be made: {}",
            local.usage.reason()
        ),
    };
    page.flow(0, 2, &[(Tone::Plain, &may)]);
    page.blank();
    page.flow(0, 2, &[(Tone::Strong, &policy.advice())]);
    if let Merge::Added(_) = policy.merge {
        let id = key.key_arn.as_deref().unwrap_or("KEY");
        let region = key
            .region()
            .map_or_else(String::new, |region| format!(" --region {region}"));
        page.flow(
            0,
            2,
            &[(
                Tone::Plain,
                &format!(
                    "Save it as policy.json and run `aws kms put-key-policy{region} --key-id {id} --policy-name default \
                     --policy file://policy.json`."
                ),
            )],
        );
    }
    out.write_all(page.into_text().as_bytes())?;
    if let Merge::Added(merged) = &policy.merge {
        let text = serde_json::to_string_pretty(merged)?;
        writeln!(out, "\n{}", escaped(&text))?;
    }
    Ok(())
}

/// JSON that moves no cursor: what could stands in a string, where its escape says the same.
fn escaped(json: &str) -> String {
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

/// Actions with the same answer for the same reason, the worst first: verdict, reason, actions.
fn grouped(access: &CopyAccess) -> Vec<(Verdict, String, String)> {
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
