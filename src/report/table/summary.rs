//! The head line, the last words, and what to do next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::coverage::CoverageState;
use crate::model::snapshot::Source;
use crate::report::{Report, ResourceVerdict, Status};
use crate::rule::Rule;
use crate::settings::{Severity, Standard};

use super::reasons::Reasons;
use super::unread::is_denial;
use super::view::{Place, View};
use crate::report::page::{Page, Tone};
use crate::text::{and_more, plural};

/// Commands that are proposed.
const MOST_STEPS: usize = 3;

/// Whose report it is, of when, and whether it is whole.
pub(super) fn head(page: &mut Page, report: &Report) {
    if report.interrupted {
        let words = "stopped before the end; this is what had been read by then.";
        page.flow(
            0,
            2,
            &[(Tone::Unknown, "INCOMPLETE:"), (Tone::Plain, words)],
        );
    }
    let account = report
        .account_id
        .as_deref()
        .map_or("Account not known".to_owned(), |id| format!("Account {id}"));
    let source = match report.source {
        Source::Aws => "read",
        Source::Snapshot => "saved",
        Source::TerraformPlan => "a Terraform plan of",
        Source::Cloudformation => "a CloudFormation template of",
    };
    let standard = match report.standard {
        Standard::Guide => "judged by the company guide",
        Standard::Aws => "judged by what AWS enforces",
    };
    let when = moment(&report.started_at);
    let rest = if when.is_empty() {
        standard.to_owned()
    } else {
        format!("{source} {when}, {standard}")
    };
    page.flow(
        0,
        2,
        &[(Tone::Strong, &format!("{account},")), (Tone::Plain, &rest)],
    );
    if !report.regions.is_empty() {
        let regions = format!(
            "{}: {}",
            plural(report.regions.len(), "region"),
            report.regions.join(", ")
        );
        page.flow(0, 2, &[(Tone::Plain, &regions)]);
    }
    if let Some(words) = report.selection.describe() {
        let words = format!("{words}: nothing else of the account was judged.");
        page.flow(0, 2, &[(Tone::Strong, "Only"), (Tone::Plain, &words)]);
    }
    if !report.complete && !report.interrupted {
        let services = unread_services(report);
        // Every list was read, and something in a resource was not.
        let words = match services.is_empty() {
            true => "not everything could be read: see what is unknown.".to_owned(),
            false => format!("not everything could be read ({services}): see NOT READ."),
        };
        page.flow(
            0,
            2,
            &[(Tone::Unknown, "INCOMPLETE:"), (Tone::Plain, &words)],
        );
    }
}

/// `2026-03-03T06:00:00Z` as people write it.
pub(in crate::report) fn moment(at: &str) -> String {
    match at.strip_suffix('Z').and_then(|at| at.split_once('T')) {
        Some((day, time)) => format!("{day} {} UTC", time.split('.').next().unwrap_or(time)),
        None => at.to_owned(),
    }
}

/// The whole in a sentence or two, and the next commands.
pub(super) fn write(page: &mut Page, view: &View<'_>, reasons: &Reasons<'_>) {
    page.title("SUMMARY", "");
    let (tone, sentence) = verdict(view);
    page.flow(2, 2, &[(tone, &sentence)]);
    for sentence in rest(view) {
        page.flow(2, 2, &[(Tone::Plain, &sentence)]);
    }
    let steps = steps(view, reasons);
    if !steps.is_empty() {
        page.title("NEXT", "");
        page.pairs(2, &steps);
    }
}

/// The answer in one sentence.
pub(in crate::report) fn answer(view: &View<'_>) -> String {
    verdict(view).1
}

/// The services of which not everything could be read.
pub(in crate::report) fn unread_services(report: &Report) -> String {
    let failed = report
        .coverage
        .iter()
        .filter(|row| row.state != CoverageState::Scanned);
    let services: BTreeSet<&str> = failed
        .map(|row| row.service.as_str())
        .chain(report.unread.iter().map(|unread| unread.service))
        .collect();
    and_more(services, 12)
}

/// How the resources that count stand, in a sentence.
pub(in crate::report) fn verdict(view: &View<'_>) -> (Tone, String) {
    let report = view.report;
    let number = |verdict| {
        view.placed(Place::Counted)
            .filter(|row| row.verdict == verdict)
            .count()
    };
    let total = view.placed(Place::Counted).count();
    let untagged = view.placed(Place::Untagged).count();
    let exempt = view.placed(Place::Exempt).count();
    let central = &report.central_account_id;
    let key = &report.tag_key;
    if total == 0 && untagged + exempt == 0 {
        return if report.unread.is_empty() && !report.interrupted {
            let what = match report.selection.is_everything() {
                true => "no bucket, instance, volume, database or table",
                false => "nothing of what was asked for",
            };
            let sentence = format!("Nothing to back up: {what} was found in these regions.");
            (Tone::Good, sentence)
        } else {
            (
                Tone::Unknown,
                "Nothing could be judged: the lists that name the resources could not be read."
                    .to_owned(),
            )
        };
    }
    if total == 0 {
        return (
            Tone::Risk,
            format!(
                "Nothing{} is tagged {key}=enabled, so nothing{} is copied to the central account {central}.",
                of(report),
                of(report)
            ),
        );
    }
    let ready = number(ResourceVerdict::Ready);
    if ready == total {
        let all = if total == 1 {
            "The 1 resource".to_owned()
        } else {
            format!("All {total} resources")
        };
        if !report.all_rules || !report.unread.is_empty() {
            let rules = plural(report.rules, "rule");
            return (
                Tone::Good,
                format!("{all} to be backed up: nothing fails among the {rules} judged."),
            );
        }
        return (
            Tone::Good,
            format!("{all} to be backed up can be copied to the central account {central}."),
        );
    }
    let (bad, unknown, risk) = (
        number(ResourceVerdict::NotReady),
        number(ResourceVerdict::Unknown),
        number(ResourceVerdict::AtRisk),
    );
    let mut others: Vec<String> = Vec::new();
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    if unknown > 0 {
        others.push(format!("{unknown} could not be judged"));
    }
    if risk > 0 {
        others.push(format!("{risk} {} at risk", are(risk)));
    }
    if ready > 0 {
        others.push(format!("{ready} {} ready", are(ready)));
    }
    let of = plural(total, "resource");
    let sentence = if bad > 0 {
        let who = match (bad == total, total) {
            (true, 1) => "The only resource to be backed up is not".to_owned(),
            (true, _) => format!("None of the {of} to be backed up is"),
            (false, _) => format!("{bad} of {of} to be backed up {} not", are(bad)),
        };
        let mut sentence = format!("{who} ready for the copy to the central account {central}");
        if !others.is_empty() {
            sentence.push_str(&format!("; {}", others.join(", ")));
        }
        sentence
    } else {
        format!(
            "None of {of} to be backed up fails a check: {}",
            others.join(", ")
        )
    };
    let tone = match (bad, unknown) {
        (0, 0) => Tone::Risk,
        (0, _) => Tone::Unknown,
        _ => Tone::Bad,
    };
    (tone, format!("{sentence}."))
}

/// Where not everything was judged, a sentence speaks of what was.
fn of(report: &Report) -> &'static str {
    match report.selection.is_everything() {
        true => "",
        false => " of what was judged",
    }
}

/// What the verdict leaves out: tags that are missing, settings that fail, lists that broke off.
pub(in crate::report) fn rest(view: &View<'_>) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let untagged: Vec<_> = view.placed(Place::Untagged).collect();
    if !untagged.is_empty() {
        let ready = untagged
            .iter()
            .filter(|row| row.verdict == ResourceVerdict::Ready)
            .count();
        let ready = if ready == 0 {
            "none".to_owned()
        } else {
            ready.to_string()
        };
        let untagged = plural(untagged.len(), "resource");
        let judged = if view.report.all_rules {
            ""
        } else {
            ", by the rules judged"
        };
        sentences.push(format!(
            "{untagged} without a backup tag: {ready} would be ready if tagged{judged}."
        ));
    }
    let failing: BTreeSet<&str> = view
        .report
        .findings
        .iter()
        .filter(|it| it.gating && it.status == Status::Fail && !it.kind.is_backed_up())
        .map(|it| it.resource.as_str())
        .collect();
    if !failing.is_empty() {
        sentences.push(format!(
            "{} of the network or the account must change.",
            plural(failing.len(), "setting")
        ));
    }
    let judged = view.rows.iter().any(|row| row.place != Place::Setting);
    if !view.report.complete && judged {
        sentences
            .push("Not everything could be read: there may be more to this account.".to_owned());
    }
    sentences.extend(against_baseline(view.report));
    sentences.extend(checked(view.report));
    sentences
}

fn against_baseline(report: &Report) -> Option<String> {
    let comparison = report.comparison.as_ref()?;
    let mut sentence = format!(
        "Against the baseline: {} new, {} unchanged, {} fixed",
        comparison.new,
        comparison.unchanged,
        comparison.fixed.len()
    );
    if !comparison.not_judged.is_empty() {
        let not_judged = comparison.not_judged.len();
        sentence.push_str(&format!(", {not_judged} not judged this time"));
    }
    sentence.push('.');
    Some(sentence)
}

fn checked(report: &Report) -> Option<String> {
    let judged: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|it| !matches!(it.status, Status::Skip | Status::Unknown))
        .map(|it| it.rule.id)
        .collect();
    let with = |status: Status| {
        report
            .findings
            .iter()
            .filter(|it| it.status == status && it.waiver.is_none())
            .count()
    };
    let waived = report.findings.iter().filter(|it| it.waiver.is_some());
    let waived = match waived.count() {
        0 => String::new(),
        number => format!("; {number} waived, which do not count"),
    };
    (!judged.is_empty()).then(|| {
        format!(
            "Findings of {}: {} pass, {} fail, {} unknown, {} warn{waived}.",
            plural(judged.len(), "rule"),
            with(Status::Pass),
            with(Status::Fail),
            with(Status::Unknown),
            with(Status::Warn),
        )
    })
}

/// The commands that help most: about the widest cause, about what is missing to see, about the tag.
fn steps(view: &View<'_>, reasons: &Reasons<'_>) -> Vec<(String, String)> {
    let mut steps = Vec::new();
    if let Some((rule, number)) = widest(view, reasons, Status::Fail).into_iter().next() {
        steps.push((
            explain(rule),
            format!("{} failing", plural(number, "resource")),
        ));
        if !view.report.source.is_planned() {
            steps.push((
                "backup-check fix".to_owned(),
                "the changes that mend what fails".to_owned(),
            ));
        }
    }
    let denied = view.report.coverage.iter().any(|row| {
        let error = row.error.as_ref();
        row.state == CoverageState::Denied || error.is_some_and(|error| is_denial(&error.code))
    });
    if denied {
        steps.push((
            "backup-check iam-policy".to_owned(),
            "permissions a scan needs".to_owned(),
        ));
    } else if !view.report.interrupted
        && let Some(&(rule, number)) = widest(view, reasons, Status::Unknown).first()
    {
        let resources = plural(number, "resource");
        steps.push((explain(rule), format!("{resources} could not be judged")));
    }
    if view.placed(Place::Untagged).next().is_some() {
        steps.push((
            "backup-check explain backup-decision-made".to_owned(),
            "what to tag, and how".to_owned(),
        ));
    }
    steps.truncate(MOST_STEPS);
    steps
}

fn explain(rule: &Rule) -> String {
    format!("backup-check explain {}", rule.id)
}

/// Rules with findings of a status that gate, with the number of resources, most first.
fn widest(view: &View<'_>, reasons: &Reasons<'_>, status: Status) -> Vec<(&'static Rule, usize)> {
    let mut rules: BTreeMap<&'static str, (&'static Rule, BTreeSet<&str>)> = BTreeMap::new();
    for reason in reasons.all().filter(|it| it.gating && it.status == status) {
        for rule in &reason.rules {
            let entry = rules
                .entry(rule.id)
                .or_insert_with(|| (rule, BTreeSet::new()));
            let counted = |arn: &&&str| {
                view.row(arn)
                    .is_some_and(|row| row.place != Place::Untagged)
            };
            entry.1.extend(reason.members.iter().filter(counted));
        }
    }
    let mut rules: Vec<(&'static Rule, usize)> = rules
        .into_values()
        .map(|(rule, of)| (rule, of.len()))
        .collect();
    let standard = view.report.standard;
    // Of rules that miss the same fact, the one that could fail comes first.
    rules.sort_by_key(|&(rule, number)| {
        (
            Reverse(number),
            rule.severity(standard) != Severity::Fail,
            rule.id,
        )
    });
    rules
}
