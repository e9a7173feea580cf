//! The JSON report, schema `backup-check/v1`. Its types are apart from the inner ones, so that those
//! stay free to change and this does not.

use std::io::Write;

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use super::{
    Baseline, Comparison, Finding, Report, ResourceLine, ResourceVerdict, StaleWaiver, Status,
    Waiver, WriteError,
};
use crate::analysis::Evidence;
use crate::model::ResourceKind;
use crate::model::coverage::{Coverage, Stats};
use crate::model::place::Place;
use crate::model::selection::Selection;
use crate::model::snapshot::Source;
use crate::model::tag::BackupTag;
use crate::settings::Standard;

/// The name of the schema.
pub const SCHEMA: &str = "backup-check/v1";

/// The report of one account.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "backup-check report")]
pub struct JsonReport {
    /// Always `backup-check/v1`.
    pub schema: String,
    /// What wrote it.
    pub tool: Tool,
    /// What was scanned.
    pub scan: Scan,
    /// Counts.
    pub summary: Summary,
    /// One row per region and service asked.
    pub coverage: Vec<Coverage>,
    /// Every resource that was read.
    pub resources: Vec<JsonResource>,
    /// One finding per rule and resource.
    pub findings: Vec<JsonFinding>,
    /// Waivers of the config that do nothing any more; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_waivers: Vec<StaleWaiver>,
    /// How it stands to an earlier report; absent where it was compared with none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// What wrote a report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Always `backup-check`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was scanned.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Where the facts came from.
    pub source: Source,
    /// The account; null where a plan does not know it.
    pub account_id: Option<String>,
    /// The account that keeps the copies.
    pub central_account_id: String,
    /// Whose severities count.
    pub standard: Standard,
    /// What of the account was judged; absent where it is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<JsonSelection>,
    /// The regions that were asked.
    pub regions: Vec<String>,
    /// When reading began, RFC 3339.
    pub started_at: String,
    /// When reading ended, RFC 3339.
    pub finished_at: String,
    /// Whether everything that was asked for could be read.
    pub complete: bool,
    /// The calls it took.
    pub stats: Stats,
}

/// What of an account was judged. Either list is empty.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonSelection {
    /// The services whose resources were judged.
    pub services: Vec<String>,
    /// The ARNs of the resources that were judged.
    pub resources: Vec<String>,
}

impl JsonSelection {
    fn new(selection: &Selection) -> Option<Self> {
        let services = selection.services.iter().map(|it| it.as_str().to_owned());
        (!selection.is_everything()).then(|| JsonSelection {
            services: services.collect(),
            resources: selection.resources.iter().cloned().collect(),
        })
    }
}

/// Counts over a report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Resources by verdict.
    pub resources: ResourceCounts,
    /// Findings by status.
    pub findings: FindingCounts,
}

/// Resources by verdict.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ResourceCounts {
    /// All.
    pub total: usize,
    /// Nothing worse than pass.
    pub ready: usize,
    /// Something warns.
    pub at_risk: usize,
    /// Something fails.
    pub not_ready: usize,
    /// Something could not be judged, and nothing fails.
    pub unknown: usize,
    /// Tagged `disabled` or `custom`.
    pub exempt: usize,
}

/// Findings by status.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingCounts {
    /// As it should be.
    pub pass: usize,
    /// Not as it should be.
    pub fail: usize,
    /// Not as it should be, without harm to the backup.
    pub warn: usize,
    /// Could not be judged.
    pub unknown: usize,
    /// Those that fail and count toward the exit code.
    pub gating_fail: usize,
    /// Those that warn and count toward the exit code with `--fail-on warn`.
    pub gating_warn: usize,
    /// Those that are unknown and make the exit code 3 where nothing fails.
    pub gating_unknown: usize,
    /// Those that fail, warn or are unknown and do not count, as a waiver covers them. They are in none
    /// of the other counts.
    pub waived: usize,
}

/// One resource.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonResource {
    /// Its ARN, or what stands for one.
    pub arn: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
    /// What AWS calls its type, `AWS::FSx::FileSystem`, where it is outside the guide; else absent.
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
    /// What its backup tag says.
    pub backup_tag: BackupTag,
    /// The worst of its findings.
    pub verdict: ResourceVerdict,
}

/// One rule on one resource.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonFinding {
    /// The same from run to run, never twice in a report.
    pub id: String,
    /// The rule's id.
    pub rule: String,
    /// What came of it.
    pub status: Status,
    /// Whether it counts for the exit code.
    pub gating: bool,
    /// The resource's ARN, or what stands for one.
    pub resource: String,
    /// What the resource is.
    pub resource_type: ResourceKind,
    /// The resource's account.
    pub account_id: Option<String>,
    /// The resource's region.
    pub region: String,
    /// What the resource's backup tag says.
    pub backup_tag: BackupTag,
    /// What was seen.
    pub message: String,
    /// Ids and lists that a program reads; which ones depends on the rule.
    pub evidence: Evidence,
    /// What to do; null where there is nothing to do.
    pub fix: Option<String>,
    /// Why the finding does not count; null where no waiver covers it.
    pub waiver: Option<Waiver>,
    /// How it stands to an earlier report; null where there is none to compare with, and where nothing
    /// is wrong.
    pub baseline: Option<Baseline>,
    /// Where a plan or a template declares the resource; else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Place>,
}

impl JsonReport {
    /// The report in its public form.
    #[must_use]
    pub fn new(report: &Report, show_skipped: bool) -> Self {
        JsonReport {
            schema: SCHEMA.to_owned(),
            tool: Tool::this(),
            scan: Scan::of(report),
            summary: Summary::of(report),
            coverage: report.coverage.clone(),
            resources: report.resources.iter().map(JsonResource::new).collect(),
            findings: report.shown(show_skipped).map(JsonFinding::new).collect(),
            stale_waivers: report.stale_waivers.clone(),
            comparison: report.comparison.clone(),
        }
    }
}

impl Tool {
    /// What runs here.
    #[must_use]
    pub fn this() -> Self {
        Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl Scan {
    /// What a report says of its scan.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        Scan {
            source: report.source,
            account_id: report.account_id.clone(),
            central_account_id: report.central_account_id.clone(),
            standard: report.standard,
            selection: JsonSelection::new(&report.selection),
            regions: report.regions.clone(),
            started_at: report.started_at.clone(),
            finished_at: report.finished_at.clone(),
            complete: report.complete,
            stats: report.stats,
        }
    }
}

impl Summary {
    /// Counts a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let verdicts = |verdict| {
            report
                .resources
                .iter()
                .filter(|it| it.verdict == verdict)
                .count()
        };
        let statuses = |status| {
            report
                .findings
                .iter()
                .filter(|it| it.status == status && it.waiver.is_none())
                .count()
        };
        let gating = |status| {
            let found = report.findings.iter();
            found.filter(|it| it.gating && it.status == status).count()
        };
        Summary {
            resources: ResourceCounts {
                total: report.resources.len(),
                ready: verdicts(ResourceVerdict::Ready),
                at_risk: verdicts(ResourceVerdict::AtRisk),
                not_ready: verdicts(ResourceVerdict::NotReady),
                unknown: verdicts(ResourceVerdict::Unknown),
                exempt: verdicts(ResourceVerdict::Exempt),
            },
            findings: FindingCounts {
                pass: statuses(Status::Pass),
                fail: statuses(Status::Fail),
                warn: statuses(Status::Warn),
                unknown: statuses(Status::Unknown),
                gating_fail: gating(Status::Fail),
                gating_warn: gating(Status::Warn),
                gating_unknown: gating(Status::Unknown),
                waived: report
                    .findings
                    .iter()
                    .filter(|it| it.waiver.is_some())
                    .count(),
            },
        }
    }
}

impl JsonResource {
    fn new(line: &ResourceLine) -> Self {
        JsonResource {
            arn: line.arn.clone(),
            kind: line.kind,
            aws_type: line.aws_type.clone(),
            id: line.id.clone(),
            name: line.name.clone(),
            region: line.region.clone(),
            account_id: line.account_id.clone(),
            backup_tag: line.backup_tag,
            verdict: line.verdict,
        }
    }
}

impl JsonFinding {
    /// A finding in its public form.
    #[must_use]
    pub fn new(finding: &Finding) -> Self {
        JsonFinding {
            id: finding.id.clone(),
            rule: finding.rule.id.to_owned(),
            status: finding.status,
            gating: finding.gating,
            resource: finding.resource.clone(),
            resource_type: finding.kind,
            account_id: finding.account_id.clone(),
            region: finding.region.clone(),
            backup_tag: finding.backup_tag,
            message: finding.message.clone(),
            evidence: finding.evidence.clone(),
            fix: finding.fix.clone(),
            waiver: finding.waiver.clone(),
            baseline: finding.baseline,
            location: finding.place.clone(),
        }
    }
}

/// Writes a report as one JSON document.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, show_skipped: bool, out: &mut dyn Write) -> Result<(), WriteError> {
    serde_json::to_writer_pretty(&mut *out, &JsonReport::new(report, show_skipped))?;
    writeln!(out)?;
    Ok(())
}

/// The JSON Schema of the report.
#[must_use]
pub fn schema() -> Schema {
    schema_for!(JsonReport)
}
