//! Causes: what must change to resolve findings, each under an id that is the same in every format and from
//! run to run.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Finding, Status};
use crate::analysis::Cause;
use crate::model::ResourceKind;
use crate::rule::Group;

/// The number of digits of an id that texts for people show.
pub const SHORT_ID: usize = 8;

/// A cause: what must change to resolve findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseLine<'a> {
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
    pub resources: Vec<Cow<'a, str>>,
    /// The id of the cause that this one is a symptom of; null where it is no symptom.
    pub explained_by: Option<String>,
    /// The ids of the causes that are symptoms of this one, sorted.
    pub explains: Vec<String>,
}

/// The id of a cause: the first 8 bytes of SHA-256 over the rule, a newline and the ARN of what must change. Texts have it
/// in hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CauseId(u64);

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Returns the id of the cause of a finding; of the first where it has several.
#[must_use]
pub fn cause_id_of(finding: &Finding) -> Option<String> {
    let cause = finding.explanation.causes.first()?;
    let is_trouble = finding.status.is_trouble();
    is_trouble.then(|| cause_id(finding, cause).to_string())
}

/// Returns the ids of all causes of a finding.
#[must_use]
pub fn cause_ids_of(finding: &Finding) -> Vec<String> {
    let causes = finding
        .explanation
        .causes
        .iter()
        .filter(|_| finding.status.is_trouble());
    causes
        .map(|cause| cause_id(finding, cause).to_string())
        .collect()
}

/// Returns the id of one cause of a finding.
pub(super) fn cause_id(finding: &Finding, cause: &Cause) -> CauseId {
    hash_cause(finding.rule.id, &changed_subject(finding, cause))
}

/// Hashes a rule and what must change.
fn hash_cause(rule: &str, subject: &str) -> CauseId {
    let mut digest = Sha256::new();
    digest.update(rule);
    digest.update("\n");
    digest.update(subject);
    let bytes = digest.finalize();
    CauseId(
        bytes
            .iter()
            .take(8)
            .fold(0, |id, byte| (id << 8) | u64::from(*byte)),
    )
}

/// Returns the ARN of what must change: a key, a setting of the region, otherwise the resource.
fn changed_subject<'a>(finding: &'a Finding, cause: &'a Cause) -> Cow<'a, str> {
    shared_subject(finding, cause).unwrap_or(Cow::Borrowed(&finding.resource))
}

/// Whether the resource itself must change, and nothing that it shares with others.
pub(super) fn is_of_resource(finding: &Finding, cause: &Cause) -> bool {
    shared_subject(finding, cause).is_none()
}

fn shared_subject<'a>(finding: &'a Finding, cause: &'a Cause) -> Option<Cow<'a, str>> {
    let about = cause.about.as_deref()?;
    if about.starts_with("arn:") {
        return Some(Cow::Borrowed(about));
    }
    let place = about.strip_suffix(finding.region.as_str())?;
    let is_setting = finding.kind != ResourceKind::Region && place.ends_with(" in ");
    is_setting.then(|| {
        let account = finding.account_id.as_deref().unwrap_or_default();
        Cow::Owned(format!("backup-check:region:{account}:{}", finding.region))
    })
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
pub fn fix_commands(cause: &CauseLine<'_>, arguments: &str) -> Vec<String> {
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

/// The causes of findings, collected one by one. It refers to the findings: a large account has many.
#[derive(Debug, Default)]
pub struct CauseLedger<'f> {
    causes: HashMap<CauseId, Entry<'f>>,
    // Failing causes by the resource that they are found on, and members of stacks.
    failing: HashMap<&'f str, Vec<(&'static str, CauseId)>>,
    symptoms: Vec<Symptom<'f>>,
}

/// A cause with the resources of its findings.
#[derive(Debug)]
struct Entry<'f> {
    rule: &'static str,
    status: Status,
    gating: bool,
    first: &'f Cause,
    resources: Vec<&'f str>,
    explained_by: Option<CauseId>,
    explains: Vec<CauseId>,
}

/// A cause that may be the result of another one.
#[derive(Debug)]
struct Symptom<'f> {
    id: CauseId,
    finding: &'f Finding,
    cause: &'f Cause,
    kind: SymptomKind,
}

#[derive(Debug, Clone, Copy)]
enum SymptomKind {
    /// A failed job of a resource.
    Job,
    /// A stack whose members are not ready.
    Stack,
    /// A key that is not shared for all actions.
    Key,
}

impl<'f> CauseLedger<'f> {
    /// Returns the causes of findings.
    #[must_use]
    pub fn collect(findings: &'f [Finding]) -> Self {
        let mut ledger = CauseLedger::default();
        findings.iter().for_each(|it| ledger.add_finding(it));
        ledger.link_symptoms();
        ledger
    }

    fn add_finding(&mut self, finding: &'f Finding) {
        if !finding.status.is_trouble() {
            return;
        }
        for cause in &finding.explanation.causes {
            let id = cause_id(finding, cause);
            if finding.status == Status::Fail {
                for name in [&finding.resource, &finding.resource_id] {
                    let known = self.failing.entry(name.as_str()).or_default();
                    let is_known =
                        |(rule, known): &(&str, CauseId)| *rule == finding.rule.id && *known == id;
                    if !known.iter().any(is_known) {
                        known.push((finding.rule.id, id));
                    }
                }
            }
            if let Some(kind) = symptom_kind(finding) {
                self.symptoms.push(Symptom {
                    id,
                    finding,
                    cause,
                    kind,
                });
            }
            let entry = self.causes.entry(id).or_insert_with(|| Entry {
                rule: finding.rule.id,
                status: finding.status,
                gating: false,
                first: cause,
                resources: Vec::new(),
                explained_by: None,
                explains: Vec::new(),
            });
            entry.status = entry.status.max(finding.status);
            entry.gating |= finding.gating;
            if entry.resources.last() != Some(&finding.resource.as_str()) {
                entry.resources.push(&finding.resource);
            }
        }
    }

    /// Finds what explains what.
    fn link_symptoms(&mut self) {
        for symptom in std::mem::take(&mut self.symptoms) {
            // Many findings have the same cause.
            if self.explained_by(symptom.id).is_some() {
                continue;
            }
            let Some(reason) = self.explain_symptom(&symptom) else {
                continue;
            };
            if reason == symptom.id {
                continue;
            }
            if let Some(entry) = self.causes.get_mut(&symptom.id) {
                entry.explained_by = Some(reason);
            }
            if let Some(entry) = self.causes.get_mut(&reason) {
                entry.explains.push(symptom.id);
            }
        }
    }

    /// Returns the ids of the causes that another cause explains.
    pub(super) fn symptom_ids(&self) -> BTreeSet<CauseId> {
        let causes = self.causes.iter();
        let symptoms = causes.filter(|(_, entry)| entry.explained_by.is_some());
        symptoms.map(|(id, _)| *id).collect()
    }

    /// Returns all causes, with what explains what, sorted by id. `command` returns the commands of a cause.
    #[must_use]
    pub fn into_lines(self, command: impl Fn(&CauseLine<'f>) -> Vec<String>) -> Vec<CauseLine<'f>> {
        let mut causes: Vec<(CauseId, Entry<'f>)> = self.causes.into_iter().collect();
        causes.sort_unstable_by_key(|(id, _)| *id);
        let lines = causes.into_iter().map(|(id, mut entry)| {
            entry.explains.sort_unstable();
            let mut resources = entry.resources;
            resources.sort_unstable();
            resources.dedup();
            let mut line = CauseLine {
                id: id.to_string(),
                rule: entry.rule.to_owned(),
                status: entry.status,
                gating: entry.gating,
                message: entry.first.sentence(),
                fix: entry.first.fix.clone(),
                commands: Vec::new(),
                resources: resources.into_iter().map(Cow::Borrowed).collect(),
                explained_by: entry.explained_by.map(|it| it.to_string()),
                explains: entry.explains.iter().map(CauseId::to_string).collect(),
            };
            line.commands = command(&line);
            line
        });
        lines.collect()
    }

    fn explained_by(&self, id: CauseId) -> Option<CauseId> {
        self.causes.get(&id)?.explained_by
    }

    fn explain_symptom(&self, symptom: &Symptom<'_>) -> Option<CauseId> {
        let Symptom { finding, cause, .. } = symptom;
        let find = |name: &str, rule: &str| {
            let found = self.failing.get(name)?;
            let (_, id) = found.iter().find(|(known, _)| *known == rule)?;
            Some(*id)
        };
        match symptom.kind {
            SymptomKind::Job => {
                let account = finding.account_id.as_deref().unwrap_or_default();
                let settings = [
                    format!("backup-check:region:{account}:{}", finding.region),
                    format!("backup-check:account:{account}"),
                ];
                EXPLAIN_JOBS.iter().find_map(|rule| {
                    let own = find(&finding.resource, rule);
                    own.or_else(|| settings.iter().find_map(|name| find(name, rule)))
                })
            }
            SymptomKind::Stack => {
                let (rule, _) = cause.message.split_once(": ")?;
                cause.parts.iter().find_map(|member| find(member, rule))
            }
            SymptomKind::Key => {
                let shared = hash_cause("kms-key-shared", &changed_subject(finding, cause));
                self.causes.contains_key(&shared).then_some(shared)
            }
        }
    }
}

/// Returns the way in which a finding may be the result of another cause.
fn symptom_kind(finding: &Finding) -> Option<SymptomKind> {
    match finding.rule.id {
        _ if finding.status == Status::Unknown => None,
        _ if finding.rule.group == Group::Proof => Some(SymptomKind::Job),
        "stack-resources-ready" => Some(SymptomKind::Stack),
        "kms-key-fully-shared" => Some(SymptomKind::Key),
        _ => None,
    }
}
