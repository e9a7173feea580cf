//! What is accepted for a time, and how the report stands to an earlier one.

use std::collections::BTreeMap;

use crate::report::{EarlierFinding, Finding, Report, StaleState};
use crate::text::escape_invisible;

use super::markup::{Piece, sentence};
use super::resources::{Listed, service};
use super::{many, number, shown, tone};

/// Rows of a list that are told.
const MOST: usize = 2_000;

/// Findings that waivers cover, by waiver.
#[derive(Debug)]
pub(super) struct Waived<'a> {
    pub(super) waivers: Vec<Covered<'a>>,
    total: usize,
    left_out: usize,
}

/// What one waiver covers of one rule.
#[derive(Debug)]
pub(super) struct Covered<'a> {
    pub(super) rule: &'static str,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: String,
    findings: Vec<(&'a Finding, Option<usize>)>,
}

/// One finding that is covered.
pub(super) struct WaivedRow {
    pub(super) tone: &'static str,
    pub(super) number: Option<usize>,
    pub(super) resource: String,
    pub(super) service: &'static str,
    pub(super) region: String,
    pub(super) message: Vec<Piece>,
}

impl<'a> Waived<'a> {
    pub(super) fn new(report: &'a Report, listed: &Listed<'_>) -> Self {
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
                covered.push((finding, listed.number(&finding.resource)));
            }
        }
        Waived {
            waivers: waivers
                .into_iter()
                .map(|((rule, expires, owner, reason), findings)| Covered {
                    rule,
                    reason: escape_invisible(reason).into_owned(),
                    owner: escape_invisible(owner).into_owned(),
                    expires: escape_invisible(expires).into_owned(),
                    findings,
                })
                .collect(),
            total,
            left_out: total.saturating_sub(MOST),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn total(&self) -> String {
        number(self.total)
    }

    pub(super) fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| number(self.left_out))
    }
}

impl Covered<'_> {
    pub(super) fn count(&self) -> String {
        many(self.findings.len(), "finding")
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = WaivedRow> {
        self.findings.iter().map(|(finding, number)| WaivedRow {
            tone: tone(finding.status),
            number: *number,
            resource: shown(&finding.resource_id),
            service: service(finding.kind),
            region: escape_invisible(&finding.region).into_owned(),
            message: sentence(&finding.message),
        })
    }
}

/// A waiver that does nothing any more.
#[derive(Debug)]
pub(super) struct Stale {
    pub(super) tone: &'static str,
    pub(super) state: &'static str,
    pub(super) rule: String,
    pub(super) resource: String,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: String,
    pub(super) line: usize,
    /// How many findings count again.
    pub(super) again: Option<String>,
}

impl Stale {
    pub(super) fn new(report: &Report) -> Vec<Self> {
        report
            .stale_waivers
            .iter()
            .map(|it| {
                let (tone, state) = match it.state {
                    StaleState::Expired => ("fail", "expired"),
                    StaleState::Unused => ("warn", "unused"),
                };
                Stale {
                    tone,
                    state,
                    rule: shown(&it.rule),
                    resource: escape_invisible(&it.resource).into_owned(),
                    reason: escape_invisible(&it.reason).into_owned(),
                    owner: escape_invisible(&it.owner).into_owned(),
                    expires: escape_invisible(&it.expires).into_owned(),
                    line: it.line,
                    again: (it.state == StaleState::Expired).then(|| match it.findings {
                        1 => "1 finding counts again".to_owned(),
                        findings => format!("{} findings count again", number(findings)),
                    }),
                }
            })
            .collect()
    }
}

/// How the report stands to an earlier one.
#[derive(Debug)]
pub(super) struct Compared {
    pub(super) new: String,
    pub(super) unchanged: String,
    pub(super) fixed: Earlier,
    pub(super) not_judged: Earlier,
}

/// Findings of the earlier report.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) total: String,
    pub(super) rows: Vec<EarlierRow>,
    pub(super) left_out: Option<String>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct EarlierRow {
    pub(super) tone: &'static str,
    pub(super) rule: String,
    pub(super) resource: String,
}

impl Compared {
    pub(super) fn new(report: &Report) -> Option<Self> {
        let comparison = report.comparison.as_ref()?;
        Some(Compared {
            new: number(comparison.new),
            unchanged: number(comparison.unchanged),
            fixed: Earlier::new(&comparison.fixed),
            not_judged: Earlier::new(&comparison.not_judged),
        })
    }
}

impl Earlier {
    fn new(findings: &[EarlierFinding]) -> Self {
        let left_out = findings.len().saturating_sub(MOST);
        Earlier {
            total: number(findings.len()),
            rows: findings
                .iter()
                .take(MOST)
                .map(|it| EarlierRow {
                    tone: tone(it.status),
                    rule: shown(&it.rule),
                    resource: escape_invisible(&it.resource).into_owned(),
                })
                .collect(),
            left_out: (left_out > 0).then(|| number(left_out)),
        }
    }
}
