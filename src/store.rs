//! Where the results of a run are kept: documents that are there completely or not at all.

mod folder;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

pub use folder::Folder;

/// Where documents are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of a bucket.
    Bucket(BucketPlace),
}

/// A folder of a bucket, or an object in it: `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPlace {
    /// The name of the bucket.
    pub bucket: String,
    /// The keys of its objects up to the last slash; empty for the bucket itself.
    pub prefix: String,
}

/// How the name of a bucket begins.
const SCHEME: &str = "s3://";

impl BucketPlace {
    /// Returns the place of a document in the folder.
    #[must_use]
    pub fn join(&self, key: &str) -> BucketPlace {
        let prefix = match self.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        BucketPlace {
            bucket: self.bucket.clone(),
            prefix,
        }
    }

    /// Returns the folder of a document and its key there.
    #[must_use]
    pub fn split_document(&self) -> (BucketPlace, &str) {
        let (prefix, key) = self.prefix.rsplit_once('/').unwrap_or(("", &self.prefix));
        let folder = BucketPlace {
            bucket: self.bucket.clone(),
            prefix: prefix.to_owned(),
        };
        (folder, key)
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(path) => path.display().fmt(out),
            Place::Bucket(place) => place.fmt(out),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return match text.is_empty() {
                true => Err("expected a folder".to_owned()),
                false => Ok(Place::Folder(PathBuf::from(text))),
            };
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let is_name = (3..=63).contains(&bucket.len()) && bucket.chars().all(is_plain);
        let prefix = prefix.trim_end_matches('/');
        if !is_name || prefix.split('/').any(|part| [".", ".."].contains(&part)) {
            return Err(format!(
                "{text:?} is not a bucket such as s3://BUCKET/FOLDER"
            ));
        }
        Ok(Place::Bucket(BucketPlace {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        }))
    }
}

/// A place for documents, each under a key such as `accounts/123456789012.json.zst`.
pub trait Store: Sync {
    /// Returns the keys of the documents in a folder, sorted. A folder that does not exist has none.
    ///
    /// # Errors
    /// The folder cannot be read.
    fn list_keys(&self, folder: &str) -> Result<Vec<String>, StoreError>;

    /// Returns the names of the folders in this place, sorted.
    ///
    /// # Errors
    /// The place cannot be read.
    fn list_folders(&self) -> Result<Vec<String>, StoreError>;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        let bucket = |text: &str| match text.parse::<Place>() {
            Ok(Place::Bucket(place)) => place,
            other => panic!("{text}: {other:?}"),
        };
        let place = bucket("s3://our-runs/a/b/");
        assert_eq!(place.to_string(), "s3://our-runs/a/b");
        assert_eq!(place.join("accounts/1").prefix, "a/b/accounts/1");
        assert_eq!(bucket("s3://our-runs").join("x").prefix, "x");
        let list = bucket("s3://our-runs/a/accounts.ndjson");
        let (folder, key) = list.split_document();
        assert_eq!((folder.prefix.as_str(), key), ("a", "accounts.ndjson"));
        let top = bucket("s3://our-runs/list");
        let (folder, key) = top.split_document();
        assert_eq!((folder.prefix.as_str(), key), ("", "list"));
        assert_eq!(
            "runs/s3".parse(),
            Ok(Place::Folder(PathBuf::from("runs/s3")))
        );
        for wrong in [
            "",
            "s3://",
            "s3://Our_Runs/a",
            "s3://ab/x",
            "s3://our-runs/../x",
        ] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
