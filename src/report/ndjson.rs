//! The JSON report in lines: each finding as in [`super::json`], then everything else on the last line.

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::json::{JsonFinding, SCHEMA, Scan, Summary, Tool};
use super::line::write_line;
use super::{
    Comparison, Finding, FindingWriter, ReportFacts, ResourceLine, StaleWaiver, WriteError,
};
use crate::model::coverage::Coverage;

/// The last line, the only one with a `scan`. A report without it is truncated.
#[derive(Debug, Serialize, Deserialize)]
pub struct LastLine {
    /// Always `backup-check/v1`.
    pub schema: String,
    /// The tool that wrote the report.
    pub tool: Tool,
    /// What was scanned.
    pub scan: Scan,
    /// Counts of resources and findings.
    pub summary: Summary,
    /// One row per service and region.
    pub coverage: Vec<Coverage>,
    /// Waivers of the config that are expired or unused; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_waivers: Vec<StaleWaiver>,
    /// The comparison with a baseline; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// The writer of the format.
pub struct NdjsonWriter<'a> {
    out: &'a mut dyn Write,
}

impl<'a> NdjsonWriter<'a> {
    /// Returns a writer to an output.
    pub fn new(out: &'a mut dyn Write) -> Self {
        NdjsonWriter { out }
    }
}

impl FindingWriter for NdjsonWriter<'_> {
    fn begin_report(&mut self, _: Option<&ReportFacts<'_>>) -> Result<(), WriteError> {
        Ok(())
    }

    fn write_finding(
        &mut self,
        finding: &Finding,
        _: Option<&ResourceLine>,
    ) -> Result<(), WriteError> {
        write_line(&JsonFinding::new(finding), self.out)
    }

    fn finish_report(&mut self, facts: &ReportFacts<'_>) -> Result<(), WriteError> {
        let last = LastLine {
            schema: SCHEMA.to_owned(),
            tool: Tool::current(),
            scan: facts.scan.clone(),
            summary: facts.summary.clone(),
            coverage: facts.coverage.to_vec(),
            stale_waivers: facts.stale_waivers.to_vec(),
            comparison: facts.comparison.cloned(),
        };
        write_line(&last, self.out)
    }
}
