//! Files that the command line names.

use std::io::Read;
use std::path::Path;

use anyhow::Context;

use crate::model::snapshot::Snapshot;
use crate::report::baseline::Earlier;
use crate::source::saved;

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

/// The snapshot in a file.
pub(super) fn snapshot(path: &Path) -> anyhow::Result<Snapshot> {
    let text = read(path)?;
    saved::read(&text).with_context(|| name(path))
}

/// The earlier report in a file.
pub(super) fn earlier(path: &Path) -> anyhow::Result<Earlier> {
    let text = read(path).context("--baseline")?;
    Earlier::read(&text).with_context(|| format!("--baseline {}", name(path)))
}
