//! Waivers, and the comparison with the baseline.

use std::collections::BTreeMap;

use super::markup::{Piece, parse_sentence};
use super::resources::ListedResources;
use super::text::{count_of, format_name, format_number};
use crate::report::digest::names::service_name;
use crate::report::{EarlierFinding, Finding, Report, StaleState};
use crate::text::escape_invisible;

/// The number of rows of a list that are shown.
const MOST: usize = 2_000;

/// The waived findings, by waiver.
#[derive(Debug)]
pub(super) struct WaivedFindings<'a> {
    pub(super) waivers: Vec<CoveredFindings<'a>>,
    total: usize,
    omitted: usize,
}

/// The findings of one rule that one waiver covers.
#[derive(Debug)]
pub(super) struct CoveredFindings<'a> {
    pub(super) rule: &'static str,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: String,
    findings: Vec<(&'a Finding, Option<usize>)>,
}

/// One waived finding.
pub(super) struct WaivedRow {
    pub(super) class: &'static str,
    pub(super) number: Option<usize>,
    pub(super) resource: String,
    pub(super) service: &'static str,
    pub(super) region: String,
    pub(super) message: Vec<Piece>,
}

impl<'a> WaivedFindings<'a> {
    pub(super) fn new(report: &'a Report, listed: &ListedResources<'_>) -> Self {
        type Terms<'r> = (&'static str, &'r str, &'r str, &'r str);
        let mut waivers: BTreeMap<Terms<'_>, Vec<(&Finding, Option<usize>)>> = BTreeMap::new();
        let mut total = 0;
        for finding in &report.findings {
            let Some(waiver) = &finding.waiver else {
                continue;
            };
            total += 1;
            if total <= MOST {
                let terms: Terms<'_> = (
                    finding.rule.id,
                    &waiver.expires,
                    &waiver.owner,
                    &waiver.reason,
                );
                let covered = waivers.entry(terms).or_default();
                covered.push((finding, listed.number_of(&finding.resource)));
            }
        }
        WaivedFindings {
            waivers: waivers
                .into_iter()
                .map(
                    |((rule, expires, owner, reason), findings)| CoveredFindings {
                        rule,
                        reason: escape_invisible(reason).into_owned(),
                        owner: escape_invisible(owner).into_owned(),
                        expires: escape_invisible(expires).into_owned(),
                        findings,
                    },
                )
                .collect(),
            total,
            omitted: total.saturating_sub(MOST),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn count_findings(&self) -> String {
        format_number(self.total)
    }

    pub(super) fn count_omitted(&self) -> Option<String> {
        (self.omitted > 0).then(|| format_number(self.omitted))
    }
}

impl CoveredFindings<'_> {
    pub(super) fn count_findings(&self) -> String {
        count_of(self.findings.len(), "finding")
    }

    pub(super) fn finding_rows(&self) -> impl Iterator<Item = WaivedRow> {
        self.findings.iter().map(|(finding, number)| WaivedRow {
            class: finding.status.as_str(),
            number: *number,
            resource: format_name(&finding.resource_id),
            service: service_name(finding.kind),
            region: escape_invisible(&finding.region).into_owned(),
            message: parse_sentence(&finding.explanation.message),
        })
    }
}

/// A waiver that is expired or unused.
#[derive(Debug)]
pub(super) struct StaleRow {
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) rule: String,
    pub(super) resource: String,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: String,
    pub(super) line: usize,
    /// The number of findings that count again.
    pub(super) counts_again: Option<String>,
}

impl StaleRow {
    pub(super) fn collect(report: &Report) -> Vec<Self> {
        report
            .stale_waivers
            .iter()
            .map(|it| {
                let (class, state) = match it.state {
                    StaleState::Expired => ("fail", "expired"),
                    StaleState::Unused => ("warn", "unused"),
                };
                StaleRow {
                    class,
                    state,
                    rule: format_name(&it.rule),
                    resource: escape_invisible(&it.resource).into_owned(),
                    reason: escape_invisible(&it.reason).into_owned(),
                    owner: escape_invisible(&it.owner).into_owned(),
                    expires: escape_invisible(&it.expires).into_owned(),
                    line: it.line,
                    counts_again: (it.state == StaleState::Expired).then(|| {
                        let verb = if it.findings == 1 { "counts" } else { "count" };
                        format!("{} {verb} again", count_of(it.findings, "finding"))
                    }),
                }
            })
            .collect()
    }
}

/// The comparison with the baseline.
#[derive(Debug)]
pub(super) struct BaselineChanges {
    pub(super) new: String,
    pub(super) unchanged: String,
    pub(super) fixed: EarlierList,
    pub(super) not_checked: EarlierList,
}

/// Findings of the baseline.
#[derive(Debug)]
pub(super) struct EarlierList {
    pub(super) total: String,
    pub(super) rows: Vec<EarlierRow>,
    pub(super) omitted: Option<String>,
}

/// One finding of the baseline.
#[derive(Debug)]
pub(super) struct EarlierRow {
    pub(super) class: &'static str,
    pub(super) rule: String,
    pub(super) resource: String,
}

impl BaselineChanges {
    pub(super) fn new(report: &Report) -> Option<Self> {
        let comparison = report.comparison.as_ref()?;
        Some(BaselineChanges {
            new: format_number(comparison.new),
            unchanged: format_number(comparison.unchanged),
            fixed: EarlierList::new(&comparison.fixed),
            not_checked: EarlierList::new(&comparison.not_judged),
        })
    }
}

impl EarlierList {
    fn new(findings: &[EarlierFinding]) -> Self {
        let omitted = findings.len().saturating_sub(MOST);
        EarlierList {
            total: format_number(findings.len()),
            rows: findings
                .iter()
                .take(MOST)
                .map(|it| EarlierRow {
                    class: it.status.as_str(),
                    rule: format_name(&it.rule),
                    resource: escape_invisible(&it.resource).into_owned(),
                })
                .collect(),
            omitted: (omitted > 0).then(|| format_number(omitted)),
        }
    }
}
