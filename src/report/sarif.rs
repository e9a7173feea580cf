//! SARIF 2.1.0 for code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
//!
//! The properties that GitHub reads, and its limits:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.

mod model;
mod notification;
mod text;

use std::collections::BTreeMap;
use std::io::Write;

use super::{Finding, Report, Status, WriteError};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::place::Place;
use crate::model::snapshot::Source;
use crate::rule::Rule;
use crate::settings::{Severity, Standard};
use crate::text::escape_invisible;
use model::{
    AutomationDetails, Configuration, Descriptor, DescriptorProperties, Driver, Fingerprints, Help,
    Invocation, Level, Location, Log, LogicalLocation, Message, PhysicalLocation, Properties,
    Region, Results, Run, SarifResult, Tool,
};
use notification::{configuration_notifications, execution_notifications};
use text::{ByteCounter, clean_text, escape_markup, file_location, truncate_end, utc_time};

/// The maximum number of results in a run: GitHub rejects more and displays the first 5,000.
const MAX_RESULTS: usize = 25_000;
/// The maximum size of the results in bytes. GitHub rejects a file of more than 10 MB after gzip, which
/// compresses such results to a tenth, or to a seventh where every name is random.
const MAX_BYTES: usize = 36_000_000;
/// The maximum number of notifications. GitHub documents no limit, but they add to the size of the file.
const MAX_NOTIFICATIONS: usize = 2_500;
/// The maximum length of a rule's descriptions in characters: GitHub's limit.
const MAX_DESCRIPTION: usize = 1_024;
/// The maximum length of a name in characters.
const MAX_NAME: usize = 256;
/// The maximum length of a message or fix in characters.
const MAX_TEXT: usize = 3_000;

/// The parts of the report that every result needs.
#[derive(Debug)]
struct Frame<'a> {
    anchor: &'a str,
    gate: FailOn,
    names: BTreeMap<&'a str, &'a str>,
    rules: Vec<&'static Rule>,
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
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let counts = |it: &&Finding| it.status.is_trouble() && it.waiver.is_none();
    let findings: Vec<&Finding> = report.findings.iter().filter(counts).collect();
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
        new_descriptor(rule, report.standard, worst.unwrap_or(Level::Note))
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
fn new_descriptor(rule: &Rule, standard: Standard, worst: Level) -> Descriptor {
    // The lines of a doc comment start with the blank after the slashes.
    let lines: Vec<&str> = rule
        .docs
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let docs = lines.join("\n").trim().to_owned();
    let about: Vec<&str> = lines
        .iter()
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
        help: Help {
            text: docs.clone(),
            markdown: docs,
        },
        default_configuration: Configuration {
            level: match rule.severity(standard) {
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

impl Frame<'_> {
    /// Returns the number of findings, from the first, that GitHub's limits allow.
    fn count_fitting(&self, findings: &[&Finding]) -> Result<usize, WriteError> {
        let mut size = ByteCounter(0);
        let most = findings.len().min(MAX_RESULTS);
        for (at, finding) in findings[..most].iter().enumerate() {
            serde_json::to_writer(&mut size, &self.new_result(finding))?;
            if size.0 > MAX_BYTES {
                return Ok(at);
            }
        }
        Ok(most)
    }

    fn rule_index(&self, rule: &Rule) -> usize {
        self.rules.partition_point(|it| it.id < rule.id)
    }

    fn new_result(&self, finding: &Finding) -> SarifResult {
        SarifResult {
            rule_id: finding.rule.id,
            rule_index: self.rule_index(finding.rule),
            level: Level::from_finding(finding, self.gate),
            message: self.new_message(finding),
            locations: [self.new_location(finding)],
            partial_fingerprints: Fingerprints {
                // A hash and the number of its occurrence, the form of GitHub's own fingerprints:
                // https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
                primary_location_line_hash: format!("{}:1", finding.id),
            },
            baseline_state: finding.baseline,
            properties: new_properties(finding),
        }
    }

    /// Returns the resource, the message and the fix. GitHub displays the first sentence as the title.
    fn new_message(&self, finding: &Finding) -> Message {
        let id = clean_text(&finding.resource_id, MAX_NAME);
        let label = match self.names.get(finding.resource.as_str()) {
            Some(name) if *name != finding.resource_id => {
                format!("{} ({id})", clean_text(name, MAX_NAME))
            }
            _ => id,
        };
        let place = match finding.kind {
            ResourceKind::Region | ResourceKind::Account => String::new(),
            _ => format!(" in {}", escape_invisible(&finding.region)),
        };
        let mut text = format!(
            "{} {label}{place}: {}",
            finding.kind.as_str(),
            clean_text(&finding.message, MAX_TEXT)
        );
        if let Some(fix) = &finding.fix {
            if !text.ends_with(['.', '!', '?']) {
                text.push('.');
            }
            text.push_str(" Fix: ");
            text.push_str(&clean_text(fix, MAX_TEXT));
        }
        Message {
            text: escape_markup(&text),
        }
    }

    fn new_location(&self, finding: &Finding) -> Location {
        let (file, line, column) = match &finding.place {
            Some(Place {
                file,
                line: Some(line),
                column,
                ..
            }) => (file.as_str(), *line, column.unwrap_or(1)),
            Some(place) => (place.file.as_str(), 1, 1),
            None => (self.anchor, 1, 1),
        };
        let (line, column) = (line.max(1), column.max(1));
        Location {
            physical_location: PhysicalLocation {
                artifact_location: file_location(file),
                region: Region {
                    start_line: line,
                    start_column: column,
                    end_line: line,
                    end_column: column.saturating_add(1),
                },
            },
            logical_locations: [LogicalLocation {
                name: clean_text(&finding.resource_id, MAX_NAME),
                fully_qualified_name: escape_invisible(&finding.resource).into_owned(),
                kind: "resource",
            }],
        }
    }
}

fn new_properties(finding: &Finding) -> Properties {
    Properties {
        status: finding.status,
        gating: finding.gating,
        resource_type: finding.kind,
        backup_tag: finding.backup_tag,
        region: escape_invisible(&finding.region).into_owned(),
        account: finding
            .account_id
            .as_deref()
            .map(|it| escape_invisible(it).into_owned()),
    }
}
