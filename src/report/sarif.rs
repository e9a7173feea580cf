//! SARIF 2.1.0 for code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
//!
//! The properties that GitHub reads, and its limits:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.

mod model;
mod notification;
mod result;
mod text;

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use super::documentation::GuideNames;
use super::{Finding, Report, Shown, Status, WriteError};
use crate::exit::FailOn;
use crate::model::snapshot::Source;
use crate::rule::Rule;
use crate::settings::Severity;
use crate::text::escape_invisible;
use model::{
    AutomationDetails, Configuration, Descriptor, DescriptorProperties, Driver, Help, Invocation,
    Level, Message, Tool,
};
use notification::{configuration_notifications, execution_notifications};
use result::{Frame, Results};
use text::{truncate_end, utc_time};

/// The maximum length of a rule's descriptions in characters: GitHub's limit.
const MAX_DESCRIPTION: usize = 1_024;

#[derive(Debug, Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    #[serde(skip_serializing_if = "Option::is_none")]
    automation_details: Option<AutomationDetails>,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Results<'a>,
}

/// Writes a report as one SARIF log with one run.
///
/// Results beyond GitHub's limits are omitted, gating failures last, and a notification counts them.
///
/// # Errors
/// The output failed.
pub fn write_report(
    report: &Report,
    anchor: &str,
    gate: FailOn,
    shown: impl Into<Shown>,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let counts = |it: &&Finding| it.status.is_trouble() && it.waiver.is_none();
    let findings: Vec<&Finding> = report.shown(shown).filter(counts).collect();
    let rules: BTreeMap<&str, &'static Rule> =
        findings.iter().map(|it| (it.rule.id, it.rule)).collect();
    let frame = Frame {
        anchor,
        gate: gate.displayed_gate(),
        names: report
            .resources
            .iter()
            .filter_map(|it| Some((it.arn.as_str(), it.name.as_deref()?)))
            .collect(),
        rules: rules.into_values().collect(),
    };

    let (mut unknown, mut results): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|it| it.status == Status::Unknown);
    // The sort is stable, so each rank keeps the order of the report.
    results.sort_by_key(|it| (!it.gating, it.status != Status::Fail));
    unknown.sort_by_key(|it| !it.gating);
    let kept = frame.count_fitting(&results)?;

    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: new_driver(report, &frame, &results),
            },
            automation_details: new_category(report),
            column_kind: "unicodeCodePoints",
            invocations: [Invocation {
                execution_successful: !report.interrupted,
                start_time_utc: utc_time(&report.started_at),
                end_time_utc: utc_time(&report.finished_at),
                tool_execution_notifications: execution_notifications(
                    report,
                    &frame,
                    &unknown,
                    results.len() - kept,
                ),
                tool_configuration_notifications: configuration_notifications(report),
            }],
            results: Results {
                frame: &frame,
                findings: &results[..kept],
            },
        }],
    };
    serde_json::to_writer(&mut *out, &log)?;
    writeln!(out)?;
    Ok(())
}

/// Returns the category, everything up to the last slash, that GitHub groups results by.
///
/// A file's category overrides that of the upload. A plan or template has none, because an account may
/// have many of them.
fn new_category(report: &Report) -> Option<AutomationDetails> {
    let account = report.account_id.as_deref()?;
    matches!(report.source, Source::Aws | Source::Snapshot).then(|| AutomationDetails {
        id: format!("backup-check/{}/", escape_invisible(account)),
    })
}

fn new_driver(report: &Report, frame: &Frame<'_>, results: &[&Finding]) -> Driver {
    let new_rule = |rule: &&'static Rule| {
        let of_rule = results.iter().filter(|it| it.rule.id == rule.id);
        let worst = of_rule.map(|it| Level::from_finding(it, frame.gate)).max();
        new_descriptor(rule, report, worst.unwrap_or(Level::Note))
    };
    Driver {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: frame.rules.iter().map(new_rule).collect(),
    }
}

/// Returns the description of a rule, with the severity of its worst result.
///
/// GitHub displays one severity for all results of a rule, and would fail a check on a `high` that does
/// not gate.
fn new_descriptor(rule: &Rule, report: &Report, worst: Level) -> Descriptor {
    let docs = GuideNames::from_report(report).write_markdown(rule);
    let about: Vec<&str> = docs
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .flat_map(|line| line.split_whitespace())
        .collect();
    Descriptor {
        id: rule.id,
        short_description: Message {
            text: truncate_end(rule.title, MAX_DESCRIPTION),
        },
        full_description: Message {
            text: truncate_end(&about.join(" "), MAX_DESCRIPTION),
        },
        help_uri: rule.help_uri(),
        help: Help {
            text: docs.clone(),
            markdown: docs,
        },
        default_configuration: Configuration {
            level: match rule.severity(report.standard) {
                Severity::Fail => Level::Error,
                Severity::Warn => Level::Warning,
                Severity::Off => Level::Note,
            },
        },
        properties: DescriptorProperties {
            tags: ["aws-backup", "security", rule.group.as_str()],
            precision: "high",
            security_severity: worst.security_severity(),
        },
    }
}
