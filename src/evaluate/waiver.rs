//! Waivers: findings that are known and accepted until a day.
//!
//! A waiver changes neither a status nor a verdict. What it covers stays in the report, marked, and
//! does not count for the exit code.

use crate::iam::matching::glob;
use crate::model::arn::Arn;
use crate::report::{self, Finding, Report, StaleState, StaleWaiver};
use crate::rule::Rule;
use crate::settings::Waiver;

use super::{Options, Scope};

/// Marks what waivers cover, and lists the waivers that do nothing any more.
pub(super) fn apply(report: &mut Report, options: &Options, rules: &[&'static Rule]) {
    let holds = |waiver: &Waiver| options.today.is_some_and(|today| today <= waiver.expires);
    for waiver in options.waivers.iter().filter(|it| holds(it)) {
        let covered = report.findings.iter_mut().filter(|it| covers(waiver, it));
        // Of several that cover it the first one speaks.
        for finding in covered.filter(|it| it.waiver.is_none()) {
            finding.gating = false;
            finding.waiver = Some(report::Waiver {
                reason: waiver.reason.clone(),
                owner: waiver.owner.clone(),
                expires: waiver.expires.to_string(),
            });
        }
    }
    for waiver in &options.waivers {
        let covered = report.findings.iter().filter(|it| covers(waiver, it));
        let state = if !holds(waiver) {
            StaleState::Expired
        } else if covered.clone().next().is_none() && is_answered(waiver, report, options, rules) {
            StaleState::Unused
        } else {
            continue;
        };
        // A waiver that took over from one that expired leaves nothing to count again.
        let findings = covered.filter(|it| it.waiver.is_none()).count();
        report.stale_waivers.push(StaleWaiver {
            state,
            rule: waiver.rule.clone(),
            resource: waiver.resource.clone(),
            reason: waiver.reason.clone(),
            owner: waiver.owner.clone(),
            expires: waiver.expires.to_string(),
            line: waiver.line,
            findings,
        });
    }
}

fn covers(waiver: &Waiver, finding: &Finding) -> bool {
    finding.status.is_trouble()
        && finding.rule.id == waiver.rule
        && glob(&waiver.resource, &finding.resource)
}

/// Whether a finding that the waiver names would be in this report: one config serves many accounts,
/// regions and narrower scans, and what was not looked at says nothing of its waivers. A finding that is
/// there, and is no trouble, answers for the one resource that a waiver names.
fn is_answered(
    waiver: &Waiver,
    report: &Report,
    options: &Options,
    rules: &[&'static Rule],
) -> bool {
    let wildcard = |text: &str| text.is_empty() || text.contains(['*', '?']);
    let named = |it: &Finding| it.rule.id == waiver.rule && it.resource == waiver.resource;
    if report.findings.iter().any(named) {
        return true;
    }
    let place = Arn::parse(&waiver.resource);
    let own_account = place.is_none_or(|arn| {
        wildcard(arn.account) || report.account_id.as_deref() == Some(arn.account)
    });
    let own_region = place.is_none_or(|arn| {
        wildcard(arn.region) || report.regions.iter().any(|region| region == arn.region)
    });
    report.complete
        && report.selection.is_everything()
        && options.scope == Scope::All
        && rules.iter().any(|rule| rule.id == waiver.rule)
        && own_account
        && own_region
}
