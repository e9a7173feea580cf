//! The error of a signal that arrives before there is anything to check.

use crate::exit::Exit;

/// A signal arrived before there was anything to check.
#[derive(Debug, thiserror::Error)]
#[error("interrupted before anything was checked")]
pub(super) struct Stopped(pub(super) Exit);
