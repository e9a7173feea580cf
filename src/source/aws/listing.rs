//! Listings that are joined from several calls, or skipped because the scan does not need them.

use crate::model::observed::{Gap, Listing, Observed};

/// Data that a scan can leave out.
pub trait Skippable {
    /// Returns the value used when the data was not requested.
    fn not_requested() -> Self;
}

impl<T> Skippable for Listing<T> {
    fn not_requested() -> Self {
        Listing {
            items: Vec::new(),
            gap: Some(Gap::not_asked()),
        }
    }
}

impl<T> Skippable for Observed<T> {
    fn not_requested() -> Self {
        Observed::Unknown(Gap::not_asked())
    }
}

impl<A: Skippable, B: Skippable> Skippable for (A, B) {
    fn not_requested() -> Self {
        (A::not_requested(), B::not_requested())
    }
}

/// Runs a read if the scan needs it.
pub async fn read_if<T: Skippable>(is_needed: bool, read: impl Future<Output = T>) -> T {
    if is_needed {
        read.await
    } else {
        T::not_requested()
    }
}

/// Joins listings. The first gap is kept.
pub fn join_listings<T>(listings: impl IntoIterator<Item = Listing<T>>) -> Listing<T> {
    let mut joined = Listing::complete(Vec::new());
    for listing in listings {
        joined.items.extend(listing.items);
        joined.gap = joined.gap.or(listing.gap);
    }
    joined
}

/// Returns an empty listing with the reason that it could not be read.
#[must_use]
pub fn failed_listing<T>(gap: Gap) -> Listing<T> {
    Listing {
        items: Vec::new(),
        gap: Some(gap),
    }
}
