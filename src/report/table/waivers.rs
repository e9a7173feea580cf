//! Waivers that are expired or unused, and must be removed or renewed.

use crate::report::page::{Page, Tone};
use crate::report::{Report, StaleState};
use crate::text::count_more;

/// The number of waivers that are listed.
const MOST: usize = 20;

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
