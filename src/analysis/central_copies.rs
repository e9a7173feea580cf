//! The copies to the central account that backup plans make: by which rules, in which runs, and how long
//! they are kept.

use std::sync::Arc;

use crate::model::arn::Arn;
use crate::model::backup_plan::{
    BackupPlan, BackupRule, ColdStorage, CopyAction, DEFAULT_START_WINDOW_MINUTES,
    SHORTEST_START_WINDOW_MINUTES,
};
use crate::model::observed::{Gap, GapKind};
use crate::model::{Observed, Resource};
use crate::text::plural;

use super::RuleContext;
use super::backup_plans::{Choice, Protection, account_of, in_region};
use super::backup_target::target;
use super::schedule::{Minute, Runs, longest_gap_hours};

/// A copy action that copies to the central account.
#[derive(Debug)]
pub struct CentralCopy<'a> {
    /// The rule.
    pub rule: &'a BackupRule,
    /// The ARN of the vault, with variables expanded.
    pub vault_arn: String,
    /// Why the copy does not outlive the local backup, if it does not.
    pub flaw: Option<String>,
    /// The runs that copy; none where the schedule cannot be parsed.
    pub runs: Option<Arc<Runs>>,
}

/// Why a copy is never made.
#[derive(Debug)]
pub struct Prevented {
    /// The reason, as a fragment.
    pub reason: String,
    /// What to ask for: `to copy to another vault than Default`.
    pub request: String,
}

/// Returns the reasons as one fragment.
#[must_use]
pub fn join_reasons(prevented: &[Prevented]) -> String {
    let reasons: Vec<&str> = prevented.iter().map(|it| it.reason.as_str()).collect();
    reasons.join("; ")
}

/// The copies of some plans to the central account.
#[derive(Debug, Default)]
pub struct CentralCopies<'a> {
    /// Those that are made.
    pub made: Vec<CentralCopy<'a>>,
    /// Why others are never made.
    pub prevented: Vec<Prevented>,
    /// Why it is unknown whether others are made.
    pub open: Option<Gap>,
}

impl CentralCopies<'_> {
    /// Returns the longest time between two copies, in hours: of several rules the shortest, as each copies.
    /// None where it is not known.
    #[must_use]
    pub fn interval_hours(&self) -> Option<u32> {
        if self.open.is_some() {
            return None;
        }
        let hours = self.made.iter().map(|it| it.runs.as_ref()?.interval_hours);
        hours.collect::<Option<Vec<u32>>>()?.into_iter().min()
    }

    /// Returns the starts of the runs that copy; none where they are not known.
    #[must_use]
    pub fn starts(&self) -> Option<Vec<Minute>> {
        if self.open.is_some() {
            return None;
        }
        let listed = self.made.iter().map(|it| it.runs.as_ref()?.starts.as_ref());
        let listed: Vec<&Vec<Minute>> = listed.collect::<Option<_>>()?;
        Some(listed.into_iter().flatten().copied().collect())
    }
}

/// Returns the copies of the plans of some selections to the central account.
#[must_use]
pub fn find_central_copies<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    by: &[Choice<'a>],
) -> CentralCopies<'a> {
    let mut copies = CentralCopies::default();
    for plan in protection.plans_of(by) {
        for rule in &plan.rules.items {
            for action in &rule.copies {
                add_copy(cx, protection, plan, rule, action, &mut copies);
            }
        }
    }
    copies.open = copies.open.or(protection.rules(by).gap);
    copies
}

/// Returns the copies of a resource to the central account; `None` where its plans are not known.
#[must_use]
pub fn find_copies_of<'a>(
    cx: &RuleContext<'a>,
    resource: Resource<'a>,
) -> Option<CentralCopies<'a>> {
    let protection = in_region(cx, cx.known_region().ok()?).ok()?;
    let chosen = protection.chosen(&target(cx, resource)?);
    let mut copies = find_central_copies(cx, &protection, &chosen.by);
    copies.open = copies.open.or(chosen.open);
    Some(copies)
}

fn add_copy<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    plan: &'a BackupPlan,
    rule: &'a BackupRule,
    action: &CopyAction,
    copies: &mut CentralCopies<'a>,
) {
    let vault_arn = protection.expand(&action.vault_arn);
    if !is_central(cx, &vault_arn) {
        return;
    }
    if let Some(prevented) = find_obstacle(cx, rule, action, &vault_arn) {
        copies.prevented.push(prevented);
        return;
    }
    let flaw = describe_flaw(rule, action);
    let copies_too = |other: &BackupRule, is_as_good: &dyn Fn(&CopyAction) -> bool| {
        let arn = |it: &CopyAction| protection.expand(&it.vault_arn);
        let arrives = |it: &CopyAction| is_central(cx, &arn(it)) && !is_default_vault(&arn(it));
        other.copies.iter().any(|it| arrives(it) && is_as_good(it))
    };
    // Of two rules with the same retention either may run: the copy is made if both copy as well as this one.
    let is_equal = |other: &BackupRule| {
        other.retention_days == rule.retention_days
            && copies_too(other, &|it| {
                flaw.is_some() || describe_flaw(other, it).is_none()
            })
    };
    match find_runs(cx, plan, rule, is_equal) {
        Ok(Survival::Runs(left)) => {
            // In the other runs another rule copies.
            let runs = match find_runs(cx, plan, rule, |other| copies_too(other, &|_| true)) {
                Ok(Survival::Runs(runs)) => runs,
                Ok(Survival::Displaced(_)) | Err(_) => left,
            };
            copies.made.push(CentralCopy {
                rule,
                vault_arn,
                flaw,
                runs,
            });
        }
        Ok(Survival::Displaced(by)) => copies.prevented.push(Prevented {
            reason: format!(
                "rule {} copies to the central account, but never runs: rule {} of plan {} starts in the same window and keeps its backups longer ({} instead of {})",
                rule.name,
                by.name,
                plan.name,
                describe_retention(by.retention_days),
                describe_retention(rule.retention_days),
            ),
            request: "to copy in a rule that no rule of the plan with a longer retention overlaps".to_owned(),
        }),
        Err(gap) => {
            copies.open.get_or_insert(gap);
        }
    }
}

/// Returns why AWS Backup never makes a copy to the central account, whatever the other rules of the plan.
fn find_obstacle(
    cx: &RuleContext<'_>,
    rule: &BackupRule,
    action: &CopyAction,
    vault_arn: &str,
) -> Option<Prevented> {
    let name = &rule.name;
    let prevented = |reason, request: String| Some(Prevented { reason, request });
    if is_default_vault(vault_arn) {
        return prevented(
            format!(
                "rule {name} copies to {vault_arn}, but AWS Backup does not copy to the default vault of another account"
            ),
            "to copy to another vault than Default".to_owned(),
        );
    }
    if is_too_short(rule.retention_days, &rule.cold_storage)
        || is_too_short(action.retention_days, &action.cold_storage)
    {
        return prevented(
            format!(
                "rule {name} copies to the central account, but with a lifecycle that AWS Backup does not accept: it deletes backups less than {COLD_STORAGE_DAYS} days after they move to cold storage"
            ),
            format!("to keep backups for at least {COLD_STORAGE_DAYS} days in cold storage"),
        );
    }
    if cx.runs(rule).is_ok_and(|runs| runs.has_ended) {
        let schedule = rule.schedule.as_deref().unwrap_or_default();
        return prevented(
            format!(
                "rule {name} copies to the central account, but its schedule {schedule} has no more runs"
            ),
            "to give the rule that copies a schedule with more runs".to_owned(),
        );
    }
    None
}

/// The days that a backup stays in cold storage at least.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html>.
const COLD_STORAGE_DAYS: u32 = 90;

/// Whether a lifecycle deletes backups too soon after they move to cold storage.
fn is_too_short(retention_days: Option<u32>, cold_storage: &Observed<Option<ColdStorage>>) -> bool {
    let moved = cold_storage.known().copied().flatten();
    let least = moved.map(|it| it.after_days.saturating_add(COLD_STORAGE_DAYS));
    matches!((retention_days, least), (Some(days), Some(least)) if days < least)
}

fn is_central(cx: &RuleContext<'_>, vault_arn: &str) -> bool {
    account_of(vault_arn) == cx.settings.central_account
}

/// Whether a vault is the default one, to which AWS Backup does not copy across accounts. A policy may write
/// ARNs in lower case.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html#security-considerations-cab>.
fn is_default_vault(vault_arn: &str) -> bool {
    let name = Arn::parse(vault_arn).and_then(|arn| arn.resource.strip_prefix("backup-vault:"));
    name.is_some_and(|name| name.eq_ignore_ascii_case("Default"))
}

/// Returns why a copy does not outlive the local backup. Without its own lifecycle it expires with it.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>.
fn describe_flaw(rule: &BackupRule, action: &CopyAction) -> Option<String> {
    let name = &rule.name;
    let local = describe_retention(rule.retention_days);
    match (rule.retention_days, action.retention_days) {
        (None, None) => None,
        (Some(_), None) => Some(format!(
            "the copy of rule {name} has no lifecycle, so it expires with the local backup after {local}"
        )),
        (Some(kept), Some(copied)) if copied > kept => None,
        (_, copied) => Some(format!(
            "the copy of rule {name} is kept for {}, the local backup for {local}",
            describe_retention(copied)
        )),
    }
}

fn describe_retention(days: Option<u32>) -> String {
    match days {
        Some(days) => plural(usize::try_from(days).unwrap_or(usize::MAX), "day"),
        None => "an unlimited time".to_owned(),
    }
}

/// The runs of a rule that the other rules of its plan leave.
#[derive(Debug)]
pub enum Survival<'a> {
    /// These runs; none where the schedule cannot be parsed.
    Runs(Option<Arc<Runs>>),
    /// None, because of this rule.
    Displaced(&'a BackupRule),
}

/// Returns the runs in which a rule makes a backup, or one of the rules that are `left_out` makes it instead. Where start
/// windows of rules of a plan overlap, AWS Backup makes only the backup that is kept longest.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#overlapping-backup-rules>.
///
/// # Errors
/// It is not known which rule makes the backup.
pub fn find_runs<'a>(
    cx: &RuleContext<'a>,
    plan: &'a BackupPlan,
    rule: &'a BackupRule,
    left_out: impl Fn(&BackupRule) -> bool,
) -> Result<Survival<'a>, Gap> {
    // Continuous backups are not scheduled.
    let others = plan.rules.items.iter().filter(|other| {
        !std::ptr::eq(*other, rule) && !left_out(other) && other.continuous != Observed::Known(true)
    });
    let days = |rule: &BackupRule| rule.retention_days.unwrap_or(u32::MAX);
    let (longer, equal): (Vec<&BackupRule>, Vec<&BackupRule>) = others
        .filter(|other| days(other) >= days(rule))
        .partition(|other| days(other) > days(rule) && !is_unread(&other.continuous));
    let Some(longest) = longer.iter().chain(&equal).max_by_key(|other| days(other)) else {
        return Ok(Survival::Runs(cx.runs(rule).ok()));
    };
    let runs = cx.runs(rule)?;
    let starts = list_starts(rule, &runs)?;
    let kept = remove_overlaps(cx, rule, starts, &longer, SHORTEST_START_WINDOW_MINUTES)?;
    if kept.is_empty() {
        return Ok(Survival::Displaced(longest));
    }
    // Where a window was not read it may be longer, and AWS does not say which of two rules with the same
    // retention makes the backup.
    let rivals: Vec<&BackupRule> = longer.iter().chain(&equal).copied().collect();
    let certain = remove_overlaps(cx, rule, starts, &rivals, DEFAULT_START_WINDOW_MINUTES)?;
    if certain.is_empty() {
        let message = format!(
            "whether rule {} of plan {}, which copies to the central account, ever runs is unknown: rule {} may start in the same window and keeps its backups as long or longer",
            rule.name, plan.name, longest.name
        );
        return Err(Gap::new(GapKind::Open, message));
    }
    Ok(Survival::Runs(Some(Arc::new(Runs {
        interval_hours: longest_gap_hours(&kept).or(runs.interval_hours),
        starts: Some(kept),
        has_ended: runs.has_ended,
    }))))
}

/// Returns the starts that do not overlap with a run of a rival. Start windows that were not read have
/// `assumed` minutes.
fn remove_overlaps(
    cx: &RuleContext<'_>,
    rule: &BackupRule,
    starts: &[Minute],
    rivals: &[&BackupRule],
    assumed: u32,
) -> Result<Vec<Minute>, Gap> {
    let window = |rule: &BackupRule| {
        Minute::from(match rule.start_window_minutes {
            Observed::Known(minutes) => minutes.unwrap_or(DEFAULT_START_WINDOW_MINUTES),
            Observed::Unknown(_) => assumed,
        })
    };
    let own = window(rule);
    let mut kept = starts.to_vec();
    for rival in rivals {
        let runs = cx.runs(rival)?;
        let theirs = list_starts(rival, &runs)?;
        kept.retain(|start| {
            // The first of their windows that is not over when this one starts.
            let next = theirs.partition_point(|it| it + window(rival) <= *start);
            theirs.get(next).is_none_or(|it| *it >= start + own)
        });
    }
    Ok(kept)
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
