//! Discovery and parsing of `backup-check.toml`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use toml::Spanned;

use crate::settings::{CONFIG_FILE, Config};

use super::args::GlobalArgs;
use super::region_names::check_region;
use super::{input, select};

/// A config file with its text, so that errors can name a line.
#[derive(Debug, Default)]
pub(super) struct LoadedConfig {
    pub(super) config: Config,
    pub(super) file: Option<(PathBuf, String)>,
}

impl LoadedConfig {
    /// Reads the file of `--config`, or the nearest one in the current directory and its parents.
    ///
    /// # Errors
    /// The file is unreadable or invalid, or names an unknown rule or group.
    pub(super) fn find_and_read(global: &GlobalArgs) -> anyhow::Result<Self> {
        let Some(path) = global.config.clone().or_else(nearest_file) else {
            return Ok(LoadedConfig::default());
        };
        let text = input::read_text(&path)?;
        let config = Config::parse(&text).with_context(|| path.display().to_string())?;
        let loaded = LoadedConfig {
            config,
            file: Some((path, text)),
        };
        for name in loaded.config.regions.iter().flat_map(Spanned::get_ref) {
            let checked = check_region(name.get_ref());
            loaded.with_line(name.span(), checked.map_err(anyhow::Error::msg))?;
        }
        for name in &loaded.config.gate {
            loaded.with_line(name.span(), select::find_group(name.get_ref()))?;
        }
        for name in &loaded.config.allow_unknown {
            loaded.with_line(name.span(), select::find_rules([name.get_ref()]))?;
        }
        for name in loaded.config.severity.keys() {
            loaded.with_line(name.span(), select::find_rule(name.get_ref()))?;
        }
        for waiver in &loaded.config.waiver {
            loaded.with_line(waiver.rule.span(), select::find_rule(waiver.rule.get_ref()))?;
        }
        Ok(loaded)
    }

    /// Returns the config file as a path within its repository, the form that code scanning and pull
    /// requests use.
    pub(super) fn path_in_repository(&self) -> String {
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

    /// Adds the file and the line of a span to an error.
    fn with_line<T>(
        &self,
        span: std::ops::Range<usize>,
        result: anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        result.map_err(|error| match &self.file {
            Some((path, text)) => {
                let placed = Config::error_at(text, span, &error.to_string());
                anyhow::Error::new(placed).context(path.display().to_string())
            }
            None => error,
        })
    }
}

fn nearest_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|folder: &Path| folder.join(CONFIG_FILE))
        .find(|file| file.is_file())
}
