//! A line of an estimate: the resources of a type in a region, and what they cost whom.

use crate::model::ResourceKind;
use crate::model::size::Basis;

use super::billing::Payer;
use super::volume::Figures;

/// The resources of a type in a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The type.
    pub kind: ResourceKind,
    /// The region.
    pub region: String,
    /// How many there are.
    pub resources: usize,
    /// The bytes that are known.
    pub bytes: u64,
    /// What the bytes say about the data; none where nothing is known.
    pub basis: Option<Basis>,
    /// Of how many the size is not known, or not all of it.
    pub unknown_sizes: usize,
    /// Of how many the plans are not known.
    pub unknown_plans: usize,
    /// What the account of the resources pays for.
    pub member: Side,
    /// What the central account pays for.
    pub central: Side,
}

/// What one account pays for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Side {
    /// The fewest and the most points that are kept of a resource; of those that are kept for ever, one
    /// month's. None where nothing is known.
    pub points: Option<(u64, u64)>,
    /// Whether points are kept for ever, so that the cost grows each month.
    pub grows: bool,
    /// Storage, in USD a month.
    pub storage: Cost,
    /// Transfer to other regions: for one copy, and for the copies of a month.
    pub transfer: Cost,
}

/// An amount in USD.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// The amounts as far as prices are known.
    pub usd: Figures,
    /// Whether a price is missing.
    pub lacks_price: bool,
}

/// The sum of lines for one payer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Total {
    /// Storage, in USD a month.
    pub storage: Cost,
    /// Transfer to other regions.
    pub transfer: Cost,
    /// Whether the cost grows each month.
    pub grows: bool,
}

impl Line {
    /// Returns what a payer pays for.
    #[must_use]
    pub fn side(&self, payer: Payer) -> &Side {
        match payer {
            Payer::Member => &self.member,
            Payer::Central => &self.central,
        }
    }

    pub(super) fn side_mut(&mut self, payer: Payer) -> &mut Side {
        match payer {
            Payer::Member => &mut self.member,
            Payer::Central => &mut self.central,
        }
    }

    /// Whether a price is missing.
    #[must_use]
    pub fn lacks_price(&self) -> bool {
        let lacks = |side: &Side| side.storage.lacks_price || side.transfer.lacks_price;
        lacks(&self.member) || lacks(&self.central)
    }

    /// Adds the resources of another account.
    pub(super) fn add(&mut self, other: &Line) {
        self.resources += other.resources;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.basis = self.basis.max(other.basis);
        self.unknown_sizes += other.unknown_sizes;
        self.unknown_plans += other.unknown_plans;
        for payer in Payer::ALL {
            self.side_mut(payer).add(other.side(payer));
        }
    }
}

impl Side {
    fn add(&mut self, other: &Side) {
        self.points = match (self.points, other.points) {
            (Some((least, most)), Some(others)) => Some((least.min(others.0), most.max(others.1))),
            (own, others) => own.or(others),
        };
        self.grows |= other.grows;
        self.storage.add(other.storage);
        self.transfer.add(other.transfer);
    }
}

impl Total {
    /// Returns the sum of what a payer pays for.
    #[must_use]
    pub fn of_lines(lines: &[Line], payer: Payer) -> Self {
        let mut total = Total::default();
        for side in lines.iter().map(|line| line.side(payer)) {
            total.storage.add(side.storage);
            total.transfer.add(side.transfer);
            total.grows |= side.grows;
        }
        total
    }
}

impl Cost {
    pub(super) fn add(&mut self, other: Cost) {
        self.usd += other.usd;
        self.lacks_price |= other.lacks_price;
    }
}
