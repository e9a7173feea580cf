//! The root causes, worst first, in sections.

use super::card::Card;
use super::resources::ListedResources;
use super::text::count_of;
use crate::report::Status;
use crate::report::digest::Digest;

/// The number of causes under "Start here".
const MOST_FIRST: usize = 3;
/// The number of causes of a section that are listed before the rest is folded.
const MOST_LISTED: usize = 24;

/// The root causes of a report.
#[derive(Debug)]
pub(super) struct Causes<'d> {
    pub(super) sections: Vec<CauseSection<'d>>,
    pub(super) total: usize,
}

/// Causes that gate, or causes that do not.
#[derive(Debug)]
pub(super) struct CauseSection<'d> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) cards: Vec<Card<'d>>,
}

impl<'d> CauseSection<'d> {
    /// Returns the causes that are listed at once.
    pub(super) fn first_cards(&self) -> &[Card<'d>] {
        &self.cards[..self.cards.len().min(MOST_LISTED)]
    }

    /// Returns the causes that are folded.
    pub(super) fn other_cards(&self) -> &[Card<'d>] {
        &self.cards[self.cards.len().min(MOST_LISTED)..]
    }

    /// Returns the number of folded causes.
    pub(super) fn count_others(&self) -> String {
        count_of(self.other_cards().len(), "more cause")
    }
}

impl<'d> Causes<'d> {
    pub(super) fn new(digest: &'d Digest<'d>, listed: &ListedResources<'_>) -> Self {
        let mut sections = vec![
            CauseSection {
                id: "gating",
                title: "Gating",
                about: "Resources tagged for backup, and the checks that determine the exit code.",
                cards: Vec::new(),
            },
            CauseSection {
                id: "not-gating",
                title: "Not gating",
                about: "Untagged resources, checked as if they were tagged, and settings that the platform team manages.",
                cards: Vec::new(),
            },
        ];
        for cause in digest.causes.open() {
            let section = usize::from(!cause.gating);
            sections[section]
                .cards
                .push(Card::new(cause, digest, listed));
        }
        let total = sections.iter().map(|section| section.cards.len()).sum();
        sections.retain(|section| !section.cards.is_empty());
        Causes { sections, total }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn count_causes(&self) -> String {
        count_of(self.total, "root cause")
    }

    /// Returns the first causes that gate and are not the results of others.
    pub(super) fn starting_points(&self) -> impl Iterator<Item = &Card<'d>> {
        let cards = self.sections.iter().flat_map(|section| &section.cards);
        let to_start = cards.filter(|card| {
            let cause = card.cause;
            cause.gating && cause.status >= Status::Unknown && !cause.is_consequence()
        });
        to_start.take(MOST_FIRST)
    }
}
