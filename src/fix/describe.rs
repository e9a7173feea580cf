//! What every dialect says about a change, in words.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::analysis::remedy::Declaration;

use super::change::{Change, FixedFinding, Method, Step};
use crate::report::Report;
use crate::text::{and_more, format_hex};

/// The number of resources named for a rule.
const MAX_RESOURCES: usize = 5;
/// The number of characters of an id that a generated name keeps.
const MAX_NAME: usize = 64;

/// Returns the description of a change, one comment a line: its number and title, the findings that it
/// fixes, the permissions that it needs, and its warnings.
pub(super) fn describe_change(number: usize, change: &Change) -> Vec<String> {
    let mut lines = vec![
        format!("{number}. {}", change.title),
        describe_fixes(&change.fixes),
    ];
    if !change.permissions.is_empty() {
        let permissions: Vec<&str> = change.permissions.iter().copied().collect();
        lines.push(format!("Required permissions: {}", permissions.join(", ")));
    }
    for warning in &change.warnings {
        lines.push(format!("Note: {warning}"));
    }
    let ids: Vec<&str> = change.fixes.iter().map(|it| it.finding.as_str()).collect();
    lines.push(format!("Findings: {}", ids.join(" ")));
    lines
}

/// Returns the fixed findings by rule: `Fixes some-rule on i-1, vol-2 and 34 more.`
fn describe_fixes(fixes: &[FixedFinding]) -> String {
    let mut rules: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for it in fixes {
        rules.entry(it.rule).or_default().insert(&it.resource);
    }
    let texts: Vec<String> = rules
        .into_iter()
        .map(|(rule, resources)| format!("{rule} on {}", and_more(resources, MAX_RESOURCES)))
        .collect();
    format!("Fixes {}.", texts.join("; "))
}

/// Returns what to declare, one comment a line.
fn describe_declaration(declaration: &Declaration) -> Vec<String> {
    let mut lines = Vec::new();
    if !declaration.lines.is_empty() {
        lines.push(format!(
            "  In {} ({}):",
            declaration.address, declaration.place
        ));
        lines.extend(declaration.lines.iter().map(|it| format!("    {it}")));
    }
    if !declaration.separate.is_empty() {
        lines.push(format!(
            "  Next to {} ({}):",
            declaration.address, declaration.place
        ));
        lines.extend(declaration.separate.iter().map(|it| format!("    {it}")));
    }
    lines.extend(describe_notes(declaration));
    lines
}

/// Returns what a declaration does not say in its own language, one comment a line.
pub(super) fn describe_notes(declaration: &Declaration) -> Vec<String> {
    let notes = declaration.notes.iter();
    notes.map(|it| format!("  {it}")).collect()
}

/// Returns the steps of a runbook or the advice, one comment a line; nothing for a change in place.
pub(super) fn describe_manual_steps(method: &Method) -> Vec<String> {
    match method {
        Method::InPlace(_) => Vec::new(),
        Method::Declaration(declaration) => describe_declaration(declaration),
        Method::Runbook(steps) => (1..)
            .zip(steps)
            .map(|(number, step)| match step {
                Step::Note(text) => format!("  ({number}) {text}"),
                Step::Run { command, .. } => format!("  ({number}) $ {command}"),
            })
            .collect(),
        Method::Advice(lines) => lines.iter().map(|line| format!("  {line}")).collect(),
    }
}

/// Returns the account and the time of the scan that the changes are based on.
pub(super) fn describe_source(report: &Report) -> String {
    let account = report.account_id.as_deref().map_or_else(
        || "an unknown account".to_owned(),
        |id| format!("account {id}"),
    );
    format!(
        "Changes to {account}, based on the scan of {}.",
        report.finished_at
    )
}

/// Returns the permissions needed to make all changes in place.
pub(super) fn permissions_in_place(changes: &[Change]) -> BTreeSet<&'static str> {
    let in_place = changes
        .iter()
        .filter(|it| matches!(it.method, Method::InPlace(_)));
    in_place
        .flat_map(|it| it.permissions.iter().copied())
        .collect()
}

/// Returns a text for the inside of a quoted string: letters, digits and visible ASCII stay as they are,
/// and the dialect escapes the rest.
pub(super) fn escape_string(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric() => out.push(c),
            c => escape(c, &mut out),
        }
    }
    out
}

/// Returns a name of letters, digits, `_` and `-` for a text. A digest replaces what does not fit, so the
/// name does not depend on the other names.
pub(super) fn make_name(prefix: &str, text: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if text.len() <= MAX_NAME && text.chars().all(is_allowed) {
        return format!("{prefix}{text}");
    }
    let kept = text.chars().take(MAX_NAME);
    let kept: String = kept.map(|c| if is_allowed(c) { c } else { '_' }).collect();
    let digest = Sha256::digest(text);
    format!("{prefix}{kept}_{}", format_hex(&digest[..4]))
}

/// Returns the variable that names the key for new volumes of a region: `EBS_KEY_ARN_EU_CENTRAL_1`.
pub(super) fn ebs_key_variable(region: &str) -> String {
    let to_word = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    let region: String = region.chars().map(to_word).collect();
    format!("EBS_KEY_ARN_{region}")
}
