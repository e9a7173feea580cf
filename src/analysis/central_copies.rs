//! The copies to the central account that backup plans make: by which rules, in which runs, and how long
//! they are kept.

use std::sync::Arc;

use crate::model::arn::{Arn, partition_of};
use crate::model::backup::EFS_VAULT;
use crate::model::backup_plan::{BackupPlan, BackupRule, CopyAction};
use crate::model::observed::Gap;
use crate::model::snapshot::UNKNOWN_REGION;
use crate::text::plural_days;

use super::RuleContext;
use super::backup_plans::{Choice, Chosen, Protection, account_of, is_failure};
use super::intervals::Interval;
use super::rejected_plans::{find_rejection, find_unread_limits};
use super::rule_runs::{Pause, Subject, Survival, find_runs};
use super::schedule::{Minute, Runs};

/// A copy action that copies to the central account.
#[derive(Debug)]
pub struct CentralCopy<'a> {
    /// The plan.
    pub plan: &'a BackupPlan,
    /// Its rule.
    pub rule: &'a BackupRule,
    /// The ARN of the vault, with variables expanded.
    pub vault_arn: String,
    /// Why the copy does not outlive the local backup, if it does not.
    pub flaw: Option<String>,
    /// The runs that copy; none where the schedule cannot be parsed.
    pub runs: Option<Arc<Runs>>,
    /// Why it is not made in a part of the year.
    pub pause: Option<Prevented>,
    /// Why it may not be made in some of the runs.
    doubt: Option<Gap>,
    /// Why it may not be made at all.
    pub open: Option<&'a Gap>,
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
    /// Returns the longest time between two copies: of several rules the shortest, as each copies. None where no copy is
    /// known.
    #[must_use]
    pub fn interval(&self, cx: &RuleContext<'_>) -> Option<Interval> {
        let hours = self
            .certain()
            .filter_map(|it| it.runs.as_ref()?.interval_hours);
        let unparsed = self.made.iter().filter(|it| it.runs.is_none());
        let unparsed = || unparsed.filter_map(|it| cx.runs(it.rule).err()).next();
        let doubt = || self.made.iter().find_map(|it| it.doubt.clone());
        let gap = self.open.clone().or_else(unparsed).or_else(doubt);
        Interval::shortest_of(hours.map(Interval::exact), gap)
    }

    /// Whether a rule that copies ran between two times. It is assumed where no schedule says when.
    ///
    /// # Errors
    /// The call that failed without which it is not known.
    pub fn has_run_between(&self, from: Minute, to: Minute) -> Result<bool, Gap> {
        let timezone = |it: &CentralCopy<'_>| {
            it.rule
                .timezone
                .gap()
                .filter(|gap| is_failure(gap))
                .cloned()
        };
        let starts = |it: &CentralCopy<'_>| it.runs.as_ref()?.starts.clone();
        let is_between = |start: &Minute| (from..=to).contains(start);
        let placed = self.certain().filter(|it| timezone(it).is_none());
        if placed
            .filter_map(starts)
            .flatten()
            .any(|it| is_between(&it))
        {
            return Ok(true);
        }
        let unread = || self.made.iter().find_map(timezone);
        let doubt = || self.made.iter().find_map(|it| it.doubt.clone());
        if let Some(gap) = self.open.clone().or_else(unread).or_else(doubt) {
            return Err(gap);
        }
        let listed: Option<Vec<Vec<Minute>>> = self.made.iter().map(starts).collect();
        let listed = listed.unwrap_or_default().concat();
        Ok(listed.is_empty() || listed.iter().any(is_between))
    }

    /// Returns the copies that are made in all their runs, whatever was not read: a rule that was not read may run instead of
    /// others of its plan.
    fn certain(&self) -> impl Iterator<Item = &CentralCopy<'_>> {
        let made = self.made.iter();
        made.filter(|it| it.plan.rules.gap.is_none() && it.doubt.is_none())
    }
}

/// Returns the copies of the plans of some selections to the central account, of what they select.
#[must_use]
pub fn find_central_copies<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    by: &[Choice<'a>],
    subject: Subject,
) -> CentralCopies<'a> {
    let mut copies = CentralCopies::default();
    for plan in protection.plans_of(by) {
        for rule in &plan.rules.items {
            for action in &rule.copies {
                let source = (plan, rule, subject);
                add_copy(cx, protection, source, action, &mut copies);
            }
        }
    }
    copies.open = copies.open.or(protection.rules(by).gap);
    copies
}

/// Returns the copies to the central account of what selections select, and why there may be more.
#[must_use]
pub fn find_copies<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    chosen: &Chosen<'a>,
    subject: Subject,
) -> CentralCopies<'a> {
    let mut copies = find_central_copies(cx, protection, &chosen.by, subject);
    let unclear = || chosen.unclear.clone();
    let open = copies.open.or_else(unclear);
    copies.open = open.or_else(|| protection.unread_selections());
    copies
}

fn add_copy<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    (plan, rule, subject): (&'a BackupPlan, &'a BackupRule, Subject),
    action: &'a CopyAction,
    copies: &mut CentralCopies<'a>,
) {
    let vault_arn = protection.expand(&action.vault_arn);
    if !is_central(cx, &vault_arn) {
        return;
    }
    if let Some(prevented) = find_obstacle(cx, protection.region, plan, rule, &vault_arn) {
        copies.prevented.push(prevented);
        return;
    }
    let open = find_unread_limits(plan).find(|gap| is_failure(gap));
    // A rule that was not read may run instead.
    let rival = plan.rules.gap.as_ref().filter(|gap| gap.is_failed_call());
    let open = open.or(rival);
    let flaw = describe_flaw(rule, action);
    let copies_too = |other: &BackupRule, is_as_good: &dyn Fn(&CopyAction) -> bool| {
        let arn = |it: &CopyAction| protection.expand(&it.vault_arn);
        let arrives = |it: &CopyAction| {
            is_central(cx, &arn(it)) && find_refusal(protection.region, &arn(it)).is_none()
        };
        other.copies.iter().any(|it| arrives(it) && is_as_good(it))
    };
    // Of two rules with the same retention either may run: the copy is made if both copy as well as this one.
    let is_equal = |other: &BackupRule| {
        other.retention_days == rule.retention_days
            && copies_too(other, &|it| {
                flaw.is_some() || describe_flaw(other, it).is_none()
            })
    };
    match find_runs(cx, plan, rule, subject, is_equal) {
        Ok(Survival::Runs {
            runs: left,
            pause,
            doubt,
        }) => {
            // In the other runs another rule copies.
            let is_copying = |other: &BackupRule| copies_too(other, &|_| true);
            let (runs, pause, doubt) = match find_runs(cx, plan, rule, subject, is_copying) {
                Ok(Survival::Runs { runs, pause, doubt }) => (runs, pause, doubt),
                Ok(Survival::Displaced(_)) | Err(_) => (left, pause, doubt),
            };
            copies.made.push(CentralCopy {
                plan,
                rule,
                vault_arn,
                flaw,
                runs,
                pause: pause.map(|pause| describe_pause(plan, rule, &pause)),
                doubt,
                open,
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
            request: OTHER_RULE.to_owned(),
        }),
        Err(gap) => {
            copies.open.get_or_insert(gap);
        }
    }
}

/// Returns why a copy is not made in a part of the year.
fn describe_pause(plan: &BackupPlan, rule: &BackupRule, pause: &Pause<'_>) -> Prevented {
    Prevented {
        reason: format!(
            "rule {} makes no backup {}: rule {} of plan {} starts in the same window then and keeps its backups longer ({} instead of {})",
            rule.name,
            pause.when,
            pause.by.name,
            plan.name,
            describe_retention(pause.by.retention_days),
            describe_retention(rule.retention_days),
        ),
        request: OTHER_RULE.to_owned(),
    }
}

/// What the contact is asked for where a copy does not outlive the local backup.
pub const LONGER_RETENTION: &str = "to give the copy action a lifecycle with a longer retention";

/// What to ask for where another rule of the plan runs instead of the one that copies.
const OTHER_RULE: &str =
    "to copy in a rule that no rule of the plan with a longer retention overlaps";

/// Returns why AWS Backup never makes a copy to the central account, whatever the other rules of the plan.
fn find_obstacle(
    cx: &RuleContext<'_>,
    region: &str,
    plan: &BackupPlan,
    rule: &BackupRule,
    vault_arn: &str,
) -> Option<Prevented> {
    let name = &rule.name;
    let prevented = |reason, request: String| Some(Prevented { reason, request });
    if let Some((refusal, request)) = find_refusal(region, vault_arn) {
        return prevented(
            format!("rule {name} copies to {vault_arn}, but AWS Backup does not copy to {refusal}"),
            request.to_owned(),
        );
    }
    if let Some(rejection) = find_rejection(plan) {
        let (plan, faulty) = (&plan.name, &rejection.rule.name);
        return prevented(
            format!(
                "AWS Backup rejects plan {plan} because of rule {faulty}: {}",
                rejection.reason
            ),
            format!("to correct rule {faulty} of plan {plan}"),
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

fn is_central(cx: &RuleContext<'_>, vault_arn: &str) -> bool {
    account_of(vault_arn) == cx.settings.central_account
}

/// Returns to what AWS Backup does not copy from a region if a vault of another account is that, and what to ask for.
/// A policy may write ARNs in lower case.
///
/// Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html#security-considerations-cab>,
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html#working-with-efs>,
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html#features-by-region>. Checked 2026-12-01.
fn find_refusal(region: &str, vault_arn: &str) -> Option<(&'static str, &'static str)> {
    let arn = Arn::parse(vault_arn)?;
    let name = arn.resource.strip_prefix("backup-vault:")?;
    if name.eq_ignore_ascii_case("Default") {
        return Some((
            "the default vault of another account",
            "to copy to another vault than Default",
        ));
    }
    if name == EFS_VAULT {
        return Some((
            "the vault that is reserved for the automatic backups of Amazon EFS",
            "to copy to another vault than that of EFS",
        ));
    }
    let is_outside = region != UNKNOWN_REGION && arn.partition != partition_of(region);
    is_outside.then_some((
        "another partition",
        "to copy to a vault of the partition that the account is in",
    ))
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
        Some(days) => plural_days(days),
        None => "an unlimited time".to_owned(),
    }
}
