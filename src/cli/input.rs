//! Files that the command line names.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

use crate::model::snapshot::Snapshot;
use crate::report::baseline::Earlier;
use crate::source::planned::Surroundings;
use crate::source::recognize::{Found, recognize};
use crate::source::{saved, terraform};

/// The bytes of a file; `-` is stdin.
fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    Ok(if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read stdin")?;
        bytes
    } else {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
    })
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

/// The snapshot in a file, or what a plan in it comes to.
pub(super) fn snapshot(
    path: &Path,
    tag_key: &str,
    region: Option<&str>,
) -> anyhow::Result<Snapshot> {
    let (name, now) = (name(path), jiff::Zoned::now().timestamp());
    let now = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
    let around = Surroundings {
        file: &name.replace('\\', "/"),
        tag_key,
        region,
        read_at: &now,
    };
    match recognize(bytes(path)?, &name) {
        Ok(Found::Terraform(root)) => terraform::read(&root, &around).with_context(|| name.clone()),
        Ok(Found::Text(text)) => saved::read(&text).with_context(|| name.clone()),
        Err(error) => bail!("{name} {error}"),
    }
}

/// The earlier report in a file.
pub(super) fn earlier(path: &Path) -> anyhow::Result<Earlier> {
    let text = read(path).context("--baseline")?;
    Earlier::read(&text).with_context(|| format!("--baseline {}", name(path)))
}
