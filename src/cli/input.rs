//! Files that the command line names.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::{Timestamp, Unit};

use crate::model::snapshot::Snapshot;
use crate::report::baseline::Earlier;
use crate::source::detect::{Found, NotForUs, recognize_file};
use crate::source::planned::Surroundings;
use crate::source::saved::{self, SavedError};
use crate::source::{cloudformation, terraform};

/// The bytes of a file; `-` is stdin.
fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read stdin")?;
        bytes
    } else {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    saved::decompress_file(bytes).with_context(|| name(path))
}

/// The text of a file; `-` is stdin.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|error| {
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

/// The snapshot in a file, or what a plan or a template in it comes to; and what to know of it.
pub(super) fn snapshot(
    path: &Path,
    beside: &Beside<'_>,
) -> anyhow::Result<(Snapshot, Vec<String>)> {
    let name = name(path);
    let file = name.replace('\\', "/");
    let region = match beside.regions {
        [region] => Some(region.as_str()),
        _ => None,
    };
    let around = Surroundings {
        file: &file,
        tag_key: beside.tag_key,
        region,
        read_at: &now()?,
    };
    let found = match recognize_file(bytes(path)?, &name) {
        Ok(found) => found,
        Err(error @ NotForUs::NotText { .. }) => bail!("{name} {error}; {TAKES}"),
        Err(error) => bail!("{name} {error}"),
    };
    if let Found::Text(text) = &found {
        if text.trim().is_empty() {
            bail!("{name} is empty: {TAKES}");
        }
        if cloudformation::is_template(text) {
            if beside.regions.len() > 1 {
                bail!("{name}: a template makes a stack in one region: name one with --region");
            }
            let read = cloudformation::read(text, &around, beside.parameters);
            let read = read.with_context(|| name.clone())?;
            return Ok((read.snapshot, read.notes));
        }
    }
    if !beside.parameters.is_empty() {
        bail!("--parameter is for CloudFormation templates, and {name} is none");
    }
    let snapshot = match found {
        Found::Terraform(root) => {
            terraform::read_plan(&root, &around).with_context(|| name.clone())?
        }
        // Neither JSON nor a template: what a reader of JSON stumbles over says nothing of it.
        Found::Text(text) if !text.trim_start().starts_with(['{', '[', '"']) => {
            bail!(
                "{name} is not a snapshot or a plan, which are JSON, and no template: it has no section Resources; {TAKES}"
            )
        }
        Found::Text(text) => match saved::read_snapshot(&text) {
            Ok(snapshot) => snapshot,
            Err(error @ (SavedError::Json(_) | SavedError::NotASnapshot)) => {
                bail!("{name}: {error}; {TAKES}")
            }
            Err(error) => return Err(error).with_context(|| name.clone()),
        },
    };
    Ok((snapshot, Vec::new()))
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
