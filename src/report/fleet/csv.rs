//! One account per row as CSV, RFC 4180.

use std::io::Write;

use super::summary::FleetReport;
use crate::report::WriteError;
use crate::report::csv::{escape_formulas, start_table, to_write_error};

/// The columns. New ones are appended.
const COLUMNS: [&str; 20] = [
    "run",
    "account_id",
    "account_name",
    "ou",
    "outcome",
    "reason",
    "verdict",
    "exit_code",
    "resources",
    "ready",
    "at_risk",
    "not_ready",
    "unknown",
    "exempt",
    "gating_fail",
    "gating_unknown",
    "fail",
    "warn",
    "api_calls",
    "seconds",
];

/// Writes a report.
pub(super) fn write_report(report: &FleetReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut rows = start_table(&COLUMNS, out)?;
    for account in &report.accounts {
        let text = |value: &str| escape_formulas(value).into_owned();
        let (resources, findings) = (&account.resources, &account.findings);
        let row = [
            text(&report.run),
            text(&account.id),
            text(account.name.as_deref().unwrap_or_default()),
            account
                .ou
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            account.outcome.as_str().to_owned(),
            text(account.reason.as_deref().unwrap_or_default()),
            account
                .verdict
                .map(|it| it.as_str().to_owned())
                .unwrap_or_default(),
            account
                .exit_code
                .map(|it| it.to_string())
                .unwrap_or_default(),
            resources.total.to_string(),
            resources.ready.to_string(),
            resources.at_risk.to_string(),
            resources.not_ready.to_string(),
            resources.unknown.to_string(),
            resources.exempt.to_string(),
            findings.gating_fail.to_string(),
            findings.gating_unknown.to_string(),
            findings.fail.to_string(),
            findings.warn.to_string(),
            account.api_calls.to_string(),
            account.seconds.map(|it| it.to_string()).unwrap_or_default(),
        ];
        rows.write_record(row).map_err(to_write_error)?;
    }
    Ok(rows.flush()?)
}
