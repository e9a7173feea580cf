//! Which jobs prove that the plans of a resource back it up and copy it.
//!
//! Automatic backups of EFS, jobs of other plans and jobs on demand are not proof: they show nothing about the
//! plan that selects the resource.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;

use crate::iam::truth::Truth;
use crate::model::arn::Arn;
use crate::model::backup::{EFS_VAULT, Vault};
use crate::model::backup_plan::{BackupPlan, BackupRule, ORGANIZATION_PLAN};
use crate::model::job::{BackupJob, CopyJob, JobOrigin};
use crate::model::observed::{Gap, GapKind};
use crate::model::{Listing, Observed, Resource};

use super::backup_plans::{Chosen, Protection, expect_backups, in_region, is_failure};
use super::backup_target::target;
use super::backup_types::{BackupType, type_of};
use super::central_copies::{CentralCopies, find_copies};
use super::intervals::{Interval, find_interval};
use super::job_history::Prerequisites;
use super::rule_runs::Subject;
use super::{CheckResult, RuleContext};

/// Whether a job proves that the plans of a resource back it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It does.
    Yes,
    /// It shows nothing about them.
    No,
    /// It is not known.
    Open(Gap),
}

/// What proof of the backups and copies of a resource is compared with.
#[derive(Debug)]
pub struct ProofBasis<'a> {
    /// The verdicts of the rules that a copy depends on.
    pub prerequisites: Prerequisites,
    /// The plans that the jobs should be of.
    pub sources: ProofSources<'a>,
}

/// What the plans that select a resource lead to expect. The default where they are not known.
#[derive(Debug, Default)]
pub struct Expected<'a> {
    /// The interval of its backups.
    pub interval: Interval,
    /// Its copies to the central account.
    pub copies: CentralCopies<'a>,
}

/// The addresses of plans, what they back up, and why others may.
type ExpectedKey = (Vec<usize>, Subject, Option<Gap>);

/// What the plans of a region lead to expect, found once for the resources that the same plans select.
#[derive(Debug, Default)]
pub struct ExpectedByPlans<'a>(RwLock<HashMap<ExpectedKey, Arc<Expected<'a>>, RandomState>>);

impl<'a> ExpectedByPlans<'a> {
    fn get_or_find(
        &self,
        plans: &[&'a BackupPlan],
        subject: Subject,
        chosen: &Chosen<'a>,
        find: impl FnOnce() -> Expected<'a>,
    ) -> Arc<Expected<'a>> {
        let addresses = plans.iter().map(|plan| std::ptr::from_ref(*plan).addr());
        let key = (addresses.collect(), subject, chosen.unclear.clone());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&key) {
            return Arc::clone(known);
        }
        drop(known);
        let found = Arc::new(find());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_insert(found))
    }
}

/// The plans whose jobs prove that a resource is backed up.
#[derive(Debug)]
pub struct ProofSources<'a> {
    protection: Option<Protection<'a>>,
    /// The plans that select the resource.
    own: Vec<&'a BackupPlan>,
    /// What they lead to expect.
    pub expected: Arc<Expected<'a>>,
    /// The plans that select a stack that contains it.
    of_stacks: Vec<&'a BackupPlan>,
    /// Why other plans may select it.
    open: Option<Gap>,
    /// Why plans may select a stack that is not known to contain it.
    open_stacks: Option<Gap>,
    /// The plans of the account.
    listed: &'a [BackupPlan],
    /// The vaults of the region.
    vaults: Option<&'a Listing<Vault>>,
}

impl<'a> ProofSources<'a> {
    /// Finds the plans that select a resource, directly or as part of a stack. `known` has what was expected of others.
    #[must_use]
    pub fn find(cx: &RuleContext<'a>, resource: Resource<'a>, known: &ExpectedByPlans<'a>) -> Self {
        let mut sources = ProofSources {
            protection: None,
            own: Vec::new(),
            expected: Arc::default(),
            of_stacks: Vec::new(),
            open: None,
            open_stacks: None,
            listed: &[],
            vaults: None,
        };
        let protection = match cx.known_region().and_then(|region| in_region(cx, region)) {
            Ok(protection) => protection,
            Err(gap) => {
                sources.open = Some(gap);
                return sources;
            }
        };
        let region = cx.snapshot.regions.get(cx.region);
        sources.listed = region.map_or(&[], |it| &it.backup_plans.items);
        sources.vaults = region.map(|it| &it.vaults);
        if let Some(own) = expect_backups(cx, resource) {
            let chosen = protection.chosen(&own);
            let subject = type_of(resource).map_or(Subject::Continuous, BackupType::subject);
            sources.own = protection.plans_of(&chosen.by);
            sources.expected = known.get_or_find(&sources.own, subject, &chosen, || Expected {
                interval: find_interval(cx, &protection, &chosen, subject),
                copies: find_copies(cx, &protection, &chosen, subject),
            });
            sources.open = chosen.open;
        }
        let unlisted = region.and_then(|it| it.stacks.gap.as_ref());
        sources.open_stacks = unlisted.or(cx.half_read_stack()).cloned();
        for stack in cx
            .stacks_containing(resource)
            .into_iter()
            .map(Resource::Stack)
        {
            match (target(cx, stack), stack.tags()) {
                (Some(stack), _) => {
                    let chosen = protection.chosen(&stack);
                    sources.of_stacks.extend(protection.plans_of(&chosen.by));
                }
                (None, Some(Observed::Unknown(gap))) => sources.open_stacks = Some(gap.clone()),
                (None, _) => {}
            }
        }
        sources.protection = Some(protection);
        sources
    }

    /// Whether a backup job was started by a plan that selects the resource, into a vault that it names.
    #[must_use]
    pub fn check_backup(&self, job: &BackupJob) -> Proof {
        let vault = match &job.vault {
            Observed::Known(vault) => Ok(vault.as_str()),
            Observed::Unknown(gap) => Err(gap),
        };
        self.check_job(&job.created_by, vault, job.parent_job_id.is_some())
    }

    /// Whether a copy job was started by a plan that selects the resource, from a vault that it names.
    #[must_use]
    pub fn check_copy(&self, job: &CopyJob) -> Proof {
        let vault = match &job.source_vault_arn {
            Observed::Known(arn) => Ok(vault_name(arn).unwrap_or(arn)),
            Observed::Unknown(gap) => Err(gap),
        };
        self.check_job(&job.created_by, vault, job.parent_job_id.is_some())
    }

    fn check_job(
        &self,
        created_by: &Observed<Option<JobOrigin>>,
        vault: Result<&str, &Gap>,
        is_nested: bool,
    ) -> Proof {
        if vault == Ok(EFS_VAULT) {
            return Proof::No;
        }
        let origin = match created_by {
            Observed::Known(None) => return Proof::No,
            Observed::Known(Some(origin)) => origin,
            // An older snapshot does not have the origin of any job.
            Observed::Unknown(gap) if gap.kind == GapKind::NotCollected => {
                return match vault {
                    Err(gap) if is_failure(gap) => Proof::Open(gap.clone()),
                    _ => Proof::Yes,
                };
            }
            Observed::Unknown(gap) => return Proof::Open(gap.clone()),
        };
        let of_stacks = self.of_stacks.iter().filter(|_| is_nested);
        let plans = self.own.iter().chain(of_stacks);
        let air_gapped = vault.map_or(Ok(false), |name| self.is_air_gapped(name));
        let named = |plan| match (air_gapped, names_vault(plan, vault)) {
            (Ok(true), _) => Truth::True,
            (Err(_), Truth::False) => Truth::Unknown,
            (_, named) => named,
        };
        let matches = plans.map(|plan| self.is_job_of(plan, origin).and(named(plan)));
        let open_stacks = self.open_stacks.as_ref().filter(|_| is_nested);
        let open = self.open.as_ref().or(open_stacks);
        match (Truth::any(matches), open, vault.and(air_gapped)) {
            (Truth::True, ..) => Proof::Yes,
            (Truth::False, None, _) => Proof::No,
            (_, Some(gap), _) | (_, _, Err(gap)) => Proof::Open(gap.clone()),
            (Truth::Unknown, None, Ok(_)) => {
                let message =
                    "which plan started a job is unknown: AWS Backup returned no plan name";
                Proof::Open(Gap::new(GapKind::Unreadable, message))
            }
        }
    }

    /// Whether a vault is known to be logically air-gapped. A plan's rule may name one besides its vault, and a job of the plan goes
    /// there for no other reason. Older snapshots do not have the name.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html>. Checked 2026-11-30.
    ///
    /// # Errors
    /// The call that failed without which it is not known.
    fn is_air_gapped(&self, name: &str) -> Result<bool, &Gap> {
        let Some(listing) = self.vaults else {
            return Ok(false);
        };
        let vault = listing.items.iter().find(|vault| vault.id == name);
        let gap = match vault {
            Some(vault) => match vault.vault_type.gap() {
                None => return Ok(vault.is_air_gapped()),
                gap => gap,
            },
            None => listing.gap.as_ref(),
        };
        gap.filter(|gap| is_failure(gap)).map_or(Ok(false), Err)
    }

    /// Whether a plan started a job.
    fn is_job_of(&self, plan: &BackupPlan, origin: &JobOrigin) -> Truth {
        if let (Some(id), Some(of_job)) = (&plan.id, &origin.plan_id) {
            return (id == of_job).into();
        }
        let listed = || {
            let mut plans = self.listed.iter();
            let found = plans.find(|it| it.id.is_some() && it.id == origin.plan_id);
            found.map(|it| &it.name)
        };
        let is_of_policy = |it: &&BackupPlan| {
            let protection = self.protection.as_ref();
            protection.is_some_and(|protection| protection.is_of_policy(it))
        };
        if let Some(name) = origin.plan_name.as_ref().or_else(listed) {
            // An effective policy has the names of its plans in lower case:
            // <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>.
            let is_same = match is_of_policy(&plan) {
                true => name.eq_ignore_ascii_case(&plan.name),
                false => *name == plan.name,
            };
            return is_same.into();
        }
        let started_by_policy = origin.plan_id.as_ref();
        let started_by_policy = started_by_policy.map(|id| id.starts_with(ORGANIZATION_PLAN));
        match (started_by_policy, is_of_policy(&plan)) {
            (Some(started), of_policy) if started != of_policy => Truth::False,
            // There is no other plan of the policy.
            (Some(true), true) if self.plans_here().filter(is_of_policy).count() == 1 => {
                Truth::True
            }
            _ => Truth::Unknown,
        }
    }

    fn plans_here(&self) -> impl Iterator<Item = &'a BackupPlan> {
        let plans = self.protection.iter().flat_map(|it| &it.plans);
        plans.copied()
    }
}

fn vault_name(arn: &str) -> Option<&str> {
    Arn::parse(arn)?.resource.strip_prefix("backup-vault:")
}

/// Checks jobs as proof, with and without those of which it is not known whether they are. `check` gets whether
/// to count them; `open` is why they are not known, if there are any.
///
/// # Errors
/// The jobs in question decide.
pub fn check_both_ways(open: Option<&Gap>, check: impl Fn(bool) -> CheckResult) -> CheckResult {
    let counted = check(true);
    let Some(gap) = open else {
        return counted;
    };
    let (counted, left_out) = (counted?, check(false)?);
    match counted.verdict == left_out.verdict {
        true => Ok(counted),
        false => Err(gap.clone()),
    }
}

/// Whether a rule of a plan names a vault.
fn names_vault(plan: &BackupPlan, vault: Result<&str, &Gap>) -> Truth {
    let Ok(vault) = vault else {
        return Truth::Unknown;
    };
    let rules = plan.rules.items.iter();
    let named = rules
        .flat_map(BackupRule::vault_names)
        .any(|it| it == vault);
    match (named, &plan.rules.gap) {
        (true, _) => Truth::True,
        (false, Some(_)) => Truth::Unknown,
        (false, None) => Truth::False,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_plans_lead_to_expect_is_found_once_for_what_they_select_alike() {
        let (known, finds) = (ExpectedByPlans::default(), Cell::new(0));
        let plan: BackupPlan = serde_json::from_str(r#"{"name": "daily"}"#).unwrap();
        let (one, other) = (plan.clone(), plan);
        let ask = |plans: &[_], subject, unclear| {
            let chosen = Chosen {
                unclear,
                ..Chosen::default()
            };
            known.get_or_find(plans, subject, &chosen, || {
                finds.set(finds.get() + 1);
                Expected::default()
            });
            finds.get()
        };
        assert_eq!(ask(&[&one], Subject::Snapshots, None), 1);
        assert_eq!(ask(&[&one], Subject::Snapshots, None), 1);
        assert_eq!(ask(&[&other], Subject::Snapshots, None), 2, "equal text");
        assert_eq!(ask(&[&one], Subject::Continuous, None), 3);
        let open = Some(Gap::new(GapKind::Open, "it depends on a tag"));
        assert_eq!(ask(&[&one], Subject::Snapshots, open.clone()), 4);
        assert_eq!(ask(&[&one], Subject::Snapshots, open), 4);
    }
}
