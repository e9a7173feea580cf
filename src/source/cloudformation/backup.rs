//! Vaults, backup plans and their selections. What a property's absence means:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-backup-backupvault.html>.

use crate::model::backup::Vault;
use crate::model::backup_plan::{
    CopyAction, Plan, PlanRule, Selection, TagCondition, TagMatch, TagOperator, tag_key,
};
use crate::model::{Gap, Listing, Observed};
use crate::source::defaults::BACKUP_VAULT_KEY;

use super::build::{Build, located};
use super::policy;
use super::template::Declared;
use super::value::{Resolved, misshapen};

const VAULT: &str = "AWS::Backup::BackupVault";
const AIR_GAPPED: &str = "AWS::Backup::LogicallyAirGappedBackupVault";
const PLAN: &str = "AWS::Backup::BackupPlan";

pub(super) fn read(build: &mut Build<'_>) {
    for declared in build.of_type(VAULT) {
        let properties = build.template.properties(&declared);
        let lock = properties.get("LockConfiguration");
        // Without a key of its own a vault gets the one that AWS Backup manages.
        let key = located(
            "EncryptionKeyArn",
            build.key(&properties.get("EncryptionKeyArn")),
        );
        let access_policy = match properties.get("AccessPolicy") {
            Resolved::Absent => Observed::Known(None),
            given => located("AccessPolicy", policy::judged(build, &given))
                .map(Some)
                .into(),
        };
        let vault = Vault {
            arn: build.declare(&declared, ""),
            id: vault_name(build, &declared),
            vault_type: Observed::Known("BACKUP_VAULT".to_owned()),
            kms_key: key
                .map(|key| key.or_else(|| Some(BACKUP_VAULT_KEY.to_owned())))
                .into(),
            min_retention_days: days(&lock, "MinRetentionDays").into(),
            max_retention_days: days(&lock, "MaxRetentionDays").into(),
            access_policy,
        };
        build.here().vaults.items.push(vault);
    }
    for declared in build.of_type(AIR_GAPPED) {
        let properties = build.template.properties(&declared);
        let vault = Vault {
            arn: build.declare(&declared, ""),
            id: vault_name(build, &declared),
            vault_type: Observed::Known("LOGICALLY_AIR_GAPPED_BACKUP_VAULT".to_owned()),
            kms_key: Observed::Known(None),
            min_retention_days: days(&properties, "MinRetentionDays").into(),
            max_retention_days: days(&properties, "MaxRetentionDays").into(),
            access_policy: Observed::Known(None),
        };
        build.here().vaults.items.push(vault);
    }
    for declared in build.of_type(PLAN) {
        let plan = plan(build, &declared);
        build.here().backup_plans.items.push(plan);
    }
}

/// A vault's own name, else its logical id.
fn vault_name(build: &Build<'_>, declared: &Declared<'_>) -> String {
    let vault = build.template.resource(declared.id);
    let properties = vault.map(|it| build.template.properties(it));
    let named = properties.and_then(|it| it.get("BackupVaultName").text().ok().flatten());
    named.unwrap_or_else(|| declared.id.to_owned())
}

fn days(holder: &Resolved, name: &str) -> Result<Option<u32>, Gap> {
    let given = located(name, holder.get(name).integer())?;
    Ok(given.map(|days| u32::try_from(days).unwrap_or(0)))
}

fn whole<T>(read: Result<Vec<T>, Gap>) -> Listing<T> {
    match read {
        Ok(items) => Listing::complete(items),
        Err(gap) => Listing {
            items: Vec::new(),
            gap: Some(gap),
        },
    }
}

fn plan(build: &Build<'_>, declared: &Declared<'_>) -> Plan {
    let properties = build.template.resource(declared.id);
    let properties = properties.map_or(Resolved::Absent, |it| build.template.properties(it));
    let body = properties.get("BackupPlan");
    let rules = body
        .get("BackupPlanRule")
        .list(|rule| self::rule(build, rule));
    let selections = build
        .template
        .of_type("AWS::Backup::BackupSelection")
        .filter_map(|it| {
            let properties = build.template.properties(it);
            let of_plan = build.referenced(&properties.get("BackupPlanId"), &[PLAN])?;
            (of_plan.id == declared.id)
                .then(|| selection(build, &properties.get("BackupSelection")))
        });
    Plan {
        name: declared.id.to_owned(),
        rules: whole(located("BackupPlanRule", rules)),
        selections: whole(selections.collect()),
    }
}

fn required(value: Option<String>) -> Result<String, Gap> {
    value.ok_or_else(|| misshapen("given").gap)
}

fn rule(build: &Build<'_>, rule: &Resolved) -> Result<PlanRule, Gap> {
    let vault = rule.get("TargetBackupVault");
    let vault = match build.referenced(&vault, &[VAULT, AIR_GAPPED]) {
        Some(vault) => vault_name(build, &vault),
        None => required(vault.text()?)?,
    };
    let kept = |holder: &Resolved| days(&holder.get("Lifecycle"), "DeleteAfterDays");
    let copies = rule.get("CopyActions").list(|copy| {
        Ok(CopyAction {
            vault_arn: required(build.written(&copy.get("DestinationBackupVaultArn"))?)?,
            retention_days: kept(copy)?,
        })
    });
    Ok(PlanRule {
        name: rule.get("RuleName").text()?.unwrap_or_default(),
        vault,
        schedule: rule.get("ScheduleExpression").text()?,
        retention_days: kept(rule)?,
        copies: copies?,
    })
}

fn selection(build: &Build<'_>, body: &Resolved) -> Result<Selection, Gap> {
    let written = |name: &str| {
        body.get(name)
            .list(|item| Ok(build.written(item)?.unwrap_or_default()))
    };
    let tags = body.get("ListOfTags").list(|tag| {
        Ok(TagMatch {
            key: required(tag.get("ConditionKey").text()?)?,
            value: required(tag.get("ConditionValue").text()?)?,
        })
    });
    let mut conditions = Vec::new();
    for (name, operator) in [
        ("StringEquals", TagOperator::Equals),
        ("StringNotEquals", TagOperator::NotEquals),
        ("StringLike", TagOperator::Like),
        ("StringNotLike", TagOperator::NotLike),
    ] {
        let of_operator = body.get("Conditions").get(name).list(|condition| {
            let key = required(condition.get("ConditionKey").text()?)?;
            Ok(TagCondition {
                operator,
                key: tag_key(&key).to_owned(),
                value: required(condition.get("ConditionValue").text()?)?,
            })
        });
        conditions.extend(of_operator?);
    }
    Ok(Selection {
        name: body.get("SelectionName").text()?.unwrap_or_default(),
        role_arn: required(build.written(&body.get("IamRoleArn"))?)?,
        resources: written("Resources")?,
        not_resources: written("NotResources")?,
        tags: tags?,
        conditions,
    })
}
