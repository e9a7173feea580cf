//! The state of one run over a snapshot, and the report that it ends in.

use crate::analysis::policy_cache::PolicyCache;
use crate::model::coverage::{Coverage, CoverageState};
use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::model::snapshot::{GLOBAL, Snapshot};
use crate::report::{Finding, Report, ResourceLine, Unread};
use crate::settings::Settings;

use super::options::Options;
use super::rule_plan::RulePlan;
use super::waiver::WaiverLedger;

/// One run over a snapshot.
pub(super) struct Evaluation<'a, 'e> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) settings: &'a Settings,
    pub(super) options: &'a Options,
    pub(super) selection: &'a Selection,
    pub(super) rules: RulePlan,
    pub(super) policies: &'a PolicyCache,
    pub(super) waivers: WaiverLedger<'a>,
    pub(super) emit: &'e mut dyn FnMut(Finding),
    pub(super) resources: Vec<ResourceLine>,
    pub(super) unread: Vec<Unread>,
    /// Whether a check met a fact that could not be read.
    pub(super) facts_missing: bool,
}

impl Evaluation<'_, '_> {
    /// Makes the report, without findings.
    pub(super) fn into_report(self) -> Report {
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
            arguments: String::new(),
        };
        let stale = self
            .waivers
            .stale_waivers(&report, options, &rules.reported);
        report.stale_waivers = stale;
        report
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
