//! A report read back from its JSON, to be written in another format without another scan.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use super::facts::Summary;
use super::json::{JsonCause, JsonFinding, JsonReport, JsonUnread, SCHEMA, Tool};
use super::{Explanation, Finding, FindingSubject, OmittedCounts, Report, Unread};
use crate::analysis::Cause;
use crate::exit::FailOn;
use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::rules;

/// The list of regions, which belongs to no service.
const REGIONS: &str = "regions";

/// A report that was read, with what makes its exit code 1.
#[derive(Debug)]
pub struct Converted {
    /// The report.
    pub report: Report,
    /// What makes the exit code 1.
    pub gate: FailOn,
}

/// Why a file is not a report that can be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// It is not JSON.
    #[error("not a --format json report: {0}")]
    Json(serde_json::Error),
    /// It has no text.
    #[error("it is empty; expected a --format json report")]
    Empty,
    /// It has one document per line.
    #[error("this is a --format ndjson report, which lacks the resources; use --format json")]
    Lines,
    /// It is JSON without a schema.
    #[error("not a --format json report: no \"schema\" field{0}")]
    NotAReport(&'static str),
    /// It has an unsupported schema.
    #[error("unsupported schema {found:?}; expected a --format json report of schema {SCHEMA:?}")]
    Schema {
        /// Its schema.
        found: String,
    },
    /// It has the schema of a report but not its fields.
    #[error("damaged report: {0}")]
    Damaged(String),
    /// It has a rule or service that this version does not have.
    #[error(
        "unknown {what} {name:?}: the report was written by backup-check {version}, this is {}; use the version that wrote it",
        env!("CARGO_PKG_VERSION")
    )]
    OtherVersion {
        /// What is unknown.
        what: &'static str,
        /// Its name.
        name: String,
        /// The version of the tool that wrote the report.
        version: String,
    },
    /// Some findings were left out.
    #[error(
        "the report has only findings with status {0}; write it without --status to convert it"
    )]
    Partial(String),
}

/// The parts of a file by which it is recognized.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Head {
    schema: Option<String>,
    scan: Option<serde::de::IgnoredAny>,
    findings: Option<serde::de::IgnoredAny>,
    regions: Option<serde::de::IgnoredAny>,
    planned_values: Option<serde::de::IgnoredAny>,
    runs: Option<serde::de::IgnoredAny>,
}

/// Reads a report of `--format json`.
///
/// # Errors
/// The text is not a complete report of this schema.
pub fn read_report(text: &str) -> Result<Converted, ConvertError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_head(text)?;
    let json: JsonReport =
        serde_json::from_str(text).map_err(|error| ConvertError::Damaged(error.to_string()))?;
    if !json.scan.statuses.is_empty() {
        let statuses = json.scan.statuses.iter().map(|it| it.as_str());
        return Err(ConvertError::Partial(
            statuses.collect::<Vec<_>>().join(", "),
        ));
    }
    let (exit_code, gate) = (json.exit_code, json.gate);
    let summary = json.summary.clone();
    let report = assemble_report(json)?;
    if Summary::of(&report) != summary {
        let reason = "its summary does not count its resources and findings";
        return Err(ConvertError::Damaged(reason.to_owned()));
    }
    if report.exit(gate).code() != exit_code {
        let reason = format!("its findings do not lead to exit code {exit_code}");
        return Err(ConvertError::Damaged(reason));
    }
    Ok(Converted { report, gate })
}

/// Checks that a text is a report of this schema.
fn check_head(text: &str) -> Result<(), ConvertError> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Head>();
    let head = match documents.next() {
        Some(Ok(head)) => head,
        Some(Err(error)) => return Err(ConvertError::Json(error)),
        None => return Err(ConvertError::Empty),
    };
    let rest = &text[documents.byte_offset()..];
    if !rest.trim().is_empty() && rest.trim_start().starts_with('{') {
        return Err(ConvertError::Lines);
    }
    match head.schema.as_deref() {
        Some(SCHEMA) if head.findings.is_none() && head.scan.is_some() => Err(ConvertError::Lines),
        Some(SCHEMA) => Ok(()),
        Some(found) => Err(ConvertError::Schema {
            found: found.to_owned(),
        }),
        None => Err(ConvertError::NotAReport(describe_file(&head))),
    }
}

/// Returns what a file without a schema is instead, and what to do with it.
fn describe_file(head: &Head) -> &'static str {
    if head.regions.is_some() {
        "; this is a snapshot, check it with `backup-check scan FILE`"
    } else if head.planned_values.is_some() {
        "; this is a Terraform plan, check it with `backup-check scan FILE`"
    } else if head.runs.is_some() {
        "; this is a SARIF log, which cannot be converted back"
    } else {
        ""
    }
}

/// Returns a report from its JSON, as it was written.
pub(super) fn assemble_report(json: JsonReport) -> Result<Report, ConvertError> {
    let scan = json.scan;
    let tool = &json.tool;
    let selection = match scan.selection {
        None => Selection::default(),
        Some(chosen) => Selection {
            services: chosen
                .services
                .iter()
                .map(|name| find_service(name, tool))
                .collect::<Result<_, _>>()?,
            resources: chosen.resources.into_iter().collect(),
            ..Selection::default()
        },
    };
    let ids: BTreeMap<&str, &str> = json
        .resources
        .iter()
        .map(|it| (it.arn.as_str(), it.id.as_str()))
        .collect();
    let findings = json.findings.into_iter();
    let findings: Vec<Finding> = findings
        .map(|finding| read_finding(finding, &ids, tool))
        .collect::<Result<_, _>>()?;
    let unread = json.unread.into_iter();
    Ok(Report {
        source: scan.source,
        account_id: scan.account_id,
        account_from: scan.account_from,
        central_account_id: scan.central_account_id,
        contact: scan.contact,
        tag_key: scan.tag_key,
        standard: scan.standard,
        selection,
        regions: scan.regions,
        started_at: scan.started_at,
        finished_at: scan.finished_at,
        interrupted: scan.interrupted,
        complete: scan.complete,
        all_rules: scan.all_rules,
        rules: scan.rules,
        stats: scan.stats,
        coverage: json.coverage,
        unread: unread
            .map(|list| read_list(list, tool))
            .collect::<Result<_, _>>()?,
        findings,
        omitted: OmittedCounts::new(),
        resources: json.resources,
        stale_waivers: json.stale_waivers,
        comparison: json.comparison,
        arguments: scan.arguments,
        // A JSON report has no estimate.
        cost: None,
    })
}

fn find_service(name: &str, tool: &Tool) -> Result<Service, ConvertError> {
    Service::from_name(name).ok_or_else(|| ConvertError::OtherVersion {
        what: "service",
        name: name.to_owned(),
        version: tool.version.clone(),
    })
}

fn read_list(list: JsonUnread, tool: &Tool) -> Result<Unread, ConvertError> {
    Ok(Unread {
        region: list.region,
        service: match list.service.as_str() {
            REGIONS => REGIONS,
            name => find_service(name, tool)?.as_str(),
        },
        reason: list.reason,
    })
}

/// Reads a finding. `ids` has the ids of the resources by their ARNs.
fn read_finding(
    json: JsonFinding<'static>,
    ids: &BTreeMap<&str, &str>,
    tool: &Tool,
) -> Result<Finding, ConvertError> {
    let Some(rule) = rules::find(&json.rule) else {
        return Err(ConvertError::OtherVersion {
            what: "rule",
            name: json.rule.into_owned(),
            version: tool.version.clone(),
        });
    };
    let Some(resource_id) = ids.get(json.resource.as_ref()) else {
        let reason = format!("{} is not among its resources", json.resource);
        return Err(ConvertError::Damaged(reason));
    };
    let causes = match json.causes.is_empty() {
        true => vec![Cause {
            about: None,
            message: json.message.clone().into_owned(),
            fix: json.fix.clone().map(Cow::into_owned),
            parts: Vec::new(),
            remedies: Vec::new(),
        }],
        false => json.causes.into_iter().map(read_cause).collect(),
    };
    Ok(Finding {
        rule,
        severity: json.severity,
        status: json.status,
        gating: json.gating,
        subject: Arc::new(FindingSubject {
            resource_id: (*resource_id).to_owned(),
            resource: json.resource.into_owned(),
            kind: json.resource_type,
            account_id: json.account_id.map(Cow::into_owned),
            region: json.region.into_owned(),
            backup_tag: json.backup_tag,
            place: json.location.map(Box::new),
        }),
        explanation: Arc::new(Explanation {
            message: json.message.into_owned(),
            fix: json.fix.map(Cow::into_owned),
            evidence: json.evidence.into_owned(),
            causes,
        }),
        waiver: json.waiver.map(Box::new),
        baseline: json.baseline,
        sources: json.sources,
    })
}

fn read_cause(json: JsonCause) -> Cause {
    Cause {
        about: json.about,
        message: json.message,
        fix: json.fix,
        parts: json.parts,
        remedies: Vec::new(),
    }
}
