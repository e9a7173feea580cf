//! The JSON report, schema `backup-check/v1`.
//!
//! Its types are separate from the internal ones, which are free to change.

mod evidence;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::cause::cause_id;
pub use super::facts::{FindingCounts, ResourceCounts, Scan, Summary};
use super::renderings::Renderings;
use super::stream::{HeldFindings, ReportFacts};
use super::{
    Baseline, CauseLine, Comparison, FactSource, Finding, FindingSource, Report, ResourceLine,
    ResourceVerdict, Shown, StaleWaiver, Status, Waiver, WriteError, cause_id_of,
};
use crate::analysis::{Cause, Evidence};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::coverage::Coverage;
use crate::model::place::Place;
use crate::model::service::Service;
use crate::model::tag::BackupTag;
use crate::rule::{Group, Owner, Rule};
use crate::rules;
use crate::settings::Severity;

/// The name of the schema.
pub const SCHEMA: &str = "backup-check/v1";
/// The id of the JSON Schema.
pub const SCHEMA_ID: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/schema/backup-check-v1.json");

/// The report of one account.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "backup-check report")]
pub struct JsonReport {
    /// Always `backup-check/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The tool that wrote the report.
    pub tool: Tool,
    /// What was scanned.
    pub scan: Scan,
    /// Counts of resources and findings.
    pub summary: Summary,
    /// The verdict of the gating findings: the answer that the exit code gives under `--fail-on fail`.
    pub verdict: ResourceVerdict,
    /// The exit code of the scan.
    pub exit_code: u8,
    /// What makes the exit code 1.
    pub gate: FailOn,
    /// One row per service and region.
    pub coverage: Vec<Coverage>,
    /// What must change, sorted by id.
    pub causes: Vec<CauseLine<'static>>,
    /// Every resource that was read.
    pub resources: Vec<ResourceLine>,
    /// One finding per rule and resource.
    pub findings: Vec<JsonFinding<'static>>,
    /// Waivers of the config that are expired or unused; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_waivers: Vec<StaleWaiver>,
    /// The comparison with a baseline; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Incomplete lists that may lack gating resources; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<JsonUnread>,
}

/// An incomplete list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonUnread {
    /// The region; null where the list covers all regions.
    pub region: Option<String>,
    /// The service.
    pub service: String,
    /// Why it is incomplete.
    pub reason: String,
}

/// The tool that wrote a report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Always `backup-check`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The result of one rule on one resource.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JsonFinding<'a> {
    /// The id: stable across runs and unique within a report.
    pub id: Cow<'a, str>,
    /// The rule's id.
    #[schemars(schema_with = "super::rule_schema")]
    pub rule: Cow<'a, str>,
    /// The group of the rule.
    pub group: Group,
    /// The team that can fix a violation.
    pub owner: Owner,
    /// The title of the rule: the state that passes.
    pub title: Cow<'a, str>,
    /// The status of a violation of the rule.
    pub severity: Severity,
    /// The services that the rule is about.
    #[schemars(schema_with = "services_schema")]
    pub services: Cow<'a, [String]>,
    /// The status.
    pub status: Status,
    /// Whether it counts toward the exit code.
    pub gating: bool,
    /// The id of its cause, of the first where it has several; null where it passes or does not apply.
    pub cause: Option<String>,
    /// Its causes in detail; absent where there is one, with the message and the fix of the finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<JsonCause>,
    /// The resource's ARN, or its identifier where AWS has no ARN.
    pub resource: Cow<'a, str>,
    /// The resource's type.
    pub resource_type: ResourceKind,
    /// The resource's account.
    pub account_id: Option<Cow<'a, str>>,
    /// The resource's region.
    pub region: Cow<'a, str>,
    /// The value of the resource's backup tag.
    pub backup_tag: BackupTag,
    /// The message, a fragment about the resource.
    pub message: Cow<'a, str>,
    /// Ids and lists for programs. The rule determines the keys.
    pub evidence: Cow<'a, Evidence>,
    /// How to fix it; null where there is nothing to fix.
    pub fix: Option<Cow<'a, str>>,
    /// The waiver that covers the finding; null without one.
    pub waiver: Option<Waiver>,
    /// The comparison with a baseline; null without a baseline and for a pass or skip.
    pub baseline: Option<Baseline>,
    /// Where a plan or template declares the resource; absent for a live account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Place>,
    /// Where the facts come from that decide the finding; absent for a live account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<FactSource>,
}

/// One cause of a finding.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JsonCause {
    /// Its id, as in the list of causes.
    pub id: String,
    /// What findings with the same cause share: the ARN of a key, a setting, a missing permission; null for
    /// the resource itself.
    pub about: Option<String>,
    /// What was found.
    pub message: String,
    /// How to fix it; null where there is nothing to fix.
    pub fix: Option<String>,
    /// The parts of the resource that it applies to: volumes of an instance.
    pub parts: Vec<String>,
}

impl JsonCause {
    /// Returns the causes of a finding that its own message and fix do not describe.
    fn list(finding: &Finding) -> Vec<Self> {
        let is_described = |cause: &Cause| {
            cause.about.is_none()
                && cause.parts.is_empty()
                && cause.message == finding.explanation.message
                && cause.fix == finding.explanation.fix
        };
        match finding.explanation.causes.as_slice() {
            _ if !finding.status.is_trouble() => Vec::new(),
            [only] if is_described(only) => Vec::new(),
            causes => causes
                .iter()
                .map(|cause| JsonCause {
                    id: cause_id(finding, cause).to_string(),
                    about: cause.about.clone(),
                    message: cause.message.clone(),
                    fix: cause.fix.clone(),
                    parts: cause.parts.clone(),
                })
                .collect(),
        }
    }
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

impl<'a> JsonFinding<'a> {
    /// Returns the public form of a finding.
    #[must_use]
    pub fn new(finding: &'a Finding) -> Self {
        let explanation = &finding.explanation;
        JsonFinding {
            id: Cow::Owned(finding.id()),
            rule: Cow::Borrowed(finding.rule.id),
            group: finding.rule.group,
            owner: finding.rule.owner,
            title: Cow::Borrowed(finding.rule.title),
            severity: finding.severity,
            services: Cow::Borrowed(service_names(finding.rule)),
            status: finding.status,
            gating: finding.gating,
            cause: cause_id_of(finding),
            causes: JsonCause::list(finding),
            resource: Cow::Borrowed(&finding.resource),
            resource_type: finding.kind,
            account_id: finding.account_id.as_deref().map(Cow::Borrowed),
            region: Cow::Borrowed(&finding.region),
            backup_tag: finding.backup_tag,
            message: Cow::Borrowed(&explanation.message),
            evidence: Cow::Borrowed(&explanation.evidence),
            fix: explanation.fix.as_deref().map(Cow::Borrowed),
            waiver: finding.waiver.as_deref().cloned(),
            baseline: finding.baseline,
            location: finding.place.as_deref().cloned(),
            sources: finding.sources.clone(),
        }
    }
}

/// The resources of a report, made one by one.
struct ResourceList<'a>(&'a ReportFacts<'a>);

impl Serialize for ResourceList<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines = self.0.resources.iter();
        serializer.collect_seq(lines.map(|line| ResourceLine {
            prerequisites: self.0.prerequisites_of(line),
            ..line.clone()
        }))
    }
}

/// Writes a report, one finding a line.
pub(super) fn write_findings(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let facts = ReportFacts::new(report, shown, gate);
    write!(out, "{{\n  \"schema\": \"{SCHEMA}\"")?;
    write_member("tool", &Tool::current(), out)?;
    write_member("scan", &facts.scan, out)?;
    write_member("summary", &facts.summary, out)?;
    write_member("verdict", &facts.verdict, out)?;
    write_member("exit_code", &facts.exit_code, out)?;
    write_member("gate", &facts.gate, out)?;
    write_member("coverage", &facts.coverage, out)?;
    write_member("causes", &facts.causes, out)?;
    write_member("resources", &ResourceList(&facts), out)?;
    write!(out, ",\n  \"findings\": [")?;
    let mut renderings = Renderings::default();
    let mut is_first = true;
    source.visit_all(&mut |finding, _| {
        if !shown.includes(finding) {
            return Ok(());
        }
        let separator = if is_first { "" } else { "," };
        is_first = false;
        write!(out, "{separator}\n    ")?;
        renderings.write_finding(finding, out, |text| {
            Ok(serde_json::to_writer(text, &JsonFinding::new(finding))?)
        })
    })?;
    write!(out, "{}", if is_first { "]" } else { "\n  ]" })?;
    if !facts.stale_waivers.is_empty() {
        write_member("stale_waivers", &facts.stale_waivers, out)?;
    }
    if let Some(comparison) = facts.comparison {
        write_member("comparison", comparison, out)?;
    }
    if !facts.unread.is_empty() {
        write_member("unread", &facts.unread, out)?;
    }
    Ok(writeln!(out, "\n}}")?)
}

/// Writes a member of the document after the one before it.
fn write_member(name: &str, value: &impl Serialize, out: &mut dyn Write) -> Result<(), WriteError> {
    write!(out, ",\n  \"{name}\": ")?;
    let mut out = BufWriter::new(out);
    value.serialize(&mut Serializer::with_formatter(
        &mut out,
        ItemLines::default(),
    ))?;
    Ok(out.flush()?)
}

/// Writes a report that holds all its findings.
///
/// # Errors
/// The output failed.
pub fn write_report(
    report: &Report,
    shown: impl Into<Shown>,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    write_findings(report, &HeldFindings::new(report), shown.into(), gate, out)
}

/// Returns the names of the services that a rule is about.
pub(super) fn service_names(rule: &'static Rule) -> &'static [String] {
    static NAMES: LazyLock<BTreeMap<&'static str, Vec<String>>> = LazyLock::new(|| {
        let names = |rule: &Rule| {
            let services = rule.services().into_iter();
            services.map(|it| it.as_str().to_owned()).collect()
        };
        rules::ALL
            .iter()
            .map(|rule| (rule.id, names(rule)))
            .collect()
    });
    NAMES.get(rule.id).map_or(&[], Vec::as_slice)
}

/// The layout of a member of the document: each of its items is on one line, so that `grep` prints a finding in full,
/// and a million findings have no gigabyte of spaces.
#[derive(Default)]
struct ItemLines {
    depth: usize,
    has_items: bool,
}

impl ItemLines {
    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.depth == 1 && self.has_items {
            out.write_all(b"\n  ")?;
        }
        self.depth -= 1;
        out.write_all(bracket)
    }

    fn begin_item<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            out.write_all(b",")?;
        }
        if self.depth == 1 {
            self.has_items = true;
            out.write_all(b"\n    ")?;
        }
        Ok(())
    }
}

impl Formatter for ItemLines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        self.begin_item(out, is_first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        self.begin_item(out, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.depth == 1 { b": " } else { b":" })
    }
}

/// Returns the JSON Schema of the report.
#[must_use]
pub fn report_schema() -> Schema {
    let mut schema = schema_for!(JsonReport);
    schema.insert("$id".to_owned(), SCHEMA_ID.into());
    evidence::describe_evidence(&mut schema);
    schema
}

/// Returns the schema of a list of services.
fn services_schema(_: &mut SchemaGenerator) -> Schema {
    let names = Service::ALL.map(Service::as_str);
    json_schema!({"type": "array", "items": {"type": "string", "enum": names}})
}
