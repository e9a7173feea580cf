//! Waivers that do nothing any more: somebody has to take them out, or to grant them again.

use crate::report::text::{Page, Tone, count};
use crate::report::{IdleState, IdleWaiver, Report};

/// Waivers that are listed.
const MOST: usize = 20;

pub(super) fn write(page: &mut Page, report: &Report) {
    let idle = &report.idle_waivers;
    if idle.is_empty() {
        return;
    }
    page.title("WAIVERS TO LOOK AT", "");
    for waiver in idle.iter().take(MOST) {
        let (tone, state) = match waiver.state {
            IdleState::Lapsed => (Tone::Bad, lapsed(waiver)),
            IdleState::Unused => (
                Tone::Dim,
                "unused: nothing that it names fails, so it can go".to_owned(),
            ),
        };
        page.flow(2, 4, &[(tone, &state)]);
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

fn lapsed(waiver: &IdleWaiver) -> String {
    let what = match waiver.findings {
        0 => "nothing that it covered is wrong any more".to_owned(),
        number => format!("{} again", counts(number)),
    };
    format!("lapsed on {}: {what}", waiver.expires)
}

fn counts(number: usize) -> String {
    let verb = if number == 1 { "counts" } else { "count" };
    format!("{} {verb}", count(number, "finding"))
}
