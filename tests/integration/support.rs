//! Helpers that several test modules share.

pub mod command;
#[cfg(feature = "aws")]
pub mod endpoint;
#[cfg(feature = "aws")]
pub mod python;
