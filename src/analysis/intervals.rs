//! How much time may pass between two backups of a resource.

use crate::model::backup_plan::{BackupPlan, BackupRule};
use crate::model::observed::Gap;

use super::RuleContext;
use super::backup_plans::{Chosen, Protection};
use super::rule_runs::{Subject, days_kept, find_unread_window, list_rivals, list_starts_together};
use super::schedule::longest_gap_hours;

/// The interval where no plan is known, in hours: that of AWS Backup's default schedule.
const DEFAULT_HOURS: u32 = 24;

/// The shortest interval that AWS Backup accepts, in hours: it rejects a schedule with "The interval between backup jobs
/// shouldn't be less than 60 minutes."
///
/// Source: <https://repost.aws/questions/QUwYlivOoWTHi1nSuSGjTVFg/error-scheduling-backup-every-ten-minutes-in-aws-backup>.
const SHORTEST_HOURS: u32 = 1;

/// The longest time between two backups or copies. Where not everything was read, it is only known to be within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The shortest that it may be, in hours.
    pub shortest: u32,
    /// The longest that it may be, in hours; [`u32::MAX`] for any time.
    pub longest: u32,
    /// Why it is not known exactly, if it is not.
    pub gap: Option<Gap>,
}

impl Default for Interval {
    fn default() -> Self {
        Interval::exact(DEFAULT_HOURS)
    }
}

impl Interval {
    /// Creates an interval that is known.
    #[must_use]
    pub fn exact(hours: u32) -> Self {
        Interval {
            shortest: hours,
            longest: hours,
            gap: None,
        }
    }

    /// Returns the interval of several schedules: that of the shortest, as each makes a backup. `gap` is why there may
    /// be more schedules. None where there are none.
    #[must_use]
    pub fn shortest_of(
        intervals: impl IntoIterator<Item = Interval>,
        gap: Option<Gap>,
    ) -> Option<Self> {
        let unread = gap.map(|gap| Interval {
            shortest: SHORTEST_HOURS,
            longest: u32::MAX,
            gap: Some(gap),
        });
        let all = intervals.into_iter().chain(unread);
        all.reduce(|one, other| Interval {
            shortest: one.shortest.min(other.shortest),
            longest: one.longest.min(other.longest),
            gap: one.gap.or(other.gap),
        })
    }
}

/// Returns the interval of the backups of what selections select. The default where no backup is scheduled twice.
#[must_use]
pub fn find_interval<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    chosen: &Chosen<'a>,
    subject: Subject,
) -> Interval {
    let plans = protection.plans_of(&chosen.by);
    let unclear = chosen.unclear.clone();
    let gap = unclear.or_else(|| protection.unread_selections());
    find_interval_of_plans(cx, &plans, subject, gap).unwrap_or_default()
}

/// Returns the interval of the backups of plans. `gap` is why there may be more plans. None where no backup is scheduled
/// twice.
#[must_use]
pub fn find_interval_of_plans(
    cx: &RuleContext<'_>,
    plans: &[&BackupPlan],
    subject: Subject,
    mut gap: Option<Gap>,
) -> Option<Interval> {
    let mut known = Vec::new();
    for plan in plans {
        match find_interval_of_plan(cx, plan, subject) {
            Ok(interval) => known.extend(interval),
            Err(unread) => gap = gap.or(Some(unread)),
        }
    }
    Interval::shortest_of(known, gap)
}

/// Returns the interval of the backups of a plan: that of the rule that runs most often, or longer where others run
/// instead.
fn find_interval_of_plan(
    cx: &RuleContext<'_>,
    plan: &BackupPlan,
    subject: Subject,
) -> Result<Option<Interval>, Gap> {
    let mut running = Vec::new();
    for rule in plan.rules.all_items()? {
        let runs = cx.runs(rule)?;
        if !runs.has_ended {
            let rivals = list_rivals(plan, rule, subject);
            let longer = rivals.filter(|it| days_kept(it) > days_kept(rule));
            running.push((rule, runs, longer.collect::<Vec<&BackupRule>>()));
        }
    }
    let intervals = running.iter().filter_map(|it| it.1.interval_hours);
    let Some(shortest) = intervals.min() else {
        return Ok(None);
    };
    // No other rule runs instead of those that are kept longest.
    let undisplaced = running.iter().filter(|(_, _, longer)| longer.is_empty());
    let longest = undisplaced.filter_map(|it| it.1.interval_hours).min();
    if running.iter().all(|(_, _, longer)| longer.is_empty()) {
        return Ok(Some(Interval::exact(shortest)));
    }
    let together = match find_unread_window(plan, subject) {
        Some(gap) => Err(gap),
        None => list_starts_together(cx, &running),
    };
    Ok(Some(match together {
        Ok(starts) => {
            Interval::exact(longest_gap_hours(&starts).map_or(shortest, |it| it.max(shortest)))
        }
        // It is not known when they run instead.
        Err(gap) => Interval {
            shortest,
            longest: longest.unwrap_or(u32::MAX),
            gap: Some(gap),
        },
    }))
}
