//! Where snapshots come from.

#[cfg(feature = "aws")]
pub mod collect;
pub mod planned;
pub mod recognize;
pub mod saved;
pub mod terraform;
