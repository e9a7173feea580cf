//! The IAM roles with which AWS Backup makes the backups of a region.

use std::collections::BTreeSet;

use crate::model::Observed;

use super::backup_plans::{Authority, in_region, is_failure};
use super::context::RuleContext;
use super::outcome::{CheckResult, Outcome, Verdict};
use super::role_name::{BackupRoles, RoleName};

/// Checks each role that makes backups of what is tagged `enabled` in the region, else the company's.
///
/// Of several roles the worst outcome counts: each makes backups. Where it is not known which of them
/// are used, their outcomes must agree. A selection that was not read may have any role, so it must pass for all.
///
/// # Errors
/// Why it is not known which role it is.
pub fn check_each_role(
    cx: &RuleContext<'_>,
    check: impl Fn(&RoleName) -> CheckResult,
) -> CheckResult {
    let roles = cx.backup_roles(find_backup_roles);
    let unread = roles
        .unread
        .iter()
        .map(|gap| match check(&RoleName::any()) {
            Ok(outcome) if outcome.verdict == Verdict::Pass => Ok(outcome),
            _ => Err(gap.clone()),
        });
    let outcomes: Vec<Outcome> = roles
        .names
        .iter()
        .map(&check)
        .chain(unread)
        .map(Outcome::from)
        .collect();
    let verdict = outcomes.first().map(|outcome| outcome.verdict);
    let agree = outcomes.iter().all(|it| Some(it.verdict) == verdict);
    match &roles.open {
        Some(gap) if !agree => Err(gap.clone()),
        _ => Ok(Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("no role"))),
    }
}

/// Returns the roles of the selections in use in the region, else the company's.
fn find_backup_roles(cx: &RuleContext<'_>) -> BackupRoles {
    let unplaced = cx.known_region().err();
    let regions: Vec<&str> = match cx.known_region() {
        Ok(region) => vec![region],
        Err(_) => cx.snapshot.regions.keys().map(String::as_str).collect(),
    };
    let mut in_use = BTreeSet::new();
    let mut possible = BTreeSet::new();
    let mut open = unplaced.clone();
    let mut unread = None;
    for region in regions {
        let protection = match in_region(cx, region) {
            Ok(protection) => protection,
            Err(gap) => {
                unread = unread.or(Some(gap).filter(is_failure));
                continue;
            }
        };
        let chosen = protection.in_use(cx);
        in_use.extend(protection.roles(&chosen.by));
        unread = unread.or_else(|| protection.unread_selections());
        // A policy that was not read may name any role.
        if let (true, Some(gap), Authority::Policy | Authority::Both | Authority::Plans) =
            (chosen.by.is_empty(), chosen.open, &protection.authority)
        {
            possible.extend(protection.roles(&protection.all_choices()));
            open.get_or_insert(gap);
        }
    }
    let (arns, open) = match (in_use.is_empty(), &unplaced) {
        (true, _) => (possible, open),
        (false, None) => (in_use, None),
        (false, Some(_)) => (&in_use | &possible, open),
    };
    let names: BTreeSet<RoleName> = arns
        .iter()
        .filter_map(|it| RoleName::from_arn(it))
        .collect();
    if names.is_empty() {
        // Its path decides too.
        let role = cx.snapshot.backup_roles.get(company_name(cx));
        let unread_role = role
            .and_then(Observed::gap)
            .filter(|gap| gap.is_failed_call());
        let unread = unread.or(unread_role.cloned());
        return BackupRoles {
            names: BTreeSet::from([company_role(cx)]),
            open: unread.clone(),
            unread,
        };
    }
    BackupRoles {
        names,
        open,
        unread,
    }
}

/// Returns the name of the company's role, without its path.
fn company_name<'a>(cx: &RuleContext<'a>) -> &'a str {
    let given = &cx.settings.backup_role;
    given.rsplit('/').next().unwrap_or(given)
}

fn company_role(cx: &RuleContext<'_>) -> RoleName {
    let given = &cx.settings.backup_role;
    let read = cx.snapshot.backup_roles.get(company_name(cx));
    let role = read.and_then(Observed::known).and_then(Option::as_ref);
    role.and_then(|role| RoleName::from_arn(&role.arn))
        .unwrap_or_else(|| RoleName {
            name: given.clone(),
            has_path: false,
        })
}
