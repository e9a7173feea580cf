//! Where snapshots come from.

#[cfg(feature = "aws")]
pub mod collect;
pub mod planned;
pub mod saved;
