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

use std::panic::resume_unwind;
use std::thread;

use super::{CauseList, Report};
use counts::Totals;
use coverage_gaps::CoverageGaps;
use root_causes::RootCauses;
use view::View;

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
        // Each takes as long as the others for a large account.
        thread::scope(|scope| {
            let symptoms = scope
                .spawn(|| CauseList::collect(&report.findings, &report.arguments).symptom_ids());
            let view = scope.spawn(|| View::new(report));
            let causes = RootCauses::group(report);
            let symptoms = symptoms.join().unwrap_or_else(|panic| resume_unwind(panic));
            Digest {
                report,
                view: view.join().unwrap_or_else(|panic| resume_unwind(panic)),
                causes: RootCauses::rank(causes, &symptoms),
                gaps: CoverageGaps::group(report),
                totals: Totals::count(report),
            }
        })
    }
}
