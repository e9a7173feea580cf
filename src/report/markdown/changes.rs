//! The sections on the baseline and on waivers.

use super::detail::{Detail, LONGEST_TEXT};
use super::escape::{escape_sentence, quote_code};
use super::parts::{format_list, format_summary};
use crate::report::{Baseline, EarlierFinding, Finding, Report, StaleState, StaleWaiver, Status};
use crate::text::{plural, truncate_middle};

/// Returns the comparison with the baseline.
pub(super) fn write_baseline(report: &Report, detail: Detail) -> Option<String> {
    let comparison = report.comparison.as_ref()?;
    let mut text = format!(
        "\n### Since the baseline\n\n{} new, {} unchanged, {} fixed, {} not checked this time.\n",
        comparison.new,
        comparison.unchanged,
        comparison.fixed.len(),
        comparison.not_judged.len()
    );
    let new: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|it| it.baseline == Some(Baseline::New) && (it.gating || detail.non_gating))
        .collect();
    let write_new = |it: &&Finding| {
        let gates = if it.gating { "" } else { ", does not gate" };
        let finding = write_finding(it.status, it.rule.id, &it.resource);
        format!("{finding}{gates}")
    };
    let lines = new.iter().take(detail.list_length).map(write_new).collect();
    text.push_str(&write_fold("New", lines, new.len()));
    let write_earlier = |it: &EarlierFinding| write_finding(it.status, &it.rule, &it.resource);
    for (title, earlier) in [
        ("Fixed", &comparison.fixed),
        ("Not checked this time", &comparison.not_judged),
    ] {
        let lines = earlier.iter().take(detail.list_length).map(write_earlier);
        text.push_str(&write_fold(title, lines.collect(), earlier.len()));
    }
    Some(text)
}

/// Returns a list that opens on a click; nothing if the list is empty.
fn write_fold(title: &str, lines: Vec<String>, total: usize) -> String {
    match total {
        0 => String::new(),
        _ => format_summary(&format!("{title}: {total}"), &format_list(lines, total)),
    }
}

/// Returns the waivers that are expired or unused.
pub(super) fn write_stale_waivers(report: &Report, detail: Detail) -> Option<String> {
    let stale = &report.stale_waivers;
    let write_waiver = |it: &StaleWaiver| {
        let state = match it.state {
            StaleState::Expired if it.findings == 0 => "expired".to_owned(),
            StaleState::Expired => {
                let verb = if it.findings == 1 { "counts" } else { "count" };
                let findings = plural(it.findings, "finding");
                format!("expired, {findings} {verb} again")
            }
            StaleState::Unused => "unused".to_owned(),
        };
        format!(
            "line {}: {} on {} until {}, {}: {state}",
            it.line,
            escape_sentence(&it.rule),
            quote_code(&truncate_middle(&it.resource, LONGEST_TEXT)),
            escape_sentence(&it.expires),
            escape_sentence(&truncate_middle(&it.owner, LONGEST_TEXT)),
        )
    };
    let lines = stale.iter().take(detail.list_length).map(write_waiver);
    let list = format_list(lines.collect(), stale.len());
    (!stale.is_empty()).then(|| format!("\n### Expired or unused waivers\n\n{list}"))
}

/// Returns the waived findings.
pub(super) fn write_waived(report: &Report, detail: Detail) -> Option<String> {
    let findings = report.findings.iter();
    let waived: Vec<_> = findings
        .filter_map(|it| it.waiver.as_ref().map(|waiver| (it, waiver)))
        .collect();
    let lines = waived.iter().take(detail.list_length).map(|(it, waiver)| {
        format!(
            "{}: until {}, {}: {}",
            write_finding(it.status, it.rule.id, &it.resource),
            escape_sentence(&waiver.expires),
            escape_sentence(&truncate_middle(&waiver.owner, LONGEST_TEXT)),
            escape_sentence(&truncate_middle(&waiver.reason, LONGEST_TEXT)),
        )
    });
    let list = format_list(lines.collect(), waived.len());
    let title = plural(waived.len(), "finding");
    (!waived.is_empty()).then(|| format!("\n### Waived\n{}", format_summary(&title, &list)))
}

/// Returns a finding as a line of a list.
fn write_finding(status: Status, rule: &str, resource: &str) -> String {
    format!(
        "{} {} on {}",
        status.as_str(),
        escape_sentence(rule),
        quote_code(&truncate_middle(resource, LONGEST_TEXT))
    )
}
