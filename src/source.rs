//! Where snapshots come from.

#[cfg(feature = "aws")]
pub mod aws;
mod changes;
pub mod cloudformation;
pub mod defaults;
pub mod detect;
pub mod images;
pub mod overlay;
pub mod planned;
pub mod room;
pub mod saved;
pub mod terraform;
pub mod unsupported;
