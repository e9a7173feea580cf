//! Workflow commands of GitHub Actions: a root cause each becomes an annotation of the run.
//!
//! How they are written and escaped:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands> and
//! <https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts>.
//! How many are shown: 10 errors, 10 warnings and 10 notices of a step, silently
//! (<https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md#limitations>). So the tenth of
//! a level counts the rest where there are more. A message is read up to 4,096 characters.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::place;
use super::table::reasons::{Reason, Reasons};
use super::table::summary;
use super::table::view::{View, label};
use super::totals::Totals;
use super::{Report, ResourceVerdict, StaleState, Status, WriteError};
use crate::exit::FailOn;
use crate::model::place::Place;
use crate::text::{and_more, escape_invisible, plural, truncate_middle};

/// Annotations of one level that GitHub shows of a step.
const MOST: usize = 10;
/// Characters of a message, below what the runner takes.
const LONGEST: usize = 4_000;
/// Columns of one line in a message.
const MOST_OF_A_LINE: usize = 800;
/// Columns of one resource in a message.
const MOST_OF_A_NAME: usize = 80;
/// Resources that a message names.
const MOST_NAMES: usize = 10;
/// Rules that a title names.
const MOST_RULES: usize = 3;

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    fn of(reason: &Reason<'_>, gate: FailOn) -> Self {
        match (reason.gating, reason.status) {
            // All of it is in the baseline, so it does not stop a scan that fails on what is new.
            (true, Status::Fail) if gate == FailOn::New && reason.fresh.is_empty() => {
                Level::Warning
            }
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

/// One annotation.
#[derive(Debug)]
struct Annotation {
    title: String,
    lines: Vec<String>,
    place: Option<Place>,
    /// What it is about in a word, where it is counted and not shown.
    about: String,
    /// What it holds for.
    crowd: String,
    /// Whether an earlier report lacks some of it.
    fresh: bool,
}

/// Writes a report as workflow commands, and under them the answer.
///
/// # Errors
/// The writer failed.
pub fn write(
    report: &Report,
    anchor: &str,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let view = View::new(report);
    let mut reasons = Reasons::of_those(report, |it| it.waiver.is_none());
    let places = place::by_resource(&report.findings);
    let mut levels: BTreeMap<Level, Vec<Annotation>> = BTreeMap::new();
    if let Some((level, annotation)) = unread(report) {
        levels.entry(level).or_default().push(annotation);
    }
    for index in reasons.ranked() {
        let reason = reasons.get(index);
        let annotation = of_cause(reason, &view, &places);
        levels
            .entry(Level::of(reason, gate))
            .or_default()
            .push(annotation);
    }
    if let Some((level, annotation)) = stale_waivers(report) {
        levels.entry(level).or_default().push(annotation);
    }
    for (level, mut annotations) in levels {
        // What is new is what somebody is waiting to hear. Stable: the rest stays in its order.
        annotations.sort_by_key(|it| !it.fresh);
        if annotations.len() > MOST {
            let rest = annotations.split_off(MOST - 1);
            annotations.push(of_rest(&rest));
        }
        for annotation in &annotations {
            writeln!(out, "{}", command(level, annotation, anchor))?;
        }
    }
    let mut lines = vec![summary::answer(&view)];
    if !report.complete {
        lines.insert(0, "INCOMPLETE: not everything could be read.".to_owned());
    }
    lines.extend(summary::rest(&view));
    for line in lines {
        // Our own word comes first, so that no line begins with a command.
        writeln!(out, "backup-check: {}", harmless(&line))?;
    }
    Ok(())
}

/// The outputs of the step, one after the other, as the file that `GITHUB_OUTPUT` names takes them.
#[must_use]
pub fn outputs(report: &Report, exit_code: u8) -> String {
    let totals = Totals::of(report);
    let view = View::new(report);
    let of = |verdict: ResourceVerdict| {
        let lines = report.resources.iter();
        lines.filter(|it| it.verdict == verdict).count().to_string()
    };
    let mut text = String::new();
    let mut plain = |name: &str, value: &str| text.push_str(&format!("{name}={value}\n"));
    plain("verdict", totals.verdict.as_str());
    plain("exit-code", &exit_code.to_string());
    plain("complete", if report.complete { "true" } else { "false" });
    plain("failed", &totals.failed.to_string());
    plain("warned", &totals.warned.to_string());
    plain("unknown", &totals.unknown.to_string());
    plain("waived", &totals.waived.to_string());
    plain("resources", &report.resources.len().to_string());
    plain("resources-not-ready", &of(ResourceVerdict::NotReady));
    let comparison = report.comparison.as_ref();
    plain(
        "new",
        &comparison.map_or(String::new(), |it| it.new.to_string()),
    );
    plain(
        "fixed",
        &comparison.map_or(String::new(), |it| it.fixed.len().to_string()),
    );
    text.push_str(&heredoc(
        "account-id",
        report.account_id.as_deref().unwrap_or_default(),
    ));
    text.push_str(&heredoc("answer", &summary::answer(&view)));
    text
}

/// A value of any number of lines, between delimiters that it does not hold.
fn heredoc(name: &str, value: &str) -> String {
    let mut delimiter = "backup-check".to_owned();
    while value.contains(&delimiter) {
        delimiter.push_str("-end");
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

/// What could not be read. It is a warning where it could hold something that gates: the exit code is 3
/// then, where nothing fails.
fn unread(report: &Report) -> Option<(Level, Annotation)> {
    if report.complete {
        return None;
    }
    let mut lines = Vec::new();
    let lists: BTreeSet<&str> = report.unread.iter().map(|unread| unread.service).collect();
    if report.interrupted {
        lines.push("The scan was stopped before its end.".to_owned());
    }
    if !lists.is_empty() {
        lines.push(format!(
            "Resources to be backed up may be missing from this report: not every list of {} could be read to its end.",
            and_more(lists.iter().copied(), 12)
        ));
    }
    let answers: BTreeSet<&str> = report
        .unread
        .iter()
        .map(|unread| unread.reason.as_str())
        .collect();
    lines.extend(answers.into_iter().take(MOST_NAMES).map(str::to_owned));
    let level = match lists.is_empty() && !report.interrupted {
        true => Level::Notice,
        false => Level::Warning,
    };
    let services = summary::unread_services(report);
    let title = match services.is_empty() {
        true => "not everything could be read".to_owned(),
        false => format!("not everything could be read: {services}"),
    };
    if lines.is_empty() {
        lines.push("What was not read does not gate; the report says what it was.".to_owned());
    }
    let annotation = Annotation {
        title,
        lines,
        place: None,
        about: "what could not be read".to_owned(),
        crowd: String::new(),
        fresh: false,
    };
    Some((level, annotation))
}

/// Waivers that do nothing any more; that one expired is louder where its findings count again.
fn stale_waivers(report: &Report) -> Option<(Level, Annotation)> {
    let stale = &report.stale_waivers;
    if stale.is_empty() {
        return None;
    }
    let again = |it: &&super::StaleWaiver| it.state == StaleState::Expired && it.findings > 0;
    let lines = stale
        .iter()
        .map(|it| {
            let state = match it.state {
                StaleState::Expired => format!("expired after {}", it.expires),
                StaleState::Unused => "covers nothing".to_owned(),
            };
            format!("line {}: {} on {} {state}", it.line, it.rule, it.resource)
        })
        .collect();
    let level = match stale.iter().find(again) {
        Some(_) => Level::Warning,
        None => Level::Notice,
    };
    let annotation = Annotation {
        title: format!(
            "{} of the config to remove or renew",
            plural(stale.len(), "waiver")
        ),
        lines,
        place: None,
        about: "waivers to remove or renew".to_owned(),
        crowd: String::new(),
        fresh: false,
    };
    Some((level, annotation))
}

fn of_cause(reason: &Reason<'_>, view: &View<'_>, places: &BTreeMap<&str, &Place>) -> Annotation {
    let rules = reason.rule_ids(MOST_RULES);
    let crowd = reason.crowd(view);
    let mut lines = Vec::new();
    if reason.causes() > 1 {
        lines.push(format!(
            "{} causes of this kind, for example:",
            reason.causes()
        ));
    }
    lines.extend(reason.messages());
    lines.extend(reason.fixes().iter().map(|fix| format!("Fix: {fix}")));
    let names: Vec<String> = reason
        .members
        .iter()
        .take(MOST_NAMES)
        .map(|arn| name(arn, view, places))
        .collect();
    let more = match reason.members.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    lines.push(format!("On {}{more}", names.join(", ")));
    if let Some(rule) = reason.rules.first() {
        lines.push(format!("See {}", rule.help_uri()));
    }
    let place = reason.members.iter().find_map(|arn| places.get(arn));
    Annotation {
        title: format!("{rules}: {crowd}"),
        lines,
        place: place.map(|place| (*place).clone()),
        about: rules,
        crowd,
        fresh: !reason.fresh.is_empty(),
    }
}

/// A resource, with its place where it has one.
fn name(arn: &str, view: &View<'_>, places: &BTreeMap<&str, &Place>) -> String {
    let name = match view.row(arn) {
        Some(row) => label(row.line, MOST_OF_A_NAME),
        None => truncate_middle(arn, MOST_OF_A_NAME),
    };
    match places.get(arn) {
        Some(place) if place.line.is_some() => format!("{name} ({})", place::words(place)),
        _ => name,
    }
}

/// What GitHub would not show, in the last place that it does.
fn of_rest(rest: &[Annotation]) -> Annotation {
    let mut lines = vec![format!(
        "GitHub shows {MOST} of a level. Beside those above there are:"
    )];
    let mut kinds: Vec<(&str, Vec<&Annotation>)> = Vec::new();
    for annotation in rest {
        match kinds
            .iter_mut()
            .find(|(about, _)| *about == annotation.about)
        {
            Some((_, same)) => same.push(annotation),
            None => kinds.push((&annotation.about, vec![annotation])),
        }
    }
    for (about, same) in kinds {
        lines.push(match same[..] {
            [one] if one.crowd.is_empty() => about.to_owned(),
            [one] => format!("{about}: {}", one.crowd),
            _ => format!("{about}: {}", plural(same.len(), "cause")),
        });
    }
    Annotation {
        title: format!("and {} more", rest.len()),
        lines,
        place: None,
        about: String::new(),
        crowd: String::new(),
        fresh: false,
    }
}

fn command(level: Level, annotation: &Annotation, anchor: &str) -> String {
    let place = annotation.place.as_ref();
    let file = place.map_or(anchor, |place| place.file.as_str());
    let file = file.strip_prefix("./").unwrap_or(file);
    let line = place.and_then(|place| place.line).unwrap_or(1);
    let mut text = format!(
        "::{} title={},file={},line={line}",
        level.as_str(),
        property(&truncate_middle(&annotation.title, MOST_OF_A_LINE / 4)),
        property(file),
    );
    if let Some(column) = place.and_then(|place| place.column) {
        text.push_str(&format!(",col={column}"));
    }
    let mut message = String::new();
    let mut left = annotation.lines.len();
    for line in &annotation.lines {
        let line = harmless(&truncate_middle(line, MOST_OF_A_LINE));
        if message.chars().count() + line.chars().count() > LONGEST {
            break;
        }
        if !message.is_empty() {
            message.push('\n');
        }
        message.push_str(&line);
        left -= 1;
    }
    if left > 0 {
        message.push_str(&format!("\nand {}", plural(left, "more line")));
    }
    text.push_str("::");
    text.push_str(&data(&message));
    text
}

/// Text in which no command can be: the runner still looks for the older form `##[...]` anywhere in a
/// line that is not a command itself.
fn harmless(text: &str) -> String {
    escape_invisible(text).replace("##[", "# #[")
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(&harmless(text))
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_values() {
        assert_eq!(data("100% a:b,c\r\nd"), "100%25 a:b,c%0D%0Ad");
        assert_eq!(property("%0A::error::a,b"), "%250A%3A%3Aerror%3A%3Aa%2Cb");
        assert_eq!(property("a\nb"), "a\\nb");
        assert_eq!(harmless("##[error]x"), "# #[error]x");
        assert_eq!(harmless("###[error]x"), "## #[error]x");
    }

    #[test]
    fn a_delimiter_is_never_in_its_value() {
        assert_eq!(
            heredoc("answer", "two\nlines"),
            "answer<<backup-check\ntwo\nlines\nbackup-check\n"
        );
        assert_eq!(
            heredoc("answer", "backup-check\nbackup-check-end"),
            "answer<<backup-check-end-end\nbackup-check\nbackup-check-end\nbackup-check-end-end\n"
        );
    }
}
