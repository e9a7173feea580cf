//! Root causes: what must be mended, worst first, each once with everything that it holds for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::analysis::Cause;
use crate::model::place::Place;
use crate::report::cause::{Key, Wording, note};
use crate::report::table::view::View;
use crate::report::{Baseline, Finding, Status};
use crate::rule::{Group, Owner, Rule};
use crate::text::{and_more, escape_invisible};

use super::markup::{Piece, commands, paragraph, sentence};
use super::resources::{Listed, Naming, service};
use super::{many, number, shown, tone};

/// Causes of one rule and status that are told one by one.
const MOST_PER_RULE: usize = 50;
/// Resources of one cause that are named.
const MOST_MEMBERS: usize = 1_000;
/// Wordings of one cause that are told.
const MOST_WORDINGS: usize = 3;
/// Values of one piece of evidence, and members of a list in it, that are told.
const MOST_VALUES: usize = 8;
/// Parts of a resource that are named.
const MOST_PARTS: usize = 6;
/// Causes that are proposed to begin with.
const MOST_FIRST: usize = 3;

/// Every root cause of a report, in sections.
#[derive(Debug)]
pub(super) struct Causes<'a> {
    pub(super) sections: Vec<Section<'a>>,
    total: usize,
    /// The numbers of the causes of a resource.
    links: BTreeMap<&'a str, BTreeSet<usize>>,
    /// Resources with a finding that gates.
    pub(super) gating: BTreeSet<&'a str>,
}

/// Causes of one weight.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) cards: Vec<Card<'a>>,
}

/// One root cause.
#[derive(Debug)]
pub(super) struct Card<'a> {
    pub(super) number: usize,
    pub(super) status: Status,
    pub(super) gating: bool,
    /// One rule; several where one missing fact keeps them all from judging.
    rules: Vec<&'static Rule>,
    members: BTreeMap<&'a str, Member<'a>>,
    messages: Vec<Wording<'a>>,
    fixes: Vec<Wording<'a>>,
    evidence: BTreeMap<&'a str, Values>,
    /// How many causes are told as one here.
    causes: usize,
    new: usize,
    names: Vec<Naming>,
    crowd: String,
}

/// What of one resource hangs on a cause.
#[derive(Debug, Clone)]
struct Member<'a> {
    finding: &'a Finding,
    cause: &'a Cause,
    gating: bool,
    new: bool,
}

#[derive(Debug, Default)]
struct Values {
    seen: BTreeSet<String>,
    told: Vec<String>,
}

/// A resource in the list of a cause.
pub(super) struct Line<'c> {
    pub(super) naming: &'c Naming,
    pub(super) gating: bool,
    pub(super) new: bool,
    pub(super) parts: String,
    /// Where a plan or a template declares it.
    pub(super) place: Option<String>,
    /// Commands that differ from those of the next resource.
    pub(super) commands: Vec<String>,
}

impl<'a> Causes<'a> {
    pub(super) fn new(view: &View<'a>, listed: &Listed<'_>) -> Self {
        let mut known: BTreeMap<Key, usize> = BTreeMap::new();
        let mut cards: Vec<Card<'a>> = Vec::new();
        let mut gating = BTreeSet::new();
        for finding in &view.report.findings {
            if finding.gating {
                gating.insert(finding.resource.as_str());
            }
            if !finding.status.is_trouble() || finding.waiver.is_some() {
                continue;
            }
            for cause in &finding.causes {
                let index = *known.entry(Key::of(finding, cause)).or_insert_with(|| {
                    cards.push(Card::new(finding.status));
                    cards.len() - 1
                });
                cards[index].add(finding, cause);
            }
        }
        let mut cards = merge_the_many(cards);
        cards.sort_by_key(Card::place);
        let mut links: BTreeMap<&'a str, BTreeSet<usize>> = BTreeMap::new();
        for (at, card) in cards.iter_mut().enumerate() {
            card.number = at + 1;
            card.name(view, listed);
            for &arn in card.members.keys() {
                links.entry(arn).or_default().insert(card.number);
            }
        }
        let total = cards.len();
        Causes {
            sections: sections(cards),
            total,
            links,
            gating,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn total(&self) -> String {
        many(self.total, "root cause")
    }

    /// The numbers of the causes of a resource.
    pub(super) fn of(&self, arn: &str) -> Vec<usize> {
        self.links
            .get(arn)
            .map(|numbers| numbers.iter().copied().collect())
            .unwrap_or_default()
    }

    /// What to begin with: of what gates the worst and widest.
    pub(super) fn first(&self) -> Vec<&Card<'a>> {
        self.sections
            .iter()
            .flat_map(|section| &section.cards)
            .filter(|card| card.gating && card.status >= Status::Unknown && !card.is_consequence())
            .take(MOST_FIRST)
            .collect()
    }
}

/// A rule with a thousand causes would tell nothing: all but the widest ones become one.
fn merge_the_many(cards: Vec<Card<'_>>) -> Vec<Card<'_>> {
    let mut by_rule: BTreeMap<(Status, &'static str), Vec<Card<'_>>> = BTreeMap::new();
    for card in cards {
        let rule = card.rules.first().map_or("", |rule| rule.id);
        by_rule.entry((card.status, rule)).or_default().push(card);
    }
    let mut kept = Vec::new();
    for mut cards in by_rule.into_values() {
        if cards.len() > MOST_PER_RULE {
            cards.sort_by_key(|card| Reverse((card.gating, card.members.len())));
            let mut rest = cards.split_off(MOST_PER_RULE - 1).into_iter();
            if let Some(mut one) = rest.next() {
                rest.for_each(|other| one.merge(other));
                cards.push(one);
            }
        }
        kept.append(&mut cards);
    }
    kept
}

fn sections(cards: Vec<Card<'_>>) -> Vec<Section<'_>> {
    let mut sections = vec![
        Section {
            id: "gates",
            title: "Counts for the gate",
            about: "On resources that are to be backed up, and what else the exit code hangs on.",
            cards: Vec::new(),
        },
        Section {
            id: "beside",
            title: "Does not count for the gate",
            about: "On resources without the tag, judged as if they had it; and on settings that the platform team looks after.",
            cards: Vec::new(),
        },
    ];
    for card in cards {
        sections[usize::from(!card.gating)].cards.push(card);
    }
    sections.retain(|section| !section.cards.is_empty());
    sections
}

impl<'a> Card<'a> {
    fn new(status: Status) -> Self {
        Card {
            number: 0,
            status,
            gating: false,
            rules: Vec::new(),
            members: BTreeMap::new(),
            messages: Vec::new(),
            fixes: Vec::new(),
            evidence: BTreeMap::new(),
            causes: 1,
            new: 0,
            names: Vec::new(),
            crowd: String::new(),
        }
    }

    fn add(&mut self, finding: &'a Finding, cause: &'a Cause) {
        self.gating |= finding.gating;
        self.add_rule(finding.rule);
        note(&mut self.messages, &cause.message, finding);
        if let Some(fix) = &cause.fix {
            note(&mut self.fixes, fix, finding);
        }
        for (name, value) in &finding.evidence {
            self.evidence.entry(name).or_default().add(value);
        }
        let new = finding.baseline == Some(Baseline::New);
        let member = self
            .members
            .entry(&finding.resource)
            .or_insert_with(|| Member {
                finding,
                cause,
                gating: false,
                new: false,
            });
        member.gating |= finding.gating;
        member.new |= new;
    }

    fn add_rule(&mut self, rule: &'static Rule) {
        if !self.rules.iter().any(|known| known.id == rule.id) {
            self.rules.push(rule);
        }
    }

    /// Takes another cause in, without its words.
    fn merge(&mut self, other: Card<'a>) {
        self.causes += 1;
        self.gating |= other.gating;
        for rule in other.rules {
            self.add_rule(rule);
        }
        for (arn, member) in other.members {
            self.members.entry(arn).or_insert(member);
        }
    }

    /// Worst and widest first; what came of it stands after why.
    fn place(&self) -> impl Ord + use<> {
        (
            Reverse((self.gating, self.status)),
            self.is_consequence(),
            Reverse((self.gating_members(), self.members.len())),
            self.rules.first().map(|rule| rule.id),
        )
    }

    fn is_consequence(&self) -> bool {
        self.rules.iter().all(|rule| rule.group == Group::Proof)
    }

    fn gating_members(&self) -> usize {
        self.members.values().filter(|it| it.gating).count()
    }

    fn name(&mut self, view: &View<'a>, listed: &Listed<'_>) {
        self.new = self.members.values().filter(|it| it.new).count();
        self.crowd = view.crowd(&self.members.keys().copied().collect());
        self.names = self
            .members
            .keys()
            .take(MOST_MEMBERS)
            .map(|arn| Naming::of(view, listed, arn))
            .collect();
    }

    pub(super) fn tone(&self) -> &'static str {
        tone(self.status)
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &'static str> {
        self.rules.iter().map(|rule| rule.id)
    }

    /// Rules, as the filter reads them.
    pub(super) fn rule_words(&self) -> String {
        self.rules().collect::<Vec<_>>().join(" ")
    }

    /// The state that passes.
    pub(super) fn title(&self) -> &'static str {
        self.rules.first().map_or("", |rule| rule.title)
    }

    pub(super) fn platform(&self) -> bool {
        self.rules.iter().all(|rule| rule.owner == Owner::Platform)
    }

    /// How many of what: `12 ebs-volumes`.
    pub(super) fn crowd(&self) -> &str {
        &self.crowd
    }

    /// How many of them count, where some do not.
    pub(super) fn weight(&self) -> Option<String> {
        let gating = self.gating_members();
        (gating > 0 && gating < self.members.len()).then(|| format!("{} count", number(gating)))
    }

    /// How many are new since the baseline.
    pub(super) fn news(&self) -> Option<String> {
        (self.new > 0).then(|| {
            if self.new == self.members.len() {
                "new".to_owned()
            } else {
                format!("{} new", number(self.new))
            }
        })
    }

    /// What was seen: the first wording.
    pub(super) fn headline(&self) -> Vec<Piece> {
        self.messages
            .first()
            .map(|it| paragraph(it.text()))
            .unwrap_or_default()
    }

    /// The other wordings, and what stands for those that are not told.
    pub(super) fn variants(&self) -> Vec<Vec<Piece>> {
        let mut variants: Vec<Vec<Piece>> = self
            .messages
            .iter()
            .take(MOST_WORDINGS)
            .skip(1)
            .map(|it| paragraph(it.text()))
            .collect();
        if self.messages.len() > MOST_WORDINGS {
            let more = many(self.messages.len() - MOST_WORDINGS, "sentence");
            variants.push(vec![Piece::Text(format!(
                "and {more} much like it, each in the JSON report"
            ))]);
        }
        variants
    }

    /// Said where many causes are told as one.
    pub(super) fn merged(&self) -> Option<String> {
        (self.causes > 1).then(|| {
            format!(
                "{} more causes of this kind are told as one here; this is an example. Each is in the JSON report.",
                number(self.causes)
            )
        })
    }

    pub(super) fn fixes(&self) -> Vec<Vec<Piece>> {
        let mut fixes: Vec<Vec<Piece>> = self
            .fixes
            .iter()
            .take(MOST_WORDINGS)
            .map(|it| sentence(it.text()))
            .collect();
        if self.fixes.len() > MOST_WORDINGS {
            let more = number(self.fixes.len() - MOST_WORDINGS);
            fixes.push(vec![Piece::Text(format!(
                "and {more} more, each in the JSON report"
            ))]);
        }
        fixes
    }

    /// Whether the fix names the resource, so that each has its own.
    fn fix_varies(&self) -> bool {
        self.causes > 1 || self.fixes.len() > 1 || self.fixes.iter().any(Wording::varies)
    }

    pub(super) fn has_own_fixes(&self) -> bool {
        self.members.len() > 1
            && self.fix_varies()
            && self.members.values().any(|it| {
                it.cause
                    .fix
                    .as_deref()
                    .is_some_and(|fix| !commands(fix).is_empty())
            })
    }

    pub(super) fn evidence(&self) -> Vec<(String, Vec<String>)> {
        self.evidence
            .iter()
            .map(|(name, values)| {
                let mut told = values.told.clone();
                if values.seen.len() > told.len() {
                    told.push(format!(
                        "and {} more, in the JSON report",
                        number(values.seen.len() - told.len())
                    ));
                }
                (escape_invisible(name).replace('_', " "), told)
            })
            .collect()
    }

    /// The resources that are named.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let own = self.members.len() > 1 && self.fix_varies();
        self.names
            .iter()
            .zip(self.members.values())
            .map(move |(naming, member)| Line {
                naming,
                gating: member.gating,
                new: member.new && self.new < self.members.len(),
                parts: escape_invisible(&and_more(
                    member.cause.parts.iter().map(String::as_str),
                    MOST_PARTS,
                ))
                .into_owned(),
                place: member.finding.place.as_ref().map(place_text),
                commands: match &member.cause.fix {
                    Some(fix) if own => commands(fix),
                    _ => Vec::new(),
                },
            })
    }

    /// Whether the list is short enough to stand open.
    pub(super) fn is_short(&self) -> bool {
        self.members.len() <= 3
    }

    /// How many resources are not named.
    pub(super) fn unnamed(&self) -> Option<String> {
        let more = self.members.len().saturating_sub(MOST_MEMBERS);
        (more > 0).then(|| number(more))
    }

    /// The services and the regions of all, named or not, as the filter reads them.
    pub(super) fn services(&self) -> String {
        let all: BTreeSet<&str> = self
            .members
            .values()
            .map(|it| service(it.finding.kind))
            .collect();
        all.into_iter().collect::<Vec<_>>().join(" ")
    }

    pub(super) fn regions(&self) -> String {
        let all: BTreeSet<String> = self
            .members
            .values()
            .map(|it| escape_invisible(&it.finding.region).into_owned())
            .collect();
        all.into_iter().collect::<Vec<_>>().join(" ")
    }

    pub(super) fn size(&self) -> String {
        number(self.members.len())
    }
}

impl Values {
    fn add(&mut self, value: &Value) {
        if self.seen.insert(value.to_string()) && self.told.len() < MOST_VALUES {
            self.told.push(value_text(value));
        }
    }
}

/// `main.tf:12`, as editors and terminals link it.
fn place_text(place: &Place) -> String {
    let numbers = [place.line, place.column].into_iter().flatten();
    let text = numbers.fold(place.file.clone(), |text, number| {
        format!("{text}:{number}")
    });
    shown(&text)
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(value_text).collect();
            and_more(texts.iter().map(String::as_str), MOST_VALUES)
        }
        Value::Null => "none".to_owned(),
        other => shown(&other.to_string()),
    }
}
