//! The table of formats: the names that `--format` accepts, their help, and their writers.

use std::io::Write;

use crate::exit::FailOn;

use super::stream::{FindingSource, HeldFindings, Shown};
use super::table::Style;
use super::{
    Report, Status, WriteError, asff, csv, github, html, json, junit, markdown, ndjson, ocsf,
    openmetrics, sarif, table,
};

/// What a writer needs to know besides the report.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The layout of text for people.
    pub style: Style,
    /// The file that findings without a location point at, as a path within the repository.
    pub anchor: String,
    /// What makes the exit code 1: a format that other tools act on must not fail what the scan passes.
    pub gate: FailOn,
    /// The statuses of the findings in exports; empty for all.
    pub statuses: Vec<Status>,
}

impl Rendering {
    /// Returns the findings that an export has.
    fn shown(&self) -> Shown {
        match self.statuses.as_slice() {
            [] => self.style.show_skipped.into(),
            statuses => Shown::only(statuses, self.style.show_skipped),
        }
    }
}

/// One output format.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is and who reads it.
    pub about: &'static str,
    /// Its writer.
    pub writer: Writer,
    /// Whether it is a list of findings, which --status narrows; the others count and group them.
    pub lists_findings: bool,
}

/// The writer of a format.
#[derive(Debug, Clone, Copy)]
pub enum Writer {
    /// Writes a report that may have only counted the findings that pass or do not apply.
    Report(fn(&Report, &Rendering, &mut dyn Write) -> Result<(), WriteError>),
    /// Writes all findings one by one.
    Findings(WriteFindings),
}

/// Writes a report whose findings are in a source.
type WriteFindings =
    fn(&Report, &dyn FindingSource, &Rendering, &mut dyn Write) -> Result<(), WriteError>;

/// The name of the default format.
pub const TABLE: &str = "table";
/// The name of the format that also writes the summary and the outputs of a GitHub Actions step.
pub const GITHUB: &str = "github";

/// The formats that can have a section on cost.
pub const COST_SECTION_FORMATS: [&str; 3] = ["html", "markdown", GITHUB];

/// Every format. The help of `--format` lists them in this order.
pub static FORMATS: &[Format] = &[
    Format {
        name: TABLE,
        lists_findings: false,
        about: "text for a terminal",
        writer: Writer::Report(|report, how, out| table::write(report, &how.style, how.gate, out)),
    },
    Format {
        name: "json",
        lists_findings: true,
        about: "one document of schema backup-check/v1",
        writer: Writer::Findings(|report, source, how, out| {
            json::write_findings(report, source, how.shown(), how.gate, out)
        }),
    },
    Format {
        name: "ndjson",
        lists_findings: true,
        about: "one finding per line, the summary on the last",
        writer: Writer::Findings(|report, source, how, out| {
            ndjson::write_findings(report, source, how.shown(), how.gate, out)
        }),
    },
    Format {
        name: "csv",
        lists_findings: true,
        about: "one finding per row, for spreadsheets",
        writer: Writer::Findings(|report, source, how, out| {
            csv::write_findings(report, source, how.shown(), out)
        }),
    },
    Format {
        name: "sarif",
        lists_findings: true,
        about: "SARIF 2.1.0, for code scanning",
        writer: Writer::Report(|report, how, out| {
            sarif::write_report(report, &how.anchor, how.gate, how.shown(), out)
        }),
    },
    Format {
        name: "junit",
        lists_findings: true,
        about: "JUnit XML, for CI servers",
        writer: Writer::Findings(|report, source, how, out| {
            junit::write_findings(report, source, how.shown(), how.gate, out)
        }),
    },
    Format {
        name: "ocsf",
        lists_findings: true,
        about: "one OCSF 1.5 Compliance Finding per line, for Security Lake",
        writer: Writer::Findings(|report, source, how, out| {
            ocsf::write_findings(report, source, how.shown(), out)
        }),
    },
    Format {
        name: "asff",
        lists_findings: true,
        about: "one BatchImportFindings request per line, for AWS Security Hub",
        writer: Writer::Findings(|report, source, how, out| {
            asff::write_findings(report, source, how.shown(), out)
        }),
    },
    Format {
        name: "openmetrics",
        lists_findings: false,
        about: "gauges for Prometheus, through the textfile collector of the node exporter",
        writer: Writer::Report(|report, _, out| openmetrics::write_report(report, out)),
    },
    Format {
        name: "markdown",
        lists_findings: false,
        about: "text for pull requests, at most 1 MiB",
        writer: Writer::Report(|report, _, out| markdown::write(report, out)),
    },
    Format {
        name: GITHUB,
        lists_findings: false,
        about: "annotations, summary and outputs of a GitHub Actions step",
        writer: Writer::Report(|report, how, out| {
            github::write(report, &how.anchor, how.gate, out)
        }),
    },
    Format {
        name: "html",
        lists_findings: false,
        about: "one self-contained page",
        writer: Writer::Report(|report, how, out| {
            html::write(report, how.style.show_skipped, how.gate, out)
        }),
    },
];

impl Format {
    /// Returns the format with the name.
    #[must_use]
    pub fn with_name(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// Returns the names of all formats, for errors.
    #[must_use]
    pub fn list_names() -> String {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        names.join(", ")
    }

    /// Writes a report that holds all its findings.
    ///
    /// # Errors
    /// The output failed, or the report lacks a value that the format requires.
    pub fn write_report(
        &self,
        report: &Report,
        how: &Rendering,
        out: &mut dyn Write,
    ) -> Result<(), WriteError> {
        self.write_findings(report, &HeldFindings::new(report), how, out)
    }

    /// Writes a report whose findings are in a source. The report may omit those that pass or do not apply.
    ///
    /// # Errors
    /// The output failed, or the report lacks a value that the format requires.
    pub fn write_findings(
        &self,
        report: &Report,
        source: &dyn FindingSource,
        how: &Rendering,
        out: &mut dyn Write,
    ) -> Result<(), WriteError> {
        match self.writer {
            Writer::Report(write) => write(report, how, out),
            Writer::Findings(write) => write(report, source, how, out),
        }
    }
}
