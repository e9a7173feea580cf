//! The backup tag.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Observed;

pub use super::tag_map::Tags;

/// The value of the backup tag that asks for central backups.
pub const ENABLED: &str = "enabled";

/// What the backup tag of a resource says.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum BackupTag {
    /// Back it up centrally.
    Enabled,
    /// Needs no backup.
    Disabled,
    /// The team backs it up itself.
    Custom,
    /// No such tag.
    None,
    /// A bad value, or a key that nearly is the tag's.
    Invalid,
    /// The tags could not be read.
    Unknown,
}

impl BackupTag {
    /// Reads the tag off a resource. Keys and values of tags are case-sensitive where AWS Backup
    /// selects by them, so a near miss is `Invalid` and not what it was meant to be.
    ///
    /// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>.
    #[must_use]
    pub fn from_tags(tags: &Observed<Tags>, tag_key: &str) -> Self {
        let Observed::Known(tags) = tags else {
            return BackupTag::Unknown;
        };
        match tags.get(tag_key).map(String::as_str) {
            Some(ENABLED) => BackupTag::Enabled,
            Some("disabled") => BackupTag::Disabled,
            Some("custom") => BackupTag::Custom,
            Some(_) => BackupTag::Invalid,
            None if near_misses(tags, tag_key).next().is_some() => BackupTag::Invalid,
            None => BackupTag::None,
        }
    }

    /// As in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BackupTag::Enabled => "enabled",
            BackupTag::Disabled => "disabled",
            BackupTag::Custom => "custom",
            BackupTag::None => "none",
            BackupTag::Invalid => "invalid",
            BackupTag::Unknown => "unknown",
        }
    }

    /// Exempt from all but the tagging rules.
    #[must_use]
    pub fn is_exempt(self) -> bool {
        matches!(self, BackupTag::Disabled | BackupTag::Custom)
    }
}

/// Tags whose key nearly is the backup tag's.
pub fn near_misses<'a>(
    tags: &'a Tags,
    tag_key: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    tags.iter()
        .filter(move |(key, _)| is_near_miss(key, tag_key))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

/// Whether a tag's key is the backup tag's but for case, blanks, separators or one typing error.
#[must_use]
pub fn is_near_miss(key: &str, tag_key: &str) -> bool {
    if key == tag_key {
        return false;
    }
    // Nearly every key is a `Name` or as different: one edit changes the length of a key by one at most, and
    // blanks and separators only make it longer.
    if key.is_ascii() && key.len() + 1 < tag_key.chars().filter(|c| c.is_alphanumeric()).count() {
        return false;
    }
    let (key, wanted) = (normalize_text(key), normalize_text(tag_key));
    // One edit in a short word makes another word: `env` and `end`.
    key == wanted || (wanted.len() >= 5 && strsim::osa_distance(&key, &wanted) == 1)
}

/// What a bad value of the backup tag was probably meant to be.
#[must_use]
pub fn intended_value(value: &str) -> Option<&'static str> {
    let value = normalize_text(value);
    match value.as_str() {
        "true" | "yes" | "on" | "1" | "enable" => return Some("enabled"),
        "false" | "no" | "off" | "0" | "disable" | "none" => return Some("disabled"),
        _ => {}
    }
    ["enabled", "disabled", "custom"]
        .into_iter()
        .find(|valid| strsim::osa_distance(&value, valid) <= 2)
}

/// How the keys of AWS Control Tower's own backup tags begin: `aws-control-tower-backuphourly`.
///
/// Source: <https://docs.aws.amazon.com/controltower/latest/userguide/enable-backup.html>.
const CONTROL_TOWER: &str = "aws-control-tower-backup";

/// Whether a tag is kept in every snapshot: the name, the backup tag and its near misses, and the
/// tags that AWS Control Tower's plans select by. Tags that other plans select by are kept too: see
/// [`super::snapshot::Snapshot::selected_tags`].
#[must_use]
pub fn is_kept(key: &str, tag_key: &str) -> bool {
    key == "Name" || key == tag_key || key.starts_with(CONTROL_TOWER) || is_near_miss(key, tag_key)
}

/// Removes the tags that a snapshot does not keep.
pub fn retain_kept_tags(tags: &mut Observed<Tags>, tag_key: &str, selected: &BTreeSet<String>) {
    if let Observed::Known(tags) = tags {
        tags.retain(|key| selected.contains(key) || is_kept(key, tag_key));
    }
}

fn normalize_text(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Observed<Tags> {
        Observed::Known(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn only_the_exact_tag_counts() {
        for (pairs, want) in [
            (&[("backup", "enabled")][..], BackupTag::Enabled),
            (&[("backup", "disabled")], BackupTag::Disabled),
            (&[("backup", "custom")], BackupTag::Custom),
            (&[("backup", "Enabled")], BackupTag::Invalid),
            (&[("backup", "enabled ")], BackupTag::Invalid),
            (&[("backup", "")], BackupTag::Invalid),
            (&[("Backup", "enabled")], BackupTag::Invalid),
            (&[("back-up", "enabled")], BackupTag::Invalid),
            (&[("backups", "enabled")], BackupTag::Invalid),
            (&[("bakcup", "enabled")], BackupTag::Invalid),
            (
                &[("backup", "enabled"), ("Backup", "x")],
                BackupTag::Enabled,
            ),
            (&[("backup-window", "night")], BackupTag::None),
            (&[("aws:backup:source-resource", "x")], BackupTag::None),
            (&[], BackupTag::None),
        ] {
            assert_eq!(
                BackupTag::from_tags(&tags(pairs), "backup"),
                want,
                "{pairs:?}"
            );
        }
        assert_eq!(
            BackupTag::from_tags(&Observed::default(), "backup"),
            BackupTag::Unknown
        );
    }

    #[test]
    fn keeps_what_plans_may_select_by() {
        for (key, want) in [
            ("Name", true),
            ("backup", true),
            ("Backup", true),
            ("aws-control-tower-backuphourly", true),
            ("aws-control-tower-backupmonthly", true),
            ("aws-control-tower", false),
            ("stage", false),
        ] {
            assert_eq!(is_kept(key, "backup"), want, "{key}");
        }
    }

    #[test]
    fn says_what_was_meant() {
        assert_eq!(intended_value("Enabled "), Some("enabled"));
        assert_eq!(intended_value("true"), Some("enabled"));
        assert_eq!(intended_value("disbaled"), Some("disabled"));
        assert_eq!(intended_value("daily"), None);
    }
}
