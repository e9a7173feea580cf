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
pub mod named;
pub mod organizations;
pub mod rds;
pub mod reads;
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

use crate::model::arn::Arn;
use crate::model::cloudformation::Stack;
use crate::model::dynamodb::Table;
use crate::model::ec2::{EbsDefaults, Instance, Volume};
use crate::model::efs::FileSystem;
use crate::model::kms::Key;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::rds::OptionGroup;
use crate::model::redshift::{Cluster, Namespace};
use crate::model::s3::Bucket;
use crate::model::selection::{SeekError, Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::{Region, SNAPSHOT_VERSION, Snapshot, Source};
use crate::model::storage_gateway::{Gateway, GatewayVolume};
use crate::model::tag::{ENABLED, Tags};
use crate::model::vpc::Network;

use self::books::SHARED;
use self::call::{Caller, Stop};
use self::organizations::Policy;
use self::rds::Databases;
use self::reads::{NotAsked, Reads, asked};
use self::s3::Place;
use self::session::Session;
use self::tagging::Tagged;

/// What to read.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The regions to read; the regions of buckets that are named are found out.
    pub regions: Vec<String>,
    /// The regions that buckets which are named must be in; any where it is empty.
    pub within: Vec<String>,
    /// What is judged, and so what is asked for.
    pub selection: Selection,
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
    /// A region that is not enabled for the account has no resources.
    #[error("{name} is not enabled for this account: nothing can be there")]
    DisabledRegion {
        /// The name.
        name: String,
    },
    /// A bucket is in none of the regions that were named.
    #[error("the bucket {bucket} is in {region}, not in {}: leave --region out", .within.join(", "))]
    Elsewhere {
        /// Its name.
        bucket: String,
        /// Where it is.
        region: String,
        /// The regions that were named.
        within: Vec<String>,
    },
    /// A resource is of another part of AWS.
    #[error("{arn} is of another partition than these credentials, which are of {ours}")]
    OtherPartition {
        /// The resource.
        arn: String,
        /// The partition of the credentials.
        ours: String,
    },
    /// A resource is not there to be judged.
    #[error(transparent)]
    Resource(#[from] SeekError),
}

/// The IAM actions that a scan takes to judge a selection, sorted.
///
/// `sts:GetCallerIdentity` needs no permission and is not among them.
#[must_use]
pub fn actions(selection: &Selection) -> Vec<&'static str> {
    let operations = Reads::of(selection).operations();
    let actions: BTreeSet<&str> = operations.iter().map(|it| it.action).collect();
    actions.into_iter().collect()
}

/// Reads an account. What cannot be read is a gap in the snapshot; everything else goes on.
///
/// Times are left empty: the caller has the clock.
///
/// # Errors
/// A region that does not exist, or a resource that was named and is not there to be judged. Nothing
/// else keeps a snapshot from being made.
pub async fn collect(
    session: &Session,
    plan: &Plan,
    caller: &Arc<Caller>,
) -> Result<Snapshot, PlanError> {
    let selection = &plan.selection;
    let reads = Reads::of(selection);
    check_account(session, selection)?;
    let targets: Vec<Target> = selection
        .resources
        .iter()
        .filter_map(|arn| Target::parse(arn).ok())
        .collect();
    let names = bucket_names(&targets);
    let (enabled, places) = tokio::join!(
        ec2::regions(session, caller, &plan.regions, reads.row_of_regions()),
        s3::places(session, caller, &names),
    );
    let wanted = wanted_regions(plan, &places)?;
    if let Ok(known) = &enabled
        && let Some(name) = wanted.iter().find(|name| !known.contains_key(*name))
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
    if !targets.is_empty()
        && let Some(name) = wanted.iter().find(|name| is_disabled(name))
    {
        return Err(PlanError::DisabledRegion { name: name.clone() });
    }
    let (disabled, live): (Vec<String>, Vec<String>) =
        wanted.iter().cloned().partition(is_disabled);

    // Nobody knows the other regions where the list of them is denied; a rule says so.
    let others = enabled
        .iter()
        .flatten()
        .filter(|(name, on)| **on && (reads.by_tag || !wanted.contains(name)))
        .map(|(name, _)| name.clone());
    let others: Vec<String> = others.filter(|_| reads.account).collect();
    let policy = Policy::new(session, caller);
    let each_region = join_all(
        live.iter()
            .map(|name| region(session, caller, plan, name, &policy, &places)),
    );
    let elsewhere = join_all(others.iter().map(|name| async {
        let tagged = tagging::enabled(session, caller, name, &plan.tag_key).await;
        (name.clone(), tagged)
    }));
    let all_buckets = async {
        let listed = reads.lists(Service::S3) && targets.is_empty();
        match listed {
            true => Some(s3::collect(session, caller, &live).await),
            false => None,
        }
    };
    let (read, all_buckets, elsewhere, organization_id, mut backup_roles) = tokio::join!(
        each_region,
        all_buckets,
        elsewhere,
        asked(reads.keys, organizations::id(session, caller)),
        async {
            match reads.keys {
                true => iam::roles(session, caller, &policy, &plan.backup_role, &reads).await,
                false => BTreeMap::new(),
            }
        },
    );
    let mut elsewhere: BTreeMap<String, Listing<String>> = elsewhere.into_iter().collect();
    let mut buckets = match all_buckets {
        Some(found) => {
            for (name, tagged) in &mut elsewhere {
                // A bucket's ARN has no region.
                tagged
                    .items
                    .retain(|arn| found.places.get(arn).is_none_or(|place| place == name));
            }
            found.here
        }
        None if reads.lists(Service::S3) => {
            let held = read.iter().flat_map(|it| &it.members);
            let held: Vec<Target> = held.cloned().collect();
            let held = s3::places(session, caller, &bucket_names(&held)).await;
            let named = places.into_iter().chain(held);
            s3::some(session, caller, named.collect()).await
        }
        None => Listing::not_asked(),
    };

    let mut regions: BTreeMap<String, Region> = BTreeMap::new();
    for (name, found) in live.iter().zip(read) {
        let here = buckets
            .items
            .iter_mut()
            .filter(|bucket| bucket.region.known() == Some(name));
        let here: Vec<&mut Bucket> = here.collect();
        let tagged = match found.tagged {
            Some(tagged) => tagged,
            None => {
                let arns: Vec<String> = here.iter().map(|bucket| bucket.arn.clone()).collect();
                let tagged = named_tags(session, caller, name, &plan.tag_key, &arns).await;
                if !arns.is_empty() {
                    let gap = tagged.gap.as_ref();
                    caller.books().note(name, "s3", tagging::GET_RESOURCES, gap);
                }
                tagged
            }
        };
        for bucket in here {
            bucket.tags = tagged.of(&bucket.arn);
        }
        regions.insert(name.clone(), found.region);
    }
    if reads.keys {
        let more = iam::of_plans(session, caller, &regions, &backup_roles, &reads).await;
        backup_roles.extend(more);
    }
    for bucket in &mut buckets.items {
        if let Observed::Unknown(gap) = &bucket.region {
            bucket.tags = Observed::Unknown(gap.clone());
        }
    }
    let keys = match reads.keys {
        true => kms::collect(session, caller, &mut regions, &buckets.items).await,
        false => BTreeMap::new(),
    };
    for name in disabled {
        caller.books().disabled(&name, &reads.rows());
        regions.insert(name, disabled_region());
    }

    let counts = |region: &str, service: &str| match elsewhere.get(region) {
        Some(tagged) if !regions.contains_key(region) => tagged.items.len(),
        _ => count(&regions, &buckets.items, &keys, region, service),
    };
    let snapshot = Snapshot {
        snapshot_version: SNAPSHOT_VERSION,
        source: Source::Aws,
        account_id: Some(session.account.clone()),
        tag_key: plan.tag_key.clone(),
        selection: selection.clone(),
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
        backup_policy: match reads.protection() {
            true => policy.get().await.clone(),
            false => Observed::not_asked(),
        },
        backup_roles,
        elsewhere,
        buckets,
        regions,
        keys,
    };
    // What had not been read when the scan was stopped may be there.
    if !snapshot.interrupted {
        for arn in &selection.resources {
            snapshot.seek(arn)?;
        }
    }
    Ok(snapshot)
}

/// Whether what was named is the account's own, before anybody is asked for it.
fn check_account(session: &Session, selection: &Selection) -> Result<(), PlanError> {
    for name in &selection.resources {
        let Some(arn) = Arn::parse(name) else {
            continue;
        };
        if !arn.account.is_empty() && arn.account != session.account {
            return Err(PlanError::Resource(SeekError::OtherAccount {
                arn: name.clone(),
                theirs: arn.account.to_owned(),
                ours: session.account.clone(),
            }));
        }
        if arn.partition != session.partition {
            return Err(PlanError::OtherPartition {
                arn: name.clone(),
                ours: session.partition.clone(),
            });
        }
    }
    Ok(())
}

/// The regions to read: those of the plan, and those of the buckets that were named.
fn wanted_regions(plan: &Plan, places: &[Place]) -> Result<Vec<String>, PlanError> {
    let mut wanted = plan.regions.clone();
    for place in places {
        let Some(region) = place.region.known() else {
            continue;
        };
        if !plan.within.is_empty() && !plan.within.contains(region) {
            return Err(PlanError::Elsewhere {
                bucket: place.name.clone(),
                region: region.clone(),
                within: plan.within.clone(),
            });
        }
        if !wanted.contains(region) {
            wanted.push(region.clone());
        }
    }
    Ok(wanted)
}

fn bucket_names(targets: &[Target]) -> Vec<String> {
    let names: BTreeSet<&String> = targets
        .iter()
        .filter_map(|target| match target {
            Target::Bucket(name) => Some(name),
            _ => None,
        })
        .collect();
    names.into_iter().cloned().collect()
}

async fn named_tags(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    arns: &[String],
) -> Tagged {
    tagging::some(session, caller, region, tag_key, arns).await
}

/// The resources of a region that have services of their own.
pub(super) struct Lists {
    compute: (Listing<Instance>, Listing<Volume>),
    databases: (Databases, Listing<OptionGroup>),
    file_systems: Listing<FileSystem>,
    tables: Listing<Table>,
    gateways: (Listing<Gateway>, Listing<GatewayVolume>),
    redshift: (Listing<Cluster>, Listing<Namespace>),
    stacks: Listing<Stack>,
}

/// What was read in one region.
struct Found {
    region: Region,
    /// The tags of all its resources; none where only some were named.
    tagged: Option<Tagged>,
    /// What the stacks that were named hold.
    members: Vec<Target>,
}

/// What is asked for in one region.
fn selected_in(plan: &Plan, region: &str, places: &[Place]) -> Selection {
    let mut selection = plan.selection.clone();
    selection.resources.retain(|arn| {
        let name = Arn::parse(arn).map_or("", |it| it.resource);
        let bucket = places.iter().find(|place| place.name == name);
        match Arn::parse(arn).map_or("", |it| it.region) {
            "" => bucket.is_some_and(|it| it.region.known().is_some_and(|it| it == region)),
            place => place == region,
        }
    });
    selection
}

/// Everything in one region but its buckets and keys.
async fn region(
    session: &Session,
    caller: &Arc<Caller>,
    plan: &Plan,
    name: &str,
    policy: &Policy<'_>,
    places: &[Place],
) -> Found {
    let tag_key = plan.tag_key.as_str();
    let selection = selected_in(plan, name, places);
    let reads = &Reads::of(&selection);
    let by_name = !selection.resources.is_empty();
    let arns: Vec<String> = selection.resources.iter().cloned().collect();
    let mut targets: Vec<Target> = arns
        .iter()
        .filter_map(|arn| Target::parse(arn).ok())
        .collect();
    let stacks = if by_name {
        let stacks = asked(
            reads.lists(Service::Cloudformation),
            named::stacks(session, caller, name, tag_key, &targets),
        );
        stacks.await
    } else {
        Listing::not_asked()
    };
    let members = named::members(&stacks);
    targets.extend(members.iter().cloned());

    let lists = async {
        if by_name {
            return named::lists(session, caller, name, tag_key, reads, &targets, stacks).await;
        }
        all_lists(session, caller, name, tag_key, reads).await
    };
    let tagged = async {
        match by_name {
            true => None,
            false => {
                let types = tagging::common(&reads.untold());
                let scope = caller.scope(name, SHARED);
                Some(tagging::collect(&scope, session, tag_key, &types).await)
            }
        }
    };
    let beyond = async {
        // What was named alone is asked for by its ARN, with the other tags.
        let all = reads.beyond && (!by_name || named::holds_beyond(&targets));
        asked(all, tagging::beyond(session, caller, name, tag_key)).await
    };
    let jobs = async {
        match by_name {
            true => backup_jobs::some(session, caller, name, plan.now, &arns).await,
            false => backup_jobs::collect(session, caller, name, plan.now).await,
        }
    };
    let (lists, tagged, mut beyond, ebs_defaults, network, backup, (backup_jobs, copy_jobs)) = tokio::join!(
        lists,
        tagged,
        beyond,
        async {
            match reads.ebs_defaults {
                true => ec2::ebs_defaults(session, caller, name).await,
                false => EbsDefaults {
                    encryption: Observed::not_asked(),
                    kms_key: Observed::not_asked(),
                },
            }
        },
        async {
            match reads.lists(Service::Vpc) {
                true => vpc::collect(session, caller, name).await,
                false => no_network(),
            }
        },
        backup::collect(session, caller, name, policy, reads),
        asked(reads.jobs, jobs),
    );
    let Lists {
        compute: (instances, volumes),
        databases: (databases, option_groups),
        file_systems,
        mut tables,
        gateways: (mut gateways, mut gateway_volumes),
        redshift: (redshift_clusters, mut redshift_namespaces),
        stacks,
    } = lists;
    let rds::Databases {
        instances: mut db_instances,
        clusters: mut db_clusters,
        beyond: engines,
    } = databases;

    let mut untold: Vec<(&'static str, &String, &mut Observed<Tags>)> = Vec::new();
    let items = tables.items.iter_mut();
    untold.extend(items.map(|it| ("dynamodb", &it.arn, &mut it.tags)));
    // Where all are listed, gateways and namespaces come with their tags.
    if by_name {
        let items = gateways.items.iter_mut();
        untold.extend(items.map(|it| ("storagegateway", &it.arn, &mut it.tags)));
        let items = gateway_volumes.items.iter_mut();
        untold.extend(items.map(|it| ("storagegateway", &it.arn, &mut it.tags)));
        let items = redshift_namespaces.items.iter_mut();
        untold.extend(items.map(|it| ("redshift", &it.arn, &mut it.tags)));
    }
    let items = db_instances.items.iter_mut();
    untold.extend(items.map(|it| ("rds", &it.arn, &mut it.tags)));
    let items = db_clusters.items.iter_mut();
    untold.extend(items.map(|it| ("rds", &it.arn, &mut it.tags)));
    untold.retain(|(_, _, tags)| tags.known().is_none());
    let mut services: BTreeSet<&'static str> = untold.iter().map(|it| it.0).collect();
    let alone: Vec<(String, String)> = if by_name {
        named::alone(&arns, &engines)
    } else {
        Vec::new()
    };
    let by_arn = match &tagged {
        Some(_) => None,
        None => {
            let named = alone.iter().map(|(arn, _)| arn.clone());
            let wanted: Vec<String> = untold.iter().map(|it| it.1.clone()).chain(named).collect();
            Some(named_tags(session, caller, name, tag_key, &wanted).await)
        }
    };
    if let Some(tags) = tagged.as_ref().or(by_arn.as_ref()) {
        for (_, arn, told) in untold {
            *told = tags.of(arn);
        }
        for (arn, aws_type) in &alone {
            let told = tags.of(arn);
            let enabled = |tags: &Tags| tags.get(tag_key).is_some_and(|it| it == ENABLED);
            if told.known().is_none_or(enabled) {
                beyond.items.extend(tagging::beyond_of(arn, aws_type, told));
                services.insert("backup");
            }
        }
        if !by_name {
            let always = [(Service::Dynamodb, "dynamodb"), (Service::S3, "s3")];
            services.extend(always.iter().filter(|it| reads.lists(it.0)).map(|it| it.1));
        }
        if tags
            .gap
            .as_ref()
            .is_some_and(|gap| gap.kind != GapKind::NotAsked)
        {
            for service in services {
                let gap = tags.gap.as_ref();
                caller
                    .books()
                    .note(name, service, tagging::GET_RESOURCES, gap);
            }
        }
    }
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
    Found {
        region,
        tagged,
        members,
    }
}

/// The resources of a region, of the services that are asked for.
async fn all_lists(
    session: &Session,
    caller: &Arc<Caller>,
    name: &str,
    tag_key: &str,
    reads: &Reads,
) -> Lists {
    let (instances, volumes, databases, file_systems, tables, gateways, redshift, stacks) = tokio::join!(
        asked(
            reads.lists(Service::Ec2),
            ec2::instances(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Ebs),
            ec2::volumes(session, caller, name, tag_key)
        ),
        asked(reads.lists(Service::Rds), async {
            let databases = rds::collect(session, caller, name, tag_key).await;
            let instances = &databases.instances.items;
            let groups = rds::option_groups(session, caller, name, instances).await;
            (databases, groups)
        }),
        asked(
            reads.lists(Service::Efs),
            efs::collect(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Dynamodb),
            dynamodb::collect(session, caller, name)
        ),
        asked(
            reads.lists(Service::Storagegateway),
            storage_gateway::collect(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Redshift),
            redshift::collect(session, caller, name, tag_key)
        ),
        asked(
            reads.lists(Service::Cloudformation),
            cloudformation::collect(session, caller, name, tag_key)
        ),
    );
    Lists {
        compute: (instances, volumes),
        databases,
        file_systems,
        tables,
        gateways,
        redshift,
        stacks,
    }
}

fn no_network() -> Network {
    Network {
        vpcs: Listing::not_asked(),
        subnets: Listing::not_asked(),
        route_tables: Listing::not_asked(),
        interfaces: Listing::not_asked(),
        endpoints: Listing::not_asked(),
    }
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
