//! Amounts of stored and transferred data, before prices.

use std::ops::AddAssign;

use crate::model::size::GIB;

use super::billing::{Chain, ColdTier, Payer};
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

/// What is stored of a resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'r> {
    /// The size of the resource in GiB.
    pub(super) gib: f64,
    /// What a backup after the first one contains.
    pub(super) chain: Chain,
    /// The cold storage of its kind.
    pub(super) cold: Option<&'r ColdTier>,
    /// The age up to which points in the account of the resource are free.
    pub(super) free_days: u32,
    /// The daily change.
    pub(super) rate: ChangeRate,
}

impl Stored<'_> {
    /// Returns the GiB that a payer keeps of it in the vaults of a region, air-gapped ones or others: in warm and in
    /// cold storage.
    #[must_use]
    pub(super) fn add_up(
        &self,
        schedule: &Schedule,
        place: (Payer, bool, &str),
    ) -> (Figures, Figures) {
        let here = |it: &&Points| (it.payer, it.is_air_gapped, it.region.as_str()) == place;
        let points = schedule.points.iter().filter(here);
        let (mut warm_points, mut cold_points) = (0, 0);
        for it in points {
            let (warm, cold) = it.count_by_tier(self.cold);
            let free = match it.payer {
                Payer::Member if !it.is_copy => it.younger_than(self.free_days),
                Payer::Member | Payer::Central => 0,
            };
            warm_points += warm.saturating_sub(free);
            cold_points += cold;
        }
        let warm = Figures::of_copies(self.gib, warm_points, self.chain, self.rate);
        let chain = self.cold.map_or(self.chain, |tier| tier.chain);
        let cold = Figures::of_copies(self.gib, cold_points, chain, self.rate);
        // The one full copy is the newest backup, which is warm.
        (warm, Figures { one: 0.0, ..cold })
    }
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
