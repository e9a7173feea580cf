//! Reads a region, except its buckets and keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::arn::Arn;
use crate::model::ec2::EbsDefaults;
use crate::model::job::{BackupJob, CopyJob};
use crate::model::observed::{Gap, GapKind, Listing};
use crate::model::selection::{Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::Region;
use crate::model::tag::{ENABLED, Tags};
use crate::model::tagged::TaggedResource;
use crate::model::vpc::Network;

use super::backup::BackupRegion;
use super::by_id::SelectedResources;
use super::listing::{Skippable, failed_listing, read_if};
use super::lists::Lists;
use super::operation::{GET_RESOURCES, SHARED};
use super::organizations::BackupPolicy;
use super::reader::{AccountReader, RegionReader};
use super::s3::BucketLocation;
use super::scan_scope::ScanScope;
use super::tagging::TagIndex;
use super::{backup, backup_jobs, by_id, ec2, lists, rds, tagging, vpc};

/// A region as it was read.
pub(super) struct RegionResult {
    /// The region.
    pub(super) region: Region,
    /// The tags of all its resources. `None` if resources were selected by ARN.
    pub(super) tags: Option<TagIndex>,
    /// The members of the selected stacks.
    pub(super) stack_members: Vec<Target>,
}

/// The parts of a region, which are read at the same time.
struct RegionParts {
    lists: Lists,
    tags: Option<TagIndex>,
    tagged: Listing<TaggedResource>,
    ebs_defaults: EbsDefaults,
    network: Network,
    backup: BackupRegion,
    jobs: (Listing<BackupJob>, Listing<CopyJob>),
}

/// Reads a region, except its buckets and keys.
pub(super) async fn read_region(
    account: &AccountReader<'_>,
    selection: &Selection,
    region: &str,
    policy: &BackupPolicy<'_>,
    buckets: &[BucketLocation],
) -> RegionResult {
    let selection = select_in_region(selection, region, buckets);
    let scope = ScanScope::of_selection(&selection);
    let reader = &account.in_region(region, &scope);
    let mut selected = SelectedResources::of_selection(&selection);
    let mut stacks = Listing::not_requested();
    let mut stack_members = Vec::new();
    if let Some(selected) = &mut selected {
        let is_listed = scope.lists_service(Service::Cloudformation);
        stacks = read_if(is_listed, by_id::find_stacks(reader, selected)).await;
        stack_members = by_id::stack_members(&stacks);
        selected.targets.extend(stack_members.iter().cloned());
    }
    let selected = selected.as_ref();
    let lists = async {
        match selected {
            Some(selected) => by_id::find_resources(reader, selected, stacks).await,
            None => lists::list_resources(reader).await,
        }
    };
    let mut parts = read_parts(reader, selected, policy, lists).await;
    add_missing_tags(reader, selected, &mut parts).await;
    remove_rds_clusters(&mut parts);
    let (region, tags) = assemble_region(parts);
    RegionResult {
        region,
        tags,
        stack_members,
    }
}

/// Returns the part of a selection that applies to a region.
fn select_in_region(selection: &Selection, region: &str, buckets: &[BucketLocation]) -> Selection {
    let mut selection = selection.clone();
    selection.resources.retain(|arn| {
        let name = Arn::parse(arn).map_or("", |it| it.resource);
        let bucket = buckets.iter().find(|bucket| bucket.name == name);
        match Arn::parse(arn).map_or("", |it| it.region) {
            "" => bucket.is_some_and(|it| it.region.known().is_some_and(|it| it == region)),
            place => place == region,
        }
    });
    selection
}

async fn read_parts(
    reader: &RegionReader<'_>,
    selected: Option<&SelectedResources>,
    policy: &BackupPolicy<'_>,
    lists: impl Future<Output = Lists>,
) -> RegionParts {
    let scope = reader.scope;
    // Selected resources that are found only by their tag are read by ARN, with the other tags.
    let tagged = scope.tagged_resources && selected.is_none_or(SelectedResources::has_stacks);
    let jobs = async {
        match selected {
            Some(selected) => backup_jobs::find_jobs(reader, &selected.arns).await,
            None => backup_jobs::list_jobs(reader).await,
        }
    };
    let (lists, tags, tagged, ebs_defaults, network, backup, jobs) = tokio::join!(
        lists,
        read_all_tags(reader, selected),
        read_if(tagged, tagging::list_tagged_resources(reader)),
        read_if(scope.ebs_defaults, ec2::read_ebs_defaults(reader)),
        read_if(scope.lists_service(Service::Vpc), vpc::read_network(reader)),
        backup::read_region(reader, policy),
        read_if(scope.jobs, jobs),
    );
    RegionParts {
        lists,
        tags,
        tagged,
        ebs_defaults,
        network,
        backup,
        jobs,
    }
}

/// Reads the tags of all resources whose own API returns none, unless resources were selected by ARN.
async fn read_all_tags(
    reader: &RegionReader<'_>,
    selected: Option<&SelectedResources>,
) -> Option<TagIndex> {
    if selected.is_some() {
        return None;
    }
    let types = tagging::types_of_services(&reader.scope.services_without_tags());
    let calls = reader.begin_service(SHARED);
    Some(tagging::read_tags_of_types(reader, &calls, &types).await)
}

/// Adds the tags that the services did not return, and the selected resources that are checked only
/// for their tag.
async fn add_missing_tags(
    reader: &RegionReader<'_>,
    selected: Option<&SelectedResources>,
    parts: &mut RegionParts,
) {
    let tagged = selected.map_or_else(Vec::new, |it| {
        it.tagged_resources(&parts.lists.databases.other_clusters)
    });
    let mut untagged = parts.lists.untagged_resources();
    if selected.is_none() {
        // The lists of gateways and namespaces include all tags that could be read.
        untagged.retain(|it| ["dynamodb", "rds"].contains(&it.service));
    }
    let mut services: BTreeSet<&'static str> = untagged.iter().map(|it| it.service).collect();
    let by_arn;
    let tags = match &parts.tags {
        Some(tags) => tags,
        None => {
            let arns = untagged.iter().map(|it| it.arn).cloned();
            let tagged = tagged.iter().map(|(arn, _)| arn.clone());
            let arns: Vec<String> = arns.chain(tagged).collect();
            by_arn = tagging::read_tags_of_arns(reader, &arns).await;
            &by_arn
        }
    };
    for resource in untagged {
        *resource.tags = tags.tags_of(resource.arn);
    }
    let is_enabled = |tags: &Tags| tags.get(reader.tag_key).is_some_and(|it| it == ENABLED);
    for (arn, aws_type) in &tagged {
        let found = tags.tags_of(arn);
        if found.known().is_none_or(is_enabled) {
            let resource = tagging::tagged_resource(arn, aws_type, found);
            parts.tagged.items.extend(resource);
            services.insert("backup");
        }
    }
    if selected.is_none() {
        // Their tags come only from the tagging API.
        let always = [(Service::Dynamodb, "dynamodb"), (Service::S3, "s3")];
        let listed = always.iter().filter(|it| reader.scope.lists_service(it.0));
        services.extend(listed.map(|it| it.1));
    }
    let gap = tags.gap.as_ref();
    if let Some(gap) = gap.filter(|gap| gap.kind != GapKind::NotAsked) {
        for service in services {
            let log = reader.caller.coverage_log();
            log.record_call(reader.region, service, GET_RESOURCES, Some(gap));
        }
    }
}

/// Removes the clusters that RDS lists from the resources that were found by their tag, and corrects
/// the types of the other clusters.
fn remove_rds_clusters(parts: &mut RegionParts) {
    let databases = &parts.lists.databases;
    let other_clusters = &databases.other_clusters;
    let clusters = &databases.clusters;
    let listed: BTreeSet<&String> = clusters.items.iter().map(|it| &it.arn).collect();
    // A cluster that is missing from a truncated list may have any engine.
    let is_complete = clusters.gap.is_none();
    parts.tagged.items.retain(|it| {
        let is_cluster = it.aws_type == rds::ANY_CLUSTER;
        let is_unlisted = is_complete && !listed.contains(&it.arn);
        !is_cluster || other_clusters.contains_key(&it.arn) || is_unlisted
    });
    for resource in &mut parts.tagged.items {
        if let Some(aws_type) = other_clusters.get(&resource.arn) {
            resource.aws_type = (*aws_type).to_owned();
        }
    }
}

fn assemble_region(parts: RegionParts) -> (Region, Option<TagIndex>) {
    let lists = parts.lists;
    let (backup_jobs, copy_jobs) = parts.jobs;
    let region = Region {
        disabled: false,
        instances: lists.instances,
        volumes: lists.volumes,
        ebs_defaults: parts.ebs_defaults,
        network: parts.network,
        db_instances: lists.databases.instances,
        db_clusters: lists.databases.clusters,
        option_groups: lists.option_groups,
        file_systems: lists.file_systems,
        tables: lists.tables,
        gateways: lists.gateways,
        gateway_volumes: lists.gateway_volumes,
        redshift_clusters: lists.redshift_clusters,
        redshift_namespaces: lists.redshift_namespaces,
        stacks: lists.stacks,
        tagged: parts.tagged,
        backup_jobs,
        copy_jobs,
        backup_settings: parts.backup.settings,
        vaults: parts.backup.vaults,
        backup_plans: parts.backup.plans,
        key_names: BTreeMap::new(),
    };
    (region, parts.tags)
}

/// Returns a region that is not enabled for the account.
pub(super) fn disabled_region() -> Region {
    fn disabled<T>() -> Listing<T> {
        failed_listing(Gap::new(GapKind::RegionDisabled, ""))
    }
    let mut region = Region {
        disabled: true,
        instances: disabled(),
        volumes: disabled(),
        db_instances: disabled(),
        db_clusters: disabled(),
        option_groups: disabled(),
        file_systems: disabled(),
        tables: disabled(),
        gateways: disabled(),
        gateway_volumes: disabled(),
        redshift_clusters: disabled(),
        redshift_namespaces: disabled(),
        stacks: disabled(),
        tagged: disabled(),
        backup_jobs: disabled(),
        copy_jobs: disabled(),
        vaults: disabled(),
        backup_plans: disabled(),
        ..Region::default()
    };
    region.network.vpcs = disabled();
    region
}
