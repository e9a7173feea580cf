//! Look-ups for rules: other resources of the region, keys and their policies.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::iam::document::Document;
use crate::key_sharing::copy;
use crate::key_sharing::copy::CopyAccess;
use crate::key_sharing::facts::{BackupRole, CentralAccount, KeyFacts, Organization, ViaService};
use crate::key_sharing::local_use::{LocalAccess, evaluate_local_access};
use crate::model::backup_plan::{BackupRule, DEFAULT_SCHEDULE};
use crate::model::cloudformation::{Stack, StackResource};
use crate::model::ec2::{Instance, Volume};
use crate::model::fsx::FsxFileSystem;
use crate::model::job::{BackupJob, CopyJob};
use crate::model::kind::{Kind, ListedIn, kinds_in_stack};
use crate::model::observed::{Gap, GapKind};
use crate::model::rds::{DbInstance, OptionGroup};
use crate::model::selection::Selection;
use crate::model::snapshot::{Region, Snapshot};
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Listing, Observed, Resource, ResourceKind};
use crate::settings::Settings;

use super::job_history;
use super::member_key::member_keys;
use super::network_index::NetworkIndex;
use super::outcome::{Shortcoming, Shortcomings};
use super::policy_cache::{PolicyCache, SelectionsInUse};
use super::region_index::RegionIndex;
use super::role_name::{BackupRoles, RoleName};
use super::schedule;
use super::schedule::Runs;
use super::selection_arns::SelectionArns;

pub use crate::model::snapshot::UNKNOWN_REGION;

/// What a rule may look up while it checks a resource of one region.
#[derive(Debug)]
pub struct RuleContext<'a> {
    /// Everything that was read.
    pub snapshot: &'a Snapshot,
    /// What is known about the company.
    pub settings: &'a Settings,
    /// The name of the region, for messages; [`UNKNOWN_REGION`] where it could not be read.
    pub region: &'a str,
    selection: Option<&'a Selection>,
    unplaced: Option<&'a Gap>,
    seen: Option<&'a Region>,
    index: RegionIndex<'a>,
    half_read: Option<&'a Gap>,
    shortcomings: Shortcomings,
    policies: &'a PolicyCache,
    roles: OnceLock<BackupRoles>,
}

impl<'a> RuleContext<'a> {
    /// Creates the look-ups for one region of a snapshot.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        settings: &'a Settings,
        region: &'a str,
        policies: &'a PolicyCache,
    ) -> Self {
        let seen = snapshot.regions.get(region);
        let index = RegionIndex::new(snapshot, region);
        RuleContext {
            snapshot,
            settings,
            region,
            selection: None,
            unplaced: None,
            seen,
            half_read: half_read(seen, &index, settings),
            index,
            shortcomings: Shortcomings::new(),
            policies,
            roles: OnceLock::new(),
        }
    }

    /// Adds what the first phase found of the members of the region's stacks.
    pub fn set_shortcomings(&mut self, shortcomings: Shortcomings) {
        self.shortcomings = shortcomings;
    }

    /// Returns the copy prerequisites that a member of a stack violates, and those that could not be
    /// checked, as if it were tagged for backup.
    #[must_use]
    pub fn shortcomings(&self, resource: Resource<'_>) -> &[Shortcoming] {
        let (arn, _) = resource.arn_and_id().unwrap_or_default();
        self.shortcomings.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Limits the evaluation to selected resources.
    #[must_use]
    pub fn selecting(mut self, selection: &'a Selection) -> Self {
        self.selection = Some(selection);
        self
    }

    /// Whether a resource is selected, and not in the snapshot for look-ups only.
    #[must_use]
    pub fn is_selected(&self, resource: Resource<'_>) -> bool {
        self.selection.is_none_or(|it| it.includes(resource))
    }

    /// Whether resources of a kind are selected.
    #[must_use]
    pub fn selects(&self, kind: ResourceKind) -> bool {
        let service = kind.service();
        self.selection
            .is_none_or(|it| service.is_none_or(|service| it.includes_service(service)))
    }

    /// Returns why resources of a kind may be tagged `enabled` in a region and not be known: their list was not read, or
    /// that of what is tagged where the scan does not list the kind.
    #[must_use]
    pub fn gap_of_kind(&self, kind: &Kind, region: &str) -> Option<&'a Gap> {
        let gap = match self.selects(kind.kind) {
            true => (self.snapshot).listing_gap(kind, self.snapshot.regions.get(region)?),
            false => self.snapshot.elsewhere.get(region)?.gap.as_ref(),
        };
        // An older snapshot does not have what only its tag shows.
        let is_older = |gap: &Gap| gap.kind == GapKind::NotCollected && kind.is_found_by_tag();
        gap.filter(|gap| gap.kind != GapKind::NotAsked && !is_older(gap))
    }

    /// Returns the resource that a stack refers to, if it was read in the region.
    #[must_use]
    pub fn stack_member(&self, member: &StackResource) -> Option<Resource<'a>> {
        member_keys(member).find_map(|key| self.index.resources.get(&key).copied())
    }

    /// Returns why a resource of a stack may be missing from what was read in the region.
    #[must_use]
    pub fn gap_around(&self, member: &StackResource) -> Option<Gap> {
        let region = self.seen().ok()?;
        let resource_type = member.resource_type.as_str();
        let Some(row) = kinds_in_stack(resource_type).next() else {
            let message = format!("resources of type {resource_type} are not listed");
            return Some(Gap::new(GapKind::Open, message));
        };
        let gap = self.snapshot.listing_gap(row, region);
        let unplaced = || match row.listed_in {
            ListedIn::Buckets => self.snapshot.buckets_without_region().next(),
            ListedIn::Region(_) | ListedIn::Tagged | ListedIn::None => None,
        };
        gap.or_else(|| Some(unplaced()?.1)).cloned()
    }

    /// Returns why a stack that is backed up, or may be, was not completely read.
    #[must_use]
    pub fn half_read_stack(&self) -> Option<&'a Gap> {
        self.half_read
    }

    /// Returns the stacks of the region that contain a resource, directly or through nested stacks, as
    /// far as they were read.
    #[must_use]
    pub fn stacks_containing(&self, resource: Resource<'_>) -> Vec<&'a Stack> {
        self.index.stacks_containing(resource)
    }

    /// Returns the ARNs of resources tagged `enabled` in a region that was queried for tags only.
    #[must_use]
    pub fn enabled_by_tag(&self, region: &str) -> &'a [String] {
        let found = self.snapshot.elsewhere.get(region);
        found.map_or(&[], |listing| listing.items.as_slice())
    }

    /// Creates the look-ups for a resource whose region could not be read.
    #[must_use]
    pub fn unplaced(
        snapshot: &'a Snapshot,
        settings: &'a Settings,
        gap: &'a Gap,
        policies: &'a PolicyCache,
    ) -> Self {
        RuleContext {
            unplaced: Some(gap),
            ..RuleContext::new(snapshot, settings, UNKNOWN_REGION, policies)
        }
    }

    /// Returns the region of the resource that is checked.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn known_region(&self) -> Result<&'a str, Gap> {
        match self.unplaced {
            Some(gap) => Err(gap.clone()),
            None => Ok(self.region),
        }
    }

    /// Returns what was read in the region.
    ///
    /// # Errors
    /// The region was not read.
    pub fn seen(&self) -> Result<&'a Region, Gap> {
        self.known_region()?;
        self.seen.ok_or_else(Gap::not_collected)
    }

    /// Returns a volume of the region.
    ///
    /// # Errors
    /// Why it is not among the volumes that were read.
    pub fn volume(&self, id: &str) -> Result<&'a Volume, Gap> {
        let gap = self.seen.and_then(|region| region.volumes.gap.as_ref());
        found(&self.index.volumes, id, gap)
    }

    /// Returns an instance of the region.
    ///
    /// # Errors
    /// Why it is not among the instances that were read.
    pub fn instance(&self, id: &str) -> Result<&'a Instance, Gap> {
        let gap = self.seen.and_then(|region| region.instances.gap.as_ref());
        found(&self.index.instances, id, gap)
    }

    /// Returns what the VPCs of the region contain.
    #[must_use]
    pub fn network(&self) -> &NetworkIndex<'a> {
        &self.index.network
    }

    /// Returns the instances that may be in a VPC: where the VPCs of some are not known, all.
    #[must_use]
    pub fn instances_around(&self, vpc_id: &str) -> Vec<&'a Instance> {
        match self.seen {
            Some(region) if self.index.has_unplaced_instances => {
                region.instances.items.iter().collect()
            }
            _ => self.index.network.instances_of(vpc_id).to_vec(),
        }
    }

    /// Returns a DB instance of the region, including members of clusters.
    ///
    /// # Errors
    /// Why it is not among the DB instances that were read.
    pub fn db_instance(&self, id: &str) -> Result<&'a DbInstance, Gap> {
        let gap = self
            .seen
            .and_then(|region| region.db_instances.gap.as_ref());
        found(&self.index.db_instances, id, gap)
    }

    /// Returns an FSx file system of the region.
    ///
    /// # Errors
    /// Why it is not among the file systems that were read.
    pub fn fsx_file_system(&self, id: &str) -> Result<&'a FsxFileSystem, Gap> {
        let gap = self
            .seen
            .and_then(|region| region.fsx_file_systems.gap.as_ref());
        found(&self.index.fsx_file_systems, id, gap)
    }

    /// Returns an option group of the region.
    ///
    /// # Errors
    /// Why it is not among the option groups that were read.
    pub fn option_group(&self, name: &str) -> Result<&'a OptionGroup, Gap> {
        let listing = &self.seen()?.option_groups;
        listing
            .find(|group| group.id == name)?
            .ok_or_else(|| not_listed(name))
    }

    /// Returns the backup tag and all tags of a resource that can be backed up.
    ///
    /// # Errors
    /// Why the tags could not be read.
    pub fn tags_of<'r>(&self, resource: Resource<'r>) -> Result<(BackupTag, &'r Tags), Gap> {
        match resource.tags() {
            Some(observed @ Observed::Known(tags)) => Ok((self.backup_tag(observed), tags)),
            Some(Observed::Unknown(gap)) => Err(gap.clone()),
            None => Err(Gap::not_collected()),
        }
    }

    /// Reads a resource's backup tag.
    #[must_use]
    pub fn backup_tag(&self, tags: &Observed<Tags>) -> BackupTag {
        BackupTag::from_tags(tags, &self.settings.tag_key)
    }

    /// Returns the management and opt-in preferences for DynamoDB in the region.
    ///
    /// Tables are fully managed by AWS Backup only if both are on: <https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html>.
    ///
    /// # Errors
    /// Why the region's settings are not known.
    pub fn advanced_dynamodb(&self) -> Result<(bool, bool), Gap> {
        let settings = self.seen()?.backup_settings.get()?;
        let is_planned = self.snapshot.source.is_planned();
        let on = |preferences: &BTreeMap<String, bool>| match preferences.get("DynamoDB") {
            // A plan sets some services and does not change the others.
            None if is_planned => Err(Gap::new(
                GapKind::Unplanned,
                "the plan does not set whether AWS Backup manages DynamoDB in the region",
            )),
            set => Ok(set.copied().unwrap_or(false)),
        };
        let (management, opt_in) = (on(&settings.management), on(&settings.opt_in));
        match (management, opt_in) {
            // One preference that is off is enough for a violation.
            (Ok(false), opt_in) => Ok((false, opt_in.unwrap_or(true))),
            (management, Ok(false)) => Ok((management.unwrap_or(true), false)),
            (management, opt_in) => Ok((management?, opt_in?)),
        }
    }

    /// Returns the time from which the ages of jobs are measured: when reading began. A job that was recent
    /// enough when it was read stays so, even if reading the rest took long.
    ///
    /// # Errors
    /// The snapshot has no valid time.
    pub fn now(&self) -> Result<Timestamp, Gap> {
        job_history::moment(&self.snapshot.started_at)
    }

    /// Returns the backup jobs of a resource in the region.
    ///
    /// AWS does not document an order of the list, so a truncated list may lack the newest job of any
    /// resource.
    ///
    /// # Errors
    /// Why the list is not complete.
    pub fn backup_jobs(&self, arn: &str) -> Result<&[&'a BackupJob], Gap> {
        whole(&self.seen()?.backup_jobs)?;
        Ok(self.index.backup_jobs(arn))
    }

    /// Returns the copy jobs of a resource in the region, to any destination. A truncated list is as
    /// inconclusive as one of backup jobs.
    ///
    /// # Errors
    /// Why the list is not complete.
    pub fn copy_jobs(&self, arn: &str) -> Result<&[&'a CopyJob], Gap> {
        whole(&self.seen()?.copy_jobs)?;
        Ok(self.index.copy_jobs(arn))
    }

    /// Returns the runs of a backup rule around the time of the scan. A time zone that was not read counts as
    /// UTC, which changes when a rule runs but not how often.
    ///
    /// # Errors
    /// The schedule cannot be parsed, or the time zone is not known.
    pub fn runs(&self, rule: &BackupRule) -> Result<Arc<Runs>, Gap> {
        let schedule = rule.schedule.as_deref().unwrap_or(DEFAULT_SCHEDULE);
        let timezone = rule.timezone.known().and_then(Option::as_deref);
        let now = self.now()?;
        let list = || schedule::list_runs(schedule, timezone, now);
        let runs = self.policies.runs(schedule, timezone, list);
        runs.map_err(|problem| {
            let message = format!("when backup rule {} runs is unknown: {problem}", rule.name);
            Gap::new(GapKind::Unreadable, message)
        })
    }

    /// Returns the policy of a key, parsed once.
    ///
    /// # Errors
    /// Why it could not be read or parsed.
    pub fn key_policy(&self, key_arn: &str) -> Result<Arc<Document>, Gap> {
        let key = self.snapshot.keys.get(key_arn);
        let text = key.ok_or_else(Gap::not_collected)?.policy.get()?;
        self.policies.document(text).map_err(|error| {
            let message = format!("failed to parse the policy of key {key_arn}: {error}");
            Gap::new(GapKind::Unreadable, message)
        })
    }

    /// Returns the sentence that asks those who are responsible for the central account for something.
    #[must_use]
    pub fn ask_contact(&self, what: &str) -> String {
        format!("Ask {} {what}.", self.settings.contact)
    }

    /// Returns the organization id: the configured one, or the one that was read.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        let read = self.snapshot.organization_id.known();
        let read = read.and_then(Option::as_deref);
        self.settings.org_id.as_deref().or(read)
    }

    /// Returns the selections of a region that select something, found at the first call.
    pub(super) fn selections_in_use(
        &self,
        region: &str,
        find: impl FnOnce() -> SelectionsInUse,
    ) -> Arc<SelectionsInUse> {
        self.policies.selections_in_use(region, find)
    }

    /// Returns the ARNs of the selections of the plans of a region, listed at the first call.
    pub(super) fn selection_arns(
        &self,
        region: &str,
        list: impl FnOnce() -> Vec<Vec<SelectionArns>>,
    ) -> Arc<Vec<Vec<SelectionArns>>> {
        self.policies.selection_arns(region, list)
    }

    /// Returns the roles that make the backups of the region, found at the first call.
    pub(super) fn backup_roles(&self, find: impl FnOnce(&Self) -> BackupRoles) -> &BackupRoles {
        self.roles.get_or_init(|| find(self))
    }

    /// Returns what the central account may do with a key through a service in this region.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub fn copy_access(
        &self,
        facts: &KeyFacts,
        key_arn: &str,
        via: ViaService,
    ) -> Result<Arc<CopyAccess>, Gap> {
        let policy = self.key_policy(key_arn)?;
        let evaluate = || {
            let central = CentralAccount {
                account_id: self.settings.central_account.clone(),
                org_id: self.org_id().map(str::to_owned),
            };
            copy::evaluate_copy_access(&policy, facts, &central, via)
        };
        Ok(self.policies.copy_access(&policy, facts, via, evaluate))
    }

    /// Returns what a role that makes backups may do with a key of this account through a service.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub fn local_access(
        &self,
        facts: &KeyFacts,
        key_arn: &str,
        via: ViaService,
        role: &RoleName,
    ) -> Result<Arc<LocalAccess>, Gap> {
        let policy = self.key_policy(key_arn)?;
        let evaluate = || {
            let role = BackupRole {
                account: facts.key_account.clone(),
                name: role.name.clone(),
                organization: self.own_organization(),
            };
            evaluate_local_access(&policy, facts, &role, via)
        };
        let policies = self.policies;
        Ok(policies.local_access(&policy, facts, via, &role.name, evaluate))
    }

    /// Returns what is known about the organization of this account: what was read, else what is configured.
    #[must_use]
    pub fn own_organization(&self) -> Organization {
        match (self.snapshot.organization_id.known(), &self.settings.org_id) {
            (Some(Some(id)), _) | (_, Some(id)) => Organization::Member(id.clone()),
            (Some(None), None) => Organization::None,
            (None, None) => Organization::Unknown,
        }
    }
}

fn half_read<'a>(
    region: Option<&'a Region>,
    index: &RegionIndex<'_>,
    settings: &Settings,
) -> Option<&'a Gap> {
    let stacks = region.into_iter().flat_map(|region| &region.stacks.items);
    let is_tagged = |stack: &Stack| {
        let tag = BackupTag::from_tags(&stack.tags, &settings.tag_key);
        matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
    };
    // The backup of a stack includes its nested stacks.
    let is_backed_up = |stack: &Stack| {
        let mut outer = index.stacks_containing(Resource::Stack(stack)).into_iter();
        is_tagged(stack) || outer.any(is_tagged)
    };
    let mut half_read = stacks.filter(|stack| stack.resources.gap.is_some());
    let stack = half_read.find(|stack| is_backed_up(stack))?;
    stack.resources.gap.as_ref()
}

fn whole<T>(listing: &Listing<T>) -> Result<(), Gap> {
    listing.all_items().map(drop)
}

fn found<'a, T>(
    index: &BTreeMap<&'a str, &'a T>,
    id: &str,
    gap: Option<&Gap>,
) -> Result<&'a T, Gap> {
    index.get(id).copied().ok_or_else(|| match gap {
        Some(gap) => gap.clone(),
        None => not_listed(id),
    })
}

// It was created after the list was read, or belongs to another account.
fn not_listed(id: &str) -> Gap {
    Gap::new(
        GapKind::Unreadable,
        format!("{id} is not in the list that AWS returned"),
    )
}
