//! A root cause as a block of lines: its status and rules, messages and fixes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::arn::Arn;
use crate::report::Waiver;
use crate::report::digest::Digest;
use crate::report::digest::root_causes::{FindingCounts, RootCause};
use crate::report::page::{Page, Tone};
use crate::rule::{Check, Rule};
use crate::text::{and_more, replace_word};

/// The number of messages, fixes and waivers of a cause that are shown.
const MOST_TEXTS: usize = 3;
/// The number of rules of a cause that are named.
const MOST_RULES: usize = 4;
/// The number of parts of a resource that are named.
const MOST_PARTS: usize = 4;
/// The indent of a cause.
const INDENT: usize = 2;

/// The causes of a report while the table is written.
#[derive(Debug)]
pub(super) struct CauseList<'d, 'a> {
    pub(super) digest: &'d Digest<'a>,
    /// The numbers of the causes that the table shows.
    shown: BTreeSet<usize>,
    /// The fixes written so far, without the name of what they change, with the number of their cause.
    fixes: BTreeMap<(&'static str, Vec<String>), usize>,
}

/// How a cause is shown in a section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'t> {
    pub(super) number: usize,
    /// Text that follows the messages.
    pub(super) note: &'t str,
    /// Whether to say that the cause does not affect the exit code.
    pub(super) with_gating: bool,
}

impl<'d, 'a> CauseList<'d, 'a> {
    pub(super) fn new(digest: &'d Digest<'a>) -> Self {
        CauseList {
            digest,
            shown: BTreeSet::new(),
            fixes: BTreeMap::new(),
        }
    }

    /// Marks causes as shown, and returns those that were not shown before, worst first.
    pub(super) fn mark_shown(&mut self, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let numbers: BTreeSet<usize> = numbers.into_iter().collect();
        let new: Vec<usize> = numbers.difference(&self.shown).copied().collect();
        self.shown.extend(&new);
        new
    }

    /// Whether the table shows a cause.
    pub(super) fn is_shown(&self, number: usize) -> bool {
        self.shown.contains(&number)
    }

    /// Returns references to causes that the table shows: `[1] [4]`, at most so many.
    pub(super) fn write_references(&self, numbers: &BTreeSet<usize>, most: usize) -> String {
        let numbers: Vec<&usize> = numbers.intersection(&self.shown).collect();
        let mut list: Vec<String> = numbers
            .iter()
            .take(most)
            .map(|number| format!("[{number}]"))
            .collect();
        if numbers.len() > most {
            list.push("…".to_owned());
        }
        list.join(" ")
    }

    /// Writes a cause with its messages and fixes, and returns the indent of its text.
    pub(super) fn write_cause(&mut self, page: &mut Page, shown: Shown<'_>) -> usize {
        let cause = self.digest.causes.get(shown.number);
        let hang = self.write_heading(page, cause, shown.with_gating);
        if cause.similar > 1 {
            let text = format!(
                "{} similar causes, each in --format json; for example:",
                cause.similar
            );
            page.flow(hang, hang, &[(Tone::Plain, &text)]);
        }
        for message in cause.message_texts(MOST_TEXTS) {
            let parts = name_parts(cause);
            let pieces = [(Tone::Plain, message.as_str()), (Tone::Plain, &parts)];
            page.flow(hang, hang, &pieces);
        }
        for waiver in cause.distinct_waivers().into_iter().take(MOST_TEXTS) {
            let Waiver {
                reason,
                owner,
                expires,
            } = waiver;
            let text = format!("waived until {expires} by {owner}: {reason}");
            page.flow(hang, hang + 2, &[(Tone::Risk, &text)]);
        }
        page.flow(hang, hang, &[(Tone::Plain, shown.note)]);
        for fix in self.take_fixes(cause) {
            page.flow(hang, hang + 5, &[(Tone::Dim, &format!("fix: {fix}"))]);
        }
        hang
    }

    fn write_heading(&self, page: &mut Page, cause: &RootCause<'_>, with_gating: bool) -> usize {
        let number = format!("[{}]", cause.number);
        let hang = INDENT + number.len().max(3) + 1;
        let counts = cause.count_findings();
        let resources = self.digest.view.describe_resources(cause.arns());
        let mut tail = format!("· {resources}{}", describe_shares(counts));
        if with_gating && !cause.gating && counts.waived == 0 {
            tail.push_str(", does not affect the exit code");
        }
        let status = format!("{number:<3} {}", cause.status.as_str());
        page.flow(
            INDENT,
            hang,
            &[
                (Tone::for_status(cause.status), &status),
                (Tone::Strong, &cause.rule_ids(MOST_RULES)),
                (Tone::Plain, &tail),
            ],
        );
        hang
    }

    /// Returns the fixes of a cause, or a reference to an earlier cause of the same rule with the same fixes.
    fn take_fixes(&mut self, cause: &RootCause<'_>) -> Vec<String> {
        let fixes = cause.fix_texts(MOST_TEXTS);
        let Some(rule) = cause.rules.first() else {
            return fixes;
        };
        let key = (rule.id, without_subject(&fixes, cause.about));
        let known = *self.fixes.entry(key).or_insert(cause.number);
        match known == cause.number || fixes.is_empty() {
            true => fixes,
            false => vec![format!("same as [{known}]")],
        }
    }
}

/// Returns how many of the findings are new or waived: `, new, 2 of 3 findings waived`.
fn describe_shares(counts: FindingCounts) -> String {
    let share = |number: usize, state: &str| match number {
        0 => String::new(),
        all if all == counts.all => format!(", {state}"),
        some => format!(", {some} of {} findings {state}", counts.all),
    };
    share(counts.new, "new") + &share(counts.waived, "waived")
}

/// Returns the parts of the resource that a message is about, in parentheses. The parts of many resources
/// are not listed, except for stacks, whose parts have no lines.
fn name_parts(cause: &RootCause<'_>) -> String {
    let is_stack = |rule: &&Rule| matches!(rule.check, Check::Stack(_));
    let is_listed = cause.arns().nth(1).is_none() || cause.rules.iter().any(is_stack);
    match is_listed && !cause.parts.is_empty() {
        true => format!("({})", and_more(cause.parts.iter().copied(), MOST_PARTS)),
        false => String::new(),
    }
}

/// Returns fixes without the name of what they change, which are equal for two keys.
fn without_subject(fixes: &[String], about: Option<&str>) -> Vec<String> {
    let about = about.and_then(Arn::parse);
    let replace_subject = |fix: &String| match about {
        Some(arn) => replace_word(fix, arn.resource_id(), ""),
        None => fix.clone(),
    };
    fixes.iter().map(replace_subject).collect()
}
