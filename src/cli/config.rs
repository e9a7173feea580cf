//! Finding and reading `backup-check.toml`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::settings::{CONFIG_FILE, Config};

use super::Talk;
use super::select;

/// A config file with its text, for errors that name a line.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) file: Option<(PathBuf, String)>,
}

impl Loaded {
    /// Reads the file that `--config` names, or the nearest one upwards from the working folder.
    pub(super) fn find(talk: &Talk) -> anyhow::Result<Self> {
        let Some(path) = talk.config.clone().or_else(nearest) else {
            return Ok(Loaded::default());
        };
        let text = super::input::read(&path)?;
        let config = Config::parse(&text).with_context(|| path.display().to_string())?;
        let loaded = Loaded {
            config,
            file: Some((path, text)),
        };
        for name in &loaded.config.gate {
            loaded.at(name.span(), select::group(name.get_ref()))?;
        }
        for name in &loaded.config.allow_unknown {
            loaded.at(name.span(), select::rules([name.get_ref()]))?;
        }
        for name in loaded.config.severity.keys() {
            loaded.at(name.span(), select::rule(name.get_ref()))?;
        }
        for waiver in &loaded.config.waiver {
            loaded.at(waiver.rule.span(), select::rule(waiver.rule.get_ref()))?;
        }
        Ok(loaded)
    }

    /// The config file as a path within the repository that holds it, which is how code scanning and
    /// pull requests name files.
    pub(super) fn within_repository(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        let file = match &self.file {
            Some((path, _)) => here.join(path),
            None => here.join(CONFIG_FILE),
        };
        let root = file.ancestors().find(|folder| folder.join(".git").exists());
        let within = root.unwrap_or(&here);
        let file = file.strip_prefix(within).unwrap_or(Path::new(CONFIG_FILE));
        file.to_string_lossy().replace('\\', "/")
    }

    /// An error about a place in the file says which line.
    fn at<T>(&self, span: std::ops::Range<usize>, result: anyhow::Result<T>) -> anyhow::Result<T> {
        result.map_err(|error| match &self.file {
            Some((path, text)) => {
                let placed = Config::error_at(text, span, &error.to_string());
                anyhow::Error::new(placed).context(path.display().to_string())
            }
            None => error,
        })
    }
}

fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|folder: &Path| folder.join(CONFIG_FILE))
        .find(|file| file.is_file())
}
