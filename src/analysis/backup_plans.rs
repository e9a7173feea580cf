//! The backup plans in effect: those of the organization's backup policy and the account's own. And what
//! selects a resource: which plan, into which vault.
//!
//! Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/manage-cross-account.html>.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use crate::iam::matching::{LONGEST, Pattern, Token, covers, match_glob_shape};
use crate::iam::truth::Truth;
use crate::model::arn::Arn;
use crate::model::backup::Vault;
use crate::model::backup_plan::{
    BackupPlan, BackupRule, BackupSelection, ORGANIZATION_PLAN, TagCondition, TagOperator, tag_key,
};
use crate::model::observed::{Gap, GapKind};
use crate::model::organization::{PolicyPlan, expand_variables};
use crate::model::tag::{BackupTag, ENABLED, Tags, is_kept};
use crate::model::{Listing, Observed, Resource};

use super::backup_types::{ANY, type_of};
use super::context::{RuleContext, SelectionsInUse};

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
    /// Why a plan of the policy is invalid.
    invalid: Option<&'a Gap>,
    account: &'a str,
    region: &'a str,
    tag_key: &'a str,
    selected_tags: Option<&'a BTreeSet<String>>,
}

/// A resource that a plan may select.
#[derive(Debug)]
pub struct Target<'a> {
    /// Its ARN, with `*` for unknown parts.
    pub arn: Cow<'a, str>,
    /// Its name in messages.
    pub name: &'a str,
    /// What its ARN will look like, if a plan or template creates it: `arn` is then a placeholder.
    shape: Option<String>,
    tags: Cow<'a, Tags>,
    /// Whether only its backup tag is known: it is evaluated as if it had no other tag.
    pub bare: bool,
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
    let made = |authority, plans: Vec<&'a BackupPlan>, of_policy, gap| Protection {
        authority,
        plans,
        of_policy,
        gap,
        invalid: match &snapshot.backup_policy {
            Observed::Known(Some(policy)) => policy.gap.as_ref(),
            _ => None,
        },
        account: snapshot.account_id.as_deref().unwrap_or_default(),
        region,
        tag_key: &snapshot.tag_key,
        selected_tags: snapshot.selected_tags.as_ref(),
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
            let unread = unread.filter(|gap| gap.kind != GapKind::NotCollected);
            Ok(made(
                authority,
                plans,
                of_policy,
                policy.gap.clone().or(unread),
            ))
        }
        Observed::Known(None) => match unread {
            Some(gap) if own.is_empty() => Err(gap),
            unread => Ok(made(Authority::Plans, own.iter().collect(), 0, unread)),
        },
        Observed::Unknown(gap) => match unread {
            Some(_) if own.is_empty() => Err(gap.clone()),
            // A policy that was not read may select what the plans do not.
            unread => {
                let authority = Authority::PlansInstead(gap);
                let gap = unread.unwrap_or_else(|| gap.clone());
                Ok(made(authority, own.iter().collect(), 0, Some(gap)))
            }
        },
    }
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
        let partition = partition(self.region);
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
            shape: None,
            tags: Cow::Owned(tags.clone()),
            bare: true,
        });
        probes.collect()
    }

    /// Returns the resources of the region that are tagged `enabled`.
    #[must_use]
    pub fn enabled(&self, cx: &RuleContext<'a>) -> Vec<Target<'a>> {
        let resources = cx.snapshot.resources_in(self.region);
        let is_enabled = |resource: &Resource<'a>| {
            let tag = resource.tags().map(|tags| cx.backup_tag(tags));
            tag == Some(BackupTag::Enabled)
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

    /// Returns the resources of the region whose tags were not read, as if they were tagged `enabled`, each
    /// with the reason.
    #[must_use]
    pub fn unread(&self, cx: &RuleContext<'a>) -> Vec<(Target<'a>, &'a Gap)> {
        let resources = cx.snapshot.resources_in(self.region);
        let unread = resources.filter(|it| it.kind().has_backups());
        let unread = unread.filter_map(|resource| {
            let (gap, (arn, id)) = (resource.tags()?.gap()?, resource.arn_and_id()?);
            let target = Target {
                arn: Cow::Borrowed(arn),
                name: id,
                shape: find_shape(cx, resource),
                tags: Cow::Owned(enabled_tag(cx)),
                bare: false,
            };
            Some((target, gap))
        });
        unread.collect()
    }

    /// Returns the selections that select a resource.
    #[must_use]
    pub fn chosen(&self, target: &Target<'_>) -> Chosen<'a> {
        let mut chosen = Chosen {
            by: Vec::new(),
            open: self.gap.clone(),
        };
        for plan in &self.plans {
            if let Some(gap) = &plan.selections.gap {
                chosen.open.get_or_insert_with(|| gap.clone());
            }
            for selection in &plan.selections.items {
                match self.takes(selection, target) {
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
                        chosen.open.get_or_insert_with(depends);
                    }
                }
            }
        }
        chosen
    }

    fn takes(&self, selection: &BackupSelection, target: &Target<'_>) -> Truth {
        let named = |patterns: &[String]| {
            let of_target = |pattern: &String| {
                let named = match_glob_shape(pattern, &target.arn);
                let shape = target.shape.as_deref();
                named.or(shape.map_or(Truth::False, |shape| match_parts(pattern, shape)))
            };
            Truth::any(patterns.iter().map(of_target))
        };
        let tagged = selection.tags.iter().map(|tag| {
            let other = if target.bare {
                Truth::False
            } else {
                Truth::Unknown
            };
            self.tag(target, &tag.key)
                .map_or(other, |value| (value == Some(&tag.value)).into())
        });
        let starts = if selection.resources.is_empty() && selection.tags.is_empty() {
            Truth::True
        } else {
            named(&selection.resources).or(Truth::any(tagged))
        };
        let conditions = selection.conditions.iter().map(|condition| {
            self.tag(target, tag_key(&condition.key))
                .map_or(Truth::Unknown, |value| holds(condition, value).into())
        });
        starts
            .and(Truth::all(conditions))
            .and(!named(&selection.not_resources))
    }

    /// Returns the value of a tag; `None` if the snapshot does not keep tags with that key.
    fn tag<'t>(&self, target: &'t Target<'_>, key: &str) -> Option<Option<&'t String>> {
        let value = target.tags.get(key);
        let is_kept = self.selected_tags.is_some_and(|keys| keys.contains(key))
            || (key != "Name" && is_kept(key, self.tag_key));
        let is_read = key == self.tag_key || (!target.bare && is_kept);
        (value.is_some() || is_read).then_some(value)
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
        }
    }

    fn find_in_use(&self, cx: &RuleContext<'a>) -> SelectionsInUse {
        let mut by: Vec<Choice<'a>> = Vec::new();
        let mut open = None;
        let targets = self.enabled(cx);
        for target in targets.iter().chain(&self.probes(cx)) {
            let chosen = self.chosen(target);
            for choice in chosen.by {
                let known = |it: &Choice<'_>| std::ptr::eq(it.selection, choice.selection);
                if !by.iter().any(known) {
                    by.push(choice);
                }
            }
            open = open.or(chosen.open);
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

/// Returns a resource as plans see it; none where AWS Backup does not select its kind, or its tags were not
/// read.
#[must_use]
pub fn target<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Option<Target<'a>> {
    if !resource.kind().has_backups() {
        return None;
    }
    let (arn, id) = resource.arn_and_id()?;
    let (_, tags) = cx.tags_of(resource).ok()?;
    Some(Target {
        arn: Cow::Borrowed(arn),
        name: id,
        shape: find_shape(cx, resource),
        tags: Cow::Borrowed(tags),
        // An older snapshot has only the backup tag of what was found by it.
        bare: matches!(resource, Resource::Tagged(_)) && cx.snapshot.selected_tags.is_none(),
    })
}

/// Returns a resource as plans would see it if it were tagged `enabled`; none where AWS Backup does not select
/// its kind.
#[must_use]
pub fn as_if_tagged<'a>(cx: &RuleContext<'_>, resource: Resource<'a>) -> Option<Target<'a>> {
    let (arn, id) = resource.arn_and_id()?;
    let known = resource.tags()?.known();
    let mut tags = enabled_tag(cx);
    for (key, value) in known.into_iter().flatten() {
        if !tags.contains_key(key) {
            tags.insert(key.clone(), value.clone());
        }
    }
    resource.kind().has_backups().then(|| Target {
        arn: Cow::Borrowed(arn),
        name: id,
        shape: find_shape(cx, resource),
        tags: Cow::Owned(tags),
        bare: known.is_none(),
    })
}

/// Returns a resource of which only the ARN is known, and that it is tagged `enabled`.
#[must_use]
pub fn tagged<'a>(cx: &RuleContext<'_>, arn: &'a str) -> Target<'a> {
    Target {
        arn: Cow::Borrowed(arn),
        name: arn,
        shape: None,
        tags: Cow::Owned(enabled_tag(cx)),
        bare: true,
    }
}

/// Whether a pattern covers an ARN of which only the shape is known: part by part where the pattern has all parts,
/// as no unknown part has a colon.
fn match_parts(pattern: &str, shape: &str) -> Truth {
    let split = |text| str::splitn(text, 6, ':').collect::<Vec<_>>();
    let (patterns, parts) = (split(pattern), split(shape));
    if patterns.len() != parts.len() {
        return match_glob_shape(pattern, shape);
    }
    let each = patterns.into_iter().zip(parts);
    // In a template, an account that is not known is empty.
    let is_own = |pattern: &str, part: &str| pattern.is_empty() && part == ANY;
    Truth::all(each.map(|(pattern, part)| match is_own(pattern, part) {
        true => Truth::True,
        false => match_glob_shape(pattern, part),
    }))
}

/// Returns the shape of the ARN of a resource that does not exist yet.
fn find_shape(cx: &RuleContext<'_>, resource: Resource<'_>) -> Option<String> {
    let (arn, _) = resource.arn_and_id()?;
    if Arn::parse(arn).is_some() {
        return None;
    }
    let region = cx.known_region().unwrap_or(ANY);
    let account = cx.snapshot.account_id.as_deref().unwrap_or(ANY);
    Some(type_of(resource)?.arn_shape(partition(region), region, account))
}

fn enabled_tag(cx: &RuleContext<'_>) -> Tags {
    Tags::from([(cx.settings.tag_key.clone(), ENABLED.to_owned())])
}

/// Returns the longest time between two backups of a resource, in hours: of several schedules the shortest,
/// as each makes a backup. None where it is not known.
#[must_use]
pub fn interval_hours<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Option<u32> {
    let protection = in_region(cx, cx.known_region().ok()?).ok()?;
    let chosen = protection.chosen(&target(cx, resource)?);
    let rules = protection.rules(&chosen.by);
    match chosen.open.or(rules.gap) {
        Some(_) => None,
        None => shortest(cx, &rules.items),
    }
}

/// Returns the shortest interval of backup rules, in hours; none where one of them is not known.
#[must_use]
pub fn shortest(cx: &RuleContext<'_>, rules: &[&BackupRule]) -> Option<u32> {
    let hours: Option<Vec<u32>> = rules.iter().map(|rule| cx.interval_hours(rule)).collect();
    hours?.into_iter().min()
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
    let gap = rules.gap.clone();
    if let (true, Some(gap)) = (rules.items.is_empty(), gap.or(chosen.open)) {
        return Err(gap);
    }
    let mut vaults: VaultsInUse<'a> = Vec::new();
    for rule in rules.items {
        match vaults.iter_mut().find(|(name, _)| *name == rule.vault) {
            Some((_, filling)) => filling.push(rule),
            None => vaults.push((&rule.vault, vec![rule])),
        }
    }
    Ok((vaults, rules.gap))
}

/// Returns the vaults that the region's plans use for resources tagged `enabled`. Empty where the plans are
/// known and use no vault.
///
/// # Errors
/// Why not all of them are known.
pub fn local_vaults<'a>(cx: &RuleContext<'a>) -> Result<VaultsInUse<'a>, Gap> {
    match find_vaults(cx)? {
        (vaults, None) => Ok(vaults),
        (_, Some(gap)) => Err(gap),
    }
}

/// Whether the region's plans use a vault for resources tagged `enabled`.
#[must_use]
pub fn is_local(cx: &RuleContext<'_>, vault: &Vault) -> bool {
    local_vaults(cx).is_ok_and(|named| named.iter().any(|(name, _)| *name == vault.id))
}

/// Returns the account that owns a vault.
#[must_use]
pub fn account_of(vault_arn: &str) -> &str {
    Arn::parse(vault_arn).map_or("", |arn| arn.account)
}

fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

// A negated condition holds for a resource without the tag, as in IAM.
fn holds(condition: &TagCondition, value: Option<&String>) -> bool {
    match (condition.operator, value) {
        (TagOperator::Equals, value) => value == Some(&condition.value),
        (TagOperator::NotEquals, value) => value != Some(&condition.value),
        (TagOperator::Like, value) => value.is_some_and(|value| like(&condition.value, value)),
        (TagOperator::NotLike, value) => !value.is_some_and(|value| like(&condition.value, value)),
    }
}

/// Whether a value matches a pattern, in which `*` matches any characters except blanks.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>.
fn like(form: &str, value: &str) -> bool {
    if form.contains('*') && value.contains(char::is_whitespace) {
        return false;
    }
    let mut pattern = Pattern::new(LONGEST);
    let read = form.chars().try_for_each(|c| {
        pattern.push(match c {
            '*' => Token::Any,
            c => Token::Char(c),
        })
    });
    read.is_some() && covers(&pattern.finish(), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backup_plan::TagMatch;

    fn protection(region: &'static str) -> Protection<'static> {
        Protection {
            authority: Authority::Plans,
            plans: Vec::new(),
            of_policy: 0,
            gap: None,
            invalid: None,
            account: "111122223333",
            region,
            tag_key: "backup",
            selected_tags: None,
        }
    }

    fn takes(selection: &BackupSelection, arn: &str, tags: &[(&str, &str)]) -> Truth {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let target = Target {
            arn: arn.into(),
            name: "it",
            shape: None,
            tags: Cow::Owned(tags.collect()),
            bare: false,
        };
        protection("eu-west-1").takes(selection, &target)
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|it| (*it).to_owned()).collect()
    }

    fn by_tag(key: &str, value: &str) -> Vec<TagMatch> {
        vec![TagMatch {
            key: key.to_owned(),
            value: value.to_owned(),
        }]
    }

    fn only(operator: TagOperator, key: &str, value: &str) -> TagCondition {
        TagCondition {
            operator,
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    const VOLUME: &str = "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1";
    const ANY_VOLUME: &str = "arn:aws:ec2:eu-west-1:111122223333:volume/*";
    const DATABASE: &str = "arn:aws:rds:eu-west-1:111122223333:db:web";
    const ENABLED: &[(&str, &str)] = &[("backup", "enabled")];

    // Resources or tags, and all conditions, and nothing that is left out.
    #[test]
    fn a_selection_takes_what_the_documentation_says() {
        let volumes = texts(&["arn:aws:ec2:*:*:volume/*"]);
        let tags = by_tag("backup", "enabled");
        let not_custom = only(TagOperator::NotEquals, "backup", "custom");
        let cases = [
            (
                "nothing named is everything",
                BackupSelection::default(),
                [Truth::True; 3],
            ),
            (
                "a tag",
                BackupSelection {
                    tags: tags.clone(),
                    ..BackupSelection::default()
                },
                [Truth::True, Truth::False, Truth::True],
            ),
            (
                "a type or a tag",
                BackupSelection {
                    resources: volumes.clone(),
                    tags: tags.clone(),
                    ..BackupSelection::default()
                },
                [Truth::True, Truth::True, Truth::True],
            ),
            (
                "a type, and a condition",
                BackupSelection {
                    resources: volumes.clone(),
                    conditions: vec![only(TagOperator::Equals, "backup", "enabled")],
                    ..BackupSelection::default()
                },
                [Truth::True, Truth::False, Truth::False],
            ),
            (
                "a tag but not a type",
                BackupSelection {
                    tags: tags.clone(),
                    not_resources: volumes.clone(),
                    ..BackupSelection::default()
                },
                [Truth::False, Truth::False, Truth::True],
            ),
            (
                "without the tag a negated condition holds",
                BackupSelection {
                    conditions: vec![not_custom],
                    ..BackupSelection::default()
                },
                [Truth::True; 3],
            ),
            (
                "another tag is not known",
                BackupSelection {
                    tags: tags.clone(),
                    conditions: vec![only(TagOperator::Equals, "stage", "prod")],
                    ..BackupSelection::default()
                },
                [Truth::Unknown, Truth::False, Truth::Unknown],
            ),
            (
                "keys and values are compared letter by letter",
                BackupSelection {
                    tags: by_tag("Backup", "enabled"),
                    ..BackupSelection::default()
                },
                [Truth::False; 3],
            ),
        ];
        for (name, selection, want) in cases {
            let got = [
                takes(&selection, VOLUME, ENABLED),
                takes(&selection, VOLUME, &[]),
                takes(&selection, DATABASE, ENABLED),
            ];
            assert_eq!(got, want, "{name}");
        }
    }

    // Where only the backup tag was asked for, nothing follows from a tag that is absent.
    #[test]
    fn other_tags_of_what_was_found_by_its_tag_are_not_known() {
        let hourly = "aws-control-tower-backuphourly";
        let by_hour = BackupSelection {
            tags: by_tag(hourly, "true"),
            ..BackupSelection::default()
        };
        let not_by_hour = BackupSelection {
            tags: by_tag("backup", "enabled"),
            conditions: vec![only(TagOperator::NotEquals, hourly, "true")],
            ..BackupSelection::default()
        };
        let target = |bare| Target {
            arn: VOLUME.into(),
            name: "it",
            shape: None,
            tags: Cow::Owned(Tags::from([("backup".to_owned(), "enabled".to_owned())])),
            bare,
        };
        let here = protection("eu-west-1");
        assert_eq!(here.takes(&by_hour, &target(false)), Truth::False);
        assert_eq!(here.takes(&by_hour, &target(true)), Truth::False);
        assert_eq!(here.takes(&not_by_hour, &target(false)), Truth::True);
        assert_eq!(here.takes(&not_by_hour, &target(true)), Truth::Unknown);
    }

    #[test]
    fn a_volume_that_does_not_exist_yet_has_the_shape_of_its_type() {
        let planned = Target {
            arn: "plan.json#aws_ebs_volume.data".into(),
            name: "data",
            shape: Some(ANY_VOLUME.to_owned()),
            tags: Cow::Owned(Tags::new()),
            bare: false,
        };
        let here = protection("eu-west-1");
        for (pattern, want) in [
            ("arn:aws:ec2:*:*:volume/*", Truth::True),
            ("plan.json#aws_ebs_volume.data", Truth::True),
            ("arn:aws:ec2:*:*:instance/*", Truth::False),
            (VOLUME, Truth::Unknown),
        ] {
            let by_pattern = BackupSelection {
                resources: texts(&[pattern]),
                ..BackupSelection::default()
            };
            assert_eq!(here.takes(&by_pattern, &planned), want, "{pattern}");
        }
    }

    #[test]
    fn one_volume_is_not_every_volume() {
        let one = BackupSelection {
            resources: texts(&[VOLUME]),
            ..BackupSelection::default()
        };
        assert_eq!(takes(&one, VOLUME, &[]), Truth::True);
        assert_eq!(takes(&one, ANY_VOLUME, &[]), Truth::Unknown);
        assert_eq!(takes(&one, DATABASE, &[]), Truth::False);
        let service = BackupSelection {
            resources: texts(&["arn:aws:ec2:*"]),
            ..BackupSelection::default()
        };
        assert_eq!(takes(&service, ANY_VOLUME, &[]), Truth::True);
    }

    #[test]
    fn a_star_stands_for_no_blank() {
        for (form, value, want) in [
            ("*", "enabled", true),
            ("*", "", true),
            ("en*", "enabled", true),
            ("*able*", "enabled", true),
            ("en*", "is enabled", false),
            ("*", "a b", false),
            ("a b", "a b", true),
            ("enable?", "enabled", false),
        ] {
            assert_eq!(like(form, value), want, "{form} {value}");
        }
    }
}
