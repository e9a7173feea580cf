//! Waivers that do nothing any more: somebody has to take them out, or to grant them again.

use crate::report::page::{Page, Tone};
use crate::report::{Report, StaleState};

/// Waivers that are listed.
const MOST: usize = 20;

pub(super) fn write(page: &mut Page, report: &Report) {
    let stale = &report.stale_waivers;
    if stale.is_empty() {
        return;
    }
    page.title("WAIVERS TO LOOK AT", "");
    for waiver in stale.iter().take(MOST) {
        let tone = match waiver.state {
            StaleState::Expired => Tone::Bad,
            StaleState::Unused => Tone::Dim,
        };
        page.flow(2, 4, &[(tone, &waiver.words())]);
        let whose = format!(
            "line {} of the config: {} on {} ({}: {})",
            waiver.line, waiver.rule, waiver.resource, waiver.owner, waiver.reason
        );
        page.flow(4, 4, &[(Tone::Plain, &whose)]);
    }
    if stale.len() > MOST {
        let more = format!("and {} more", stale.len() - MOST);
        page.flow(2, 4, &[(Tone::Plain, &more)]);
    }
}
