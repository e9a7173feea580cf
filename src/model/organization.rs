//! The organization's backup policy, as it holds for the account.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, CopyAction, TagCondition, TagMatch, TagOperator,
    tag_key,
};
use super::observed::{Gap, GapKind};
use super::policy_entry::{Days, Entry, Lifecycle, Switch, Texts};
use super::{Listing, Observed};

/// The effective backup policy: all that the account inherits, merged.
///
/// Source: Organizations API, `DescribeEffectivePolicy`; its form is that of
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectivePolicy {
    /// Its plans, by name.
    pub plans: Vec<PolicyPlan>,
    /// Why it may have more: a plan that is not as Organizations documents it. The others still run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// A plan of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyPlan {
    /// The regions in which it runs.
    pub regions: Vec<String>,
    /// The plan. It contains `$account` and `$region` as written: see [`expand_variables`].
    pub plan: BackupPlan,
}

/// Puts the account and the region where a policy says `$account` and `$region`.
#[must_use]
pub fn expand_variables(text: &str, account: &str, region: &str) -> String {
    text.replace("$account", account).replace("$region", region)
}

impl EffectivePolicy {
    /// Gives a policy as it was read its meaning. A plan that is not as Organizations documents it leaves a gap.
    #[must_use]
    pub fn from_document(document: Document) -> Self {
        let mut policy = EffectivePolicy {
            plans: Vec::new(),
            gap: None,
        };
        for (name, entry) in document.plans {
            let plan = match entry {
                AnyPlan::Plan(plan) => plan.into_plan(&name),
                AnyPlan::Other(_) => Err("does not have the documented form".to_owned()),
            };
            match plan {
                Ok(plan) => policy.plans.push(plan),
                Err(problem) => {
                    let message = format!("plan {name:?} of the backup policy {problem}");
                    let gap = Gap::new(GapKind::Unreadable, message);
                    policy.gap.get_or_insert(gap);
                }
            }
        }
        policy
    }

    /// The roles that the policy's selections name, each once.
    #[must_use]
    pub fn role_arns(&self, account: &str) -> Vec<String> {
        let selections = self.plans.iter().flat_map(|it| &it.plan.selections.items);
        // Roles do not depend on the region.
        let mut roles: Vec<String> = selections
            .map(|selection| expand_variables(&selection.role_arn, account, ""))
            .collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// The names of the vaults that the policy's plans use in a region, each once.
    #[must_use]
    pub fn vault_names(&self, region: &str) -> Vec<&str> {
        let here = self
            .plans
            .iter()
            .filter(|it| it.regions.iter().any(|name| name == region));
        let mut vaults: Vec<&str> = here
            .flat_map(|it| &it.plan.rules.items)
            .flat_map(BackupRule::vault_names)
            .collect();
        vaults.sort_unstable();
        vaults.dedup();
        vaults
    }
}

/// The policy as Organizations writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Document {
    plans: BTreeMap<String, AnyPlan>,
}

/// A plan, or anything that is not one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum AnyPlan {
    Plan(Box<PlanEntry>),
    Other(IgnoredAny),
}

#[derive(Debug, Clone, Deserialize)]
struct PlanEntry {
    regions: Option<Entry<Texts>>,
    #[serde(default)]
    rules: BTreeMap<String, RuleEntry>,
    #[serde(default)]
    selections: SelectionsEntry,
}

#[derive(Debug, Clone, Deserialize)]
struct RuleEntry {
    schedule_expression: Option<Entry<String>>,
    schedule_expression_timezone: Option<Entry<String>>,
    start_backup_window_minutes: Option<Entry<Days>>,
    enable_continuous_backup: Option<Entry<Switch>>,
    target_backup_vault_name: Option<Entry<String>>,
    target_logically_air_gapped_backup_vault_arn: Option<Entry<String>>,
    #[serde(default)]
    lifecycle: Lifecycle,
    #[serde(default)]
    copy_actions: BTreeMap<String, CopyEntry>,
}

#[derive(Debug, Clone, Deserialize)]
struct CopyEntry {
    target_backup_vault_arn: Option<Entry<String>>,
    #[serde(default)]
    lifecycle: Lifecycle,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct SelectionsEntry {
    #[serde(default)]
    tags: BTreeMap<String, TagsEntry>,
    #[serde(default)]
    resources: BTreeMap<String, ResourcesEntry>,
}

#[derive(Debug, Clone, Deserialize)]
struct TagsEntry {
    iam_role_arn: Option<Entry<String>>,
    tag_key: Option<Entry<String>>,
    tag_value: Option<Entry<Texts>>,
    #[serde(default)]
    conditions: BTreeMap<String, BTreeMap<String, ConditionEntry>>,
}

#[derive(Debug, Clone, Deserialize)]
struct ResourcesEntry {
    iam_role_arn: Option<Entry<String>>,
    resource_types: Option<Entry<Texts>>,
    not_resource_types: Option<Entry<Texts>>,
    #[serde(default)]
    conditions: BTreeMap<String, BTreeMap<String, ConditionEntry>>,
}

#[derive(Debug, Clone, Deserialize)]
struct ConditionEntry {
    condition_key: Option<Entry<String>>,
    condition_value: Option<Entry<String>>,
}

/// An element that every plan must have.
fn require_entry<T>(entry: Option<Entry<T>>, place: &str, name: &str) -> Result<T, String> {
    entry
        .map(Entry::into_value)
        .ok_or_else(|| format!("has no {name} in {place}"))
}

impl PlanEntry {
    fn into_plan(self, name: &str) -> Result<PolicyPlan, String> {
        let mut rules = Vec::new();
        for (name, rule) in self.rules {
            rules.push(rule.into_rule(name)?);
        }
        let mut selections = Vec::new();
        for (name, entry) in self.selections.tags {
            selections.push(entry.into_selection(name)?);
        }
        for (name, entry) in self.selections.resources {
            selections.push(entry.into_selection(name)?);
        }
        Ok(PolicyPlan {
            regions: require_entry(self.regions, "it", "regions")?.into_list(),
            plan: BackupPlan {
                id: None,
                name: name.to_owned(),
                rules: Listing::complete(rules),
                selections: Listing::complete(selections),
            },
        })
    }
}

impl RuleEntry {
    fn into_rule(self, name: String) -> Result<BackupRule, String> {
        let place = format!("rule {name:?}");
        let mut copies = Vec::new();
        for (key, copy) in self.copy_actions {
            copies.push(CopyAction {
                cold_storage: copy.lifecycle.cold_storage(),
                retention_days: copy.lifecycle.retention_days(&place)?,
                // The key is the ARN in lower case, which counts where no ARN is given.
                vault_arn: copy.target_backup_vault_arn.map_or(key, Entry::into_value),
            });
        }
        Ok(BackupRule {
            vault: require_entry(
                self.target_backup_vault_name,
                &place,
                "target_backup_vault_name",
            )?,
            air_gapped_vault: self
                .target_logically_air_gapped_backup_vault_arn
                .map(Entry::into_value),
            schedule: self.schedule_expression.map(Entry::into_value),
            timezone: Observed::Known(self.schedule_expression_timezone.map(Entry::into_value)),
            start_window_minutes: Observed::Known(read_window(
                self.start_backup_window_minutes,
                &place,
            )?),
            continuous: Observed::Known(read_switch(self.enable_continuous_backup, &place)?),
            cold_storage: self.lifecycle.cold_storage(),
            retention_days: self.lifecycle.retention_days(&place)?,
            copies,
            name,
        })
    }
}

fn read_window(entry: Option<Entry<Days>>, place: &str) -> Result<Option<u32>, String> {
    let Some(given) = entry.map(Entry::into_value) else {
        return Ok(None);
    };
    let minutes = given.into_number().and_then(|it| u32::try_from(it).ok());
    minutes.map(Some).ok_or_else(|| {
        format!("has a start_backup_window_minutes in {place} that is no number of minutes")
    })
}

fn read_switch(entry: Option<Entry<Switch>>, place: &str) -> Result<bool, String> {
    let Some(given) = entry.map(Entry::into_value) else {
        return Ok(false);
    };
    given.into_flag().ok_or_else(|| {
        format!("has an enable_continuous_backup in {place} that is neither true nor false")
    })
}

impl TagsEntry {
    fn into_selection(self, name: String) -> Result<BackupSelection, String> {
        let place = format!("selection {name:?}");
        let key = require_entry(self.tag_key, &place, "tag_key")?;
        let values = require_entry(self.tag_value, &place, "tag_value")?.into_list();
        let tag = |value| TagMatch {
            key: key.clone(),
            value,
        };
        Ok(BackupSelection {
            role_arn: require_entry(self.iam_role_arn, &place, "iam_role_arn")?,
            tags: values.into_iter().map(tag).collect(),
            conditions: read_conditions(self.conditions, &place)?,
            name,
            ..BackupSelection::default()
        })
    }
}

impl ResourcesEntry {
    fn into_selection(self, name: String) -> Result<BackupSelection, String> {
        let place = format!("selection {name:?}");
        Ok(BackupSelection {
            role_arn: require_entry(self.iam_role_arn, &place, "iam_role_arn")?,
            resources: require_entry(self.resource_types, &place, "resource_types")?.into_list(),
            not_resources: self
                .not_resource_types
                .map_or_else(Vec::new, |it| it.into_value().into_list()),
            conditions: read_conditions(self.conditions, &place)?,
            name,
            ..BackupSelection::default()
        })
    }
}

fn read_conditions(
    operators: BTreeMap<String, BTreeMap<String, ConditionEntry>>,
    place: &str,
) -> Result<Vec<TagCondition>, String> {
    let mut found = Vec::new();
    for (name, entries) in operators {
        let operator = match name.as_str() {
            "string_equals" => TagOperator::Equals,
            "string_not_equals" => TagOperator::NotEquals,
            "string_like" => TagOperator::Like,
            "string_not_like" => TagOperator::NotLike,
            _ => return Err(format!("compares with {name:?} in {place}")),
        };
        for entry in entries.into_values() {
            let key = require_entry(entry.condition_key, place, "condition_key")?;
            found.push(TagCondition {
                operator,
                key: tag_key(&key).to_owned(),
                value: require_entry(entry.condition_value, place, "condition_value")?,
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<EffectivePolicy, String> {
        let document = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let policy = EffectivePolicy::from_document(document);
        match &policy.gap {
            Some(gap) => Err(gap.to_string()),
            None => Ok(policy),
        }
    }

    // After example 1 of the syntax page, with the operators that it leaves in.
    #[test]
    fn reads_what_the_documentation_shows() {
        let policy = read(json!({"plans": {"PII_Backup_Plan": {
            "regions": ["us-east-1", "eu-north-1"],
            "rules": {"hourly": {
                "schedule_expression": "cron(0 0/1 ? * * *)",
                "start_backup_window_minutes": "60",
                "target_backup_vault_name": "FortKnox",
                "target_logically_air_gapped_backup_vault_arn": {"@@assign": "arn:aws:backup:$region:$account:backup-vault:AirGapped"},
                "index_actions": {"resource_types": {"@@assign": ["EBS", "S3"]}},
                "lifecycle": {
                    "delete_after_days": "2",
                    "move_to_cold_storage_after_days": "180",
                    "opt_in_to_archive_for_supported_resources": "false"
                },
                "copy_actions": {
                    "arn:aws:backup:us-east-1:$account:backup-vault:secondary_vault": {
                        "target_backup_vault_arn": {"@@assign": "arn:aws:backup:us-east-1:$account:backup-vault:Secondary_Vault"},
                        "lifecycle": {"delete_after_days": "28"}
                    },
                    "arn:aws:backup:us-west-1:111111111111:backup-vault:tertiary_vault": {}
                }
            }},
            "selections": {"tags": {"datatype": {
                "iam_role_arn": "arn:aws:iam::$account:role/service/MyIamRole",
                "tag_key": "dataType",
                "tag_value": ["PII", "RED"]
            }}},
            "advanced_backup_settings": {"ec2": {"windows_vss": "enabled"}}
        }}}))
        .unwrap();
        let plan = &policy.plans[0];
        assert_eq!(plan.regions, ["us-east-1", "eu-north-1"]);
        let rule = &plan.plan.rules.items[0];
        assert_eq!(
            (rule.vault.as_str(), rule.retention_days),
            ("FortKnox", Some(2))
        );
        assert_eq!(rule.schedule.as_deref(), Some("cron(0 0/1 ? * * *)"));
        assert_eq!(rule.start_window_minutes, Observed::Known(Some(60)));
        let targets: Vec<(&str, Option<u32>)> = rule
            .copies
            .iter()
            .map(|copy| (copy.vault_arn.as_str(), copy.retention_days))
            .collect();
        assert_eq!(
            targets,
            [
                (
                    "arn:aws:backup:us-east-1:$account:backup-vault:Secondary_Vault",
                    Some(28)
                ),
                (
                    "arn:aws:backup:us-west-1:111111111111:backup-vault:tertiary_vault",
                    None
                ),
            ]
        );
        let selection = &plan.plan.selections.items[0];
        assert_eq!(selection.tags.len(), 2);
        assert_eq!(
            policy.role_arns("123456789012"),
            ["arn:aws:iam::123456789012:role/service/MyIamRole"]
        );
        assert_eq!(policy.vault_names("us-east-1"), ["AirGapped", "FortKnox"]);
        assert_eq!(
            rule.air_gapped_vault.as_deref(),
            Some("arn:aws:backup:$region:$account:backup-vault:AirGapped")
        );
        assert!(policy.vault_names("eu-west-1").is_empty());
    }

    #[test]
    fn reads_selections_by_resource_type() {
        let policy = read(json!({"plans": {"all": {
            "regions": "eu-west-1",
            "rules": {},
            "selections": {"resources": {"everything": {
                "iam_role_arn": "arn:aws:iam::$account:role/IAMRole",
                "resource_types": ["*"],
                "not_resource_types": ["arn:aws:ec2:*:*:volume/*"],
                "conditions": {
                    "string_equals": {"one": {"condition_key": "aws:ResourceTag/backup", "condition_value": "enabled"}},
                    "string_not_like": {"two": {"condition_key": "aws:ResourceTag/stage", "condition_value": "*test*"}}
                }
            }}}
        }}}))
        .unwrap();
        let selection = &policy.plans[0].plan.selections.items[0];
        assert_eq!(selection.not_resources, ["arn:aws:ec2:*:*:volume/*"]);
        let read: Vec<(TagOperator, &str)> = selection
            .conditions
            .iter()
            .map(|it| (it.operator, it.key.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                (TagOperator::Equals, "backup"),
                (TagOperator::NotLike, "stage")
            ]
        );
    }

    #[test]
    fn what_a_plan_must_have_and_has_not_is_said() {
        let rule = json!({"target_backup_vault_name": "v"});
        let tags = json!({"iam_role_arn": "r", "tag_key": "k", "tag_value": ["v"]});
        for (plan, part) in [
            (json!({"rules": {"r": rule}}), "no regions"),
            (
                json!({"regions": ["x"], "rules": {"r": {}}}),
                "no target_backup_vault_name",
            ),
            (
                json!({"regions": ["x"], "rules": {"r": {"target_backup_vault_name": "v", "lifecycle": {"delete_after_days": "soon"}}}}),
                "no number of days",
            ),
            (
                json!({"regions": ["x"], "selections": {"tags": {"t": {"iam_role_arn": "r", "tag_key": "k"}}}}),
                "no tag_value",
            ),
            (
                json!({"regions": ["x"], "selections": {"resources": {"t": {"iam_role_arn": "r", "resource_types": ["*"], "conditions": {"numeric_equals": {}}}}}}),
                "numeric_equals",
            ),
        ] {
            let error = read(json!({"plans": {"p": plan}})).unwrap_err();
            assert!(error.contains(part) && error.contains("\"p\""), "{error}");
        }
        assert!(
            read(json!({"plans": {"p": {"regions": ["x"], "selections": {"tags": {"t": tags}}}}}))
                .is_ok()
        );
        assert!(read(json!({"plans": {}})).unwrap().plans.is_empty());
        for bare in [json!({}), json!([]), json!("")] {
            assert!(read(bare).is_err());
        }
    }

    #[test]
    fn an_invalid_plan_does_not_hide_the_others() {
        let rules = json!({"r": {
            "target_backup_vault_name": "v", "schedule_expression_timezone": "Europe/Berlin",
            "enable_continuous_backup": "True"
        }});
        let document = json!({"plans": {
            "broken": {"regions": 5}, "fine": {"regions": ["x"], "rules": rules}, "open": {"rules": {}}
        }});
        let policy = EffectivePolicy::from_document(serde_json::from_value(document).unwrap());
        let names: Vec<&str> = policy
            .plans
            .iter()
            .map(|it| it.plan.name.as_str())
            .collect();
        assert_eq!(names, ["fine"]);
        let rule = &policy.plans[0].plan.rules.items[0];
        assert_eq!(
            rule.timezone,
            Observed::Known(Some("Europe/Berlin".to_owned()))
        );
        assert_eq!(rule.continuous, Observed::Known(true));
        assert!(policy.gap.unwrap().to_string().contains("\"broken\""));
    }

    #[test]
    fn a_backup_that_is_kept_for_ever_has_no_retention() {
        for days in [
            json!({}),
            json!({"delete_after_days": "-1"}),
            json!({"delete_after_days": -1}),
        ] {
            let policy = read(json!({"plans": {"p": {"regions": ["x"], "rules": {"r": {"target_backup_vault_name": "v", "lifecycle": days}}}}})).unwrap();
            assert_eq!(policy.plans[0].plan.rules.items[0].retention_days, None);
        }
    }
}
