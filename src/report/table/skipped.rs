//! Rules that did not apply, for those who ask.

use std::collections::BTreeMap;

use crate::report::{Report, Status};

use crate::report::page::{Page, Tone};
use crate::text::plural;

/// Each rule and reason once, with the number of resources that it did not apply to.
pub(super) fn write(page: &mut Page, report: &Report) {
    let mut skipped: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for finding in report
        .findings
        .iter()
        .filter(|it| it.status == Status::Skip)
    {
        *skipped
            .entry((finding.rule.id, &finding.message))
            .or_default() += 1;
    }
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
