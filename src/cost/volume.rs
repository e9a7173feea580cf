//! Amounts of stored and transferred data, before prices.

use std::ops::AddAssign;

use crate::model::size::GIB;

use super::billing::{Chain, Payer};
use super::points::{Points, Schedule};

/// The daily change of data as a share of it, from 0 to 1.
pub type ChangeRate = f64;

/// An amount for one full copy, for planning and at most. Each is at least the one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// One full copy.
    pub one: f64,
    /// A full copy and the changes in all other points.
    pub planning: f64,
    /// Every point a full copy.
    pub ceiling: f64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.one += other.one;
        self.planning += other.planning;
        self.ceiling += other.ceiling;
    }
}

impl Figures {
    /// Returns the figures of a number of copies of some data.
    #[must_use]
    fn of_copies(amount: f64, copies: u64, chain: Chain, rate: ChangeRate) -> Self {
        if copies == 0 {
            return Figures::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "2^53 points are kept nowhere")]
        let copies = copies as f64;
        Figures {
            one: amount,
            planning: match chain {
                Chain::Incremental => amount * (1.0 + (copies - 1.0) * rate),
                Chain::Full => amount * copies,
            },
            ceiling: amount * copies,
        }
    }

    /// Returns the figures with each multiplied.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Figures {
            one: self.one * factor,
            planning: self.planning * factor,
            ceiling: self.ceiling * factor,
        }
    }

    /// Returns what is left of each after an allowance.
    #[must_use]
    pub fn beyond(self, allowance: &Figures) -> Self {
        Figures {
            one: (self.one - allowance.one).max(0.0),
            planning: (self.planning - allowance.planning).max(0.0),
            ceiling: (self.ceiling - allowance.ceiling).max(0.0),
        }
    }
}

/// Returns bytes in GiB.
#[must_use]
pub fn to_gib(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
    let (bytes, gib) = (bytes as f64, GIB as f64);
    bytes / gib
}

/// Returns the GiB that a payer keeps of a resource in the vaults of a region, air-gapped ones or others.
/// `free_days` is the age up to which points in the account of the resource are free.
#[must_use]
pub(super) fn stored_gib(
    schedule: &Schedule,
    gib: f64,
    place: (Payer, bool, &str),
    chain: Chain,
    rate: ChangeRate,
    free_days: u32,
) -> Figures {
    let here = |it: &&Points| (it.payer, it.is_air_gapped, it.region.as_str()) == place;
    let points = schedule.points.iter().filter(here);
    let billed = points.map(|it| match it.payer {
        Payer::Member if !it.is_copy => it.kept - it.younger_than(free_days),
        Payer::Member | Payer::Central => it.kept,
    });
    Figures::of_copies(gib, billed.sum(), chain, rate)
}

/// Returns the GiB of a resource that are transferred in a month for a rule's copies.
#[must_use]
pub(super) fn transferred_gib(
    points: &Points,
    gib: f64,
    chain: Chain,
    rate: ChangeRate,
) -> Figures {
    Figures::of_copies(gib, points.per_month, chain, rate)
}
