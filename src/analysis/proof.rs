//! Which jobs prove that the plans of a resource back it up and copy it.
//!
//! Automatic backups of EFS, jobs of other plans and jobs on demand are not proof: they show nothing about the
//! plan that selects the resource.

use crate::iam::truth::Truth;
use crate::model::arn::Arn;
use crate::model::backup_plan::{BackupPlan, ORGANIZATION_PLAN};
use crate::model::job::{BackupJob, CopyJob, JobOrigin};
use crate::model::{Observed, Resource};

use super::RuleContext;
use super::backup_plans::{Protection, in_region, target};

/// The vault of EFS automatic backups, which cannot be copied to another account.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>.
pub const EFS_VAULT: &str = "aws/efs/automatic-backup-vault";

/// The plans whose jobs prove that a resource is backed up.
#[derive(Debug)]
pub struct ProofSources<'a> {
    protection: Option<Protection<'a>>,
    /// The plans that select the resource.
    own: Vec<&'a BackupPlan>,
    /// The plans that select a stack that contains it.
    of_stacks: Vec<&'a BackupPlan>,
    /// Whether other plans may select it.
    is_open: bool,
    own_plans: &'a [BackupPlan],
}

impl<'a> ProofSources<'a> {
    /// Finds the plans that select a resource, directly or as part of a stack.
    #[must_use]
    pub fn find(cx: &RuleContext<'a>, resource: Resource<'a>) -> Self {
        let mut sources = ProofSources {
            protection: None,
            own: Vec::new(),
            of_stacks: Vec::new(),
            is_open: true,
            own_plans: &[],
        };
        let Some(protection) = cx.known_region().ok().and_then(|it| in_region(cx, it).ok()) else {
            return sources;
        };
        let Some(own) = target(cx, resource) else {
            return sources;
        };
        let region = cx.snapshot.regions.get(cx.region);
        sources.own_plans = region.map_or(&[], |it| &it.backup_plans.items);
        let chosen = protection.chosen(&own);
        sources.is_open = chosen.open.is_some();
        sources.own = protection.plans_of(&chosen.by);
        for stack in cx.stacks_containing(resource) {
            if let Some(stack) = target(cx, Resource::Stack(stack)) {
                let chosen = protection.chosen(&stack);
                sources.of_stacks.extend(protection.plans_of(&chosen.by));
            }
        }
        sources.protection = Some(protection);
        sources
    }

    /// Whether a backup job was started by a plan that selects the resource, into a vault that it names.
    #[must_use]
    pub fn accepts_backup(&self, job: &BackupJob) -> Truth {
        let vault = job.vault.known().map(String::as_str);
        self.accepts(&job.created_by, vault, job.parent_job_id.is_some())
    }

    /// Whether a copy job was started by a plan that selects the resource, from a vault that it names.
    #[must_use]
    pub fn accepts_copy(&self, job: &CopyJob) -> Truth {
        let vault = job.source_vault_arn.known();
        let vault = vault.and_then(|arn| Arn::parse(arn)?.resource.strip_prefix("backup-vault:"));
        self.accepts(&job.created_by, vault, job.parent_job_id.is_some())
    }

    fn accepts(
        &self,
        created_by: &Observed<Option<JobOrigin>>,
        vault: Option<&str>,
        is_nested: bool,
    ) -> Truth {
        if vault == Some(EFS_VAULT) || *created_by == Observed::Known(None) {
            return Truth::False;
        }
        let origin = created_by.known().and_then(Option::as_ref);
        let of_stacks = self.of_stacks.iter().filter(|_| is_nested);
        let plans = self.own.iter().chain(of_stacks);
        let accepted = Truth::any(plans.map(|plan| {
            let is_its = origin.map_or(Truth::Unknown, |it| self.is_job_of(plan, it));
            is_its.and(names_vault(plan, vault))
        }));
        // A plan that was not read may have started it.
        if self.is_open {
            return accepted.or(Truth::Unknown);
        }
        accepted
    }

    /// Whether a plan started a job.
    fn is_job_of(&self, plan: &BackupPlan, origin: &JobOrigin) -> Truth {
        if let (Some(id), Some(of_job)) = (&plan.id, &origin.plan_id) {
            return (id == of_job).into();
        }
        let listed = || {
            let mut plans = self.own_plans.iter();
            let found = plans.find(|it| it.id.is_some() && it.id == origin.plan_id);
            found.map(|it| &it.name)
        };
        if let Some(name) = origin.plan_name.as_ref().or_else(listed) {
            return (*name == plan.name).into();
        }
        let protection = self.protection.as_ref();
        let is_of_policy = protection.is_some_and(|it| it.is_of_policy(plan));
        match &origin.plan_id {
            Some(id) if is_of_policy && !id.starts_with(ORGANIZATION_PLAN) => Truth::False,
            _ => Truth::Unknown,
        }
    }
}

/// Whether a rule of a plan names a vault.
fn names_vault(plan: &BackupPlan, vault: Option<&str>) -> Truth {
    let Some(vault) = vault else {
        return Truth::Unknown;
    };
    let named = plan.rules.items.iter().any(|rule| rule.vault == vault);
    match (named, &plan.rules.gap) {
        (true, _) => Truth::True,
        (false, Some(_)) => Truth::Unknown,
        (false, None) => Truth::False,
    }
}
