//! Root causes: each is told once, with a number that everything behind it refers to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::arn::Arn;
use crate::report::cause::{Key, Wording, note};
use crate::report::{Baseline, Finding, Report, Status, Waiver};
use crate::rule::{Check, Group, Rule};

use super::view::View;
use crate::report::page::{Page, Tone};
use crate::text::{and_more, plural, replace_word};

/// Causes of one rule that are told one by one; what goes beyond is told together.
const MOST_PER_RULE: usize = 10;
/// Wordings of one cause that are told.
const MOST_WORDINGS: usize = 3;
/// Where a cause begins.
const INDENT: usize = 2;

/// A root cause.
#[derive(Debug)]
pub(in crate::report) struct Reason<'a> {
    pub(in crate::report) status: Status,
    /// One rule; several where one missing fact keeps them all from judging.
    pub(in crate::report) rules: Vec<&'static Rule>,
    /// ARNs of what it holds for.
    pub(in crate::report) members: BTreeSet<&'a str>,
    /// Those of them that an earlier report lacks.
    pub(in crate::report) fresh: BTreeSet<&'a str>,
    /// Whether it counts for the exit code anywhere.
    pub(in crate::report) gating: bool,
    messages: Vec<Wording<'a>>,
    fixes: Vec<Wording<'a>>,
    about: Option<&'a str>,
    parts: BTreeSet<&'a str>,
    /// How many findings it is behind, and how many of them are waived or new.
    findings: usize,
    waived: usize,
    new_findings: usize,
    waivers: Vec<&'a Waiver>,
    /// How many causes are told as one here.
    causes: usize,
    number: Option<usize>,
}

/// Where a resource's finding comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) struct Link {
    pub(in crate::report) reason: usize,
    pub(in crate::report) status: Status,
    /// Whether the rule is about the tag itself.
    pub(in crate::report) tagging: bool,
}

/// A cause as it is told in one place.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Told<'t> {
    pub(in crate::report) index: usize,
    /// Said after the message.
    pub(in crate::report) more: &'t str,
    /// Whether to say that it does not count.
    pub(in crate::report) weigh: bool,
}

/// Every root cause of a report.
#[derive(Debug)]
pub(in crate::report) struct Reasons<'a> {
    list: Vec<Reason<'a>>,
    links: BTreeMap<&'a str, Vec<Link>>,
    numbered: usize,
    /// Fixes that were told, by rule, without the name of what they are about: with the number.
    fixes: BTreeMap<(&'static str, Vec<String>), usize>,
}

impl<'a> Reasons<'a> {
    pub(in crate::report) fn new(report: &'a Report) -> Self {
        Self::of_those(report, |_| true)
    }

    /// The root causes of some findings alone.
    pub(in crate::report) fn of_those(
        report: &'a Report,
        counts: impl Fn(&Finding) -> bool,
    ) -> Self {
        let mut list: Vec<Reason<'a>> = Vec::new();
        let mut known: BTreeMap<Key, usize> = BTreeMap::new();
        let mut links: BTreeMap<&'a str, Vec<Link>> = BTreeMap::new();
        for finding in report
            .findings
            .iter()
            .filter(|it| it.status >= Status::Warn && counts(it))
        {
            for cause in &finding.causes {
                let key = Key::of(finding, cause);
                let index = *known.entry(key).or_insert_with(|| {
                    list.push(Reason {
                        status: finding.status,
                        rules: Vec::new(),
                        members: BTreeSet::new(),
                        fresh: BTreeSet::new(),
                        gating: false,
                        messages: Vec::new(),
                        fixes: Vec::new(),
                        about: cause.about.as_deref(),
                        parts: BTreeSet::new(),
                        findings: 0,
                        waived: 0,
                        new_findings: 0,
                        waivers: Vec::new(),
                        causes: 1,
                        number: None,
                    });
                    list.len() - 1
                });
                let reason = &mut list[index];
                reason.gating |= finding.gating;
                reason.count(finding);
                reason.members.insert(&finding.resource);
                if finding.baseline == Some(Baseline::New) {
                    reason.fresh.insert(&finding.resource);
                }
                reason.parts.extend(cause.parts.iter().map(String::as_str));
                reason.add_rule(finding.rule);
                note(&mut reason.messages, &cause.message, finding);
                if let Some(fix) = &cause.fix {
                    note(&mut reason.fixes, fix, finding);
                }
                let link = Link {
                    reason: index,
                    status: finding.status,
                    tagging: finding.rule.group == Group::Tagging,
                };
                let of_resource = links.entry(&finding.resource).or_default();
                if !of_resource.contains(&link) {
                    of_resource.push(link);
                }
            }
        }
        let mut reasons = Reasons {
            list,
            links,
            numbered: 0,
            fixes: BTreeMap::new(),
        };
        reasons.merge_the_many();
        reasons
    }

    /// A rule with a thousand causes would tell nothing: all but the widest ones become one.
    fn merge_the_many(&mut self) {
        let mut by_rule: BTreeMap<(Status, &'static str), Vec<usize>> = BTreeMap::new();
        for (index, reason) in self.list.iter().enumerate() {
            if let Some(rule) = reason.rules.first() {
                by_rule
                    .entry((reason.status, rule.id))
                    .or_default()
                    .push(index);
            }
        }
        let mut becomes: BTreeMap<usize, usize> = BTreeMap::new();
        for mut indexes in by_rule
            .into_values()
            .filter(|indexes| indexes.len() > MOST_PER_RULE)
        {
            indexes.sort_by_key(|&index| Reverse(self.list[index].members.len()));
            let rest = indexes.split_off(MOST_PER_RULE - 1);
            let Some((&target, others)) = rest.split_first() else {
                continue;
            };
            for &index in others {
                let members = std::mem::take(&mut self.list[index].members);
                let fresh = std::mem::take(&mut self.list[index].fresh);
                let rules = std::mem::take(&mut self.list[index].rules);
                let other = &mut self.list[index];
                let gating = other.gating;
                let (findings, waived) = (other.findings, other.waived);
                let new_findings = other.new_findings;
                let waivers = std::mem::take(&mut other.waivers);
                let kept = &mut self.list[target];
                kept.findings += findings;
                kept.waived += waived;
                kept.new_findings += new_findings;
                for waiver in waivers {
                    kept.add_waiver(waiver);
                }
                kept.members.extend(members);
                kept.fresh.extend(fresh);
                kept.causes += 1;
                kept.gating |= gating;
                for rule in rules {
                    kept.add_rule(rule);
                }
                becomes.insert(index, target);
            }
        }
        for links in self.links.values_mut() {
            for link in links.iter_mut() {
                link.reason = becomes.get(&link.reason).copied().unwrap_or(link.reason);
            }
            let mut seen: Vec<Link> = Vec::new();
            links.retain(|link| {
                let fresh = !seen.contains(link);
                seen.push(*link);
                fresh
            });
        }
    }

    /// What a resource's findings come from.
    pub(in crate::report) fn of(&self, arn: &str) -> &[Link] {
        self.links.get(arn).map_or(&[], Vec::as_slice)
    }

    pub(in crate::report) fn get(&self, index: usize) -> &Reason<'a> {
        &self.list[index]
    }

    pub(in crate::report) fn number(&self, index: usize) -> usize {
        self.list[index].number.unwrap_or_default()
    }

    /// Every cause that something is behind.
    pub(in crate::report) fn all(&self) -> impl Iterator<Item = &Reason<'a>> {
        self.list.iter().filter(|reason| !reason.members.is_empty())
    }

    /// Numbers all causes, those that gate first, then worst and widest first, and returns them in
    /// that order.
    pub(in crate::report) fn ranked(&mut self) -> Vec<usize> {
        let all = 0..self.list.len();
        let told: Vec<usize> = all
            .filter(|&index| !self.list[index].members.is_empty())
            .collect();
        self.number_new(told)
    }

    /// Numbers those that have none yet, worst and widest first, and returns them in that order.
    pub(in crate::report) fn number_new(
        &mut self,
        indexes: impl IntoIterator<Item = usize>,
    ) -> Vec<usize> {
        let fresh: BTreeSet<usize> = indexes
            .into_iter()
            .filter(|&index| self.list[index].number.is_none())
            .collect();
        let mut fresh: Vec<usize> = fresh.into_iter().collect();
        fresh.sort_by_key(|&index| {
            let reason = &self.list[index];
            // What came of it stands after why.
            let place = |rule: &&Rule| (rule.group == Group::Proof, rule.id);
            (
                Reverse((reason.gating, reason.status, reason.members.len())),
                reason.rules.first().map(place),
                index,
            )
        });
        for &index in &fresh {
            self.numbered += 1;
            self.list[index].number = Some(self.numbered);
        }
        fresh
    }

    /// Tells a cause in full: what was seen, and what to do about it. Returns the indent of its text.
    pub(in crate::report) fn tell(
        &mut self,
        page: &mut Page,
        view: &View<'a>,
        told: Told<'_>,
    ) -> usize {
        let number = self.number(told.index);
        let reason = &self.list[told.index];
        let head = format!("[{number}]");
        let hang = INDENT + head.len().max(3) + 1;
        let tone = Tone::of_status(reason.status);
        let mut tail = format!("· {}", view.crowd(&reason.members));
        tail.push_str(&reason.standing());
        if told.weigh && !reason.gating && reason.waived == 0 {
            tail.push_str(", not for the exit code");
        }
        page.flow(
            INDENT,
            hang,
            &[
                (tone, &format!("{head:<3} {}", reason.status.as_str())),
                (Tone::Strong, &reason.rule_ids(4)),
                (Tone::Plain, &tail),
            ],
        );
        if reason.causes > 1 {
            let words = format!(
                "{} more causes of this kind, each in --format json; for example:",
                reason.causes
            );
            page.flow(hang, hang, &[(Tone::Plain, &words)]);
        }
        for message in wordings(&reason.messages) {
            // Volumes are found at their instance; what is in a stack has no other place.
            let is_stack = |rule: &&Rule| matches!(rule.check, Check::Stack(_));
            let told = reason.members.len() == 1 || reason.rules.iter().any(is_stack);
            let parts = if told && !reason.parts.is_empty() {
                format!("({})", and_more(reason.parts.iter().copied(), 4))
            } else {
                String::new()
            };
            page.flow(
                hang,
                hang,
                &[(Tone::Plain, &message), (Tone::Plain, &parts)],
            );
        }
        for waiver in reason.waivers.iter().take(MOST_WORDINGS) {
            let Waiver {
                reason,
                owner,
                expires,
            } = waiver;
            let words = format!("waived until {expires} by {owner}: {reason}");
            page.flow(hang, hang + 2, &[(Tone::Risk, &words)]);
        }
        page.flow(hang, hang, &[(Tone::Plain, told.more)]);
        let mut fixes = wordings(&reason.fixes);
        if let Some(rule) = reason.rules.first() {
            let known = self
                .fixes
                .entry((rule.id, reason.impersonal(&fixes)))
                .or_insert(number);
            if *known != number && !fixes.is_empty() {
                fixes = vec![format!("as for [{known}]")];
            }
        }
        for fix in fixes {
            page.flow(hang, hang + 5, &[(Tone::Dim, &format!("fix: {fix}"))]);
        }
        hang
    }
}

impl<'a> Reason<'a> {
    fn count(&mut self, finding: &'a Finding) {
        self.findings += 1;
        self.new_findings += usize::from(finding.baseline == Some(Baseline::New));
        if let Some(waiver) = &finding.waiver {
            self.waived += 1;
            self.add_waiver(waiver);
        }
    }

    fn add_waiver(&mut self, waiver: &'a Waiver) {
        if !self.waivers.contains(&waiver) {
            self.waivers.push(waiver);
        }
    }

    /// How much of it is new or waived: `, new, 2 of 3 waived`.
    fn standing(&self) -> String {
        let share = |number: usize, word: &str| match number {
            0 => String::new(),
            all if all == self.findings => format!(", {word}"),
            some => format!(", {some} of {} findings {word}", self.findings),
        };
        share(self.new_findings, "new") + &share(self.waived, "waived")
    }

    /// How many causes are told as one.
    pub(in crate::report) fn causes(&self) -> usize {
        self.causes
    }

    /// What was seen.
    pub(in crate::report) fn messages(&self) -> Vec<String> {
        wordings(&self.messages)
    }

    /// What to do.
    pub(in crate::report) fn fixes(&self) -> Vec<String> {
        wordings(&self.fixes)
    }

    /// What it holds for, in numbers: with those that an earlier report lacks, where there is one.
    pub(in crate::report) fn crowd(&self, view: &View<'_>) -> String {
        let crowd = view.crowd(&self.members);
        match (&view.report.comparison, self.fresh.len()) {
            (None, _) | (Some(_), 0) => crowd,
            (Some(_), fresh) => format!("{crowd}; {fresh} new"),
        }
    }

    /// The rules by id, some of them where there are many.
    pub(in crate::report) fn rule_ids(&self, most: usize) -> String {
        and_more(self.rules.iter().map(|rule| rule.id), most)
    }

    fn add_rule(&mut self, rule: &'static Rule) {
        if !self.rules.iter().any(|known| known.id == rule.id) {
            self.rules.push(rule);
        }
    }

    /// Fixes without the name of what the cause is about: the same for the next key.
    fn impersonal(&self, fixes: &[String]) -> Vec<String> {
        let about = self.about.and_then(Arn::parse);
        let anonymous = |fix: &String| match about {
            Some(arn) => replace_word(fix, arn.resource_id(), ""),
            None => fix.clone(),
        };
        fixes.iter().map(anonymous).collect()
    }
}

fn wordings(wordings: &[Wording<'_>]) -> Vec<String> {
    let mut texts: Vec<String> = wordings
        .iter()
        .take(MOST_WORDINGS)
        .map(|wording| wording.text().to_owned())
        .collect();
    if let (Some(last), true) = (texts.last_mut(), wordings.len() > MOST_WORDINGS) {
        last.push_str(&format!(
            " (and {} much like it)",
            plural(wordings.len() - MOST_WORDINGS, "sentence")
        ));
    }
    texts
}

/// Numbers as references: `[1] [4]`, at most so many.
pub(in crate::report) fn references(numbers: &BTreeSet<usize>, most: usize) -> String {
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
