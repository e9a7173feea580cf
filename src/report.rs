//! The findings of a scan, and the writers of the report: one model, one writer per format.

pub mod asff;
pub mod baseline;
pub mod convert;
pub mod cost;
pub mod csv;
pub mod documentation;
pub mod fleet;
pub mod format;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod key_policy;
pub mod markdown;
pub mod ndjson;
pub mod ocsf;
pub mod openmetrics;
pub mod sarif;
pub mod stream;
pub mod table;

mod cause;
mod collector;
mod console;
mod digest;
mod facts;
mod line;
mod maps;
mod page;
mod place;
mod renderings;
mod severity;
mod stale_waiver;

use std::collections::BTreeMap;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use cause::{CauseLine, CauseList, SHORT_ID, cause_id_of, cause_ids_of};
pub use collector::FindingCollector;
pub use stale_waiver::{StaleState, StaleWaiver};
pub use stream::{FindingSource, Shown};

use crate::analysis::{Cause, Evidence, Outcome};
use crate::cost::estimate::Estimate;
use crate::exit::{Exit, FailOn};
use crate::model::arn::{Arn, partition_of};
use crate::model::coverage::{Coverage, Stats};
use crate::model::place::Place;
use crate::model::selection::Selection;
use crate::model::snapshot::{AccountFrom, Source};
use crate::model::tag::BackupTag;
use crate::model::{Gap, ResourceKind};
use crate::rule::{Check, Family, Group, Rule};
use crate::rules;
use crate::settings::{Severity, Standard, is_region_name};

/// The resources whose findings are asked for: whether a region is, and a type of resource in it.
pub type Part<'a> = dyn Fn(&str, Option<ResourceKind>) -> bool + Sync + 'a;

/// The report on one account.
#[derive(Debug)]
pub struct Report {
    /// Where the facts come from.
    pub source: Source,
    /// The account; `None` where a plan or template does not name it.
    pub account_id: Option<String>,
    /// The account that completed a plan or template.
    pub account_from: Option<AccountFrom>,
    /// The central account, which stores the copies.
    pub central_account_id: String,
    /// Whom to contact about findings that only the platform team can fix.
    pub contact: String,
    /// The key of the backup tag.
    pub tag_key: String,
    /// The standard whose severities apply.
    pub standard: Standard,
    /// The services or resources that were selected; everything by default.
    pub selection: Selection,
    /// The regions that were scanned.
    pub regions: Vec<String>,
    /// The time at which reading started, RFC 3339.
    pub started_at: String,
    /// The time at which reading finished, RFC 3339.
    pub finished_at: String,
    /// Whether the scan was interrupted.
    pub interrupted: bool,
    /// Whether everything that was requested could be read.
    pub complete: bool,
    /// Whether every rule about copy prerequisites was checked.
    pub all_rules: bool,
    /// The number of rules that were checked.
    pub rules: usize,
    /// The number of API calls.
    pub stats: Stats,
    /// One row per service and region, sorted by region and service.
    pub coverage: Vec<Coverage>,
    /// Incomplete listings that may lack gating resources.
    pub unread: Vec<Unread>,
    /// Every resource that was read, sorted by region, type and ARN.
    pub resources: Vec<ResourceLine>,
    /// One finding per rule and resource, skipped ones included, sorted by region, type, ARN and rule. On request
    /// those that pass or do not apply are omitted.
    pub findings: Vec<Finding>,
    /// The findings that are omitted.
    pub omitted: OmittedCounts,
    /// Waivers of the config that are expired or unused.
    pub stale_waivers: Vec<StaleWaiver>,
    /// The comparison with a baseline, if there is one.
    pub comparison: Option<Comparison>,
    /// The arguments that name the source of this run, for commands to run next: ` --from plan.json`.
    pub arguments: String,
    /// What the backups cost, if that was asked for. It affects nothing else.
    pub cost: Option<Estimate>,
}

impl Report {
    /// Returns the findings to display; `true` means all, those of rules that do not apply included.
    pub fn shown(&self, shown: impl Into<Shown>) -> impl Iterator<Item = &Finding> {
        let shown = shown.into();
        self.findings.iter().filter(move |it| shown.includes(it))
    }

    /// Returns the number of findings, omitted ones included.
    #[must_use]
    pub fn count_findings(&self) -> usize {
        let omitted = self.omitted.values().map(|(_, number)| number);
        self.findings.len() + omitted.sum::<usize>()
    }

    fn resources_by_arn(&self) -> BTreeMap<&str, &ResourceLine> {
        let lines = self.resources.iter();
        lines.map(|it| (it.arn.as_str(), it)).collect()
    }

    /// Returns the exit of a scan with this report.
    #[must_use]
    pub fn exit(&self, fail_on: FailOn) -> Exit {
        if self.findings.iter().any(|it| it.stops(fail_on)) {
            return Exit::Failed;
        }
        let inconclusive = self
            .findings
            .iter()
            .any(|it| it.gating && it.status == Status::Unknown);
        let incomplete = inconclusive || !self.unread.is_empty() || self.interrupted;
        match incomplete && fail_on != FailOn::Never {
            true => Exit::Unknown,
            false => Exit::Ready,
        }
    }
}

/// The waiver that covers a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// The reason.
    pub reason: String,
    /// The owner.
    pub owner: String,
    /// The last day on which it applies, `2026-06-30`.
    pub expires: String,
}

/// The state of a failing, warning or unknown finding compared with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// It is not in the baseline, was less severe there, or was waived there and no longer is.
    New,
    /// It is in the baseline.
    Unchanged,
}

/// The comparison of a report with its baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The number of failing, warning or unknown findings that are not in the baseline.
    pub new: usize,
    /// The number of failing, warning or unknown findings that are in the baseline.
    pub unchanged: usize,
    /// Findings of the baseline that pass or no longer apply.
    pub fixed: Vec<EarlierFinding>,
    /// Findings of the baseline that were not checked this time: the resource is gone or was not selected.
    pub not_judged: Vec<EarlierFinding>,
}

/// A finding of the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EarlierFinding {
    /// Its id.
    pub id: String,
    /// Its rule.
    pub rule: String,
    /// Its resource.
    pub resource: String,
    /// Its status in the baseline.
    pub status: Status,
}

/// An incomplete listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The region; `None` where the listing covers all regions.
    pub region: Option<String>,
    /// The service.
    pub service: &'static str,
    /// Why it is incomplete.
    pub reason: String,
}

impl Unread {
    /// Returns the incomplete listing of a service with its gap.
    #[must_use]
    pub fn new(region: Option<&str>, service: &'static str, gap: &Gap) -> Self {
        Unread {
            region: region.map(str::to_owned),
            service,
            reason: gap.to_string(),
        }
    }
}

/// The status of one rule on one resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The rule does not apply.
    Skip,
    /// The check passed.
    Pass,
    /// A violation that does not prevent the backup or its copy.
    Warn,
    /// The check is inconclusive.
    Unknown,
    /// A violation.
    Fail,
}

impl Status {
    /// Whether the status is fail, warn or unknown.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        matches!(self, Status::Fail | Status::Warn | Status::Unknown)
    }

    /// Returns the name in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Skip => "skip",
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Unknown => "unknown",
            Status::Fail => "fail",
        }
    }
}

/// A resource's verdict: the worst of its findings.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceVerdict {
    /// Tagged `disabled` or `custom`.
    Exempt,
    /// Nothing worse than pass.
    Ready,
    /// A check warns.
    AtRisk,
    /// A check is inconclusive and nothing fails.
    Unknown,
    /// A check fails.
    NotReady,
}

impl ResourceVerdict {
    /// Every verdict, worst first.
    pub const WORST_FIRST: [ResourceVerdict; 5] = [
        ResourceVerdict::NotReady,
        ResourceVerdict::Unknown,
        ResourceVerdict::AtRisk,
        ResourceVerdict::Ready,
        ResourceVerdict::Exempt,
    ];

    /// Returns the verdict of a resource whose worst finding has this status.
    #[must_use]
    pub fn of(status: Status) -> Self {
        match status {
            Status::Skip | Status::Pass => ResourceVerdict::Ready,
            Status::Warn => ResourceVerdict::AtRisk,
            Status::Unknown => ResourceVerdict::Unknown,
            Status::Fail => ResourceVerdict::NotReady,
        }
    }

    /// Returns the name in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ResourceVerdict::Exempt => "exempt",
            ResourceVerdict::Ready => "ready",
            ResourceVerdict::AtRisk => "at-risk",
            ResourceVerdict::Unknown => "unknown",
            ResourceVerdict::NotReady => "not-ready",
        }
    }
}

/// One resource.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "JsonResource")]
pub struct ResourceLine {
    /// Its ARN, or its identifier where AWS has no ARN.
    pub arn: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
    /// The CloudFormation type, `AWS::FSx::FileSystem`, of a resource of type `other`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_type: Option<String>,
    /// Its id.
    pub id: String,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account_id: Option<String>,
    /// The value of its backup tag.
    pub backup_tag: BackupTag,
    /// The worst of its findings.
    pub verdict: ResourceVerdict,
    /// The verdict that it would have if it were tagged `enabled`; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict_if_tagged: Option<ResourceVerdict>,
    /// What would be found if it were tagged `enabled`; absent where the findings say it, or nothing would be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons_if_tagged: Vec<ReasonIfTagged>,
    // Filled when the line is written: only the complete report knows the causes.
    /// The ids of the causes of the account that stop backups or copies of the resource, sorted.
    #[serde(default)]
    pub prerequisites: Vec<String>,
    /// Its checks whose findings the report omits.
    #[serde(skip)]
    pub omitted: OmittedChecks,
}

/// What a rule would find on a resource if it were tagged `enabled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonIfTagged {
    /// The rule's id.
    #[schemars(schema_with = "rule_schema")]
    pub rule: String,
    /// The status: fail, warn or unknown.
    pub status: Status,
    /// The message, a fragment about the resource.
    pub message: String,
}

/// The checks of a resource whose findings a report omits: they pass or do not apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OmittedChecks {
    /// Whether one passes in each [`Family`].
    pub passed: [bool; Family::ALL.len()],
    /// How many pass.
    pub passes: u16,
    /// How many do not apply.
    pub skips: u16,
    /// Whether one counts toward the exit code.
    pub gating: bool,
    /// Whether one counts toward the exit code that is not about the backup tag.
    pub gating_beyond_tag: bool,
    /// Whether it is a stack that contains something to back up.
    pub is_full_stack: bool,
}

impl OmittedChecks {
    /// Adds a check whose finding the report omits.
    pub fn add_check(&mut self, rule: &Rule, status: Status, gating: bool) {
        self.passed[rule.family() as usize] |= status == Status::Pass;
        self.passes += u16::from(status == Status::Pass);
        self.skips += u16::from(status == Status::Skip);
        self.gating |= gating;
        self.gating_beyond_tag |= gating && rule.group != Group::Tagging;
        self.is_full_stack |= says_full_stack(rule, status);
    }
}

/// The number of findings that a report omits, by rule, status and whether they count toward the exit code.
pub type OmittedCounts = BTreeMap<(&'static str, Status, bool), (&'static Rule, usize)>;

/// The result of one rule on one resource.
///
/// It is small: findings share their resource, and findings on many resources share what they say.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The status of a violation of the rule.
    pub severity: Severity,
    /// The status.
    pub status: Status,
    /// Whether it counts toward the exit code.
    pub gating: bool,
    /// The resource. Its fields are those of the finding, too.
    pub subject: Arc<FindingSubject>,
    /// What was found.
    pub explanation: Arc<Explanation>,
    /// The waiver that covers it, if any.
    pub waiver: Option<Box<Waiver>>,
    /// The comparison with the baseline; `None` without a baseline and for a pass or skip.
    pub baseline: Option<Baseline>,
    /// Where the facts come from that decide it, if it is about a plan or template.
    pub sources: Vec<FactSource>,
}

/// The resource of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingSubject {
    /// The resource's ARN, or its identifier where AWS has no ARN.
    pub resource: String,
    /// The resource's id.
    pub resource_id: String,
    /// The resource's type.
    pub kind: ResourceKind,
    /// The resource's account.
    pub account_id: Option<String>,
    /// The resource's region.
    pub region: String,
    /// The value of the resource's backup tag.
    pub backup_tag: BackupTag,
    /// Where a plan or a template declares the resource.
    pub place: Option<Box<Place>>,
}

/// What a finding says.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The message, a fragment about the resource.
    pub message: String,
    /// How to fix it.
    pub fix: Option<String>,
    /// Ids and lists for programs.
    pub evidence: Evidence,
    /// The causes, for reports that group by them.
    pub causes: Vec<Cause>,
}

impl From<Outcome> for Explanation {
    fn from(outcome: Outcome) -> Self {
        Explanation {
            message: outcome.message(),
            fix: outcome.fixes(),
            evidence: outcome.evidence,
            causes: outcome.causes,
        }
    }
}

impl Deref for Finding {
    type Target = FindingSubject;

    fn deref(&self) -> &FindingSubject {
        &self.subject
    }
}

impl DerefMut for Finding {
    fn deref_mut(&mut self) -> &mut FindingSubject {
        Arc::make_mut(&mut self.subject)
    }
}

/// Whether a check says that a stack contains something to back up.
fn says_full_stack(rule: &Rule, status: Status) -> bool {
    matches!(rule.check, Check::Stack(_)) && status != Status::Skip
}

/// Where a fact about a plan or template comes from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FactSource {
    /// A Terraform plan.
    Plan,
    /// A CloudFormation template.
    Template,
    /// The account, read live or from a snapshot.
    Account,
    /// A default of AWS, for what the file leaves out.
    Default,
}

impl Finding {
    /// Whether it says that a stack contains something to back up.
    pub(crate) fn says_full_stack(&self) -> bool {
        says_full_stack(self.rule, self.status)
    }

    /// Returns the region. An account has none, and neither has a bucket whose region could not be read.
    #[must_use]
    pub fn own_region(&self) -> Option<&str> {
        Some(self.region.as_str()).filter(|region| is_region_name(region))
    }

    /// Returns the AWS partition of the resource.
    ///
    /// Source: <https://docs.aws.amazon.com/general/latest/gr/rande.html>.
    #[must_use]
    pub fn partition(&self) -> &str {
        match Arn::parse(&self.resource) {
            Some(arn) => arn.partition,
            None => partition_of(&self.region),
        }
    }

    /// Whether the finding makes the exit code 1.
    #[must_use]
    pub fn stops(&self, gate: FailOn) -> bool {
        self.gating
            && match (gate, self.status) {
                (FailOn::Never, _) => false,
                (FailOn::New, Status::Fail) => self.baseline != Some(Baseline::Unchanged),
                (_, Status::Fail) => true,
                (FailOn::Warn, Status::Warn) => true,
                _ => false,
            }
    }
}

/// Returns the JSON Schema of the id of a rule.
fn rule_schema(_: &mut SchemaGenerator) -> Schema {
    let ids: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    json_schema!({"type": "string", "enum": ids})
}

/// Why a report could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The writer failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The report could not be serialized.
    #[error("failed to serialize the report as JSON")]
    Json(#[source] serde_json::Error),
    /// The report lacks a value that the format requires.
    #[error("cannot write the report as {format}: {reason}")]
    Unfit {
        /// The format.
        format: &'static str,
        /// The missing value.
        reason: String,
    },
}

impl WriteError {
    /// Whether the reader of a pipe has closed it, which is not an error.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            WriteError::Io(error) => error.kind() == io::ErrorKind::BrokenPipe,
            WriteError::Json(_) | WriteError::Unfit { .. } => false,
        }
    }
}

impl From<serde_json::Error> for WriteError {
    fn from(error: serde_json::Error) -> Self {
        match error.is_io() {
            true => WriteError::Io(error.into()),
            false => WriteError::Json(error),
        }
    }
}
