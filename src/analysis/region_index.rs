//! Indexes over what was read in one region, built once so that each look-up is not a search.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cloudformation::Stack;
use crate::model::ec2::{Instance, Volume};
use crate::model::fsx::FsxFileSystem;
use crate::model::job::{BackupJob, CopyJob};
use crate::model::rds::DbInstance;
use crate::model::snapshot::{Region, Snapshot};
use crate::model::{Gap, Listing, Resource};

use super::member_key::{MemberKey, member_key, member_keys};
use super::network_index::NetworkIndex;

/// The resources and jobs of one region by the names that other facts use for them.
#[derive(Debug, Default)]
pub(super) struct RegionIndex<'a> {
    /// EBS volumes by id.
    pub(super) volumes: BTreeMap<&'a str, &'a Volume>,
    /// EC2 instances by id.
    pub(super) instances: BTreeMap<&'a str, &'a Instance>,
    /// DB instances by identifier, members of clusters included.
    pub(super) db_instances: BTreeMap<&'a str, &'a DbInstance>,
    /// FSx file systems by id.
    pub(super) fsx_file_systems: BTreeMap<&'a str, &'a FsxFileSystem>,
    /// Every resource by the key under which a stack names it.
    pub(super) resources: BTreeMap<MemberKey<'a>, Resource<'a>>,
    /// The stacks that directly contain a resource.
    stacks: BTreeMap<MemberKey<'a>, Vec<&'a Stack>>,
    /// What the VPCs contain.
    pub(super) network: NetworkIndex<'a>,
    /// Whether the VPCs of some instances are not known because a call failed.
    pub(super) has_unplaced_instances: bool,
    backup_jobs: BTreeMap<&'a str, Vec<&'a BackupJob>>,
    copy_jobs: BTreeMap<&'a str, Vec<&'a CopyJob>>,
}

impl<'a> RegionIndex<'a> {
    /// Indexes a region of a snapshot; empty where the region was not read.
    pub(super) fn new(snapshot: &'a Snapshot, name: &str) -> Self {
        let Some((name, region)) = snapshot.regions.get_key_value(name) else {
            return RegionIndex::default();
        };
        RegionIndex {
            volumes: index_by(&region.volumes, |volume| &volume.id),
            instances: index_by(&region.instances, |instance| &instance.id),
            db_instances: index_by(&region.db_instances, |instance| &instance.id),
            fsx_file_systems: index_by(&region.fsx_file_systems, |it| &it.id),
            resources: snapshot
                .resources_in(name)
                .filter_map(|resource| Some((member_key(resource)?, resource)))
                .collect(),
            stacks: index_stacks(region),
            network: NetworkIndex::new(region),
            has_unplaced_instances: region.instances.items.iter().any(is_unplaced),
            backup_jobs: group_by(&region.backup_jobs, |job| &job.resource_arn),
            copy_jobs: group_by(&region.copy_jobs, |job| &job.resource_arn),
        }
    }

    /// Returns the backup jobs of a resource, in the order of the list.
    pub(super) fn backup_jobs(&self, arn: &str) -> &[&'a BackupJob] {
        self.backup_jobs.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Returns the copy jobs of a resource, in the order of the list.
    pub(super) fn copy_jobs(&self, arn: &str) -> &[&'a CopyJob] {
        self.copy_jobs.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Returns the stacks that contain a resource, directly or through nested stacks.
    pub(super) fn stacks_containing(&self, resource: Resource<'_>) -> Vec<&'a Stack> {
        let mut found: Vec<&Stack> = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<MemberKey<'_>> = member_key(resource).into_iter().collect();
        while let Some(key) = waiting.pop() {
            for stack in self.stacks.get(&key).into_iter().flatten() {
                if known.insert(&stack.arn) {
                    found.push(stack);
                    waiting.extend(member_key(Resource::Stack(stack)));
                }
            }
        }
        found
    }
}

fn is_unplaced(instance: &Instance) -> bool {
    let gap = instance.vpc_id.gap();
    gap.is_some_and(Gap::is_failed_call)
}

fn index_by<T>(listing: &Listing<T>, id: fn(&T) -> &str) -> BTreeMap<&str, &T> {
    listing.items.iter().map(|item| (id(item), item)).collect()
}

fn group_by<T>(listing: &Listing<T>, arn: fn(&T) -> &str) -> BTreeMap<&str, Vec<&T>> {
    let mut groups: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for item in &listing.items {
        groups.entry(arn(item)).or_default().push(item);
    }
    groups
}

fn index_stacks(region: &Region) -> BTreeMap<MemberKey<'_>, Vec<&Stack>> {
    let mut stacks: BTreeMap<MemberKey<'_>, Vec<&Stack>> = BTreeMap::new();
    for stack in &region.stacks.items {
        let members = stack.resources.items.iter().filter(|it| !it.is_gone());
        for key in members.flat_map(member_keys) {
            stacks.entry(key).or_default().push(stack);
        }
    }
    stacks
}
