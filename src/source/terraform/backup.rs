//! AWS Backup: region settings, vaults, backup plans and backup selections.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::arn::partition_of;
use crate::model::backup::{BackupSettings, Vault};
use crate::model::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, ColdStorage, CopyAction, TagCondition, TagMatch,
    TagOperator, tag_key,
};
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::source::defaults::BACKUP_VAULT_KEY;
use crate::source::planned::Planned;

use super::item::Item;
use super::policy;
use super::reader::{Link, Reader, mark_incomplete, not_in_plan};
use super::view::{Fact, View};

const VAULTS: [&str; 2] = ["aws_backup_vault", "aws_backup_logically_air_gapped_vault"];

/// Reads the region settings, vaults and backup plans of the plan.
pub(super) fn read_backup<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let is_here = |it: &&Item<'_>| !reader.places.is_elsewhere(it);
    let settings = reader.document.items_of("aws_backup_region_settings");
    for item in settings.filter(is_here) {
        let view = item.view();
        let region = reader.places.region_of(item);
        let settings =
            read_preferences(&view, "resource_type_opt_in_preference").and_then(|opt_in| {
                let management = read_preferences(&view, "resource_type_management_preference")?;
                Ok(BackupSettings { opt_in, management })
            });
        planned.region_mut(&region).backup_settings = settings.into();
    }
    // The settings hold for the tables of one account only.
    let mut tables = reader.document.items_of("aws_dynamodb_table");
    if let Some(table) = tables.find(|it| !is_here(it)) {
        let region = reader.places.region_of(table);
        let message = format!(
            "{} is in another account than that of the plan, whose settings of AWS Backup are not known",
            table.address
        );
        planned.region_mut(&region).backup_settings =
            Observed::Unknown(Gap::new(GapKind::Foreign, message));
    }
    read_vaults(reader, planned);
    read_plans(reader, planned);
}

/// Returns the preferences per service in a map. A service that is not in it keeps the setting of the
/// account.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_UpdateRegionSettings.html>.
fn read_preferences(view: &View<'_>, name: &str) -> Result<BTreeMap<String, bool>, Gap> {
    let services = view.fact(name).set_value()?.and_then(Value::as_object);
    let services = services.into_iter().flatten();
    Ok(services
        .filter_map(|(service, on)| Some((service.clone(), on.as_bool()?)))
        .collect())
}

/// Reads the vaults with their locks and access policies.
fn read_vaults<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let by = ["name", "id", "arn"];
    let of = |kind: &str| reader.find_satellites(kind, "backup_vault_name", &VAULTS, &by);
    let (locks, policies) = (
        of("aws_backup_vault_lock_configuration"),
        of("aws_backup_vault_policy"),
    );
    for kind in VAULTS {
        let items = reader.document.items_of(kind);
        for item in items.filter(|it| !reader.places.is_elsewhere(it)) {
            let view = item.view();
            let named = reader.identify_item(item, view.text("name"));
            let is_plain = kind == VAULTS[0];
            let lock = match is_plain {
                true => locks
                    .attached_to(item)
                    .map(|found| found.first().map(|lock| lock.view())),
                // A logically air-gapped vault has its retention limits itself.
                false => Ok(Some(view)),
            };
            let days = |name: &str| match &lock {
                Ok(Some(lock)) => lock
                    .number(name)
                    .set_value()
                    .map(|days| days.map(|days| u32::try_from(days).unwrap_or(u32::MAX))),
                Ok(None) if item.exists => Err(not_in_plan(&view, "the Vault Lock configuration")),
                Ok(None) => Ok(None),
                Err(gap) => Err(gap.clone()),
            };
            let access = policies.settle(item, |satellite| match satellite {
                Some(satellite) => policy::policy_text(reader, &satellite.view(), "policy"),
                None if item.exists => Err(not_in_plan(&view, "the access policy")),
                None => Ok(None),
            });
            let key_attribute = if is_plain {
                "kms_key_arn"
            } else {
                "encryption_key_arn"
            };
            let kms_key = reader.key_or_else(&view, key_attribute, planned, || {
                match (is_plain, item.exists) {
                    (_, true) => Err(not_in_plan(&view, "the key")),
                    (true, false) => Ok(Some(BACKUP_VAULT_KEY.to_owned())),
                    (false, false) => Ok(None),
                }
            });
            let vault_type = match is_plain {
                true => "BACKUP_VAULT",
                false => "LOGICALLY_AIR_GAPPED_BACKUP_VAULT",
            };
            let vault = Vault {
                vault_type: Observed::Known(vault_type.to_owned()),
                state: None,
                kms_key,
                min_retention_days: days("min_retention_days").into(),
                max_retention_days: days("max_retention_days").into(),
                access_policy: access.into(),
                id: named.id,
                arn: named.arn,
            };
            reader.add_place(item, &vault.arn, planned);
            planned.region_mut(&named.region).vaults.items.push(vault);
        }
    }
}

/// Reads the backup plans with their backup selections.
fn read_plans<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let selections = reader.find_satellites(
        "aws_backup_selection",
        "plan_id",
        &["aws_backup_plan"],
        &["id"],
    );
    let plans = reader.document.items_of("aws_backup_plan");
    for item in plans.filter(|it| !reader.places.is_elsewhere(it)) {
        let view = item.view();
        let region = reader.places.region_of(item);
        let mut chosen = Listing::complete(Vec::new());
        match selections.attached_to(item) {
            Ok(found) => {
                for selection in found {
                    match read_selection(reader, selection) {
                        Ok(selection) => chosen.items.push(selection),
                        Err(gap) => mark_incomplete(&mut chosen, gap),
                    }
                }
            }
            Err(gap) => mark_incomplete(&mut chosen, gap),
        }
        if item.exists {
            mark_incomplete(&mut chosen, not_in_plan(&view, "all backup selections"));
        }
        let mut rules = Listing::complete(Vec::new());
        match view.blocks("rule").final_value() {
            Ok(blocks) => {
                for block in blocks.unwrap_or_default() {
                    match read_rule(reader, &block) {
                        Ok(rule) => rules.items.push(rule),
                        Err(gap) => mark_incomplete(&mut rules, gap),
                    }
                }
            }
            Err(gap) => mark_incomplete(&mut rules, gap),
        }
        let name = view.text("name").known().unwrap_or(item.address);
        planned
            .region_mut(&region)
            .backup_plans
            .items
            .push(BackupPlan {
                id: view.text("id").known().map(str::to_owned),
                name: name.to_owned(),
                rules,
                selections: chosen,
            });
    }
}

/// Returns the retention of a lifecycle block in days; `None` if backups do not expire.
fn read_retention(view: &View<'_>) -> Result<Option<u32>, Gap> {
    for block in view.blocks("lifecycle").set_value()?.unwrap_or_default() {
        if let Some(days) = block.number("delete_after").set_value()? {
            return Ok(u32::try_from(days).ok().filter(|days| *days > 0));
        }
    }
    Ok(None)
}

/// Returns when backups move to cold storage; `None` for never, which the provider writes as 0 too.
fn read_cold_storage(view: &View<'_>) -> Result<Option<ColdStorage>, Gap> {
    let blocks = view.blocks("lifecycle").set_value()?;
    let Some(block) = blocks.unwrap_or_default().into_iter().next() else {
        return Ok(None);
    };
    let days = block.number("cold_storage_after").set_value()?;
    let archives = block.flag("opt_in_to_archive_for_supported_resources");
    let archives = archives.set_value()?.unwrap_or(false);
    let cold = ColdStorage::from_days(days.filter(|days| *days != 0), archives);
    cold.get().copied()
}

/// Returns the time zone of a rule's schedule; `None` for UTC, the provider's default too.
fn read_timezone(view: &View<'_>) -> Result<Option<String>, Gap> {
    let given = view.text("schedule_expression_timezone").set_value()?;
    Ok(given.map(str::to_owned))
}

/// Returns how many minutes late a backup may start; `None` where the default counts.
fn read_start_window(view: &View<'_>) -> Result<Option<u32>, Gap> {
    let minutes = view.number("start_window").set_value()?;
    Ok(minutes.and_then(|it| u32::try_from(it).ok()))
}

/// Returns the ARN that a vault will have, if its account, its region and its name are known.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html>.
fn vault_arn(reader: &Reader<'_>, vault: &Item<'_>) -> Option<String> {
    let region = reader.places.known_region(vault)?;
    let account = reader.places.account_of(vault)?;
    let name = vault.view().text("name").known()?;
    let partition = partition_of(&region);
    Some(format!(
        "arn:{partition}:backup:{region}:{account}:backup-vault:{name}"
    ))
}

/// Returns the ARN of the logically air-gapped vault of a rule, if it names one.
fn read_air_gapped_vault<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<Option<String>, Gap> {
    match reader.resolve_link(view, AIR_GAPPED_ARN, &VAULTS) {
        Link::Named(arn) => Ok(Some(arn.to_owned()).filter(|arn| !arn.is_empty())),
        Link::To(vault) => vault_arn(reader, vault)
            .map(Some)
            .ok_or_else(|| view.known_after_apply(AIR_GAPPED_ARN)),
        Link::Nothing => Ok(None),
        Link::OneOf(_, gap) | Link::Open(gap) => Err(gap),
    }
}

/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/backup_plan>.
const AIR_GAPPED_ARN: &str = "target_logically_air_gapped_backup_vault_arn";

/// Reads a backup rule of a plan.
fn read_rule<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<BackupRule, Gap> {
    let vault = match reader.resolve_link(view, "target_vault_name", &VAULTS) {
        Link::Named(name) => name.to_owned(),
        Link::To(vault) => reader.identify_item(vault, vault.view().text("name")).id,
        Link::Nothing => String::new(),
        Link::OneOf(_, gap) | Link::Open(gap) => return Err(gap),
    };
    let mut copies = Vec::new();
    for copy in view.blocks("copy_action").set_value()?.unwrap_or_default() {
        let vault_arn = match reader.resolve_link(&copy, "destination_vault_arn", &VAULTS) {
            Link::Named(arn) => arn.to_owned(),
            Link::To(vault) => vault_arn(reader, vault)
                .ok_or_else(|| copy.known_after_apply("destination_vault_arn"))?,
            Link::Nothing => return Err(copy.known_after_apply("destination_vault_arn")),
            Link::OneOf(_, gap) | Link::Open(gap) => return Err(gap),
        };
        copies.push(CopyAction {
            vault_arn,
            retention_days: read_retention(&copy)?,
            cold_storage: read_cold_storage(&copy).into(),
        });
    }
    Ok(BackupRule {
        name: view
            .text("rule_name")
            .final_value()?
            .unwrap_or_default()
            .to_owned(),
        air_gapped_vault: read_air_gapped_vault(reader, view)?,
        schedule: view.text("schedule").set_value()?.map(str::to_owned),
        timezone: read_timezone(view).into(),
        start_window_minutes: read_start_window(view).into(),
        continuous: view.flag("enable_continuous_backup").or_else(|| Ok(false)),
        retention_days: read_retention(view)?,
        cold_storage: read_cold_storage(view).into(),
        copies,
        vault,
    })
}

/// Reads a backup selection.
fn read_selection<'a>(reader: &Reader<'a>, item: &'a Item<'a>) -> Result<BackupSelection, Gap> {
    let view = item.view();
    let role_arn = match reader.resolve_link(&view, "iam_role_arn", &["aws_iam_role"]) {
        Link::Named(arn) => arn.to_owned(),
        Link::To(role) => match role.view().text("arn") {
            Fact::Known(arn) => arn.to_owned(),
            _ => policy::placeholder_arn(reader, role),
        },
        Link::Nothing => String::new(),
        Link::OneOf(_, gap) | Link::Open(gap) => return Err(gap),
    };
    let owned = |texts: Option<Vec<&str>>| texts.into_iter().flatten().map(str::to_owned).collect();
    let mut tags = Vec::new();
    for tag in view
        .blocks("selection_tag")
        .set_value()?
        .unwrap_or_default()
    {
        tags.push(TagMatch {
            key: tag
                .text("key")
                .final_value()?
                .unwrap_or_default()
                .to_owned(),
            value: tag
                .text("value")
                .final_value()?
                .unwrap_or_default()
                .to_owned(),
        });
    }
    let mut conditions = Vec::new();
    for block in view.blocks("condition").set_value()?.unwrap_or_default() {
        for (name, operator) in [
            ("string_equals", TagOperator::Equals),
            ("string_not_equals", TagOperator::NotEquals),
            ("string_like", TagOperator::Like),
            ("string_not_like", TagOperator::NotLike),
        ] {
            for condition in block.blocks(name).set_value()?.unwrap_or_default() {
                let key = condition.text("key").final_value()?.unwrap_or_default();
                conditions.push(TagCondition {
                    operator,
                    key: tag_key(key).to_owned(),
                    value: condition
                        .text("value")
                        .final_value()?
                        .unwrap_or_default()
                        .to_owned(),
                });
            }
        }
    }
    let name = match view.text("name") {
        Fact::Known(name) => name,
        _ => item.name,
    };
    Ok(BackupSelection {
        name: name.to_owned(),
        role_arn,
        resources: owned(view.texts("resources").set_value()?),
        not_resources: owned(view.texts("not_resources").set_value()?),
        tags,
        conditions,
    })
}
