//! What every dialect says of a change, in words.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Mended, Remedy};
use crate::report::Report;

/// Resources that are named for a rule; of more, the number.
const MOST_NAMED: usize = 5;

/// What a change is for, what it takes, and what notices it: a line each.
pub(super) fn about(change: &Change) -> Vec<String> {
    let mut lines = vec![mends(&change.mends)];
    if !change.permissions.is_empty() {
        let permissions: Vec<&str> = change.permissions.iter().copied().collect();
        lines.push(format!("Needs {}.", permissions.join(", ")));
    }
    for warning in &change.warnings {
        lines.push(format!("Note: {warning}"));
    }
    lines
}

/// The findings that a change mends, by rule: `Mends kms-key-shared on i-1, vol-2 and 34 more.`
fn mends(mended: &[Mended]) -> String {
    let mut rules: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for it in mended {
        rules.entry(it.rule).or_default().insert(&it.resource);
    }
    let texts: Vec<String> = rules
        .into_iter()
        .map(|(rule, resources)| {
            let named: Vec<&str> = resources.iter().take(MOST_NAMED).copied().collect();
            let more = match resources.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{rule} on {}{more}", named.join(", "))
        })
        .collect();
    format!("Mends {}.", texts.join("; "))
}

/// The ids of the findings, for `fix ID` and for baselines.
pub(super) fn ids(change: &Change) -> Vec<&str> {
    change.mends.iter().map(|it| it.finding.as_str()).collect()
}

/// Everything that is needed to make all changes in place.
pub(super) fn permissions(changes: &[Change]) -> BTreeSet<&'static str> {
    let in_place = changes
        .iter()
        .filter(|it| matches!(it.remedy, Remedy::InPlace(_)));
    in_place
        .flat_map(|it| it.permissions.iter().copied())
        .collect()
}

/// Whose account it is, in a sentence's place for it.
pub(super) fn account(report: &Report) -> String {
    report.account_id.as_deref().map_or_else(
        || "an unknown account".to_owned(),
        |id| format!("account {id}"),
    )
}
