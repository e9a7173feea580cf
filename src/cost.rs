//! What the backups of an account cost to keep: sizes and plans, priced.
//!
//! AWS does not report the size of a backup before it is made, so there is no single number. An estimate has the
//! price of one full copy, a ceiling at which every point is a full one, and, with a rate of change, a planning
//! figure between them. What has no size, no plan or no price is counted and never zero: the totals then say
//! that they are too low.
//!
//! Nothing here evaluates rules, and no verdict depends on it.

pub mod accounts;
pub mod billing;
mod counted;
pub mod estimate;
pub mod line;
pub mod metrics;
pub mod note;
pub mod points;
pub mod prices;
pub mod volume;
