//! The state of one run over a snapshot, and the report that it ends in.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::analysis::policy_cache::PolicyCache;
use crate::model::coverage::{Coverage, CoverageError, CoverageState};
use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::model::snapshot::{GLOBAL, Snapshot};
use crate::report::{Finding, Report, ResourceLine, Status, Unread};
use crate::rule::Rule;
use crate::settings::Settings;

use super::fact_sources::FactSources;
use super::options::Options;
use super::rule_plan::RulePlan;
use super::waiver::WaiverLedger;

/// What decides the findings of a run. It does not change, so resources can be checked on several threads.
pub(super) struct Inputs<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) settings: &'a Settings,
    pub(super) options: &'a Options,
    pub(super) selection: &'a Selection,
    pub(super) rules: RulePlan,
    pub(super) policies: &'a PolicyCache,
    pub(super) sources: FactSources<'a>,
}

/// The number of findings that are omitted, as [`Report::omitted`] has them, but not sorted: each check adds to one.
pub(super) type OmittedFindings =
    HashMap<(&'static str, Status, bool), (&'static Rule, usize), RandomState>;

/// One run over a snapshot.
pub(super) struct Evaluation<'a, 'e> {
    pub(super) inputs: &'e Inputs<'a>,
    pub(super) waivers: WaiverLedger<'a>,
    pub(super) keeps_lines: bool,
    pub(super) emit: &'e mut dyn FnMut(Finding, &mut ResourceLine),
    pub(super) resources: Vec<ResourceLine>,
    pub(super) unread: Vec<Unread>,
    pub(super) omitted: OmittedFindings,
    /// The facts that could not be read and that a check met: the first reason by region and service.
    pub(super) facts_missing: BTreeMap<(String, Option<Service>), String>,
}

impl Evaluation<'_, '_> {
    /// Makes the report, without findings.
    pub(super) fn into_report(self) -> Report {
        let Inputs {
            snapshot,
            settings,
            options,
            selection,
            rules,
            ..
        } = self.inputs;
        let (options, selection) = (*options, *selection);
        let mut coverage = select_coverage(snapshot, selection);
        let is_scanned = |row: &Coverage| row.state == CoverageState::Scanned;
        // A scan has the row of the call that failed; a file has no calls.
        if snapshot.source.is_planned() || coverage.iter().all(is_scanned) {
            cover_missing_facts(&mut coverage, &self.facts_missing);
        }
        let complete = self.unread.is_empty()
            && self.facts_missing.is_empty()
            && !snapshot.interrupted
            && coverage.iter().all(is_scanned);
        let mut report = Report {
            source: snapshot.source,
            account_id: snapshot.account_id.clone(),
            account_from: snapshot.account_from.clone(),
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
            omitted: self.omitted.into_iter().collect(),
            stale_waivers: Vec::new(),
            comparison: None,
            arguments: String::new(),
            cost: None,
        };
        let stale = self
            .waivers
            .stale_waivers(&report, options, &rules.reported);
        report.stale_waivers = stale;
        report
    }
}

/// Marks the rows of services of which a fact could not be read that a check needed.
fn cover_missing_facts(
    coverage: &mut Vec<Coverage>,
    missing: &BTreeMap<(String, Option<Service>), String>,
) {
    for ((region, service), reason) in missing {
        // Settings of the account are those of AWS Backup.
        let service = service.unwrap_or(Service::Backup);
        let error = CoverageError {
            code: "Unreadable".to_owned(),
            operation: String::new(),
            message: reason.clone(),
        };
        let of_service =
            |row: &&mut Coverage| row.region == *region && row.service == service.as_str();
        match coverage.iter_mut().find(of_service) {
            Some(row) if row.state == CoverageState::Scanned => {
                row.state = CoverageState::Partial;
                row.error = Some(error);
            }
            Some(_) => {}
            None => coverage.push(Coverage {
                region: region.clone(),
                service: service.as_str().to_owned(),
                state: CoverageState::Partial,
                resources: 0,
                error: Some(error),
            }),
        }
    }
}

/// Returns the coverage rows of what is selected, sorted by region and service.
fn select_coverage(snapshot: &Snapshot, selection: &Selection) -> Vec<Coverage> {
    let mut coverage = snapshot.coverage.clone();
    // Other regions are queried for the account's rules only.
    let is_other = |region: &str| region != GLOBAL && !snapshot.regions.contains_key(region);
    coverage.retain(|row| {
        Service::from_name(&row.service).is_none_or(|service| selection.requires(service))
            && (!is_other(&row.region) || selection.includes_settings_of(Service::Backup))
    });
    coverage.sort_by(|a, b| (&a.region, &a.service).cmp(&(&b.region, &b.service)));
    coverage
}
