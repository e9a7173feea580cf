//! AWS Backup: its settings, the vaults, and, where no organization policy was read, the plans.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_backup::operation::describe_region_settings::DescribeRegionSettingsOutput;
use aws_sdk_backup::types::{
    BackupRule as SdkRule, BackupSelection as SdkSelection, BackupVaultListMember,
    ConditionParameter, EncryptionKeyType, Lifecycle,
};
use futures_util::future::join_all;

use crate::model::backup::{BackupSettings, Vault};
use crate::model::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, CopyAction, TagCondition, TagMatch, TagOperator,
    tag_key,
};
use crate::model::observed::{Gap, GapKind, Listing, Observed};

use super::call::{Caller, Operation, Scope};
use super::organizations::Policy;
use super::scan_scope::{NotAsked, Reads, asked};
use super::session::Session;

const DESCRIBE_REGION_SETTINGS: Operation = Operation::new("backup:DescribeRegionSettings");
const LIST_VAULTS: Operation = Operation::new("backup:ListBackupVaults");
const GET_ACCESS_POLICY: Operation = Operation::new("backup:GetBackupVaultAccessPolicy");
const LIST_PLANS: Operation = Operation::new("backup:ListBackupPlans");
const GET_PLAN: Operation = Operation::new("backup:GetBackupPlan");
const LIST_SELECTIONS: Operation = Operation::new("backup:ListBackupSelections");
const GET_SELECTION: Operation = Operation::new("backup:GetBackupSelection");

/// What reading the settings takes.
pub const SETTINGS_OPERATIONS: &[Operation] = &[DESCRIBE_REGION_SETTINGS];
/// What reading vaults takes.
pub const VAULT_OPERATIONS: &[Operation] = &[LIST_VAULTS, GET_ACCESS_POLICY];
/// What reading plans takes.
pub const PLAN_OPERATIONS: &[Operation] = &[LIST_PLANS, GET_PLAN, LIST_SELECTIONS, GET_SELECTION];

/// The largest page: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupVaults.html>.
const PAGE: i32 = 1000;

/// What AWS Backup says of a region.
#[derive(Debug)]
pub struct Backup {
    /// Its settings.
    pub settings: Observed<BackupSettings>,
    /// The vaults.
    pub vaults: Listing<Vault>,
    /// The plans; not asked for where the organization's policy was read.
    pub plans: Listing<BackupPlan>,
}

/// Reads a region.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    policy: &Policy<'_>,
    reads: &Reads,
) -> Backup {
    let scope = caller.scope(region, "backup");
    let by_plans = async {
        if !reads.protection() {
            return (Listing::not_asked(), BTreeSet::new());
        }
        match policy.get().await {
            Observed::Known(Some(policy)) => {
                let used = policy.vault_names(region).into_iter().map(str::to_owned);
                (Listing::default(), used.collect())
            }
            _ => {
                let plans = plans(session, &scope, region).await;
                let rules = plans.items.iter().flat_map(|plan| &plan.rules.items);
                let used: BTreeSet<String> = rules.map(|rule| rule.vault.clone()).collect();
                (plans, used)
            }
        }
    };
    let (settings, mut vaults, (plans, used)) = tokio::join!(
        asked(reads.settings, settings(session, &scope, region)),
        asked(reads.account, vaults(session, &scope, region)),
        by_plans,
    );
    let in_use = vaults.items.iter_mut().filter(|it| used.contains(&it.id));
    join_all(in_use.map(|vault| async {
        vault.access_policy = access_policy(session, &scope, region, &vault.id)
            .await
            .into();
    }))
    .await;
    Backup {
        settings,
        vaults,
        plans,
    }
}

async fn settings(session: &Session, scope: &Scope, region: &str) -> Observed<BackupSettings> {
    let call = session.backup(region).describe_region_settings().send();
    let settings = match scope.call(DESCRIBE_REGION_SETTINGS, call).await {
        Ok(answer) => settings_of(answer),
        Err(gap) => Err(gap),
    };
    settings.into()
}

// An account that changed nothing still gets both lists, with every service in them.
fn settings_of(answer: DescribeRegionSettingsOutput) -> Result<BackupSettings, Gap> {
    let list = |preferences: Option<HashMap<String, bool>>, name: &str| {
        let read = DESCRIBE_REGION_SETTINGS.field(preferences, name);
        read.get().map(|it| it.clone().into_iter().collect())
    };
    Ok(BackupSettings {
        opt_in: list(
            answer.resource_type_opt_in_preference,
            "ResourceTypeOptInPreference",
        )?,
        management: list(
            answer.resource_type_management_preference,
            "ResourceTypeManagementPreference",
        )?,
    })
}

async fn vaults(session: &Session, scope: &Scope, region: &str) -> Listing<Vault> {
    let pages = session
        .backup(region)
        .list_backup_vaults()
        .max_results(PAGE)
        .into_paginator()
        .send();
    scope
        .list(LIST_VAULTS, pages, |page| {
            let vaults = page.backup_vault_list?.into_iter();
            Some(vaults.map(vault).collect())
        })
        .await
}

fn vault(vault: BackupVaultListMember) -> Option<Vault> {
    let kind = vault.vault_type.as_ref().map(|it| it.as_str().to_owned());
    let kms_key = match (vault.encryption_key_arn, vault.encryption_key_type) {
        (None, Some(EncryptionKeyType::AwsOwnedKmsKey)) => Observed::Known(None),
        (key, _) => LIST_VAULTS.field(key, "EncryptionKeyArn").map(Some),
    };
    Some(Vault {
        arn: vault.backup_vault_arn?,
        id: vault.backup_vault_name?,
        vault_type: LIST_VAULTS.field(kind, "VaultType"),
        kms_key,
        // Left out where Vault Lock sets no limit.
        min_retention_days: days(LIST_VAULTS, vault.min_retention_days).into(),
        max_retention_days: days(LIST_VAULTS, vault.max_retention_days).into(),
        access_policy: Observed::default(),
    })
}

// Without a number, or with -1, there is no end:
// https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html
fn days(operation: Operation, days: Option<i64>) -> Result<Option<u32>, Gap> {
    match days {
        None | Some(-1) => Ok(None),
        Some(days) => u32::try_from(days).map(Some).map_err(|_| {
            let message = format!(
                "{} answers with {days} days, which nobody can keep",
                operation.name
            );
            Gap::new(GapKind::Unreadable, message)
        }),
    }
}

async fn access_policy(
    session: &Session,
    scope: &Scope,
    region: &str,
    vault: &str,
) -> Result<Option<String>, Gap> {
    let call = session
        .backup(region)
        .get_backup_vault_access_policy()
        .backup_vault_name(vault)
        .send();
    let found = scope
        .find(GET_ACCESS_POLICY, &["ResourceNotFoundException"], call)
        .await?;
    match found {
        None => Ok(None),
        Some(answer) => {
            let policy = GET_ACCESS_POLICY.field(answer.policy, "Policy");
            policy.get().cloned().map(Some)
        }
    }
}

async fn plans(session: &Session, scope: &Scope, region: &str) -> Listing<BackupPlan> {
    let pages = session
        .backup(region)
        .list_backup_plans()
        .max_results(PAGE)
        .into_paginator()
        .send();
    let listed: Listing<(String, Option<String>)> = scope
        .list(LIST_PLANS, pages, |page| {
            let plans = page.backup_plans_list?.into_iter();
            let named = plans.map(|plan| Some((plan.backup_plan_id?, plan.backup_plan_name)));
            Some(named.collect())
        })
        .await;
    let read = listed.items.into_iter().map(|(id, name)| async move {
        let (rules, selections) = tokio::join!(
            rules(session, scope, region, &id),
            selections(session, scope, region, &id),
        );
        BackupPlan {
            name: name.unwrap_or(id),
            rules,
            selections,
        }
    });
    Listing {
        items: join_all(read).await,
        gap: listed.gap,
    }
}

async fn rules(session: &Session, scope: &Scope, region: &str, plan: &str) -> Listing<BackupRule> {
    let call = session
        .backup(region)
        .get_backup_plan()
        .backup_plan_id(plan)
        .send();
    let read = scope.call(GET_PLAN, call).await.and_then(|answer| {
        let plan = GET_PLAN.field(answer.backup_plan, "BackupPlan");
        let rules = plan.get()?.rules.iter();
        rules.map(rule).collect::<Result<Vec<BackupRule>, Gap>>()
    });
    match read {
        Ok(rules) => Listing::complete(rules),
        Err(gap) => Listing {
            items: Vec::new(),
            gap: Some(gap),
        },
    }
}

fn rule(rule: &SdkRule) -> Result<BackupRule, Gap> {
    let kept = |lifecycle: Option<&Lifecycle>| {
        days(GET_PLAN, lifecycle.and_then(|it| it.delete_after_days))
    };
    let copies = rule.copy_actions().iter().map(|copy| {
        Ok(CopyAction {
            vault_arn: copy.destination_backup_vault_arn.clone(),
            retention_days: kept(copy.lifecycle.as_ref())?,
        })
    });
    Ok(BackupRule {
        name: rule.rule_name.clone(),
        vault: rule.target_backup_vault_name.clone(),
        schedule: rule.schedule_expression.clone(),
        retention_days: kept(rule.lifecycle.as_ref())?,
        copies: copies.collect::<Result<_, Gap>>()?,
    })
}

async fn selections(
    session: &Session,
    scope: &Scope,
    region: &str,
    plan: &str,
) -> Listing<BackupSelection> {
    let pages = session
        .backup(region)
        .list_backup_selections()
        .backup_plan_id(plan)
        .max_results(PAGE)
        .into_paginator()
        .send();
    let listed: Listing<String> = scope
        .list(LIST_SELECTIONS, pages, |page| {
            let selections = page.backup_selections_list?.into_iter();
            Some(selections.map(|it| it.selection_id).collect())
        })
        .await;
    let read = join_all(
        listed
            .items
            .iter()
            .map(|id| selection(session, scope, region, plan, id)),
    )
    .await;
    let mut selections = Listing {
        items: Vec::new(),
        gap: listed.gap,
    };
    for selection in read {
        match selection {
            Ok(selection) => selections.items.push(selection),
            Err(gap) => {
                selections.gap.get_or_insert(gap);
            }
        }
    }
    selections
}

async fn selection(
    session: &Session,
    scope: &Scope,
    region: &str,
    plan: &str,
    id: &str,
) -> Result<BackupSelection, Gap> {
    let call = session
        .backup(region)
        .get_backup_selection()
        .backup_plan_id(plan)
        .selection_id(id)
        .send();
    let answer = scope.call(GET_SELECTION, call).await?;
    let read = GET_SELECTION.field(answer.backup_selection, "BackupSelection");
    selection_of(read.get()?)
}

fn selection_of(selection: &SdkSelection) -> Result<BackupSelection, Gap> {
    let mut conditions = Vec::new();
    if let Some(all) = &selection.conditions {
        for (operator, list) in [
            (TagOperator::Equals, all.string_equals()),
            (TagOperator::NotEquals, all.string_not_equals()),
            (TagOperator::Like, all.string_like()),
            (TagOperator::NotLike, all.string_not_like()),
        ] {
            for one in list {
                conditions.push(condition(operator, one)?);
            }
        }
    }
    let tags = selection.list_of_tags().iter().map(|tag| TagMatch {
        key: tag_key(&tag.condition_key).to_owned(),
        value: tag.condition_value.clone(),
    });
    Ok(BackupSelection {
        name: selection.selection_name.clone(),
        role_arn: selection.iam_role_arn.clone(),
        resources: selection.resources().to_vec(),
        not_resources: selection.not_resources().to_vec(),
        tags: tags.collect(),
        conditions,
    })
}

fn condition(operator: TagOperator, read: &ConditionParameter) -> Result<TagCondition, Gap> {
    let key = GET_SELECTION.field(read.condition_key.as_deref(), "ConditionKey");
    let value = GET_SELECTION.field(read.condition_value.clone(), "ConditionValue");
    Ok(TagCondition {
        operator,
        key: tag_key(key.get()?).to_owned(),
        value: value.get()?.clone(),
    })
}
