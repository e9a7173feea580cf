//! Reads an account: finds the regions, reads them, then the buckets and the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use thiserror::Error;

use crate::model::ResourceKind;
use crate::model::arn::Arn;
use crate::model::backup_plan::BackupPlan;
use crate::model::kms::Key;
use crate::model::lookup::LookupError;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::s3::Bucket;
use crate::model::selection::{Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::{Region, SNAPSHOT_VERSION, Snapshot, Source};
use crate::model::tag::{ENABLED, Tags};
use crate::model::tagged::TaggedResource;

use super::call::{Caller, Stop};
use super::ec2::RegionList;
use super::iam::BackupRoles;
use super::key_requests::{KeyRequests, ListOrder};
use super::listing::{Skippable, failed_listing, read_if};
use super::operation::GET_RESOURCES;
use super::organizations::BackupPolicy;
use super::reader::AccountReader;
use super::region::{RegionResult, disabled_region, read_region};
use super::request::ScanRequest;
use super::s3::{BucketLocation, Buckets};
use super::scan_scope::ScanScope;
use super::session::Session;
use super::tagging::TagIndex;
use super::{cloudwatch, ec2, iam, kms, organizations, s3, tagging};

/// Why an account was not scanned.
#[derive(Debug, Error)]
pub enum CollectError {
    /// A region does not exist.
    #[error("unknown region {name:?}; expected one of {}", .known.join(", "))]
    UnknownRegion {
        /// The name.
        name: String,
        /// The regions of the partition.
        known: Vec<String>,
    },
    /// A region is not enabled for the account, so it has no resources.
    #[error("region {name} is not enabled for this account")]
    DisabledRegion {
        /// The name.
        name: String,
    },
    /// A selected bucket is outside the selected regions.
    #[error("bucket {bucket} is in {region}, not in {}; remove --region", .within.join(", "))]
    BucketElsewhere {
        /// The name of the bucket.
        bucket: String,
        /// The region of the bucket.
        region: String,
        /// The selected regions.
        within: Vec<String>,
    },
    /// A selected resource is in another partition.
    #[error("{arn} is in another partition; these credentials are for {ours}")]
    OtherPartition {
        /// The ARN of the resource.
        arn: String,
        /// The partition of the credentials.
        ours: String,
    },
    /// A selected resource cannot be checked.
    #[error(transparent)]
    Resource(#[from] LookupError),
}

/// The regions of a scan, and the selected buckets that were located to find them.
struct ScanRegions {
    /// The regions of the partition, and whether each is enabled.
    known: Result<BTreeMap<String, bool>, Gap>,
    /// The enabled regions to scan.
    scanned: Vec<String>,
    /// The regions to scan that are not enabled.
    disabled: Vec<String>,
    /// The enabled regions where only tagged resources are looked up.
    tags_only: Vec<String>,
    /// The selected buckets.
    buckets: Vec<BucketLocation>,
}

/// The parts of the regions of an account that are read at the same time.
struct RegionalParts {
    regions: Vec<RegionResult>,
    /// `None` if buckets were selected by ARN, or not at all.
    all_buckets: Option<Buckets>,
    /// ARNs of tagged resources by region.
    tagged_elsewhere: BTreeMap<String, Listing<String>>,
}

/// An account as it was read, but its keys.
struct AccountResources {
    regions: ScanRegions,
    by_name: BTreeMap<String, Region>,
    buckets: Listing<Bucket>,
    /// ARNs of tagged resources by region.
    tagged_elsewhere: BTreeMap<String, Listing<String>>,
    organization_id: Observed<Option<String>>,
    backup_roles: BackupRoles,
}

/// Reads an account. A failed call leaves a gap in the snapshot; everything else is still read.
///
/// The start and end times are left empty: only the command line reads the clock. `regions` is the list that
/// [`ec2::list_regions`] began to read.
///
/// # Errors
/// A region that does not exist, or a selected resource that cannot be checked.
pub async fn collect_account(
    session: &Session,
    request: &ScanRequest,
    caller: &Arc<Caller>,
    regions: RegionList,
) -> Result<Snapshot, CollectError> {
    let scope = &ScanScope::new(&request.selection, &request.extent.needs);
    let (keys, requests) = KeyRequests::new(scope.keys);
    let reader = &AccountReader {
        session,
        caller,
        scope,
        tag_key: &request.tag_key,
        now: request.now,
        keys: &keys,
    };
    check_owner(session, &request.selection)?;
    let policy = BackupPolicy::new(*reader);
    let resources = async {
        let read = read_resources(reader, request, &policy, regions).await;
        keys.close();
        read
    };
    let (resources, requested) = tokio::join!(resources, kms::read_requested(reader, requests));
    let AccountResources {
        regions,
        mut by_name,
        buckets,
        tagged_elsewhere,
        organization_id,
        backup_roles,
    } = resources?;
    let mut keys = BTreeMap::new();
    if scope.keys {
        keys = kms::read_keys(reader, &mut by_name, &buckets.items, requested).await;
    }
    for name in regions.disabled {
        let log = caller.coverage_log();
        log.record_disabled_region(&name, &scope.service_names());
        by_name.insert(name, disabled_region());
    }
    let count = |region: &str, service: &str| match tagged_elsewhere.get(region) {
        Some(tagged) if !by_name.contains_key(region) => tagged.items.len(),
        _ => count_resources(&by_name, &buckets.items, &keys, region, service),
    };
    let coverage = caller.coverage_log().coverage_rows(count);
    let backup_policy = match scope.backup_plans {
        true => policy.get().await.clone(),
        false => Observed::not_requested(),
    };
    let mut snapshot = Snapshot {
        snapshot_version: SNAPSHOT_VERSION,
        source: Source::Aws,
        account_id: Some(session.account.clone()),
        tag_key: request.tag_key.clone(),
        selected_tags: None,
        selection: request.selection.clone(),
        started_at: String::new(),
        finished_at: String::new(),
        interrupted: caller.stop_reason() != Stop::No,
        stats: caller.meter().stats(),
        coverage,
        enabled_regions: list_enabled(regions.known),
        organization_id,
        organization_path: None,
        backup_policy,
        backup_roles,
        elsewhere: tagged_elsewhere,
        buckets,
        regions: by_name,
        keys,
        places: BTreeMap::new(),
        declarations: BTreeMap::new(),
        defaults: BTreeMap::new(),
        account_from: None,
        file_only: None,
        account_changes: Vec::new(),
    };
    snapshot.retain_selected_tags();
    check_selected(&snapshot)?;
    Ok(snapshot)
}

/// Reads all of an account but its keys.
async fn read_resources(
    reader: &AccountReader<'_>,
    request: &ScanRequest,
    policy: &BackupPolicy<'_>,
    regions: RegionList,
) -> Result<AccountResources, CollectError> {
    let scope = reader.scope;
    let targets = parse_targets(&request.selection);
    let regional = async {
        let regions = find_regions(reader, request, &targets, regions).await?;
        let parts = read_parts(reader, request, &regions, policy, targets.is_empty()).await;
        Ok::<_, CollectError>((regions, parts))
    };
    let global = read_global_parts(reader, request, policy).map(Ok);
    let ((mut regions, mut parts), (organization_id, mut backup_roles)) =
        tokio::try_join!(regional, global)?;
    if request.extent.only_enabled && targets.is_empty() && scope.lists_service(Service::S3) {
        parts.all_buckets = list_enabled_buckets(reader, &parts.regions, &regions.scanned).await;
    }
    let selected = std::mem::take(&mut regions.buckets);
    let mut buckets = collect_buckets(reader, &mut parts, selected).await;
    let names = std::mem::take(&mut regions.scanned);
    let mut by_name = add_bucket_tags(reader, names, parts.regions, &mut buckets).await;
    let continuous = find_continuous_regions(reader, policy, &by_name).await;
    s3::read_event_bridge(reader, &mut buckets.items, &continuous).await;
    if request.extent.metrics {
        cloudwatch::read_sizes(reader, &mut by_name, &mut buckets.items).await;
    }
    if scope.role_policies {
        let of_plans = iam::read_roles_of_plans(reader, &by_name, &backup_roles).await;
        backup_roles.extend(of_plans);
    }
    Ok(AccountResources {
        regions,
        by_name,
        buckets,
        tagged_elsewhere: parts.tagged_elsewhere,
        organization_id,
        backup_roles,
    })
}

/// Reads the organization and the backup roles, which have no region.
async fn read_global_parts(
    reader: &AccountReader<'_>,
    request: &ScanRequest,
    policy: &BackupPolicy<'_>,
) -> (Observed<Option<String>>, BackupRoles) {
    let scope = reader.scope;
    let backup_roles = async {
        match scope.roles {
            true => iam::read_roles(reader, policy, &request.backup_role).await,
            false => BTreeMap::new(),
        }
    };
    let organization_id = organizations::read_organization_id(reader);
    tokio::join!(read_if(scope.organization, organization_id), backup_roles)
}

/// Returns the scanned regions in which a plan makes continuous backups; none where it does not matter.
async fn find_continuous_regions(
    reader: &AccountReader<'_>,
    policy: &BackupPolicy<'_>,
    regions: &BTreeMap<String, Region>,
) -> BTreeSet<String> {
    let is_continuous = |plan: &BackupPlan| {
        let mut rules = plan.rules.items.iter();
        rules.any(|rule| rule.continuous == Observed::Known(true))
    };
    let mut found = BTreeSet::new();
    if !reader.scope.buckets.events {
        return found;
    }
    let own = regions
        .iter()
        .filter(|(_, region)| region.backup_plans.items.iter().any(is_continuous));
    found.extend(own.map(|(name, _)| name.clone()));
    if reader.scope.backup_plans
        && let Observed::Known(Some(policy)) = policy.get().await
    {
        let plans = policy.plans.iter().filter(|it| is_continuous(&it.plan));
        found.extend(plans.flat_map(|it| it.regions.iter().cloned()));
    }
    found.retain(|name| regions.contains_key(name));
    found
}

/// Checks that the selected resources belong to this account, before any call is sent.
fn check_owner(session: &Session, selection: &Selection) -> Result<(), CollectError> {
    for name in &selection.resources {
        let Some(arn) = Arn::parse(name) else {
            continue;
        };
        if !arn.account.is_empty() && arn.account != session.account {
            return Err(CollectError::Resource(LookupError::OtherAccount {
                arn: name.clone(),
                theirs: arn.account.to_owned(),
                ours: session.account.clone(),
            }));
        }
        if arn.partition != session.partition {
            return Err(CollectError::OtherPartition {
                arn: name.clone(),
                ours: session.partition.clone(),
            });
        }
    }
    Ok(())
}

/// Checks that the selected resources were found. An interrupted scan may have missed them.
fn check_selected(snapshot: &Snapshot) -> Result<(), CollectError> {
    if !snapshot.interrupted {
        for arn in &snapshot.selection.resources {
            snapshot.check_contains(arn)?;
        }
    }
    Ok(())
}

fn parse_targets(selection: &Selection) -> Vec<Target> {
    let arns = selection.resources.iter();
    arns.filter_map(|arn| Target::parse(arn).ok()).collect()
}

/// Waits for the list of regions, locates the selected buckets, and checks that the regions can be scanned.
async fn find_regions(
    reader: &AccountReader<'_>,
    request: &ScanRequest,
    targets: &[Target],
    regions: RegionList,
) -> Result<ScanRegions, CollectError> {
    let names = bucket_names(targets);
    let (known, buckets) = tokio::join!(regions, s3::locate_buckets(reader, &names));
    let wanted = add_bucket_regions(request, &buckets)?;
    if let Err(gap) = &known {
        ec2::record_unlisted_regions(reader, &wanted, gap);
    }
    if let Ok(known) = &known
        && let Some(name) = wanted.iter().find(|name| !known.contains_key(*name))
    {
        return Err(CollectError::UnknownRegion {
            name: name.clone(),
            known: known.keys().cloned().collect(),
        });
    }
    // If DescribeRegions is denied, every region is scanned and reports its own errors.
    let is_disabled = |name: &String| {
        known
            .as_ref()
            .is_ok_and(|known| known.get(name) == Some(&false))
    };
    if !targets.is_empty()
        && let Some(name) = wanted.iter().find(|name| is_disabled(name))
    {
        return Err(CollectError::DisabledRegion { name: name.clone() });
    }
    // The other regions are unknown if DescribeRegions is denied. A rule reports that.
    let is_searched = |name: &String| match wanted.contains(name) {
        true => reader.scope.tags_in_scanned_regions,
        false => reader.scope.other_regions,
    };
    let tags_only = known
        .iter()
        .flatten()
        .filter(|(name, enabled)| **enabled && is_searched(name))
        .map(|(name, _)| name.clone())
        .collect();
    let (disabled, scanned) = wanted.into_iter().partition(is_disabled);
    Ok(ScanRegions {
        known,
        scanned,
        disabled,
        tags_only,
        buckets,
    })
}

/// Returns the requested regions and the regions of the selected buckets.
fn add_bucket_regions(
    request: &ScanRequest,
    buckets: &[BucketLocation],
) -> Result<Vec<String>, CollectError> {
    let mut wanted = request.regions.clone();
    for bucket in buckets {
        let Some(region) = bucket.region.known() else {
            continue;
        };
        if !request.within.is_empty() && !request.within.contains(region) {
            return Err(CollectError::BucketElsewhere {
                bucket: bucket.name.clone(),
                region: region.clone(),
                within: request.within.clone(),
            });
        }
        if !wanted.contains(region) {
            wanted.push(region.clone());
        }
    }
    Ok(wanted)
}

fn bucket_names(targets: &[Target]) -> Vec<String> {
    Target::ids_of(targets, ResourceKind::S3Bucket)
}

/// Reads all regions and the buckets at the same time.
async fn read_parts(
    reader: &AccountReader<'_>,
    request: &ScanRequest,
    regions: &ScanRegions,
    policy: &BackupPolicy<'_>,
    is_unselective: bool,
) -> RegionalParts {
    let scope = reader.scope;
    let each_region = join_all(
        regions
            .scanned
            .iter()
            .map(|name| read_region(reader, request, name, policy, &regions.buckets)),
    );
    let elsewhere = join_all(regions.tags_only.iter().map(|name| async move {
        reader.keys.wait_for_lists(ListOrder::Last).await;
        let region = reader.in_region(name, scope);
        (name.clone(), tagging::list_backed_up_arns(&region).await)
    }));
    let all_buckets = async {
        let is_listed = is_unselective && !request.extent.only_enabled;
        match scope.lists_service(Service::S3) && is_listed {
            true => Some(s3::list_buckets(reader, &regions.scanned, None).await),
            false => None,
        }
    };
    let (regions, all_buckets, elsewhere, ()) =
        tokio::join!(biased; each_region, all_buckets, elsewhere, reader.keys.begin_lists());
    RegionalParts {
        regions,
        all_buckets,
        tagged_elsewhere: elsewhere.into_iter().collect(),
    }
}

/// Returns the buckets that are tagged `enabled` and those of the enabled stacks.
async fn list_enabled_buckets(
    reader: &AccountReader<'_>,
    results: &[RegionResult],
    regions: &[String],
) -> Option<Buckets> {
    let tagged = results.iter().flat_map(|it| &it.enabled_buckets);
    let tagged = tagged.filter_map(|arn| Target::parse(arn).ok());
    let members = results.iter().flat_map(|it| it.stack_members.clone());
    let targets: Vec<Target> = tagged.chain(members).collect();
    let names: BTreeSet<String> = bucket_names(&targets).into_iter().collect();
    let mut buckets = match names.is_empty() {
        true => Buckets::default(),
        false => s3::list_buckets(reader, regions, Some(&names)).await,
    };
    let mut gaps = results.iter().filter_map(|it| it.enabled_gap.clone());
    buckets.scanned.gap = buckets.scanned.gap.or_else(|| gaps.next());
    Some(buckets)
}

/// Returns the buckets of the scanned regions, or the selected buckets and those of the selected
/// stacks.
async fn collect_buckets(
    reader: &AccountReader<'_>,
    parts: &mut RegionalParts,
    selected: Vec<BucketLocation>,
) -> Listing<Bucket> {
    if let Some(found) = parts.all_buckets.take() {
        add_unlisted_buckets(parts, &found, reader.tag_key);
        // The ARN of a bucket has no region, so every region may return it.
        for (name, tagged) in &mut parts.tagged_elsewhere {
            let is_here = |arn: &String| found.regions.get(arn).is_none_or(|it| it == name);
            tagged.items.retain(is_here);
        }
        return found.scanned;
    }
    if !reader.scope.lists_service(Service::S3) {
        return Listing::not_requested();
    }
    let members = parts.regions.iter().flat_map(|it| &it.stack_members);
    let members: Vec<Target> = members.cloned().collect();
    let members = s3::locate_buckets(reader, &bucket_names(&members)).await;
    let located = selected.into_iter().chain(members);
    s3::read_buckets(reader, located.collect()).await
}

/// Adds the buckets that are tagged `enabled` and that the list of the account's buckets lacks.
fn add_unlisted_buckets(parts: &mut RegionalParts, found: &Buckets, tag_key: &str) {
    let unplaced = found.scanned.items.iter().map(|it| &it.arn);
    let known: BTreeSet<&String> = found.regions.keys().chain(unplaced).collect();
    let enabled = Tags::from([(tag_key.to_owned(), ENABLED.to_owned())]);
    // The list of buckets is that of the account.
    let exists = match &found.scanned.gap {
        Some(gap) => Observed::Unknown(gap.clone()),
        None => Observed::Known(false),
    };
    for result in &mut parts.regions {
        let arns = result.enabled_buckets.iter();
        let stray = arns.filter(|arn| !known.contains(arn)).filter_map(|arn| {
            tagging::stray_resource(arn, ResourceKind::S3Bucket, &enabled, exists.clone())
        });
        let stray: Vec<TaggedResource> = stray.collect();
        result.region.tagged.items.extend(stray);
    }
}

/// Adds the tags of the buckets, which are read per region. Returns the regions by name.
async fn add_bucket_tags(
    reader: &AccountReader<'_>,
    names: Vec<String>,
    results: Vec<RegionResult>,
    buckets: &mut Listing<Bucket>,
) -> BTreeMap<String, Region> {
    let mut regions = BTreeMap::new();
    for (name, result) in names.into_iter().zip(results) {
        let is_here = |bucket: &&mut Bucket| bucket.region.known() == Some(&name);
        let here = buckets.items.iter_mut().filter(is_here);
        let mut here: Vec<&mut Bucket> = here.collect();
        if let Some(tags) = result.tags {
            for bucket in &mut here {
                bucket.tags = tags.tags_of(&bucket.arn);
            }
        }
        let is_open = |bucket: &&mut Bucket| {
            let gap = bucket.tags.gap();
            gap.is_some_and(|it| it.kind == GapKind::NotCollected)
        };
        here.retain(is_open);
        let tags = read_bucket_tags(reader, &name, &here).await;
        for bucket in here {
            bucket.tags = tags.tags_of(&bucket.arn);
        }
        regions.insert(name, result.region);
    }
    for bucket in &mut buckets.items {
        if let Observed::Unknown(gap) = &bucket.region {
            bucket.tags = Observed::Unknown(gap.clone());
        }
    }
    regions
}

async fn read_bucket_tags(
    reader: &AccountReader<'_>,
    region: &str,
    buckets: &[&mut Bucket],
) -> TagIndex {
    let arns: Vec<String> = buckets.iter().map(|bucket| bucket.arn.clone()).collect();
    let in_region = reader.in_region(region, reader.scope);
    let tags = tagging::read_tags_of_arns(&in_region, &arns).await;
    if !arns.is_empty() {
        let log = reader.caller.coverage_log();
        log.record_call(region, "s3", GET_RESOURCES, tags.gap.as_ref());
    }
    tags
}

fn list_enabled(known: Result<BTreeMap<String, bool>, Gap>) -> Listing<String> {
    match known {
        Ok(known) => {
            let enabled = known.into_iter().filter(|(_, enabled)| *enabled);
            Listing::complete(enabled.map(|(name, _)| name).collect())
        }
        Err(gap) => failed_listing(gap),
    }
}

/// Returns the number of resources of a service that were read in a region.
fn count_resources(
    regions: &BTreeMap<String, Region>,
    buckets: &[Bucket],
    keys: &BTreeMap<String, Key>,
    name: &str,
    service: &str,
) -> usize {
    let Some(region) = regions.get(name) else {
        return 0;
    };
    let is_here = |place: &Observed<String>| place.known().is_some_and(|it| it == name);
    match Service::from_name(service) {
        Some(Service::S3) => buckets.iter().filter(|it| is_here(&it.region)).count(),
        Some(Service::Backup) => region.vaults.items.len(),
        Some(Service::Kms) => keys
            .keys()
            .filter(|arn| arn.split(':').nth(3) == Some(name))
            .count(),
        of => region
            .all_resources()
            .filter(|it| it.kind().service() == of)
            .count(),
    }
}
