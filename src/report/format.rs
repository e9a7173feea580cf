//! The table of formats: what `--format` takes, its help, and who writes it.

use std::io::Write;

use super::table::Style;
use super::{Report, WriteError, html, json, table};

/// What a writer may know beside the report.
#[derive(Debug, Clone, Copy)]
pub struct Rendering<'a> {
    /// How text for people looks.
    pub style: Style,
    /// The file that findings point at where they have no place of their own, as a path within the
    /// repository.
    pub anchor: &'a str,
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

/// Every format.
pub static ALL: [Format; 3] = [
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
        name: "html",
        about: "people with a browser: one file that loads nothing",
        write: |report, how, out| html::write(report, how.style.show_skipped, out),
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
