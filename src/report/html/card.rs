//! One root cause with its resources, fixes and evidence.

use std::collections::BTreeSet;

use super::evidence::collect_evidence;
use super::markup::{Piece, parse_commands, parse_paragraph, parse_sentence};
use super::resources::{ListedResources, ResourceName};
use super::text::{count_of, format_name, format_number};
use crate::model::place::Place;
use crate::report::digest::Digest;
use crate::report::digest::names::service_name;
use crate::report::digest::root_causes::{Member, RootCause};
use crate::report::digest::wording::Wording;
use crate::rule::Owner;
use crate::text::{and_more, escape_invisible};

/// The number of resources of a cause that are named.
const MOST_MEMBERS: usize = 1_000;
/// The number of messages and fixes of a cause that are shown.
const MOST_TEXTS: usize = 3;
/// The number of parts of a resource that are named.
const MOST_PARTS: usize = 6;
const MOST_OPEN_CAUSES: usize = 3;
/// The number of resources up to which their list is open.
const MOST_OPEN: usize = 3;

/// One root cause.
#[derive(Debug)]
pub(super) struct Card<'d> {
    pub(super) cause: &'d RootCause<'d>,
    /// The resources with findings that are not waived.
    members: Vec<&'d Member<'d>>,
    /// The names of the first resources.
    names: Vec<ResourceName>,
    /// How many resources of which type there are.
    pub(super) resources: String,
    /// The arguments that name the source of the run.
    arguments: &'d str,
}

/// A resource in the list of a cause.
pub(super) struct MemberLine<'c> {
    pub(super) name: &'c ResourceName,
    pub(super) gating: bool,
    pub(super) is_new: bool,
    pub(super) parts: String,
    /// Where a plan or a template declares it.
    pub(super) location: Option<String>,
    /// Its commands, if they differ between resources.
    pub(super) commands: Vec<String>,
}

impl<'d> Card<'d> {
    pub(super) fn new(
        cause: &'d RootCause<'d>,
        digest: &'d Digest<'d>,
        listed: &ListedResources<'_>,
    ) -> Self {
        let arns = || cause.open_members().map(|(arn, _)| arn);
        Card {
            cause,
            members: cause.open_members().map(|(_, member)| member).collect(),
            names: arns()
                .take(MOST_MEMBERS)
                .map(|arn| ResourceName::new(&digest.view, listed, arn))
                .collect(),
            resources: digest.view.describe_resources(arns()),
            arguments: &digest.report.arguments,
        }
    }

    pub(super) fn status_class(&self) -> &'static str {
        self.cause.status.as_str()
    }

    pub(super) fn rule_ids(&self) -> impl Iterator<Item = &'static str> {
        self.cause.rules.iter().map(|rule| rule.id)
    }

    /// Returns the rules as a list for the filter.
    pub(super) fn rule_list(&self) -> String {
        self.rule_ids().collect::<Vec<_>>().join(" ")
    }

    /// Returns the title of the rule: the state that passes.
    pub(super) fn expected_state(&self) -> &'static str {
        self.cause.rules.first().map_or("", |rule| rule.title)
    }

    /// Whether it is shown open: it is among the first ones.
    pub(super) fn is_first(&self) -> bool {
        self.cause.position < MOST_OPEN_CAUSES
    }

    /// Whether the platform team fixes it.
    pub(super) fn is_for_platform(&self) -> bool {
        let mut rules = self.cause.rules.iter();
        rules.all(|rule| rule.owner == Owner::Platform)
    }

    /// Returns how many resources gate, if some do not.
    pub(super) fn gating_share(&self) -> Option<String> {
        let gating = self.members.iter().filter(|it| it.gating).count();
        (gating > 0 && gating < self.members.len())
            .then(|| format!("{} gating", format_number(gating)))
    }

    /// Returns how many resources are not in the baseline.
    pub(super) fn new_share(&self) -> Option<String> {
        match self.count_new() {
            0 => None,
            all if all == self.members.len() => Some("new".to_owned()),
            some => Some(format!("{} new", format_number(some))),
        }
    }

    fn count_new(&self) -> usize {
        self.members.iter().filter(|it| it.is_new).count()
    }

    /// Returns the first message.
    pub(super) fn headline(&self) -> Vec<Piece> {
        let first = self.cause.messages().first();
        first
            .map(|it| parse_paragraph(it.text()))
            .unwrap_or_default()
    }

    /// Returns the other messages, and how many were omitted.
    pub(super) fn other_messages(&self) -> Vec<Vec<Piece>> {
        let messages = self.cause.messages();
        let shown = messages.iter().take(MOST_TEXTS).skip(1);
        let mut shown: Vec<Vec<Piece>> = shown.map(|it| parse_paragraph(it.text())).collect();
        if messages.len() > MOST_TEXTS {
            let more = count_of(messages.len() - MOST_TEXTS, "similar message");
            shown.push(vec![Piece::Text(format!("and {more}, in the JSON report"))]);
        }
        shown
    }

    /// Returns the note on causes that are merged into this one.
    pub(super) fn merge_note(&self) -> Option<String> {
        (self.cause.similar > 1).then(|| {
            format!(
                "{} similar causes are grouped; one example is shown. Each is in the JSON report.",
                format_number(self.cause.similar)
            )
        })
    }

    /// Returns the first fixes, and how many were omitted.
    pub(super) fn first_fixes(&self) -> Vec<Vec<Piece>> {
        let fixes = self.cause.fix_texts(MOST_TEXTS, self.arguments);
        fixes.iter().map(|fix| parse_sentence(fix)).collect()
    }

    /// Whether each resource has a different fix.
    fn has_different_fixes(&self) -> bool {
        let fixes = self.cause.fixes();
        let is_different = self.cause.similar > 1
            || fixes.len() > 1
            || fixes.iter().any(Wording::has_placeholders);
        self.members.len() > 1 && is_different
    }

    /// Whether each resource has a command in the list of resources.
    pub(super) fn has_member_commands(&self) -> bool {
        let has_command = |it: &&Member<'_>| {
            let fix = it.cause.fix.as_deref();
            fix.is_some_and(|fix| !parse_commands(fix).is_empty())
        };
        self.has_different_fixes() && self.members.iter().any(has_command)
    }

    pub(super) fn evidence_values(&self) -> Vec<(String, Vec<String>)> {
        collect_evidence(self.cause.described_findings())
    }

    /// Returns the resources that are named.
    pub(super) fn member_lines(&self) -> impl Iterator<Item = MemberLine<'_>> {
        let with_commands = self.has_different_fixes();
        let some_new = self.count_new() < self.members.len();
        let members = self.names.iter().zip(&self.members);
        members.map(move |(name, member)| {
            let parts = member.cause.parts.iter().map(String::as_str);
            let parts = and_more(parts, MOST_PARTS);
            MemberLine {
                name,
                gating: member.gating,
                is_new: member.is_new && some_new,
                parts: escape_invisible(&parts).into_owned(),
                location: member.finding.place.as_deref().map(format_location),
                commands: match &member.cause.fix {
                    Some(fix) if with_commands => parse_commands(fix),
                    _ => Vec::new(),
                },
            }
        })
    }

    /// Whether the list of resources is open at first.
    pub(super) fn is_short(&self) -> bool {
        self.members.len() <= MOST_OPEN
    }

    /// Returns how many resources are not named.
    pub(super) fn count_unnamed(&self) -> Option<String> {
        let more = self.members.len().saturating_sub(MOST_MEMBERS);
        (more > 0).then(|| format_number(more))
    }

    /// Returns the services of all resources as a list for the filter.
    pub(super) fn service_list(&self) -> String {
        let services = self.members.iter().map(|it| service_name(it.finding.kind));
        let services: BTreeSet<&str> = services.collect();
        services.into_iter().collect::<Vec<_>>().join(" ")
    }

    /// Returns the regions of all resources as a list for the filter.
    pub(super) fn region_list(&self) -> String {
        let regions = self.members.iter().map(|it| it.finding.region.as_str());
        let regions: BTreeSet<&str> = regions.collect();
        let regions = regions.into_iter().map(escape_invisible);
        regions.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn count_members(&self) -> String {
        format_number(self.members.len())
    }
}

/// Returns a location as editors and terminals link it: `main.tf:12:3`.
fn format_location(place: &Place) -> String {
    let numbers = [place.line, place.column].into_iter().flatten();
    let text = numbers.fold(place.file.clone(), |text, number| {
        format!("{text}:{number}")
    });
    format_name(&text)
}
