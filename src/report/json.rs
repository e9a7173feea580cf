//! The JSON report, schema `backup-check/v1`.
//!
//! Its types are separate from the internal ones, which are free to change.

use std::io::{self, Write};

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use super::stream::write_collected;
use super::{
    Baseline, Comparison, Finding, FindingWriter, Report, ReportFacts, ResourceLine,
    ResourceVerdict, StaleWaiver, Status, Waiver, WriteError,
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
    /// The tool that wrote the report.
    pub tool: Tool,
    /// What was scanned.
    pub scan: Scan,
    /// Counts of resources and findings.
    pub summary: Summary,
    /// One row per service and region.
    pub coverage: Vec<Coverage>,
    /// Every resource that was read.
    pub resources: Vec<JsonResource>,
    /// One finding per rule and resource.
    pub findings: Vec<JsonFinding>,
    /// Waivers of the config that are expired or unused; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_waivers: Vec<StaleWaiver>,
    /// The comparison with a baseline; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// The tool that wrote a report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Always `backup-check`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was scanned.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Where the facts come from.
    pub source: Source,
    /// The account; null where a plan or template does not name it.
    pub account_id: Option<String>,
    /// The central account, which stores the copies.
    pub central_account_id: String,
    /// The standard whose severities apply.
    pub standard: Standard,
    /// The selected services or resources; absent where nothing was excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<JsonSelection>,
    /// The regions that were scanned.
    pub regions: Vec<String>,
    /// The time at which reading started, RFC 3339.
    pub started_at: String,
    /// The time at which reading finished, RFC 3339.
    pub finished_at: String,
    /// Whether everything that was requested could be read.
    pub complete: bool,
    /// The number of API calls.
    pub stats: Stats,
}

/// The selected services or resources. One of the lists is empty.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonSelection {
    /// The selected services.
    pub services: Vec<String>,
    /// The ARNs of the selected resources.
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

/// Counts of resources and findings.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Resources by verdict.
    pub resources: ResourceCounts,
    /// Findings by status.
    pub findings: FindingCounts,
}

/// Resources by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ResourceCounts {
    /// All resources.
    pub total: usize,
    /// Nothing worse than pass.
    pub ready: usize,
    /// A check warns.
    pub at_risk: usize,
    /// A check fails.
    pub not_ready: usize,
    /// A check is inconclusive and nothing fails.
    pub unknown: usize,
    /// Tagged `disabled` or `custom`.
    pub exempt: usize,
}

/// Findings by status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingCounts {
    /// Checks that passed.
    pub pass: usize,
    /// Violations.
    pub fail: usize,
    /// Violations that do not prevent the backup or its copy.
    pub warn: usize,
    /// Inconclusive checks.
    pub unknown: usize,
    /// Gating findings that fail.
    pub gating_fail: usize,
    /// Gating findings that warn.
    pub gating_warn: usize,
    /// Gating findings that are unknown.
    pub gating_unknown: usize,
    /// Findings that fail, warn or are unknown and that a waiver covers. No other count includes them.
    pub waived: usize,
}

/// One resource.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonResource {
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
}

/// The result of one rule on one resource.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonFinding {
    /// The id: stable across runs and unique within a report.
    pub id: String,
    /// The rule's id.
    pub rule: String,
    /// The status.
    pub status: Status,
    /// Whether it counts toward the exit code.
    pub gating: bool,
    /// The resource's ARN, or its identifier where AWS has no ARN.
    pub resource: String,
    /// The resource's type.
    pub resource_type: ResourceKind,
    /// The resource's account.
    pub account_id: Option<String>,
    /// The resource's region.
    pub region: String,
    /// The value of the resource's backup tag.
    pub backup_tag: BackupTag,
    /// The message, a fragment about the resource.
    pub message: String,
    /// Ids and lists for programs. The rule determines the keys.
    pub evidence: Evidence,
    /// How to fix it; null where there is nothing to fix.
    pub fix: Option<String>,
    /// The waiver that covers the finding; null without one.
    pub waiver: Option<Waiver>,
    /// The comparison with a baseline; null without a baseline and for a pass or skip.
    pub baseline: Option<Baseline>,
    /// Where a plan or template declares the resource; absent for a live account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Place>,
}

impl Tool {
    /// Returns this version of the tool.
    #[must_use]
    pub fn current() -> Self {
        Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl Scan {
    /// Returns the scan of a report.
    #[must_use]
    pub fn from_report(report: &Report) -> Self {
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
    /// Counts the resources and findings of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut summary = Summary::default();
        for resource in &report.resources {
            summary.resources.add_verdict(resource.verdict);
        }
        for finding in &report.findings {
            summary.findings.add_finding(finding);
        }
        summary
    }
}

impl ResourceCounts {
    /// Counts one more resource.
    pub fn add_verdict(&mut self, verdict: ResourceVerdict) {
        self.total += 1;
        let count = match verdict {
            ResourceVerdict::Ready => &mut self.ready,
            ResourceVerdict::AtRisk => &mut self.at_risk,
            ResourceVerdict::NotReady => &mut self.not_ready,
            ResourceVerdict::Unknown => &mut self.unknown,
            ResourceVerdict::Exempt => &mut self.exempt,
        };
        *count += 1;
    }
}

impl FindingCounts {
    /// Counts one more finding.
    pub fn add_finding(&mut self, finding: &Finding) {
        let (count, gating) = match finding.status {
            Status::Skip => return,
            Status::Pass => (&mut self.pass, None),
            Status::Fail => (&mut self.fail, Some(&mut self.gating_fail)),
            Status::Warn => (&mut self.warn, Some(&mut self.gating_warn)),
            Status::Unknown => (&mut self.unknown, Some(&mut self.gating_unknown)),
        };
        match finding.waiver {
            Some(_) => self.waived += 1,
            None => *count += 1,
        }
        if let Some(gating) = gating.filter(|_| finding.gating) {
            *gating += 1;
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
    /// Returns the public form of a finding.
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

/// The writer of the format.
///
/// The facts besides the findings precede them where they are known by then, and follow them otherwise.
pub struct JsonWriter<'a> {
    out: &'a mut dyn Write,
    findings: usize,
    facts_written: bool,
}

impl<'a> JsonWriter<'a> {
    /// Returns a writer to an output.
    pub fn new(out: &'a mut dyn Write) -> Self {
        JsonWriter {
            out,
            findings: 0,
            facts_written: false,
        }
    }

    /// Writes a member of the document after the one before it.
    fn write_member(&mut self, name: &str, value: &impl Serialize) -> Result<(), WriteError> {
        write!(self.out, ",\n  \"{name}\": ")?;
        self.write_indented("  ", value)
    }

    fn write_indented(
        &mut self,
        indent: &'static str,
        value: &impl Serialize,
    ) -> Result<(), WriteError> {
        let out = IndentedOutput {
            out: self.out,
            indent,
        };
        Ok(serde_json::to_writer_pretty(out, value)?)
    }

    fn write_facts(&mut self, facts: &ReportFacts<'_>) -> Result<(), WriteError> {
        let resources: Vec<JsonResource> = facts.resources.iter().map(JsonResource::new).collect();
        self.write_member("scan", &facts.scan)?;
        self.write_member("summary", &facts.summary)?;
        self.write_member("coverage", &facts.coverage)?;
        self.write_member("resources", &resources)?;
        self.facts_written = true;
        Ok(())
    }
}

impl FindingWriter for JsonWriter<'_> {
    fn begin_report(&mut self, known: Option<&ReportFacts<'_>>) -> Result<(), WriteError> {
        write!(self.out, "{{\n  \"schema\": \"{SCHEMA}\"")?;
        self.write_member("tool", &Tool::current())?;
        if let Some(facts) = known {
            self.write_facts(facts)?;
        }
        Ok(write!(self.out, ",\n  \"findings\": [")?)
    }

    fn write_finding(
        &mut self,
        finding: &Finding,
        _: Option<&ResourceLine>,
    ) -> Result<(), WriteError> {
        let separator = if self.findings == 0 { "" } else { "," };
        write!(self.out, "{separator}\n    ")?;
        self.findings += 1;
        self.write_indented("    ", &JsonFinding::new(finding))
    }

    fn finish_report(&mut self, facts: &ReportFacts<'_>) -> Result<(), WriteError> {
        let end = if self.findings == 0 { "]" } else { "\n  ]" };
        write!(self.out, "{end}")?;
        if !self.facts_written {
            self.write_facts(facts)?;
        }
        if !facts.stale_waivers.is_empty() {
            self.write_member("stale_waivers", &facts.stale_waivers)?;
        }
        if let Some(comparison) = facts.comparison {
            self.write_member("comparison", comparison)?;
        }
        Ok(writeln!(self.out, "\n}}")?)
    }
}

/// Writes a report that holds all its findings.
///
/// # Errors
/// The output failed.
pub fn write_report(
    report: &Report,
    show_skipped: bool,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    write_collected(report, show_skipped, &mut JsonWriter::new(out))
}

/// An output that indents every line but the first. JSON escapes line breaks within its strings.
struct IndentedOutput<'a> {
    out: &'a mut dyn Write,
    indent: &'static str,
}

impl Write for IndentedOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.out.write_all(line)?;
            if line.ends_with(b"\n") {
                self.out.write_all(self.indent.as_bytes())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns the JSON Schema of the report.
#[must_use]
pub fn report_schema() -> Schema {
    schema_for!(JsonReport)
}
