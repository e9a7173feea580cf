//! The profiles of the AWS CLI's files: which there are, and which command signs in to one.
//!
//! The SDK reads the files itself. This is for its errors, which name neither.

use std::collections::BTreeMap;
#[cfg(feature = "aws")]
use std::path::PathBuf;

use super::suggest::suggest_names;

/// The profiles in the config and credentials files, with their settings.
#[derive(Debug, Default)]
pub(super) struct Profiles(BTreeMap<String, BTreeMap<String, String>>);

impl Profiles {
    /// Reads the files that the environment names, else those in `~/.aws`. A file that cannot be read has no profile.
    #[cfg(feature = "aws")]
    pub(super) fn read_files() -> Self {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
        let path = |variable: &str, name: &str| -> Option<PathBuf> {
            match std::env::var_os(variable) {
                Some(path) => Some(PathBuf::from(path)),
                None => Some(PathBuf::from(home.clone()?).join(".aws").join(name)),
            }
        };
        let mut profiles = Profiles::default();
        for (variable, name, prefixed) in [
            ("AWS_CONFIG_FILE", "config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", false),
        ] {
            let bytes = path(variable, name).and_then(|path| std::fs::read(path).ok());
            let text = String::from_utf8_lossy(bytes.as_deref().unwrap_or_default());
            profiles.add_text(&text, prefixed);
        }
        profiles
    }

    /// Adds the profiles of a file. In the config file their sections are named `profile NAME`.
    ///
    /// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.
    fn add_text(&mut self, text: &str, prefixed: bool) {
        let mut current: Option<String> = None;
        for line in text.lines() {
            let line = line.split(" #").next().unwrap_or(line).trim_end();
            if let Some(section) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                let section = section.trim();
                current = match section.strip_prefix("profile ") {
                    Some(name) if prefixed => Some(name.trim().to_owned()),
                    _ if !prefixed || section == "default" => Some(section.to_owned()),
                    _ => None,
                };
                if let Some(name) = &current {
                    self.0.entry(name.clone()).or_default();
                }
            } else if let (Some(name), Some((key, value))) = (&current, line.split_once('='))
                && !line.starts_with([' ', '\t', '#', ';'])
            {
                let settings = self.0.entry(name.clone()).or_default();
                settings.insert(key.trim().to_lowercase(), value.trim().to_owned());
            }
        }
    }

    /// Checks that a profile exists.
    ///
    /// # Errors
    /// It does not; the error suggests the one that may be meant.
    pub(super) fn check_name(&self, name: &str) -> Result<(), String> {
        if self.0.contains_key(name) {
            return Ok(());
        }
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let mut hint = suggest_names(name, names.iter().copied());
        if hint.is_empty() {
            hint = match names.is_empty() {
                true => "; the files define no profile".to_owned(),
                false => format!("; they define {}", crate::text::and_more(names, 10)),
            };
        }
        Err(format!(
            "there is no profile {name:?} in ~/.aws/config or ~/.aws/credentials{hint}"
        ))
    }

    /// Returns the command that signs in to a profile, or to the one that supplies its credentials. `None`
    /// if the credentials do not come from a browser.
    pub(super) fn sign_in_command(&self, name: &str) -> Option<String> {
        let mut name = name;
        // As long as a chain can be without a circle.
        for _ in 0..=self.0.len() {
            let settings = self.0.get(name)?;
            let has = |key: &str| settings.contains_key(key);
            let command = if has("sso_session") || has("sso_start_url") {
                "aws sso login"
            } else if has("login_session") {
                "aws login"
            } else {
                name = settings.get("source_profile")?;
                continue;
            };
            return Some(match name {
                "default" => command.to_owned(),
                name if name.contains([' ', '\'', '"']) => format!("{command} --profile {name:?}"),
                name => format!("{command} --profile {name}"),
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]
region = eu-west-1

[profile dev]
sso_session = corp
sso_account_id = 111122223333

[profile ops]
role_arn = arn:aws:iam::111122223333:role/Ops
source_profile = dev

[profile old] # before sessions
sso_start_url = https://corp.awsapps.com/start

[profile web]
login_session = arn:aws:iam::111122223333:user/me

[profile loop]
source_profile = loop

[sso-session corp]
sso_region = eu-west-1
";

    fn read(config: &str, credentials: &str) -> Profiles {
        let mut profiles = Profiles::default();
        profiles.add_text(config, true);
        profiles.add_text(credentials, false);
        profiles
    }

    #[test]
    fn a_mistyped_profile_is_rejected_with_the_meant_one() {
        let profiles = read(CONFIG, "[keys]\naws_access_key_id = x\n");
        for name in ["default", "dev", "keys", "web"] {
            assert_eq!(profiles.check_name(name), Ok(()), "{name}");
        }
        for (name, part) in [
            ("dve", "did you mean dev?"),
            ("key", "did you mean keys?"),
            ("corp", "they define default, dev, keys"),
            ("profile dev", "they define default, dev, keys"),
        ] {
            let error = profiles.check_name(name).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let none = read("", "").check_name("dev").unwrap_err();
        assert!(none.contains("define no profile"), "{none}");
    }

    #[test]
    fn the_sign_in_command_names_the_profile_with_the_session() {
        let profiles = read(CONFIG, "");
        for (name, command) in [
            ("dev", Some("aws sso login --profile dev")),
            ("ops", Some("aws sso login --profile dev")),
            ("old", Some("aws sso login --profile old")),
            ("web", Some("aws login --profile web")),
            ("default", None),
            ("loop", None),
            ("gone", None),
        ] {
            assert_eq!(profiles.sign_in_command(name).as_deref(), command, "{name}");
        }
        let own = read("[default]\nsso_session = corp\n", "");
        assert_eq!(
            own.sign_in_command("default").as_deref(),
            Some("aws sso login")
        );
    }
}
