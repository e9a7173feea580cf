//! Findings of rules that do not apply, on request.

use crate::report::Report;
use crate::report::digest::counts::count_skipped;
use crate::report::page::{Page, Tone};
use crate::text::plural;

/// Writes each rule and reason once, with the number of resources.
pub(super) fn write_skipped(page: &mut Page, report: &Report) {
    let skipped = count_skipped(report);
    if skipped.is_empty() {
        return;
    }
    let total: usize = skipped.values().sum();
    page.title(
        &format!("SKIPPED: {}", plural(total, "finding")),
        "of rules that do not apply",
    );
    for ((rule, message), number) in skipped {
        let tail = format!("· {}: {message}", plural(number, "resource"));
        page.flow(2, 4, &[(Tone::Strong, rule), (Tone::Plain, &tail)]);
    }
}
