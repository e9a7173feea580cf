//! The sentences of the summary.

use std::collections::BTreeSet;

use super::view::{Section, View};
use crate::report::cause::is_prerequisite;
use crate::report::{Report, ResourceVerdict, Status};
use crate::settings::Standard;
use crate::text::{and_more, plural, plural_noun};

/// The number of rules that a sentence names.
const MOST_RULES: usize = 4;

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
    match counts.total() {
        0 if !has_others => summarize_empty(report),
        0 => Answer {
            verdict: ResourceVerdict::AtRisk,
            sentence: format!(
                "No resource{} is tagged {}=enabled, so nothing is copied to the central account {central}.",
                selection_suffix(report),
                report.tag_key
            ),
        },
        total if counts.get(ResourceVerdict::Ready) == total => {
            let ready = || Answer {
                verdict: ResourceVerdict::Ready,
                sentence: summarize_ready(report, total),
            };
            summarize_blocked(report, total).unwrap_or_else(ready)
        }
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
        false => "none of the selected resources was found",
    };
    Answer {
        verdict: ResourceVerdict::Ready,
        sentence: format!("Nothing to back up: {nothing}."),
    }
}

fn summarize_ready(report: &Report, total: usize) -> String {
    let all = match total {
        1 => "The 1 resource".to_owned(),
        _ => format!("All {total} resources"),
    };
    if !report.all_rules || !report.unread.is_empty() {
        let pass = if total == 1 { "passes" } else { "pass" };
        let rules = plural(report.rules, "rule");
        return format!("{all} to be backed up {pass} the {rules} that were checked.");
    }
    let central = &report.central_account_id;
    format!("{all} to be backed up can be copied to the central account {central}.")
}

/// Returns the answer where the resources pass and settings of the account fail or are unknown: nothing is
/// copied without them.
fn summarize_blocked(report: &Report, total: usize) -> Option<Answer> {
    let rules_with = |status: Status| {
        let findings = report.findings.iter();
        let blocking = findings.filter(|it| is_prerequisite(it) && it.status == status);
        let rules: BTreeSet<&str> = blocking.map(|it| it.rule.id).collect();
        rules
    };
    let resources = match total {
        1 => "The 1 resource to be backed up passes its checks".to_owned(),
        _ => format!("All {total} resources to be backed up pass their checks"),
    };
    let central = &report.central_account_id;
    let failing = rules_with(Status::Fail);
    if !failing.is_empty() {
        let sentence = format!(
            "{resources}, but the account is not ready to copy to {central}: {} {}.",
            and_more(failing.iter().copied(), MOST_RULES),
            if failing.len() == 1 { "fails" } else { "fail" },
        );
        return Some(Answer {
            verdict: ResourceVerdict::NotReady,
            sentence,
        });
    }
    let unknown = rules_with(Status::Unknown);
    (!unknown.is_empty()).then(|| Answer {
        verdict: ResourceVerdict::Unknown,
        sentence: format!(
            "{resources}; whether the account can copy to {central} is unknown: {}.",
            and_more(unknown.iter().copied(), MOST_RULES)
        ),
    })
}

fn summarize_mixed(view: &View<'_>, total: usize) -> Answer {
    let counts = view.count_verdicts(Section::Counted);
    let count = |verdict| counts.get(verdict);
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    let others: Vec<String> = [
        (count(ResourceVerdict::Unknown), "unknown"),
        (count(ResourceVerdict::AtRisk), "at risk"),
        (count(ResourceVerdict::Ready), "ready"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, state)| format!("{number} {} {state}", are(number)))
    .collect();
    let others = others.join(", ");
    let resources = plural(total, "resource");
    let not_ready = count(ResourceVerdict::NotReady);
    if not_ready == 0 {
        let verdict = match count(ResourceVerdict::Unknown) {
            0 => ResourceVerdict::AtRisk,
            _ => ResourceVerdict::Unknown,
        };
        let sentence = format!("None of {resources} to be backed up fails a check: {others}.");
        return Answer { verdict, sentence };
    }
    let who = match (not_ready == total, total) {
        (true, 1) => "The only resource to be backed up is not".to_owned(),
        (true, _) => format!("None of the {resources} to be backed up is"),
        (false, _) => format!(
            "{not_ready} of {resources} to be backed up {} not",
            are(not_ready)
        ),
    };
    let central = &view.report.central_account_id;
    let mut sentence = format!("{who} ready to be copied to the central account {central}");
    if !others.is_empty() {
        sentence.push_str(&format!("; {others}"));
    }
    sentence.push('.');
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

fn summarize_untagged(view: &View<'_>) -> Option<String> {
    let counts = view.count_verdicts(Section::Untagged);
    let ready = match counts.get(ResourceVerdict::Ready) {
        0 => "none".to_owned(),
        number => number.to_string(),
    };
    let rules = match view.report.all_rules {
        true => "",
        false => ", by the rules that were checked",
    };
    (counts.total() > 0).then(|| {
        format!(
            "{} without a backup tag: {ready} would be ready if tagged{rules}.",
            plural(counts.total(), "resource")
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
    let rules: BTreeSet<&str> = findings()
        .filter(|it| !matches!(it.status, Status::Skip | Status::Unknown))
        .map(|it| it.rule.id)
        .collect();
    let count = |status: Status| {
        let open = findings().filter(|it| it.waiver.is_none());
        open.filter(|it| it.status == status).count()
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

/// Returns the name of a standard.
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
