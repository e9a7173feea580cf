//! The values of a backup policy as Organizations writes them.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Observed;
use super::backup_plan::ColdStorage;
use super::observed::{Gap, GapKind};

/// A value of a policy. Operators are resolved in an effective policy, but the documentation's own
/// examples leave `@@assign` in some places, so it is looked through.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Entry<T> {
    Assigned {
        #[serde(rename = "@@assign")]
        value: T,
    },
    Plain(T),
}

impl<T> Entry<T> {
    pub(super) fn into_value(self) -> T {
        match self {
            Entry::Assigned { value } | Entry::Plain(value) => value,
        }
    }
}

/// One text, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    pub(super) fn into_list(self) -> Vec<String> {
        match self {
            Texts::One(text) => vec![text],
            Texts::Many(texts) => texts,
        }
    }
}

/// A number, which a policy writes as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Days {
    Text(String),
    Number(i64),
}

impl Days {
    pub(super) fn into_number(self) -> Option<i64> {
        match self {
            Days::Number(number) => Some(number),
            Days::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// A flag, which a policy writes as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Switch {
    Text(String),
    Flag(bool),
}

impl Switch {
    pub(super) fn into_flag(self) -> Option<bool> {
        match self {
            Switch::Flag(flag) => Some(flag),
            Switch::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Switch::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Switch::Text(_) => None,
        }
    }
}

/// How long backups are kept, and where.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Lifecycle {
    delete_after_days: Option<Entry<Days>>,
    move_to_cold_storage_after_days: Option<Lenient<Days>>,
    opt_in_to_archive_for_supported_resources: Option<Lenient<Switch>>,
}

/// A value that no verdict depends on, or anything else: it makes no plan unreadable.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Value(Entry<T>),
    Other(IgnoredAny),
}

impl<T> Lenient<T> {
    fn into_value(self) -> Option<T> {
        match self {
            Lenient::Value(entry) => Some(entry.into_value()),
            Lenient::Other(_) => None,
        }
    }
}

impl Lifecycle {
    // Without a number of days, or with -1, a backup is kept for ever:
    // https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
    pub(super) fn retention_days(self, place: &str) -> Result<Option<u32>, String> {
        let Some(days) = self.delete_after_days.map(Entry::into_value) else {
            return Ok(None);
        };
        match days.into_number() {
            Some(-1) => return Ok(None),
            Some(days) => u32::try_from(days).map(Some).ok(),
            None => None,
        }
        .ok_or_else(|| format!("has a delete_after_days in {place} that is no number of days"))
    }

    /// Returns when backups move to cold storage.
    pub(super) fn cold_storage(&self) -> Observed<Option<ColdStorage>> {
        let unreadable = |name: &str| {
            let message = format!("a {name} of the backup policy is not as it is documented");
            Observed::Unknown(Gap::new(GapKind::Unreadable, message))
        };
        let days = match self.move_to_cold_storage_after_days.clone() {
            None => None,
            Some(days) => match days.into_value().and_then(Days::into_number) {
                None => return unreadable("move_to_cold_storage_after_days"),
                days => days,
            },
        };
        let archives = match self.opt_in_to_archive_for_supported_resources.clone() {
            None => Some(false),
            Some(flag) => flag.into_value().and_then(Switch::into_flag),
        };
        match archives {
            Some(archives) => ColdStorage::from_days(days, archives),
            None => unreadable("opt_in_to_archive_for_supported_resources"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cold_storage(lifecycle: Value) -> Observed<Option<ColdStorage>> {
        let lifecycle: Lifecycle = serde_json::from_value(lifecycle).unwrap();
        lifecycle.cold_storage()
    }

    // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html
    #[test]
    fn backups_move_to_cold_storage_as_a_policy_says() {
        let cold = |after_days, archives| {
            Observed::Known(Some(ColdStorage {
                after_days,
                archives,
            }))
        };
        let assigned = json!({
            "move_to_cold_storage_after_days": {"@@assign": "180"},
            "delete_after_days": {"@@assign": "270"},
            "opt_in_to_archive_for_supported_resources": {"@@assign": "false"},
        });
        assert_eq!(cold_storage(assigned), cold(180, false));
        let plain = json!({
            "move_to_cold_storage_after_days": 10,
            "opt_in_to_archive_for_supported_resources": true,
        });
        assert_eq!(cold_storage(plain), cold(10, true));
        for never in [json!({}), json!({"move_to_cold_storage_after_days": "-1"})] {
            assert_eq!(cold_storage(never), Observed::Known(None));
        }
    }

    #[test]
    fn an_unreadable_lifecycle_says_nothing_about_cold_storage() {
        for lifecycle in [
            json!({"move_to_cold_storage_after_days": "soon"}),
            json!({"move_to_cold_storage_after_days": ["1"]}),
            json!({"move_to_cold_storage_after_days": "-7"}),
            json!({
                "move_to_cold_storage_after_days": "7",
                "opt_in_to_archive_for_supported_resources": {"@@append": 1},
            }),
        ] {
            let gap = cold_storage(lifecycle).gap().cloned();
            assert_eq!(gap.map(|it| it.kind), Some(GapKind::Unreadable));
        }
    }
}
