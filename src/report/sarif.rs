//! SARIF 2.1.0 for code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
//!
//! What GitHub reads of it, and where its limits come from:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Baseline, Finding, Report, StaleState, StaleWaiver, Status, Unread, WriteError};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::coverage::{Coverage, CoverageState};
use crate::model::place::Place;
use crate::model::snapshot::Source;
use crate::model::tag::BackupTag;
use crate::rule::Rule;
use crate::settings::{Severity, Standard};
use crate::text::{escape_invisible, plural};

/// GitHub rejects a run with more results. It shows the first 5,000.
const MOST_RESULTS: usize = 25_000;
/// GitHub rejects a file of more than 10 MB after gzip, which makes a tenth of such results, and a seventh
/// where every name is random.
const MOST_BYTES: usize = 36_000_000;
/// Nobody names a limit for notifications; they take room in the file all the same.
const MOST_NOTIFICATIONS: usize = 2_500;
/// GitHub's limit for a rule's descriptions.
const LONGEST_DESCRIPTION: usize = 1_024;
/// Characters of a name that are told.
const LONGEST_NAME: usize = 256;
/// Characters of a message or a fix that are told.
const LONGEST_TEXT: usize = 3_000;

/// How bad a result is for whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Note,
    Warning,
    Error,
}

impl Level {
    /// Red only where the exit code is: what does not gate is a note.
    fn of(finding: &Finding, gate: FailOn) -> Self {
        match finding.status {
            Status::Fail if finding.stops(gate) => Level::Error,
            // What the baseline has does not stop a scan that fails on what is new.
            Status::Fail | Status::Warn | Status::Unknown if finding.gating => Level::Warning,
            _ => Level::Note,
        }
    }

    /// GitHub makes `high`, `medium` and `low` of it, and by default a pull request's check fails from
    /// `high` on.
    fn security_severity(self) -> &'static str {
        match self {
            Level::Error => "8.0",
            Level::Warning => "5.0",
            Level::Note => "2.0",
        }
    }
}

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

#[derive(Debug, Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    help_uri: String,
    help: Help,
    default_configuration: Configuration,
    properties: DescriptorProperties,
}

#[derive(Debug, Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: Level,
}

#[derive(Debug, Serialize)]
struct DescriptorProperties {
    tags: [&'static str; 3],
    precision: &'static str,
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_utc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_utc: Option<String>,
    tool_execution_notifications: Vec<Notification>,
    tool_configuration_notifications: Vec<Notification>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    level: Level,
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<RuleReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties>,
}

#[derive(Debug, Serialize)]
struct RuleReference {
    id: &'static str,
    index: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: Level,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<Baseline>,
    properties: Properties,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints {
    primary_location_line_hash: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct Properties {
    status: Status,
    gating: bool,
    resource_type: ResourceKind,
    backup_tag: BackupTag,
    region: String,
    account: Option<String>,
}

/// What every result takes from the report.
#[derive(Debug)]
struct Frame<'a> {
    anchor: &'a str,
    gate: FailOn,
    names: BTreeMap<&'a str, &'a str>,
    rules: Vec<&'static Rule>,
}

/// Results that are made one at a time, while they are written.
#[derive(Debug)]
struct Results<'a> {
    frame: &'a Frame<'a>,
    findings: &'a [&'a Finding],
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.findings.iter().map(|it| self.frame.result(it)))
    }
}

/// Writes a report as one SARIF log with one run.
///
/// Where it is larger than GitHub takes, what fails and gates is kept first, and a notification says
/// how much was left out.
///
/// # Errors
/// The writer failed.
pub fn write(
    report: &Report,
    anchor: &str,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let counted = |it: &&Finding| it.status.is_trouble() && it.waiver.is_none();
    let troubles: Vec<&Finding> = report.findings.iter().filter(counted).collect();
    let rules: BTreeMap<&str, &'static Rule> =
        troubles.iter().map(|it| (it.rule.id, it.rule)).collect();
    let frame = Frame {
        anchor,
        gate: gate.told(),
        names: report
            .resources
            .iter()
            .filter_map(|it| Some((it.arn.as_str(), it.name.as_deref()?)))
            .collect(),
        rules: rules.into_values().collect(),
    };

    let (mut unknown, mut found): (Vec<&Finding>, Vec<&Finding>) =
        troubles.iter().partition(|it| it.status == Status::Unknown);
    // Stable: within a rank the report's own order stays.
    found.sort_by_key(|it| (!it.gating, it.status != Status::Fail));
    unknown.sort_by_key(|it| !it.gating);
    let kept = frame.fitting(&found)?;

    let mut driver = Driver {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: Vec::with_capacity(frame.rules.len()),
    };
    for rule in &frame.rules {
        let results = found.iter().filter(|it| it.rule.id == rule.id);
        let worst = results.map(|it| Level::of(it, frame.gate)).max();
        driver.rules.push(descriptor(
            rule,
            report.standard,
            worst.unwrap_or(Level::Note),
        ));
    }
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver },
            automation_details: category(report),
            column_kind: "unicodeCodePoints",
            invocations: [Invocation {
                execution_successful: !report.interrupted,
                start_time_utc: utc(&report.started_at),
                end_time_utc: utc(&report.finished_at),
                tool_execution_notifications: notifications(
                    report,
                    &frame,
                    &unknown,
                    found.len() - kept,
                ),
                tool_configuration_notifications: report
                    .stale_waivers
                    .iter()
                    .take(MOST_NOTIFICATIONS)
                    .map(stale)
                    .collect(),
            }],
            results: Results {
                frame: &frame,
                findings: &found[..kept],
            },
        }],
    };
    serde_json::to_writer(&mut *out, &log)?;
    writeln!(out)?;
    Ok(())
}

/// GitHub keeps the results of each category apart: everything up to the last slash. A file's category
/// wins over the one that an upload names, so a plan or a template, of which there may be many for an
/// account, has none.
fn category(report: &Report) -> Option<AutomationDetails> {
    let account = report.account_id.as_deref()?;
    matches!(report.source, Source::Aws | Source::Snapshot).then(|| AutomationDetails {
        id: format!("backup-check/{}/", escape_invisible(account)),
    })
}

/// A time as SARIF wants it: in UTC, with a `Z`.
fn utc(time: &str) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.to_string())
}

/// What a rule is. Its severity is that of its worst result: GitHub shows one for all of them, and
/// would fail a check on a `high` that gates nothing.
fn descriptor(rule: &Rule, standard: Standard, worst: Level) -> Descriptor {
    // A doc comment's lines begin with the blank after the slashes.
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
            text: cut(rule.title, LONGEST_DESCRIPTION),
        },
        full_description: Message {
            text: cut(&about.join(" "), LONGEST_DESCRIPTION),
        },
        help_uri: rule.help_uri(),
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
    /// How many of the findings, from the first, GitHub takes.
    fn fitting(&self, findings: &[&Finding]) -> Result<usize, WriteError> {
        let mut size = Size(0);
        let most = findings.len().min(MOST_RESULTS);
        for (at, finding) in findings[..most].iter().enumerate() {
            serde_json::to_writer(&mut size, &self.result(finding))?;
            if size.0 > MOST_BYTES {
                return Ok(at);
            }
        }
        Ok(most)
    }

    fn rule_index(&self, rule: &Rule) -> usize {
        self.rules.partition_point(|it| it.id < rule.id)
    }

    fn result(&self, finding: &Finding) -> SarifResult {
        SarifResult {
            rule_id: finding.rule.id,
            rule_index: self.rule_index(finding.rule),
            level: Level::of(finding, self.gate),
            message: self.message(finding),
            locations: [self.location(finding)],
            partial_fingerprints: Fingerprints {
                // A hash and how often it occurred before, as GitHub's own are:
                // https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
                primary_location_line_hash: format!("{}:1", finding.id),
            },
            baseline_state: finding.baseline,
            properties: properties(finding),
        }
    }

    /// The resource, what is wrong with it and what to do. GitHub shows the first sentence as a title.
    fn message(&self, finding: &Finding) -> Message {
        let id = short(&finding.resource_id, LONGEST_NAME);
        let called = match self.names.get(finding.resource.as_str()) {
            Some(name) if *name != finding.resource_id => {
                format!("{} ({id})", short(name, LONGEST_NAME))
            }
            _ => id,
        };
        let place = match finding.kind {
            ResourceKind::Region | ResourceKind::Account => String::new(),
            _ => format!(" in {}", escape_invisible(&finding.region)),
        };
        let mut text = format!(
            "{} {called}{place}: {}",
            finding.kind.as_str(),
            short(&finding.message, LONGEST_TEXT)
        );
        if let Some(fix) = &finding.fix {
            if !text.ends_with(['.', '!', '?']) {
                text.push('.');
            }
            text.push_str(" Fix: ");
            text.push_str(&short(fix, LONGEST_TEXT));
        }
        Message {
            text: escaped(&text),
        }
    }

    fn location(&self, finding: &Finding) -> Location {
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
                artifact_location: artifact(file),
                region: Region {
                    start_line: line,
                    start_column: column,
                    end_line: line,
                    end_column: column.saturating_add(1),
                },
            },
            logical_locations: [LogicalLocation {
                name: short(&finding.resource_id, LONGEST_NAME),
                fully_qualified_name: escape_invisible(&finding.resource).into_owned(),
                kind: "resource",
            }],
        }
    }

    fn unknown(&self, finding: &Finding) -> Notification {
        Notification {
            level: Level::of(finding, self.gate),
            message: self.message(finding),
            associated_rule: Some(RuleReference {
                id: finding.rule.id,
                index: self.rule_index(finding.rule),
            }),
            locations: vec![self.location(finding)],
            properties: Some(properties(finding)),
        }
    }
}

fn properties(finding: &Finding) -> Properties {
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

/// What was not read, what is not known for it, and what did not fit.
fn notifications(
    report: &Report,
    frame: &Frame<'_>,
    unknown: &[&Finding],
    left_out: usize,
) -> Vec<Notification> {
    let mut told = Vec::new();
    if report.interrupted {
        let text =
            "The scan was stopped before its end: what had not been read by then is missing.";
        told.push(notification(Level::Error, text));
    }
    if left_out > 0 {
        let text = format!(
            "{} left out: code scanning takes no larger file. What fails and gates comes first; --format json tells all.",
            were(left_out, "result")
        );
        told.push(notification(Level::Warning, &text));
    }
    // Several lists of a service may be missing for the same reason.
    let unread: BTreeSet<String> = report.unread.iter().map(missing).collect();
    told.extend(unread.iter().map(|it| notification(Level::Warning, it)));
    let failed = |row: &&Coverage| row.state != CoverageState::Scanned;
    told.extend(report.coverage.iter().filter(failed).map(gap));

    let room = MOST_NOTIFICATIONS.saturating_sub(told.len() + 1);
    let kept = unknown.len().min(room);
    if kept < unknown.len() {
        let text = format!(
            "{} not told here; --format json tells all.",
            were(unknown.len() - kept, "further unknown finding")
        );
        told.push(notification(Level::Warning, &text));
    }
    told.extend(unknown[..kept].iter().map(|it| frame.unknown(it)));
    told
}

fn were(number: usize, thing: &str) -> String {
    let verb = if number == 1 { "was" } else { "were" };
    format!("{} {verb}", plural(number, thing))
}

fn notification(level: Level, text: &str) -> Notification {
    Notification {
        level,
        message: Message {
            text: escaped(text),
        },
        associated_rule: None,
        locations: Vec::new(),
        properties: None,
    }
}

fn missing(unread: &Unread) -> String {
    let region = match &unread.region {
        Some(region) => format!(" in {}", escape_invisible(region)),
        None => String::new(),
    };
    format!(
        "Resources to be backed up may be missing: not every list of {}{region} could be read to its end: {}",
        unread.service,
        short(&unread.reason, LONGEST_TEXT)
    )
}

fn gap(row: &Coverage) -> Notification {
    let mut text = format!(
        "{} in {}: ",
        escape_invisible(&row.service),
        escape_invisible(&row.region)
    );
    text.push_str(match row.state {
        CoverageState::Disabled => "the region is not enabled for the account",
        CoverageState::Partial => "some calls failed, or pages are missing",
        CoverageState::Denied => "denied",
        CoverageState::Error | CoverageState::Scanned => "calls failed",
    });
    if let Some(error) = &row.error {
        let said = format!("; {}: {} {}", error.operation, error.code, error.message);
        text.push_str(&short(said.trim_end(), LONGEST_TEXT));
    }
    notification(Level::Note, &text)
}

fn stale(waiver: &StaleWaiver) -> Notification {
    let why = match waiver.state {
        StaleState::Expired => "its last day is over",
        StaleState::Unused => "nothing that it names fails, warns or is unknown",
    };
    let text = format!(
        "The waiver in line {} of the config file, {} for {}, until {}, by {}, does nothing: {why}",
        waiver.line,
        short(&waiver.rule, LONGEST_NAME),
        short(&waiver.resource, LONGEST_TEXT),
        escape_invisible(&waiver.expires),
        short(&waiver.owner, LONGEST_NAME),
    );
    notification(Level::Note, &text)
}

/// A file as a URI. GitHub takes a relative one from the root of the repository, and makes one of an
/// absolute one that lies in the checkout.
fn artifact(path: &str) -> ArtifactLocation {
    let path = path.replace('\\', "/");
    if let Some((drive, rest)) = path.split_once(":/")
        && let [letter] = drive.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return ArtifactLocation {
            uri: format!("file:///{drive}:/{}", encoded(rest)),
            uri_base_id: None,
        };
    }
    if path.starts_with('/') {
        return ArtifactLocation {
            uri: format!("file:///{}", encoded(path.trim_start_matches('/'))),
            uri_base_id: None,
        };
    }
    let mut path = path.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    ArtifactLocation {
        uri: encoded(path),
        uri_base_id: Some("%SRCROOT%"),
    }
}

/// A path with everything encoded that a URI does not hold there. A colon is, too: before the first
/// slash it would end a scheme.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc3986#section-3.3>.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The text without anything that moves a cursor or turns the direction of writing, cut to a length.
fn short(text: &str, most: usize) -> String {
    cut(&escape_invisible(text), most)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{kept}…")
        }
    }
}

/// The text so that nobody takes part of it for a placeholder, `{0}`, or a link, `[text](1)`: sections
/// 3.11.5 and 3.11.6 of SARIF. Brackets of which nothing could be a link stay as they are.
fn escaped(text: &str) -> String {
    let text = text.replace('{', "{{").replace('}', "}}");
    if !text.contains("](") {
        return text;
    }
    text.replace('\\', "\\\\")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

/// Counts what is written to it.
struct Size(usize);

impl Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(path: &str) -> (String, bool) {
        let artifact = artifact(path);
        (artifact.uri, artifact.uri_base_id.is_some())
    }

    #[test]
    fn files_are_uris() {
        let relative = |uri: &str| (uri.to_owned(), true);
        let absolute = |uri: &str| (uri.to_owned(), false);
        assert_eq!(uri("infra/main.tf"), relative("infra/main.tf"));
        assert_eq!(uri("./infra\\a b.yaml"), relative("infra/a%20b.yaml"));
        assert_eq!(uri("a:b/ü%#?.yaml"), relative("a%3Ab/%C3%BC%25%23%3F.yaml"));
        assert_eq!(uri("../up.yaml"), relative("../up.yaml"));
        assert_eq!(uri("/tmp/a b.yaml"), absolute("file:///tmp/a%20b.yaml"));
        assert_eq!(uri("//tmp/x"), absolute("file:///tmp/x"));
        assert_eq!(uri("C:\\x\\y.yaml"), absolute("file:///C:/x/y.yaml"));
    }

    #[test]
    fn nothing_in_a_message_is_a_placeholder_or_a_link() {
        assert_eq!(escaped("{0} of {x}"), "{{0}} of {{x}}");
        assert_eq!(escaped("volumes [a, b] (2)"), "volumes [a, b] (2)");
        assert_eq!(escaped("[x](https://e)"), "\\[x\\](https://e)");
        assert_eq!(escaped("[x\\](1)"), "\\[x\\\\\\](1)");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
