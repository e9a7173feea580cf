//! Files that the command line names.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::{Timestamp, Unit};

use crate::model::snapshot::Snapshot;
use crate::report::baseline::Earlier;
use crate::source::cloudformation;
use crate::source::planned::Surroundings;
use crate::source::saved::{self, SavedError};

/// The text of a file; `-` is stdin.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read stdin")?;
        bytes
    } else {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    let bytes = saved::unpack(bytes).with_context(|| name(path))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{} is not text: byte {at} is not UTF-8", name(path))
    })
}

/// A file's name as messages write it.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// What the command line says of a file beside its name.
pub(super) struct Beside<'a> {
    /// The key of the backup tag.
    pub(super) tag_key: &'a str,
    /// The regions that are named.
    pub(super) regions: &'a [String],
    /// Values for the parameters of a template.
    pub(super) parameters: &'a [(String, String)],
}

const TAKES: &str = "--from takes a snapshot that `backup-check collect` wrote, the output of `terraform show -json`, or a CloudFormation template (JSON or YAML)";

/// The snapshot in a file, or what a template makes as one; and what to know of it.
pub(super) fn snapshot(
    path: &Path,
    beside: &Beside<'_>,
) -> anyhow::Result<(Snapshot, Vec<String>)> {
    let text = read(path).map_err(|error| {
        // What cannot be opened is none of these either, and the reason says enough.
        match error.root_cause().is::<std::io::Error>() {
            true => error,
            false => error.context(TAKES),
        }
    })?;
    if text.trim().is_empty() {
        bail!("{} is empty: {TAKES}", name(path));
    }
    if cloudformation::is_template(&text) {
        return template(&text, path, beside).with_context(|| name(path));
    }
    if !beside.parameters.is_empty() {
        bail!(
            "--parameter is for CloudFormation templates, and {} is none",
            name(path)
        );
    }
    let snapshot = saved::read(&text).map_err(|error| {
        let is_other = matches!(error, SavedError::Json(_) | SavedError::NotASnapshot);
        let error = anyhow::Error::from(error).context(name(path));
        if is_other {
            error.context(TAKES)
        } else {
            error
        }
    })?;
    Ok((snapshot, Vec::new()))
}

fn template(
    text: &str,
    path: &Path,
    beside: &Beside<'_>,
) -> anyhow::Result<(Snapshot, Vec<String>)> {
    if beside.regions.len() > 1 {
        bail!("a template makes a stack in one region: name one with --region");
    }
    let file = name(path).replace('\\', "/");
    let around = Surroundings {
        file: &file,
        tag_key: beside.tag_key,
        region: beside.regions.first().map(String::as_str),
        read_at: &now()?,
    };
    let read = cloudformation::read(text, &around, beside.parameters)?;
    Ok((read.snapshot, read.notes))
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn now() -> anyhow::Result<String> {
    Ok(Timestamp::now().round(Unit::Second)?.to_string())
}

/// The earlier report in a file.
pub(super) fn earlier(path: &Path) -> anyhow::Result<Earlier> {
    let text = read(path).context("--baseline")?;
    Earlier::read(&text).with_context(|| format!("--baseline {}", name(path)))
}
