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
        Digest {
            report,
            view: View::new(report),
            causes: RootCauses::group(
                report,
                &CauseList::collect(&report.findings, &report.arguments).symptom_ids(),
            ),
            gaps: CoverageGaps::group(report),
            totals: Totals::count(report),
        }
    }
}
