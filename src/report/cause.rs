//! Causes: what must change to resolve findings, each under an id that is the same in every format and from
//! run to run.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{Finding, Status};
use crate::analysis::Cause;
use crate::model::ResourceKind;
use crate::report::maps::HashMap;
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

impl Finding {
    /// Returns the id, stable across runs: the first 16 hex digits of SHA-256 over the rule, a newline and the ARN. The
    /// cause of a finding whose resource itself must change has the same.
    #[must_use]
    pub fn id(&self) -> String {
        hash_id(self.rule.id, &self.resource).to_string()
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

pub(super) fn cause_id(finding: &Finding, cause: &Cause) -> CauseId {
    hash_id(finding.rule.id, &changed_subject(finding, cause))
}

/// Returns the id of what a rule finds about something, by its ARN.
fn hash_id(rule: &str, subject: &str) -> CauseId {
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
fn fix_commands(cause: &CauseLine<'_>, arguments: &str) -> Vec<String> {
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

/// The causes of the findings of a report, sorted by id. It refers to the findings: a large account has many.
#[derive(Debug, Default)]
pub struct CauseList<'f> {
    causes: Vec<(CauseId, Entry<'f>)>,
    /// The resources of the findings, with the cause: sorted, each once.
    resources: Vec<(CauseId, &'f str)>,
    /// The causes that explain others, with their symptoms: sorted.
    explanations: Vec<(CauseId, CauseId)>,
    arguments: &'f str,
}

/// A cause, except what refers to others.
#[derive(Debug)]
struct Entry<'f> {
    rule: &'static str,
    status: Status,
    gating: bool,
    first: &'f Cause,
    explained_by: Option<CauseId>,
}

impl<'f> CauseList<'f> {
    /// Returns the causes of findings. Those of a resource are next to each other. `arguments` names the source of the
    /// run in commands.
    #[must_use]
    pub fn collect(findings: &'f [Finding], arguments: &'f str) -> Self {
        let mut ledger = Ledger::begin(findings);
        for of_resource in findings.chunk_by(|one, other| one.resource == other.resource) {
            ledger.add_resource(of_resource);
        }
        ledger.explain_symptoms();
        let Ledger {
            causes,
            mut resources,
            ..
        } = ledger;
        let mut causes: Vec<(CauseId, Entry<'f>)> = causes.into_iter().collect();
        causes.sort_unstable_by_key(|(id, _)| *id);
        resources.sort_unstable();
        resources.dedup();
        let explained = causes
            .iter()
            .filter_map(|(id, it)| Some((it.explained_by?, *id)));
        let mut explanations: Vec<_> = explained.collect();
        explanations.sort_unstable();
        CauseList {
            causes,
            resources,
            explanations,
            arguments,
        }
    }

    /// Returns the ids of the causes that another cause explains.
    pub(super) fn symptom_ids(&self) -> BTreeSet<CauseId> {
        self.explanations
            .iter()
            .map(|(_, symptom)| *symptom)
            .collect()
    }

    /// Returns the causes, made one by one: a large account has 100,000.
    pub fn lines(&self) -> impl Iterator<Item = CauseLine<'_>> {
        self.causes.iter().map(|(id, entry)| {
            let mut line = CauseLine {
                id: id.to_string(),
                rule: entry.rule.to_owned(),
                status: entry.status,
                gating: entry.gating,
                message: entry.first.sentence(),
                fix: entry.first.fix.clone(),
                commands: Vec::new(),
                resources: find_run(&self.resources, *id).map(Cow::Borrowed).collect(),
                explained_by: entry.explained_by.map(|it| it.to_string()),
                explains: find_run(&self.explanations, *id)
                    .map(|it| it.to_string())
                    .collect(),
            };
            line.commands = fix_commands(&line, self.arguments);
            line
        })
    }
}

impl Serialize for CauseList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.lines())
    }
}

/// Returns what sorted pairs have for a cause.
fn find_run<T: Copy>(pairs: &[(CauseId, T)], id: CauseId) -> impl Iterator<Item = T> {
    let start = pairs.partition_point(|(known, _)| *known < id);
    let run = pairs[start..]
        .iter()
        .take_while(move |(known, _)| *known == id);
    run.map(|(_, value)| *value)
}

/// The causes of findings while they are collected.
#[derive(Debug, Default)]
struct Ledger<'f> {
    causes: HashMap<CauseId, Entry<'f>>,
    resources: Vec<(CauseId, &'f str)>,
    /// Failing causes of the settings of accounts and regions. Those of an account have no region.
    of_settings: HashMap<(&'f str, &'f str), Vec<(&'static str, CauseId)>>,
    /// The members of stacks that are not ready, by ARN or id, with their failing causes.
    of_members: HashMap<&'f str, Vec<(&'static str, CauseId)>>,
    /// Causes that one of another resource may explain.
    symptoms: Vec<Symptom<'f>>,
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

impl<'f> Ledger<'f> {
    /// Begins with what findings on other resources refer to: settings and members of stacks.
    fn begin(findings: &'f [Finding]) -> Self {
        let mut ledger = Ledger::default();
        for finding in findings {
            if matches!(symptom_kind(finding), Some(SymptomKind::Stack)) {
                let causes = finding.explanation.causes.iter();
                for member in causes.flat_map(|cause| &cause.parts) {
                    ledger.of_members.entry(member).or_default();
                }
            }
            if finding.kind.is_settings() && finding.status == Status::Fail {
                let account = finding.account_id.as_deref().unwrap_or_default();
                let region = match finding.kind {
                    ResourceKind::Account => "",
                    _ => finding.region.as_str(),
                };
                let failing = ledger.of_settings.entry((account, region)).or_default();
                let causes = finding.explanation.causes.iter();
                failing.extend(causes.map(|it| (finding.rule.id, cause_id(finding, it))));
            }
        }
        ledger
    }

    fn add_resource(&mut self, findings: &'f [Finding]) {
        let mut failing: Vec<(&'static str, CauseId)> = Vec::new();
        let mut jobs: Vec<Symptom<'f>> = Vec::new();
        for finding in findings.iter().filter(|it| it.status.is_trouble()) {
            for cause in &finding.explanation.causes {
                let id = cause_id(finding, cause);
                if finding.status == Status::Fail {
                    failing.push((finding.rule.id, id));
                }
                if let Some(kind) = symptom_kind(finding) {
                    let symptoms = match kind {
                        SymptomKind::Job => &mut jobs,
                        SymptomKind::Stack | SymptomKind::Key => &mut self.symptoms,
                    };
                    symptoms.push(Symptom {
                        id,
                        finding,
                        cause,
                        kind,
                    });
                }
                self.add_cause(id, finding, cause);
            }
        }
        for job in jobs {
            let reason = self.find_reason_of_job(job.finding, &failing);
            self.explain(job.id, reason);
        }
        let Some(finding) = findings.first() else {
            return;
        };
        for name in [finding.resource.as_str(), &finding.resource_id] {
            if let Some(known) = self.of_members.get_mut(name) {
                known.extend(&failing);
            }
        }
    }

    fn add_cause(&mut self, id: CauseId, finding: &'f Finding, cause: &'f Cause) {
        let entry = self.causes.entry(id).or_insert_with(|| Entry {
            rule: finding.rule.id,
            status: finding.status,
            gating: false,
            first: cause,
            explained_by: None,
        });
        entry.status = entry.status.max(finding.status);
        entry.gating |= finding.gating;
        self.resources.push((id, &finding.resource));
    }

    /// Notes what explains a cause, unless it is known. Many findings have the same cause.
    fn explain(&mut self, id: CauseId, reason: Option<CauseId>) {
        if let Some(entry) = self.causes.get_mut(&id) {
            let reason = reason.filter(|reason| *reason != id);
            entry.explained_by = entry.explained_by.or(reason);
        }
    }

    /// Explains causes by those of other resources, once all are known.
    fn explain_symptoms(&mut self) {
        for symptom in std::mem::take(&mut self.symptoms) {
            let reason = self.find_reason(&symptom);
            self.explain(symptom.id, reason);
        }
    }

    /// Returns the failing cause of a resource that made its job fail, the most specific one. `failing` are its own;
    /// those of the settings of its region and account come after them.
    fn find_reason_of_job(
        &self,
        finding: &Finding,
        failing: &[(&'static str, CauseId)],
    ) -> Option<CauseId> {
        let account = finding.account_id.as_deref().unwrap_or_default();
        let settings = [(account, finding.region.as_str()), (account, "")];
        let settings = settings.map(|place| self.of_settings.get(&place));
        EXPLAIN_JOBS.iter().find_map(|rule| {
            let own = find_rule(failing, rule);
            let mut settings = settings.iter().flatten();
            own.or_else(|| settings.find_map(|failing| find_rule(failing, rule)))
        })
    }

    fn find_reason(&self, symptom: &Symptom<'_>) -> Option<CauseId> {
        let Symptom { finding, cause, .. } = symptom;
        match symptom.kind {
            SymptomKind::Job => None,
            SymptomKind::Stack => {
                let (rule, _) = cause.message.split_once(": ")?;
                let mut members = cause.parts.iter();
                members.find_map(|member| find_rule(self.of_members.get(member.as_str())?, rule))
            }
            SymptomKind::Key => {
                let shared = hash_id("kms-key-shared", &changed_subject(finding, cause));
                self.causes.contains_key(&shared).then_some(shared)
            }
        }
    }
}

/// Returns the cause of a rule among failing ones.
fn find_rule(failing: &[(&'static str, CauseId)], rule: &str) -> Option<CauseId> {
    let mut failing = failing.iter();
    failing.find(|(known, _)| *known == rule).map(|(_, id)| *id)
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
