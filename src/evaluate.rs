//! Evaluates a snapshot with the rules and makes findings.
//!
//! Loops, regions, scope, severities and order are here, so that a rule can neither miss a region nor
//! change what gates. A region is evaluated in two phases: first the copy prerequisites of what its
//! stacks contain, once for each member; then every resource, where a stack is compared with its
//! members and proof of backups and copies with the prerequisites of its resource.
//!
//! A finding is made, handed to the caller and dropped, in the order of the report.

mod answer;
mod evaluation;
mod fact_sources;
mod gating;
pub mod in_order;
mod options;
mod parallel;
mod places;
mod resource;
mod rule_plan;
mod waiver;

use crate::analysis::policy_cache::PolicyCache;
use crate::model::fact::Needs;
use crate::model::selection::Selection;
use crate::model::snapshot::Snapshot;
use crate::report::{Finding, Part, Report, ResourceLine, Unread};
use crate::rule::Rule;
use crate::settings::Settings;

use evaluation::{Evaluation, Inputs, OmittedFindings};
use fact_sources::{FactSources, FindingsWithoutAccount};
use places::Place;
use rule_plan::RulePlan;
use waiver::WaiverLedger;

pub use options::{AllowUnknown, Options, Scope};

/// Returns what the selected rules need of an account.
#[must_use]
pub fn list_needs(options: &Options, rules: &[&'static Rule]) -> Needs {
    RulePlan::new(rules, options, &Selection::default()).needs()
}

/// Evaluates a snapshot and returns the report with all its findings.
#[must_use]
pub fn evaluate(
    snapshot: &Snapshot,
    settings: &Settings,
    options: &Options,
    rules: &[&'static Rule],
) -> Report {
    let mut findings = Vec::new();
    let mut emit = |finding, _: &mut ResourceLine| findings.push(finding);
    let mut report = evaluate_each(snapshot, settings, options, rules, &mut emit);
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
    emit: &mut dyn FnMut(Finding, &mut ResourceLine),
) -> Report {
    evaluate_part(snapshot, settings, options, rules, None, emit)
}

/// Makes the findings of a report again, of the resources in some regions and of some types, without a report.
pub fn evaluate_again(
    snapshot: &Snapshot,
    settings: &Settings,
    options: &Options,
    rules: &[&'static Rule],
    part: &Part<'_>,
    emit: &mut dyn FnMut(Finding, &mut ResourceLine),
) {
    drop(evaluate_part(
        snapshot,
        settings,
        options,
        rules,
        Some(part),
        emit,
    ));
}

/// Evaluates all of a snapshot and keeps the lines of its resources, or only makes the findings of a part.
fn evaluate_part(
    snapshot: &Snapshot,
    settings: &Settings,
    options: &Options,
    rules: &[&'static Rule],
    part: Option<&Part<'_>>,
    emit: &mut dyn FnMut(Finding, &mut ResourceLine),
) -> Report {
    let selection = match options.selection.is_everything() {
        true => &snapshot.selection,
        false => &options.selection,
    };
    let policies = PolicyCache::default();
    let mut without_account = FindingsWithoutAccount::new();
    if let Some(file) = &snapshot.file_only {
        evaluate_each(file, settings, options, rules, &mut |finding, _| {
            let message = finding.explanation.message.clone();
            let key = (finding.rule.id, finding.resource.clone());
            without_account.insert(key, (finding.status, message));
        });
    }
    let inputs = Inputs {
        snapshot,
        settings,
        options,
        selection,
        rules: RulePlan::new(rules, options, selection),
        policies: &policies,
        sources: FactSources::new(snapshot, without_account),
    };
    let mut evaluation = Evaluation {
        inputs: &inputs,
        waivers: WaiverLedger::new(options),
        keeps_lines: part.is_none(),
        emit,
        resources: Vec::new(),
        omitted: OmittedFindings::default(),
        unread: unread_listings(snapshot, selection),
        facts_missing: Default::default(),
    };
    let places = Place::all(snapshot, &settings.backup_regions);
    evaluation.evaluate_places(&places, part.unwrap_or(&|_, _| true));
    evaluation.into_report()
}

/// Returns the listings that were not read to their end and could contain what is selected.
fn unread_listings(snapshot: &Snapshot, selection: &Selection) -> Vec<Unread> {
    let unlisted = snapshot.incomplete_listings().into_iter();
    let selected = unlisted.filter(|unlisted| match unlisted.of {
        Some(service) => selection.includes_service(service),
        // Whether a resource exists is known without the list of regions.
        None => selection.resources.is_empty(),
    });
    selected
        .map(|unlisted| Unread::new(unlisted.region, unlisted.service, unlisted.gap))
        .collect()
}
