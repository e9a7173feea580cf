//! Root causes: what must change to resolve the findings, each once with every resource that it affects.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use super::wording::{CauseKey, Wording, add_wording, first_texts};
use crate::analysis::Cause;
use crate::report::cause::{CauseId, cause_id};
use crate::report::maps::HashMap;
use crate::report::{Baseline, Finding, Report, SHORT_ID, Status};
use crate::rule::{Group, Rule};
use crate::text::and_more;

/// The number of causes of one rule and status that are shown one by one; the others are merged into one.
const MOST_PER_RULE: usize = 10;

/// Every root cause of a report, worst first.
#[derive(Debug)]
pub(in crate::report) struct RootCauses<'a> {
    ranked: Vec<RootCause<'a>>,
}

#[derive(Debug)]
pub(in crate::report) struct RootCause<'a> {
    /// Its id, one of the report's causes: the same in every format.
    id: String,
    /// Its position, worst first.
    pub(in crate::report) position: usize,
    pub(in crate::report) status: Status,
    /// Its rule; several if they are unknown for the same missing fact.
    pub(in crate::report) rules: Vec<&'static Rule>,
    /// Whether it counts for the exit code on any resource.
    pub(in crate::report) gating: bool,
    /// The ARN or name of what is to be changed, if it is not the resource.
    pub(in crate::report) about: Option<&'a str>,
    /// Whether any of its findings is not waived.
    pub(in crate::report) is_open: bool,
    /// Every resource that it affects, waived ones included. After [`RootCause::settle_members`] sorted by ARN, each once.
    members: Vec<Member<'a>>,
    /// The parts of the resources that its messages are about, such as the volumes of an instance.
    pub(in crate::report) parts: BTreeSet<&'a str>,
    messages: Vec<Wording<'a>>,
    fixes: Vec<Wording<'a>>,
    /// Every finding that it is behind.
    findings: Vec<&'a Finding>,
    /// How many of the findings, from the first, its messages describe. The others were merged into it.
    described: usize,
    /// The number of similar causes that it represents, itself included.
    pub(in crate::report) similar: usize,
    /// The ids of what must change.
    ids: BTreeSet<CauseId>,
    /// Whether other causes explain all of it.
    is_symptom: bool,
}

/// A resource that a cause affects.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Member<'a> {
    /// Its first finding with this cause.
    pub(in crate::report) finding: &'a Finding,
    pub(in crate::report) cause: &'a Cause,
    /// Whether it counts for the exit code.
    pub(in crate::report) gating: bool,
    /// Whether a finding is not in the baseline.
    pub(in crate::report) is_new: bool,
    /// Whether a finding is not waived.
    pub(in crate::report) is_open: bool,
}

impl<'a> Member<'a> {
    fn arn(&self) -> &'a str {
        &self.finding.resource
    }
}

impl<'a> RootCauses<'a> {
    /// Groups the findings of a report by root cause, in no order yet.
    pub(super) fn group(report: &'a Report) -> Vec<RootCause<'a>> {
        let mut known: BTreeMap<CauseKey, usize> = BTreeMap::new();
        let mut causes: Vec<RootCause<'a>> = Vec::new();
        // Resources with the same key have the same explanation.
        let mut of_key: HashMap<(*const Cause, &str, Status), usize> = HashMap::default();
        let troubles = || report.findings.iter().filter(|it| it.status.is_trouble());
        let open = troubles().filter(|it| it.waiver.is_none());
        let waived = troubles().filter(|it| it.waiver.is_some());
        // Open findings come first, so that the messages are about them.
        for finding in open.chain(waived) {
            for cause in &finding.explanation.causes {
                let same = (std::ptr::from_ref(cause), finding.rule.id, finding.status);
                if let Some(index) = of_key.get(&same) {
                    causes[*index].add_equal(finding, cause);
                    continue;
                }
                let index = *known
                    .entry(CauseKey::new(finding, cause))
                    .or_insert_with(|| {
                        causes.push(RootCause::new(finding, cause));
                        causes.len() - 1
                    });
                causes[index].add_finding(finding, cause);
                let about = cause.about.as_deref();
                if about.is_some_and(|it| it.starts_with("arn:")) && finding.waiver.is_none() {
                    of_key.insert(same, index);
                }
            }
        }
        causes.iter_mut().for_each(RootCause::settle_members);
        merge_similar(causes)
    }

    /// Marks the causes that others explain, sorts all and gives each its id.
    pub(super) fn rank(mut causes: Vec<RootCause<'a>>, symptoms: &BTreeSet<CauseId>) -> Self {
        for cause in &mut causes {
            cause.is_symptom = cause.ids.iter().all(|id| symptoms.contains(id));
        }
        sort_causes(&mut causes);
        let mut causes = assign_ids(causes);
        sort_causes(&mut causes);
        for (position, cause) in causes.iter_mut().enumerate() {
            cause.position = position;
        }
        RootCauses { ranked: causes }
    }

    /// Returns all causes, worst first.
    pub(in crate::report) fn iter(&self) -> impl Iterator<Item = &RootCause<'a>> {
        self.ranked.iter()
    }

    /// Returns the causes with findings that are not waived, worst first.
    pub(in crate::report) fn open(&self) -> impl Iterator<Item = &RootCause<'a>> {
        self.iter().filter(|cause| cause.is_open)
    }
}

/// Sorts causes: gating ones first, then those with open findings, then by status. Of the same status, causes of
/// resources come before those of settings, then by number of resources. Failed jobs come after causes of the
/// same size, which may explain them.
fn sort_causes(causes: &mut [RootCause<'_>]) {
    // Stable: otherwise the order of the findings remains.
    causes.sort_by_cached_key(|cause| {
        let rule = cause.rules.first();
        let size = (cause.affects_resources(), cause.size());
        (
            Reverse((cause.gating, cause.is_open, cause.status, size)),
            rule.map(|rule| (rule.group == Group::Proof, rule.id)),
        )
    });
}

/// Gives each cause the first id of what must change that no worse cause has. A cause that has none left is
/// about what another one is about, and becomes a part of it.
fn assign_ids(causes: Vec<RootCause<'_>>) -> Vec<RootCause<'_>> {
    let mut owners: BTreeMap<CauseId, usize> = BTreeMap::new();
    let mut kept: Vec<RootCause<'_>> = Vec::new();
    for mut cause in causes {
        let own = cause.ids.iter().find(|id| !owners.contains_key(*id));
        match own.copied() {
            Some(id) => {
                owners.insert(id, kept.len());
                cause.id = id.to_string();
                kept.push(cause);
            }
            None => {
                let owner = cause.ids.first().and_then(|id| owners.get(id)).copied();
                if let Some(owner) = owner.and_then(|at| kept.get_mut(at)) {
                    owner.absorb(cause);
                }
            }
        }
    }
    kept
}

/// Merges the causes of a rule beyond the largest ones, so that no rule fills the report.
fn merge_similar(causes: Vec<RootCause<'_>>) -> Vec<RootCause<'_>> {
    let mut by_rule: BTreeMap<(Status, Option<&str>), Vec<RootCause<'_>>> = BTreeMap::new();
    for cause in causes {
        let rule = cause.rules.first().map(|rule| rule.id);
        by_rule.entry((cause.status, rule)).or_default().push(cause);
    }
    let mut kept = Vec::new();
    for mut causes in by_rule.into_values() {
        if causes.len() > MOST_PER_RULE {
            causes.sort_by_cached_key(|cause| Reverse((cause.gating, cause.is_open, cause.size())));
            let mut rest = causes.split_off(MOST_PER_RULE - 1).into_iter();
            if let Some(mut example) = rest.next() {
                rest.for_each(|other| example.merge(other));
                example.settle_members();
                causes.push(example);
            }
        }
        kept.append(&mut causes);
    }
    kept
}

impl<'a> RootCause<'a> {
    fn new(finding: &'a Finding, cause: &'a Cause) -> Self {
        RootCause {
            id: String::new(),
            position: 0,
            status: finding.status,
            rules: Vec::new(),
            gating: false,
            is_open: false,
            about: cause.about.as_deref(),
            members: Vec::new(),
            parts: BTreeSet::new(),
            messages: Vec::new(),
            fixes: Vec::new(),
            findings: Vec::new(),
            described: 0,
            similar: 1,
            ids: BTreeSet::new(),
            is_symptom: false,
        }
    }

    fn add_finding(&mut self, finding: &'a Finding, cause: &'a Cause) {
        let is_open = finding.waiver.is_none();
        self.ids.insert(cause_id(finding, cause));
        self.add_rule(finding.rule);
        if is_open || !self.is_open {
            self.described = self.findings.len() + 1;
            add_wording(&mut self.messages, &cause.message, finding);
            if let Some(fix) = &cause.fix {
                add_wording(&mut self.fixes, fix, finding);
            }
        }
        self.add_equal(finding, cause);
    }

    /// Adds a finding with a cause that was added with another one: its id, rule and sentences are known.
    fn add_equal(&mut self, finding: &'a Finding, cause: &'a Cause) {
        let is_open = finding.waiver.is_none();
        self.gating |= finding.gating;
        self.findings.push(finding);
        self.parts.extend(cause.parts.iter().map(String::as_str));
        self.is_open |= is_open;
        if is_open {
            self.described = self.findings.len();
        }
        self.members.push(Member {
            finding,
            cause,
            gating: finding.gating,
            is_new: is_open && finding.baseline == Some(Baseline::New),
            is_open,
        });
    }

    /// Sorts the members by ARN and joins those of one resource, of which the first was added first.
    fn settle_members(&mut self) {
        self.members.sort_by_key(Member::arn);
        self.members.dedup_by(|other, first| {
            let is_same = other.arn() == first.arn();
            if is_same {
                first.gating |= other.gating;
                first.is_new |= other.is_new;
                first.is_open |= other.is_open;
            }
            is_same
        });
    }

    fn add_rule(&mut self, rule: &'static Rule) {
        if !self.rules.iter().any(|known| known.id == rule.id) {
            self.rules.push(rule);
        }
    }

    /// Adds the resources and findings of another cause, without its messages. The members are not settled then.
    fn merge(&mut self, other: RootCause<'a>) {
        self.similar += other.similar;
        self.gating |= other.gating;
        self.is_open |= other.is_open;
        self.findings.extend(other.findings);
        self.ids.extend(other.ids);
        for rule in other.rules {
            self.add_rule(rule);
        }
        self.members.extend(other.members);
    }

    /// Adds another cause of the same change, with its messages and fixes.
    fn absorb(&mut self, mut other: RootCause<'a>) {
        let rest = other.findings.split_off(other.described);
        let described = std::mem::replace(&mut other.findings, rest);
        let at = self.described;
        self.described += described.len();
        drop(self.findings.splice(at..at, described));
        self.status = self.status.max(other.status);
        self.is_symptom &= other.is_symptom;
        self.parts.append(&mut other.parts);
        self.messages.append(&mut other.messages);
        for fix in std::mem::take(&mut other.fixes) {
            if !self.fixes.iter().any(|known| known.text() == fix.text()) {
                self.fixes.push(fix);
            }
        }
        let similar = self.similar;
        self.merge(other);
        self.settle_members();
        self.similar = similar;
    }

    /// Returns the first digits of its id.
    pub(in crate::report) fn short_id(&self) -> &str {
        &self.id[..SHORT_ID.min(self.id.len())]
    }

    /// Whether one change resolves it.
    pub(in crate::report) fn is_single(&self) -> bool {
        self.ids.len() == 1
    }

    /// Whether other causes explain all of it.
    pub(in crate::report) fn is_symptom(&self) -> bool {
        self.is_symptom
    }

    /// Whether there is something to fix.
    pub(in crate::report) fn has_fix(&self) -> bool {
        !self.fixes.is_empty()
    }

    /// Whether all its rules are about jobs that ran: the results of another cause.
    pub(in crate::report) fn is_consequence(&self) -> bool {
        self.rules.iter().all(|rule| rule.group == Group::Proof)
    }

    /// Whether it affects a resource that can be backed up, rather than settings only.
    fn affects_resources(&self) -> bool {
        let mut members = self.members.iter();
        members.any(|member| member.finding.kind.is_backed_up())
    }

    /// Returns the number of its resources: the open ones unless all are waived.
    fn size(&self) -> usize {
        match self.is_open {
            true => self.open_members().count(),
            false => self.members.len(),
        }
    }

    /// Returns the resources with findings that are not waived, by ARN.
    pub(in crate::report) fn open_members(&self) -> impl Iterator<Item = (&'a str, &Member<'a>)> {
        let open = self.members.iter().filter(|member| member.is_open);
        open.map(|member| (member.arn(), member))
    }

    /// Whether a finding that is not waived is not in the baseline.
    pub(in crate::report) fn has_new(&self) -> bool {
        self.members.iter().any(|member| member.is_new)
    }

    /// Returns the findings that its messages describe.
    pub(in crate::report) fn described_findings(&self) -> &[&'a Finding] {
        &self.findings[..self.described]
    }

    /// Returns the different messages.
    pub(in crate::report) fn messages(&self) -> &[Wording<'a>] {
        &self.messages
    }

    /// Returns the different fixes.
    pub(in crate::report) fn fixes(&self) -> &[Wording<'a>] {
        &self.fixes
    }

    /// Returns at most `most` messages; the last one says how many were omitted.
    pub(in crate::report) fn message_texts(&self, most: usize) -> Vec<String> {
        first_texts(&self.messages.iter().collect::<Vec<_>>(), most)
    }

    /// Returns at most `most` fixes; the last one says how many were omitted. Those that differ between resources
    /// are one: `arguments` names the source of the run for the command that prints them.
    pub(in crate::report) fn fix_texts(&self, most: usize, arguments: &str) -> Vec<String> {
        let (different, same): (Vec<_>, Vec<_>) =
            self.fixes.iter().partition(|it| it.has_placeholders());
        let mut texts = first_texts(&same, most);
        if !different.is_empty() {
            let command = self.fix_command(arguments);
            texts.push(format!(
                "Run `{command}`, which prints one change for each resource."
            ));
        }
        texts
    }

    /// Returns the command that prints its changes.
    pub(in crate::report) fn fix_command(&self, arguments: &str) -> String {
        let what = match (self.is_single(), self.rules.first()) {
            (false, Some(rule)) => rule.id,
            _ => self.short_id(),
        };
        format!("backup-check fix {what}{arguments}")
    }

    /// Returns the ids of at most `most` rules, and how many more there are.
    pub(in crate::report) fn rule_ids(&self, most: usize) -> String {
        and_more(self.rules.iter().map(|rule| rule.id), most)
    }

    /// Returns how many resources it affects that are not waived, and how many of them are new.
    pub(in crate::report) fn describe_open(&self, view: &View<'_>) -> String {
        let resources = view.describe_resources(self.open_members().map(|(arn, _)| arn));
        let new = self.members.iter().filter(|it| it.is_new).count();
        match (&view.report.comparison, new) {
            (None, _) | (Some(_), 0) => resources,
            (Some(_), new) => format!("{resources}; {new} new"),
        }
    }
}
