//! Reports to stdout and to files, each written whole or not at all.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};

use crate::exit::FailOn;
use crate::report::format::{self, Format, Rendering};
use crate::report::table::Style;
use crate::report::{Report, WriteError};

use super::{Color, Talk};

/// The width of a table where there is no terminal to ask.
const PIPE_WIDTH: usize = 80;

/// `--format FMT[=PATH]`
#[derive(Debug, Clone)]
pub(super) struct Target {
    format: &'static Format,
    path: Option<PathBuf>,
}

impl Default for Target {
    fn default() -> Self {
        Target {
            format: &format::ALL[0],
            path: None,
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name, Some(path)),
            None => (text, None),
        };
        let Some(format) = Format::named(name) else {
            let names = Format::names();
            return Err(format!(
                "there is no format {name:?}; the formats are {names}"
            ));
        };
        if path == Some("") {
            return Err(format!("{text:?} names no file after the ="));
        }
        Ok(Target {
            format,
            path: path
                .filter(|path| !["-", "/dev/stdout"].contains(path))
                .map(PathBuf::from),
        })
    }
}

/// The help of `--format`, from the table of formats.
pub(super) fn help() -> String {
    let names = Format::names();
    format!("How to report: {names}; FMT=PATH writes a file. One may go to stdout")
}

/// Whether the targets can be written next to each other.
pub(super) fn check(targets: &[Target]) -> anyhow::Result<()> {
    if targets
        .iter()
        .filter(|target| target.path.is_none())
        .count()
        > 1
    {
        bail!("two formats go to stdout: give all but one a file, as in --format json=report.json");
    }
    let mut seen = BTreeSet::new();
    for path in targets.iter().filter_map(|target| target.path.as_ref()) {
        if !is_device(path) && !seen.insert(real(path)) {
            bail!("two formats go to {}", path.display());
        }
    }
    // Before minutes are spent on a report that has nowhere to go.
    for path in targets.iter().filter_map(|target| target.path.as_ref()) {
        probe(path)?;
    }
    Ok(())
}

/// Whether people read the report on stdout.
pub(super) fn is_told(targets: &[Target]) -> bool {
    let told = |target: &Target| target.path.is_none() && target.format.name == "table";
    targets.iter().any(told)
}

/// Whether a format is among the targets.
pub(super) fn asks_for(targets: &[Target], name: &str) -> bool {
    targets.iter().any(|target| target.format.name == name)
}

/// What holds for every target of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) show_skipped: bool,
    pub(super) anchor: &'a str,
    pub(super) gate: FailOn,
}

/// Writes a report to all targets: files first, so that a reader of stdout finds them there.
pub(super) fn write(
    report: &Report,
    targets: &[Target],
    how: How<'_>,
    talk: &Talk,
) -> anyhow::Result<()> {
    let How {
        show_skipped,
        anchor,
        gate,
    } = how;
    for target in targets {
        if let Some(path) = &target.path {
            let style = Style {
                width: PIPE_WIDTH,
                color: false,
                show_skipped,
            };
            let how = Rendering {
                style,
                anchor,
                gate,
            };
            save_with(path, |out| (target.format.write)(report, &how, out))?;
        }
    }
    if let Some(target) = targets.iter().find(|target| target.path.is_none()) {
        with_stdout(talk, |style, out| {
            let style = Style {
                show_skipped,
                ..*style
            };
            let how = Rendering {
                style,
                anchor,
                gate,
            };
            (target.format.write)(report, &how, out)
        })?;
    }
    Ok(())
}

/// Writes to stdout, as wide as the terminal is; a reader that went away is no error.
pub(super) fn with_stdout(
    talk: &Talk,
    write: impl FnOnce(&Style, &mut dyn Write) -> Result<(), WriteError>,
) -> anyhow::Result<()> {
    let style = Style {
        width: width(),
        color: color(talk.color),
        show_skipped: false,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&style, &mut out).and_then(|()| Ok(out.flush()?)) {
        Err(error) if error.is_broken_pipe() => Ok(()),
        other => other.context("cannot write to stdout"),
    }
}

/// Writes a file whole or not at all.
pub(super) fn save(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    save_with(path, |out| Ok(out.write_all(text)?))
}

/// Writes a file whole or not at all: under another name beside it, which then takes its place.
fn save_with(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), WriteError>,
) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    if is_device(path) {
        let file = std::fs::OpenOptions::new().append(true).open(path);
        let mut out = io::BufWriter::new(file.with_context(failed)?);
        return match write(&mut out).and_then(|()| Ok(out.flush()?)) {
            Err(error) if error.is_broken_pipe() => Ok(()),
            other => other.with_context(failed),
        };
    }
    let path = &real(path);
    let mut out = io::BufWriter::new(beside(path).with_context(failed)?);
    write(&mut out).with_context(failed)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error);
    let file = file.with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}

/// Whether a file can be written, as far as that can be told without writing it.
pub(super) fn probe(path: &Path) -> anyhow::Result<()> {
    if is_device(path) {
        return Ok(());
    }
    let file = beside(&real(path)).with_context(|| format!("cannot write {}", path.display()));
    file.map(drop)
}

/// Whether a file of the name is one that cannot be replaced: a device, a pipe, or `/dev/stderr`, which
/// stays what it is also where it leads to a file.
fn is_device(path: &Path) -> bool {
    let named = ["/dev", "/proc"].iter().any(|it| path.starts_with(it));
    path.exists() && !path.is_dir() && (named || !path.is_file())
}

/// The one name of a file, however it is spelled: a link is written through, not replaced.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    match (folder(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file beside a path, which is gone again unless it takes its place.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = folder(path);
    if !folder.is_dir() {
        let message = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What other tools of a pipeline read; the process's umask still takes from it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.prefix(".backup-check-").tempfile_in(folder);
    // Without the temporary name, which nobody gave.
    file.map_err(|error| error.kind().into())
}

/// Writes text to stdout; a reader that went away is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to stdout"),
    }
}

fn width() -> usize {
    if !io::stdout().is_terminal() {
        return PIPE_WIDTH;
    }
    terminal_size::terminal_size().map_or(PIPE_WIDTH, |(width, _)| usize::from(width.0))
}

fn color(choice: Color) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_may_name_a_file() {
        let target: Target = "json=out/report.json".parse().unwrap();
        assert_eq!(target.path.as_deref(), Some(Path::new("out/report.json")));
        assert!("json=-".parse::<Target>().unwrap().path.is_none());
        assert!("jsn".parse::<Target>().unwrap_err().contains("table, json"));
        assert!("json=".parse::<Target>().is_err());
    }

    #[test]
    fn one_format_at_most_goes_to_stdout() {
        let targets = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<Target>>()
        };
        assert!(check(&targets(&["table", "json=a"])).is_ok());
        assert!(check(&targets(&["table", "json"])).is_err());
        assert!(check(&targets(&["table=a", "json=a"])).is_err());
        assert!(check(&targets(&["table", "json=/dev/stdout"])).is_err());
    }
}
