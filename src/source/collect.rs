//! Live AWS: everything that rules read, from all regions and services at once.
//!
//! One client per service and region; every call goes through [`call::Scope::call`], which bounds how
//! many run at once, turns each failure into a gap, and keeps the books from which coverage comes.

pub mod backup;
pub mod backup_jobs;
pub mod books;
pub mod call;
pub mod cloudformation;
pub mod dynamodb;
pub mod ec2;
pub mod efs;
mod failure;
pub mod iam;
pub mod kms;
pub mod meter;
pub mod organizations;
pub mod rds;
pub mod redshift;
pub mod s3;
pub mod session;
pub mod storage_gateway;
pub mod tagging;
pub mod vpc;
pub mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use thiserror::Error;

use crate::model::kms::Key;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::s3::Bucket;
use crate::model::snapshot::{Region, SNAPSHOT_VERSION, Snapshot, Source};

use self::books::SHARED;
use self::call::{Caller, Operation, Stop};
use self::organizations::Policy;
use self::session::Session;
use self::tagging::Tagged;

/// What to read.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The regions to read.
    pub regions: Vec<String>,
    /// The key of the backup tag: tags with other keys are not kept.
    pub tag_key: String,
    /// When reading begins: jobs are read of the days before.
    pub now: Timestamp,
    /// The role that makes the backups, where no organization policy names one.
    pub backup_role: String,
    /// How many calls may run at once.
    pub concurrency: usize,
}

/// Why nothing was read.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A region does not exist.
    #[error("there is no region {name:?}; this account knows {}", .known.join(", "))]
    NoSuchRegion {
        /// The name.
        name: String,
        /// The regions that there are.
        known: Vec<String>,
    },
}

/// The services of a scan, as `coverage.service` and `--service` name them, each with the operations
/// that reading it takes.
pub const SERVICES: [(&str, &[&[Operation]]); 12] = [
    (
        "backup",
        &[
            backup::SETTINGS_OPERATIONS,
            backup::OPERATIONS,
            backup_jobs::OPERATIONS,
            organizations::OPERATIONS,
            iam::OPERATIONS,
            tagging::OPERATIONS,
            kms::OPERATIONS,
        ],
    ),
    // What is in a stack is judged with it.
    (
        "cloudformation",
        &[
            cloudformation::OPERATIONS,
            backup::SETTINGS_OPERATIONS,
            backup_jobs::OPERATIONS,
            dynamodb::OPERATIONS,
            ec2::INSTANCE_OPERATIONS,
            ec2::VOLUME_OPERATIONS,
            efs::OPERATIONS,
            kms::OPERATIONS,
            rds::OPERATIONS,
            redshift::OPERATIONS,
            s3::OPERATIONS,
            tagging::OPERATIONS,
        ],
    ),
    (
        "dynamodb",
        &[
            dynamodb::OPERATIONS,
            tagging::OPERATIONS,
            kms::OPERATIONS,
            backup::SETTINGS_OPERATIONS,
            backup_jobs::OPERATIONS,
        ],
    ),
    (
        "ebs",
        &[
            ec2::VOLUME_OPERATIONS,
            ec2::INSTANCE_OPERATIONS,
            kms::OPERATIONS,
            backup_jobs::OPERATIONS,
        ],
    ),
    (
        "ec2",
        &[
            ec2::INSTANCE_OPERATIONS,
            ec2::VOLUME_OPERATIONS,
            kms::OPERATIONS,
            backup_jobs::OPERATIONS,
        ],
    ),
    (
        "efs",
        &[efs::OPERATIONS, kms::OPERATIONS, backup_jobs::OPERATIONS],
    ),
    ("kms", &[kms::OPERATIONS]),
    (
        "rds",
        &[
            rds::OPERATIONS,
            tagging::OPERATIONS,
            kms::OPERATIONS,
            backup_jobs::OPERATIONS,
        ],
    ),
    (
        "redshift",
        &[redshift::OPERATIONS, tagging::OPERATIONS, kms::OPERATIONS],
    ),
    (
        "s3",
        &[
            s3::OPERATIONS,
            tagging::OPERATIONS,
            kms::OPERATIONS,
            backup_jobs::OPERATIONS,
        ],
    ),
    (
        "storagegateway",
        &[
            storage_gateway::OPERATIONS,
            tagging::OPERATIONS,
            kms::OPERATIONS,
        ],
    ),
    ("vpc", &[vpc::OPERATIONS, ec2::INSTANCE_OPERATIONS]),
];

/// The IAM actions that a scan of some services needs, sorted; of all services where none is named.
///
/// `sts:GetCallerIdentity` needs no permission and is not among them.
#[must_use]
pub fn actions(services: &[&str]) -> Vec<&'static str> {
    let asked = SERVICES
        .iter()
        .filter(|(name, _)| services.is_empty() || services.contains(name));
    let operations = asked.flat_map(|(_, lists)| lists.iter().copied().flatten());
    let actions: BTreeSet<&str> = operations
        .chain(ec2::REGION_OPERATIONS)
        .map(|operation| operation.action)
        .collect();
    actions.into_iter().collect()
}

/// Reads an account. What cannot be read is a gap in the snapshot; everything else goes on.
///
/// Times are left empty: the caller has the clock.
///
/// # Errors
/// A region that does not exist. Nothing else keeps a snapshot from being made.
pub async fn collect(
    session: &Session,
    plan: &Plan,
    caller: &Arc<Caller>,
) -> Result<Snapshot, PlanError> {
    let enabled = ec2::regions(session, caller, &plan.regions).await;
    if let Ok(known) = &enabled
        && let Some(name) = plan.regions.iter().find(|name| !known.contains_key(*name))
    {
        let known = known.keys().cloned().collect();
        return Err(PlanError::NoSuchRegion {
            name: name.clone(),
            known,
        });
    }
    // Where the list of regions is denied, every region is asked, and its own errors speak.
    let is_disabled = |name: &String| {
        enabled
            .as_ref()
            .is_ok_and(|known| known.get(name) == Some(&false))
    };
    let (disabled, live): (Vec<String>, Vec<String>) =
        plan.regions.iter().cloned().partition(is_disabled);

    // Nobody knows the other regions where the list of them is denied; a rule says so.
    let others: Vec<String> = enabled
        .iter()
        .flatten()
        .filter(|(name, on)| **on && !plan.regions.contains(name))
        .map(|(name, _)| name.clone())
        .collect();
    let policy = Policy::new(session, caller);
    let each_region = join_all(
        live.iter()
            .map(|name| region(session, caller, plan, name, &policy)),
    );
    let elsewhere = join_all(others.iter().map(|name| async {
        let tagged = tagging::enabled(session, caller, name, &plan.tag_key).await;
        (name.clone(), tagged)
    }));
    let (read, buckets, elsewhere, organization_id, backup_roles) = tokio::join!(
        each_region,
        s3::collect(session, caller, &live),
        elsewhere,
        organizations::id(session, caller),
        iam::roles(session, caller, &policy, &plan.backup_role),
    );
    let s3::Buckets {
        here: mut buckets,
        places,
    } = buckets;
    let mut elsewhere: BTreeMap<String, Listing<String>> = elsewhere.into_iter().collect();
    for (name, tagged) in &mut elsewhere {
        // A bucket's ARN has no region.
        tagged
            .items
            .retain(|arn| places.get(arn).is_none_or(|place| place == name));
    }

    let mut regions: BTreeMap<String, Region> = BTreeMap::new();
    for (name, (region, tagged)) in live.iter().zip(read) {
        for bucket in &mut buckets.items {
            if bucket.region.known() == Some(name) {
                bucket.tags = tagged.of(&bucket.arn);
            }
        }
        regions.insert(name.clone(), region);
    }
    for bucket in &mut buckets.items {
        if let Observed::Unknown(gap) = &bucket.region {
            bucket.tags = Observed::Unknown(gap.clone());
        }
    }
    let keys = kms::collect(session, caller, &mut regions, &buckets.items).await;
    for name in disabled {
        caller.books().disabled(&name);
        regions.insert(name, disabled_region());
    }

    let counts = |region: &str, service: &str| match elsewhere.get(region) {
        Some(tagged) => tagged.items.len(),
        None => count(&regions, &buckets.items, &keys, region, service),
    };
    Ok(Snapshot {
        snapshot_version: SNAPSHOT_VERSION,
        source: Source::Aws,
        account_id: Some(session.account.clone()),
        tag_key: plan.tag_key.clone(),
        started_at: String::new(),
        finished_at: String::new(),
        interrupted: caller.stop() != Stop::No,
        stats: caller.meter().stats(),
        coverage: caller.books().coverage(counts),
        enabled_regions: match enabled {
            Ok(known) => Listing::complete(
                known
                    .into_iter()
                    .filter_map(|(name, on)| on.then_some(name))
                    .collect(),
            ),
            Err(gap) => Listing {
                items: Vec::new(),
                gap: Some(gap),
            },
        },
        organization_id,
        backup_policy: policy.get().await.clone(),
        backup_roles,
        elsewhere,
        buckets,
        regions,
        keys,
    })
}

/// Everything in one region but its buckets and keys.
async fn region(
    session: &Session,
    caller: &Arc<Caller>,
    plan: &Plan,
    name: &str,
    policy: &Policy<'_>,
) -> (Region, Tagged) {
    let tag_key = plan.tag_key.as_str();
    let (
        tagged,
        instances,
        volumes,
        ebs_defaults,
        network,
        databases,
        file_systems,
        mut tables,
        (gateways, gateway_volumes),
        (redshift_clusters, redshift_namespaces),
        stacks,
        mut beyond,
        backup,
        (backup_jobs, copy_jobs),
    ) = tokio::join!(
        async {
            let scope = caller.scope(name, SHARED);
            tagging::collect(&scope, session, tag_key, tagging::COMMON).await
        },
        ec2::instances(session, caller, name, tag_key),
        ec2::volumes(session, caller, name, tag_key),
        ec2::ebs_defaults(session, caller, name),
        vpc::collect(session, caller, name),
        async {
            let databases = rds::collect(session, caller, name, tag_key).await;
            let instances = &databases.instances.items;
            let groups = rds::option_groups(session, caller, name, instances).await;
            (databases, groups)
        },
        efs::collect(session, caller, name, tag_key),
        dynamodb::collect(session, caller, name),
        storage_gateway::collect(session, caller, name, tag_key),
        redshift::collect(session, caller, name, tag_key),
        cloudformation::collect(session, caller, name, tag_key),
        tagging::beyond(session, caller, name, tag_key),
        backup::collect(session, caller, name, policy),
        backup_jobs::collect(session, caller, name, plan.now),
    );
    let (databases, option_groups) = databases;
    let rds::Databases {
        instances: mut db_instances,
        clusters: mut db_clusters,
        beyond: engines,
    } = databases;
    let listed: BTreeSet<&String> = db_clusters.items.iter().map(|it| &it.arn).collect();
    // Where the list of clusters broke off, one that is not in it may be of any engine.
    let whole = db_clusters.gap.is_none();
    beyond.items.retain(|it| {
        let is_cluster = it.aws_type == rds::ANY_CLUSTER;
        !is_cluster || engines.contains_key(&it.arn) || (whole && !listed.contains(&it.arn))
    });
    for resource in &mut beyond.items {
        if let Some(aws_type) = engines.get(&resource.arn) {
            resource.aws_type = (*aws_type).to_owned();
        }
    }
    for table in &mut tables.items {
        table.tags = tagged.of(&table.arn);
    }
    let untold_databases = db_instances
        .items
        .iter_mut()
        .map(|database| (&database.arn, &mut database.tags));
    let untold_clusters = db_clusters
        .items
        .iter_mut()
        .map(|cluster| (&cluster.arn, &mut cluster.tags));
    let mut services = vec!["dynamodb", "s3"];
    for (arn, tags) in untold_databases
        .chain(untold_clusters)
        .filter(|(_, tags)| tags.known().is_none())
    {
        *tags = tagged.of(arn);
        if tags.known().is_none() {
            services.push("rds");
        }
    }
    for service in services {
        if tagged.gap.is_some() {
            caller
                .books()
                .note(name, service, tagging::GET_RESOURCES, tagged.gap.as_ref());
        }
    }
    let region = Region {
        disabled: false,
        instances,
        volumes,
        ebs_defaults,
        network,
        db_instances,
        db_clusters,
        option_groups,
        file_systems,
        tables,
        gateways,
        gateway_volumes,
        redshift_clusters,
        redshift_namespaces,
        stacks,
        tagged: beyond,
        backup_jobs,
        copy_jobs,
        backup_settings: backup.settings,
        vaults: backup.vaults,
        backup_plans: backup.plans,
        key_names: BTreeMap::new(),
    };
    (region, tagged)
}

fn disabled_region() -> Region {
    fn nothing<T>() -> Listing<T> {
        Listing {
            items: Vec::new(),
            gap: Some(Gap::told(GapKind::RegionDisabled, "")),
        }
    }
    let mut region = Region {
        disabled: true,
        instances: nothing(),
        volumes: nothing(),
        db_instances: nothing(),
        db_clusters: nothing(),
        option_groups: nothing(),
        file_systems: nothing(),
        tables: nothing(),
        gateways: nothing(),
        gateway_volumes: nothing(),
        redshift_clusters: nothing(),
        redshift_namespaces: nothing(),
        stacks: nothing(),
        tagged: nothing(),
        backup_jobs: nothing(),
        copy_jobs: nothing(),
        vaults: nothing(),
        backup_plans: nothing(),
        ..Region::default()
    };
    region.network.vpcs = nothing();
    region
}

fn count(
    regions: &BTreeMap<String, Region>,
    buckets: &[Bucket],
    keys: &BTreeMap<String, Key>,
    region: &str,
    service: &str,
) -> usize {
    let Some(seen) = regions.get(region) else {
        return 0;
    };
    match service {
        "s3" => buckets
            .iter()
            .filter(|bucket| bucket.region.known().is_some_and(|name| name == region))
            .count(),
        "ec2" => seen.instances.items.len(),
        "ebs" => seen.volumes.items.len(),
        "rds" => seen.db_instances.items.len() + seen.db_clusters.items.len(),
        "efs" => seen.file_systems.items.len(),
        "dynamodb" => seen.tables.items.len(),
        "storagegateway" => seen.gateways.items.len() + seen.gateway_volumes.items.len(),
        "redshift" => seen.redshift_clusters.items.len() + seen.redshift_namespaces.items.len(),
        "cloudformation" => seen.stacks.items.len(),
        "backup" => seen.vaults.items.len(),
        "vpc" => seen.network.vpcs.items.len(),
        "kms" => keys
            .keys()
            .filter(|arn| arn.split(':').nth(3) == Some(region))
            .count(),
        _ => 0,
    }
}
