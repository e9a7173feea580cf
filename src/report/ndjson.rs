//! The JSON report in lines: each finding as in [`super::json`], then everything else on the last line.

use std::io::Write;

use serde::Serialize;

use super::json::{JsonFinding, SCHEMA, Tool};
use super::line::{write_line, write_long_line};
use super::renderings::Renderings;
use super::stream::ReportFacts;
use super::{FindingSource, Report, Shown, WriteError};
use crate::exit::FailOn;

/// A finding with the time of its scan, so that the lines of many scans can be in one table.
#[derive(Serialize)]
struct FindingLine<'a> {
    #[serde(flatten)]
    finding: JsonFinding<'a>,
    /// The time at which reading finished, RFC 3339.
    scanned_at: &'a str,
}

/// The last line, the only one with a `scan`. A report without it is truncated.
#[derive(Serialize)]
struct LastLine<'a> {
    schema: &'static str,
    tool: Tool,
    #[serde(flatten)]
    facts: ReportFacts<'a>,
}

pub(super) fn write_findings(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut renderings = Renderings::default();
    source.visit_all(&mut |finding, _| match shown.includes(finding) {
        true => renderings.write_finding(finding, out, |text| {
            let line = FindingLine {
                finding: JsonFinding::new(finding),
                scanned_at: &report.finished_at,
            };
            write_line(&line, text)
        }),
        false => Ok(()),
    })?;
    let last = LastLine {
        schema: SCHEMA,
        tool: Tool::current(),
        facts: ReportFacts::new(report, shown, gate),
    };
    write_long_line(&last, out)
}
