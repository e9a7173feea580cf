//! An account as a plan changes it.

use std::borrow::Cow;

use crate::model::snapshot::{AccountChange, AccountPart, Region, Snapshot};
use crate::model::vpc::{Network, Route};
use crate::model::{Gap, Observed};

/// Returns an account without what a plan destroys, and with a gap for each part that the plan changes without
/// containing what it belongs to.
pub(super) fn change_account<'a>(
    account: &'a Snapshot,
    changes: &[AccountChange],
) -> Cow<'a, Snapshot> {
    if changes.is_empty() {
        return Cow::Borrowed(account);
    }
    let mut changed = account.clone();
    for change in changes {
        if let Some(region) = changed.regions.get_mut(&change.region) {
            change_region(region, change.part, &change.id, &change.gap);
        }
    }
    Cow::Owned(changed)
}

fn change_region(region: &mut Region, part: AccountPart, id: &str, gap: &Gap) {
    match part {
        AccountPart::BackupPlan => {
            let plans = &mut region.backup_plans.items;
            plans.retain(|it| it.id.as_deref() != Some(id));
        }
        AccountPart::BackupSelections => {
            let plans = region.backup_plans.items.iter_mut();
            for plan in plans.filter(|it| it.id.as_deref() == Some(id)) {
                plan.selections.items.clear();
                plan.selections.gap = Some(gap.clone());
            }
        }
        AccountPart::Vault => region.vaults.items.retain(|it| it.id != id),
        AccountPart::VaultLock | AccountPart::VaultPolicy => {
            let vaults = region.vaults.items.iter_mut();
            for vault in vaults.filter(|it| it.id == id) {
                if part == AccountPart::VaultPolicy {
                    vault.access_policy = Observed::Unknown(gap.clone());
                } else {
                    vault.min_retention_days = Observed::Unknown(gap.clone());
                    vault.max_retention_days = Observed::Unknown(gap.clone());
                }
            }
        }
        AccountPart::Endpoint
        | AccountPart::EndpointPolicy
        | AccountPart::RouteTable
        | AccountPart::Routes
        | AccountPart::Subnet => change_network(&mut region.network, part, id, gap),
        // The plan has it itself.
        AccountPart::Role => {}
    }
}

fn change_network(network: &mut Network, part: AccountPart, id: &str, gap: &Gap) {
    let tables = &mut network.route_tables.items;
    match part {
        AccountPart::Endpoint => {
            network.endpoints.items.retain(|it| it.id != id);
            for table in tables {
                table.routes.retain(|it| it.target != id);
            }
        }
        AccountPart::EndpointPolicy => {
            let endpoints = network.endpoints.items.iter_mut();
            for endpoint in endpoints.filter(|it| it.id == id) {
                endpoint.policy = Observed::Unknown(gap.clone());
            }
        }
        AccountPart::RouteTable => tables.retain(|it| it.id != id),
        AccountPart::Routes => {
            for table in tables.iter_mut().filter(|it| it.id == id) {
                table.routes.retain(|it| !it.target.starts_with("vpce-"));
                table.routes.push(Route {
                    destination: String::new(),
                    target: String::new(),
                    state: "active".to_owned(),
                });
            }
        }
        _ => {
            for table in tables {
                table.subnets.retain(|it| it != id);
            }
        }
    }
}
