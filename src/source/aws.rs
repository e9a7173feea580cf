//! Live AWS: everything that rules read, from all regions and services at once.
//!
//! One client per service and region; every call goes through [`call::Scope::call`], which bounds how
//! many run at once, turns each failure into a gap, and keeps the books from which coverage comes.

pub mod backup;
pub mod backup_jobs;
pub mod by_id;
pub mod call;
pub mod cloudformation;
pub mod coverage;
pub mod dynamodb;
pub mod ec2;
pub mod efs;
mod error;
pub mod iam;
pub mod kms;
pub mod meter;
pub mod organizations;
pub mod rds;
pub mod redshift;
mod region;
pub mod s3;
pub mod scan_scope;
pub mod session;
pub mod storage_gateway;
pub mod tagging;
pub mod truncation;
pub mod vpc;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use thiserror::Error;

use crate::model::arn::Arn;
use crate::model::kms::Key;
use crate::model::observed::{Listing, Observed};
use crate::model::s3::Bucket;
use crate::model::selection::{LookupError, Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::{Region, SNAPSHOT_VERSION, Snapshot, Source};

use call::{Caller, Stop};
use organizations::Policy;
use region::{disabled_region, region};
use s3::Place;
use scan_scope::{NotAsked, Reads, asked};
use session::Session;

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
    Resource(#[from] LookupError),
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
                let tagged = tagging::some(session, caller, name, &plan.tag_key, &arns).await;
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
        places: BTreeMap::new(),
    };
    // What had not been read when the scan was stopped may be there.
    if !snapshot.interrupted {
        for arn in &selection.resources {
            snapshot.check_contains(arn)?;
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
            return Err(PlanError::Resource(LookupError::OtherAccount {
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
