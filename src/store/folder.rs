//! Documents as files in a folder of this machine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Store, StoreError};

/// Files whose names start so are being written, or were when the program ended.
const TEMPORARY: &str = ".backup-check-";

/// A folder of files that only their owner can read.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens a folder that exists.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        match root.is_dir() {
            true => Ok(Folder {
                root: root.to_owned(),
            }),
            false => Err(StoreError {
                verb: "read",
                path: root.display().to_string(),
                reason: match root.exists() {
                    true => "it is not a folder".to_owned(),
                    false => "it does not exist".to_owned(),
                },
            }),
        }
    }

    /// Opens a folder, and creates it if it does not exist.
    ///
    /// # Errors
    /// It cannot be created or written to.
    pub fn create(root: &Path) -> Result<Self, StoreError> {
        let folder = Folder {
            root: root.to_owned(),
        };
        let created = create_private_folder(root).and_then(|()| open_temporary_file(root));
        created.map_err(|error| folder.to_error("write", "", &error))?;
        Ok(folder)
    }

    fn to_error(&self, verb: &'static str, key: &str, error: &io::Error) -> StoreError {
        StoreError {
            verb,
            path: self.root.join(key).display().to_string(),
            reason: error.to_string(),
        }
    }

    fn replace_file(&self, key: &str, content: &[u8]) -> io::Result<()> {
        let path = self.root.join(key);
        let folder = path.parent().unwrap_or(&self.root);
        create_private_folder(folder)?;
        let mut file = open_temporary_file(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        sync_folder(folder)
    }
}

impl Store for Folder {
    fn list_keys(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let entries = match std::fs::read_dir(self.root.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| self.to_error("read", folder, &error))?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.to_error("read", folder, &error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(TEMPORARY) && entry.path().is_file() {
                keys.push(format!("{folder}/{name}"));
            }
        }
        keys.sort();
        Ok(keys)
    }

    fn list_folders(&self) -> Result<Vec<String>, StoreError> {
        let read = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&self.root)? {
                let entry = entry?;
                if entry.path().is_dir() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            names.sort();
            Ok(names)
        };
        read().map_err(|error| self.to_error("read", "", &error))
    }

    fn get_document(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match std::fs::read(self.root.join(key)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.to_error("read", key, &error)),
        }
    }

    fn put_document(&self, key: &str, content: &[u8]) -> Result<(), StoreError> {
        self.replace_file(key, content)
            .map_err(|error| self.to_error("write", key, &error))
    }
}

/// Opens a temporary file, which is removed unless it is kept. Only its owner can read it.
fn open_temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).tempfile_in(folder)
}

/// Creates a folder and its parents. Only the owner can read it, where the system knows that.
fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Writes the entries of a folder to the disk: without it a crash of the machine could lose a new file.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => std::fs::File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_replaced_and_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::create(&folder.path().join("a/run")).unwrap();
        assert_eq!(store.get_document("accounts/1").unwrap(), None);
        assert!(store.list_keys("accounts").unwrap().is_empty());
        for text in [b"first".as_slice(), b"second"] {
            store.put_document("accounts/1", text).unwrap();
            assert_eq!(store.get_document("accounts/1").unwrap().unwrap(), text);
        }
        // What a killed run leaves is no document.
        let left = folder.path().join("a/run/accounts/.backup-check-x");
        std::fs::write(left, "half").unwrap();
        assert_eq!(store.list_keys("accounts").unwrap(), ["accounts/1"]);
        assert_eq!(store.list_folders().unwrap(), ["accounts"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = folder.path().join("a/run/accounts/1");
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(Folder::create(&file).is_err());
        let error = Folder::open(&file).unwrap_err().to_string();
        assert!(error.ends_with("it is not a folder"), "{error}");
        let error = Folder::open(&folder.path().join("none")).unwrap_err();
        assert!(error.to_string().ends_with("it does not exist"));
    }
}
