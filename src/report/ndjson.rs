//! The JSON report in lines: every finding as it is in [`super::json`], and what is true of all of them
//! in the last line.

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::json::{JsonFinding, SCHEMA, Scan, Summary, Tool};
use super::{Comparison, Report, StaleWaiver, WriteError, line};
use crate::model::coverage::Coverage;

/// The last line, which alone has a `scan`. Where it is missing, the report was cut off.
#[derive(Debug, Serialize, Deserialize)]
pub struct LastLine {
    /// Always `backup-check/v1`.
    pub schema: String,
    /// What wrote it.
    pub tool: Tool,
    /// What was scanned.
    pub scan: Scan,
    /// Counts.
    pub summary: Summary,
    /// One row per region and service asked.
    pub coverage: Vec<Coverage>,
    /// Waivers of the config that do nothing any more; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_waivers: Vec<StaleWaiver>,
    /// How it stands to an earlier report; absent where it was compared with none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// Writes a report a finding a line.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, show_skipped: bool, out: &mut dyn Write) -> Result<(), WriteError> {
    for finding in report.shown(show_skipped) {
        line::write(&JsonFinding::new(finding), out)?;
    }
    let last = LastLine {
        schema: SCHEMA.to_owned(),
        tool: Tool::this(),
        scan: Scan::of(report),
        summary: Summary::of(report),
        coverage: report.coverage.clone(),
        stale_waivers: report.stale_waivers.clone(),
        comparison: report.comparison.clone(),
    };
    line::write(&last, out)
}
