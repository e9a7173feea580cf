//! Look-ups for rules: other resources of the region, keys and their policies.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;

use crate::iam::document::Document;
use crate::key_sharing::copy;
use crate::key_sharing::copy::{CentralAccount, CopyAccess, KeyFacts, LocalAccess, ViaService};
use crate::model::arn::Arn;
use crate::model::backup_plan::{BackupRule, DEFAULT_SCHEDULE, interval_hours};
use crate::model::cloudformation::{BEYOND_THE_GUIDE, Stack, StackResource};
use crate::model::ec2::{Instance, Volume};
use crate::model::job::{BackupJob, CopyJob};
use crate::model::observed::{Gap, GapKind};
use crate::model::rds::{DbInstance, OptionGroup};
use crate::model::resource::CLOUDFORMATION_TYPES;
use crate::model::selection::Selection;
use crate::model::snapshot::{Region, Snapshot};
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Listing, Observed, Resource, ResourceKind};
use crate::settings::Settings;

use super::backup_plans::{Authority, Choice, in_region};
use super::job_history;
use crate::analysis::{CheckResult, Outcome, Verdict};
use crate::rule::Rule;

/// The name that a region has in a report where it could not be read.
pub const UNKNOWN_REGION: &str = "unknown";

/// What a rule may look up while it judges a resource of one region.
#[derive(Debug)]
pub struct RuleContext<'a> {
    /// Everything that was seen.
    pub snapshot: &'a Snapshot,
    /// What is known about the company.
    pub settings: &'a Settings,
    /// The name of the region, for messages; [`UNKNOWN_REGION`] where it could not be read.
    pub region: &'a str,
    selection: Option<&'a Selection>,
    unplaced: Option<&'a Gap>,
    seen: Option<&'a Region>,
    volumes: BTreeMap<&'a str, &'a Volume>,
    instances: BTreeMap<&'a str, &'a Instance>,
    databases: BTreeMap<&'a str, &'a DbInstance>,
    resources: BTreeMap<Key<'a>, Resource<'a>>,
    holders: BTreeMap<Key<'a>, Vec<&'a Stack>>,
    half_read: Option<&'a Gap>,
    judged: RefCell<BTreeMap<String, Rc<Shortcomings>>>,
    prerequisites: &'a [&'static Rule],
    backup_jobs: BTreeMap<&'a str, Vec<&'a BackupJob>>,
    copy_jobs: BTreeMap<&'a str, Vec<&'a CopyJob>>,
    policies: &'a PolicyCache,
    roles: OnceCell<BackupRoles>,
}

/// The roles that make the backups of a region.
#[derive(Debug)]
struct BackupRoles {
    names: BTreeSet<RoleName>,
    /// Why nobody knows which of them do.
    open: Option<Gap>,
}

/// A role that makes backups, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleName {
    /// The name, after its path where that is known.
    pub name: String,
    /// Whether the path is known.
    pub is_whole: bool,
}

impl RoleName {
    fn of_arn(arn: &str) -> Option<Self> {
        let role = Arn::parse(arn)?.resource.strip_prefix("role/")?;
        Some(RoleName {
            name: role.to_owned(),
            is_whole: true,
        })
    }
}

/// Judgements of key policies: one per key and service path or role, however many resources share it. And
/// the intervals of schedules, one per schedule.
#[derive(Debug, Default)]
pub struct PolicyCache {
    documents: RefCell<BTreeMap<String, Result<Rc<Document>, Gap>>>,
    access: RefCell<BTreeMap<KeyPath, Rc<CopyAccess>>>,
    local: RefCell<BTreeMap<(String, String), Rc<LocalAccess>>>,
    intervals: RefCell<BTreeMap<String, Option<u32>>>,
}

/// What a stack names its resources by: kind and id; a nested stack by its ARN. What is outside the
/// guide has its type too.
type Key<'a> = (ResourceKind, Option<&'a str>, &'a str);

fn key_of(resource: Resource<'_>) -> Option<Key<'_>> {
    let (arn, id) = resource.arn_and_id()?;
    Some(match resource {
        Resource::Stack(_) => (resource.kind(), None, arn),
        // A volume of FSx stands under its file system in its ARN.
        Resource::Tagged(it) => {
            let id = id.rsplit('/').next()?;
            (resource.kind(), Some(it.aws_type.as_str()), id)
        }
        _ => (resource.kind(), None, id),
    })
}

/// The keys that a resource of a stack may have.
fn keys_of(member: &StackResource) -> impl Iterator<Item = Key<'_>> {
    let name = member.resource_type.as_str();
    let types = CLOUDFORMATION_TYPES.iter();
    let kinds = types.filter(move |(listed, _)| *listed == name);
    let kinds = kinds.flat_map(|(_, kinds)| kinds.iter().map(|kind| (*kind, None)));
    let beyond = BEYOND_THE_GUIDE.contains(&name);
    let beyond = beyond.then_some((ResourceKind::Other, Some(name)));
    let id = member.physical_id.as_deref();
    kinds
        .chain(beyond)
        .filter_map(move |(kind, aws_type)| Some((kind, aws_type, id?)))
}

/// What keeps a copy of a resource from working, or could not be judged of it, by rule.
type Shortcomings = Vec<(&'static Rule, Outcome)>;

fn half_read<'a>(region: Option<&'a Region>, settings: &Settings) -> Option<&'a Gap> {
    let stacks = region.into_iter().flat_map(|region| &region.stacks.items);
    let backed_up = |stack: &&Stack| {
        let tag = BackupTag::from_tags(&stack.tags, &settings.tag_key);
        matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
    };
    stacks
        .filter(backed_up)
        .find_map(|stack| stack.resources.gap.as_ref())
}

fn holders(region: Option<&Region>) -> BTreeMap<Key<'_>, Vec<&Stack>> {
    let mut holders: BTreeMap<Key<'_>, Vec<&Stack>> = BTreeMap::new();
    for stack in region.iter().flat_map(|region| &region.stacks.items) {
        let held = stack.resources.items.iter().filter(|it| !it.is_gone());
        for key in held.flat_map(keys_of) {
            holders.entry(key).or_default().push(stack);
        }
    }
    holders
}

/// A key's ARN, the service that asks for it, and the region.
type KeyPath = (String, &'static str, String);

impl<'a> RuleContext<'a> {
    /// Look-ups for one region of a snapshot.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        settings: &'a Settings,
        region: &'a str,
        policies: &'a PolicyCache,
    ) -> Self {
        let seen = snapshot.regions.get(region);
        fn index<T>(listing: Option<&Listing<T>>, id: fn(&T) -> &str) -> BTreeMap<&str, &T> {
            let items = listing
                .map(|listing| listing.items.as_slice())
                .unwrap_or_default();
            items.iter().map(|item| (id(item), item)).collect()
        }
        RuleContext {
            snapshot,
            settings,
            region,
            selection: None,
            unplaced: None,
            seen,
            volumes: index(seen.map(|region| &region.volumes), |volume| &volume.id),
            instances: index(seen.map(|region| &region.instances), |instance| {
                &instance.id
            }),
            databases: index(seen.map(|region| &region.db_instances), |database| {
                &database.id
            }),
            resources: snapshot
                .resources_in(region)
                .filter_map(|resource| Some((key_of(resource)?, resource)))
                .collect(),
            holders: holders(seen),
            half_read: half_read(seen, settings),
            judged: RefCell::default(),
            prerequisites: &[],
            backup_jobs: by_resource(seen.map(|region| &region.backup_jobs), |job| {
                &job.resource_arn
            }),
            copy_jobs: by_resource(seen.map(|region| &region.copy_jobs), |job| {
                &job.resource_arn
            }),
            policies,
            roles: OnceCell::new(),
        }
    }

    /// The same, with the rules that say whether a copy can work, for [`RuleContext::shortcomings`].
    #[must_use]
    pub fn judging_by(mut self, prerequisites: &'a [&'static Rule]) -> Self {
        self.prerequisites = prerequisites;
        self
    }

    /// The same, where only some resources are judged.
    #[must_use]
    pub fn selecting(mut self, selection: &'a Selection) -> Self {
        self.selection = Some(selection);
        self
    }

    /// Whether a resource is one of those that are judged, and not there for look-ups only.
    #[must_use]
    pub fn is_selected(&self, resource: Resource<'_>) -> bool {
        self.selection.is_none_or(|it| it.includes(resource))
    }

    /// Whether resources of a kind are among those that are judged.
    #[must_use]
    pub fn selects(&self, kind: ResourceKind) -> bool {
        let service = kind.service();
        self.selection
            .is_none_or(|it| service.is_none_or(|service| it.includes_service(service)))
    }

    /// What keeps a copy of a resource from working, and what could not be judged of it, as if it were
    /// tagged for backups: by rule. Each resource is judged once, however many stacks hold it.
    #[must_use]
    pub fn shortcomings(&self, resource: Resource<'_>) -> Rc<Shortcomings> {
        let (arn, _) = resource.arn_and_id().unwrap_or_default();
        if let Some(known) = self.judged.borrow().get(arn) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.judge(resource));
        let kept = Rc::clone(&found);
        self.judged.borrow_mut().insert(arn.to_owned(), kept);
        found
    }

    fn judge(&self, resource: Resource<'_>) -> Shortcomings {
        let judged = self.prerequisites.iter().filter_map(|rule| {
            let outcome = rule.check.run(self, resource, None)?;
            Some((*rule, outcome.unwrap_or_else(|gap| Outcome::unknown(&gap))))
        });
        judged
            .filter(|(_, outcome)| {
                matches!(
                    outcome.verdict,
                    Verdict::Breach | Verdict::Unknown | Verdict::NotAsked
                )
            })
            .collect()
    }

    /// What a resource of a stack is, among what was read in the region.
    #[must_use]
    pub fn stack_member(&self, member: &StackResource) -> Option<Resource<'a>> {
        keys_of(member).find_map(|key| self.resources.get(&key).copied())
    }

    /// Why a resource of a stack may be missing from what was read in the region.
    #[must_use]
    pub fn gap_around(&self, member: &StackResource) -> Option<Gap> {
        let region = self.seen().ok()?;
        let gap = match member.resource_type.as_str() {
            "AWS::CloudFormation::Stack" => &region.stacks.gap,
            "AWS::DynamoDB::GlobalTable" | "AWS::DynamoDB::Table" => &region.tables.gap,
            "AWS::EC2::Instance" => &region.instances.gap,
            "AWS::EC2::Volume" => &region.volumes.gap,
            "AWS::EFS::FileSystem" => &region.file_systems.gap,
            "AWS::RDS::DBCluster" => &region.db_clusters.gap,
            "AWS::RDS::DBInstance" => &region.db_instances.gap,
            "AWS::Redshift::Cluster" => &region.redshift_clusters.gap,
            "AWS::RedshiftServerless::Namespace" => &region.redshift_namespaces.gap,
            "AWS::S3::Bucket" => {
                let unplaced = self.snapshot.buckets_without_region().next();
                let gap = self.snapshot.buckets.gap.as_ref();
                return gap.or(unplaced.map(|(_, gap)| gap)).cloned();
            }
            _ => &None,
        };
        gap.clone()
    }

    /// Why a stack that is backed up, or may be, was not read to its end.
    #[must_use]
    pub fn half_read_stack(&self) -> Option<&'a Gap> {
        self.half_read
    }

    /// The stacks of the region that hold a resource, directly or through nested ones, as far as they were read.
    #[must_use]
    pub fn stacks_of(&self, resource: Resource<'_>) -> Vec<&'a Stack> {
        let mut holders: Vec<&Stack> = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut sought: Vec<Key<'_>> = key_of(resource).into_iter().collect();
        while let Some(key) = sought.pop() {
            for stack in self.holders.get(&key).into_iter().flatten() {
                if known.insert(&stack.arn) {
                    holders.push(stack);
                    sought.extend(key_of(Resource::Stack(stack)));
                }
            }
        }
        holders
    }

    /// The ARNs of what is tagged `enabled` in a region, as far as that was asked of the tags alone.
    #[must_use]
    pub fn enabled_by_tag(&self, region: &str) -> &'a [String] {
        let found = self.snapshot.elsewhere.get(region);
        found.map_or(&[], |listing| listing.items.as_slice())
    }

    /// Look-ups for a resource whose region could not be read.
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

    /// The region of the resource that is judged.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn known_region(&self) -> Result<&'a str, Gap> {
        match self.unplaced {
            Some(gap) => Err(gap.clone()),
            None => Ok(self.region),
        }
    }

    /// What was seen in the region.
    ///
    /// # Errors
    /// The region was not read.
    pub fn seen(&self) -> Result<&'a Region, Gap> {
        self.known_region()?;
        self.seen.ok_or_else(Gap::not_collected)
    }

    /// A volume of the region.
    ///
    /// # Errors
    /// Why it is not among the volumes that were read.
    pub fn volume(&self, id: &str) -> Result<&'a Volume, Gap> {
        let gap = self.seen.and_then(|region| region.volumes.gap.as_ref());
        found(&self.volumes, id, gap)
    }

    /// An instance of the region.
    ///
    /// # Errors
    /// Why it is not among the instances that were read.
    pub fn instance(&self, id: &str) -> Result<&'a Instance, Gap> {
        let gap = self.seen.and_then(|region| region.instances.gap.as_ref());
        found(&self.instances, id, gap)
    }

    /// A DB instance of the region, members of clusters too.
    ///
    /// # Errors
    /// Why it is not among the DB instances that were read.
    pub fn db_instance(&self, id: &str) -> Result<&'a DbInstance, Gap> {
        let gap = self
            .seen
            .and_then(|region| region.db_instances.gap.as_ref());
        found(&self.databases, id, gap)
    }

    /// An option group of the region.
    ///
    /// # Errors
    /// Why it is not among the option groups that were read.
    pub fn option_group(&self, name: &str) -> Result<&'a OptionGroup, Gap> {
        let listing = &self.seen()?.option_groups;
        listing
            .find(|group| group.id == name)?
            .ok_or_else(|| not_listed(name))
    }

    /// The tags of a resource that can be backed up, and what its backup tag says.
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

    /// What a resource's backup tag says.
    #[must_use]
    pub fn backup_tag(&self, tags: &Observed<Tags>) -> BackupTag {
        BackupTag::from_tags(tags, &self.settings.tag_key)
    }

    /// Whether AWS Backup manages DynamoDB fully in the region.
    ///
    /// Both preferences must be on: <https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html>.
    ///
    /// # Errors
    /// Why the region's settings are not known.
    pub fn advanced_dynamodb(&self) -> Result<(bool, bool), Gap> {
        let settings = self.seen()?.backup_settings.get()?;
        let is_planned = self.snapshot.source.is_planned();
        let on = |preferences: &BTreeMap<String, bool>| match preferences.get("DynamoDB") {
            // A plan sets some services and leaves the others as they are.
            None if is_planned => Err(Gap::new(
                GapKind::Unplanned,
                "the plan does not set whether AWS Backup manages DynamoDB in the region",
            )),
            set => Ok(set.copied().unwrap_or(false)),
        };
        let (management, opt_in) = (on(&settings.management), on(&settings.opt_in));
        match (management, opt_in) {
            // One that is off is enough to know.
            (Ok(false), opt_in) => Ok((false, opt_in.unwrap_or(true))),
            (management, Ok(false)) => Ok((management.unwrap_or(true), false)),
            (management, opt_in) => Ok((management?, opt_in?)),
        }
    }

    /// The moment at which the ages of jobs are measured: when reading began. A job that was still
    /// young enough when it was read is so here too, however long the rest of the reading took.
    ///
    /// # Errors
    /// The snapshot does not say.
    pub fn now(&self) -> Result<Timestamp, Gap> {
        job_history::moment(&self.snapshot.started_at)
    }

    /// The backup jobs of a resource in the region.
    ///
    /// AWS promises no order of the list, so one that broke off may lack the newest job of any
    /// resource, and nothing follows from the others.
    ///
    /// # Errors
    /// Why the list is not whole.
    pub fn backup_jobs(&self, arn: &str) -> Result<&[&'a BackupJob], Gap> {
        whole(&self.seen()?.backup_jobs)?;
        Ok(self.backup_jobs.get(arn).map_or(&[], Vec::as_slice))
    }

    /// The copy jobs of a resource in the region, wherever the copies went. A list that broke off
    /// tells as little as one of backup jobs.
    ///
    /// # Errors
    /// Why the list is not whole.
    pub fn copy_jobs(&self, arn: &str) -> Result<&[&'a CopyJob], Gap> {
        whole(&self.seen()?.copy_jobs)?;
        Ok(self.copy_jobs.get(arn).map_or(&[], Vec::as_slice))
    }

    /// The longest time between two runs of a plan's rule, in hours; none where its schedule cannot be
    /// understood.
    #[must_use]
    pub fn interval_hours(&self, rule: &BackupRule) -> Option<u32> {
        let schedule = rule.schedule.as_deref().unwrap_or(DEFAULT_SCHEDULE);
        if let Some(known) = self.policies.intervals.borrow().get(schedule) {
            return *known;
        }
        let hours = interval_hours(schedule);
        self.policies
            .intervals
            .borrow_mut()
            .insert(schedule.to_owned(), hours);
        hours
    }

    /// The policy of a key, parsed once.
    ///
    /// # Errors
    /// Why it could not be read or understood.
    pub fn policy(&self, key_arn: &str) -> Result<Rc<Document>, Gap> {
        if let Some(known) = self.policies.documents.borrow().get(key_arn) {
            return known.clone();
        }
        let document = self.parse_policy(key_arn);
        self.policies
            .documents
            .borrow_mut()
            .insert(key_arn.to_owned(), document.clone());
        document
    }

    fn parse_policy(&self, key_arn: &str) -> Result<Rc<Document>, Gap> {
        let key = self
            .snapshot
            .keys
            .get(key_arn)
            .ok_or_else(Gap::not_collected)?;
        let text = key.policy.get()?;
        Document::parse(text).map(Rc::new).map_err(|error| {
            let message = format!("the policy of key {key_arn} cannot be understood: {error}");
            Gap::new(GapKind::Unreadable, message)
        })
    }

    /// The organization's id: the one that was given, else the one that was read.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        let read = self.snapshot.organization_id.known();
        let read = read.and_then(Option::as_deref);
        self.settings.org_id.as_deref().or(read)
    }

    /// Judges by the role that makes backups of what is tagged `enabled` in the region, else by the
    /// company's. Of several roles the worst speaks: each makes backups. Where only some of them may
    /// do, they must agree.
    ///
    /// # Errors
    /// Why nobody knows which role it is.
    pub fn by_backup_role(&self, judge: impl Fn(&RoleName) -> CheckResult) -> CheckResult {
        let roles = self.roles.get_or_init(|| self.find_backup_roles());
        let judged = roles.names.iter().map(judge);
        let outcomes: Vec<Outcome> = judged
            .map(|outcome| outcome.unwrap_or_else(|gap| Outcome::unknown(&gap)))
            .collect();
        let verdict = outcomes.first().map(|outcome| outcome.verdict);
        let agree = outcomes.iter().all(|it| Some(it.verdict) == verdict);
        match &roles.open {
            Some(gap) if !agree => Err(gap.clone()),
            _ => Ok(Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("no role"))),
        }
    }

    fn find_backup_roles(&self) -> BackupRoles {
        let mut names = BTreeSet::new();
        let mut maybe = BTreeSet::new();
        let mut open = self.unplaced.cloned();
        let regions: Vec<&'a str> = match self.known_region() {
            Ok(region) => vec![region],
            Err(_) => self.snapshot.regions.keys().map(String::as_str).collect(),
        };
        let protections = regions.into_iter();
        for protection in protections.filter_map(|region| in_region(self, region).ok()) {
            let in_use = protection.in_use(self);
            names.extend(protection.roles(&in_use.by));
            // A policy that was not read may name any role.
            if let (true, Some(gap), Authority::Policy | Authority::Plans) =
                (in_use.by.is_empty(), in_use.open, &protection.authority)
            {
                let plans = protection.plans.iter().copied();
                let all: Vec<Choice<'_>> = plans
                    .flat_map(|plan| {
                        let selections = plan.selections.items.iter();
                        selections.map(move |selection| Choice { plan, selection })
                    })
                    .collect();
                maybe.extend(protection.roles(&all));
                open.get_or_insert(gap);
            }
        }
        let (arns, open) = match (names.is_empty(), self.unplaced) {
            (true, _) => (maybe, open),
            (false, None) => (names, None),
            (false, Some(_)) => (&names | &maybe, open),
        };
        let names: BTreeSet<RoleName> = arns.iter().filter_map(|it| RoleName::of_arn(it)).collect();
        if names.is_empty() {
            return BackupRoles {
                names: BTreeSet::from([self.company_role()]),
                open: None,
            };
        }
        BackupRoles { names, open }
    }

    fn company_role(&self) -> RoleName {
        let given = &self.settings.backup_role;
        let name = given.rsplit('/').next().unwrap_or(given);
        let read = self.snapshot.backup_roles.get(name);
        let role = read.and_then(Observed::known).and_then(Option::as_ref);
        role.and_then(|role| RoleName::of_arn(&role.arn))
            .unwrap_or_else(|| RoleName {
                name: given.clone(),
                is_whole: false,
            })
    }

    /// What the central account may do with a key through a service in this region.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub fn copy_access(
        &self,
        facts: &KeyFacts,
        key_arn: &str,
        via: ViaService,
    ) -> Result<Rc<CopyAccess>, Gap> {
        let place = (key_arn.to_owned(), via.as_str(), self.region.to_owned());
        if let Some(known) = self.policies.access.borrow().get(&place) {
            return Ok(Rc::clone(known));
        }
        let document = self.policy(key_arn)?;
        let central = CentralAccount {
            account_id: self.settings.central_account.clone(),
            org_id: self.org_id().map(str::to_owned),
        };
        let access = Rc::new(copy::evaluate_copy_access(&document, facts, &central, via));
        self.policies
            .access
            .borrow_mut()
            .insert(place, Rc::clone(&access));
        Ok(access)
    }

    /// What the account that owns a key may do with it, through one of the roles that make backups.
    ///
    /// # Errors
    /// Why the key's policy is not known.
    pub fn local_access(
        &self,
        facts: &KeyFacts,
        key_arn: &str,
        role: &RoleName,
    ) -> Result<Rc<LocalAccess>, Gap> {
        let place = (key_arn.to_owned(), role.name.clone());
        if let Some(known) = self.policies.local.borrow().get(&place) {
            return Ok(Rc::clone(known));
        }
        let document = self.policy(key_arn)?;
        let account = &facts.key_account;
        let access = Rc::new(copy::evaluate_local_access(
            &document, facts, account, &role.name,
        ));
        self.policies
            .local
            .borrow_mut()
            .insert(place, Rc::clone(&access));
        Ok(access)
    }
}

fn by_resource<T>(listing: Option<&Listing<T>>, arn: fn(&T) -> &str) -> BTreeMap<&str, Vec<&T>> {
    let mut jobs: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for job in listing.iter().flat_map(|listing| &listing.items) {
        jobs.entry(arn(job)).or_default().push(job);
    }
    jobs
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

// It was created after the list was read, or belongs to somebody else.
fn not_listed(id: &str) -> Gap {
    Gap::new(
        GapKind::Unreadable,
        format!("{id} is not in the list that AWS returned"),
    )
}
