//! Vaults, backup plans and their selections. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-backup-backupvault.html>.

use crate::model::backup::Vault;
use crate::model::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, ColdStorage, CopyAction, TagCondition, TagMatch,
    TagOperator, tag_key,
};
use crate::model::{Gap, Listing, Observed};

use crate::source::planned::add_gap;

use super::build::{AIR_GAPPED_VAULT, Build, VAULT, locate_gap};
use super::policy;
use super::template::Declared;
use super::value::{Resolved, unexpected_shape};
use crate::source::defaults::BACKUP_VAULT_KEY;

const PLAN: &str = "AWS::Backup::BackupPlan";

pub(super) fn read_backup_resources(build: &mut Build<'_>) {
    for declared in build.of_type(VAULT) {
        let properties = build.template.properties(&declared);
        let lock = properties.get("LockConfiguration");
        // The default of EncryptionKeyArn is the AWS managed key of AWS Backup.
        let key = locate_gap(
            "EncryptionKeyArn",
            build.key_or(&properties.get("EncryptionKeyArn"), Some(BACKUP_VAULT_KEY)),
        );
        let access_policy = read_access_policy(build, &properties);
        let vault = Vault {
            arn: build.declare_resource(&declared, ""),
            id: vault_name(build, &declared),
            vault_type: Observed::Known("BACKUP_VAULT".to_owned()),
            state: None,
            kms_key: key.into(),
            min_retention_days: read_days(&lock, "MinRetentionDays").into(),
            max_retention_days: read_days(&lock, "MaxRetentionDays").into(),
            access_policy,
        };
        build.stack_region().vaults.items.push(vault);
    }
    for declared in build.of_type(AIR_GAPPED_VAULT) {
        let properties = build.template.properties(&declared);
        // Without one, AWS owns the key.
        let key = locate_gap(
            "EncryptionKeyArn",
            build.key(&properties.get("EncryptionKeyArn")),
        );
        let access_policy = read_access_policy(build, &properties);
        let vault = Vault {
            arn: build.declare_resource(&declared, ""),
            id: vault_name(build, &declared),
            vault_type: Observed::Known("LOGICALLY_AIR_GAPPED_BACKUP_VAULT".to_owned()),
            state: None,
            kms_key: key.into(),
            min_retention_days: read_days(&properties, "MinRetentionDays").into(),
            max_retention_days: read_days(&properties, "MaxRetentionDays").into(),
            access_policy,
        };
        build.stack_region().vaults.items.push(vault);
    }
    for declared in build.of_type(PLAN) {
        // If it is not created, nothing of it backs the account up.
        if let Some((_, open)) = &declared.condition {
            add_gap(&mut build.stack_region().backup_plans.gap, &open.gap);
            continue;
        }
        let plan = read_plan(build, &declared);
        build.stack_region().backup_plans.items.push(plan);
    }
}

fn read_access_policy(build: &Build<'_>, properties: &Resolved) -> Observed<Option<String>> {
    match properties.get("AccessPolicy") {
        Resolved::Absent => Observed::Known(None),
        given => locate_gap("AccessPolicy", policy::policy_for_evaluation(build, &given))
            .map(Some)
            .into(),
    }
}

/// Returns a vault's name, or its logical id where it has none.
fn vault_name(build: &Build<'_>, declared: &Declared<'_>) -> String {
    let vault = build.template.find_resource(declared.id);
    let properties = vault.map(|it| build.template.properties(it));
    let named = properties.and_then(|it| it.get("BackupVaultName").text().ok().flatten());
    named.unwrap_or_else(|| declared.id.to_owned())
}

fn read_days(holder: &Resolved, name: &str) -> Result<Option<u32>, Gap> {
    let given = locate_gap(name, holder.get(name).as_integer())?;
    Ok(given.map(|days| u32::try_from(days).unwrap_or(0)))
}

/// Returns the retention of a lifecycle in days; `None` where backups do not expire, as with -1.
fn read_retention(holder: &Resolved) -> Result<Option<u32>, Gap> {
    let given = holder.get("Lifecycle").get("DeleteAfterDays").as_integer();
    let days = locate_gap("DeleteAfterDays", given)?.filter(|days| *days != -1);
    Ok(days.map(|days| u32::try_from(days).unwrap_or(0)))
}

fn read_cold_storage(holder: &Resolved) -> Result<Option<ColdStorage>, Gap> {
    let lifecycle = holder.get("Lifecycle");
    let days = lifecycle.get("MoveToColdStorageAfterDays").as_integer()?;
    let archives = lifecycle.get("OptInToArchiveForSupportedResources");
    let archives = archives.as_boolean()?.unwrap_or(false);
    ColdStorage::from_days(days, archives).get().copied()
}

fn complete_listing<T>(read: Result<Vec<T>, Gap>) -> Listing<T> {
    match read {
        Ok(items) => Listing::complete(items),
        Err(gap) => Listing {
            items: Vec::new(),
            gap: Some(gap),
        },
    }
}

fn read_plan(build: &Build<'_>, declared: &Declared<'_>) -> BackupPlan {
    let properties = build.template.find_resource(declared.id);
    let body = properties.map_or(Resolved::Absent, |it| {
        build.template.properties(it).get("BackupPlan")
    });
    let rules = body
        .get("BackupPlanRule")
        .read_list(|rule| read_rule(build, rule));
    let selections = build
        .template
        .of_type("AWS::Backup::BackupSelection")
        .filter_map(|it| {
            let properties = build.template.properties(it);
            let of_plan = build.referenced_resource(&properties.get("BackupPlanId"), &[PLAN])?;
            (of_plan.id == declared.id).then(|| match &it.condition {
                Some((_, open)) => Err(open.gap.clone()),
                None => read_selection(build, &properties.get("BackupSelection")),
            })
        });
    let mut listed = Listing::complete(Vec::new());
    for selection in selections {
        match selection {
            Ok(selection) => listed.items.push(selection),
            Err(gap) => add_gap(&mut listed.gap, &gap),
        }
    }
    BackupPlan {
        id: None,
        name: declared.id.to_owned(),
        rules: complete_listing(locate_gap("BackupPlanRule", rules)),
        selections: listed,
    }
}

fn require_text(value: Option<String>) -> Result<String, Gap> {
    value.ok_or_else(|| unexpected_shape("given").gap)
}

fn read_rule(build: &Build<'_>, rule: &Resolved) -> Result<BackupRule, Gap> {
    let vault = rule.get("TargetBackupVault");
    let vault = match build.referenced_resource(&vault, &[VAULT, AIR_GAPPED_VAULT]) {
        Some(vault) => vault_name(build, &vault),
        None => require_text(vault.text()?)?,
    };
    let copies = rule.get("CopyActions").read_list(|copy| {
        Ok(CopyAction {
            vault_arn: require_text(
                build.text_with_stand_ins(&copy.get("DestinationBackupVaultArn"))?,
            )?,
            retention_days: read_retention(copy)?,
            cold_storage: read_cold_storage(copy).into(),
        })
    });
    Ok(BackupRule {
        name: rule.get("RuleName").text()?.unwrap_or_default(),
        vault,
        air_gapped_vault: build
            .text_with_stand_ins(&rule.get("TargetLogicallyAirGappedBackupVaultArn"))?,
        schedule: rule.get("ScheduleExpression").text()?,
        timezone: rule.get("ScheduleExpressionTimezone").text().into(),
        start_window_minutes: read_days(rule, "StartWindowMinutes").into(),
        continuous: rule
            .get("EnableContinuousBackup")
            .as_boolean()
            .map(|given| given.unwrap_or(false))
            .into(),
        retention_days: read_retention(rule)?,
        cold_storage: read_cold_storage(rule).into(),
        copies: copies?,
    })
}

fn read_selection(build: &Build<'_>, body: &Resolved) -> Result<BackupSelection, Gap> {
    let written = |name: &str| {
        let named = |item: &Resolved| match build.find_created(item) {
            Some(arn) => Ok(arn),
            None => Ok(build.text_with_stand_ins(item)?.unwrap_or_default()),
        };
        body.get(name).read_list(named)
    };
    let tags = body.get("ListOfTags").read_list(|tag| {
        Ok(TagMatch {
            key: require_text(tag.get("ConditionKey").text()?)?,
            value: require_text(tag.get("ConditionValue").text()?)?,
        })
    });
    let mut conditions = Vec::new();
    for (name, operator) in [
        ("StringEquals", TagOperator::Equals),
        ("StringNotEquals", TagOperator::NotEquals),
        ("StringLike", TagOperator::Like),
        ("StringNotLike", TagOperator::NotLike),
    ] {
        let of_operator = body.get("Conditions").get(name).read_list(|condition| {
            let key = require_text(condition.get("ConditionKey").text()?)?;
            Ok(TagCondition {
                operator,
                key: tag_key(&key).to_owned(),
                value: require_text(condition.get("ConditionValue").text()?)?,
            })
        });
        conditions.extend(of_operator?);
    }
    Ok(BackupSelection {
        name: body.get("SelectionName").text()?.unwrap_or_default(),
        role_arn: require_text(build.text_with_stand_ins(&body.get("IamRoleArn"))?)?,
        resources: written("Resources")?,
        not_resources: written("NotResources")?,
        tags: tags?,
        conditions,
    })
}
