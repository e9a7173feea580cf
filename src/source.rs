//! Where snapshots come from.

pub mod cloudformation;
#[cfg(feature = "aws")]
pub mod collect;
pub mod planned;
pub mod recognize;
pub mod saved;
pub mod terraform;
