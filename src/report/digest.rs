//! What several formats show of a report, computed once: the sections of its resources, its root causes,
//! counts, coverage gaps and the sentences of the summary.
//!
//! Writers only lay it out, so every format shows the same causes under the same ids.

pub(super) mod counts;
pub(super) mod coverage_gaps;
pub(super) mod families;
pub(super) mod names;
pub(super) mod prerequisites;
pub(super) mod root_causes;
pub(super) mod summary;
pub(super) mod view;
pub(super) mod wording;

use std::collections::BTreeSet;

use super::{CauseLedger, Report};
use counts::Totals;
use coverage_gaps::CoverageGaps;
use root_causes::RootCauses;
use view::View;

/// Returns the ids of the causes that another cause explains.
fn find_symptoms(report: &Report) -> BTreeSet<String> {
    let mut ledger = CauseLedger::default();
    report.findings.iter().for_each(|it| ledger.add_finding(it));
    let lines = ledger.into_lines(|_| Vec::new()).into_iter();
    let symptoms = lines.filter(|line| line.explained_by.is_some());
    symptoms.map(|line| line.id).collect()
}

/// A report, sorted, grouped and counted.
#[derive(Debug)]
pub(super) struct Digest<'a> {
    pub(super) report: &'a Report,
    pub(super) view: View<'a>,
    pub(super) causes: RootCauses<'a>,
    pub(super) gaps: CoverageGaps<'a>,
    pub(super) totals: Totals,
}

impl<'a> Digest<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Digest {
            report,
            view: View::new(report),
            causes: RootCauses::group(report, &find_symptoms(report)),
            gaps: CoverageGaps::group(report),
            totals: Totals::count(report),
        }
    }
}
