//! Backup plans that AWS Backup rejects: those of a file, or of a policy, that will never exist. A plan with a rule that
//! is not accepted is rejected with all its rules.
//!
//! Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupRuleInput.html>,
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery-retention-period.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>. Checked 2026-12-01.

use crate::model::backup_plan::{
    BackupPlan, BackupRule, ColdStorage, SHORTEST_START_WINDOW_MINUTES,
};
use crate::model::{Gap, Observed};
use crate::text::plural_days;

use super::schedule::is_malformed;

/// The longest retention, in days.
const LONGEST_RETENTION_DAYS: u32 = 36_500;

/// The longest retention of a rule that makes continuous backups, in days.
const LONGEST_CONTINUOUS_DAYS: u32 = 35;

/// The days that a backup stays in cold storage at least.
const COLD_STORAGE_DAYS: u32 = 90;

/// Why AWS Backup rejects a plan.
#[derive(Debug)]
pub(super) struct Rejection<'a> {
    /// The rule that it does not accept.
    pub rule: &'a BackupRule,
    /// Why, as a clause about the rule: `its start window ...`.
    pub reason: String,
}

/// Returns why AWS Backup rejects a plan.
pub(super) fn find_rejection(plan: &BackupPlan) -> Option<Rejection<'_>> {
    plan.rules.items.iter().find_map(|rule| {
        let reason = describe_rejection(rule, plan.id.is_none())?;
        Some(Rejection { rule, reason })
    })
}

/// Returns why it is not known whether AWS Backup accepts the rules of a plan.
pub(super) fn find_unread_limits(plan: &BackupPlan) -> impl Iterator<Item = &Gap> {
    plan.rules.items.iter().flat_map(|rule| {
        let copies = rule.copies.iter().map(|copy| copy.cold_storage.gap());
        let own = [
            rule.start_window_minutes.gap(),
            rule.continuous.gap(),
            rule.cold_storage.gap(),
        ];
        own.into_iter().chain(copies).flatten()
    })
}

/// Returns why AWS Backup does not accept a rule. Of a plan that exists, it accepted the schedule, the start window
/// and continuous backups, whatever the documentation says.
fn describe_rejection(rule: &BackupRule, is_new: bool) -> Option<String> {
    let schedule = rule.schedule.as_deref().filter(|_| is_new);
    if let Some(schedule) = schedule.filter(|it| is_malformed(it)) {
        return Some(format!(
            "its schedule {schedule:?} is not a cron expression of six fields with ? in either the day of the month or the day of the week"
        ));
    }
    let window = rule.start_window_minutes.known().copied().flatten();
    let window = window.filter(|it| is_new && *it < SHORTEST_START_WINDOW_MINUTES);
    if let Some(minutes) = window {
        return Some(format!(
            "its start window of {minutes} min is shorter than {SHORTEST_START_WINDOW_MINUTES} min"
        ));
    }
    if is_new && rule.continuous == Observed::Known(true) {
        let is_too_long = |days: u32| days > LONGEST_CONTINUOUS_DAYS;
        if rule.retention_days.is_none_or(is_too_long) {
            return Some(format!(
                "it makes continuous backups, which are kept for at most {LONGEST_CONTINUOUS_DAYS} days"
            ));
        }
        if matches!(rule.cold_storage, Observed::Known(Some(_))) {
            return Some(
                "it makes continuous backups, which cannot move to cold storage".to_owned(),
            );
        }
    }
    let own = (rule.retention_days, &rule.cold_storage);
    let copies = rule.copies.iter();
    let of_copies = copies.map(|copy| (copy.retention_days, &copy.cold_storage));
    let mut lifecycles = std::iter::once(own).chain(of_copies);
    lifecycles.find_map(|(days, cold)| describe_bad_lifecycle(days, cold))
}

fn describe_bad_lifecycle(
    retention_days: Option<u32>,
    cold_storage: &Observed<Option<ColdStorage>>,
) -> Option<String> {
    let days = retention_days?;
    if !(1..=LONGEST_RETENTION_DAYS).contains(&days) {
        return Some(format!(
            "it keeps backups or copies for {}, and 1 to {LONGEST_RETENTION_DAYS} are possible",
            plural_days(days)
        ));
    }
    let moved = cold_storage.known().copied().flatten()?;
    (days < moved.after_days.saturating_add(COLD_STORAGE_DAYS)).then(|| {
        format!(
            "it deletes backups less than {COLD_STORAGE_DAYS} days after they move to cold storage"
        )
    })
}
