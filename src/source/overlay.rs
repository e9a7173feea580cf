//! Completes a plan or template with the account that it is for: what the file leaves open is looked up there.
//!
//! What the plan creates or sets wins over what the account has. A fact that the account's snapshot lacks too
//! stays open, with the snapshot's reason.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::model::arn::Arn;
use crate::model::ec2::{EbsDefaults, Volume};
use crate::model::encryption::is_aws_alias;
use crate::model::observed::AccountFact;
use crate::model::snapshot::{AccountFrom, Region, Snapshot, UNKNOWN_REGION};
use crate::model::vpc::{Network, OUTSIDE_VPC, RouteTable};
use crate::model::{Gap, GapKind, Listing, Observed};

use super::changes::change_account;

/// Why an account cannot complete a plan or template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OverlayError {
    /// The file is for another account.
    #[error("the file is for account {planned}, but --account-from is account {account}")]
    OtherAccount {
        /// The account of the file.
        planned: String,
        /// The account that was read.
        account: String,
    },
    /// It is not an account.
    #[error("--account-from needs a snapshot of an account, not a plan or template")]
    NotAnAccount,
}

/// Completes a plan or template from a snapshot of its account, and returns notes for the reader of the report.
///
/// # Errors
/// The snapshot is not one of the account that the file is for.
pub fn complete_from_account(
    planned: &mut Snapshot,
    account: &Snapshot,
) -> Result<Vec<String>, OverlayError> {
    if account.source.is_planned() {
        return Err(OverlayError::NotAnAccount);
    }
    let mut notes = Vec::new();
    match (&planned.account_id, &account.account_id) {
        (Some(of_file), Some(number)) if of_file != number => {
            return Err(OverlayError::OtherAccount {
                planned: of_file.clone(),
                account: number.clone(),
            });
        }
        _ => {}
    }
    let account = &*change_account(account, &planned.account_changes);
    let before = match planned.file_only.take() {
        Some(before) => *before,
        None => planned.clone(),
    };
    if let (None, Some(number)) = (&planned.account_id, &account.account_id) {
        notes.push(format!(
            "the file does not name its account; it is taken to be {number}, that of --account-from"
        ));
        planned.account_id = Some(number.clone());
    }
    planned.selected_tags.clone_from(&account.selected_tags);
    fill(&mut planned.organization_id, &account.organization_id);
    fill(&mut planned.backup_policy, &account.backup_policy);
    for (name, role) in &account.backup_roles {
        let roles = &mut planned.backup_roles;
        roles.entry(name.clone()).or_insert_with(|| role.clone());
    }
    for (name, region) in &mut planned.regions {
        match account.regions.get(name) {
            Some(known) if !known.disabled => {
                complete_region(name, region, known, account);
            }
            _ if name == UNKNOWN_REGION => notes.push(
                "the region is not known, so nothing is looked up in the account; set it with --region"
                    .to_owned(),
            ),
            _ => notes.push(format!(
                "the snapshot of the account does not contain region {name}"
            )),
        }
    }
    complete_keys(planned, account);
    planned.account_from = Some(AccountFrom {
        source: account.source,
        account_id: account.account_id.clone(),
        collected_at: account.finished_at.clone(),
    });
    planned.file_only = Some(Box::new(before));
    Ok(notes)
}

/// Replaces a fact that the file does not contain with that of the account, or with why that is not known.
fn fill<T: Clone>(planned: &mut Observed<T>, known: &Observed<T>) {
    if !is_open(planned) {
        return;
    }
    match known.gap() {
        // The snapshot does not contain it either, so the reason of the file says more.
        Some(gap) if matches!(gap.kind, GapKind::NotAsked | GapKind::NotCollected) => {}
        _ => planned.clone_from(known),
    }
}

/// Whether a fact is one that the file does not contain.
fn is_open<T>(fact: &Observed<T>) -> bool {
    fact.gap().is_some_and(|gap| gap.kind == GapKind::Unplanned)
}

fn complete_region(name: &str, region: &mut Region, known: &Region, account: &Snapshot) {
    fill(
        &mut region.ebs_defaults.encryption,
        &known.ebs_defaults.encryption,
    );
    fill(
        &mut region.ebs_defaults.kms_key,
        &known.ebs_defaults.kms_key,
    );
    complete_settings(region, known);
    complete_vaults(region, known);
    add_listed(&mut region.vaults, &known.vaults, |it| &it.id);
    add_listed(&mut region.backup_plans, &known.backup_plans, |it| &it.name);
    add_listed(&mut region.option_groups, &known.option_groups, |it| &it.id);
    let defaults = region.ebs_defaults.clone();
    for volume in &mut region.volumes.items {
        complete_volume(volume, &defaults);
    }
    complete_databases(region, known);
    for instance in &mut region.instances.items {
        if let Some(AccountFact::Subnet(id)) =
            instance.vpc_id.gap().and_then(|it| it.needs.as_deref())
            && let Some(vpc) = find_vpc(&known.network, id)
        {
            instance.vpc_id = Observed::Known(Some(vpc));
        }
    }
    complete_network(region, &known.network);
    for (key, arn) in &mut region.key_names {
        if is_open(arn) {
            *arn = resolve_key_name(name, key, known, account);
        }
    }
    for (key, arn) in &known.key_names {
        let names = &mut region.key_names;
        names.entry(key.clone()).or_insert_with(|| arn.clone());
    }
}

/// Completes the vaults of the file that exist.
fn complete_vaults(region: &mut Region, known: &Region) {
    for vault in &mut region.vaults.items {
        let Some(of_account) = known.vaults.items.iter().find(|it| it.id == vault.id) else {
            continue;
        };
        fill(&mut vault.kms_key, &of_account.kms_key);
        fill(
            &mut vault.min_retention_days,
            &of_account.min_retention_days,
        );
        fill(
            &mut vault.max_retention_days,
            &of_account.max_retention_days,
        );
        fill(&mut vault.access_policy, &of_account.access_policy);
    }
}

/// Completes the settings of AWS Backup: the file may set some of them.
fn complete_settings(region: &mut Region, known: &Region) {
    const DYNAMODB: &str = "DynamoDB";
    let Observed::Known(of_account) = &known.backup_settings else {
        fill(&mut region.backup_settings, &known.backup_settings);
        return;
    };
    let mut settings = of_account.clone();
    // AWS Backup leaves out what was never turned on.
    settings.opt_in.entry(DYNAMODB.to_owned()).or_insert(false);
    settings
        .management
        .entry(DYNAMODB.to_owned())
        .or_insert(false);
    match &region.backup_settings {
        Observed::Known(set) => {
            settings.opt_in.extend(set.opt_in.clone());
            settings.management.extend(set.management.clone());
        }
        Observed::Unknown(gap) if gap.kind != GapKind::Unplanned => return,
        Observed::Unknown(_) => {}
    }
    region.backup_settings = Observed::Known(settings);
}

/// Adds what the account has to a list, but for what the file creates under the same name.
fn add_listed<T: Clone>(
    planned: &mut Listing<T>,
    known: &Listing<T>,
    name: impl Fn(&T) -> &String,
) {
    let created: BTreeSet<String> = planned.items.iter().map(|it| name(it).clone()).collect();
    let more = known.items.iter().filter(|it| !created.contains(name(it)));
    planned.items.extend(more.cloned());
    let is_open = planned
        .gap
        .as_ref()
        .is_some_and(|gap| gap.kind == GapKind::Unplanned);
    if is_open && !known.gap.as_ref().is_some_and(is_left_out) {
        planned.gap.clone_from(&known.gap);
    }
}

fn is_left_out(gap: &Gap) -> bool {
    matches!(gap.kind, GapKind::NotAsked | GapKind::NotCollected)
}

fn complete_volume(volume: &mut Volume, defaults: &EbsDefaults) {
    let needs = |gap: Option<&Gap>| gap.and_then(|gap| gap.needs.as_deref().cloned());
    match (needs(volume.encrypted.gap()), &defaults.encryption) {
        (Some(AccountFact::EbsEncryption), encryption) => volume.encrypted = encryption.clone(),
        (Some(AccountFact::EbsEncryptionOrSnapshot), Observed::Known(true)) => {
            volume.encrypted = Observed::Known(true);
        }
        _ => {}
    }
    if needs(volume.kms_key.gap()) == Some(AccountFact::EbsKey) {
        volume.kms_key = match volume.encrypted {
            Observed::Known(false) => Observed::Known(None),
            _ => defaults.kms_key.clone().map(Some),
        };
    }
}

/// Completes databases that have their key from one that exists.
fn complete_databases(region: &mut Region, known: &Region) {
    for database in &mut region.db_instances.items {
        let needs = database
            .kms_key
            .gap()
            .and_then(|gap| gap.needs.as_deref().cloned());
        let Some(AccountFact::DbInstance(id)) = needs else {
            continue;
        };
        let source = known
            .db_instances
            .items
            .iter()
            .find(|it| it.id == id || it.arn == id);
        if let Some(source) = source {
            database.encrypted = source.encrypted.clone();
            database.kms_key = source.kms_key.clone();
            database.aws_owned_key = source.aws_owned_key;
            fill(&mut database.engine, &source.engine);
        }
    }
    for cluster in &mut region.db_clusters.items {
        let needs = cluster
            .kms_key
            .gap()
            .and_then(|gap| gap.needs.as_deref().cloned());
        let Some(AccountFact::DbCluster(id)) = needs else {
            continue;
        };
        let source = known
            .db_clusters
            .items
            .iter()
            .find(|it| it.id == id || it.arn == id);
        if let Some(source) = source {
            cluster.encrypted = source.encrypted.clone();
            cluster.kms_key = source.kms_key.clone();
            cluster.aws_owned_key = source.aws_owned_key;
            if cluster.engine_gap.take().is_some() {
                cluster.engine.clone_from(&source.engine);
            }
        }
    }
}

fn find_vpc(network: &Network, subnet: &str) -> Option<String> {
    let mut subnets = network.subnets.items.iter();
    let found = subnets.find(|it| it.id == subnet)?;
    Some(found.vpc_id.clone())
}

/// Adds the VPCs of the account that the file puts something in, with their subnets, routes and endpoints.
fn complete_network(region: &mut Region, known: &Network) {
    let instances = region.instances.items.iter();
    let of_instances = instances.filter_map(|it| it.vpc_id.known().cloned().flatten());
    let mut used: BTreeSet<String> = of_instances.collect();
    let network = &mut region.network;
    for interface in &mut network.interfaces.items {
        if let (true, Some(vpc)) = (
            interface.vpc_id.is_empty(),
            find_vpc(known, &interface.subnet_id),
        ) {
            interface.vpc_id = vpc;
        }
        used.insert(interface.vpc_id.clone());
    }
    used.extend(network.subnets.items.iter().map(|it| it.vpc_id.clone()));
    used.extend(network.endpoints.items.iter().map(|it| it.vpc_id.clone()));
    let is_known = |id: &String| known.vpcs.items.iter().any(|it| it.id == *id);
    // The file contains these VPCs, and the account what other files have put in them.
    let (own, new): (Vec<_>, Vec<_>) = network.vpcs.items.iter().partition(|it| is_known(&it.id));
    let is_whole = new
        .iter()
        .all(|it| !it.is_default && !it.id.starts_with("vpc-"));
    used.extend(own.iter().map(|it| it.id.clone()));
    let vpcs = known.vpcs.items.iter().filter(|it| used.contains(&it.id));
    let vpcs: Vec<_> = vpcs.cloned().collect();
    let is_added = |id: &String| vpcs.iter().any(|it| it.id == *id);
    if vpcs.is_empty() {
        return;
    }
    let of_known = network.gaps.iter_mut().filter(|(id, _)| is_known(id));
    of_known.for_each(|(_, gaps)| gaps.forget_unplanned());
    if is_whole {
        network.forget_unplanned();
    }
    add_parts(&mut network.subnets.items, &known.subnets.items, |it| {
        (&it.id, is_added(&it.vpc_id))
    });
    add_parts(
        &mut network.interfaces.items,
        &known.interfaces.items,
        |it| (&it.id, is_added(&it.vpc_id)),
    );
    add_parts(&mut network.endpoints.items, &known.endpoints.items, |it| {
        (&it.id, is_added(&it.vpc_id))
    });
    for table in known
        .route_tables
        .items
        .iter()
        .filter(|it| is_added(&it.vpc_id))
    {
        add_route_table(&mut network.route_tables.items, table);
    }
    for (planned, gap) in [
        (&mut network.subnets.gap, &known.subnets.gap),
        (&mut network.interfaces.gap, &known.interfaces.gap),
        (&mut network.endpoints.gap, &known.endpoints.gap),
        (&mut network.route_tables.gap, &known.route_tables.gap),
    ] {
        if planned.is_none() {
            planned.clone_from(gap);
        }
    }
    // Each of them may be the one that the file leaves open.
    if let Some(outside) = network.gaps.remove(OUTSIDE_VPC) {
        let ids: Vec<String> = vpcs.iter().map(|it| it.id.clone()).collect();
        network.note_gaps(&ids, &outside);
    }
    add_parts(&mut network.vpcs.items, &vpcs, |it| (&it.id, true));
}

/// Adds the parts of a network that the file does not contain, and for which a test holds.
fn add_parts<T: Clone>(planned: &mut Vec<T>, known: &[T], read: impl Fn(&T) -> (&String, bool)) {
    let listed: BTreeSet<String> = planned.iter().map(|it| read(it).0.clone()).collect();
    let more = known.iter().filter(|it| {
        let (id, is_added) = read(it);
        is_added && !listed.contains(id)
    });
    planned.extend(more.cloned());
}

/// Adds a route table of the account, with what the file adds to it. A subnet that the file associates with
/// another table no longer uses it.
fn add_route_table(planned: &mut Vec<RouteTable>, known: &RouteTable) {
    let elsewhere = |subnet: &String| {
        let others = planned.iter().filter(|it| it.id != known.id);
        others.into_iter().any(|it| it.subnets.contains(subnet))
    };
    let mut table = known.clone();
    table.subnets.retain(|subnet| !elsewhere(subnet));
    match planned.iter_mut().find(|it| it.id == known.id) {
        Some(extended) => {
            extended.main |= table.main;
            extended.vpc_id.clone_from(&table.vpc_id);
            extended.subnets.extend(table.subnets);
            extended.routes.extend(table.routes);
        }
        None => planned.push(table),
    }
}

/// Returns the key that a name refers to: an alias, the ARN of one, or the id of a key.
fn resolve_key_name(
    region_name: &str,
    name: &str,
    known: &Region,
    account: &Snapshot,
) -> Observed<String> {
    if let Some(found) = known.key_names.get(name) {
        return found.clone();
    }
    let number = account.account_id.as_deref().unwrap_or_default();
    let (is_here, resource) = match Arn::parse(name) {
        Some(arn) => (
            arn.region == region_name && arn.account == number,
            arn.resource,
        ),
        None => (true, name),
    };
    let same = known.key_names.iter().find(|(other, _)| {
        let other = Arn::parse(other).map_or(other.as_str(), |arn| arn.resource);
        is_here && other == resource
    });
    if let Some((_, found)) = same {
        return found.clone();
    }
    if is_here && resource.starts_with("alias/") {
        match known.key_aliases.find(|it| it.name == resource) {
            Ok(Some(alias)) => return Observed::Known(alias.key.clone()),
            Err(gap) if !is_left_out(&gap) => return Observed::Unknown(gap),
            _ => {}
        }
    }
    let id = resource.strip_prefix("key/").unwrap_or(resource);
    let is_it = |arn: &&String| {
        Arn::parse(arn).is_some_and(|it| it.region == region_name && it.resource_id() == id)
    };
    match account.keys.keys().find(is_it) {
        Some(arn) if is_here => Observed::Known(arn.clone()),
        _ => Observed::Unknown(Gap::new(
            GapKind::Unplanned,
            format!("neither the file nor the account that was read contains the key {name}"),
        )),
    }
}

/// Adds the keys of the account. The file's own keys have identifiers that no key of the account has.
fn complete_keys(planned: &mut Snapshot, account: &Snapshot) {
    for (arn, known) in &account.keys {
        let key = planned
            .keys
            .entry(arn.clone())
            .or_insert_with(|| known.clone());
        fill(&mut key.metadata, &known.metadata);
        fill(&mut key.policy, &known.policy);
    }
    for (arn, key) in &mut planned.keys {
        if account.keys.contains_key(arn) || is_aws_alias(arn) {
            continue;
        }
        let gap = || {
            Gap::new(
                GapKind::Unplanned,
                format!("neither the file nor the account that was read contains {arn}"),
            )
        };
        if is_open(&key.metadata) {
            key.metadata = Observed::Unknown(gap());
        }
        if is_open(&key.policy) {
            key.policy = Observed::Unknown(gap());
        }
    }
}
