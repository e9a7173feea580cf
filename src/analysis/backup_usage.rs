//! The types of resources that are backed up in the account, and the roles that back them up.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cloudformation::Stack;
use crate::model::kind::{BackupKey, KINDS, kinds_in_stack};
use crate::model::observed::{Gap, GapKind};
use crate::model::s3::Bucket;
use crate::model::tag::BackupTag;
use crate::model::{Observed, Resource, ResourceKind};

use super::RuleContext;
use super::backup_plans::{Protection, in_region, is_failure};
use super::backup_target::{any_tagged, tagged, target};
use super::backup_types::{BackupType, type_of, type_of_arn, types_of_kind};
use super::member_key::{MemberKey, member_key, member_keys};

/// A type of resource in one region.
#[derive(Debug)]
pub struct TypeInUse<'a> {
    /// The type.
    pub row: &'static BackupType,
    /// The region.
    pub region: &'a str,
    /// ARNs of resources that are tagged `enabled`.
    pub arns: BTreeSet<String>,
    /// ARNs of members of stacks that are: they may have any tags.
    pub members: BTreeSet<String>,
    /// Whether such stacks have members whose ARNs are not known.
    pub has_more_members: bool,
    /// The ARNs of the roles of the selections that select them.
    pub roles: BTreeSet<String>,
    /// Why it is not known whether there are such resources; `None` if there are.
    pub gap: Option<Gap>,
    /// ARNs of resources whose tags were not read, and what those of resources that were not listed match, each with the
    /// reason.
    pub unread: Vec<(String, Gap)>,
}

/// Types in use, by region and name of the type.
type Usage<'a> = BTreeMap<(&'a str, &'static str), TypeInUse<'a>>;

/// Returns the types of resources that are tagged `enabled`, with the members of stacks that are, and the types
/// of which there may be some.
#[must_use]
pub fn find_types_in_use<'a>(cx: &RuleContext<'a>) -> Vec<TypeInUse<'a>> {
    let mut usage = Usage::new();
    for region in cx.snapshot.regions.keys() {
        let protection = in_region(cx, region).ok();
        for resource in cx.snapshot.resources_in(region) {
            add_resource(&mut usage, cx, region, resource, protection.as_ref());
        }
        let half_read = add_stacks(&mut usage, cx, region, protection.as_ref());
        for arn in cx.enabled_by_tag(region) {
            if let Some(row) = type_of_arn(arn) {
                let entry = certain_entry(&mut usage, region, row);
                entry.arns.insert(arn.clone());
                let roles = protection.as_ref().map(|it| {
                    let chosen = it.chosen(&tagged(cx, arn));
                    it.roles(&chosen.by)
                });
                entry.roles.extend(roles.unwrap_or_default());
            }
        }
        for kind in &KINDS {
            let gap = cx.gap_of_kind(kind, region);
            for row in gap.map(|_| types_of_kind(kind.kind)).into_iter().flatten() {
                add_gap(&mut usage, region, row, gap);
                let unlisted = gap.filter(|gap| gap.is_failed_call());
                let unlisted = unlisted.filter(|_| {
                    cx.snapshot
                        .elsewhere
                        .get(region)
                        .is_none_or(|it| it.gap.is_some())
                });
                if let Some(gap) = unlisted {
                    let arn = any_tagged(cx, row, region).arn.into_owned();
                    let entry = entry_of(&mut usage, region, row);
                    entry.unread.push((arn, gap.clone()));
                }
            }
        }
        if let Some(gap) = half_read.or_else(|| find_member_gap(cx, region)) {
            for row in KINDS.iter().flat_map(|kind| types_of_kind(kind.kind)) {
                add_gap(&mut usage, region, row, Some(gap));
            }
        }
        let unplaced = cx.snapshot.buckets_without_region().next();
        for row in types_of_kind(ResourceKind::S3Bucket) {
            add_gap(&mut usage, region, row, unplaced.map(|(_, gap)| gap));
        }
    }
    usage.into_values().collect()
}

fn add_resource<'a>(
    usage: &mut Usage<'a>,
    cx: &RuleContext<'a>,
    region: &'a str,
    resource: Resource<'a>,
    protection: Option<&Protection<'a>>,
) {
    let (Some(row), Some(tags)) = (type_of(resource), resource.tags()) else {
        return;
    };
    match cx.backup_tag(tags) {
        BackupTag::Enabled => {}
        BackupTag::Unknown => {
            add_gap(usage, region, row, tags.gap());
            if let (Some(gap), Some((arn, _))) = (tags.gap(), resource.arn_and_id()) {
                let unread = (arn.to_owned(), gap.clone());
                entry_of(usage, region, row).unread.push(unread);
            }
            return;
        }
        _ => return,
    }
    let roles = find_roles(cx, resource, protection);
    let entry = certain_entry(usage, region, row);
    if let Some((arn, _)) = resource.arn_and_id() {
        entry.arns.insert(arn.to_owned());
    }
    entry.roles.extend(roles);
}

/// Adds the members of the stacks of a region that are tagged `enabled`, and those of their nested stacks. Returns why
/// one of these stacks may have members that were not read.
fn add_stacks<'a>(
    usage: &mut Usage<'a>,
    cx: &RuleContext<'a>,
    region: &'a str,
    protection: Option<&Protection<'a>>,
) -> Option<&'a Gap> {
    let resources = || cx.snapshot.resources_in(region);
    let is_enabled = |stack: &&'a Stack| cx.backup_tag(&stack.tags) == BackupTag::Enabled;
    let stacks = resources().filter_map(|resource| match resource {
        Resource::Stack(stack) => Some(stack),
        _ => None,
    });
    let mut waiting: Vec<(&'a Stack, BTreeSet<String>)> = stacks
        .filter(is_enabled)
        .map(|stack| (stack, find_roles(cx, Resource::Stack(stack), protection)))
        .collect();
    if waiting.is_empty() {
        return None;
    }
    let mut half_read = None;
    let by_key: BTreeMap<MemberKey<'a>, Resource<'a>> = resources()
        .filter_map(|resource| Some((member_key(resource)?, resource)))
        .collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some((stack, roles)) = waiting.pop() {
        if !seen.insert(&stack.arn) {
            continue;
        }
        let gap = stack.resources.gap.as_ref();
        half_read = half_read.or(gap.filter(|gap| is_failure(gap)));
        for member in stack.resources.items.iter().filter(|it| !it.is_gone()) {
            let resource = member_keys(member).find_map(|key| by_key.get(&key).copied());
            if let Some(Resource::Stack(nested)) = resource {
                waiting.push((nested, roles.clone()));
            }
            let arn = resource.and_then(|it| it.arn_and_id());
            let kinds = kinds_in_stack(&member.resource_type).map(|kind| kind.kind);
            for row in kinds.flat_map(types_of_kind) {
                let entry = certain_entry(usage, region, row);
                entry.roles.extend(roles.iter().cloned());
                match arn {
                    Some((arn, _)) => {
                        entry.members.insert(arn.to_owned());
                    }
                    None => entry.has_more_members = true,
                }
            }
        }
    }
    half_read
}

/// Returns the ARNs of the roles of the selections that select a resource.
fn find_roles<'a>(
    cx: &RuleContext<'a>,
    resource: Resource<'a>,
    protection: Option<&Protection<'a>>,
) -> BTreeSet<String> {
    let roles = protection.and_then(|protection| {
        let chosen = protection.chosen(&target(cx, resource)?);
        Some(protection.roles(&chosen.by))
    });
    roles.unwrap_or_default()
}

fn certain_entry<'u, 'a>(
    usage: &'u mut Usage<'a>,
    region: &'a str,
    row: &'static BackupType,
) -> &'u mut TypeInUse<'a> {
    let entry = entry_of(usage, region, row);
    entry.gap = None;
    entry
}

/// Adds a type of which there may be resources, unless there are.
fn add_gap<'a>(
    usage: &mut Usage<'a>,
    region: &'a str,
    row: &'static BackupType,
    gap: Option<&Gap>,
) {
    if let Some(gap) = gap
        && !usage.contains_key(&(region, row.aws_type))
    {
        entry_of(usage, region, row).gap = Some(gap.clone());
    }
}

fn entry_of<'u, 'a>(
    usage: &'u mut Usage<'a>,
    region: &'a str,
    row: &'static BackupType,
) -> &'u mut TypeInUse<'a> {
    usage
        .entry((region, row.aws_type))
        .or_insert_with(|| TypeInUse {
            row,
            region,
            arns: BTreeSet::new(),
            members: BTreeSet::new(),
            has_more_members: false,
            roles: BTreeSet::new(),
            gap: None,
            unread: Vec::new(),
        })
}

/// Returns why stacks that were not listed, or whose tags were not read, may be tagged `enabled`.
fn find_member_gap<'a>(cx: &RuleContext<'a>, region: &'a str) -> Option<&'a Gap> {
    let row = ResourceKind::CloudformationStack.facts();
    let of_stack = |resource: Resource<'a>| match resource {
        Resource::Stack(stack) => stack.tags.gap(),
        _ => None,
    };
    let stacks = cx.snapshot.resources_in(region).filter_map(of_stack);
    let mut gaps = cx.gap_of_kind(row, region).into_iter().chain(stacks);
    gaps.find(|gap| is_failure(gap))
}

/// Why the key of a vault is not checked.
pub const NOT_FULLY_MANAGED: &str =
    "no resource whose backup is encrypted with the key of the vault";

/// Whether the key of a vault encrypts the backups of a type: buckets, tables, file systems, and every type outside the
/// guide.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html#features-by-resource>.
/// Checked 2026-11-30.
fn is_fully_managed(row: &BackupType) -> bool {
    let of_vault = KINDS
        .iter()
        .filter(|kind| kind.backup_key == BackupKey::Vault || kind.kind == ResourceKind::Other);
    let mut types = of_vault.flat_map(|kind| kind.types);
    types.any(|it| it.cloudformation == row.aws_type)
}

/// Whether the region has a resource whose backup is encrypted with the key of the vault.
///
/// # Errors
/// Why it is not known.
pub fn has_fully_managed_resources<'a>(cx: &RuleContext<'a>) -> Result<bool, Gap> {
    let resources = cx.snapshot.resources_in(cx.region);
    let managed = resources.filter(|it| type_of(*it).is_some_and(is_fully_managed));
    let counts = |it: &Resource<'_>| it.tags().is_some_and(|it| !cx.backup_tag(it).is_exempt());
    let managed: Vec<Resource<'a>> = managed.filter(counts).collect();
    // It may be exempt, or be gone soon.
    let may_not_count = |it: Resource<'a>| it.tags().and_then(Observed::gap).or(it.deletion_gap());
    let by_tag = cx.enabled_by_tag(cx.region).iter();
    let is_managed = |arn: &String| type_of_arn(arn).is_some_and(is_fully_managed);
    let is_certain = managed.iter().any(|it| may_not_count(*it).is_none());
    if is_certain || by_tag.into_iter().any(is_managed) {
        return Ok(true);
    }
    if let Some(gap) = managed.into_iter().find_map(may_not_count) {
        return Err(gap.clone());
    }
    let managed = KINDS
        .iter()
        .filter(|kind| types_of_kind(kind.kind).any(is_fully_managed));
    let gaps = managed.filter_map(|kind| cx.gap_of_kind(kind, cx.region));
    let gaps: Vec<&Gap> = gaps.collect();
    // A call that failed says more than what an older snapshot does not have.
    let mut failed = gaps.iter().filter(|gap| gap.kind != GapKind::NotCollected);
    if let Some(gap) = failed.next().or(gaps.first()) {
        return Err((*gap).clone());
    }
    let mut unplaced = cx.snapshot.buckets_without_region();
    let may_count = |bucket: &Bucket| !cx.backup_tag(&bucket.tags).is_exempt();
    match unplaced.find(|(bucket, _)| may_count(bucket)) {
        Some((_, gap)) => Err(gap.clone()),
        None => Ok(false),
    }
}
