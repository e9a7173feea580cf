//! How many recovery points the plans in effect keep of a resource, and where.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::analysis::RuleContext;
use crate::analysis::backup_plans::{Choice, Protection, account_of};
use crate::analysis::backup_target::Target;
use crate::analysis::backup_types::subject_of_arn;
use crate::analysis::central_copies::find_central_copies;
use crate::analysis::rule_runs::{Subject, Survival, find_runs};
use crate::analysis::schedule::{Minute, Runs};
use crate::model::Observed;
use crate::model::arn::Arn;
use crate::model::backup_plan::{BackupPlan, BackupRule, ColdStorage, CopyAction};
use crate::model::observed::Gap;

use super::billing::{ColdTier, Payer, SHORTEST_COLD_DAYS};

/// The days of a month, for what grows or is transferred each month.
const MONTH_DAYS: u32 = 30;
const MINUTES_PER_DAY: i64 = 24 * 60;
/// By how many minutes a day can be shorter, where clocks change.
const CLOCK_CHANGE: i64 = 60;

/// The recovery points that a rule keeps of each resource in one vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    /// Who pays for them.
    pub payer: Payer,
    /// The region of the vault.
    pub region: String,
    /// Whether they are copies of other points.
    pub is_copy: bool,
    /// Whether the vault is logically air-gapped: AWS Backup then bills everything itself.
    pub is_air_gapped: bool,
    /// How many days a point is kept; none for ever.
    pub retention_days: Option<u32>,
    /// When they move to cold storage; none where they do not, or where that is not known.
    pub cold: Option<ColdStorage>,
    /// How many are kept at the same time; those of one month where they are kept for ever.
    pub kept: u64,
    /// How many are made in a month.
    pub per_month: u64,
    runs: Arc<Runs>,
}

impl Points {
    /// Returns how many of the points that are kept at the same time are not older than some days. None of those
    /// that are kept for ever: they grow older.
    #[must_use]
    pub fn younger_than(&self, days: u32) -> u64 {
        match (self.retention_days, days) {
            (None, _) | (_, 0) => 0,
            (Some(kept), days) => count_points(&self.runs, days.min(kept)).min(self.kept),
        }
    }

    /// Returns how many points are billed at the same time in warm and in cold storage. A point that is deleted early
    /// is billed for the shortest time in cold storage.
    #[must_use]
    pub fn count_by_tier(&self, tier: Option<&ColdTier>) -> (u64, u64) {
        let moves = |cold: &ColdStorage| {
            tier.is_some_and(|tier| cold.archives || !tier.is_archive)
                && self
                    .retention_days
                    .is_none_or(|kept| kept > cold.after_days)
        };
        let Some(cold) = self.cold.filter(moves) else {
            return (self.kept, 0);
        };
        let warm = count_points(&self.runs, cold.after_days).min(self.kept);
        let all = match self.retention_days {
            None => self.kept,
            Some(days) => {
                let least = cold.after_days.saturating_add(SHORTEST_COLD_DAYS);
                count_points(&self.runs, days.max(least))
            }
        };
        (warm, all - warm)
    }
}

/// What the plans in effect keep of a resource.
#[derive(Debug, Default, Clone)]
pub struct Schedule {
    /// The points, by rule and vault.
    pub points: Vec<Points>,
    /// Why there may be others.
    pub open: Option<Gap>,
    /// Accounts other than this one and the central one that get copies.
    pub other_accounts: BTreeSet<String>,
    /// Whether a rule makes continuous backups.
    pub is_continuous: bool,
    /// Whether it could not be read when backups move to cold storage: they count as warm ones.
    pub is_cold_unread: bool,
}

/// Returns what the plans of a region keep of a resource.
#[must_use]
pub fn plan_points<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    target: &Target<'_>,
) -> Schedule {
    let chosen = protection.chosen(target);
    let subject = subject_of_arn(&target.arn);
    let mut schedule = Schedule {
        open: chosen.open.or(protection.rules(&chosen.by).gap),
        ..Schedule::default()
    };
    for plan in protection.plans_of(&chosen.by) {
        for rule in &plan.rules.items {
            add_local_points(cx, protection, (plan, rule, subject), &mut schedule);
        }
    }
    add_central_points(cx, protection, &chosen.by, subject, &mut schedule);
    schedule
}

/// Adds the points that a rule keeps in this account, with its copies to other regions.
fn add_local_points<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    (plan, rule, subject): (&'a BackupPlan, &'a BackupRule, Subject),
    schedule: &mut Schedule,
) {
    let runs = match find_runs(cx, plan, rule, subject, |_| false) {
        Ok(Survival::Runs { runs, .. }) => runs,
        Ok(Survival::Displaced(_)) => return,
        // The rule may run less often than its schedule says.
        Err(_) => cx.runs(rule).ok(),
    };
    let Some(runs) = runs else {
        let gap = cx.runs(rule).err().unwrap_or_else(Gap::not_collected);
        schedule.open.get_or_insert(gap);
        return;
    };
    let of_copies = rule.copies.iter().map(|it| &it.cold_storage);
    let mut lifecycles = of_copies.chain([&rule.cold_storage]);
    schedule.is_cold_unread |= lifecycles.any(|it| it.gap().is_some() && !it.is_not_collected());
    schedule.is_continuous |= rule.continuous == Observed::Known(true);
    schedule.points.push(Points {
        is_air_gapped: is_air_gapped(cx, &rule.vault),
        cold: rule.cold_storage.known().copied().flatten(),
        ..new_points(Payer::Member, cx.region, rule.retention_days, &runs)
    });
    let own_account = cx.snapshot.account_id.as_deref();
    for copy in &rule.copies {
        let vault_arn = protection.expand(&copy.vault_arn);
        let account = account_of(&vault_arn);
        if account == cx.settings.central_account {
            continue;
        }
        if Some(account) != own_account {
            schedule.other_accounts.insert(account.to_owned());
            continue;
        }
        let retention = copy.retention_days.or(rule.retention_days);
        schedule.points.push(Points {
            is_copy: true,
            cold: cold_storage_of(rule, Some(copy)),
            ..new_points(Payer::Member, region_of(&vault_arn), retention, &runs)
        });
    }
}

/// Adds the copies that the central account keeps.
fn add_central_points<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    by: &[Choice<'a>],
    subject: Subject,
    schedule: &mut Schedule,
) {
    let copies = find_central_copies(cx, protection, by, subject);
    schedule.open = schedule.open.take().or(copies.open);
    for made in copies.made {
        let mut actions = made.rule.copies.iter();
        let action = actions.find(|it| protection.expand(&it.vault_arn) == made.vault_arn);
        // A copy without a retention expires with the backup.
        let own = action.and_then(|it| it.retention_days);
        let retention = own.or(made.rule.retention_days);
        let Some(runs) = made.runs else {
            schedule.open.get_or_insert_with(Gap::not_collected);
            continue;
        };
        schedule.points.push(Points {
            is_copy: true,
            cold: cold_storage_of(made.rule, action),
            ..new_points(Payer::Central, region_of(&made.vault_arn), retention, &runs)
        });
    }
}

/// Returns when a copy moves to cold storage. One without a lifecycle follows the backup.
fn cold_storage_of(rule: &BackupRule, copy: Option<&CopyAction>) -> Option<ColdStorage> {
    let of_rule = rule.cold_storage.known().copied().flatten();
    match copy {
        Some(copy) => match copy.cold_storage.known().copied().flatten() {
            None if copy.retention_days.is_none() => of_rule,
            own => own,
        },
        None => of_rule,
    }
}

fn new_points(payer: Payer, region: &str, retention_days: Option<u32>, runs: &Arc<Runs>) -> Points {
    let per_month = count_points(runs, MONTH_DAYS);
    Points {
        payer,
        region: region.to_owned(),
        is_copy: false,
        is_air_gapped: false,
        retention_days,
        cold: None,
        kept: retention_days.map_or(per_month, |days| count_points(runs, days)),
        per_month,
        runs: Arc::clone(runs),
    }
}

fn region_of(vault_arn: &str) -> &str {
    Arn::parse(vault_arn).map_or("", |arn| arn.region)
}

fn is_air_gapped(cx: &RuleContext<'_>, vault: &str) -> bool {
    let vaults = cx.seen().map(|region| region.vaults.items.as_slice());
    let mut vaults = vaults.unwrap_or_default().iter();
    vaults.any(|it| it.id == vault && it.is_air_gapped())
}

/// Returns the largest number of points that exist at the same time if each is kept for some days; at least one.
///
/// A day that a change of clocks makes shorter does not add a point.
#[must_use]
pub fn count_points(runs: &Runs, days: u32) -> u64 {
    let kept = i64::from(days) * MINUTES_PER_DAY;
    let count = match (&runs.starts, runs.interval_hours) {
        (Some(starts), _) => count_starts(starts, kept),
        (None, Some(hours)) => kept.div_euclid(i64::from(hours.max(1)) * 60),
        (None, None) => 1,
    };
    u64::try_from(count).unwrap_or(1).max(1)
}

/// Returns the largest number of starts within some minutes.
fn count_starts(starts: &[Minute], kept: Minute) -> i64 {
    let length = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let [first, .., last] = starts else {
        return 1;
    };
    let gaps = starts.windows(2).map(|pair| pair[1] - pair[0]);
    let shortest = gaps.min().unwrap_or(1).max(1);
    let listed = last - first;
    if kept > listed {
        // The list is shorter than the retention: the rest has as many starts for its length.
        let runs = length(starts.len() - 1);
        return (kept.saturating_mul(runs) + listed - 1) / listed;
    }
    let kept = kept - CLOCK_CHANGE.min(shortest / 2);
    let mut end = 0;
    let counts = starts.iter().enumerate().map(|(at, start)| {
        while end < starts.len() && starts[end] < start + kept {
            end += 1;
        }
        length(end - at)
    });
    counts.max().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::schedule::list_runs;

    fn count(expression: &str, timezone: &str, days: u32) -> u64 {
        let now = "2026-03-04T00:00:00Z".parse().unwrap();
        count_points(&list_runs(expression, Some(timezone), now).unwrap(), days)
    }

    // The clocks of Berlin change on March 29, 2026: that day has 23 hours.
    #[test]
    fn points_are_those_that_exist_at_the_same_time() {
        for (expression, timezone, days, want) in [
            ("cron(0 5 ? * * *)", "UTC", 1, 1),
            ("cron(0 5 ? * * *)", "UTC", 7, 7),
            ("cron(0 5 ? * * *)", "UTC", 30, 30),
            ("cron(0 5 ? * * *)", "Europe/Berlin", 30, 30),
            ("cron(0 5 ? * * *)", "UTC", 3650, 3650),
            ("cron(0 0/1 ? * * *)", "UTC", 1, 24),
            ("cron(0 0/1 ? * * *)", "Europe/Berlin", 1, 24),
            ("cron(0 0,12 ? * * *)", "UTC", 7, 14),
            // Five Sundays within 30 days at most, and one within a day.
            ("cron(0 5 ? * SUN *)", "UTC", 30, 5),
            ("cron(0 5 ? * SUN *)", "UTC", 1, 1),
            ("cron(0 5 ? * MON-FRI *)", "UTC", 7, 5),
            ("cron(0 5 1 * ? *)", "UTC", 365, 12),
            ("rate(12 hours)", "UTC", 7, 14),
        ] {
            assert_eq!(
                count(expression, timezone, days),
                want,
                "{expression} {timezone} {days}"
            );
        }
    }

    #[test]
    fn more_days_never_keep_fewer_points() {
        for expression in [
            "cron(0 5 ? * * *)",
            "cron(0 0/7 ? * * *)",
            "cron(0 5 ? * MON,THU *)",
            "cron(0 5 L * ? *)",
            "cron(0 5 29 2 ? *)",
        ] {
            let mut before = 0;
            for days in 1..1000 {
                let points = count(expression, "Europe/Berlin", days);
                assert!(points >= before, "{expression} {days}");
                before = points;
            }
        }
    }
}
