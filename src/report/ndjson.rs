//! The JSON report in lines: each finding as in [`super::json`], then everything else on the last line.

use std::borrow::Cow;
use std::io::Write;

use serde::{Deserialize, Serialize};

use super::json::{JsonFinding, JsonUnread, SCHEMA, Scan, Summary, Tool};
use super::line::{write_line, write_long_line};
use super::renderings::Renderings;
use super::{
    CauseList, Comparison, Finding, FindingWriter, ReportFacts, ResourceLine, ResourceVerdict,
    StaleWaiver, WriteError,
};
use crate::exit::FailOn;
use crate::model::coverage::Coverage;

/// The last line, the only one with a `scan`. A report without it is truncated.
#[derive(Debug, Serialize)]
pub struct LastLine<'a> {
    /// Always `backup-check/v1`.
    pub schema: String,
    /// The tool that wrote the report.
    pub tool: Tool,
    /// What was scanned.
    pub scan: Scan,
    /// Counts of resources and findings.
    pub summary: Summary,
    /// The verdict of the gating findings.
    pub verdict: ResourceVerdict,
    /// The exit code of the scan.
    pub exit_code: u8,
    /// What makes the exit code 1.
    pub gate: FailOn,
    /// One row per service and region.
    pub coverage: Cow<'a, [Coverage]>,
    /// What must change, sorted by id.
    pub causes: &'a CauseList<'a>,
    /// Waivers of the config that are expired or unused; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale_waivers: Vec<StaleWaiver>,
    /// The comparison with a baseline; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Incomplete lists that may lack gating resources; absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<JsonUnread>,
}

/// The writer of the format.
pub struct NdjsonWriter<'a> {
    out: &'a mut dyn Write,
    scanned_at: String,
    renderings: Renderings,
}

/// A finding with the time of its scan, so that the lines of many scans can be in one table.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindingLine<'a> {
    /// The finding.
    #[serde(flatten)]
    pub finding: JsonFinding<'a>,
    /// The time at which reading finished, RFC 3339.
    pub scanned_at: Cow<'a, str>,
}

impl<'a> NdjsonWriter<'a> {
    /// Returns a writer to an output.
    pub fn new(out: &'a mut dyn Write) -> Self {
        NdjsonWriter {
            out,
            scanned_at: String::new(),
            renderings: Renderings::default(),
        }
    }
}

impl FindingWriter for NdjsonWriter<'_> {
    fn begin_report(
        &mut self,
        scanned_at: &str,
        _: Option<&ReportFacts<'_>>,
    ) -> Result<(), WriteError> {
        scanned_at.clone_into(&mut self.scanned_at);
        Ok(())
    }

    fn write_finding(
        &mut self,
        finding: &Finding,
        _: Option<&ResourceLine>,
    ) -> Result<(), WriteError> {
        self.renderings.write_finding(finding, self.out, |text| {
            let line = FindingLine {
                finding: JsonFinding::new(finding),
                scanned_at: Cow::Borrowed(&self.scanned_at),
            };
            write_line(&line, text)
        })
    }

    fn finish_report(&mut self, facts: &ReportFacts<'_>) -> Result<(), WriteError> {
        let last = LastLine {
            schema: SCHEMA.to_owned(),
            tool: Tool::current(),
            scan: facts.scan.clone(),
            summary: facts.summary.clone(),
            verdict: facts.verdict,
            exit_code: facts.exit_code,
            gate: facts.gate,
            coverage: Cow::Borrowed(facts.coverage),
            causes: &facts.causes,
            stale_waivers: facts.stale_waivers.to_vec(),
            comparison: facts.comparison.cloned(),
            unread: facts.unread.iter().map(JsonUnread::new).collect(),
        };
        write_long_line(&last, self.out)
    }
}
