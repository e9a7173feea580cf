//! `backup-check init`

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::exit::Exit;
use crate::settings::CONFIG_FILE;

use super::args::GlobalArgs;
use super::{files, output};

/// The file: every key with its default, commented out.
pub(super) const TEMPLATE: &str = include_str!("init.toml");

/// Writes a config file, unless it exists.
pub(super) fn run(global: &GlobalArgs) -> anyhow::Result<Exit> {
    let path = global
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from(CONFIG_FILE));
    if path == Path::new("-") {
        output::print_stdout(TEMPLATE)?;
        return Ok(Exit::Ready);
    }
    if path.symlink_metadata().is_ok() {
        bail!(
            "{} already exists; edit it, or name another file with --config",
            path.display()
        );
    }
    files::replace_file(&path, TEMPLATE.as_bytes(), files::Readers::Anyone)?;
    if !global.quiet {
        output::print_stderr(&format!("wrote {}", path.display()));
    }
    Ok(Exit::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Config, Settings};

    #[test]
    fn the_written_file_has_the_defaults() {
        let config = Config::parse(TEMPLATE).unwrap();
        assert_eq!(config.settings(), Settings::default());
        assert!(config.waivers.is_empty() && config.severity.is_empty());
    }

    #[test]
    fn every_commented_setting_is_valid() {
        let used: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let config = Config::parse(&used).unwrap();
        let defaults = Settings {
            org_id: Some("o-a1b2c3d4e5".to_owned()),
            endpoint_ous: vec!["ou-ab12-cdef3456".to_owned()],
            ..Settings::default()
        };
        assert_eq!(config.settings(), defaults);
        assert_eq!(config.waivers.len(), 1);
        assert_eq!(config.severity.len(), 1);
        assert!(!config.gate.is_empty() && !config.allow_unknown.is_empty());
        assert!(config.standard.is_some());
    }
}
