//! Where the results of a run are kept: documents that are there completely or not at all.

mod folder;

use thiserror::Error;

pub use folder::Folder;

/// A place for documents, each under a key such as `accounts/123456789012.json.zst`.
pub trait Store: Sync {
    /// Returns the keys of the documents in a folder, sorted. A folder that does not exist has none.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list_keys(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// Returns a document, or `None` if there is none with the key.
    ///
    /// # Errors
    /// The document cannot be read.
    fn get_document(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes a document completely or not at all: who reads it meanwhile gets the one before.
    ///
    /// # Errors
    /// The document cannot be written.
    fn put_document(&self, key: &str, content: &[u8]) -> Result<(), StoreError>;
}

/// Why a document cannot be read or written.
#[derive(Debug, Error)]
#[error("failed to {verb} {path}: {reason}")]
pub struct StoreError {
    /// What was tried: read, write.
    pub verb: &'static str,
    /// The document.
    pub path: String,
    /// Why it failed.
    pub reason: String,
}
