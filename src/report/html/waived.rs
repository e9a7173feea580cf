//! What is accepted for a time, and how the report stands to an earlier one.

use crate::report::text::clean;
use crate::report::{EarlierFinding, Finding, IdleState, Report};

use super::markup::{Piece, sentence};
use super::resources::{Listed, service};
use super::{number, shown, tone};

/// Rows of a list that are told.
const MOST: usize = 2_000;

/// Findings that a waiver covers.
#[derive(Debug)]
pub(super) struct Waived<'a> {
    findings: Vec<(&'a Finding, Option<usize>)>,
    left_out: usize,
}

/// One of them.
pub(super) struct WaivedRow {
    pub(super) tone: &'static str,
    pub(super) rule: &'static str,
    pub(super) number: Option<usize>,
    pub(super) resource: String,
    pub(super) service: &'static str,
    pub(super) region: String,
    pub(super) message: Vec<Piece>,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: String,
}

impl<'a> Waived<'a> {
    pub(super) fn new(report: &'a Report, listed: &Listed<'_>) -> Self {
        let mut findings: Vec<(&Finding, Option<usize>)> = report
            .findings
            .iter()
            .filter(|it| it.waiver.is_some())
            .map(|it| (it, listed.number(&it.resource)))
            .collect();
        let left_out = findings.len().saturating_sub(MOST);
        findings.truncate(MOST);
        Waived { findings, left_out }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn total(&self) -> String {
        number(self.findings.len() + self.left_out)
    }

    pub(super) fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| number(self.left_out))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = WaivedRow> {
        self.findings.iter().filter_map(|(finding, number)| {
            let waiver = finding.waiver.as_ref()?;
            Some(WaivedRow {
                tone: tone(finding.status),
                rule: finding.rule.id,
                number: *number,
                resource: shown(&finding.resource_id),
                service: service(finding.kind),
                region: clean(&finding.region).into_owned(),
                message: sentence(&finding.message),
                reason: clean(&waiver.reason).into_owned(),
                owner: clean(&waiver.owner).into_owned(),
                expires: clean(&waiver.expires).into_owned(),
            })
        })
    }
}

/// A waiver that does nothing any more.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) tone: &'static str,
    pub(super) state: &'static str,
    pub(super) rule: String,
    pub(super) resource: String,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) expires: String,
    pub(super) line: usize,
    pub(super) findings: String,
}

impl Idle {
    pub(super) fn new(report: &Report) -> Vec<Self> {
        report
            .idle_waivers
            .iter()
            .map(|it| {
                let (tone, state) = match it.state {
                    IdleState::Lapsed => ("fail", "lapsed"),
                    IdleState::Unused => ("warn", "unused"),
                };
                Idle {
                    tone,
                    state,
                    rule: shown(&it.rule),
                    resource: clean(&it.resource).into_owned(),
                    reason: clean(&it.reason).into_owned(),
                    owner: clean(&it.owner).into_owned(),
                    expires: clean(&it.expires).into_owned(),
                    line: it.line,
                    findings: number(it.findings),
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
                    resource: clean(&it.resource).into_owned(),
                })
                .collect(),
            left_out: (left_out > 0).then(|| number(left_out)),
        }
    }
}
