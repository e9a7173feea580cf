//! Snapshots in files: what `collect` writes and `scan --from` reads.

use serde_json::Value;
use thiserror::Error;

use crate::model::snapshot::{GLOBAL, SNAPSHOT_VERSION, Snapshot, Source};

/// Why a file holds no snapshot that this program can judge.
#[derive(Debug, Error)]
pub enum SavedError {
    /// It is not JSON, or breaks off.
    #[error("not a snapshot of backup-check: {0}")]
    Json(serde_json::Error),
    /// It is JSON of another sort.
    #[error("not a snapshot of backup-check: it has no \"snapshot_version\"")]
    NotASnapshot,
    /// A newer program wrote it.
    #[error(
        "written by a newer backup-check: its snapshot version is {found}, this one reads up to {SNAPSHOT_VERSION}"
    )]
    Newer {
        /// The version it has.
        found: u64,
    },
    /// It contradicts itself.
    #[error("a damaged snapshot: {0}")]
    Inconsistent(String),
    /// It says that it is a snapshot and does not have the form of one.
    #[error("a damaged snapshot: {0}")]
    Damaged(serde_json::Error),
}

/// Reads a snapshot from the text of a file.
///
/// # Errors
/// Why the text is not a snapshot that this program can judge.
pub fn read(text: &str) -> Result<Snapshot, SavedError> {
    let value: Value = serde_json::from_str(text).map_err(SavedError::Json)?;
    let version = value
        .get("snapshot_version")
        .and_then(Value::as_u64)
        .ok_or(SavedError::NotASnapshot)?;
    if version > u64::from(SNAPSHOT_VERSION) {
        return Err(SavedError::Newer { found: version });
    }
    // From the text again, so that the error has a line and a column.
    let mut snapshot: Snapshot = serde_json::from_str(text).map_err(SavedError::Damaged)?;
    if snapshot.snapshot_version == 0 || snapshot.regions.is_empty() {
        let reason = "it holds no region, or was written by no version of backup-check";
        return Err(SavedError::Inconsistent(reason.to_owned()));
    }
    if let Some(row) = snapshot.coverage.iter().find(|row| {
        row.region != GLOBAL
            && !snapshot.regions.contains_key(&row.region)
            && !snapshot.elsewhere.contains_key(&row.region)
    }) {
        let reason = format!("{} was asked, and nothing of it is there", row.region);
        return Err(SavedError::Inconsistent(reason));
    }
    if snapshot.source == Source::Aws {
        snapshot.source = Source::Snapshot;
    }
    Ok(snapshot)
}

/// A snapshot as the text of a file.
///
/// # Errors
/// It cannot be serialized.
pub fn write(snapshot: &Snapshot) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(snapshot)?;
    text.push('\n');
    Ok(text)
}
