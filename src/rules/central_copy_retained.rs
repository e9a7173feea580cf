use std::collections::BTreeSet;

use crate::analysis::backup_plans::in_region;
use crate::analysis::central_copies::{
    CentralCopies, CentralCopy, LONGER_RETENTION, find_central_copies,
};
use crate::analysis::rule_runs::Subject;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::model::fact::Fact;
use crate::model::snapshot::Region;
use crate::model::{Gap, GapKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The copy in the central account is kept longer than the local backup. The copy action has its own
    /// lifecycle, with a longer retention than the lifecycle of its rule.
    ///
    /// A local backup that never expires needs no lifecycle for its copy. If only some of several copies
    /// are kept long enough, the result is a warning.
    ///
    /// ## Why it matters
    ///
    /// Without its own lifecycle, or with one that never expires, a copy gets the expiration date of
    /// the backup that it was copied from. Local backups are kept for a short time, often one day. The
    /// long-term copy then expires with them.
    ///
    /// ## Fix
    ///
    /// Ask the platform team. They set `DeleteAfterDays` (in a backup policy: `delete_after_days`) in the
    /// lifecycle of the copy action.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#copy-lifecycle>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>
    RULE = Rule {
        id: "central-copy-retained",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The central copy is kept longer than the local backup",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Region(check_region),
        reads: &[Fact::Plans],
    }
}

fn check_region(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let protection = in_region(cx, cx.region)?;
    let chosen = protection.in_use(cx);
    let copies = find_central_copies(cx, &protection, &chosen.by, Subject::Continuous);
    let outcome = check_copies(cx, &copies);
    let is_selection_open = |gap: &&Gap| gap.kind == GapKind::Open;
    let unread = chosen.open.as_ref().filter(|gap| !is_selection_open(gap));
    if let Some(gap) = copies.open.as_ref().or(unread) {
        let is_complete = |it: &CentralCopy<'_>| it.plan.rules.gap.is_none();
        let is_invalid = protection.is_of_invalid_plan(gap)
            && !copies.made.is_empty()
            && copies.made.iter().all(is_complete);
        // Behind the invalid plan, others may not have been read.
        let plans = protection.plans_of(&chosen.by).into_iter();
        let mut rules = plans.filter_map(|plan| plan.rules.gap.clone());
        let unread = rules.find(|gap| !protection.is_of_invalid_plan(gap));
        let unread = unread.or_else(|| protection.unread_selections());
        // The copies that a file declares are checked, although it does not list the plans that exist.
        let is_outside = gap.kind == GapKind::Unplanned && !copies.made.is_empty();
        return match outcome.verdict {
            _ if is_outside => Ok(outcome.noted(&gap.message)),
            Verdict::Pass | Verdict::Warn if is_invalid && unread.is_none() => {
                Ok(outcome.noted(&gap.message))
            }
            _ if protection.is_of_invalid_plan(gap) => Err(unread.unwrap_or_else(|| gap.clone())),
            _ => Err(gap.clone()),
        };
    }
    // A resource that was not listed, or of which not all tags are known, may be one that another selection
    // names.
    let unlisted = region.listing_gaps().into_iter();
    let unlisted = unlisted.chain(&cx.snapshot.buckets.gap).next();
    let unlisted = unlisted.filter(|gap| gap.kind != GapKind::NotAsked);
    if let Some(gap) = unlisted.or(chosen.open.as_ref()) {
        let all = find_central_copies(
            cx,
            &protection,
            &protection.all_choices(),
            Subject::Continuous,
        );
        if check_copies(cx, &all).verdict != outcome.verdict || all.open.is_some() {
            return Err(gap.clone());
        }
    }
    Ok(outcome)
}

fn check_copies(cx: &RuleContext<'_>, copies: &CentralCopies<'_>) -> Outcome {
    let central = &cx.settings.central_account;
    if copies.made.is_empty() {
        return Outcome::skip(format!(
            "no plan copies to {central}: see backup-policy-effective"
        ));
    }
    let flaws = copies.made.iter().filter_map(|it| it.flaw.as_deref());
    let flaws: Vec<&str> = flaws.collect();
    let rules: BTreeSet<&str> = copies.made.iter().map(|it| it.rule.name.as_str()).collect();
    let rules: Vec<&str> = rules.into_iter().collect();
    let message = flaws.join("; ");
    let outcome = if flaws.is_empty() {
        Outcome::pass(format!(
            "copies to {central} are kept longer than local backups (rule {})",
            rules.join(", ")
        ))
    } else if flaws.len() < copies.made.len() {
        Outcome::warn(format!("{message}; other copies are kept longer"))
    } else {
        Outcome::breach(message)
    };
    let outcome = outcome
        .about(format!("central-copy-retained in {}", cx.region))
        .with("rules", rules);
    match flaws.is_empty() {
        true => outcome,
        false => outcome.fix(cx.ask_contact(LONGER_RETENTION)),
    }
}
