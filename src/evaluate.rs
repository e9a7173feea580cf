//! Evaluates a snapshot with the rules and makes findings.
//!
//! Loops, regions, scope, severities and order are here, so that a rule can neither miss a region nor
//! change what gates. A region is evaluated in two phases: first the copy prerequisites of what its
//! stacks contain, once for each member; then every resource, where a stack is compared with its
//! members and proof of backups and copies with the prerequisites of its resource.
//!
//! A finding is made, handed to the caller and dropped, in the order of the report.

mod gating;
mod options;
mod places;
mod resource;
mod rule_plan;
mod waiver;

use sha2::{Digest, Sha256};

use crate::analysis::policy_cache::PolicyCache;
use crate::exit::{Exit, FailOn};
use crate::model::coverage::{Coverage, CoverageState};
use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::model::snapshot::{GLOBAL, Snapshot};
use crate::report::{Finding, Report, ResourceLine, Status, Unread};
use crate::rule::Rule;
use crate::settings::Settings;

use places::Place;
use rule_plan::RulePlan;
use waiver::WaiverLedger;

pub use options::{AllowUnknown, Options, Scope};

/// Evaluates a snapshot and returns the report with all its findings.
#[must_use]
pub fn evaluate(
    snapshot: &Snapshot,
    settings: &Settings,
    options: &Options,
    rules: &[&'static Rule],
) -> Report {
    let mut findings = Vec::new();
    let mut report = evaluate_each(snapshot, settings, options, rules, &mut |finding| {
        findings.push(finding);
    });
    report.findings = findings;
    report
}

/// Evaluates a snapshot and hands over each finding as soon as it is made, in the order of a report:
/// region, resource type, ARN, rule id. The report that is returned has everything but the findings.
pub fn evaluate_each(
    snapshot: &Snapshot,
    settings: &Settings,
    options: &Options,
    rules: &[&'static Rule],
    emit: &mut dyn FnMut(Finding),
) -> Report {
    let selection = match options.selection.is_everything() {
        true => &snapshot.selection,
        false => &options.selection,
    };
    let policies = PolicyCache::default();
    let mut evaluation = Evaluation {
        snapshot,
        settings,
        options,
        selection,
        rules: RulePlan::new(rules, options, selection),
        policies: &policies,
        waivers: WaiverLedger::new(options),
        emit,
        resources: Vec::new(),
        unread: unread_listings(snapshot, selection),
        facts_missing: false,
    };
    for place in Place::all(snapshot) {
        evaluation.evaluate_place(place);
    }
    evaluation.into_report()
}

/// One run over a snapshot.
struct Evaluation<'a, 'e> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    options: &'a Options,
    selection: &'a Selection,
    rules: RulePlan,
    policies: &'a PolicyCache,
    waivers: WaiverLedger<'a>,
    emit: &'e mut dyn FnMut(Finding),
    resources: Vec<ResourceLine>,
    unread: Vec<Unread>,
    /// Whether a check met a fact that could not be read.
    facts_missing: bool,
}

impl Evaluation<'_, '_> {
    fn into_report(self) -> Report {
        let Evaluation {
            snapshot,
            settings,
            options,
            selection,
            rules,
            ..
        } = self;
        let coverage = select_coverage(snapshot, selection);
        let is_scanned = |row: &Coverage| row.state == CoverageState::Scanned;
        let complete = self.unread.is_empty()
            && !self.facts_missing
            && !snapshot.interrupted
            && coverage.iter().all(is_scanned);
        let mut report = Report {
            source: snapshot.source,
            account_id: snapshot.account_id.clone(),
            central_account_id: settings.central_account.clone(),
            contact: settings.contact.clone(),
            tag_key: settings.tag_key.clone(),
            standard: options.standard,
            selection: selection.clone(),
            regions: snapshot.regions.keys().cloned().collect(),
            started_at: snapshot.started_at.clone(),
            finished_at: snapshot.finished_at.clone(),
            interrupted: snapshot.interrupted,
            complete,
            all_rules: rules.covers_copy,
            rules: rules.reported.len(),
            stats: snapshot.stats,
            coverage,
            unread: self.unread,
            resources: self.resources,
            findings: Vec::new(),
            stale_waivers: Vec::new(),
            comparison: None,
        };
        let stale = self
            .waivers
            .stale_waivers(&report, options, &rules.reported);
        report.stale_waivers = stale;
        report
    }
}

/// The exit code of a report.
#[must_use]
pub fn exit(report: &Report, fail_on: FailOn) -> Exit {
    let open = report
        .findings
        .iter()
        .any(|it| it.gating && it.status == Status::Unknown);
    if report.findings.iter().any(|it| it.stops(fail_on)) {
        Exit::Failed
    } else if fail_on != FailOn::Never && (open || !report.unread.is_empty() || report.interrupted)
    {
        Exit::Unknown
    } else {
        Exit::Ready
    }
}

/// Returns the listings that were not read to their end and could contain what is selected.
fn unread_listings(snapshot: &Snapshot, selection: &Selection) -> Vec<Unread> {
    let unlisted = snapshot.unlisted().into_iter();
    let selected = unlisted.filter(|unlisted| match unlisted.of {
        Some(service) => selection.selects(service),
        // Whether a resource exists is known without the list of regions.
        None => selection.resources.is_empty(),
    });
    selected
        .map(|unlisted| Unread::new(unlisted.region, unlisted.service, unlisted.gap))
        .collect()
}

/// Returns the coverage rows of what is selected, sorted by region and service.
fn select_coverage(snapshot: &Snapshot, selection: &Selection) -> Vec<Coverage> {
    let mut coverage = snapshot.coverage.clone();
    // Other regions are queried for the account's rules only.
    let is_other = |region: &str| region != GLOBAL && !snapshot.regions.contains_key(region);
    coverage.retain(|row| {
        Service::of_name(&row.service).is_none_or(|service| selection.reads(service))
            && (!is_other(&row.region) || selection.settings_of(Service::Backup))
    });
    coverage.sort_by(|a, b| (&a.region, &a.service).cmp(&(&b.region, &b.service)));
    coverage
}

/// Returns a finding's id: the first 16 hex digits of SHA-256 over the rule, a newline and the ARN.
#[must_use]
pub fn finding_id(rule: &str, arn: &str) -> String {
    let digest = Sha256::digest(format!("{rule}\n{arn}"));
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf 'kms-key-shared\narn:aws:ec2:eu-central-1:111122223333:volume/vol-0ab' | sha256sum | head -c 16
    #[test]
    fn a_finding_keeps_its_id() {
        let id = finding_id(
            "kms-key-shared",
            "arn:aws:ec2:eu-central-1:111122223333:volume/vol-0ab",
        );
        assert_eq!(id, "f9a2bcac660086a4");
    }
}
