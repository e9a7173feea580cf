//! Reads a region, except its buckets and keys.

use std::collections::BTreeSet;

use crate::model::ResourceKind;
use crate::model::arn::Arn;
use crate::model::cloudformation::Export;
use crate::model::ec2::EbsDefaults;
use crate::model::job::{BackupJob, CopyJob};
use crate::model::kind::{Kind, type_found_by_tag};
use crate::model::kms::KeyAlias;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::selection::{Selection, Target};
use crate::model::service::Service;
use crate::model::snapshot::Region;
use crate::model::tag::{ENABLED, Tags};
use crate::model::tagged::TaggedResource;

use super::backup::BackupRegion;
use super::by_id::SelectedResources;
use super::key_requests::ListOrder;
use super::listing::{Skippable, failed_listing, read_if};
use super::operation::{GET_RESOURCES, SHARED};
use super::organizations::BackupPolicy;
use super::reader::{AccountReader, RegionReader};
use super::request::ScanRequest;
use super::s3::BucketLocation;
use super::scan_scope::ScanScope;
use super::service_reader::TagSource;
use super::tagging::TagIndex;
use super::{backup, backup_jobs, by_id, cloudformation, ec2, images, kms, lists, tagging};

/// A region as it was read.
pub(super) struct RegionResult {
    /// The region.
    pub(super) region: Region,
    /// The tags of all its resources. `None` if resources were selected by ARN.
    pub(super) tags: Option<TagIndex>,
    /// The members of the selected stacks.
    pub(super) stack_members: Vec<Target>,
    /// The ARNs of buckets that are tagged `enabled`.
    pub(super) enabled_buckets: Vec<String>,
    /// Why more resources may be tagged `enabled`.
    pub(super) enabled_gap: Option<Gap>,
}

/// The parts of a region, which are read at the same time.
struct RegionParts {
    resources: Region,
    tags: Option<TagIndex>,
    /// ARNs and tags of what is tagged `enabled`.
    enabled: Listing<(String, Tags)>,
    ebs_defaults: EbsDefaults,
    backup: BackupRegion,
    jobs: (Listing<BackupJob>, Listing<CopyJob>),
    exports: Listing<Export>,
    key_aliases: Listing<KeyAlias>,
}

/// Reads a region, except its buckets and keys.
pub(super) async fn read_region(
    account: &AccountReader<'_>,
    request: &ScanRequest,
    region: &str,
    policy: &BackupPolicy<'_>,
    buckets: &[BucketLocation],
) -> RegionResult {
    let selection = select_in_region(&request.selection, region, buckets);
    let scope = ScanScope::new(&selection, &request.extent.needs);
    let reader = &account.in_region(region, &scope);
    let mut subset = Subset::of_selection(reader, &selection, request.extent.only_enabled).await;
    let mut stacks = Listing::not_requested();
    let mut stack_members = Vec::new();
    if let Some(selected) = subset.resources_mut() {
        let is_listed = scope.lists_service(Service::Cloudformation);
        stacks = read_if(is_listed, by_id::find_stacks(reader, selected)).await;
        stack_members = by_id::stack_members(&stacks);
        selected.targets.extend(stack_members.iter().cloned());
    }
    let subset = &subset;
    let lists = async {
        let found = match subset {
            Subset::All => return lists::list_resources(reader).await,
            Subset::Selected(selected) => lists::find_resources(reader, &selected.targets).await,
            Subset::Enabled(selected, _) => lists::read_enabled(reader, &selected.targets).await,
        };
        Region { stacks, ..found }
    };
    let mut parts = read_parts(reader, subset, policy, lists).await;
    parts.resources.tagged = select_tagged(&parts.enabled);
    if let Subset::Enabled(_, enabled) = subset {
        add_gap_of_tags(&mut parts.resources, enabled.gap.as_ref());
    }
    if !matches!(subset, Subset::Selected(_)) {
        add_unlisted(reader, subset, &mut parts).await;
    }
    add_missing_tags(reader, subset, &mut parts).await;
    let instances = &parts.resources.instances.items;
    let images = images::list_images(reader, instances, &request.extent.images);
    parts.resources.images = read_if(scope.images, images).await;
    let enabled_buckets = find_enabled_buckets(&parts.enabled);
    let enabled_gap = parts.enabled.gap.clone();
    let (region, tags) = assemble_region(parts);
    RegionResult {
        region,
        tags,
        stack_members,
        enabled_buckets,
        enabled_gap,
    }
}

/// Which resources of a region are read.
enum Subset {
    /// All of them.
    All,
    /// Those that were selected by ARN.
    Selected(SelectedResources),
    /// Those that are tagged `enabled`, with all their tags.
    Enabled(SelectedResources, Listing<(String, Tags)>),
}

impl Subset {
    async fn of_selection(
        reader: &RegionReader<'_>,
        selection: &Selection,
        only_enabled: bool,
    ) -> Self {
        if let Some(selected) = SelectedResources::of_selection(selection) {
            return Subset::Selected(selected);
        }
        if !only_enabled {
            return Subset::All;
        }
        let enabled = tagging::list_enabled(reader).await;
        let arns = enabled.items.iter().map(|(arn, _)| arn.clone());
        Subset::Enabled(SelectedResources::of_arns(arns.collect()), enabled)
    }

    fn resources_mut(&mut self) -> Option<&mut SelectedResources> {
        match self {
            Subset::All => None,
            Subset::Selected(selected) | Subset::Enabled(selected, _) => Some(selected),
        }
    }
}

/// Marks every list as incomplete if the tags were not read that say what it should contain.
fn add_gap_of_tags(region: &mut Region, gap: Option<&Gap>) {
    if let Some(gap) = gap {
        for listing in region.listing_gaps_mut() {
            *listing = Some(gap.clone());
        }
    }
}

/// Returns the resources that only their tag shows.
fn select_tagged(enabled: &Listing<(String, Tags)>) -> Listing<TaggedResource> {
    let found = enabled.items.iter().filter_map(|(arn, tags)| {
        let aws_type = type_found_by_tag(arn)?;
        tagging::tagged_resource(arn, aws_type, Observed::Known(tags.clone()))
    });
    Listing {
        items: found.collect(),
        gap: enabled.gap.clone(),
    }
}

/// Returns the ARNs of buckets that are tagged `enabled`. The list of buckets is the account's.
fn find_enabled_buckets(enabled: &Listing<(String, Tags)>) -> Vec<String> {
    let arns = enabled.items.iter().map(|(arn, _)| arn);
    let is_bucket = |arn: &&String| {
        Target::parse(arn).is_ok_and(|target| target.kind == ResourceKind::S3Bucket)
    };
    arns.filter(is_bucket).cloned().collect()
}

/// Looks up what is tagged `enabled` and missing from a complete list: a list may be older than the tag, a
/// response may lack a page, and tags outlive their resource for a while. What is missing from an incomplete
/// list is kept with the reason.
async fn add_unlisted(reader: &RegionReader<'_>, subset: &Subset, parts: &mut RegionParts) {
    let region = &mut parts.resources;
    let listed: BTreeSet<&str> = region
        .listed_resources()
        .filter_map(|it| Some(it.arn_and_id()?.0))
        .collect();
    let is_listed = |row: &Kind| row.service.is_some_and(|it| reader.scope.lists_service(it));
    let missing = parts.enabled.items.iter().filter_map(|(arn, tags)| {
        let target = Target::parse(arn).ok()?;
        let row = target.kind.facts();
        let is_expected = row.has_list() && is_listed(row) && row.kind.has_backups();
        let is_missing = is_expected && !listed.contains(arn.as_str());
        is_missing.then_some((arn, tags, target))
    });
    let (open, missing): (Vec<_>, Vec<_>) =
        missing.partition(|it| it.2.kind.facts().gap_in(region).is_some());
    let unlisted = open.into_iter().filter_map(|(arn, tags, target)| {
        let gap = target.kind.facts().gap_in(region)?.clone();
        tagging::stray_resource(arn, target.kind, tags, Observed::Unknown(gap))
    });
    let mut stray: Vec<TaggedResource> = unlisted.collect();
    let is_looked_up = |target: &Target| match subset {
        Subset::Enabled(selected, _) => lists::looks_up(reader, &selected.targets, target),
        Subset::All | Subset::Selected(_) => false,
    };
    let (gone, missing): (Vec<_>, Vec<_>) = missing.into_iter().partition(|it| is_looked_up(&it.2));
    let gone = gone.into_iter();
    stray.extend(gone.filter_map(|(arn, tags, it)| describe_stray(region, arn, tags, &it)));
    if !missing.is_empty() {
        let targets: Vec<Target> = missing.iter().map(|it| it.2.clone()).collect();
        let found = lists::find_unlisted(reader, &targets).await;
        let described = missing
            .into_iter()
            .filter_map(|(arn, tags, target)| describe_stray(&found, arn, tags, &target));
        stray.extend(described);
        region.add_missing_resources(found);
    }
    region.tagged.items.extend(stray);
}

/// Returns a tagged resource that its service did not return by its id either; `None` if it did.
fn describe_stray(
    found: &Region,
    arn: &str,
    tags: &Tags,
    target: &Target,
) -> Option<TaggedResource> {
    let mut resources = found.listed_resources();
    if resources.any(|it| it.arn_and_id().is_some_and(|it| it.0 == arn)) {
        return None;
    }
    let exists = match target.kind.facts().gap_in(found) {
        Some(gap) => Observed::Unknown(gap.clone()),
        None => Observed::Known(false),
    };
    tagging::stray_resource(arn, target.kind, tags, exists)
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
    subset: &Subset,
    policy: &BackupPolicy<'_>,
    lists: impl Future<Output = Region>,
) -> RegionParts {
    let scope = reader.scope;
    let enabled = async {
        let is_needed = match subset {
            Subset::All => true,
            // Those that are found only by their tag are read by ARN, with the other tags.
            Subset::Selected(selected) => selected.has_stacks(),
            Subset::Enabled(_, enabled) => return enabled.clone(),
        };
        let is_needed = is_needed && scope.tagged_resources;
        read_if(is_needed, tagging::list_enabled(reader)).await
    };
    let jobs = async {
        match subset {
            Subset::Selected(selected) => backup_jobs::find_jobs(reader, &selected.arns).await,
            Subset::All | Subset::Enabled(..) => backup_jobs::list_jobs(reader).await,
        }
    };
    let others = async {
        reader.keys.wait_for_lists(ListOrder::Last).await;
        tokio::join!(
            read_all_tags(reader, subset),
            enabled,
            read_if(scope.ebs_defaults, ec2::read_ebs_defaults(reader)),
            backup::read_region(reader, policy),
            read_if(scope.jobs, jobs),
            read_if(scope.exports, cloudformation::list_exports(reader)),
            read_if(scope.key_aliases, kms::list_aliases(reader)),
        )
    };
    let (resources, (tags, enabled, ebs_defaults, backup, jobs, exports, key_aliases)) =
        tokio::join!(lists, others);
    RegionParts {
        resources,
        tags,
        enabled,
        ebs_defaults,
        backup,
        jobs,
        exports,
        key_aliases,
    }
}

/// Reads the tags of all resources whose own API returns none, if all resources are read. Of enabled resources they are
/// known.
async fn read_all_tags(reader: &RegionReader<'_>, subset: &Subset) -> Option<TagIndex> {
    match subset {
        Subset::All => {}
        Subset::Selected(_) => return None,
        Subset::Enabled(_, enabled) => return Some(TagIndex::of_some(&enabled.items)),
    }
    let types = lists::readers_of(reader.scope).flat_map(|it| it.common_tag_types());
    let types: Vec<&str> = types.copied().collect();
    let calls = reader.begin_service(SHARED);
    Some(tagging::read_tags_of_types(reader, &calls, &types).await)
}

/// Adds the tags that the services did not return, and the selected resources that are checked only
/// for their tag.
async fn add_missing_tags(reader: &RegionReader<'_>, subset: &Subset, parts: &mut RegionParts) {
    let region = &mut parts.resources;
    let is_all = matches!(subset, Subset::All);
    let tagged = match subset {
        Subset::Selected(selected) => selected.tagged_resources(),
        Subset::All | Subset::Enabled(..) => Vec::new(),
    };
    if is_all {
        add_tags_of_types(reader, region).await;
    }
    let is_open = |tags: &Observed<Tags>| {
        tags.gap()
            .is_some_and(|it| it.kind == GapKind::NotCollected)
    };
    if let (false, Some(known)) = (is_all, &parts.tags) {
        for (_, arn, found) in region.tags_mut().filter(|it| is_open(it.2)) {
            *found = known.tags_of(arn);
        }
    }
    let untagged: Vec<_> = region.tags_mut().filter(|it| is_open(it.2)).collect();
    let of_lists = untagged.iter().filter_map(|it| it.0);
    let mut services: BTreeSet<Service> = of_lists.collect();
    let by_arn;
    let tags = match &parts.tags {
        Some(tags) if is_all => tags,
        _ => {
            let arns = untagged.iter().map(|it| it.1.to_owned());
            let tagged = tagged.iter().map(|(arn, _)| arn.clone());
            let arns: Vec<String> = arns.chain(tagged).collect();
            by_arn = tagging::read_tags_of_arns(reader, &arns).await;
            &by_arn
        }
    };
    for (_, arn, found) in untagged {
        *found = tags.tags_of(arn);
    }
    let is_enabled = |tags: &Tags| tags.get(reader.tag_key).is_some_and(|it| it == ENABLED);
    for (arn, aws_type) in &tagged {
        let found = tags.tags_of(arn);
        if found.known().is_none_or(is_enabled) {
            let resource = tagging::tagged_resource(arn, aws_type, found);
            region.tagged.items.extend(resource);
            services.insert(Service::Backup);
        }
    }
    if is_all {
        // Their tags come only from the tagging API.
        let readers = lists::readers_of(reader.scope);
        let readers = readers.filter(|it| matches!(it.tags, TagSource::Tagging(_)));
        services.extend(readers.flat_map(|it| it.services));
    }
    let gap = tags.gap.as_ref();
    if let Some(gap) = gap.filter(|gap| gap.kind != GapKind::NotAsked) {
        for service in services {
            let log = reader.caller.coverage_log();
            log.record_call(reader.region, service.as_str(), GET_RESOURCES, Some(gap));
        }
    }
}

/// Adds the tags of the services whose types are read only in regions that have such resources.
async fn add_tags_of_types(reader: &RegionReader<'_>, region: &mut Region) {
    for service in lists::readers_of(reader.scope) {
        let TagSource::TaggingIfAny(types) = service.tags else {
            continue;
        };
        let is_open = |of: Option<Service>, tags: &Observed<Tags>| {
            of.is_some_and(|it| service.services.contains(&it))
                && tags
                    .gap()
                    .is_some_and(|it| it.kind == GapKind::NotCollected)
        };
        if !region.tags_mut().any(|(of, _, tags)| is_open(of, tags)) {
            continue;
        }
        let calls = reader.begin_services(service.services);
        let index = tagging::read_tags_of_types(reader, &calls, types).await;
        for (of, arn, tags) in region.tags_mut() {
            if is_open(of, tags) {
                *tags = index.tags_of(arn);
            }
        }
    }
}

fn assemble_region(parts: RegionParts) -> (Region, Option<TagIndex>) {
    let (backup_jobs, copy_jobs) = parts.jobs;
    let region = Region {
        ebs_defaults: parts.ebs_defaults,
        backup_jobs,
        copy_jobs,
        backup_settings: parts.backup.settings,
        vaults: parts.backup.vaults,
        backup_plans: parts.backup.plans,
        exports: parts.exports,
        key_aliases: parts.key_aliases,
        ..parts.resources
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
        option_groups: disabled(),
        backup_jobs: disabled(),
        copy_jobs: disabled(),
        vaults: disabled(),
        backup_plans: disabled(),
        ..Region::default()
    };
    for gap in region.listing_gaps_mut() {
        *gap = Some(Gap::new(GapKind::RegionDisabled, ""));
    }
    region.network.vpcs = disabled();
    region
}
