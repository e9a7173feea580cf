use std::collections::BTreeSet;

use crate::analysis::backup_plans;
use crate::analysis::backup_plans::{Authority, Chosen, Protection, Target, account_of};
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::model::Gap;
use crate::model::backup_plan::BackupSelection;
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// What backs the account up selects the tag `backup=enabled` in the region, and copies to the
    /// central account.
    ///
    /// That is the organization's backup policy as it holds for the account. Where it cannot be read,
    /// or there is none, the account's backup plans are judged; a policy shows among them too. The
    /// policy, not the guide, truly says which tag, regions, role, vault and copy target count.
    ///
    /// ## Fix
    ///
    /// Ask the platform team: only they can change the policy.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>
    RULE = Rule {
        id: "backup-policy-effective",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The backup policy covers the region and copies to the central account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Region(check),
    }
}

/// How many resources a message names.
const MOST_NAMES: usize = 5;

fn check(cx: &RuleContext<'_>, _: &Region) -> CheckResult {
    let protection = backup_plans::in_region(cx, cx.region)?;
    let enabled = protection.enabled(cx);
    let outcome = if enabled.is_empty() {
        without_resources(cx, &protection)?
    } else {
        with_resources(cx, &protection, &enabled)?
    };
    if let (Verdict::Pass, Some(gap)) = (outcome.verdict, unread(cx, &protection)) {
        return Err(gap);
    }
    let authority = protection.authority.as_str();
    Ok(outcome
        .about(format!("{authority} in {}", cx.region))
        .with("authority", authority))
}

/// Judges the resources that are tagged `enabled` and so want a backup.
fn with_resources<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    enabled: &[Target<'a>],
) -> CheckResult {
    let judged: Vec<(&str, Chosen<'a>)> = enabled
        .iter()
        .map(|target| (target.name, protection.chosen(target)))
        .collect();
    let missed: Vec<&str> = judged
        .iter()
        .filter(|(_, chosen)| chosen.by.is_empty() && chosen.open.is_none())
        .map(|(name, _)| *name)
        .collect();
    if !missed.is_empty() {
        return Ok(not_selected(cx, protection, &missed));
    }
    let unsure = judged.iter().find(|(_, chosen)| chosen.by.is_empty());
    if let Some((
        _,
        Chosen {
            open: Some(gap), ..
        },
    )) = unsure
    {
        return Err(gap.clone());
    }
    // Every resource wants a copy of its own; the first one without speaks for all.
    let mut passed = None;
    let mut open = None;
    let mut seen = BTreeSet::new();
    for (_, chosen) in &judged {
        if !seen.insert(sameness(chosen)) {
            continue;
        }
        match copied(cx, protection, chosen) {
            Ok(Ok(outcome)) => passed = passed.or(Some(outcome)),
            Ok(Err(breach)) => return Ok(breach),
            Err(gap) => open = open.or(Some(gap)),
        }
    }
    match (open, passed) {
        (Some(gap), _) => Err(gap),
        (None, passed) => Ok(passed.unwrap_or_else(|| Outcome::skip("nothing is tagged"))),
    }
}

/// What resources have in common that meet the same: the plans that take them, and whether others may.
fn sameness(chosen: &Chosen<'_>) -> (Vec<*const BackupSelection>, bool) {
    let selections = chosen.by.iter().map(|it| std::ptr::from_ref(it.selection));
    (selections.collect(), chosen.open.is_some())
}

/// Why a resource whose tags were not read may be tagged and lack what it would want.
fn unread<'a>(cx: &RuleContext<'a>, protection: &Protection<'a>) -> Option<Gap> {
    let mut seen = BTreeSet::new();
    for (target, gap) in protection.unread(cx) {
        let chosen = protection.chosen(&target);
        if !seen.insert(sameness(&chosen)) {
            continue;
        }
        let is_copied = matches!(copied(cx, protection, &chosen), Ok(Ok(_)));
        if chosen.by.is_empty() || !is_copied {
            return Some(gap.clone());
        }
    }
    None
}

/// Judges what a resource of any type would meet.
fn without_resources<'a>(cx: &RuleContext<'a>, protection: &Protection<'a>) -> CheckResult {
    let chosen = protection.in_use(cx);
    if chosen.by.is_empty() {
        return match chosen.open {
            Some(gap) => Err(gap),
            None => Ok(not_selected(cx, protection, &[])),
        };
    }
    Ok(copied(cx, protection, &chosen)?.unwrap_or_else(|breach| breach))
}

/// The pass where a copy goes to the central account, else the breach.
fn copied<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    chosen: &Chosen<'a>,
) -> Result<Result<Outcome, Outcome>, Gap> {
    let central = &cx.settings.central_account;
    let rules = protection.rules(&chosen.by)?;
    let targets = protection.copy_targets(&rules);
    let to_central = targets.iter().any(|arn| account_of(arn) == central);
    if let (false, Some(gap)) = (to_central, &chosen.open) {
        return Err(gap.clone());
    }
    let plans: BTreeSet<&str> = chosen.by.iter().map(|it| it.plan.name.as_str()).collect();
    let vaults: BTreeSet<&str> = rules.iter().map(|rule| rule.vault.as_str()).collect();
    let hours = backup_plans::shortest(cx, &rules);
    let (authority, key) = (&protection.authority, &cx.settings.tag_key);
    let (words, selects) = (authority.words(), authority.either("selects", "select"));
    let why = authority.why();
    let outcome = if to_central {
        let often = hours.map_or(String::new(), |hours| format!(", every {hours} h"));
        Ok(Outcome::pass(format!(
            "{words} {selects} {key}=enabled in {} (plan {}), {} up to {}{often} and {} to {}{why}",
            cx.region,
            join(&plans),
            authority.either("backs", "back"),
            join(&vaults),
            authority.either("copies", "copy"),
            targets.iter().cloned().collect::<Vec<_>>().join(", ")
        )))
    } else {
        let others: BTreeSet<&str> = targets.iter().map(|arn| account_of(arn)).collect();
        let seen = if others.is_empty() {
            authority.either("makes no copy", "make no copy").to_owned()
        } else {
            format!(
                "{} to {}, not to the central account {central}",
                authority.either("copies", "copy"),
                join(&others)
            )
        };
        Err(Outcome::breach(format!(
            "{words} {selects} {key}=enabled in {} (plan {}) and {seen}{why}",
            cx.region,
            join(&plans)
        ))
        .fix(format!(
            "Ask {} to add a copy to a vault of {central} to the plan, or set central_account if the copies are to go elsewhere.",
            cx.settings.contact
        )))
    };
    let told = |outcome: Outcome| {
        outcome
            .with("plans", plans.iter().copied().collect::<Vec<_>>())
            .with("vaults", vaults.iter().copied().collect::<Vec<_>>())
            .with("copy_targets", targets.iter().cloned().collect::<Vec<_>>())
            .with(
                "roles",
                protection.roles(&chosen.by).into_iter().collect::<Vec<_>>(),
            )
            .with("interval_hours", hours)
    };
    Ok(outcome.map(told).map_err(told))
}

fn not_selected(cx: &RuleContext<'_>, protection: &Protection<'_>, missed: &[&str]) -> Outcome {
    let (region, key) = (cx.region, &cx.settings.tag_key);
    let what = match missed.len() {
        0 => format!("{key}=enabled"),
        number => {
            let more = number.saturating_sub(MOST_NAMES);
            let names = missed.iter().take(MOST_NAMES).copied();
            let mut names = names.collect::<Vec<_>>().join(", ");
            if more > 0 {
                names.push_str(&format!(" and {more} more"));
            }
            format!("what is tagged {key}=enabled ({names})")
        }
    };
    let authority = &protection.authority;
    let besides = if protection.plans.is_empty() {
        elsewhere(cx, protection)
    } else {
        let selections = protection
            .plans
            .iter()
            .flat_map(|plan| &plan.selections.items);
        let tags: BTreeSet<String> = selections
            .flat_map(|it| &it.tags)
            .map(|tag| format!("{}={}", tag.key, tag.value))
            .collect();
        if tags.is_empty() {
            String::new()
        } else {
            format!(
                "; by tag {} {}",
                authority.either("it selects", "they select"),
                tags.into_iter().collect::<Vec<_>>().join(", ")
            )
        }
    };
    Outcome::breach(format!(
        "{} {} not select {what} in {region}{besides}{}",
        authority.words(),
        authority.either("does", "do"),
        authority.why()
    ))
    .fix(format!(
        "Ask {} whether {region} is meant to be backed up.",
        cx.settings.contact
    ))
    .with("resources", missed.to_vec())
}

fn elsewhere(cx: &RuleContext<'_>, protection: &Protection<'_>) -> String {
    let policy = cx.snapshot.backup_policy.known().and_then(Option::as_ref);
    let regions: BTreeSet<&str> = policy
        .into_iter()
        .flat_map(|policy| &policy.plans)
        .flat_map(|plan| plan.regions.iter().map(String::as_str))
        .collect();
    match protection.authority {
        Authority::Policy if !regions.is_empty() => {
            format!("; its plans run in {}", join(&regions))
        }
        Authority::Policy => "; it has no plan".to_owned(),
        Authority::Plans | Authority::PlansInstead(_) => "; there is no plan there".to_owned(),
    }
}

fn join(list: &BTreeSet<&str>) -> String {
    list.iter().copied().collect::<Vec<_>>().join(", ")
}
