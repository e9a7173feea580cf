//! What waivers cover, and those that must be removed or renewed.

use crate::report::page::{Page, Tone};
use crate::report::{Report, StaleState};
use crate::text::count_more;

/// The number of findings or waivers that are listed.
const MOST: usize = 20;

/// Writes the findings that a waiver covers.
pub(super) fn write_waived_findings(page: &mut Page, report: &Report) {
    let waived = report.findings.iter();
    let waived: Vec<_> = waived
        .filter_map(|it| Some((it, it.waiver.as_ref()?)))
        .collect();
    if waived.is_empty() {
        return;
    }
    page.title("WAIVED", "");
    for (finding, waiver) in waived.iter().take(MOST) {
        let subject = format!("{} on {}", finding.rule.id, finding.resource);
        page.flow(2, 4, &[(Tone::Plain, &subject)]);
        let terms = format!(
            "waived until {} by {}: {}",
            waiver.expires, waiver.owner, waiver.reason
        );
        page.flow(4, 4, &[(Tone::Dim, &terms)]);
    }
    if waived.len() > MOST {
        let more = count_more(waived.len() - MOST);
        page.flow(2, 4, &[(Tone::Plain, &more)]);
    }
}

/// Writes the waivers that are expired or unused.
pub(super) fn write_stale_waivers(page: &mut Page, report: &Report) {
    let stale = &report.stale_waivers;
    if stale.is_empty() {
        return;
    }
    page.title("EXPIRED OR UNUSED WAIVERS", "");
    for waiver in stale.iter().take(MOST) {
        let tone = match waiver.state {
            StaleState::Expired => Tone::Bad,
            StaleState::Unused => Tone::Dim,
        };
        page.flow(2, 4, &[(tone, &waiver.words())]);
        let terms = format!(
            "config line {}: {} on {} ({}: {})",
            waiver.line, waiver.rule, waiver.resource, waiver.owner, waiver.reason
        );
        page.flow(4, 4, &[(Tone::Plain, &terms)]);
    }
    if stale.len() > MOST {
        let more = count_more(stale.len() - MOST);
        page.flow(2, 4, &[(Tone::Plain, &more)]);
    }
}
