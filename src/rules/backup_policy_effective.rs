use std::collections::BTreeSet;

use crate::analysis::backup_plans::{
    Authority, Chosen, Protection, account_of, in_region, is_failure,
};
use crate::analysis::backup_target::{Target, describe_selected};
use crate::analysis::backup_types::subject_of_arn;
use crate::analysis::central_copies::{
    CentralCopies, LONGER_RETENTION, Prevented, find_central_copies, join_reasons,
};
use crate::analysis::intervals::find_interval_of_plans;
use crate::analysis::rule_runs::Subject;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::model::Observed;
use crate::model::backup_plan::BackupSelection;
use crate::model::fact::Fact;
use crate::model::snapshot::Region;
use crate::model::tag::ENABLED;
use crate::model::{Gap, GapKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;
use crate::text::and_more;

rule! {
    /// The effective backup policy selects the tag `backup=enabled` in the region and copies the
    /// backups to the central account.
    ///
    /// The backup policy of the organization and the backup plans of the account both count. If the policy
    /// cannot be read, only the plans are checked. Plans that a policy created are among them.
    ///
    /// A copy action counts only if AWS Backup makes the copy. It does not copy to the vault `Default` of
    /// another account. Where the start windows of two rules of a plan overlap, AWS Backup makes only the
    /// backup that is kept longer: if the other rule is the one that copies, nothing is copied. A copy that
    /// does not outlive the local backup is a warning: see `central-copy-retained`.
    ///
    /// ## Why it matters
    ///
    /// The policy decides which tags, regions, role, vault and copy destination apply. If it does not
    /// cover a region, the tag has no effect there.
    ///
    /// ## Fix
    ///
    /// Ask the platform team. Only they can change the policy.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/manage-cross-account.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/plan-options-and-configuration.html#overlapping-backup-rules>
    RULE = Rule {
        id: "backup-policy-effective",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The backup policy covers the region and copies to the central account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Region(check_region),
        reads: &[Fact::Organization, Fact::Plans, Fact::TagsInScannedRegions],
    }
}

/// The number of resources that a message names.
const MOST_NAMES: usize = 5;

fn check_region(cx: &RuleContext<'_>, _: &Region) -> CheckResult {
    let protection = in_region(cx, cx.region)?;
    let enabled = protection.enabled(cx);
    let outcome = if enabled.is_empty() {
        check_types_in_use(cx, &protection)?
    } else {
        check_tagged_resources(cx, &protection, &enabled)?
    };
    if let Some(gap) = find_unread_resource(cx, &protection, &outcome, enabled.is_empty()) {
        return Err(gap);
    }
    let authority = protection.authority.as_str();
    Ok(outcome
        .about(format!("{authority} in {}", cx.region))
        .with("authority", authority))
}

/// Checks the resources that are tagged `enabled`.
fn check_tagged_resources<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    enabled: &[Target<'a>],
) -> CheckResult {
    let judged: Vec<(&Target<'a>, Chosen<'a>)> = enabled
        .iter()
        .map(|target| (target, protection.chosen(target)))
        .collect();
    let missed: Vec<&str> = judged
        .iter()
        .filter(|(_, chosen)| chosen.by.is_empty() && chosen.open.is_none())
        .map(|(target, _)| target.name)
        .collect();
    if !missed.is_empty() {
        return Ok(report_not_selected(cx, protection, &missed));
    }
    // Every resource needs a copy. The first one without a copy decides.
    let mut passed: Option<Outcome> = None;
    let mut open = None;
    let mut seen = BTreeSet::new();
    for (target, chosen) in &judged {
        let subject = subject_of_arn(&target.arn);
        if !seen.insert((selection_key(chosen), subject)) {
            continue;
        }
        match check_copy_action(cx, protection, chosen, subject) {
            Ok(Ok(outcome)) => {
                let is_worse = |it: &Outcome| outcome.verdict > it.verdict;
                if passed.as_ref().is_none_or(is_worse) {
                    passed = Some(outcome);
                }
            }
            Ok(Err(breach)) => return Ok(breach),
            Err(gap) => open = open.or(Some(gap)),
        }
    }
    match (open, passed) {
        (Some(gap), _) => Err(gap),
        (None, passed) => {
            Ok(passed.unwrap_or_else(|| Outcome::skip("no resource is tagged for backup")))
        }
    }
}

/// Returns what decides the result for a resource: the selections that include it, and whether others may too.
fn selection_key(chosen: &Chosen<'_>) -> (Vec<*const BackupSelection>, bool) {
    let selections = chosen.by.iter().map(|it| std::ptr::from_ref(it.selection));
    (selections.collect(), chosen.open.is_some())
}

/// Returns why a resource whose tags were not read, or that was not listed, may be tagged and give another outcome: a worse
/// one, or any other if none is known to be tagged.
fn find_unread_resource<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    outcome: &Outcome,
    is_alone: bool,
) -> Option<Gap> {
    let mut seen = BTreeSet::new();
    let unread = protection.unread(cx).into_iter();
    for (target, gap) in unread.chain(protection.unlisted(cx)) {
        let chosen = protection.chosen(&target);
        let subject = subject_of_arn(&target.arn);
        if !seen.insert((selection_key(&chosen), subject)) {
            continue;
        }
        let checked = check_copy_action(cx, protection, &chosen, subject);
        let verdict = checked.map(|it| it.unwrap_or_else(|breach| breach).verdict);
        let is_covered = verdict.is_ok_and(|it| match is_alone {
            true => it == outcome.verdict,
            false => it <= outcome.verdict,
        });
        if !is_covered && (is_alone || outcome.verdict != Verdict::Breach) {
            return Some(gap.clone());
        }
    }
    None
}

/// Checks what would apply to a resource of any type in use.
fn check_types_in_use<'a>(cx: &RuleContext<'a>, protection: &Protection<'a>) -> CheckResult {
    let chosen = protection.in_use(cx);
    if chosen.by.is_empty() {
        return match chosen.open {
            Some(gap) => Err(gap),
            None => Ok(report_not_selected(cx, protection, &[])),
        };
    }
    let checked = check_copy_action(cx, protection, &chosen, Subject::Continuous)?;
    Ok(checked.unwrap_or_else(|breach| breach))
}

/// Returns a pass or warning if a copy goes to the central account, or else the violation.
fn check_copy_action<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    chosen: &Chosen<'a>,
    subject: Subject,
) -> Result<Result<Outcome, Outcome>, Gap> {
    let mut copies = find_central_copies(cx, protection, &chosen.by, subject);
    let outside = match (cx.snapshot.organization_id.known(), &cx.settings.org_id) {
        (Some(None), _) => Some("no organization"),
        (Some(Some(own)), Some(expected)) if own != expected => Some("another organization"),
        _ => None,
    };
    if let (Some(outside), false) = (outside, copies.made.is_empty()) {
        copies.made.clear();
        copies.open = None;
        copies.prevented.push(Prevented {
            reason: format!("the account is in {outside} (see organization-member)"),
            request: format!(
                "to invite the account to the organization of {}",
                cx.settings.central_account
            ),
        });
    }
    // Copies stay in an organization, and an account with a policy is in one.
    let is_member = matches!(cx.snapshot.backup_policy, Observed::Known(Some(_)));
    let is_expected = is_member && cx.settings.org_id.is_none();
    if let (Some(gap), false) = (cx.snapshot.organization_id.gap(), copies.made.is_empty())
        && !is_expected
        && is_failure(gap)
    {
        return Err(gap.clone());
    }
    let open: Option<Vec<&Gap>> = copies.made.iter().map(|it| it.open).collect();
    if let Some([gap, ..]) = open.as_deref() {
        return Err((*gap).clone());
    }
    let plans = protection.plans_of(&chosen.by);
    let interval = find_interval_of_plans(cx, &plans, subject, None);
    let interval = interval.filter(|it| it.shortest == it.longest);
    let hours = interval.map(|it| it.shortest);
    let outcome = if copies.made.is_empty() {
        let open = copies.open.or_else(|| chosen.open.clone());
        let outcome = report_no_copy(cx, protection, chosen, &copies.prevented);
        // The copies that a file declares are checked, although it does not list the plans that exist.
        Err(match open {
            Some(gap) if is_outside(&gap, &copies.prevented) => outcome.noted(&gap.message),
            Some(gap) => return Err(gap),
            None => outcome,
        })
    } else {
        let unread = || protection.unread_selections();
        let open = copies
            .open
            .clone()
            .or(chosen.unclear.clone())
            .or_else(unread);
        let reported = report_copy(cx, protection, chosen, &copies, hours);
        // A better copy may be made by a rule that was not read.
        match (&reported, open.filter(|gap| !gap.kind.is_absent())) {
            (Ok(outcome), _) if outcome.verdict == Verdict::Pass => {}
            (_, Some(gap)) => return Err(gap),
            (_, None) => {}
        }
        reported
    };
    let rules = protection.rules(&chosen.by).items;
    let plans: BTreeSet<&str> = chosen.by.iter().map(|it| it.plan.name.as_str()).collect();
    let vaults: BTreeSet<&str> = rules.iter().map(|rule| rule.vault.as_str()).collect();
    let targets: Vec<String> = protection.copy_targets(&rules).into_iter().collect();
    let roles: Vec<String> = protection.roles(&chosen.by).into_iter().collect();
    let told = |outcome: Outcome| {
        outcome
            .with("plans", plans.iter().copied().collect::<Vec<_>>())
            .with("vaults", vaults.iter().copied().collect::<Vec<_>>())
            .with("copy_targets", targets.clone())
            .with("roles", roles.clone())
            .with("interval_hours", hours)
    };
    Ok(outcome.map(told).map_err(told))
}

/// Whether a gap is that a file declares copies that are not made, and does not list the plans that exist.
fn is_outside(gap: &Gap, prevented: &[Prevented]) -> bool {
    gap.kind == GapKind::Unplanned && !prevented.is_empty()
}

/// Reports copies to the central account: a warning if none of them outlives the local backup, and the violation if none
/// is made all year.
fn report_copy<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    chosen: &Chosen<'a>,
    copies: &CentralCopies<'a>,
    hours: Option<u32>,
) -> Result<Outcome, Outcome> {
    let rules = protection.rules(&chosen.by).items;
    let vaults: BTreeSet<&str> = rules.iter().map(|rule| rule.vault.as_str()).collect();
    let targets: BTreeSet<&str> = copies.made.iter().map(|it| it.vault_arn.as_str()).collect();
    let authority = protection.authority_of(&chosen.by);
    let often = hours.map_or(String::new(), |hours| format!(" every {hours} h"));
    let air_gapped: BTreeSet<&str> = rules.iter().filter_map(|it| it.air_gapped_name()).collect();
    let besides = match air_gapped.is_empty() {
        true => String::new(),
        false => format!(" or logically air-gapped vault {}", join_names(&air_gapped)),
    };
    let seen = format!(
        "{}, {} up to vault {}{besides}{often} and {} to {}",
        describe_selection(cx, &authority, chosen),
        authority.either("backs", "back"),
        join_names(&vaults),
        authority.either("copies", "copy"),
        join_names(&targets)
    );
    let pauses: Option<Vec<&Prevented>> = copies.made.iter().map(|it| it.pause.as_ref()).collect();
    if let Some([pause, ..]) = pauses.as_deref() {
        let fix = cx.ask_contact(&pause.request);
        let message = format!("{seen}, but {}{}", pause.reason, authority.why());
        return Err(Outcome::breach(message).fix(fix));
    }
    let flaws: Option<Vec<&str>> = copies.made.iter().map(|it| it.flaw.as_deref()).collect();
    Ok(match flaws.as_deref() {
        Some([flaw, ..]) => Outcome::warn(format!(
            "{seen}, but {flaw} (see central-copy-retained){}",
            authority.why()
        ))
        .fix(cx.ask_contact(LONGER_RETENTION)),
        _ => Outcome::pass(seen + &authority.why()),
    })
}

/// Reports that nothing is copied to the central account.
fn report_no_copy<'a>(
    cx: &RuleContext<'a>,
    protection: &Protection<'a>,
    chosen: &Chosen<'a>,
    prevented: &[Prevented],
) -> Outcome {
    let central = &cx.settings.central_account;
    let authority = protection.authority_of(&chosen.by);
    let targets = protection.copy_targets(&protection.rules(&chosen.by).items);
    let others: BTreeSet<&str> = targets.iter().map(|arn| account_of(arn)).collect();
    let seen = if !prevented.is_empty() {
        format!(
            "{} no copy to the central account {central}: {}",
            authority.either("makes", "make"),
            join_reasons(prevented)
        )
    } else if others.is_empty() {
        authority.either("makes no copy", "make no copy").to_owned()
    } else {
        format!(
            "{} to {}, not to the central account {central}",
            authority.either("copies", "copy"),
            join_names(&others)
        )
    };
    let contact = &cx.settings.contact;
    let requests: BTreeSet<&str> = prevented.iter().map(|it| it.request.as_str()).collect();
    let fix = match requests.is_empty() {
        false => cx.ask_contact(&join_requests(&requests)),
        true => format!(
            "Ask {contact} to add a copy action to a vault of {central} to the plan. If copies are meant to go to another account, set central_account in the configuration."
        ),
    };
    Outcome::breach(format!(
        "{} and {seen}{}",
        describe_selection(cx, &authority, chosen),
        authority.why()
    ))
    .fix(fix)
}

/// Returns which plans select the tag in the region.
fn describe_selection(
    cx: &RuleContext<'_>,
    authority: &Authority<'_>,
    chosen: &Chosen<'_>,
) -> String {
    let plans: BTreeSet<&str> = chosen.by.iter().map(|it| it.plan.name.as_str()).collect();
    let selections = || chosen.by.iter().map(|it| it.selection);
    let what = match selections().any(|it| covers_tag(it, &cx.settings.tag_key)) {
        true => format!("{}=enabled", cx.settings.tag_key),
        false => {
            let selected: BTreeSet<String> = selections().flat_map(describe_selected).collect();
            and_more(selected.iter().map(String::as_str), MOST_NAMES)
        }
    };
    format!(
        "{} {} {what} in {} (plan {})",
        authority.words(),
        authority.either("selects", "select"),
        cx.region,
        join_names(&plans)
    )
}

/// Whether a selection is for resources with the backup tag, or for everything.
fn covers_tag(selection: &BackupSelection, key: &str) -> bool {
    let by_tag = selection.tags.iter().any(|it| it.key == key);
    let by_condition = selection.conditions.iter().any(|it| it.key == key);
    let starts_from_all = match selection.resources.as_slice() {
        [] => selection.tags.is_empty(),
        resources => resources.iter().any(|it| it == "*"),
    };
    by_tag || by_condition || starts_from_all
}

fn report_not_selected(
    cx: &RuleContext<'_>,
    protection: &Protection<'_>,
    missed: &[&str],
) -> Outcome {
    let (region, key, contact) = (cx.region, &cx.settings.tag_key, &cx.settings.contact);
    let what = match missed.len() {
        0 => format!("{key}=enabled"),
        _ => {
            let names = and_more(missed.iter().copied(), MOST_NAMES);
            format!("resources tagged {key}=enabled ({names})")
        }
    };
    let authority = &protection.authority;
    let besides = if protection.plans.is_empty() {
        describe_other_regions(cx, protection)
    } else {
        let selections = protection
            .plans
            .iter()
            .flat_map(|plan| &plan.selections.items);
        let is_tag = |it: &BackupSelection| {
            it.resources.is_empty() && it.not_resources.is_empty() && it.conditions.is_empty()
        };
        let by_tag = selections.clone().all(is_tag);
        let selected: BTreeSet<String> = selections.flat_map(describe_selected).collect();
        let verb = authority.either("it selects", "they select");
        let names = || and_more(selected.iter().map(String::as_str), MOST_NAMES);
        match selected.is_empty() {
            true => String::new(),
            false if by_tag => format!("; {verb} by tag: {}", names()),
            false => format!("; {verb} {}", names()),
        }
    };
    let names_tag = protection.all_choices().iter().any(|choice| {
        let mut tags = choice.selection.tags.iter();
        tags.any(|tag| tag.key == *key && tag.value == ENABLED)
    });
    Outcome::breach(format!(
        "{} {} not select {what} in {region}{besides}{}",
        authority.words(),
        authority.either("does", "do"),
        authority.why()
    ))
    .fix(match protection.plans.is_empty() {
        true => format!("Ask {contact} whether {region} should be backed up."),
        false if names_tag => {
            format!("Ask {contact} to change the conditions of the selection by {key}=enabled.")
        }
        false => format!("Ask {contact} to select {key}=enabled in a plan of {region}."),
    })
    .with("resources", missed.to_vec())
}

fn describe_other_regions(cx: &RuleContext<'_>, protection: &Protection<'_>) -> String {
    let policy = cx.snapshot.backup_policy.known().and_then(Option::as_ref);
    let regions: BTreeSet<&str> = policy
        .into_iter()
        .flat_map(|policy| &policy.plans)
        .flat_map(|plan| plan.regions.iter().map(String::as_str))
        .collect();
    match protection.authority {
        Authority::Policy if !regions.is_empty() => {
            format!("; its plans run in {}", join_names(&regions))
        }
        Authority::Policy => "; it has no plan".to_owned(),
        Authority::Both
        | Authority::Plans
        | Authority::PlansBesidePolicy
        | Authority::PlansInstead(_) => "; there is no plan there".to_owned(),
    }
}

fn join_requests(requests: &BTreeSet<&str>) -> String {
    requests.iter().copied().collect::<Vec<_>>().join(", and ")
}

fn join_names(list: &BTreeSet<&str>) -> String {
    list.iter().copied().collect::<Vec<_>>().join(", ")
}
