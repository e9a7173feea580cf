//! Reading of the files that arguments name.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use jiff::{Timestamp, Unit};

use crate::model::snapshot::Snapshot;
use crate::report::baseline::Earlier;
use crate::source::detect::{Found, NotForUs, decode_text, recognize_file, starts_as_snapshot};
use crate::source::planned::Surroundings;
use crate::source::saved::{self, SavedError};
use crate::source::{cloudformation, room, terraform};
use crate::text::plural;

/// Reads the bytes of a file, decompressed; `-` is stdin.
pub(super) fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let limit = room::find_limit();
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        room::read_within(limit, std::io::stdin(), &mut bytes).context("failed to read stdin")?;
    } else {
        let read = File::open(path).and_then(|file| {
            let size = file.metadata().map_or(0, |it| it.len()).min(limit);
            // Growing step by step would need twice the memory.
            bytes.reserve_exact(usize::try_from(size).unwrap_or_default() + 1);
            room::read_within(limit, file, &mut bytes)
        });
        read.with_context(|| format!("failed to read {}", path.display()))?;
    }
    saved::decompress_file(bytes).with_context(|| display_name(path))
}

/// Reads the text of a file; `-` is stdin.
pub(super) fn read_text(path: &Path) -> anyhow::Result<String> {
    decode_text(read_bytes(path)?).map_err(|error| anyhow!("{} {error}", display_name(path)))
}

/// The most images of a file that are looked up: more than a file launches instances from.
const MOST_IMAGES: usize = 1_000;

/// Returns the ids of the images that a file names anywhere: `ami-0a1b2c3d`.
pub(super) fn find_image_ids(bytes: &[u8]) -> BTreeSet<String> {
    const PREFIX: &[u8] = b"ami-";
    let mut found = BTreeSet::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(PREFIX.len()).position(|it| it == PREFIX) {
        rest = &rest[at + PREFIX.len()..];
        let id = rest
            .iter()
            .copied()
            .take_while(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        let id: String = id.map(char::from).collect();
        // Ids have 8 or 17 hexadecimal digits.
        if matches!(id.len(), 8 | 17) {
            found.insert(format!("ami-{id}"));
        }
        if found.len() == MOST_IMAGES {
            break;
        }
    }
    found
}

/// Returns the name of a file for messages.
pub(super) fn display_name(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The arguments and settings that apply to a file.
pub(super) struct FileContext<'a> {
    /// The key of the backup tag.
    pub(super) tag_key: &'a str,
    /// The account that the file is for, from --account-from.
    pub(super) account: Option<&'a Snapshot>,
    pub(super) central_account: &'a str,
    /// The regions of --region.
    pub(super) regions: &'a [String],
    /// The template parameters of --parameter.
    pub(super) parameters: &'a [(String, String)],
}

const ACCEPTED: &str = "scan accepts a snapshot written by `backup-check collect`, the output of `terraform show -json`, or a CloudFormation template (JSON or YAML)";

/// Reads the snapshot in a file, or the one that its plan or template describes, and notes about it.
pub(super) fn read_snapshot(
    path: &Path,
    bytes: Vec<u8>,
    context: &FileContext<'_>,
) -> anyhow::Result<(Snapshot, Vec<String>)> {
    let name = display_name(path);
    let file = name.replace('\\', "/");
    let region = match context.regions {
        [region] => Some(region.as_str()),
        _ => None,
    };
    let around = Surroundings {
        file: &file,
        tag_key: context.tag_key,
        region,
        account: context.account,
        without_lookups: false,
        central_account: context.central_account,
        read_at: &current_time()?,
    };
    let found = match recognize_file(bytes, &name) {
        Ok(found) => found,
        Err(error @ NotForUs::NotText { .. }) => bail!("{name} {error}; {ACCEPTED}"),
        Err(error) => bail!("{name} {error}"),
    };
    if let Found::Text(text) = &found {
        if text.trim().is_empty() {
            bail!("{name} is empty; {ACCEPTED}");
        }
        if !starts_as_snapshot(text) && cloudformation::is_template(text) {
            if context.regions.len() > 1 {
                bail!("{name}: a template describes a stack in one region; set only one --region");
            }
            let read_file = |path: &str| match name == "stdin" {
                true => None,
                false => read_text(Path::new(path)).ok(),
            };
            let read =
                cloudformation::read_with_nested(text, &around, context.parameters, &read_file);
            let read = read.with_context(|| name.clone())?;
            return Ok((read.snapshot, read.notes));
        }
    }
    if !context.parameters.is_empty() {
        bail!("--parameter applies only to CloudFormation templates; {name} is not one");
    }
    let snapshot = match found {
        Found::Terraform(root, note) => {
            let plan = terraform::read_plan(&root, &around).with_context(|| name.clone())?;
            return Ok((plan, note.map(str::to_owned).into_iter().collect()));
        }
        // The error of a JSON parser does not describe a file that is neither JSON nor a template.
        Found::Text(text) if !text.trim_start().starts_with(['{', '[', '"']) => {
            bail!(
                "{name} is neither a JSON snapshot or plan nor a CloudFormation template (no Resources section); {ACCEPTED}"
            )
        }
        Found::Text(text) => match saved::read_snapshot(&text) {
            Ok(snapshot) => snapshot,
            Err(error @ (SavedError::Json(_) | SavedError::NotASnapshot)) => {
                bail!("{name}: {error}; {ACCEPTED}")
            }
            Err(error) => return Err(error).with_context(|| name.clone()),
        },
    };
    Ok((snapshot, Vec::new()))
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn current_time() -> anyhow::Result<String> {
    Ok(Timestamp::now().round(Unit::Second)?.to_string())
}

/// Reads the snapshot of --account-from.
pub(super) fn read_account(path: &Path) -> anyhow::Result<Snapshot> {
    let name = display_name(path);
    let text = match recognize_file(read_bytes(path)?, &name) {
        Ok(Found::Text(text)) => text,
        Ok(Found::Terraform(..)) => bail!("{name} is a plan, not a snapshot written by `collect`"),
        Err(error) => bail!("{name} {error}"),
    };
    if cloudformation::is_template(&text) {
        bail!("{name} is a template, not a snapshot written by `collect`");
    }
    saved::read_snapshot(&text).context(name)
}

/// The age in hours from which a snapshot of an account is old.
const OLD_AFTER_HOURS: i64 = 24;

/// Returns a warning about a snapshot that may no longer describe its account.
pub(super) fn describe_old_account(account: &Snapshot) -> anyhow::Result<Option<String>> {
    let Ok(collected) = account.finished_at.parse::<Timestamp>() else {
        return Ok(Some("the time of the snapshot is not known".to_owned()));
    };
    let now: Timestamp = current_time()?.parse()?;
    let hours = now.duration_since(collected).as_hours();
    Ok((hours >= OLD_AFTER_HOURS).then(|| {
        let age = plural(usize::try_from(hours).unwrap_or(usize::MAX), "hour");
        format!("the snapshot is {age} old ({collected}); collect it again")
    }))
}

/// Reads the report of --baseline.
pub(super) fn read_baseline(path: &Path) -> anyhow::Result<Earlier> {
    let text = read_text(path).context("--baseline")?;
    Earlier::parse(&text).with_context(|| format!("--baseline {}", display_name(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_wherever_a_file_names_them() {
        let text = br#"{"ami": "ami-0a1b2c3d4e5f60718", "old": "ami-bff32ccc", "not": "ami-base", "nor": "ami-0a1b2"} ami-"#;
        let found: Vec<String> = find_image_ids(text).into_iter().collect();
        assert_eq!(found, ["ami-0a1b2c3d4e5f60718", "ami-bff32ccc"]);
        assert!(find_image_ids(b"").is_empty());
    }
}
