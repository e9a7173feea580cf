//! The table of formats: what `--format` takes, its help, and who writes it.

use std::io::Write;

use crate::exit::FailOn;

use super::table::Style;
use super::{
    Report, WriteError, asff, csv, github, html, json, junit, markdown, ndjson, ocsf, sarif, table,
};

/// What a writer may know beside the report.
#[derive(Debug, Clone, Copy)]
pub struct Rendering<'a> {
    /// How text for people looks.
    pub style: Style,
    /// The file that findings point at where they have no place of their own, as a path within the
    /// repository.
    pub anchor: &'a str,
    /// What makes the exit code 1: a report that others act on must not fail what passes.
    pub gate: FailOn,
}

/// One format.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// Who reads it.
    pub about: &'static str,
    /// Writes a report in it.
    pub write: fn(&Report, &Rendering<'_>, &mut dyn Write) -> Result<(), WriteError>,
}

/// The format that also fills the files of a step of GitHub Actions.
pub const GITHUB: &str = "github";

/// Every format.
pub static ALL: &[Format] = &[
    Format {
        name: "table",
        about: "people at a terminal",
        write: |report, how, out| table::write(report, &how.style, out),
    },
    Format {
        name: "json",
        about: "programs: schema backup-check/v1",
        write: |report, how, out| json::write(report, how.style.show_skipped, out),
    },
    Format {
        name: "ndjson",
        about: "log pipelines and jq: a finding a line, the summary in the last",
        write: |report, how, out| ndjson::write(report, how.style.show_skipped, out),
    },
    Format {
        name: "csv",
        about: "spreadsheets: a finding a row",
        write: |report, how, out| csv::write(report, how.style.show_skipped, out),
    },
    Format {
        name: "sarif",
        about: "code scanning: SARIF 2.1.0",
        write: |report, how, out| sarif::write(report, how.anchor, how.gate, out),
    },
    Format {
        name: "junit",
        about: "CI servers that show test results",
        write: |report, how, out| junit::write(report, how.style.show_skipped, how.gate, out),
    },
    Format {
        name: "ocsf",
        about: "security lakes: a Compliance Finding of OCSF 1.5 a line",
        write: |report, how, out| ocsf::write(report, how.style.show_skipped, out),
    },
    Format {
        name: "asff",
        about: "AWS Security Hub: a request of BatchImportFindings a line",
        write: |report, how, out| asff::write(report, how.style.show_skipped, out),
    },
    Format {
        name: "markdown",
        about: "pull requests and job summaries, in at most 1 MiB",
        write: |report, _, out| markdown::write(report, out),
    },
    Format {
        name: GITHUB,
        about: "annotations of GitHub Actions, with the step's summary and outputs",
        write: |report, how, out| github::write(report, how.anchor, how.gate, out),
    },
    Format {
        name: "html",
        about: "people with a browser: one file that loads nothing",
        write: |report, how, out| html::write(report, how.style.show_skipped, how.gate, out),
    },
];

impl Format {
    /// The format of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Format> {
        ALL.iter().find(|format| format.name == name)
    }

    /// The names of all formats, for help and errors.
    #[must_use]
    pub fn names() -> String {
        let names: Vec<&str> = ALL.iter().map(|format| format.name).collect();
        names.join(", ")
    }
}
