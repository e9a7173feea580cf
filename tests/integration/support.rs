//! Helpers that several test modules share.

#[cfg(feature = "aws")]
pub mod endpoint;
