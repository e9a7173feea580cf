//! What a plan does to parts of its account that it does not contain: it destroys them, or it configures something
//! that it only names.

use serde_json::Value;

use crate::model::Observed;
use crate::model::snapshot::{AccountChange, AccountPart};
use crate::source::planned::{Planned, after_apply};

use super::item::Item;
use super::reader::Reader;

/// A type of resources that are, or configure, a part of an account.
struct PartType {
    /// The type.
    kind: &'static str,
    /// The attribute that names what the part belongs to.
    named_by: &'static str,
    part: AccountPart,
}

const fn part_type(kind: &'static str, named_by: &'static str, part: AccountPart) -> PartType {
    PartType {
        kind,
        named_by,
        part,
    }
}

/// Types that are a part themselves: the account does not have it anymore once the plan destroyed them.
const OWNERS: [PartType; 5] = [
    part_type("aws_backup_plan", "id", AccountPart::BackupPlan),
    part_type("aws_backup_vault", "name", AccountPart::Vault),
    part_type("aws_route_table", "id", AccountPart::RouteTable),
    part_type(
        "aws_route_table_association",
        "subnet_id",
        AccountPart::Subnet,
    ),
    part_type("aws_vpc_endpoint", "id", AccountPart::Endpoint),
];

/// Types that configure something else, which may be in the account only.
const SATELLITES: [PartType; 7] = [
    part_type(
        "aws_backup_selection",
        "plan_id",
        AccountPart::BackupSelections,
    ),
    part_type(
        "aws_backup_vault_lock_configuration",
        "backup_vault_name",
        AccountPart::VaultLock,
    ),
    part_type(
        "aws_backup_vault_policy",
        "backup_vault_name",
        AccountPart::VaultPolicy,
    ),
    part_type(
        "aws_vpc_endpoint_policy",
        "vpc_endpoint_id",
        AccountPart::EndpointPolicy,
    ),
    part_type("aws_iam_role_policy", "role", AccountPart::Role),
    part_type("aws_iam_role_policy_attachment", "role", AccountPart::Role),
    part_type("aws_iam_role", "name", AccountPart::Role),
];

/// Type that adds a route to an endpoint, which the plan removes when it destroys it.
const ROUTES: PartType = part_type(
    "aws_vpc_endpoint_route_table_association",
    "route_table_id",
    AccountPart::Routes,
);

/// Notes what the plan does to parts of the account that it does not contain.
pub(super) fn note_changes(reader: &Reader<'_>, planned: &mut Planned) {
    for destroyed in OWNERS.iter().chain(&SATELLITES).chain([&ROUTES]) {
        for before in reader
            .document
            .gone
            .get(destroyed.kind)
            .into_iter()
            .flatten()
        {
            if destroyed.part == AccountPart::Role && is_replaced_role(reader, destroyed, before) {
                continue;
            }
            let what = format!("the plan destroys a resource of type {}", destroyed.kind);
            for region in reader.places.regions_before(before) {
                note_change(destroyed, before, region, &what, planned);
            }
        }
    }
    for satellite in &SATELLITES {
        for item in reader.document.items_of(satellite.kind) {
            // What the plan shows of a role includes what it changes.
            let is_read = satellite.part == AccountPart::Role
                && item.values[satellite.named_by]
                    .as_str()
                    .is_some_and(|it| planned.snapshot_mut().backup_roles.contains_key(it));
            if is_changed(item) && !is_read && !reader.places.is_elsewhere(item) {
                let region = reader.places.region_of(item);
                let what = format!("the plan changes it with {}", item.address);
                note_change(satellite, item.values, region, &what, planned);
            }
        }
    }
    for item in reader.document.items_of("aws_vpc_endpoint") {
        for table in removed_tables(item) {
            let region = reader.places.region_of(item);
            let what = format!("the plan removes the route to {}", item.address);
            let change = AccountChange {
                region,
                part: AccountPart::Routes,
                id: table.to_owned(),
                gap: after_apply(what),
            };
            planned.snapshot_mut().account_changes.push(change);
        }
    }
}

/// Whether a role that is destroyed is created again under the same name.
fn is_replaced_role(reader: &Reader<'_>, of: &PartType, before: &Value) -> bool {
    let name = before["name"]
        .as_str()
        .filter(|_| of.kind == "aws_iam_role");
    let mut roles = reader.document.items_of("aws_iam_role");
    name.is_some_and(|name| roles.any(|it| it.values["name"] == *name && it.before != it.values))
}

fn is_changed(item: &Item<'_>) -> bool {
    !item.exists || item.before != item.values
}

/// Returns the route tables that an endpoint had and does not have anymore.
fn removed_tables<'a>(item: &Item<'a>) -> Vec<&'a str> {
    let list = |values: &'a Value| values["route_table_ids"].as_array().into_iter().flatten();
    let after: Vec<&Value> = list(item.values).collect();
    let removed = list(item.before).filter(|it| !after.contains(it));
    removed.filter_map(Value::as_str).collect()
}

fn note_change(of: &PartType, values: &Value, region: String, what: &str, planned: &mut Planned) {
    let Some(id) = values[of.named_by].as_str() else {
        return;
    };
    let gap = after_apply(format!(
        "what holds for {id} is known only after apply: {what}"
    ));
    if of.part == AccountPart::Role {
        let roles = &mut planned.snapshot_mut().backup_roles;
        roles.insert(id.to_owned(), Observed::Unknown(gap));
        return;
    }
    planned.snapshot_mut().account_changes.push(AccountChange {
        region,
        part: of.part,
        id: id.to_owned(),
        gap,
    });
}
