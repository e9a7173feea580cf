//! What counts for the exit code.

use crate::model::snapshot::Snapshot;
use crate::model::tag::BackupTag;
use crate::model::{GapKind, Resource, ResourceKind};
use crate::report::Status;
use crate::rule::{Group, Owner, Rule};

use super::evaluation::Inputs;
use super::options::{Options, Scope};

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
    pub(super) fn of_region(inputs: &Inputs<'_>, region: &str) -> Self {
        let snapshot = inputs.snapshot;
        let mut stakes = RegionStakes {
            resources: false,
            buckets: may_hold_unlisted_bucket(snapshot, inputs.options, region),
        };
        // A bucket whose region is not known may be in this one.
        let unplaced = snapshot
            .buckets_without_region()
            .map(|(bucket, _)| Resource::Bucket(bucket));
        for resource in snapshot.resources_in(region).chain(unplaced) {
            let tag = inputs.read_tag(resource);
            if resource.kind().is_backed_up() && inputs.options.tag_gates(tag) {
                stakes.resources |= inputs.selection.includes(resource);
                stakes.buckets |= resource.kind() == ResourceKind::S3Bucket;
            }
        }
        stakes
    }
}

/// Whether a region may hold a bucket that counts and that the list of buckets lacks.
fn may_hold_unlisted_bucket(snapshot: &Snapshot, options: &Options, region: &str) -> bool {
    let Some(gap) = &snapshot.buckets.gap else {
        return false;
    };
    // Without a list of buckets, a scan of the network alone counts everywhere. A plan has no tags but those of its
    // buckets, and before tagging a bucket without a tag counts too.
    if gap.kind == GapKind::NotAsked || snapshot.source.is_planned() || options.preflight {
        return true;
    }
    // The tags of a region show the buckets in it that are tagged for backup. Without them, a scan of what is tagged is
    // unknown.
    let region = snapshot.regions.get(region);
    options.scope != Scope::Enabled && region.is_none_or(|it| it.tagged.gap.is_some())
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
