//! The runs of a backup rule that the other rules of its plan leave to it. Where start windows of rules of a plan
//! overlap, AWS Backup makes only the backup that is kept longest.
//!
//! Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#overlapping-backup-rules>.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::Observed;
use crate::model::backup_plan::{
    BackupPlan, BackupRule, DEFAULT_START_WINDOW_MINUTES, SHORTEST_START_WINDOW_MINUTES,
};
use crate::model::observed::{Gap, GapKind};

use super::RuleContext;
use super::schedule::{Minute, Runs, longest_gap_hours};

/// The minutes without a run, of a rule that runs more often, after which the rule pauses: AWS Backup lists no job that
/// is older than 30 days.
const PAUSE: Minute = 31 * 1440;

/// What a plan backs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A type that has continuous backups, which are not scheduled, or one that is not known.
    Continuous,
    /// A type that has none: a rule for continuous backups makes snapshots of it.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html#point-in-time-recovery-considerations>.
    Snapshots,
}

/// The runs of a rule that the other rules of its plan leave.
#[derive(Debug)]
pub enum Survival<'a> {
    /// Some runs.
    Runs {
        /// These; none where the schedule cannot be parsed.
        runs: Option<Arc<Runs>>,
        /// The part of the year without a backup, if there is one.
        pause: Option<Pause<'a>>,
        /// Why another rule may make the backup in some of the runs.
        doubt: Option<Gap>,
    },
    /// None, because of this rule.
    Displaced(&'a BackupRule),
}

/// A part of the year in which a rule makes no backup.
#[derive(Debug, Clone)]
pub struct Pause<'a> {
    /// The rule that makes it instead.
    pub by: &'a BackupRule,
    /// When it is: `from 2026-03-29 to 2026-10-24`, or only one of both.
    pub when: String,
}

/// Returns the runs in which a rule makes a backup, or one of the rules that are `left_out` makes it instead.
///
/// # Errors
/// It is not known which rule makes the backup.
pub fn find_runs<'a>(
    cx: &RuleContext<'a>,
    plan: &'a BackupPlan,
    rule: &'a BackupRule,
    subject: Subject,
    left_out: impl Fn(&BackupRule) -> bool,
) -> Result<Survival<'a>, Gap> {
    let rivals = list_rivals(plan, rule, subject);
    let is_unread = |it: &BackupRule| subject == Subject::Continuous && is_unread(&it.continuous);
    let (longer, equal): (Vec<&BackupRule>, Vec<&BackupRule>) = rivals
        .filter(|other| !left_out(other))
        .partition(|other| days_kept(other) > days_kept(rule) && !is_unread(other));
    let rivals: Vec<&BackupRule> = longer.iter().chain(&equal).copied().collect();
    let Some(longest) = rivals.iter().max_by_key(|other| days_kept(other)) else {
        return Ok(Survival::Runs {
            runs: cx.runs(rule).ok(),
            pause: None,
            doubt: None,
        });
    };
    let runs = cx.runs(rule)?;
    let left = remove_overlaps(cx, rule, &runs, &longer, SHORTEST_START_WINDOW_MINUTES)?;
    if left.kept.is_empty() {
        return Ok(Survival::Displaced(left.by.unwrap_or(longest)));
    }
    // Where a window was not read it may be longer, and AWS does not say which of two rules with the same
    // retention makes the backup.
    let certain = remove_overlaps(cx, rule, &runs, &rivals, DEFAULT_START_WINDOW_MINUTES)?;
    let doubt = |often: &str| {
        let message = format!(
            "whether rule {} of plan {}, which copies to the central account, {often} runs is unknown: rule {} may start in the same window and keeps its backups as long or longer",
            rule.name,
            plan.name,
            certain.by.unwrap_or(longest).name
        );
        Gap::new(GapKind::Open, message)
    };
    if certain.kept.is_empty() {
        return Err(doubt("ever"));
    }
    let doubt = (certain.kept.len() < left.kept.len()).then(|| doubt("always"));
    let pause = find_pause(cx, rule, &runs, &left, &longer)?;
    if let (None, Some(gap)) = (&pause, &doubt)
        && find_pause(cx, rule, &runs, &certain, &rivals)?.is_some()
    {
        return Err(gap.clone());
    }
    let interval_hours = match pause {
        Some(_) => runs.interval_hours,
        None => longest_gap_hours(&left.kept).or(runs.interval_hours),
    };
    let runs = Runs {
        interval_hours,
        starts: Some(left.kept),
        has_ended: runs.has_ended,
        listed: runs.listed,
    };
    Ok(Survival::Runs {
        runs: Some(Arc::new(runs)),
        pause,
        doubt,
    })
}

/// Returns the starts of the runs of several rules that make backups, in their order. Each rule has its runs, and the rules
/// that make the backup instead where they overlap.
///
/// # Errors
/// It is not known when the rules run.
pub(super) fn list_starts_together(
    cx: &RuleContext<'_>,
    running: &[(&BackupRule, Arc<Runs>, Vec<&BackupRule>)],
) -> Result<Vec<Minute>, Gap> {
    let mut starts: Vec<Minute> = Vec::new();
    let mut listed = (Minute::MIN, Minute::MAX);
    for (rule, runs, longer) in running {
        let left = remove_overlaps(cx, rule, runs, longer, DEFAULT_START_WINDOW_MINUTES)?;
        starts.extend(left.kept);
        listed = (listed.0.max(runs.listed.0), listed.1.min(runs.listed.1));
    }
    starts.retain(|start| (listed.0..=listed.1).contains(start));
    starts.sort_unstable();
    Ok(starts)
}

/// Returns why it is not known which rules of a plan start in the same window and are scheduled.
pub(super) fn find_unread_window(plan: &BackupPlan, subject: Subject) -> Option<Gap> {
    let unread = plan.rules.items.iter().find_map(|rule| {
        let window = rule.start_window_minutes.gap();
        let continuous = rule.continuous.gap();
        let continuous = continuous.filter(|_| subject == Subject::Continuous);
        let is_unread = |gap: &&Gap| gap.kind != GapKind::NotCollected;
        window.filter(is_unread).or(continuous.filter(is_unread))
    });
    unread.cloned()
}

/// Returns how many days a rule keeps its backups, for comparisons.
pub(super) fn days_kept(rule: &BackupRule) -> u32 {
    rule.retention_days.unwrap_or(u32::MAX)
}

/// Returns the rules of a plan that are scheduled and keep their backups as long as a rule or longer.
pub(super) fn list_rivals<'p>(
    plan: &'p BackupPlan,
    rule: &'p BackupRule,
    subject: Subject,
) -> impl Iterator<Item = &'p BackupRule> {
    let is_continuous = move |it: &BackupRule| {
        subject == Subject::Continuous && it.continuous == Observed::Known(true)
    };
    plan.rules.items.iter().filter(move |other| {
        !std::ptr::eq(*other, rule) && days_kept(other) >= days_kept(rule) && !is_continuous(other)
    })
}

/// The runs of a rule for which its rivals are known.
struct Left<'r> {
    /// All of them.
    all: Vec<Minute>,
    /// Those that overlap with no run of a rival.
    kept: Vec<Minute>,
    /// The first rival with a run that overlaps.
    by: Option<&'r BackupRule>,
}

/// Finds the runs that do not overlap with a run of a rival. Start windows that were not read have `assumed` minutes.
fn remove_overlaps<'r>(
    cx: &RuleContext<'_>,
    rule: &BackupRule,
    runs: &Runs,
    rivals: &[&'r BackupRule],
    assumed: u32,
) -> Result<Left<'r>, Gap> {
    let window = |rule: &BackupRule| {
        Minute::from(match rule.start_window_minutes {
            Observed::Known(minutes) => minutes.unwrap_or(DEFAULT_START_WINDOW_MINUTES),
            Observed::Unknown(_) => assumed,
        })
    };
    let own = window(rule);
    let starts = list_starts(rule, runs)?;
    let mut left = Left {
        all: starts.to_vec(),
        kept: starts.to_vec(),
        by: None,
    };
    for rival in rivals {
        let theirs = cx.runs(rival)?;
        let (from, to) = theirs.listed;
        let lasts = window(rival);
        let theirs = list_starts(rival, &theirs)?.to_vec();
        // Runs that are not listed may overlap with those at the ends of the list.
        let is_listed = |start: &Minute| *start - lasts >= from && *start + own <= to;
        if left.all.iter().any(is_listed) {
            left.all.retain(is_listed);
            left.kept.retain(is_listed);
        }
        let count = left.kept.len();
        left.kept.retain(|start| {
            // The first of their windows that is not over when this one starts.
            let next = theirs.partition_point(|it| it + lasts <= *start);
            theirs.get(next).is_none_or(|it| *it >= start + own)
        });
        if left.kept.len() < count {
            left.by.get_or_insert(rival);
        }
    }
    Ok(left)
}

/// Returns the longest time in which a rule makes no backup although it is scheduled: start windows in two time zones
/// may overlap for half of the year.
fn find_pause<'r>(
    cx: &RuleContext<'_>,
    rule: &BackupRule,
    runs: &Runs,
    left: &Left<'_>,
    rivals: &[&'r BackupRule],
) -> Result<Option<Pause<'r>>, Gap> {
    let Some((first, last)) = left.all.first().zip(left.all.last()) else {
        return Ok(None);
    };
    let own = runs
        .interval_hours
        .map_or(0, |hours| Minute::from(hours) * 60);
    let ends = [first - 1].into_iter().chain(left.kept.iter().copied());
    let ends: Vec<Minute> = ends.chain([last + 1]).collect();
    let longest = ends.windows(2).max_by_key(|pair| pair[1] - pair[0]);
    let Some([before, after]) = longest else {
        return Ok(None);
    };
    if after - before <= PAUSE.max(2 * own) {
        return Ok(None);
    }
    let missed = || left.all.iter().filter(|it| *it > before && *it < after);
    let Some((from, to)) = missed().next().zip(missed().next_back()) else {
        return Ok(None);
    };
    let one = Runs {
        starts: Some(vec![*from]),
        ..runs.clone()
    };
    let by = remove_overlaps(cx, rule, &one, rivals, SHORTEST_START_WINDOW_MINUTES)?.by;
    let (from_day, to_day) = (format_day(*from), format_day(*to));
    let when = match (before >= first, after <= last) {
        (true, true) => format!("from {from_day} to {to_day}"),
        (true, false) => format!("from {from_day}"),
        _ => format!("until {to_day}"),
    };
    Ok(by.map(|by| Pause { by, when }))
}

fn format_day(minute: Minute) -> String {
    let time = Timestamp::from_second(minute * 60).unwrap_or_default();
    time.strftime("%F").to_string()
}

/// Whether reading a fact failed. An older snapshot does not have the facts of rules; then none of a plan has
/// them, and the default counts for all.
fn is_unread<T>(fact: &Observed<T>) -> bool {
    fact.gap()
        .is_some_and(|gap| gap.kind != GapKind::NotCollected)
}

fn list_starts<'r>(rule: &BackupRule, runs: &'r Runs) -> Result<&'r [Minute], Gap> {
    if is_unread(&rule.timezone) {
        rule.timezone.get()?;
    }
    runs.starts.as_deref().ok_or_else(|| {
        let schedule = rule.schedule.as_deref().unwrap_or_default();
        let message = format!(
            "when backup rule {} runs is unknown: {schedule:?} does not say when it starts",
            rule.name
        );
        Gap::new(GapKind::Open, message)
    })
}
