//! Snapshot files, which `collect` writes and `scan --from` reads.

use std::io::Read;

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use super::room::{TooLarge, find_limit, read_within};
use crate::model::snapshot::{GLOBAL, SNAPSHOT_VERSION, Snapshot, Source};

/// First bytes of a compressed file.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1>.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How many times larger than its compressed file a snapshot may be. One whose resources are all alike is 100 times
/// larger.
const MAX_RATIO: u64 = 1_000;

/// Decompressed size in bytes up to which the ratio does not matter.
const MIN_BYTES: u64 = 64 << 20;

/// Why a file is not a snapshot that can be evaluated.
#[derive(Debug, Error)]
pub enum SavedError {
    /// Compressed data that expands to more bytes than any file that can be checked.
    #[error("decompresses to more than {} MiB", .most >> 20)]
    Bomb {
        /// The limit in bytes.
        most: u64,
    },
    /// Damaged compressed data.
    #[error("damaged zstd file: {0}")]
    Compressed(String),
    /// Not JSON, or truncated JSON.
    #[error("not a snapshot of backup-check: {0}")]
    Json(serde_json::Error),
    /// A report of `--format json`.
    #[error(
        "this is a report, not a snapshot; write it in another format with `backup-check convert FILE`"
    )]
    Report,
    /// JSON without the version of a snapshot.
    #[error("not a snapshot of backup-check: it has no \"snapshot_version\"")]
    NotASnapshot,
    /// Written by a newer backup-check.
    #[error(
        "written by a newer backup-check: its snapshot version is {found}; this version reads up to {SNAPSHOT_VERSION}"
    )]
    Newer {
        /// Version of the snapshot.
        found: u64,
    },
    /// Parts that contradict each other.
    #[error("damaged snapshot: {0}")]
    Inconsistent(String),
    /// A snapshot version, but not the structure of a snapshot.
    #[error("damaged snapshot: {0}")]
    Damaged(serde_json::Error),
}

/// What every snapshot has, whatever its version.
#[derive(Deserialize)]
struct Header {
    snapshot_version: Option<Value>,
    schema: Option<Value>,
}

/// Returns the content of a file, decompressed if it is compressed.
///
/// # Errors
/// The file is damaged, or holds more than there is room for.
pub fn decompress_file(bytes: Vec<u8>) -> Result<Vec<u8>, SavedError> {
    if !bytes.starts_with(&ZSTD) {
        return Ok(bytes);
    }
    let damaged = |reason: String| SavedError::Compressed(reason);
    let most = (bytes.len() as u64).saturating_mul(MAX_RATIO);
    let most = most.max(MIN_BYTES).min(find_limit());
    let mut rest = bytes.as_slice();
    let mut content = Vec::new();
    // A file may be a sequence of compressed frames.
    while !rest.is_empty() {
        let mut frame = StreamingDecoder::new(&mut rest).map_err(|it| damaged(it.to_string()))?;
        let read = read_within(most, frame.by_ref(), &mut content);
        read.map_err(|error| {
            let too_large = error.get_ref().and_then(|it| it.downcast_ref::<TooLarge>());
            match too_large {
                None => damaged(error.to_string()),
                Some(_) => SavedError::Bomb { most },
            }
        })?;
        let frame = frame.into_frame_decoder();
        let stated = frame.get_checksum_from_data();
        if stated.is_some() && stated != frame.get_calculated_checksum() {
            return Err(damaged("checksum mismatch".to_owned()));
        }
    }
    Ok(content)
}

/// Returns the content of the first frame of a compressed file.
///
/// # Errors
/// The file is damaged, or not compressed.
pub fn decompress_first_frame(bytes: &[u8]) -> Result<Vec<u8>, SavedError> {
    let damaged = |reason: String| SavedError::Compressed(reason);
    let mut rest = bytes;
    let frame = StreamingDecoder::new(&mut rest).map_err(|it| damaged(it.to_string()))?;
    let mut content = Vec::new();
    let read = read_within(find_limit(), frame, &mut content);
    read.map_err(|it| damaged(it.to_string()))?;
    Ok(content)
}

/// Compresses the text of a file.
#[must_use]
pub fn compress_text(text: &[u8]) -> Vec<u8> {
    compress_to_vec(text, CompressionLevel::Fastest)
}

/// The account that a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SnapshotOwner {
    snapshot_version: Option<Value>,
    /// Its id.
    pub account_id: Option<String>,
    /// Its place in the organization.
    pub organization_path: Option<String>,
}

/// Reads the account of a snapshot from the text of a file, without the rest of it.
///
/// # Errors
/// The text is not a snapshot.
pub fn read_owner(text: &str) -> Result<SnapshotOwner, SavedError> {
    let owner: SnapshotOwner = serde_json::from_str(text).map_err(SavedError::Json)?;
    match owner.snapshot_version {
        Some(_) => Ok(owner),
        None => Err(SavedError::NotASnapshot),
    }
}

/// Reads a snapshot from the text of a file.
///
/// # Errors
/// The text is not a snapshot that can be evaluated.
pub fn read_snapshot(text: &str) -> Result<Snapshot, SavedError> {
    // A large snapshot is read only once; one that cannot be read is looked at again for the reason.
    let mut snapshot: Snapshot = match serde_json::from_str(text) {
        Ok(snapshot) => snapshot,
        Err(error) => return Err(explain_failure(text, error)),
    };
    check_version(u64::from(snapshot.snapshot_version))?;
    if snapshot.snapshot_version == 0 || snapshot.regions.is_empty() {
        let reason = "no regions found; not a snapshot written by backup-check";
        return Err(SavedError::Inconsistent(reason.to_owned()));
    }
    if let Some(row) = snapshot.coverage.iter().find(|row| {
        row.region != GLOBAL
            && !snapshot.regions.contains_key(&row.region)
            && !snapshot.elsewhere.contains_key(&row.region)
    }) {
        let reason = format!("region {} has a coverage row but no data", row.region);
        return Err(SavedError::Inconsistent(reason));
    }
    if snapshot.source == Source::Aws {
        snapshot.source = Source::Snapshot;
    }
    Ok(snapshot)
}

fn check_version(found: u64) -> Result<(), SavedError> {
    match found > u64::from(SNAPSHOT_VERSION) {
        true => Err(SavedError::Newer { found }),
        false => Ok(()),
    }
}

/// Returns why a text is not a snapshot that this version reads.
fn explain_failure(text: &str, damage: serde_json::Error) -> SavedError {
    let header: Header = match serde_json::from_str(text) {
        // Serde reads a list as the fields in their order.
        Ok(_) if !text.trim_start().starts_with('{') => return SavedError::NotASnapshot,
        Ok(header) => header,
        Err(error) => {
            return match error.classify() {
                Category::Data => SavedError::NotASnapshot,
                Category::Io | Category::Syntax | Category::Eof => SavedError::Json(error),
            };
        }
    };
    let version = header.snapshot_version.as_ref().and_then(Value::as_u64);
    let schema = header.schema.as_ref().and_then(Value::as_str);
    match version.map(check_version) {
        None if schema.is_some_and(|it| it.starts_with("backup-check/v")) => SavedError::Report,
        None => SavedError::NotASnapshot,
        Some(Err(newer)) => newer,
        Some(Ok(())) => SavedError::Damaged(damage),
    }
}

/// Returns a snapshot as the text of a file.
///
/// # Errors
/// The snapshot cannot be serialized.
pub fn write_snapshot(snapshot: &Snapshot) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(snapshot)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_text_decompresses_to_itself() {
        let text = "a snapshot, ".repeat(10_000);
        let packed = compress_text(text.as_bytes());
        assert!(packed.len() < text.len() / 10);
        assert_eq!(decompress_file(packed.clone()).unwrap(), text.as_bytes());
        let twice = [packed.clone(), packed].concat();
        assert_eq!(decompress_file(twice).unwrap(), text.repeat(2).as_bytes());
        assert_eq!(decompress_file(b"{}".to_vec()).unwrap(), b"{}");
    }

    #[test]
    fn damaged_files_are_rejected() {
        let packed = compress_text("a snapshot, ".repeat(1000).as_bytes());
        for cut in [4, 8, packed.len() / 2, packed.len() - 1] {
            let broken = decompress_file(packed[..cut].to_vec());
            assert!(matches!(broken, Err(SavedError::Compressed(_))), "{cut}");
        }
        for at in 4..packed.len() {
            let mut changed = packed.clone();
            changed[at] ^= 0x40;
            // A change that is not detected must not change the text.
            if let Ok(read) = decompress_file(changed) {
                assert!(read == "a snapshot, ".repeat(1000).as_bytes(), "byte {at}");
            }
        }
    }
}
