//! Files that are written completely or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use crate::report::WriteError;

/// The bytes that are written at once. A report of a large account has a gigabyte.
pub(super) const WRITE_BUFFER: usize = 64 * 1024;

/// Who may read a new file. The umask of the process still applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// The user, and other tools of a pipeline.
    Anyone,
    /// The user only.
    Owner,
}

/// The temporary file that is being written.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Removes the temporary file that is being written, before the process ends without its destructors.
pub(super) fn remove_unfinished() {
    let unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = unfinished.as_ref() {
        let _ = std::fs::remove_file(path);
    }
}

/// Writes a file completely or not at all.
pub(super) fn replace_file(path: &Path, text: &[u8], readers: Readers) -> anyhow::Result<()> {
    replace_file_with(path, readers, |out| Ok(out.write_all(text)?))
}

/// Writes a file completely or not at all: to a temporary file in the same directory, which then replaces it. A file
/// that exists keeps its permissions.
pub(super) fn replace_file_with(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn Write) -> Result<(), WriteError>,
) -> anyhow::Result<()> {
    let context = || format!("failed to write {}", path.display());
    if is_device(path) {
        let file = std::fs::OpenOptions::new().append(true).open(path);
        let mut out = io::BufWriter::with_capacity(WRITE_BUFFER, file.with_context(context)?);
        return match write(&mut out).and_then(|()| Ok(out.flush()?)) {
            Err(error) if error.is_broken_pipe() => Ok(()),
            other => other.with_context(context),
        };
    }
    let path = &canonical_path(path);
    let temporary = temporary_file(path, readers).with_context(context)?;
    let _guard = Unfinished::begin(temporary.path());
    let mut out = io::BufWriter::with_capacity(WRITE_BUFFER, temporary);
    write(&mut out).with_context(context)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error);
    let file = file.with_context(context)?;
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// A temporary file that is being written, until it replaces the file or is removed.
struct Unfinished;

impl Unfinished {
    fn begin(path: &Path) -> Self {
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        *unfinished = Some(path.to_owned());
        Unfinished
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut unfinished = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        *unfinished = None;
    }
}

/// Checks that a file can be written, as far as possible without writing it.
pub(super) fn check_writable(path: &Path) -> anyhow::Result<()> {
    if is_device(path) {
        return Ok(());
    }
    let file = temporary_file(&canonical_path(path), Readers::Owner);
    let file = file.with_context(|| format!("failed to write {}", path.display()));
    file.map(drop)
}

/// Whether a path is a file that cannot be replaced: a device, a pipe, or `/dev/stderr` even if it links to
/// a regular file.
pub(super) fn is_device(path: &Path) -> bool {
    let named = ["/dev", "/proc"].iter().any(|it| path.starts_with(it));
    path.exists() && !path.is_dir() && (named || !path.is_file())
}

/// Returns the canonical path of a file that may not exist yet. A symbolic link is resolved, so that its
/// target is written and the link stays.
pub(super) fn canonical_path(path: &Path) -> PathBuf {
    if let Ok(canonical) = path.canonicalize() {
        return canonical;
    }
    match (parent_directory(path).canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

fn parent_directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates a temporary file in the directory of a path. It is removed unless it replaces the file.
fn temporary_file(path: &Path, readers: Readers) -> io::Result<tempfile::NamedTempFile> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let directory = parent_directory(path);
    if !directory.is_dir() {
        let message = format!("directory {} does not exist", directory.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = match readers {
            Readers::Anyone => 0o666,
            Readers::Owner => 0o600,
        };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = readers;
    let file = builder.prefix(".backup-check-").tempfile_in(directory);
    // Drop the temporary file name, which the user does not know.
    let file = file.map_err(|error| io::Error::from(error.kind()))?;
    #[cfg(unix)]
    if let Ok(existing) = std::fs::metadata(path) {
        file.as_file().set_permissions(existing.permissions())?;
    }
    Ok(file)
}
