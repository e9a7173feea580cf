//! The report of an organization for a terminal: 25 lines.

use std::collections::BTreeSet;
use std::io::Write;

use super::heat_map::rank_account;
use super::summary::{AccountLine, FleetReport};
use crate::exit::{Exit, FailOn};
use crate::model::fleet::Outcome;
use crate::report::WriteError;
use crate::text::{and_more, plural, truncate_middle};

/// The number of causes, each on two lines; fewer where most kinds of accounts were not seen.
const CAUSES: usize = 4;
/// The number of accounts; fewer where several kinds of accounts were not seen.
const ACCOUNTS: usize = 4;
/// The number of accounts that a line names.
const NAMED: usize = 3;

/// Writes a report.
pub(super) fn write_report(
    report: &FleetReport,
    width: usize,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut lines = vec![describe_run(report), summarize_verdicts(report)];
    let unseen = list_unseen(report);
    let most_accounts = ACCOUNTS.saturating_sub(unseen.len() / 2);
    let most_causes = CAUSES.saturating_sub(unseen.len() / 6);
    lines.extend(unseen);
    lines.push(String::new());
    lines.extend(list_counts(report));
    let causes: Vec<_> = report.causes.iter().take(most_causes).collect();
    if !causes.is_empty() {
        lines.push(String::new());
        lines.push("WHAT TO FIX FIRST".to_owned());
    }
    for cause in causes {
        lines.push(format!(
            "{:<8}{}, {}: {}",
            cause.status.as_str(),
            plural(cause.accounts, "account"),
            plural(cause.resources, "resource"),
            and_more(cause.rules.iter().map(String::as_str), NAMED)
        ));
        lines.push(format!("        {}", cause.message));
    }
    let mut worst: Vec<&AccountLine> = report.accounts.iter().collect();
    worst.retain(|it| it.exit_code == Some(Exit::Failed.code()));
    worst.sort_by_key(|it| rank_account(it));
    if !worst.is_empty() {
        lines.push(String::new());
        lines.push("WORST ACCOUNTS".to_owned());
    }
    for account in worst.into_iter().take(most_accounts) {
        let fails = plural(account.findings.gating_fail, "gating failure");
        lines.push(format!("{}: {fails}", account.label()));
    }
    lines.push(String::new());
    lines.push(describe_result(report));
    for line in lines {
        writeln!(out, "{}", truncate_middle(&line, width.max(40)))?;
    }
    Ok(())
}

fn describe_run(report: &FleetReport) -> String {
    let outcomes = &report.outcomes;
    let left_out = match outcomes.left_out {
        0 => String::new(),
        number => format!(", {number} left out"),
    };
    format!(
        "ORGANIZATION  run {}, {}{left_out}",
        report.run,
        plural(outcomes.count_selected(), "account")
    )
}

/// Returns the answer in one sentence.
pub(super) fn summarize_verdicts(report: &FleetReport) -> String {
    let counts = &report.verdicts;
    let parts = [
        (counts.not_ready, "not ready"),
        (counts.unknown, "unknown"),
        (counts.at_risk, "at risk"),
        (counts.ready, "ready"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, state)| format!("{number} {state}"))
        .collect();
    format!(
        "{}: {}.",
        plural(report.outcomes.count_selected(), "account"),
        parts.join(", ")
    )
}

/// Returns two lines per outcome of accounts of which nothing was seen: which ones they are, and why.
fn list_unseen(report: &FleetReport) -> Vec<String> {
    let unseen = Outcome::ALL.into_iter().filter(|it| it.is_unseen());
    let lines = unseen.flat_map(|outcome| {
        let accounts = report.accounts.iter().filter(|it| it.outcome == outcome);
        let accounts: Vec<&AccountLine> = accounts.collect();
        let labels: Vec<String> = accounts.iter().map(|it| it.label()).collect();
        let named = (!labels.is_empty()).then(|| {
            format!(
                "NOT SEEN  {} {}: {}",
                plural(labels.len(), "account"),
                outcome.as_str(),
                and_more(labels.iter().map(String::as_str), NAMED)
            )
        });
        let reasons = accounts.iter().filter_map(|it| it.reason.as_deref());
        let reasons: BTreeSet<&str> = reasons.collect();
        let others = reasons.len().saturating_sub(1);
        let why = reasons.first().map(|first| match others {
            0 => format!("          {first}"),
            _ => format!("          {first} ({})", plural(others, "other reason")),
        });
        named.into_iter().chain(why)
    });
    lines.collect()
}

fn list_counts(report: &FleetReport) -> [String; 2] {
    let (resources, findings) = (&report.resources, &report.findings);
    [
        format!(
            "RESOURCES {}: {} not ready, {} unknown, {} at risk, {} ready, {} exempt",
            resources.total,
            resources.not_ready,
            resources.unknown,
            resources.at_risk,
            resources.ready,
            resources.exempt
        ),
        format!(
            "FINDINGS  {} fail, {} unknown, {} warn, {} pass, {} waived",
            findings.fail, findings.unknown, findings.warn, findings.pass, findings.waived
        ),
    ]
}

/// Returns what the exit code says.
pub(super) fn describe_result(report: &FleetReport) -> String {
    let code = report.exit_code;
    let why = match report.gate {
        _ if code == Exit::Usage.code() => "no account could be entered",
        FailOn::Never => "--fail-on never",
        _ if code == Exit::Failed.code() => "gating checks fail",
        _ if code == Exit::Unknown.code() && report.outcomes.count_unseen() > 0 => {
            "some accounts were not seen, and no gating check fails"
        }
        _ if code == Exit::Unknown.code() => "gating checks are inconclusive, and none fails",
        _ => "no gating check fails",
    };
    format!("Result: {why} (exit code {code}).")
}
