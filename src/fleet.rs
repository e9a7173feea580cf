//! Scans many accounts: enters each, evaluates it, and keeps its result before it reads the next one.
//!
//! There is never a list of reports. What is kept of a run is one document per account, written completely or not
//! at all, so that a run that was killed can be resumed.

pub mod lake;
pub mod run;
pub mod scan;
pub mod snapshots;

use thiserror::Error;

use crate::model::fleet::RosterError;
use crate::report::WriteError;
use crate::store::StoreError;

/// Why many accounts cannot be scanned or reported.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A report could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The list of accounts cannot be used.
    #[error("{place}: {error}")]
    List {
        /// The file.
        place: String,
        /// What is wrong with it.
        error: RosterError,
    },
    /// A folder or a run cannot be used.
    #[error("{0}")]
    Unfit(String),
}
