//! Waivers that do nothing any more: somebody has to take them out, or to grant them again.

use crate::report::text::{Page, Tone};
use crate::report::{IdleState, Report};

/// Waivers that are listed.
const MOST: usize = 20;

pub(super) fn write(page: &mut Page, report: &Report) {
    let idle = &report.idle_waivers;
    if idle.is_empty() {
        return;
    }
    page.title("WAIVERS TO LOOK AT", "");
    for waiver in idle.iter().take(MOST) {
        let tone = match waiver.state {
            IdleState::Lapsed => Tone::Bad,
            IdleState::Unused => Tone::Dim,
        };
        page.flow(2, 4, &[(tone, &waiver.words())]);
        let whose = format!(
            "line {} of the config: {} on {} ({}: {})",
            waiver.line, waiver.rule, waiver.resource, waiver.owner, waiver.reason
        );
        page.flow(4, 4, &[(Tone::Plain, &whose)]);
    }
    if idle.len() > MOST {
        let more = format!("and {} more", idle.len() - MOST);
        page.flow(2, 4, &[(Tone::Plain, &more)]);
    }
}
