//! Summaries of runs, one after the other.

use std::io::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::result::list_differences;
use super::summary::FleetReport;
use crate::report::WriteError;

/// One run among others. Only runs that saw the same number of accounts can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrendLine {
    /// The run.
    pub run: String,
    /// The time at which reading of the last account finished, RFC 3339; null where none was read.
    pub finished_at: Option<String>,
    /// The number of accounts that were to be scanned.
    pub accounts: usize,
    /// The number of accounts of which nothing was seen.
    pub unseen: usize,
    /// The number of accounts that are ready.
    pub ready: usize,
    /// The number of accounts that are not ready.
    pub not_ready: usize,
    /// The number of resources.
    pub resources: usize,
    /// The number of resources that are not ready.
    pub resources_not_ready: usize,
    /// The number of gating findings that fail.
    pub gating_fail: usize,
    /// The options that differ from those of the run before, sorted: its numbers may differ for that reason.
    pub changed_options: Vec<String>,
}

impl TrendLine {
    /// Returns the line of a run.
    #[must_use]
    pub fn new(report: &FleetReport, before: Option<&FleetReport>) -> Self {
        let changed = before.map(|before| list_differences(&before.options, &report.options));
        TrendLine {
            run: report.run.clone(),
            finished_at: report.finished_at.clone(),
            accounts: report.outcomes.count_selected(),
            unseen: report.outcomes.count_unseen(),
            ready: report.verdicts.ready,
            not_ready: report.verdicts.not_ready,
            resources: report.resources.total,
            resources_not_ready: report.resources.not_ready,
            gating_fail: report.findings.gating_fail,
            changed_options: changed.unwrap_or_default(),
        }
    }
}

/// Writes lines as a table: each number with its change since the line before.
///
/// # Errors
/// The output failed.
pub fn write_table(lines: &[TrendLine], out: &mut dyn Write) -> Result<(), WriteError> {
    writeln!(
        out,
        "{:<20} {:>14} {:>14} {:>14} {:>14} {:>18} {:>18}",
        "RUN", "ACCOUNTS", "NOT SEEN", "READY", "NOT READY", "RES. NOT READY", "GATING FAILURES"
    )?;
    let mut before: Option<&TrendLine> = None;
    for line in lines {
        let column = |pick: fn(&TrendLine) -> usize| match before {
            Some(before) => show_change(pick(line), pick(before)),
            None => pick(line).to_string(),
        };
        writeln!(
            out,
            "{:<20} {:>14} {:>14} {:>14} {:>14} {:>18} {:>18}",
            line.run,
            column(|it| it.accounts),
            column(|it| it.unseen),
            column(|it| it.ready),
            column(|it| it.not_ready),
            column(|it| it.resources_not_ready),
            column(|it| it.gating_fail)
        )?;
        if !line.changed_options.is_empty() {
            let names = line.changed_options.join(", ");
            writeln!(out, "  other options than the run before: {names}")?;
        }
        before = Some(line);
    }
    Ok(())
}

/// Writes lines as one JSON array.
///
/// # Errors
/// The output failed.
pub fn write_json(lines: &[TrendLine], out: &mut dyn Write) -> Result<(), WriteError> {
    serde_json::to_writer_pretty(&mut *out, lines)?;
    Ok(writeln!(out)?)
}

fn show_change(now: usize, before: usize) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Equal => format!("{now} (=)"),
        std::cmp::Ordering::Greater => format!("{now} (+{})", now - before),
        std::cmp::Ordering::Less => format!("{now} (-{})", before - now),
    }
}
