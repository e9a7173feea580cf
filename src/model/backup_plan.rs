//! Backup plans: what is backed up, when, to which vault, and where the copies go.
//!
//! An organization's policy and a plan of the account's own say the same things in different words;
//! here both are a [`BackupPlan`].

use serde::{Deserialize, Serialize};

use super::observed::{Gap, GapKind};
use super::{Listing, Observed};

/// A backup plan. Source: AWS Backup API, `GetBackupPlan`; or a plan of an organization's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupPlan {
    /// Its id, where AWS Backup returned one. The id of a plan that an organization's policy created begins
    /// with [`ORGANIZATION_PLAN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its rules. A plan without rules backs nothing up.
    #[serde(default)]
    pub rules: Listing<BackupRule>,
    /// Which resources they are for. Source: `GetBackupSelection`.
    #[serde(default)]
    pub selections: Listing<BackupSelection>,
}

/// A rule of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRule {
    /// Its name.
    pub name: String,
    /// The name of the vault that the backups go to.
    pub vault: String,
    /// The ARN of the logically air-gapped vault that backups go to instead, where their type allows it. A policy may
    /// leave `$account` and `$region` in it.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html>.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub air_gapped_vault: Option<String>,
    /// When it runs, `cron(0 5 ? * * *)`; none where AWS Backup's default counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The IANA name of the schedule's time zone; none for UTC.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub timezone: Observed<Option<String>>,
    /// How many minutes after its scheduled time a backup may start; none where AWS Backup's default counts.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub start_window_minutes: Observed<Option<u32>>,
    /// Whether it makes continuous backups of the types that have them.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub continuous: Observed<bool>,
    /// How many days a backup is kept; none where it is kept for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// When a backup moves to cold storage; none where it never does.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub cold_storage: Observed<Option<ColdStorage>>,
    /// Where each backup is copied to.
    #[serde(default)]
    pub copies: Vec<CopyAction>,
}

impl BackupRule {
    /// Returns the name of the logically air-gapped vault, if there is one.
    #[must_use]
    pub fn air_gapped_name(&self) -> Option<&str> {
        let arn = self.air_gapped_vault.as_deref()?;
        Some(arn.rsplit(':').next().unwrap_or(arn))
    }

    /// Returns the names of the vaults that its backups may be in.
    pub fn vault_names(&self) -> impl Iterator<Item = &str> {
        [self.vault.as_str()]
            .into_iter()
            .chain(self.air_gapped_name())
    }
}

/// A copy that a rule makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyAction {
    /// The ARN of the vault that it goes to. A policy may leave `$account` and `$region` in it.
    pub vault_arn: String,
    /// How many days it is kept; none where it expires with the backup that it is a copy of.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// When it moves to cold storage; none where it never does, or as the backup that it is a copy of.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub cold_storage: Observed<Option<ColdStorage>>,
}

/// When backups move to cold storage. AWS Backup ignores it for types that have none.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdStorage {
    /// After how many days.
    pub after_days: u32,
    /// Whether the plan opts in to the archive tiers of services, without which EBS snapshots stay where they are.
    pub archives: bool,
}

impl ColdStorage {
    /// Returns when backups move for the numbers of a lifecycle: -1 is never.
    #[must_use]
    pub fn from_days(days: Option<i64>, archives: bool) -> Observed<Option<Self>> {
        match days {
            None | Some(-1) => Observed::Known(None),
            Some(days) => match u32::try_from(days) {
                Ok(after_days) => Observed::Known(Some(ColdStorage {
                    after_days,
                    archives,
                })),
                Err(_) => Observed::Unknown(Gap::new(
                    GapKind::Unreadable,
                    format!("{days} is no number of days until cold storage"),
                )),
            },
        }
    }
}

/// Which resources a plan is for: those that match (`resources` or `tags`) and all `conditions` and
/// nothing of `not_resources`. One that names neither resources nor tags starts from everything.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html>.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupSelection {
    /// Its name.
    pub name: String,
    /// The role that makes the backups. A policy may leave `$account` in it.
    pub role_arn: String,
    /// ARNs with `*`: one of them matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// ARNs with `*`: what one of them matches is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_resources: Vec<String>,
    /// Tags: the resource carries one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagMatch>,
    /// What must hold besides, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<TagCondition>,
}

/// A tag with exactly this key and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagMatch {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A condition on one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagCondition {
    /// How the value is compared.
    pub operator: TagOperator,
    /// The key of the tag, without `aws:ResourceTag/`.
    pub key: String,
    /// The value; with `Like`, `*` matches any characters except blanks.
    pub value: String,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagOperator {
    /// `StringEquals`
    Equals,
    /// `StringNotEquals`
    NotEquals,
    /// `StringLike`
    Like,
    /// `StringNotLike`
    NotLike,
}

/// The key of a tag out of a condition's key: `backup` of `aws:ResourceTag/backup`.
#[must_use]
pub fn tag_key(condition_key: &str) -> &str {
    condition_key
        .strip_prefix("aws:ResourceTag/")
        .unwrap_or(condition_key)
}

/// AWS Backup's schedule where a rule names none.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupRule.html>.
pub const DEFAULT_SCHEDULE: &str = "cron(0 5 ? * * *)";

/// How many minutes a backup may start late where a rule does not say. AWS accepts no less than 60.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#backup-window>.
pub const DEFAULT_START_WINDOW_MINUTES: u32 = 480;

/// The shortest start window that AWS Backup accepts, in minutes.
pub const SHORTEST_START_WINDOW_MINUTES: u32 = 60;

/// How the id of a plan begins that an organization's backup policy created.
pub const ORGANIZATION_PLAN: &str = "orgs/";
