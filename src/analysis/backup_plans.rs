//! The backup plans in effect: those of the organization's backup policy and the account's own. And what
//! selects a resource: which plan, into which vault.
//!
//! Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/manage-cross-account.html>.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::iam::truth::Truth;
use crate::model::arn::{Arn, partition_of};
use crate::model::backup::Vault;
use crate::model::backup_plan::{BackupPlan, BackupRule, BackupSelection, ORGANIZATION_PLAN};
use crate::model::kind::KINDS;
use crate::model::observed::{Gap, GapKind};
use crate::model::organization::{PolicyPlan, expand_variables};
use crate::model::tag::BackupTag;
use crate::model::{Listing, Observed, Resource};

use super::backup_target::{
    KnownTags, Target, any_tagged, as_if_tagged, enabled_tag, tagged, target,
};
use super::backup_types::types_of_kind;
use super::context::RuleContext;
use super::policy_cache::SelectionsInUse;
use super::selection_arns::SelectionArns;

/// The types that AWS Backup selects: its name of the type, and the service and resource parts of the ARNs.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>.
const TYPES: [(&str, &str, &str); 10] = [
    ("S3", "s3", "*"),
    ("EC2", "ec2", "instance/*"),
    ("EBS", "ec2", "volume/*"),
    ("RDS", "rds", "db:*"),
    ("Aurora", "rds", "cluster:*"),
    ("EFS", "elasticfilesystem", "file-system/*"),
    ("DynamoDB", "dynamodb", "table/*"),
    ("Storage Gateway", "storagegateway", "gateway/*/volume/*"),
    ("Redshift", "redshift", "cluster:*"),
    ("CloudFormation", "cloudformation", "stack/*"),
];

/// Where the plans were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority<'a> {
    /// The organization's policy.
    Policy,
    /// The organization's policy and the account's plans.
    Both,
    /// The account's plans, as no organization policy applies to it.
    Plans,
    /// The account's plans, as the organization's policy selects nothing that is asked about.
    PlansBesidePolicy,
    /// The account's plans, as the organization's policy could not be read.
    PlansInstead(&'a Gap),
}

impl Authority<'_> {
    /// Returns the name for evidence.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Authority::Policy => "organization-policy",
            Authority::Both => "organization-policy-and-backup-plans",
            Authority::Plans | Authority::PlansBesidePolicy | Authority::PlansInstead(_) => {
                "backup-plans"
            }
        }
    }

    /// Returns the noun for a message.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Authority::Policy => "the organization's backup policy",
            Authority::Both => "the organization's backup policy and the account's backup plans",
            Authority::Plans | Authority::PlansBesidePolicy | Authority::PlansInstead(_) => {
                "the account's backup plans"
            }
        }
    }

    /// Returns the word that agrees with [`Authority::describe`]: singular for a policy, plural for plans.
    #[must_use]
    pub fn either(&self, one: &'static str, several: &'static str) -> &'static str {
        match self {
            Authority::Policy => one,
            _ => several,
        }
    }

    /// Returns why plans apply and no policy, for the end of a message.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Authority::Policy | Authority::Both | Authority::PlansBesidePolicy => String::new(),
            Authority::Plans => " (no organization policy applies to the account)".to_owned(),
            Authority::PlansInstead(gap) => {
                format!(" (the organization's policy could not be read: {})", gap)
            }
        }
    }
}

/// The plans in effect in a region.
#[derive(Debug)]
pub struct Protection<'a> {
    /// Where they were read.
    pub authority: Authority<'a>,
    /// The plans, those of the policy first.
    pub plans: Vec<&'a BackupPlan>,
    /// How many of the plans are the policy's.
    of_policy: usize,
    /// Why there may be more plans.
    gap: Option<Gap>,
    /// Why the account may have more plans.
    unread: Option<Gap>,
    /// Why a plan of the policy is invalid.
    invalid: Option<&'a Gap>,
    account: &'a str,
    pub(super) region: &'a str,
    known_tags: KnownTags<'a>,
    /// The ARNs of the selections of each plan.
    arns: Arc<Vec<Vec<SelectionArns>>>,
}

/// A backup selection that selects a resource.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The plan.
    pub plan: &'a BackupPlan,
    /// Its selection.
    pub selection: &'a BackupSelection,
}

/// The selections that select a resource.
#[derive(Debug, Default)]
pub struct Chosen<'a> {
    /// The selections that certainly select it.
    pub by: Vec<Choice<'a>>,
    /// Why other selections may.
    pub open: Option<Gap>,
    /// Why it is not known whether one of the selections that were read does.
    pub unclear: Option<Gap>,
}

/// Returns the plans in effect in a region.
///
/// # Errors
/// Neither a policy nor plans were read.
pub fn in_region<'a>(cx: &RuleContext<'a>, region: &'a str) -> Result<Protection<'a>, Gap> {
    let snapshot = cx.snapshot;
    let read = snapshot.regions.get(region).map(|seen| &seen.backup_plans);
    let own: &[BackupPlan] = read.map_or(&[], |plans| &plans.items);
    let unread = match read {
        Some(plans) => plans.gap.clone(),
        None => Some(Gap::not_collected()),
    };
    let list_arns = |plan: &&BackupPlan| {
        let selections = plan.selections.items.iter();
        selections.map(SelectionArns::new).collect()
    };
    let made = |authority, plans: Vec<&'a BackupPlan>, of_policy, gap| Protection {
        authority,
        arns: cx.selection_arns(region, || plans.iter().map(list_arns).collect()),
        plans,
        of_policy,
        gap,
        unread: unread.clone(),
        invalid: match &snapshot.backup_policy {
            Observed::Known(Some(policy)) => policy.gap.as_ref(),
            _ => None,
        },
        account: snapshot.account_id.as_deref().unwrap_or_default(),
        region,
        known_tags: KnownTags {
            backup: &snapshot.tag_key,
            selected: snapshot.selected_tags.as_ref(),
        },
    };
    match &snapshot.backup_policy {
        Observed::Known(Some(policy)) => {
            let here = |it: &&PolicyPlan| it.regions.iter().any(|name| name == region);
            let mut plans: Vec<&BackupPlan> = policy
                .plans
                .iter()
                .filter(here)
                .map(|it| &it.plan)
                .collect();
            let of_policy = plans.len();
            plans.extend(own.iter().filter(|plan| !is_of_organization(plan)));
            let authority = match plans.len() > of_policy {
                true => Authority::Both,
                false => Authority::Policy,
            };
            // An older snapshot does not have the account's plans where a policy was read.
            let unread = unread.clone();
            let unread = unread.filter(|gap| gap.kind != GapKind::NotCollected);
            let gap = policy.gap.clone().or(unread);
            Ok(made(authority, plans, of_policy, gap))
        }
        Observed::Known(None) => match &unread {
            Some(gap) if own.is_empty() => Err(gap.clone()),
            _ => Ok(made(
                Authority::Plans,
                own.iter().collect(),
                0,
                unread.clone(),
            )),
        },
        Observed::Unknown(gap) => match &unread {
            Some(_) if own.is_empty() => Err(gap.clone()),
            // A policy that was not read may select what the plans do not.
            _ => {
                let authority = Authority::PlansInstead(gap);
                let gap = unread.clone().unwrap_or_else(|| gap.clone());
                Ok(made(authority, own.iter().collect(), 0, Some(gap)))
            }
        },
    }
}

/// Whether a gap is that of a call: a file has its own plans, an older snapshot what it was made with, and a disabled
/// region nothing.
#[must_use]
pub fn is_failure(gap: &Gap) -> bool {
    !matches!(
        gap.kind,
        GapKind::NotAsked | GapKind::NotCollected | GapKind::RegionDisabled | GapKind::Unplanned
    )
}

/// Whether an organization's policy created a plan. AWS Backup lists it among the plans of the account.
fn is_of_organization(plan: &BackupPlan) -> bool {
    let id = plan.id.as_deref();
    id.is_some_and(|id| id.starts_with(ORGANIZATION_PLAN))
}

impl<'a> Protection<'a> {
    /// Returns a hypothetical resource of each type that has only the tag `enabled`.
    #[must_use]
    pub fn probes(&self, cx: &RuleContext<'_>) -> Vec<Target<'static>> {
        let partition = partition_of(self.region);
        let tags = enabled_tag(cx);
        let probes = TYPES.into_iter().map(|(name, service, resource)| Target {
            arn: Cow::Owned(match service {
                "s3" => format!("arn:{partition}:s3:::*"),
                _ => format!(
                    "arn:{partition}:{service}:{}:{}:{resource}",
                    self.region, self.account
                ),
            }),
            name,
            ..Target::bare(tags.clone())
        });
        probes.collect()
    }

    /// Returns the resources of the region that are tagged `enabled`.
    #[must_use]
    pub fn enabled(&self, cx: &RuleContext<'a>) -> Vec<Target<'a>> {
        let resources = cx.snapshot.resources_in(self.region);
        let is_enabled = |resource: &Resource<'a>| {
            let tag = resource.tags().map(|tags| cx.backup_tag(tags));
            tag == Some(BackupTag::Enabled) && resource.deletion_gap().is_none()
        };
        let mut enabled: Vec<Target<'a>> = resources
            .filter(is_enabled)
            .filter_map(|resource| target(cx, resource))
            .collect();
        // Of a resource that was not listed only the tag is known.
        let listed: HashSet<&str> = enabled.iter().map(|it| it.arn.as_ref()).collect();
        let by_tag = cx.enabled_by_tag(self.region).iter();
        let others = by_tag.filter(|arn| !listed.contains(arn.as_str()));
        let others: Vec<_> = others.collect();
        enabled.extend(others.into_iter().map(|arn| tagged(cx, arn)));
        enabled
    }

    /// Returns a resource of each type whose list was not read in the region, as if it were tagged `enabled`, with the
    /// reason.
    #[must_use]
    pub fn unlisted(&self, cx: &RuleContext<'a>) -> Vec<(Target<'a>, &'a Gap)> {
        let gaps = KINDS
            .iter()
            .filter_map(|kind| Some((kind.kind, cx.gap_of_kind(kind, self.region)?)));
        let gaps = gaps.filter(|(_, gap)| is_failure(gap));
        let unlisted = gaps.flat_map(|(kind, gap)| {
            types_of_kind(kind).map(move |row| (any_tagged(cx, row, self.region), gap))
        });
        unlisted.collect()
    }

    /// Returns the resources of the region that may be tagged `enabled`, as if they were, each with the reason: their
    /// tags were not read, or it is not known whether they are being deleted.
    #[must_use]
    pub fn unread(&self, cx: &RuleContext<'a>) -> Vec<(Target<'a>, &'a Gap)> {
        let resources = cx.snapshot.resources_in(self.region);
        let may_count = resources.filter(|resource| {
            let tag = resource.tags().map(|tags| cx.backup_tag(tags));
            matches!(tag, Some(BackupTag::Enabled | BackupTag::Unknown))
        });
        let unread = may_count.filter_map(|resource| {
            let gap = resource.tags()?.gap().or(resource.deletion_gap())?;
            Some((as_if_tagged(cx, resource)?, gap))
        });
        unread.collect()
    }

    /// Returns why there may be more selections. A policy that was not read is no reason where the account's plans were:
    /// AWS Backup lists those that it makes from the policy among them.
    #[must_use]
    pub fn unread_selections(&self) -> Option<Gap> {
        let lists = self.plans.iter().map(|plan| plan.selections.gap.as_ref());
        let gaps = std::iter::once(self.unread.as_ref()).chain(lists);
        gaps.flatten().find(|gap| is_failure(gap)).cloned()
    }

    /// Returns the selections that select a resource.
    #[must_use]
    pub fn chosen(&self, target: &Target<'_>) -> Chosen<'a> {
        let mut chosen = Chosen::default();
        for (plan, arns) in self.plans.iter().zip(&*self.arns) {
            for (selection, arns) in plan.selections.items.iter().zip(arns) {
                match target.is_selected_by(selection, arns, self.known_tags) {
                    Truth::True => chosen.by.push(Choice { plan, selection }),
                    Truth::False => {}
                    Truth::Unknown => {
                        let depends = || {
                            let message = format!(
                                "whether selection {:?} of plan {:?} selects it depends on more than its backup tag",
                                selection.name, plan.name
                            );
                            Gap::new(GapKind::Open, message)
                        };
                        chosen.unclear.get_or_insert_with(depends);
                    }
                }
            }
        }
        // What the plans of a file leave open says more than that the file does not list the plans of the account.
        let is_outside = |gap: &&Gap| gap.kind == GapKind::Unplanned;
        let lists = self.plans.iter().map(|plan| &plan.selections.gap);
        let gaps = lists.chain([&chosen.unclear, &self.gap]).flatten();
        let own = self.gap.as_ref().filter(|gap| !is_outside(gap));
        let open = own.into_iter().chain(gaps).next().cloned();
        chosen.open = open;
        chosen
    }

    /// Whether a plan is the organization's policy's, and not the account's own.
    #[must_use]
    pub fn is_of_policy(&self, plan: &BackupPlan) -> bool {
        let of_policy = self.plans.iter().take(self.of_policy);
        of_policy.into_iter().any(|it| std::ptr::eq(*it, plan))
    }

    /// Whether a gap is that of an invalid plan of the organization's policy. It makes no backups, and leaves those of
    /// other plans as they are.
    #[must_use]
    pub fn is_of_invalid_plan(&self, gap: &Gap) -> bool {
        let plans = self.plans.iter().take(self.of_policy);
        let mut gaps = plans.filter_map(|plan| plan.rules.gap.as_ref());
        self.invalid == Some(gap) || gaps.any(|it| it == gap)
    }

    /// Returns where the plans of selections were read.
    #[must_use]
    pub fn authority_of(&self, by: &[Choice<'a>]) -> Authority<'a> {
        let of_policy = by.iter().filter(|it| self.is_of_policy(it.plan)).count();
        match (&self.authority, of_policy) {
            (Authority::Both, 0) if !by.is_empty() => Authority::PlansBesidePolicy,
            (Authority::Both, count) if count == by.len() => Authority::Policy,
            (authority, _) => authority.clone(),
        }
    }

    /// Returns every selection, whatever it selects.
    #[must_use]
    pub fn all_choices(&self) -> Vec<Choice<'a>> {
        let plans = self.plans.iter().copied();
        let choices = plans.flat_map(|plan| {
            let selections = plan.selections.items.iter();
            selections.map(move |selection| Choice { plan, selection })
        });
        choices.collect()
    }

    /// Returns the plans of selections, each once.
    #[must_use]
    pub fn plans_of(&self, by: &[Choice<'a>]) -> Vec<&'a BackupPlan> {
        let mut seen = BTreeSet::new();
        let plans = by.iter().map(|choice| choice.plan);
        plans
            .filter(|plan| seen.insert(std::ptr::from_ref(*plan)))
            .collect()
    }

    /// Returns the backup rules of the selected plans, each once. A plan whose rules could not be read leaves a
    /// gap.
    #[must_use]
    pub fn rules(&self, by: &[Choice<'a>]) -> Listing<&'a BackupRule> {
        let mut rules = Listing::complete(Vec::new());
        for plan in self.plans_of(by) {
            rules.items.extend(&plan.rules.items);
            rules.gap = rules.gap.or_else(|| plan.rules.gap.clone());
        }
        rules
    }

    /// Puts the account and the region in place of the variables of a policy.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        expand_variables(text, self.account, self.region)
    }

    /// Returns the ARNs of the vaults that backup rules copy to, each once, with variables expanded.
    #[must_use]
    pub fn copy_targets(&self, rules: &[&BackupRule]) -> BTreeSet<String> {
        let copies = rules.iter().flat_map(|rule| &rule.copies);
        copies.map(|copy| self.expand(&copy.vault_arn)).collect()
    }

    /// Returns the ARNs of the roles of selections, each once, with variables expanded.
    #[must_use]
    pub fn roles(&self, by: &[Choice<'a>]) -> BTreeSet<String> {
        by.iter()
            .map(|choice| self.expand(&choice.selection.role_arn))
            .collect()
    }

    /// Returns every selection that selects resources tagged `enabled` in the region: existing resources, and
    /// a hypothetical one of each type.
    #[must_use]
    pub fn in_use(&self, cx: &RuleContext<'a>) -> Chosen<'a> {
        let in_use = cx.selections_in_use(self.region, || self.find_in_use(cx));
        let (positions, open) = &*in_use;
        let choices = positions.iter().filter_map(|(plan, selection)| {
            let plan = *self.plans.get(*plan)?;
            let selection = plan.selections.items.get(*selection)?;
            Some(Choice { plan, selection })
        });
        Chosen {
            by: choices.collect(),
            open: open.clone(),
            unclear: None,
        }
    }

    fn find_in_use(&self, cx: &RuleContext<'a>) -> SelectionsInUse {
        let mut by: Vec<Choice<'a>> = Vec::new();
        let mut open = None;
        let mut known = HashSet::new();
        let targets = self.enabled(cx);
        for target in targets.iter().chain(&self.probes(cx)) {
            let chosen = self.chosen(target);
            for choice in chosen.by {
                if known.insert(std::ptr::from_ref(choice.selection)) {
                    by.push(choice);
                }
            }
            open = open.or(chosen.open);
        }
        // A selection may be in use that selects only resources that were not read.
        for (target, gap) in self.unread(cx).into_iter().chain(self.unlisted(cx)) {
            let chosen = self.chosen(&target);
            let is_known = |it: &Choice<'a>| known.contains(&std::ptr::from_ref(it.selection));
            if chosen.unclear.is_some() || !chosen.by.iter().all(is_known) {
                open.get_or_insert_with(|| gap.clone());
            }
        }
        let position = |choice: &Choice<'a>| {
            let mut plans = self.plans.iter();
            let plan = plans.position(|it| std::ptr::eq(*it, choice.plan))?;
            let mut selections = choice.plan.selections.items.iter();
            let selection = selections.position(|it| std::ptr::eq(it, choice.selection))?;
            Some((plan, selection))
        };
        (by.iter().filter_map(position).collect(), open)
    }
}

/// Returns a resource as plans see it: one whose tags were not read, or not all of them, as if it were tagged `enabled`.
pub(super) fn expect_backups<'a>(
    cx: &RuleContext<'a>,
    resource: Resource<'a>,
) -> Option<Target<'a>> {
    let read = target(cx, resource).filter(|it| !it.bare);
    read.or_else(|| as_if_tagged(cx, resource))
}

/// The vaults that plans use, by name, each with the backup rules that use it.
pub type VaultsInUse<'a> = Vec<(&'a str, Vec<&'a BackupRule>)>;

/// Returns the vaults that the region's plans use for resources tagged `enabled`, and why there may be more.
///
/// # Errors
/// Why no vault is known, if the plans are not.
pub fn find_vaults<'a>(cx: &RuleContext<'a>) -> Result<(VaultsInUse<'a>, Option<Gap>), Gap> {
    let protection = in_region(cx, cx.region)?;
    let chosen = protection.in_use(cx);
    let rules = protection.rules(&chosen.by);
    let unread = rules.gap.or_else(|| protection.unread_selections());
    if let (true, Some(gap)) = (rules.items.is_empty(), unread.clone().or(chosen.open)) {
        return Err(gap);
    }
    let mut vaults: VaultsInUse<'a> = Vec::new();
    for rule in rules.items {
        match vaults.iter_mut().find(|(name, _)| *name == rule.vault) {
            Some((_, filling)) => filling.push(rule),
            None => vaults.push((&rule.vault, vec![rule])),
        }
    }
    Ok((vaults, unread))
}

/// Returns the names of the vaults whose keys encrypt backups that the region's plans make of resources tagged `enabled`:
/// of a rule with a logically air-gapped vault, that vault. Empty where the plans are known and use no vault.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html#lag-primary-backup-full-management>.
///
/// # Errors
/// Why not all of them are known.
pub fn encrypting_vaults<'a>(cx: &RuleContext<'a>) -> Result<Vec<&'a str>, Gap> {
    let vaults = match find_vaults(cx)? {
        (vaults, None) => vaults,
        (_, Some(gap)) => return Err(gap),
    };
    let mut names: Vec<&str> = Vec::new();
    for rule in vaults.into_iter().flat_map(|(_, rules)| rules) {
        let name = rule.air_gapped_name().unwrap_or(&rule.vault);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether the key of a vault encrypts backups that the region's plans make of resources tagged `enabled`.
#[must_use]
pub fn is_local(cx: &RuleContext<'_>, vault: &Vault) -> bool {
    encrypting_vaults(cx).is_ok_and(|named| named.contains(&vault.id.as_str()))
}

/// Returns the account that owns a vault.
#[must_use]
pub fn account_of(vault_arn: &str) -> &str {
    Arn::parse(vault_arn).map_or("", |arn| arn.account)
}
