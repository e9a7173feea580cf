//! What every dialect says of a change, in words.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{Change, Mended, Remedy, Step};
use crate::report::Report;

/// Resources that are named for a rule; of more, the number.
const MOST_NAMED: usize = 5;
/// Characters of an id that a name keeps.
const LONGEST_NAME: usize = 64;

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

/// What is not made in place, a line each; of what is, nothing.
pub(super) fn by_hand(remedy: &Remedy) -> Vec<String> {
    match remedy {
        Remedy::InPlace(_) => Vec::new(),
        Remedy::Runbook(steps) => (1..)
            .zip(steps)
            .map(|(number, step)| match step {
                Step::Say(words) => format!("  ({number}) {words}"),
                Step::Run { command, .. } => format!("  ({number}) $ {command}"),
            })
            .collect(),
        Remedy::Advice(words) => words.iter().map(|words| format!("  {words}")).collect(),
    }
}

/// A text with nothing in it but what may stand in a quoted string as it is: letters, digits and ASCII
/// that is seen. The rest is as the dialect writes it.
pub(super) fn escaped(text: &str, write: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric() => out.push(c),
            c => write(c, &mut out),
        }
    }
    out
}

/// A name made of letters, digits, `_` and `-` for a text, which begins with the letters `before`. What
/// had to be left out of it stands in for itself with a digest, so that the name stays the same whatever
/// else there is.
pub(super) fn name(before: &str, text: &str) -> String {
    let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if text.len() <= LONGEST_NAME && text.chars().all(fit) {
        return format!("{before}{text}");
    }
    let kept = text.chars().take(LONGEST_NAME);
    let kept: String = kept.map(|c| if fit(c) { c } else { '_' }).collect();
    let digest = Sha256::digest(text);
    let digest: String = digest
        .iter()
        .take(4)
        .map(|it| format!("{it:02x}"))
        .collect();
    format!("{before}{kept}_{digest}")
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
