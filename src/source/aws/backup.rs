//! AWS Backup: region settings, vaults, and the backup plans of the account.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_backup::operation::describe_region_settings::DescribeRegionSettingsOutput;
use aws_sdk_backup::types::{
    BackupRule as SdkRule, BackupSelection as SdkSelection, BackupVaultListMember,
    ConditionParameter, EncryptionKeyType, Lifecycle,
};
use futures_util::future::join_all;

use crate::model::Resource;
use crate::model::backup::{BackupSettings, Vault};
use crate::model::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, ColdStorage, CopyAction, ORGANIZATION_PLAN,
    TagCondition, TagMatch, TagOperator, tag_key,
};
use crate::model::observed::{Gap, GapKind, Listing, Observed};

use super::call::ServiceCalls;
use super::listing::{Skippable, failed_listing, read_if};
use super::operation::{Operation, ResponseText};
use super::organizations::BackupPolicy;
use super::reader::RegionReader;

const DESCRIBE_REGION_SETTINGS: Operation = Operation::new("backup:DescribeRegionSettings");
const LIST_VAULTS: Operation = Operation::new("backup:ListBackupVaults");
const GET_ACCESS_POLICY: Operation = Operation::new("backup:GetBackupVaultAccessPolicy");
const LIST_PLANS: Operation = Operation::new("backup:ListBackupPlans");
const GET_PLAN: Operation = Operation::new("backup:GetBackupPlan");
const LIST_SELECTIONS: Operation = Operation::new("backup:ListBackupSelections");
const GET_SELECTION: Operation = Operation::new("backup:GetBackupSelection");

/// API operations used to read the region settings.
pub const SETTINGS_OPERATIONS: &[Operation] = &[DESCRIBE_REGION_SETTINGS];
/// API operations used to read vaults.
pub const VAULT_OPERATIONS: &[Operation] = &[LIST_VAULTS, GET_ACCESS_POLICY];
/// API operations used to read backup plans.
pub const PLAN_OPERATIONS: &[Operation] = &[LIST_PLANS, GET_PLAN, LIST_SELECTIONS, GET_SELECTION];

/// The largest page: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupVaults.html>.
const PAGE: i32 = 1000;

/// The data of AWS Backup in a region.
#[derive(Debug)]
pub struct BackupRegion {
    /// The region settings.
    pub settings: Observed<BackupSettings>,
    /// The vaults.
    pub vaults: Listing<Vault>,
    /// The backup plans.
    pub plans: Listing<BackupPlan>,
}

/// Reads the data of AWS Backup in a region.
pub async fn read_region(reader: &RegionReader<'_>, policy: &BackupPolicy<'_>) -> BackupRegion {
    let calls = reader.begin_service("backup");
    let (settings, mut vaults, (plans, used)) = tokio::join!(
        read_if(reader.scope.backup_settings, read_settings(reader, &calls)),
        read_if(reader.scope.vaults, list_vaults(reader, &calls)),
        read_plans(reader, &calls, policy),
    );
    let in_use = vaults.items.iter_mut().filter(|it| used.contains(&it.id));
    join_all(in_use.map(|vault| async {
        let access_policy = read_access_policy(reader, &calls, &vault.id).await;
        vault.access_policy = access_policy.into();
    }))
    .await;
    BackupRegion {
        settings,
        vaults,
        plans,
    }
}

/// Returns the backup plans, and the names of the vaults that plans or the organization's backup policy
/// use.
async fn read_plans(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    policy: &BackupPolicy<'_>,
) -> (Listing<BackupPlan>, BTreeSet<String>) {
    if !reader.scope.backup_plans {
        return (Listing::not_requested(), BTreeSet::new());
    }
    // Plans that the policy created are the policy's own: they need not be read again.
    let (policy, listed) = tokio::join!(policy.get(), list_plan_names(reader, calls));
    let policy = policy.known().and_then(Option::as_ref);
    let plans = read_listed_plans(reader, calls, listed, policy.is_some()).await;
    let rules = plans.items.iter().flat_map(|plan| &plan.rules.items);
    let names = rules.flat_map(BackupRule::vault_names);
    let mut used: BTreeSet<String> = names.map(str::to_owned).collect();
    let of_policy = policy.map_or_else(Vec::new, |policy| policy.vault_names(reader.region));
    used.extend(of_policy.into_iter().map(str::to_owned));
    (plans, used)
}

async fn read_settings(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
) -> Observed<BackupSettings> {
    let client = reader.session.clients.backup(reader.region);
    let call = client.describe_region_settings().send();
    let settings = match calls.send_call(DESCRIBE_REGION_SETTINGS, call).await {
        Ok(response) => settings_from(response),
        Err(gap) => Err(gap),
    };
    settings.into()
}

// AWS returns both lists, with every service, even if the account never changed a setting.
fn settings_from(response: DescribeRegionSettingsOutput) -> Result<BackupSettings, Gap> {
    let list = |preferences: Option<HashMap<String, bool>>, name: &str| {
        let read = DESCRIBE_REGION_SETTINGS.require_field(preferences, name);
        read.get().map(|it| it.clone().into_iter().collect())
    };
    Ok(BackupSettings {
        opt_in: list(
            response.resource_type_opt_in_preference,
            "ResourceTypeOptInPreference",
        )?,
        management: list(
            response.resource_type_management_preference,
            "ResourceTypeManagementPreference",
        )?,
    })
}

async fn list_vaults(reader: &RegionReader<'_>, calls: &ServiceCalls) -> Listing<Vault> {
    let pages = reader
        .session
        .clients
        .backup(reader.region)
        .list_backup_vaults()
        .max_results(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(LIST_VAULTS, pages, |page| {
            let vaults = page.backup_vault_list?.into_iter();
            let vaults: Vec<Option<Vault>> = vaults.map(vault_from).collect();
            reader.request_keys(vaults.iter().flatten().map(Resource::Vault));
            Some(vaults)
        })
        .await
}

fn vault_from(vault: BackupVaultListMember) -> Option<Vault> {
    let kind = vault.vault_type.as_ref().map(|it| it.as_str().to_owned());
    let kms_key = match (vault.encryption_key_arn.filled(), vault.encryption_key_type) {
        (None, Some(EncryptionKeyType::AwsOwnedKmsKey)) => Observed::Known(None),
        (key, _) => LIST_VAULTS.require_text(key, "EncryptionKeyArn").map(Some),
    };
    Some(Vault {
        arn: vault.backup_vault_arn.filled()?,
        id: vault.backup_vault_name.filled()?,
        vault_type: LIST_VAULTS.require_text(kind, "VaultType"),
        state: vault.vault_state.map(|it| it.as_str().to_owned()).filled(),
        kms_key,
        // Missing if Vault Lock sets no limit.
        min_retention_days: parse_days(LIST_VAULTS, vault.min_retention_days).into(),
        max_retention_days: parse_days(LIST_VAULTS, vault.max_retention_days).into(),
        access_policy: Observed::default(),
    })
}

// A missing value and -1 mean that there is no limit:
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
fn parse_days(operation: Operation, days: Option<i64>) -> Result<Option<u32>, Gap> {
    match days {
        None | Some(-1) => Ok(None),
        Some(days) => u32::try_from(days).map(Some).map_err(|_| {
            let message = format!(
                "{} returned an invalid retention of {days} days",
                operation.name
            );
            Gap::new(GapKind::Unreadable, message)
        }),
    }
}

async fn read_access_policy(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    vault: &str,
) -> Result<Option<String>, Gap> {
    let call = reader
        .session
        .clients
        .backup(reader.region)
        .get_backup_vault_access_policy()
        .backup_vault_name(vault)
        .send();
    let found = calls
        .find_optional(GET_ACCESS_POLICY, &["ResourceNotFoundException"], call)
        .await?;
    match found {
        None => Ok(None),
        Some(response) => {
            let policy = GET_ACCESS_POLICY.require_text(response.policy, "Policy");
            policy.get().cloned().map(Some)
        }
    }
}

/// Lists the ids and the names of the backup plans of the account.
async fn list_plan_names(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
) -> Listing<(String, Option<String>)> {
    let pages = reader
        .session
        .clients
        .backup(reader.region)
        .list_backup_plans()
        .max_results(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(LIST_PLANS, pages, |page| {
            let plans = page.backup_plans_list?.into_iter();
            let ids = plans.map(|plan| {
                Some((
                    plan.backup_plan_id.filled()?,
                    plan.backup_plan_name.filled(),
                ))
            });
            Some(ids.collect())
        })
        .await
}

/// Reads the backup plans of the account. Of those that an organization's policy created only the names may be read.
async fn read_listed_plans(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    listed: Listing<(String, Option<String>)>,
    without_organization: bool,
) -> Listing<BackupPlan> {
    let read = listed.items.into_iter().map(|(id, name)| async move {
        // The jobs of these plans refer to their ids.
        let is_known = without_organization && id.starts_with(ORGANIZATION_PLAN);
        let (rules, selections) = match is_known {
            true => (Listing::default(), Listing::default()),
            false => tokio::join!(
                read_rules(reader, calls, &id),
                list_selections(reader, calls, &id),
            ),
        };
        BackupPlan {
            name: name.unwrap_or_else(|| id.clone()),
            id: Some(id),
            rules,
            selections,
        }
    });
    Listing {
        items: join_all(read).await,
        gap: listed.gap,
    }
}

async fn read_rules(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    plan_id: &str,
) -> Listing<BackupRule> {
    let call = reader
        .session
        .clients
        .backup(reader.region)
        .get_backup_plan()
        .backup_plan_id(plan_id)
        .send();
    let read = calls.send_call(GET_PLAN, call).await.and_then(|response| {
        let plan = GET_PLAN.require_field(response.backup_plan, "BackupPlan");
        let rules = plan.get()?.rules.iter();
        rules
            .map(rule_from)
            .collect::<Result<Vec<BackupRule>, Gap>>()
    });
    match read {
        Ok(rules) => Listing::complete(rules),
        Err(gap) => failed_listing(gap),
    }
}

fn rule_from(rule: &SdkRule) -> Result<BackupRule, Gap> {
    let retention = |lifecycle: Option<&Lifecycle>| {
        parse_days(GET_PLAN, lifecycle.and_then(|it| it.delete_after_days))
    };
    let cold = |lifecycle: Option<&Lifecycle>| {
        let days = lifecycle.and_then(|it| it.move_to_cold_storage_after_days);
        let archives = lifecycle.and_then(|it| it.opt_in_to_archive_for_supported_resources);
        ColdStorage::from_days(days, archives.unwrap_or(false))
    };
    let text = |value: &str, name: &str| {
        let read = GET_PLAN.require_text(Some(value.to_owned()), name);
        read.get().cloned()
    };
    let copies = rule.copy_actions().iter().map(|copy| {
        let vault = &copy.destination_backup_vault_arn;
        Ok(CopyAction {
            vault_arn: text(vault, "DestinationBackupVaultArn")?,
            retention_days: retention(copy.lifecycle.as_ref())?,
            cold_storage: cold(copy.lifecycle.as_ref()),
        })
    });
    Ok(BackupRule {
        name: rule.rule_name.clone(),
        vault: text(&rule.target_backup_vault_name, "TargetBackupVaultName")?,
        air_gapped_vault: rule
            .target_logically_air_gapped_backup_vault_arn
            .clone()
            .filled(),
        schedule: rule.schedule_expression.clone().filled(),
        timezone: Observed::Known(rule.schedule_expression_timezone.clone().filled()),
        start_window_minutes: parse_minutes(rule.start_window_minutes).into(),
        // Missing if it is false.
        continuous: Observed::Known(rule.enable_continuous_backup.unwrap_or(false)),
        retention_days: retention(rule.lifecycle.as_ref())?,
        cold_storage: cold(rule.lifecycle.as_ref()),
        copies: copies.collect::<Result<_, Gap>>()?,
    })
}

fn parse_minutes(minutes: Option<i64>) -> Result<Option<u32>, Gap> {
    minutes.map(u32::try_from).transpose().map_err(|_| {
        let message = format!("{} returned an invalid start window", GET_PLAN.name);
        Gap::new(GapKind::Unreadable, message)
    })
}

async fn list_selections(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    plan_id: &str,
) -> Listing<BackupSelection> {
    let pages = reader
        .session
        .clients
        .backup(reader.region)
        .list_backup_selections()
        .backup_plan_id(plan_id)
        .max_results(PAGE)
        .into_paginator()
        .send();
    let listed: Listing<String> = calls
        .list_items(LIST_SELECTIONS, pages, |page| {
            let selections = page.backup_selections_list?.into_iter();
            Some(selections.map(|it| it.selection_id.filled()).collect())
        })
        .await;
    let read = listed
        .items
        .iter()
        .map(|id| read_selection(reader, calls, plan_id, id));
    let mut selections = Listing {
        items: Vec::new(),
        gap: listed.gap,
    };
    for selection in join_all(read).await {
        match selection {
            Ok(selection) => selections.items.push(selection),
            Err(gap) => {
                selections.gap.get_or_insert(gap);
            }
        }
    }
    selections
}

async fn read_selection(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    plan_id: &str,
    id: &str,
) -> Result<BackupSelection, Gap> {
    let call = reader
        .session
        .clients
        .backup(reader.region)
        .get_backup_selection()
        .backup_plan_id(plan_id)
        .selection_id(id)
        .send();
    let response = calls.send_call(GET_SELECTION, call).await?;
    let read = GET_SELECTION.require_field(response.backup_selection, "BackupSelection");
    selection_from(read.get()?)
}

fn selection_from(selection: &SdkSelection) -> Result<BackupSelection, Gap> {
    let text = |value: &str, name: &str| {
        let read = GET_SELECTION.require_text(Some(value.to_owned()), name);
        read.get().cloned()
    };
    let texts = |list: &[String], name: &str| -> Result<Vec<String>, Gap> {
        list.iter().map(|value| text(value, name)).collect()
    };
    let mut conditions = Vec::new();
    if let Some(all) = &selection.conditions {
        for (operator, list) in [
            (TagOperator::Equals, all.string_equals()),
            (TagOperator::NotEquals, all.string_not_equals()),
            (TagOperator::Like, all.string_like()),
            (TagOperator::NotLike, all.string_not_like()),
        ] {
            for parameter in list {
                conditions.push(condition_from(operator, parameter)?);
            }
        }
    }
    let tags = selection.list_of_tags().iter().map(|tag| {
        Ok(TagMatch {
            key: tag_key(&text(&tag.condition_key, "ConditionKey")?).to_owned(),
            value: tag.condition_value.clone(),
        })
    });
    Ok(BackupSelection {
        name: selection.selection_name.clone(),
        role_arn: text(&selection.iam_role_arn, "IamRoleArn")?,
        resources: texts(selection.resources(), "Resources")?,
        not_resources: texts(selection.not_resources(), "NotResources")?,
        tags: tags.collect::<Result<_, Gap>>()?,
        conditions,
    })
}

fn condition_from(
    operator: TagOperator,
    parameter: &ConditionParameter,
) -> Result<TagCondition, Gap> {
    let key = GET_SELECTION.require_text(parameter.condition_key.clone(), "ConditionKey");
    let value = GET_SELECTION.require_field(parameter.condition_value.clone(), "ConditionValue");
    Ok(TagCondition {
        operator,
        key: tag_key(key.get()?).to_owned(),
        value: value.get()?.clone(),
    })
}
