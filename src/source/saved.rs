//! Snapshots in files: what `collect` writes and `scan --from` reads.

use std::io::Read;

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use thiserror::Error;

use crate::model::snapshot::{GLOBAL, SNAPSHOT_VERSION, Snapshot, Source};

/// What a file that is compressed begins with.
/// Source: <https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1>.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Larger than any snapshot: a file that says to hold more is damaged, or meant to fill the memory.
const MOST_BYTES: u64 = 4 << 30;

/// Why a file holds no snapshot that this program can judge.
#[derive(Debug, Error)]
pub enum SavedError {
    /// It is compressed, and damaged.
    #[error("a damaged zstd file: {0}")]
    Compressed(String),
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

/// What a file holds, decompressed where it is compressed.
///
/// # Errors
/// It is damaged, or holds more than any snapshot does.
pub fn unpack(bytes: Vec<u8>) -> Result<Vec<u8>, SavedError> {
    if !bytes.starts_with(&ZSTD) {
        return Ok(bytes);
    }
    let damaged = |reason: String| SavedError::Compressed(reason);
    let mut rest = bytes.as_slice();
    let mut content = Vec::new();
    // A file may be several compressed ones, one after the other.
    while !rest.is_empty() {
        let mut frame = StreamingDecoder::new(&mut rest).map_err(|it| damaged(it.to_string()))?;
        let room = MOST_BYTES.saturating_sub(content.len() as u64);
        let read = frame.by_ref().take(room).read_to_end(&mut content);
        read.map_err(|it| damaged(it.to_string()))?;
        if content.len() as u64 >= MOST_BYTES {
            return Err(damaged("it holds more than 4 GiB".to_owned()));
        }
        let frame = frame.into_frame_decoder();
        let stated = frame.get_checksum_from_data();
        if stated.is_some() && stated != frame.get_calculated_checksum() {
            return Err(damaged("its checksum is wrong".to_owned()));
        }
    }
    Ok(content)
}

/// Compresses the text of a file.
#[must_use]
pub fn pack(text: &str) -> Vec<u8> {
    compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let text = "a snapshot, ".repeat(10_000);
        let packed = pack(&text);
        assert!(packed.len() < text.len() / 10);
        assert_eq!(unpack(packed.clone()).unwrap(), text.as_bytes());
        let twice = [packed.clone(), packed].concat();
        assert_eq!(unpack(twice).unwrap(), text.repeat(2).as_bytes());
        assert_eq!(unpack(b"{}".to_vec()).unwrap(), b"{}");
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let packed = pack(&"a snapshot, ".repeat(1000));
        for cut in [4, 8, packed.len() / 2, packed.len() - 1] {
            let broken = unpack(packed[..cut].to_vec());
            assert!(matches!(broken, Err(SavedError::Compressed(_))), "{cut}");
        }
        for at in 4..packed.len() {
            let mut changed = packed.clone();
            changed[at] ^= 0x40;
            // Whatever comes of it, it is never another text.
            if let Ok(read) = unpack(changed) {
                assert!(read == "a snapshot, ".repeat(1000).as_bytes(), "byte {at}");
            }
        }
    }
}
