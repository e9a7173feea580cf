//! The sentences of the summary.

use std::collections::BTreeSet;

use super::prerequisites::AccountState;
use super::view::{Row, Section, View};
use crate::report::{Report, ResourceVerdict, Status};
use crate::settings::Standard;
use crate::text::{plural, plural_noun};

/// The state of the resources to be backed up, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Answer {
    /// The verdict that sets the tone of the sentence.
    pub(in crate::report) verdict: ResourceVerdict,
    pub(in crate::report) sentence: String,
}

/// Returns the state of the resources to be backed up.
pub(in crate::report) fn summarize_resources(view: &View<'_>) -> Answer {
    let report = view.report;
    let counts = view.count_verdicts(Section::Counted);
    let has_others = [Section::Untagged, Section::Exempt]
        .into_iter()
        .any(|section| view.rows_in(section).next().is_some());
    let central = &report.central_account_id;
    match counts.total {
        0 if !has_others => summarize_empty(report),
        0 => Answer {
            verdict: ResourceVerdict::AtRisk,
            sentence: format!(
                "No resource{} is tagged {}=enabled, so nothing is copied to the central account {central}.",
                selection_suffix(report),
                report.tag_key
            ),
        },
        total if counts.get(ResourceVerdict::Ready) == total => summarize_ready(view, total),
        total => summarize_mixed(view, total),
    }
}

fn summarize_empty(report: &Report) -> Answer {
    if !report.unread.is_empty() || report.interrupted {
        return Answer {
            verdict: ResourceVerdict::Unknown,
            sentence: "Nothing could be checked: the lists of resources could not be read."
                .to_owned(),
        };
    }
    let nothing = match report.selection.is_everything() {
        true => "no bucket, instance, volume, database or table was found in these regions",
        false => "no resource to back up was found in the selection",
    };
    Answer {
        verdict: ResourceVerdict::Ready,
        sentence: format!("Nothing to back up: {nothing}."),
    }
}

/// The resources of a section that pass their own checks, by the state of the account.
struct ReadyRows<'v, 'a> {
    ready: Vec<&'v Row<'a>>,
    unknown: Vec<&'v Row<'a>>,
    blocked: Vec<&'v Row<'a>>,
}

impl<'v, 'a> ReadyRows<'v, 'a> {
    fn new(view: &'v View<'a>, section: Section) -> Self {
        let mut rows = ReadyRows {
            ready: Vec::new(),
            unknown: Vec::new(),
            blocked: Vec::new(),
        };
        let own = view.rows_in(section);
        for row in own.filter(|row| row.verdict == ResourceVerdict::Ready) {
            match view.account.state_of(row.line) {
                AccountState::Ready => rows.ready.push(row),
                AccountState::Unknown => rows.unknown.push(row),
                AccountState::Blocked => rows.blocked.push(row),
            }
        }
        rows
    }
}

/// Returns the sentence where every resource passes its own checks. They are ready to be copied only if the
/// account is, too.
fn summarize_ready(view: &View<'_>, total: usize) -> Answer {
    let report = view.report;
    let central = &report.central_account_id;
    let (all, pass, their) = match total {
        1 => ("The only resource".to_owned(), "passes", "its"),
        _ => (format!("All {total} resources"), "pass", "their"),
    };
    let subject = format!("{all} to be backed up");
    let rows = ReadyRows::new(view, Section::Counted);
    if !rows.blocked.is_empty() {
        let which = match rows.blocked.len() {
            number if number == total => "cannot",
            1 => "1 cannot",
            _ => "some cannot",
        };
        let lines = || rows.blocked.iter().map(|row| row.line);
        let rules = view.account.name_rules(lines(), Status::Fail);
        let effect = match view.account.fails_only_to_retain(lines()) {
            true => format!("copies in the central account {central} do not outlive local backups"),
            false => format!("{which} be copied to the central account {central}"),
        };
        let sentence = format!(
            "{subject} {pass} {their} own checks, but {effect}: the account fails {rules}."
        );
        return Answer {
            verdict: ResourceVerdict::NotReady,
            sentence,
        };
    }
    if !report.all_rules || !report.unread.is_empty() || !view.account.is_checked {
        let rules = match report.rules {
            1 => "only rule that was".to_owned(),
            rules => format!("{} that were", plural(rules, "rule")),
        };
        let account = match view.account.is_checked {
            true => "",
            false => "; whether the account is ready for copies was not checked",
        };
        return Answer {
            verdict: ResourceVerdict::Ready,
            sentence: format!("{subject} {pass} the {rules} checked{account}."),
        };
    }
    if !rows.unknown.is_empty() {
        let lines = rows.unknown.iter().map(|row| row.line);
        let rules = view.account.name_rules(lines, Status::Unknown);
        let sentence = format!(
            "{subject} {pass} {their} own checks, but whether the account is ready for copies to the central account {central} is unknown: {rules}."
        );
        return Answer {
            verdict: ResourceVerdict::Unknown,
            sentence,
        };
    }
    Answer {
        verdict: ResourceVerdict::Ready,
        sentence: format!("{subject} can be copied to the central account {central}."),
    }
}

fn summarize_mixed(view: &View<'_>, total: usize) -> Answer {
    let counts = view.count_verdicts(Section::Counted);
    let count = |verdict| counts.get(verdict);
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    let rows = ReadyRows::new(view, Section::Counted);
    let (ready, if_ready) = match view.account.is_checked {
        true => ("ready", "ready if the account is"),
        false => ("ready", "ready by the rules that were checked"),
    };
    let others = [
        (count(ResourceVerdict::Unknown), "unknown"),
        (count(ResourceVerdict::AtRisk), "at risk"),
        (rows.blocked.len(), "blocked by the account"),
        (rows.unknown.len(), if_ready),
        (rows.ready.len(), ready),
    ];
    let others = others.iter().filter(|(number, _)| *number > 0);
    let not_ready = count(ResourceVerdict::NotReady);
    if not_ready == 0 {
        let verdict = match count(ResourceVerdict::Unknown) {
            0 => ResourceVerdict::AtRisk,
            _ => ResourceVerdict::Unknown,
        };
        let states: Vec<String> = others
            .map(|(number, state)| format!("{number} {} {state}", are(*number)))
            .collect();
        let states = states.join(", ");
        let resources = plural(total, "resource");
        let sentence = match states.strip_prefix("1 ") {
            Some(state) if total == 1 => {
                format!("The only resource to be backed up fails no check: it {state}.")
            }
            _ => format!("None of the {resources} to be backed up fails a check: {states}."),
        };
        return Answer { verdict, sentence };
    }
    let central = &view.report.central_account_id;
    let sentence = match (not_ready == total, total) {
        (true, 1) => format!(
            "The only resource to be backed up is not ready for copies to the central account {central}."
        ),
        (true, _) => format!(
            "None of the {total} resources to be backed up is ready for copies to the central account {central}."
        ),
        // The numbers fit on one line.
        (false, _) => {
            let states: Vec<String> = others
                .map(|(number, state)| {
                    // What blocks them is named before.
                    format!(", {number} {}", state.trim_end_matches(" by the account"))
                })
                .collect();
            format!(
                "{not_ready} of {total} resources to back up {} not ready{}.",
                are(not_ready),
                states.concat()
            )
        }
    };
    Answer {
        verdict: ResourceVerdict::NotReady,
        sentence,
    }
}

/// Returns the words that limit a sentence to the selection.
fn selection_suffix(report: &Report) -> &'static str {
    match report.selection.is_everything() {
        true => "",
        false => " in the selection",
    }
}

/// Returns the sentences on what the answer leaves out: missing tags, failing settings, data that could not
/// be read, the baseline and the rules.
pub(in crate::report) fn summarize_rest(view: &View<'_>) -> Vec<String> {
    let report = view.report;
    let mut sentences: Vec<String> = Vec::new();
    sentences.extend(summarize_account(view));
    sentences.extend(summarize_untagged(view));
    sentences.extend(summarize_settings(report));
    let has_resources = view.rows.iter().any(|row| row.section != Section::Setting);
    if !report.complete && has_resources {
        sentences.push(
            "Some data could not be read: the account may contain more resources.".to_owned(),
        );
    }
    sentences.extend(summarize_baseline(report));
    sentences.extend(summarize_rules(report));
    sentences
}

/// Returns the sentence on what of the account blocks copies of any resource, unless the answer names it.
pub(in crate::report) fn summarize_account(view: &View<'_>) -> Option<String> {
    let counts = view.count_verdicts(Section::Counted);
    let lines = || {
        let sections = [Section::Counted, Section::Untagged];
        let rows = sections.into_iter().flat_map(|it| view.rows_in(it));
        rows.map(|row| row.line)
    };
    let is_named = counts.total > 0 && counts.get(ResourceVerdict::Ready) == counts.total;
    let failing = view.account.name_rules(lines(), Status::Fail);
    let unknown = view.account.name_rules(lines(), Status::Unknown);
    let fails = !failing.is_empty() && !is_named;
    let is_asked = view.report.all_rules && view.report.unread.is_empty();
    let is_told = unknown.is_empty() || (is_named && is_asked);
    let effect = match view.account.fails_only_to_retain(lines()) {
        true => "Copies do not outlive local backups",
        false => "The account blocks copies",
    };
    match (fails, !is_told) {
        (true, true) => Some(format!("{effect}: it fails {failing}; unknown: {unknown}.")),
        (true, false) => Some(format!("{effect}: it fails {failing}.")),
        (false, true) => Some(format!(
            "Whether the account is ready for copies is unknown: {unknown}."
        )),
        (false, false) => None,
    }
}

/// Returns how many untagged resources could be tagged today: the others fail a check, or the account does not copy.
pub(in crate::report) fn summarize_untagged(view: &View<'_>) -> Option<String> {
    let counts = view.count_verdicts(Section::Untagged);
    let rows = ReadyRows::new(view, Section::Untagged);
    let (ready, unsure) = match view.account.is_checked {
        true => (rows.ready.len(), rows.unknown.len()),
        false => (rows.ready.len() + rows.unknown.len(), 0),
    };
    let rules = match view.report.all_rules && view.account.is_checked {
        true => "",
        false => ", by the rules that were checked",
    };
    let enabled = format!("{}=enabled", view.report.tag_key);
    let mut parts = vec![match (ready, unsure) {
        (0, 0) => format!("none could be tagged {enabled} today{rules}"),
        (0, unsure) => format!("{unsure} could be tagged {enabled} if the account is ready"),
        (ready, 0) => format!("{ready} could be tagged {enabled} today{rules}"),
        (ready, unsure) => format!(
            "{ready} could be tagged {enabled} today{rules}, {unsure} if the account is ready"
        ),
    }];
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    for (number, state) in [
        (counts.get(ResourceVerdict::AtRisk), "at risk"),
        (rows.blocked.len(), "blocked by the account"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {} {state}", are(number)));
        }
    }
    (counts.total > 0).then(|| {
        format!(
            "{} without a valid backup tag: {}.",
            plural(counts.total, "resource"),
            parts.join("; ")
        )
    })
}

fn summarize_settings(report: &Report) -> Option<String> {
    let findings = report.findings.iter();
    let failing: BTreeSet<&str> = findings
        .filter(|it| it.gating && it.status == Status::Fail && !it.kind.is_backed_up())
        .map(|it| it.resource.as_str())
        .collect();
    let number = failing.len();
    (number > 0).then(|| {
        format!(
            "{number} network or account {} must be changed.",
            plural_noun(number, "setting")
        )
    })
}

/// Returns the numbers of a comparison with a baseline.
pub(in crate::report) fn summarize_baseline(report: &Report) -> Option<String> {
    let comparison = report.comparison.as_ref()?;
    let not_checked = match comparison.not_judged.len() {
        0 => String::new(),
        number => format!(", {number} not checked this time"),
    };
    Some(format!(
        "Compared with the baseline: {} new, {} unchanged, {} fixed{not_checked}.",
        comparison.new,
        comparison.unchanged,
        comparison.fixed.len()
    ))
}

fn summarize_rules(report: &Report) -> Option<String> {
    let findings = || report.findings.iter();
    let passed = || {
        let omitted = report.omitted.iter();
        omitted.filter(|((_, status, _), _)| *status == Status::Pass)
    };
    let rules: BTreeSet<&str> = findings()
        .filter(|it| !matches!(it.status, Status::Skip | Status::Unknown))
        .map(|it| it.rule.id)
        .chain(passed().map(|((rule, ..), _)| *rule))
        .collect();
    let omitted: usize = passed().map(|(_, (_, number))| number).sum();
    let count = |status: Status| {
        let open = findings().filter(|it| it.waiver.is_none());
        let listed = open.filter(|it| it.status == status).count();
        listed + if status == Status::Pass { omitted } else { 0 }
    };
    let waived = match findings().filter(|it| it.waiver.is_some()).count() {
        0 => String::new(),
        number => format!("; {number} waived, not counted"),
    };
    (!rules.is_empty()).then(|| {
        format!(
            "Findings of {}: {} pass, {} fail, {} unknown, {} warn{waived}.",
            plural(rules.len(), "rule"),
            count(Status::Pass),
            count(Status::Fail),
            count(Status::Unknown),
            count(Status::Warn),
        )
    })
}

/// Returns an RFC 3339 time as people write it: `2026-03-03 06:00:00 UTC`.
pub(in crate::report) fn format_time(at: &str) -> String {
    match at.strip_suffix('Z').and_then(|at| at.split_once('T')) {
        Some((day, time)) => format!("{day} {} UTC", time.split('.').next().unwrap_or(time)),
        None => at.to_owned(),
    }
}

/// Returns an RFC 3339 time to the minute: `2026-03-03 06:00 UTC`.
pub(in crate::report) fn format_minute(at: &str) -> String {
    let time = format_time(at);
    match time.strip_suffix(" UTC").and_then(|it| it.rsplit_once(':')) {
        Some((minute, _)) => format!("{minute} UTC"),
        None => time,
    }
}

pub(in crate::report) fn standard_name(standard: Standard) -> &'static str {
    match standard {
        Standard::Guide => "company guide",
        Standard::Aws => "AWS",
    }
}

/// Returns the account as a heading names it.
pub(in crate::report) fn account_name(report: &Report, quote: impl Fn(&str) -> String) -> String {
    match &report.account_id {
        Some(id) => format!("Account {}", quote(id)),
        None => "Unknown account".to_owned(),
    }
}
