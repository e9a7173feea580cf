//! The report of an organization: results of accounts, one after the other, folded into one summary.
//!
//! The summary keeps counts, a line per account and the largest causes, never a finding: its size depends on the
//! number of accounts alone. Every format is written from it, except the tables of [`lake`], which need the
//! findings and are written account by account.

mod causes;
mod csv;
mod heat_map;
mod html;
pub mod lake;
mod markdown;
mod openmetrics;
mod parquet;
pub mod result;
pub mod summary;
mod table;
pub mod trend;

use std::io::Write;

use super::WriteError;
use summary::FleetReport;

/// One output format of an organization.
#[derive(Debug)]
pub struct FleetFormat {
    /// Its name on the command line.
    pub name: &'static str,
    write: fn(&FleetReport, usize, &mut dyn Write) -> Result<(), WriteError>,
}

/// The name of the format that is a folder of tables, which [`lake`] writes.
pub const PARQUET: &str = "parquet";

/// Every format that is one document.
#[rustfmt::skip]
pub static FLEET_FORMATS: &[FleetFormat] = &[
    FleetFormat { name: "table", write: table::write_report },
    FleetFormat { name: "json", write: |report, _, out| summary::write_json(report, out) },
    FleetFormat { name: "markdown", write: |report, _, out| markdown::write_report(report, out) },
    FleetFormat { name: "html", write: |report, _, out| html::write_report(report, out) },
    FleetFormat { name: "csv", write: |report, _, out| csv::write_report(report, out) },
    FleetFormat { name: "openmetrics", write: |report, _, out| openmetrics::write_report(report, out) },
];

impl FleetFormat {
    /// Returns the format with a name.
    #[must_use]
    pub fn with_name(name: &str) -> Option<&'static FleetFormat> {
        FLEET_FORMATS.iter().find(|format| format.name == name)
    }

    /// Returns the names of all formats, for errors.
    #[must_use]
    pub fn list_names() -> String {
        let names: Vec<&str> = FLEET_FORMATS.iter().map(|format| format.name).collect();
        names.join(", ")
    }

    /// Writes a report. `width` is that of the terminal, in columns.
    ///
    /// # Errors
    /// The output failed.
    pub fn write_report(
        &self,
        report: &FleetReport,
        width: usize,
        out: &mut dyn Write,
    ) -> Result<(), WriteError> {
        (self.write)(report, width, out)
    }
}
