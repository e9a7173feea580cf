//! Waivers: findings that are accepted until a date.
//!
//! A waiver changes neither a status nor a verdict. A waived finding stays in the report, is marked, and
//! does not count towards the exit code.

use crate::iam::matching::glob;
use crate::model::arn::Arn;
use crate::report::{self, Finding, Report, StaleState, StaleWaiver};
use crate::rule::Rule;
use crate::settings::Waiver;

use super::{Options, Scope};

/// Marks the findings that waivers cover, and lists expired and unused waivers.
pub(super) fn apply(report: &mut Report, options: &Options, rules: &[&'static Rule]) {
    let is_valid = |waiver: &Waiver| options.today.is_some_and(|today| today <= waiver.expires);
    for waiver in options.waivers.iter().filter(|it| is_valid(it)) {
        let covered = report
            .findings
            .iter_mut()
            .filter(|it| is_covered_by(waiver, it));
        // If several waivers cover a finding, the first one counts.
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
        let covered = report
            .findings
            .iter()
            .filter(|it| is_covered_by(waiver, it));
        let state = if !is_valid(waiver) {
            StaleState::Expired
        } else if covered.clone().next().is_none() && is_in_scope(waiver, report, options, rules) {
            StaleState::Unused
        } else {
            continue;
        };
        // Findings that another waiver covers do not count.
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

fn is_covered_by(waiver: &Waiver, finding: &Finding) -> bool {
    finding.status.is_trouble()
        && finding.rule.id == waiver.rule
        && glob(&waiver.resource, &finding.resource)
}

/// Whether the report would contain a finding that the waiver covers. One configuration file serves many
/// accounts, regions and partial scans, so a waiver for something outside this scan is not unused. If the
/// waiver names one resource, a passing finding for that resource is enough.
fn is_in_scope(
    waiver: &Waiver,
    report: &Report,
    options: &Options,
    rules: &[&'static Rule],
) -> bool {
    let wildcard = |text: &str| text.is_empty() || text.contains(['*', '?']);
    let is_exact = |it: &Finding| it.rule.id == waiver.rule && it.resource == waiver.resource;
    if report.findings.iter().any(is_exact) {
        return true;
    }
    let arn = Arn::parse(&waiver.resource);
    let own_account = arn.is_none_or(|arn| {
        wildcard(arn.account) || report.account_id.as_deref() == Some(arn.account)
    });
    let own_region = arn.is_none_or(|arn| {
        wildcard(arn.region) || report.regions.iter().any(|region| region == arn.region)
    });
    report.complete
        && report.selection.is_everything()
        && options.scope == Scope::All
        && rules.iter().any(|rule| rule.id == waiver.rule)
        && own_account
        && own_region
}
