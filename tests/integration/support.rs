//! Helpers that several test modules share.

pub mod apt;
pub mod command;
#[cfg(feature = "aws")]
pub mod endpoint;
pub mod promtool;
#[cfg(feature = "aws")]
pub mod python;
