//! Causes: what must change to resolve findings, each under an id that is the same in every format and from
//! run to run.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Finding, Status};
use crate::analysis::Cause;
use crate::model::ResourceKind;
use crate::rule::Group;
use crate::text::format_hex;

/// The number of digits of an id that texts for people show.
pub const SHORT_ID: usize = 8;

/// A cause: what must change to resolve findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseLine {
    /// The id: 16 hex digits of SHA-256 over the rule, a newline and the ARN of what must change, stable
    /// across runs.
    pub id: String,
    /// The rule's id.
    #[schemars(schema_with = "super::rule_schema")]
    pub rule: String,
    /// The worst status of its findings.
    pub status: Status,
    /// Whether any of its findings counts toward the exit code.
    pub gating: bool,
    /// The message of its first finding.
    pub message: String,
    /// How to fix it; null where there is nothing to fix.
    pub fix: Option<String>,
    /// Commands that print the changes.
    pub commands: Vec<String>,
    /// The resources of its findings, sorted.
    pub resources: Vec<String>,
    /// The id of the cause that this one is a symptom of; null where it is no symptom.
    pub explained_by: Option<String>,
    /// The ids of the causes that are symptoms of this one, sorted.
    pub explains: Vec<String>,
}

/// Returns the id of the cause of a finding; of the first where it has several.
#[must_use]
pub fn cause_id_of(finding: &Finding) -> Option<String> {
    let cause = finding.explanation.causes.first()?;
    let is_trouble = finding.status.is_trouble();
    is_trouble.then(|| cause_id(finding, cause))
}

/// Returns the ids of all causes of a finding.
#[must_use]
pub fn cause_ids_of(finding: &Finding) -> Vec<String> {
    let causes = finding
        .explanation
        .causes
        .iter()
        .filter(|_| finding.status.is_trouble());
    causes.map(|cause| cause_id(finding, cause)).collect()
}

/// Returns the id of one cause of a finding.
pub(super) fn cause_id(finding: &Finding, cause: &Cause) -> String {
    hash_cause(finding.rule.id, &changed_subject(finding, cause))
}

/// Returns the first 16 hex digits of SHA-256 over a rule, a newline and what must change.
fn hash_cause(rule: &str, subject: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(rule);
    digest.update("\n");
    digest.update(subject);
    format_hex(digest.finalize().iter().take(8))
}

/// Returns the ARN of what must change: a key, a setting of the region, otherwise the resource.
fn changed_subject<'a>(finding: &'a Finding, cause: &'a Cause) -> Cow<'a, str> {
    match &cause.about {
        Some(about) if about.starts_with("arn:") => Cow::Borrowed(about),
        Some(about)
            if finding.kind != ResourceKind::Region
                && about
                    .strip_suffix(finding.region.as_str())
                    .is_some_and(|it| it.ends_with(" in ")) =>
        {
            let account = finding.account_id.as_deref().unwrap_or_default();
            Cow::Owned(format!("backup-check:region:{account}:{}", finding.region))
        }
        _ => Cow::Borrowed(&finding.resource),
    }
}

/// Rules whose violation explains why a backup or its copy failed, the most specific one first.
///
/// The region and the account are those of the resource.
const EXPLAIN_JOBS: [&str; 13] = [
    "encryption-customer-key",
    "kms-key-usable",
    "kms-key-shared",
    "kms-key-locally-usable",
    "encryption-at-rest",
    "s3-versioning-enabled",
    "dynamodb-advanced-features-enabled",
    "local-vault-ready",
    "local-vault-key-shared",
    "backup-policy-effective",
    "central-copy-retained",
    "backup-role-ready",
    "organization-member",
];

/// Returns the commands that print the changes of a cause. `arguments` names the source of the run.
#[must_use]
pub fn fix_commands(cause: &CauseLine, arguments: &str) -> Vec<String> {
    match (cause.status, &cause.fix) {
        (Status::Fail | Status::Warn, Some(_)) => {
            vec![format!(
                "backup-check fix {}{arguments}",
                &cause.id[..SHORT_ID]
            )]
        }
        _ => vec![format!("backup-check explain {}", cause.rule)],
    }
}

/// The causes of a report, collected finding by finding.
#[derive(Debug, Default)]
pub struct CauseLedger {
    causes: BTreeMap<String, CauseLine>,
    // Failing causes by the resource that they are found on, and members of stacks.
    failing: BTreeMap<String, Vec<(&'static str, String)>>,
    symptoms: Vec<Symptom>,
}

/// A cause that may be the result of another one.
#[derive(Debug)]
struct Symptom {
    id: String,
    kind: SymptomKind,
}

#[derive(Debug)]
enum SymptomKind {
    /// A failed job of a resource, with its region and account.
    Job {
        resource: String,
        settings: [String; 2],
    },
    /// A stack, with the ids and rules of the members that are not ready.
    Stack { members: Vec<(String, String)> },
    /// A key that is not shared for all actions.
    Key { shared: String },
}

impl CauseLedger {
    /// Adds the causes of a finding.
    pub fn add_finding(&mut self, finding: &Finding) {
        if !finding.status.is_trouble() {
            return;
        }
        for cause in &finding.explanation.causes {
            let id = cause_id(finding, cause);
            if finding.status == Status::Fail {
                let found = (finding.rule.id, id.clone());
                for name in [&finding.resource, &finding.resource_id] {
                    let known = self.failing.entry(name.clone()).or_default();
                    if !known.contains(&found) {
                        known.push(found.clone());
                    }
                }
            }
            self.add_symptom(finding, cause, &id);
            let line = self.causes.entry(id).or_insert_with_key(|id| CauseLine {
                id: id.clone(),
                rule: finding.rule.id.to_owned(),
                status: finding.status,
                gating: false,
                message: cause.sentence(),
                fix: cause.fix.clone(),
                commands: Vec::new(),
                resources: Vec::new(),
                explained_by: None,
                explains: Vec::new(),
            });
            line.status = line.status.max(finding.status);
            line.gating |= finding.gating;
            if line.resources.last() != Some(&finding.resource) {
                line.resources.push(finding.resource.clone());
            }
        }
    }

    fn add_symptom(&mut self, finding: &Finding, cause: &Cause, id: &str) {
        if finding.status == Status::Unknown {
            return;
        }
        let kind = match finding.rule.id {
            _ if finding.rule.group == Group::Proof => {
                let account = finding.account_id.as_deref().unwrap_or_default();
                SymptomKind::Job {
                    resource: finding.resource.clone(),
                    settings: [
                        format!("backup-check:region:{account}:{}", finding.region),
                        format!("backup-check:account:{account}"),
                    ],
                }
            }
            "stack-resources-ready" => SymptomKind::Stack {
                members: cause
                    .parts
                    .iter()
                    .filter_map(|part| {
                        Some((part.clone(), cause.message.split_once(": ")?.0.to_owned()))
                    })
                    .collect(),
            },
            "kms-key-fully-shared" => SymptomKind::Key {
                shared: hash_cause("kms-key-shared", &changed_subject(finding, cause)),
            },
            _ => return,
        };
        self.symptoms.push(Symptom {
            id: id.to_owned(),
            kind,
        });
    }

    /// Returns all causes, with what explains what, sorted by id. `command` returns the commands of a cause.
    #[must_use]
    pub fn into_lines(mut self, command: impl Fn(&CauseLine) -> Vec<String>) -> Vec<CauseLine> {
        for symptom in std::mem::take(&mut self.symptoms) {
            let Some(reason) = self.explain_symptom(&symptom.kind) else {
                continue;
            };
            if reason == symptom.id || self.explained_by(&symptom.id).is_some() {
                continue;
            }
            if let Some(line) = self.causes.get_mut(&symptom.id) {
                line.explained_by = Some(reason.clone());
            }
            if let Some(line) = self.causes.get_mut(&reason) {
                line.explains.push(symptom.id);
            }
        }
        let mut lines: Vec<CauseLine> = self.causes.into_values().collect();
        for line in &mut lines {
            line.resources.sort_unstable();
            line.resources.dedup();
            line.explains.sort_unstable();
            line.commands = command(line);
        }
        lines
    }

    fn explained_by(&self, id: &str) -> Option<&String> {
        self.causes.get(id)?.explained_by.as_ref()
    }

    fn explain_symptom(&self, kind: &SymptomKind) -> Option<String> {
        let find = |name: &str, rule: &str| {
            let found = self.failing.get(name)?;
            let (_, id) = found.iter().find(|(known, _)| *known == rule)?;
            Some(id.clone())
        };
        match kind {
            SymptomKind::Job { resource, settings } => EXPLAIN_JOBS.iter().find_map(|rule| {
                let own = find(resource, rule);
                own.or_else(|| settings.iter().find_map(|name| find(name, rule)))
            }),
            SymptomKind::Stack { members } => {
                let mut members = members.iter();
                members.find_map(|(member, rule)| find(member, rule))
            }
            SymptomKind::Key { shared } => self.causes.contains_key(shared).then(|| shared.clone()),
        }
    }
}
