//! What was found, and the writers of it: one model, one writer per format.

pub mod asff;
pub mod baseline;
pub mod csv;
pub mod format;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod key_policy;
pub mod markdown;
pub mod ndjson;
pub mod ocsf;
pub mod sarif;
pub mod table;

mod digest;
mod line;
mod page;
mod place;
mod severity;

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::analysis::{Cause, Evidence};
use crate::exit::{Exit, FailOn};
use crate::model::arn::Arn;
use crate::model::coverage::{Coverage, Stats};
use crate::model::place::Place;
use crate::model::selection::Selection;
use crate::model::snapshot::Source;
use crate::model::tag::BackupTag;
use crate::model::{Gap, ResourceKind};
use crate::rule::Rule;
use crate::settings::{Standard, is_region_name};

/// Everything that was found in one account.
#[derive(Debug)]
pub struct Report {
    /// Where the snapshot came from.
    pub source: Source,
    /// The account; none where a plan does not know it.
    pub account_id: Option<String>,
    /// The account that keeps the copies.
    pub central_account_id: String,
    /// Who helps where the account cannot help itself.
    pub contact: String,
    /// The key of the backup tag.
    pub tag_key: String,
    /// Whose severities count.
    pub standard: Standard,
    /// What of the account was judged, where it is not all.
    pub selection: Selection,
    /// The regions that were asked.
    pub regions: Vec<String>,
    /// When reading began, RFC 3339.
    pub started_at: String,
    /// When reading ended, RFC 3339.
    pub finished_at: String,
    /// Whether reading was stopped before its end.
    pub interrupted: bool,
    /// Whether everything that was asked for could be read.
    pub complete: bool,
    /// Whether every rule that says whether a copy can work was judged.
    pub all_rules: bool,
    /// How many rules were judged.
    pub rules: usize,
    /// The calls it took.
    pub stats: Stats,
    /// How far each service answered in each region, sorted.
    pub coverage: Vec<Coverage>,
    /// Lists that could hold something that gates and were not read to their end.
    pub unread: Vec<Unread>,
    /// Every resource that was read, sorted by region, type and ARN.
    pub resources: Vec<ResourceLine>,
    /// One finding per rule and resource, sorted by region, type, ARN and rule; skipped ones too.
    pub findings: Vec<Finding>,
    /// Waivers of the config that do nothing any more.
    pub stale_waivers: Vec<StaleWaiver>,
    /// How it stands to an earlier report, where it was compared with one.
    pub comparison: Option<Comparison>,
}

impl Report {
    /// The findings that are told: those of rules that do not apply only on request.
    pub fn shown(&self, show_skipped: bool) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |it| show_skipped || it.status != Status::Skip)
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

/// Why a finding does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it holds, `2026-06-30`.
    pub expires: String,
}

/// A waiver that does nothing any more, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleWaiver {
    /// Why it does nothing.
    pub state: StaleState,
    /// The rule that it names.
    pub rule: String,
    /// The ARN that it names, with `*` and `?`.
    pub resource: String,
    /// Why it was granted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it holds, or held.
    pub expires: String,
    /// Its line in the config file, from 1.
    pub line: usize,
    /// How many findings it would cover if it still held.
    pub findings: usize,
}

impl StaleWaiver {
    /// What became of it, and whose it is.
    #[must_use]
    pub fn sentence(&self) -> String {
        let StaleWaiver {
            rule,
            resource,
            owner,
            line,
            ..
        } = self;
        format!(
            "waiver of {rule} on {resource} ({owner}, line {line} of the config) {}",
            self.words()
        )
    }

    /// What became of it.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.state, self.findings) {
            (StaleState::Unused, _) => {
                "is unused: nothing that it names fails, so it can go".to_owned()
            }
            (StaleState::Expired, 0) => format!(
                "expired on {}: nothing that it covered is wrong any more",
                self.expires
            ),
            (StaleState::Expired, 1) => {
                format!("expired on {}: 1 finding counts again", self.expires)
            }
            (StaleState::Expired, number) => {
                format!("expired on {}: {number} findings count again", self.expires)
            }
        }
    }
}

/// Why a waiver does nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum StaleState {
    /// Its last day is over: what it covered counts again.
    Expired,
    /// Nothing that it names fails, warns or is unknown.
    Unused,
}

/// How a finding that fails, warns or is unknown stands to an earlier report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// It was not there, was less bad, or was waived and is no more.
    New,
    /// It was there.
    Unchanged,
}

/// How a report stands to an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// How many findings fail, warn or are unknown and were not there.
    pub new: usize,
    /// How many of them were there.
    pub unchanged: usize,
    /// What was there and passes now, or does not apply any more.
    pub fixed: Vec<EarlierFinding>,
    /// What was there and was not judged this time: the resource is gone, or nobody asked for it.
    pub not_judged: Vec<EarlierFinding>,
}

/// A finding of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EarlierFinding {
    /// Its id.
    pub id: String,
    /// Its rule.
    pub rule: String,
    /// Its resource.
    pub resource: String,
    /// What came of it then.
    pub status: Status,
}

/// A list that was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The region; none where the list covers all.
    pub region: Option<String>,
    /// The service.
    pub service: &'static str,
    /// Why, in words.
    pub reason: String,
}

impl Unread {
    /// A list with its gap.
    #[must_use]
    pub fn new(region: Option<&str>, service: &'static str, gap: &Gap) -> Self {
        Unread {
            region: region.map(str::to_owned),
            service,
            reason: gap.to_string(),
        }
    }
}

/// The result of one rule on one resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Does not apply.
    Skip,
    /// As it should be.
    Pass,
    /// Not as it should be, without harm to the backup.
    Warn,
    /// Could not be judged.
    Unknown,
    /// Not as it should be.
    Fail,
}

impl Status {
    /// Whether something is wrong, or may be.
    #[must_use]
    pub fn is_trouble(self) -> bool {
        matches!(self, Status::Fail | Status::Warn | Status::Unknown)
    }

    /// As in the JSON report.
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
    /// Something warns.
    AtRisk,
    /// Something could not be judged, and nothing fails.
    Unknown,
    /// Something fails.
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

    /// What one finding makes of its resource.
    #[must_use]
    pub fn of(status: Status) -> Self {
        match status {
            Status::Skip | Status::Pass => ResourceVerdict::Ready,
            Status::Warn => ResourceVerdict::AtRisk,
            Status::Unknown => ResourceVerdict::Unknown,
            Status::Fail => ResourceVerdict::NotReady,
        }
    }

    /// As in the JSON report.
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

/// One resource in a report.
#[derive(Debug, Clone)]
pub struct ResourceLine {
    /// Its ARN, or what stands for one.
    pub arn: String,
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// What AWS calls its type, where [`ResourceKind::Other`] does not say.
    pub aws_type: Option<String>,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account_id: Option<String>,
    /// What its backup tag says.
    pub backup_tag: BackupTag,
    /// The worst of its findings.
    pub verdict: ResourceVerdict,
}

/// One rule on one resource.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The same from run to run: see [`crate::evaluate::finding_id`].
    pub id: String,
    /// The rule.
    pub rule: &'static Rule,
    /// What came of it.
    pub status: Status,
    /// Whether it counts for the exit code.
    pub gating: bool,
    /// The resource's ARN, or what stands for one.
    pub resource: String,
    /// The resource's id.
    pub resource_id: String,
    /// What the resource is.
    pub kind: ResourceKind,
    /// The resource's account.
    pub account_id: Option<String>,
    /// The resource's region.
    pub region: String,
    /// What the resource's backup tag says.
    pub backup_tag: BackupTag,
    /// What was seen.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
    /// Ids and lists that a program reads.
    pub evidence: Evidence,
    /// The reasons one by one, for reports that group by them.
    pub causes: Vec<Cause>,
    /// Why it does not count, where a waiver covers it.
    pub waiver: Option<Waiver>,
    /// How it stands to an earlier report, where there is one and something is wrong.
    pub baseline: Option<Baseline>,
    /// Where a plan or a template declares the resource.
    pub place: Option<Place>,
}

impl Finding {
    /// The region, where it has one: an account has none, nor has a bucket whose region could not be
    /// read.
    #[must_use]
    pub fn own_region(&self) -> Option<&str> {
        Some(self.region.as_str()).filter(|region| is_region_name(region))
    }

    /// The partition of AWS that the resource is in.
    ///
    /// Source: <https://docs.aws.amazon.com/general/latest/gr/rande.html>.
    #[must_use]
    pub fn partition(&self) -> &str {
        match Arn::parse(&self.resource) {
            Some(arn) => arn.partition,
            None if self.region.starts_with("cn-") => "aws-cn",
            None if self.region.starts_with("us-gov-") => "aws-us-gov",
            None => "aws",
        }
    }
}

impl Finding {
    /// Whether it makes the exit code 1.
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

/// Why a report could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The writer failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The report could not be serialized.
    #[error("the report cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The report lacks what every finding of the format must have.
    #[error("the report cannot be written as {format}: {reason}")]
    Unfit {
        /// The format.
        format: &'static str,
        /// What is missing, and what helps.
        reason: String,
    },
}

impl WriteError {
    /// Whether the reader at the other end of a pipe went away, which is no error.
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
