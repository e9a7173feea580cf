//! What counts for the exit code.

use crate::model::selection::Selection;
use crate::model::snapshot::Snapshot;
use crate::model::tag::BackupTag;
use crate::model::{GapKind, Resource, ResourceKind};
use crate::report::Status;
use crate::rule::{Group, Owner, Rule};

use super::options::Options;

/// Whether a region has anything that counts for the exit code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RegionStakes {
    /// A selected resource is tagged for backup, or may be.
    pub(super) resources: bool,
    /// A bucket is tagged for backup, or may be; or it is not known.
    pub(super) buckets: bool,
}

impl RegionStakes {
    /// Reads what a region has, from the tags of its resources.
    pub(super) fn of_region<'a>(
        snapshot: &'a Snapshot,
        region: &'a str,
        selection: &Selection,
        gates: impl Fn(Resource<'a>) -> bool,
    ) -> Self {
        let mut stakes = RegionStakes::default();
        // A bucket whose region is not known may be in this one.
        let unplaced = snapshot
            .buckets_without_region()
            .map(|(bucket, _)| Resource::Bucket(bucket));
        for resource in snapshot.resources_in(region).chain(unplaced) {
            if resource.kind().is_backed_up() && gates(resource) {
                stakes.resources |= selection.includes(resource);
                stakes.buckets |= resource.kind() == ResourceKind::S3Bucket;
            }
        }
        // Without a list of buckets, a scan of the network alone counts everywhere.
        let gap = snapshot.buckets.gap.as_ref();
        stakes.buckets |= gap.is_some_and(|gap| gap.kind == GapKind::NotAsked);
        stakes
    }
}

impl Options {
    /// Whether findings on a resource with this backup tag gate.
    pub(super) fn tag_gates(&self, tag: BackupTag) -> bool {
        self.preflight || matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
    }

    /// Whether a finding counts for the exit code.
    pub(super) fn finding_gates(
        &self,
        rule: &Rule,
        status: Status,
        kind: ResourceKind,
        tag: BackupTag,
        stakes: RegionStakes,
    ) -> bool {
        if status == Status::Unknown && self.allow_unknown.includes(rule.id) {
            return false;
        }
        if status == Status::Skip {
            return false;
        }
        if self.gate.contains(&rule.group) {
            return true;
        }
        match rule.owner {
            Owner::Platform => false,
            Owner::Member if rule.group == Group::Tagging => true,
            Owner::Member => match kind {
                ResourceKind::Vpc => stakes.buckets,
                ResourceKind::Region | ResourceKind::BackupVault => stakes.resources,
                ResourceKind::Account => true,
                _ => self.tag_gates(tag),
            },
        }
    }
}
