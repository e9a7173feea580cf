//! Workflow commands of GitHub Actions: one annotation per root cause.
//!
//! The syntax and the escapes:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands> and
//! <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>.
//! GitHub shows 10 errors, 10 warnings and 10 notices of a step and drops the others silently
//! (<https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations>). So if a level has
//! more, its tenth annotation counts the rest. A message may have up to 4,096 characters.

use std::collections::BTreeMap;
use std::io::Write;

use super::digest::Digest;
use super::digest::names::resource_label;
use super::digest::root_causes::RootCause;
use super::digest::summary::{summarize_resources, summarize_rest};
use super::facts::ResourceCounts;
use super::place::{format_location, locations_by_arn};
use super::{Report, ResourceVerdict, StaleState, StaleWaiver, Status, WriteError};
use crate::exit::FailOn;
use crate::model::place::Place;
use crate::text::{and_more, count_more, escape_invisible, plural, truncate_middle};

/// The number of annotations of one level that GitHub shows for a step.
const MOST: usize = 10;
/// The number of characters of a message, below the limit of the runner.
const LONGEST_MESSAGE: usize = 4_000;
/// The width to which a line of a message is truncated, in columns.
const LONGEST_LINE: usize = 800;
/// The width to which a title is truncated, in columns.
const LONGEST_TITLE: usize = 200;
/// The width to which a resource is truncated, in columns.
const LONGEST_NAME: usize = 80;
/// The number of resources that a message names.
const MOST_NAMES: usize = 10;
/// The number of rules that a title names.
const MOST_RULES: usize = 3;
/// The number of messages and fixes of a cause that are shown.
const MOST_TEXTS: usize = 3;

/// The level of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn for_cause(cause: &RootCause<'_>, gate: FailOn) -> Self {
        match (cause.gating, cause.status) {
            // All of it is in the baseline, so it does not fail the scan.
            (true, Status::Fail) if gate == FailOn::New && !cause.has_new() => Level::Warning,
            (true, Status::Fail) => Level::Error,
            (true, _) => Level::Warning,
            (false, _) => Level::Notice,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        }
    }
}

#[derive(Debug)]
struct Annotation {
    title: String,
    lines: Vec<String>,
    location: Option<Place>,
    /// Its subject in a few words, if it is counted and not shown.
    subject: String,
    resources: String,
    /// Whether a finding is not in the baseline.
    is_new: bool,
}

/// Writes a report as workflow commands, followed by the summary.
///
/// # Errors
/// The writer failed.
pub fn write(
    report: &Report,
    anchor: &str,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let digest = Digest::new(report);
    for (level, mut annotations) in annotate_report(&digest, gate) {
        // New findings come first. Stable: the others keep their order.
        annotations.sort_by_key(|it| !it.is_new);
        if annotations.len() > MOST {
            let rest = annotations.split_off(MOST - 1);
            annotations.push(annotate_rest(&rest));
        }
        for annotation in &annotations {
            writeln!(out, "{}", format_command(level, annotation, anchor))?;
        }
    }
    let mut lines = vec![summarize_resources(&digest.view).sentence];
    if !report.complete {
        lines.insert(0, "INCOMPLETE: some data could not be read.".to_owned());
    }
    lines.extend(summarize_rest(&digest.view));
    for line in lines {
        // The prefix keeps a line from beginning with a command.
        writeln!(out, "backup-check: {}", escape_commands(&line))?;
    }
    Ok(())
}

/// Returns the annotations by level, errors first.
fn annotate_report(digest: &Digest<'_>, gate: FailOn) -> BTreeMap<Level, Vec<Annotation>> {
    let locations = locations_by_arn(&digest.report.findings);
    let causes = digest.causes.open().map(|cause| {
        let annotation = annotate_cause(cause, digest, &locations);
        (Level::for_cause(cause, gate), annotation)
    });
    let annotations = annotate_gaps(digest)
        .into_iter()
        .chain(causes)
        .chain(annotate_stale_waivers(digest.report));
    let mut levels: BTreeMap<Level, Vec<Annotation>> = BTreeMap::new();
    for (level, annotation) in annotations {
        levels.entry(level).or_default().push(annotation);
    }
    levels
}

/// Returns the outputs of the step, as the lines of the file that `GITHUB_OUTPUT` names.
#[must_use]
pub fn outputs(report: &Report, exit_code: u8) -> String {
    let digest = Digest::new(report);
    let totals = digest.totals;
    let verdicts: ResourceCounts = report.resources.iter().map(|it| it.verdict).collect();
    let not_ready = verdicts.get(ResourceVerdict::NotReady);
    let comparison = report.comparison.as_ref();
    let in_comparison = |number: Option<usize>| number.map_or(String::new(), |it| it.to_string());
    let mut text = String::new();
    for (name, value) in [
        ("verdict", totals.verdict.as_str().to_owned()),
        ("exit-code", exit_code.to_string()),
        ("complete", report.complete.to_string()),
        ("failed", totals.failed.to_string()),
        ("warned", totals.warned.to_string()),
        ("unknown", totals.unknown.to_string()),
        ("waived", totals.waived.to_string()),
        ("resources", report.resources.len().to_string()),
        ("resources-not-ready", not_ready.to_string()),
        ("new", in_comparison(comparison.map(|it| it.new))),
        ("fixed", in_comparison(comparison.map(|it| it.fixed.len()))),
    ] {
        text.push_str(&format!("{name}={value}\n"));
    }
    let account = report.account_id.as_deref().unwrap_or_default();
    text.push_str(&format_heredoc("account-id", account));
    let answer = summarize_resources(&digest.view);
    text.push_str(&format_heredoc("answer", &answer.sentence));
    text
}

/// Returns an output with any number of lines, between delimiters that its value does not contain.
fn format_heredoc(name: &str, value: &str) -> String {
    let mut delimiter = "backup-check".to_owned();
    while value.contains(&delimiter) {
        delimiter.push_str("-end");
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

/// Returns the annotation on data that could not be read. It is a warning if a gating resource could be
/// missing, because the exit code is then 3 unless something fails.
fn annotate_gaps(digest: &Digest<'_>) -> Option<(Level, Annotation)> {
    let report = digest.report;
    if report.complete {
        return None;
    }
    let mut lines = Vec::new();
    if report.interrupted {
        lines.push("The scan was interrupted; results are partial.".to_owned());
    }
    lines.extend(digest.gaps.missing_resources());
    let mut reasons: Vec<&str> = Vec::new();
    for list in &report.unread {
        if !reasons.contains(&list.reason.as_str()) {
            reasons.push(&list.reason);
        }
    }
    reasons.sort_unstable();
    lines.extend(reasons.into_iter().take(MOST_NAMES).map(str::to_owned));
    let level = match report.unread.is_empty() && !report.interrupted {
        true => Level::Notice,
        false => Level::Warning,
    };
    let title = match digest.gaps.name_services() {
        none if none.is_empty() => "some data could not be read".to_owned(),
        services => format!("some data could not be read: {services}"),
    };
    if lines.is_empty() {
        lines.push("The missing data does not gate; see the report for details.".to_owned());
    }
    let annotation = Annotation {
        title,
        lines,
        location: None,
        subject: "data that could not be read".to_owned(),
        resources: String::new(),
        is_new: false,
    };
    Some((level, annotation))
}

/// Returns the annotation on expired and unused waivers: a warning if findings count again.
fn annotate_stale_waivers(report: &Report) -> Option<(Level, Annotation)> {
    let stale = &report.stale_waivers;
    if stale.is_empty() {
        return None;
    }
    let counts_again = |it: &StaleWaiver| it.state == StaleState::Expired && it.findings > 0;
    let lines = stale
        .iter()
        .map(|it| {
            let state = match it.state {
                StaleState::Expired => format!("expired on {}", it.expires),
                StaleState::Unused => "is unused".to_owned(),
            };
            format!("line {}: {} on {} {state}", it.line, it.rule, it.resource)
        })
        .collect();
    let level = match stale.iter().any(counts_again) {
        true => Level::Warning,
        false => Level::Notice,
    };
    let annotation = Annotation {
        title: format!("{} to remove or renew", plural(stale.len(), "waiver")),
        lines,
        location: None,
        subject: "waivers to remove or renew".to_owned(),
        resources: String::new(),
        is_new: false,
    };
    Some((level, annotation))
}

fn annotate_cause(
    cause: &RootCause<'_>,
    digest: &Digest<'_>,
    locations: &BTreeMap<&str, &Place>,
) -> Annotation {
    let rules = cause.rule_ids(MOST_RULES);
    let resources = cause.describe_open(&digest.view);
    let mut lines = vec![format!("Cause: {}", cause.short_id())];
    if cause.similar > 1 {
        lines.push(format!("{} similar causes, for example:", cause.similar));
    }
    lines.extend(cause.message_texts(MOST_TEXTS));
    let fixes = cause.fix_texts(MOST_TEXTS, &digest.report.arguments);
    lines.extend(fixes.iter().map(|fix| format!("Fix: {fix}")));
    let arns = || cause.open_members().map(|(arn, _)| arn);
    let names: Vec<String> = arns()
        .map(|arn| name_resource(arn, digest, locations))
        .collect();
    let names = and_more(names.iter().map(String::as_str), MOST_NAMES);
    lines.push(format!("Resources: {names}"));
    if let Some(rule) = cause.rules.first() {
        lines.push(format!("See {}", rule.help_uri()));
    }
    let location = arns().find_map(|arn| locations.get(arn));
    Annotation {
        title: format!("{rules}: {resources}"),
        lines,
        location: location.map(|place| (*place).clone()),
        subject: rules,
        resources,
        is_new: cause.has_new(),
    }
}

/// Returns a resource with its location, if it has one.
fn name_resource(arn: &str, digest: &Digest<'_>, locations: &BTreeMap<&str, &Place>) -> String {
    let name = match digest.view.row_of(arn) {
        Some(row) => resource_label(row.line, LONGEST_NAME),
        None => truncate_middle(arn, LONGEST_NAME),
    };
    match locations.get(arn) {
        Some(place) if place.line.is_some() => format!("{name} ({})", format_location(place)),
        _ => name,
    }
}

/// Returns one annotation for those that GitHub would not show.
fn annotate_rest(rest: &[Annotation]) -> Annotation {
    let mut lines = vec![format!(
        "GitHub shows {MOST} annotations of a level. The others are:"
    )];
    let mut subjects: Vec<(&str, Vec<&Annotation>)> = Vec::new();
    for annotation in rest {
        let subject = &annotation.subject;
        match subjects.iter_mut().find(|(known, _)| known == subject) {
            Some((_, same)) => same.push(annotation),
            None => subjects.push((subject, vec![annotation])),
        }
    }
    for (subject, same) in subjects {
        lines.push(match same[..] {
            [only] if only.resources.is_empty() => subject.to_owned(),
            [only] => format!("{subject}: {}", only.resources),
            _ => format!("{subject}: {}", plural(same.len(), "cause")),
        });
    }
    Annotation {
        title: count_more(rest.len()),
        lines,
        location: None,
        subject: String::new(),
        resources: String::new(),
        is_new: false,
    }
}

fn format_command(level: Level, annotation: &Annotation, anchor: &str) -> String {
    let location = annotation.location.as_ref();
    let file = location.map_or(anchor, |place| place.file.as_str());
    let file = file.strip_prefix("./").unwrap_or(file);
    let line = location.and_then(|place| place.line).unwrap_or(1);
    let mut text = format!(
        "::{} title={},file={},line={line}",
        level.as_str(),
        escape_property(&truncate_middle(&annotation.title, LONGEST_TITLE)),
        escape_property(file),
    );
    if let Some(column) = location.and_then(|place| place.column) {
        text.push_str(&format!(",col={column}"));
    }
    text.push_str("::");
    text.push_str(&escape_data(&format_message(&annotation.lines)));
    text
}

/// Returns as many of the lines as a message may have, and the number of the others.
fn format_message(lines: &[String]) -> String {
    let mut message = String::new();
    let mut omitted = lines.len();
    for line in lines {
        let line = escape_commands(&truncate_middle(line, LONGEST_LINE));
        if message.chars().count() + line.chars().count() > LONGEST_MESSAGE {
            break;
        }
        if !message.is_empty() {
            message.push('\n');
        }
        message.push_str(&line);
        omitted -= 1;
    }
    if omitted > 0 {
        message.push_str(&format!("\nand {}", plural(omitted, "more line")));
    }
    message
}

/// Returns text that contains no command: the runner still looks for the older form `##[...]` anywhere in a
/// line that is not a command itself.
fn escape_commands(text: &str) -> String {
    escape_invisible(text).replace("##[", "# #[")
}

/// Escapes the message of a command.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a property of a command.
fn escape_property(text: &str) -> String {
    escape_data(&escape_commands(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        assert_eq!(escape_data("100% a:b,c\r\nd"), "100%25 a:b,c%0D%0Ad");
        assert_eq!(
            escape_property("%0A::error::a,b"),
            "%250A%3A%3Aerror%3A%3Aa%2Cb"
        );
        assert_eq!(escape_property("a\nb"), "a\\nb");
        assert_eq!(escape_commands("##[error]x"), "# #[error]x");
        assert_eq!(escape_commands("###[error]x"), "## #[error]x");
    }

    #[test]
    fn a_delimiter_is_not_in_its_value() {
        assert_eq!(
            format_heredoc("answer", "two\nlines"),
            "answer<<backup-check\ntwo\nlines\nbackup-check\n"
        );
        assert_eq!(
            format_heredoc("answer", "backup-check\nbackup-check-end"),
            "answer<<backup-check-end-end\nbackup-check\nbackup-check-end\nbackup-check-end-end\n"
        );
    }
}
