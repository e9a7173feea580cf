//! Waivers: findings that are accepted until a date.
//!
//! A waiver changes neither a status nor a verdict. A finding that it covers stays in the report, marked,
//! and does not gate.

use std::collections::BTreeMap;

use crate::iam::matching::matches_glob;
use crate::model::arn::Arn;
use crate::report::{self, Finding, Report, StaleState, StaleWaiver};
use crate::rule::Rule;
use crate::settings::Waiver;

use super::options::{Options, Scope};

/// Marks what waivers cover, one finding at a time, and counts what each waiver matched.
#[derive(Debug)]
pub(super) struct WaiverLedger<'a> {
    entries: Vec<Entry<'a>>,
    /// The positions of the waivers of a rule whose resources have no wildcards, by the resource.
    exact: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// The positions of the other waivers of a rule.
    wildcards: BTreeMap<&'a str, Vec<usize>>,
}

#[derive(Debug)]
struct Entry<'a> {
    waiver: &'a Waiver,
    is_valid: bool,
    /// Whether it matched a finding that is not a pass.
    matched: bool,
    /// How many of the findings that it matched no waiver covers.
    uncovered: usize,
    /// Whether there is a finding of exactly its rule and resource.
    named: bool,
}

impl<'a> WaiverLedger<'a> {
    /// Opens a ledger for the waivers of a run.
    pub(super) fn new(options: &'a Options) -> Self {
        let is_valid = |waiver: &Waiver| options.today.is_some_and(|day| day <= waiver.expires);
        let entries = options.waivers.iter().map(|waiver| Entry {
            waiver,
            is_valid: is_valid(waiver),
            matched: false,
            uncovered: 0,
            named: false,
        });
        let mut ledger = WaiverLedger {
            entries: entries.collect(),
            exact: BTreeMap::new(),
            wildcards: BTreeMap::new(),
        };
        for (position, waiver) in options.waivers.iter().enumerate() {
            let (rule, resource) = (waiver.rule.as_str(), waiver.resource.as_str());
            let positions = match has_wildcard(resource) {
                true => ledger.wildcards.entry(rule).or_default(),
                false => ledger.exact.entry((rule, resource)).or_default(),
            };
            positions.push(position);
        }
        ledger
    }

    /// Returns the positions of the waivers that may cover a finding, in the order of the config.
    fn list_candidates(&self, rule: &str, resource: &str) -> Vec<usize> {
        let exact = self.exact.get(&(rule, resource));
        let wildcards = self.wildcards.get(rule);
        let mut positions: Vec<usize> = exact
            .into_iter()
            .chain(wildcards)
            .flatten()
            .copied()
            .collect();
        positions.sort_unstable();
        positions
    }

    /// Notes a finding that no waiver covers, because it passes or does not apply.
    pub(super) fn note_settled(&mut self, rule: &Rule, resource: &str) {
        for position in self.list_candidates(rule.id, resource) {
            let entry = &mut self.entries[position];
            entry.named |= resource == entry.waiver.resource;
        }
    }

    /// Marks a finding with the first valid waiver that covers it.
    pub(super) fn apply(&mut self, finding: &mut Finding) {
        let candidates = self.list_candidates(finding.rule.id, &finding.resource);
        for position in &candidates {
            let entry = &mut self.entries[*position];
            entry.named |= finding.resource == entry.waiver.resource;
            let covers = covers(entry.waiver, finding);
            entry.matched |= covers;
            if covers && entry.is_valid && finding.waiver.is_none() {
                finding.gating = false;
                finding.waiver = Some(Box::new(report::Waiver {
                    reason: entry.waiver.reason.clone(),
                    owner: entry.waiver.owner.clone(),
                    expires: entry.waiver.expires.to_string(),
                }));
            }
        }
        // Only now: a waiver that replaced an expired one leaves nothing to count again.
        if finding.waiver.is_none() {
            for position in candidates {
                let entry = &mut self.entries[position];
                entry.uncovered += usize::from(covers(entry.waiver, finding));
            }
        }
    }

    /// Returns the waivers that expired or that match nothing any finding of this report could be.
    pub(super) fn stale_waivers(
        self,
        report: &Report,
        options: &Options,
        rules: &[&'static Rule],
    ) -> Vec<StaleWaiver> {
        let stale = self.entries.into_iter().filter_map(|entry| {
            let waiver = entry.waiver;
            let state = if !entry.is_valid {
                StaleState::Expired
            } else if !entry.matched && (entry.named || is_in_reach(waiver, report, options, rules))
            {
                StaleState::Unused
            } else {
                return None;
            };
            Some(StaleWaiver {
                state,
                rule: waiver.rule.clone(),
                resource: waiver.resource.clone(),
                reason: waiver.reason.clone(),
                owner: waiver.owner.clone(),
                expires: waiver.expires.to_string(),
                line: waiver.line,
                findings: entry.uncovered,
            })
        });
        stale.collect()
    }
}

fn covers(waiver: &Waiver, finding: &Finding) -> bool {
    finding.status.is_trouble()
        && finding.rule.id == waiver.rule
        && matches_glob(&waiver.resource, &finding.resource)
}

fn has_wildcard(resource: &str) -> bool {
    resource.contains(['*', '?'])
}

/// Whether a finding that the waiver covers would be in this report: one config serves many accounts,
/// regions and smaller scans, and what was not checked says nothing about its waivers.
fn is_in_reach(
    waiver: &Waiver,
    report: &Report,
    options: &Options,
    rules: &[&'static Rule],
) -> bool {
    let wildcard = |text: &str| text.is_empty() || has_wildcard(text);
    let arn = Arn::parse(&waiver.resource);
    let this_account = arn.is_none_or(|arn| {
        wildcard(arn.account) || report.account_id.as_deref() == Some(arn.account)
    });
    let scanned_region = arn.is_none_or(|arn| {
        wildcard(arn.region) || report.regions.iter().any(|region| region == arn.region)
    });
    report.complete
        && report.selection.is_everything()
        && options.scope == Scope::All
        && rules.iter().any(|rule| rule.id == waiver.rule)
        && this_account
        && scanned_region
}
