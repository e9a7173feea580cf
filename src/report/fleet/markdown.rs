//! The report of an organization as Markdown.

use std::io::Write;

use super::heat_map::rank_account;
use super::summary::{AccountLine, FleetReport};
use super::table::{describe_result, summarize_verdicts};
use crate::report::WriteError;
use crate::report::markdown::escape::{escape_sentence, format_row};
use crate::text::{count_more, plural};

/// The number of rows of each table.
const MOST_ROWS: usize = 50;

/// Writes a report.
pub(super) fn write_report(report: &FleetReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut text = format!(
        "# Backup readiness of the organization\n\nRun {}. {} {}\n",
        escape_sentence(&report.run),
        summarize_verdicts(report),
        describe_result(report)
    );
    add_unseen(&mut text, report);
    add_causes(&mut text, report);
    add_units(&mut text, report);
    add_accounts(&mut text, report);
    Ok(out.write_all(text.as_bytes())?)
}

fn add_unseen(text: &mut String, report: &FleetReport) {
    let unseen: Vec<&AccountLine> = report
        .accounts
        .iter()
        .filter(|it| it.outcome.is_unseen())
        .collect();
    if unseen.is_empty() {
        return;
    }
    text.push_str(&format!(
        "\n## Not seen\n\nNothing is known of {}.\n\n| account | outcome | reason |\n|---|---|---|\n",
        plural(unseen.len(), "account")
    ));
    // Never cut: what was not seen must not be overlooked.
    for account in unseen {
        text.push_str(&format_row(&[
            &account.label(),
            account.outcome.as_str(),
            account.reason.as_deref().unwrap_or_default(),
        ]));
    }
}

fn add_causes(text: &mut String, report: &FleetReport) {
    if report.causes.is_empty() {
        return;
    }
    text.push_str("\n## Causes\n\n| status | accounts | resources | rules | cause | fix |\n|---|--:|--:|---|---|---|\n");
    for cause in report.causes.iter().take(MOST_ROWS) {
        text.push_str(&format_row(&[
            cause.status.as_str(),
            &cause.accounts.to_string(),
            &cause.resources.to_string(),
            &cause.rules.join(", "),
            &cause.message,
            cause.fix.as_deref().unwrap_or_default(),
        ]));
    }
    let listed = report.causes.len().min(MOST_ROWS);
    push_more(
        text,
        report.causes.len() + report.more_causes - listed,
        "cause",
    );
}

fn add_units(text: &mut String, report: &FleetReport) {
    text.push_str("\n## Organizational units\n\n| path | not ready | unknown | at risk | ready | not seen | left out |\n|---|--:|--:|--:|--:|--:|--:|\n");
    for unit in report.units.iter().take(MOST_ROWS) {
        let path = unit.ou.as_ref().map(ToString::to_string);
        let counts = &unit.verdicts;
        text.push_str(&format_row(&[
            path.as_deref().unwrap_or("not known"),
            &counts.not_ready.to_string(),
            &counts.unknown.to_string(),
            &counts.at_risk.to_string(),
            &counts.ready.to_string(),
            &unit.unseen.to_string(),
            &unit.left_out.to_string(),
        ]));
    }
    push_more(
        text,
        report.units.len().saturating_sub(MOST_ROWS),
        "organizational unit",
    );
}

fn add_accounts(text: &mut String, report: &FleetReport) {
    let mut accounts: Vec<&AccountLine> = report.accounts.iter().collect();
    accounts.retain(|it| it.verdict.is_some());
    accounts.sort_by_key(|it| rank_account(it));
    text.push_str("\n## Accounts\n\n| account | outcome | verdict | resources not ready | gating failures |\n|---|---|---|--:|--:|\n");
    for account in accounts.iter().take(MOST_ROWS) {
        text.push_str(&format_row(&[
            &account.label(),
            account.outcome.as_str(),
            account.verdict.map_or("", |it| it.as_str()),
            &account.resources.not_ready.to_string(),
            &account.findings.gating_fail.to_string(),
        ]));
    }
    push_more(text, accounts.len().saturating_sub(MOST_ROWS), "account");
}

fn push_more(text: &mut String, number: usize, noun: &str) {
    if number > 0 {
        let noun = crate::text::plural_noun(number, noun);
        text.push_str(&format!("\n{} {noun}.\n", count_more(number)));
    }
}
