//! AWS Backup's settings, vaults and plans.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::backup::{BackupSettings, Vault};
use crate::model::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, CopyAction, TagCondition, TagMatch, TagOperator,
    tag_key,
};
use crate::model::{Gap, Listing, Observed};
use crate::source::planned::Planned;

use super::document::Item;
use super::policy;
use super::reader::{Link, Reader, untold, widen};
use super::view::{Fact, View};

const VAULTS: [&str; 2] = ["aws_backup_vault", "aws_backup_logically_air_gapped_vault"];

/// The key of a vault where none is named.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault.html>.
const MANAGED: &str = "alias/aws/backup";

/// Reads settings, vaults and plans.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_backup_region_settings") {
        let view = item.view();
        let region = reader.places.region(item);
        let settings = preferences(&view, "resource_type_opt_in_preference").and_then(|opt_in| {
            let management = preferences(&view, "resource_type_management_preference")?;
            Ok(BackupSettings { opt_in, management })
        });
        planned.region(&region).backup_settings = settings.into();
    }
    vaults(reader, planned);
    plans(reader, planned);
}

/// The services of a map; those that it leaves out are as the account has them.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_UpdateRegionSettings.html>.
fn preferences(view: &View<'_>, name: &str) -> Result<BTreeMap<String, bool>, Gap> {
    let services = view.fact(name).set()?.and_then(Value::as_object);
    let services = services.into_iter().flatten();
    Ok(services
        .filter_map(|(service, on)| Some((service.clone(), on.as_bool()?)))
        .collect())
}

fn vaults<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let by = ["name", "id", "arn"];
    let of = |kind: &str| reader.satellites(kind, "backup_vault_name", &VAULTS, &by);
    let (locks, policies) = (
        of("aws_backup_vault_lock_configuration"),
        of("aws_backup_vault_policy"),
    );
    for kind in VAULTS {
        for item in reader.document.of(kind) {
            let view = item.view();
            let named = reader.named(item, view.text("name"));
            let is_plain = kind == VAULTS[0];
            let lock = match is_plain {
                true => locks
                    .of(item)
                    .map(|found| found.first().map(|lock| lock.view())),
                // Such a vault holds its own limits.
                false => Ok(Some(view)),
            };
            let days = |name: &str| match &lock {
                Ok(Some(lock)) => lock
                    .number(name)
                    .set()
                    .map(|days| days.map(|days| u32::try_from(days).unwrap_or(u32::MAX))),
                Ok(None) if item.exists => Err(untold(&view, "its lock")),
                Ok(None) => Ok(None),
                Err(gap) => Err(gap.clone()),
            };
            let access = match policies.of(item) {
                Ok([beside, ..]) => policy::text(reader, &beside.view(), "policy"),
                Ok([]) if item.exists => Err(untold(&view, "its access policy")),
                Ok([]) => Ok(None),
                Err(gap) => Err(gap),
            };
            let key_attribute = if is_plain {
                "kms_key_arn"
            } else {
                "encryption_key_arn"
            };
            let kms_key = reader.key_or(&view, key_attribute, planned, || {
                match (is_plain, item.exists) {
                    (_, true) => Err(untold(&view, "its key")),
                    (true, false) => Ok(Some(MANAGED.to_owned())),
                    (false, false) => Ok(None),
                }
            });
            let vault_type = match is_plain {
                true => "BACKUP_VAULT",
                false => "LOGICALLY_AIR_GAPPED_BACKUP_VAULT",
            };
            let vault = Vault {
                vault_type: Observed::Known(vault_type.to_owned()),
                kms_key,
                min_retention_days: days("min_retention_days").into(),
                max_retention_days: days("max_retention_days").into(),
                access_policy: access.into(),
                id: named.id,
                arn: named.arn,
            };
            reader.place(item, &vault.arn, planned);
            planned.region(&named.region).vaults.items.push(vault);
        }
    }
}

fn plans<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let selections = reader.satellites(
        "aws_backup_selection",
        "plan_id",
        &["aws_backup_plan"],
        &["id"],
    );
    for item in reader.document.of("aws_backup_plan") {
        let view = item.view();
        let region = reader.places.region(item);
        let mut chosen = Listing::complete(Vec::new());
        match selections.of(item) {
            Ok(found) => {
                for selection in found {
                    match read_selection(reader, selection) {
                        Ok(selection) => chosen.items.push(selection),
                        Err(gap) => widen(&mut chosen, gap),
                    }
                }
            }
            Err(gap) => widen(&mut chosen, gap),
        }
        if item.exists {
            widen(&mut chosen, untold(&view, "every selection of the plan"));
        }
        let mut rules = Listing::complete(Vec::new());
        match view.blocks("rule").chosen() {
            Ok(blocks) => {
                for block in blocks.unwrap_or_default() {
                    match read_rule(reader, &block) {
                        Ok(rule) => rules.items.push(rule),
                        Err(gap) => widen(&mut rules, gap),
                    }
                }
            }
            Err(gap) => widen(&mut rules, gap),
        }
        let name = view.text("name").known().unwrap_or(item.address);
        planned.region(&region).backup_plans.items.push(BackupPlan {
            name: name.to_owned(),
            rules,
            selections: chosen,
        });
    }
}

/// How long a backup is kept by a lifecycle block.
fn retention(view: &View<'_>) -> Result<Option<u32>, Gap> {
    for block in view.blocks("lifecycle").set()?.unwrap_or_default() {
        if let Some(days) = block.number("delete_after").set()? {
            return Ok(u32::try_from(days).ok().filter(|days| *days > 0));
        }
    }
    Ok(None)
}

fn read_rule<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<BackupRule, Gap> {
    let vault = match reader.link(view, "target_vault_name", &VAULTS) {
        Link::Named(name) => name.to_owned(),
        Link::To(vault) => reader.named(vault, vault.view().text("name")).id,
        Link::Nothing => String::new(),
        Link::Open(gap) => return Err(gap),
    };
    let mut copies = Vec::new();
    for copy in view.blocks("copy_action").set()?.unwrap_or_default() {
        let vault_arn = match reader.link(&copy, "destination_vault_arn", &VAULTS) {
            Link::Named(arn) => arn.to_owned(),
            Link::To(_) | Link::Nothing => return Err(copy.later("destination_vault_arn")),
            Link::Open(gap) => return Err(gap),
        };
        copies.push(CopyAction {
            vault_arn,
            retention_days: retention(&copy)?,
        });
    }
    Ok(BackupRule {
        name: view
            .text("rule_name")
            .chosen()?
            .unwrap_or_default()
            .to_owned(),
        schedule: view.text("schedule").set()?.map(str::to_owned),
        retention_days: retention(view)?,
        copies,
        vault,
    })
}

fn read_selection<'a>(reader: &Reader<'a>, item: &'a Item<'a>) -> Result<BackupSelection, Gap> {
    let view = item.view();
    let role_arn = match reader.link(&view, "iam_role_arn", &["aws_iam_role"]) {
        Link::Named(arn) => arn.to_owned(),
        Link::To(role) => {
            let role = role.view();
            let path = role.text("path").known().unwrap_or("/");
            let name = role.text("name").known().unwrap_or(role.item.name);
            format!("arn:aws:iam::{}:role{path}{name}", reader.account())
        }
        Link::Nothing => String::new(),
        Link::Open(gap) => return Err(gap),
    };
    let owned = |texts: Option<Vec<&str>>| texts.into_iter().flatten().map(str::to_owned).collect();
    let mut tags = Vec::new();
    for tag in view.blocks("selection_tag").set()?.unwrap_or_default() {
        tags.push(TagMatch {
            key: tag.text("key").chosen()?.unwrap_or_default().to_owned(),
            value: tag.text("value").chosen()?.unwrap_or_default().to_owned(),
        });
    }
    let mut conditions = Vec::new();
    for block in view.blocks("condition").set()?.unwrap_or_default() {
        for (name, operator) in [
            ("string_equals", TagOperator::Equals),
            ("string_not_equals", TagOperator::NotEquals),
            ("string_like", TagOperator::Like),
            ("string_not_like", TagOperator::NotLike),
        ] {
            for condition in block.blocks(name).set()?.unwrap_or_default() {
                let key = condition.text("key").chosen()?.unwrap_or_default();
                conditions.push(TagCondition {
                    operator,
                    key: tag_key(key).to_owned(),
                    value: condition
                        .text("value")
                        .chosen()?
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
        resources: owned(view.texts("resources").set()?),
        not_resources: owned(view.texts("not_resources").set()?),
        tags,
        conditions,
    })
}
