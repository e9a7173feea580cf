//! The estimate of what backups cost, in the formats of `backup-check cost`, and as a section of the Markdown
//! and HTML reports.

mod csv;
mod json;
mod markdown;
mod table;
mod view;

use std::io::Write;

use super::WriteError;
use super::table::Style;
use crate::cost::estimate::Estimate;

pub use json::cost_schema;
pub(super) use markdown::write_section;
pub(super) use view::CostView;

/// A format of an estimate.
#[derive(Debug)]
pub struct CostFormat {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    write: fn(&Estimate, &Style, &mut dyn Write) -> Result<(), WriteError>,
}

/// Every format, the default first.
#[rustfmt::skip]
pub static COST_FORMATS: &[CostFormat] = &[
    CostFormat { name: "table", about: "text for a terminal", write: table::write },
    CostFormat { name: "json", about: "one document of schema backup-check/cost/v1", write: |estimate, _, out| json::write(estimate, out) },
    CostFormat { name: "csv", about: "one row per type, region and payer, for spreadsheets", write: |estimate, _, out| csv::write(estimate, out) },
    CostFormat { name: "markdown", about: "text for pull requests and wikis", write: |estimate, _, out| markdown::write(estimate, out) },
];

impl CostFormat {
    /// Returns the format with a name.
    #[must_use]
    pub fn with_name(name: &str) -> Option<&'static CostFormat> {
        COST_FORMATS.iter().find(|it| it.name == name)
    }

    /// Writes an estimate.
    ///
    /// # Errors
    /// The writer failed.
    pub fn write_estimate(
        &self,
        estimate: &Estimate,
        style: &Style,
        out: &mut dyn Write,
    ) -> Result<(), WriteError> {
        (self.write)(estimate, style, out)
    }
}
