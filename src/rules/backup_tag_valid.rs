use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::tag::{BackupTag, Tags, intended_value, near_misses};
use crate::model::{Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The backup tag has exactly the key `backup` and the value `enabled`, `disabled` or `custom`.
    /// Near misses fail too: `Backup`, `Enabled`, or a value with a trailing space.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup compares tag keys and values exactly, including case. A misspelled tag selects
    /// nothing. No backup is made, and AWS reports no error.
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
        check: Check::Any(check_resource),
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (tag, tags) = cx.tags_of(resource)?;
    let key = cx.settings.tag_key.as_str();
    match tag {
        BackupTag::Enabled | BackupTag::Disabled | BackupTag::Custom => {
            Ok(Outcome::pass(format!("{key}={}", tags[key])).with("value", tags[key].as_str()))
        }
        BackupTag::Invalid => {
            let outcome = match tags.get(key) {
                Some(value) => report_bad_value(key, value),
                None => report_bad_key(key, near_misses(tags, key)),
            };
            let remedies = correct_tags(cx, resource, tags).into_iter();
            Ok(remedies.fold(outcome, Outcome::remedy))
        }
        BackupTag::None | BackupTag::Unknown => Ok(Outcome::skip("no backup tag")),
    }
}

/// Returns the changes that set the tag that was meant and remove the misspelled ones, or the decision
/// to take where the meaning is not clear.
fn correct_tags(cx: &RuleContext<'_>, resource: Resource<'_>, tags: &Tags) -> Vec<Remedy> {
    let (arn, _) = resource.arn_and_id().unwrap_or_default();
    let key = cx.settings.tag_key.as_str();
    let misspelled: Vec<(&str, &str)> = match tags.get(key) {
        Some(_) => Vec::new(),
        None => near_misses(tags, key).collect(),
    };
    let meant = match tags.get(key) {
        Some(value) => intended_value(value),
        None => misspelled
            .iter()
            .find_map(|(_, value)| intended_value(value)),
    };
    // The tags of a stack change only with its next update.
    let is_stack = resource.kind() == ResourceKind::CloudformationStack;
    let (Some(value), Ok(region), false) = (meant, cx.known_region(), is_stack) else {
        return Remedy::choose_backup_tag(resource).into_iter().collect();
    };
    let set = Remedy::SetTag {
        arn: arn.to_owned(),
        region: region.to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let remove = misspelled.into_iter().map(|(key, _)| Remedy::RemoveTag {
        arn: arn.to_owned(),
        region: region.to_owned(),
        key: key.to_owned(),
    });
    [set].into_iter().chain(remove).collect()
}

fn report_bad_value(key: &str, value: &str) -> Outcome {
    let meant = intended_value(value);
    let hint = meant.map_or_else(
        || "valid values are enabled, disabled and custom, in lower case".to_owned(),
        |meant| format!("did you mean {key}={meant}?"),
    );
    Outcome::breach(format!("the tag {key}={value:?} selects nothing: {hint}"))
        .fix(match meant {
            Some(meant) => format!("Set the tag {key}={meant}."),
            None => format!("Set the tag {key} to enabled, disabled or custom."),
        })
        .with("key", key)
        .with("value", value)
}

fn report_bad_key<'a>(key: &str, misses: impl Iterator<Item = (&'a str, &'a str)>) -> Outcome {
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
        "the tag {} is not the backup tag and selects nothing: did you mean {key}={value}?",
        seen.join(" and ")
    ))
    .fix(format!(
        "Remove the tag {} and set {key}={value}.",
        seen.join(" and ")
    ))
    .with("key", misses.first().map_or("", |(miss, _)| miss))
    .with("value", misses.first().map_or("", |(_, value)| value))
}
