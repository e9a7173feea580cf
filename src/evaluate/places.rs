//! The places of a snapshot, in the order of the report: regions, the account, and what has no region.

use crate::analysis::RuleContext;
use crate::analysis::backup_plans::is_local;
use crate::analysis::context::UNKNOWN_REGION;
use crate::analysis::outcome::{Shortcoming, Shortcomings};
use crate::analysis::stack_members::{Member, find_members};
use crate::model::cloudformation::Stack;
use crate::model::service::Service;
use crate::model::snapshot::{GLOBAL, Region, Snapshot};
use crate::model::{Gap, GapKind, Resource, ResourceKind};
use crate::report::{Part, Unread};

use super::answer::SharedAnswers;
use super::evaluation::Inputs;
use super::gating::RegionStakes;
use super::resource::{Subject, check_prerequisite, is_shortcoming};

/// A part of a snapshot that is evaluated by itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// A region.
    Region(&'a str, &'a Region),
    /// The account.
    Account,
    /// A bucket whose region could not be read, and why.
    Unplaced(Resource<'a>, &'a Gap),
}

impl<'a> Place<'a> {
    /// Returns every place of a snapshot, sorted by the region name that its findings carry.
    pub(super) fn all(snapshot: &'a Snapshot, backup_regions: &'a [String]) -> Vec<Self> {
        let regions = snapshot.regions.iter();
        let mut places: Vec<Self> = regions
            .map(|(name, region)| Place::Region(name, region))
            .collect();
        let mut unplaced: Vec<(Resource<'a>, &'a Gap)> = snapshot
            .buckets_without_region()
            .map(|(bucket, gap)| (Resource::Bucket(bucket), gap))
            .collect();
        unplaced.sort_by_key(|(bucket, _)| bucket.arn_and_id());
        places.extend(
            unplaced
                .into_iter()
                .map(|(bucket, gap)| Place::Unplaced(bucket, gap)),
        );
        // A plan or a template says nothing about the account it is for but its regions.
        let outside = snapshot.regions_outside(backup_regions).next();
        let has_roles = !snapshot.backup_roles.is_empty();
        if !snapshot.has_no_account() || outside.is_some() || has_roles {
            places.push(Place::Account);
        }
        places.sort_by_key(Place::region_name);
        places
    }

    fn region_name(&self) -> &'a str {
        match self {
            Place::Region(name, _) => name,
            Place::Account => GLOBAL,
            Place::Unplaced(..) => UNKNOWN_REGION,
        }
    }
}

/// What is evaluated in a place, and what its rules look up.
pub(super) struct PreparedPlace<'a> {
    pub(super) cx: RuleContext<'a>,
    /// In the order of the report.
    pub(super) subjects: Vec<Subject<'a>>,
    pub(super) stakes: RegionStakes,
    pub(super) answers: SharedAnswers<'a>,
    /// The network of a region that was not read although it counts.
    pub(super) unread: Option<Unread>,
}

impl<'a> PreparedPlace<'a> {
    fn of_one(inputs: &Inputs<'a>, cx: RuleContext<'a>, resource: Resource<'a>) -> Self {
        PreparedPlace {
            subjects: vec![Subject::new(inputs.snapshot, cx.region, resource)],
            cx,
            stakes: RegionStakes::default(),
            answers: SharedAnswers::default(),
            unread: None,
        }
    }
}

impl<'a> Inputs<'a> {
    /// Prepares a place; `None` where the part has nothing of it.
    pub(super) fn prepare_place(
        &self,
        place: Place<'a>,
        part: &Part<'_>,
    ) -> Option<PreparedPlace<'a>> {
        let kind = match place {
            Place::Region(..) => None,
            Place::Account => Some(ResourceKind::Account),
            Place::Unplaced(bucket, _) => Some(bucket.kind()),
        };
        if !part(place.region_name(), kind) {
            return None;
        }
        match place {
            Place::Region(name, region) => Some(self.prepare_region(name, region, part)),
            Place::Account => {
                let cx = self.rule_context(GLOBAL);
                let account = Resource::Account(self.snapshot);
                Some(PreparedPlace::of_one(self, cx, account))
            }
            Place::Unplaced(bucket, _) if !self.selection.includes(bucket) => None,
            Place::Unplaced(bucket, gap) => {
                let cx = RuleContext::unplaced(self.snapshot, self.settings, gap, self.policies)
                    .selecting(self.selection);
                Some(PreparedPlace::of_one(self, cx, bucket))
            }
        }
    }

    fn prepare_region(
        &self,
        name: &'a str,
        region: &'a Region,
        part: &Part<'_>,
    ) -> PreparedPlace<'a> {
        let mut cx = self.rule_context(name);
        if self.rules.checks_stacks() {
            let shortcomings = self.check_stack_members(&cx, &region.stacks.items);
            cx.set_shortcomings(shortcomings);
        }
        let stakes = RegionStakes::of_region(self, name);
        let mut resources: Vec<Resource<'a>> = self.snapshot.resources_in(name).collect();
        if !region.disabled {
            let vaults = region.vaults.items.iter();
            let local = vaults.filter(|vault| is_local(&cx, vault));
            resources.extend(local.map(Resource::Vault));
        }
        resources.retain(|resource| self.selection.includes(*resource));
        if !region.disabled {
            resources.push(Resource::Region(region));
        }
        resources.retain(|resource| part(name, Some(resource.kind())));
        let mut subjects: Vec<Subject<'a>> = resources
            .into_iter()
            .map(|resource| Subject::new(self.snapshot, name, resource))
            .collect();
        subjects.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        // A resource that moved while a list was read is on two of its pages.
        subjects.dedup_by(|a, b| a.sort_key() == b.sort_key());
        // VPCs matter to the exit code only where their traffic goes to buckets that do.
        let counts =
            !region.disabled && stakes.buckets && self.selection.includes_settings_of(Service::Vpc);
        let gap = region.network.vpcs.gap.as_ref();
        let gap = gap.filter(|gap| counts && gap.kind != GapKind::NotAsked);
        PreparedPlace {
            cx,
            subjects,
            stakes,
            answers: SharedAnswers::default(),
            unread: gap.map(|gap| Unread::new(Some(name), "vpc", gap)),
        }
    }

    fn rule_context(&self, region: &'a str) -> RuleContext<'a> {
        RuleContext::new(self.snapshot, self.settings, region, self.policies)
            .selecting(self.selection)
    }

    /// The first phase: checks the copy prerequisites of everything that the region's stacks contain, as
    /// if it were tagged for backup, once for each member however many stacks contain it.
    fn check_stack_members(&self, cx: &RuleContext<'a>, stacks: &'a [Stack]) -> Shortcomings {
        let mut found = Shortcomings::new();
        for stack in stacks {
            for member in find_members(cx, stack).list {
                let Member::Read(resource) = member else {
                    continue;
                };
                let (arn, _) = resource.arn_and_id().unwrap_or_default();
                if !found.contains_key(arn) {
                    found.insert(arn.to_owned(), self.check_prerequisites(cx, resource));
                }
            }
        }
        found
    }

    fn check_prerequisites(
        &self,
        cx: &RuleContext<'a>,
        resource: Resource<'a>,
    ) -> Vec<Shortcoming> {
        let rules = self.rules.stack_prerequisites.iter();
        let outcomes = rules.filter_map(|rule| {
            let outcome = check_prerequisite(rule, cx, resource)?;
            Some(Shortcoming {
                rule: rule.id,
                outcome,
            })
        });
        outcomes
            .filter(|it| is_shortcoming(it.outcome.verdict))
            .collect()
    }
}
