use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::tag::{BackupTag, intended_value, near_misses};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The backup tag is spelled exactly as the central backup plan selects it: the key `backup`,
    /// the value `enabled`, `disabled` or `custom`.
    ///
    /// AWS Backup compares keys and values letter by letter. `Backup=enabled`, `backup=Enabled` or
    /// a blank at the end select nothing: no backup is made, and nothing says so.
    ///
    /// ## Fix
    ///
    /// Remove the misspelled tag and set the exact one.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    RULE = Rule {
        id: "backup-tag-valid",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The backup tag is spelled exactly",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (tag, tags) = cx.tags_of(resource)?;
    let key = cx.settings.tag_key.as_str();
    match tag {
        BackupTag::Enabled | BackupTag::Disabled | BackupTag::Custom => {
            Ok(Outcome::pass(format!("{key}={}", tags[key])).with("value", tags[key].as_str()))
        }
        BackupTag::Invalid => Ok(match tags.get(key) {
            Some(value) => bad_value(key, value),
            None => bad_key(key, near_misses(tags, key)),
        }),
        BackupTag::None | BackupTag::Unknown => Ok(Outcome::skip("carries no backup tag")),
    }
}

fn bad_value(key: &str, value: &str) -> Outcome {
    let meant = intended_value(value);
    let hint = meant.map_or_else(
        || "it takes enabled, disabled or custom, in lower case".to_owned(),
        |meant| format!("{key}={meant} was probably meant, letter by letter"),
    );
    Outcome::breach(format!("the tag {key}={value:?} selects nothing: {hint}"))
        .fix(match meant {
            Some(meant) => format!("Set the tag {key}={meant}."),
            None => format!("Set the tag {key} to enabled, disabled or custom."),
        })
        .with("key", key)
        .with("value", value)
}

fn bad_key<'a>(key: &str, misses: impl Iterator<Item = (&'a str, &'a str)>) -> Outcome {
    let misses: Vec<(&str, &str)> = misses.collect();
    let seen: Vec<String> = misses
        .iter()
        .map(|(miss, value)| format!("{miss:?}={value:?}"))
        .collect();
    let value = misses
        .iter()
        .find_map(|(_, value)| intended_value(value))
        .unwrap_or("enabled");
    Outcome::breach(format!(
        "the tag {} is not the backup tag, so it selects nothing: {key}={value} was probably meant",
        seen.join(" and ")
    ))
    .fix(format!(
        "Remove the tag {} and set {key}={value}.",
        seen.join(" and ")
    ))
    .with("key", misses.first().map_or("", |(miss, _)| miss))
    .with("value", misses.first().map_or("", |(_, value)| value))
}
