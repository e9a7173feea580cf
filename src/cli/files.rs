//! Files that are written completely or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::report::WriteError;

/// Writes a file completely or not at all.
pub(super) fn replace_file(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    replace_file_with(path, |out| Ok(out.write_all(text)?))
}

/// Writes a file completely or not at all: to a temporary file in the same directory, which then replaces it.
pub(super) fn replace_file_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), WriteError>,
) -> anyhow::Result<()> {
    let context = || format!("failed to write {}", path.display());
    if is_device(path) {
        let file = std::fs::OpenOptions::new().append(true).open(path);
        let mut out = io::BufWriter::new(file.with_context(context)?);
        return match write(&mut out).and_then(|()| Ok(out.flush()?)) {
            Err(error) if error.is_broken_pipe() => Ok(()),
            other => other.with_context(context),
        };
    }
    let path = &canonical_path(path);
    let mut out = io::BufWriter::new(temporary_file(path).with_context(context)?);
    write(&mut out).with_context(context)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error);
    let file = file.with_context(context)?;
    file.as_file().sync_all().with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// Checks that a file can be written, as far as possible without writing it.
pub(super) fn check_writable(path: &Path) -> anyhow::Result<()> {
    if is_device(path) {
        return Ok(());
    }
    let file = temporary_file(&canonical_path(path));
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
fn temporary_file(path: &Path) -> io::Result<tempfile::NamedTempFile> {
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
        // Other tools of a pipeline read the file. The umask of the process still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.prefix(".backup-check-").tempfile_in(directory);
    // Drop the temporary file name, which the user does not know.
    file.map_err(|error| error.kind().into())
}
