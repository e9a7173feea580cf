//! The findings as a table for spreadsheets, after RFC 4180.
//!
//! There is no byte order mark: programs would read it as a part of the first column's name.

use std::collections::BTreeMap;
use std::io::{self, Write};

use csv::{ErrorKind, QuoteStyle, Terminator, WriterBuilder};

use super::{Baseline, Finding, Report, ResourceLine, WriteError};
use crate::text::escape_invisible;

/// The columns. New ones come last, so that those who count them keep their numbers.
pub const COLUMNS: [&str; 24] = [
    "id",
    "status",
    "gating",
    "account_id",
    "region",
    "resource_type",
    "aws_type",
    "resource",
    "resource_id",
    "name",
    "backup_tag",
    "verdict",
    "rule",
    "group",
    "owner",
    "message",
    "fix",
    "waiver_reason",
    "waiver_owner",
    "waiver_expires",
    "baseline",
    "file",
    "line",
    "address",
];

/// Writes a row per finding under a row of names.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, show_skipped: bool, out: &mut dyn Write) -> Result<(), WriteError> {
    let resources: BTreeMap<&str, &ResourceLine> = report
        .resources
        .iter()
        .map(|it| (it.arn.as_str(), it))
        .collect();
    let mut rows = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(out);
    rows.write_record(COLUMNS).map_err(failed)?;
    for finding in report.shown(show_skipped) {
        let resource = resources.get(finding.resource.as_str()).copied();
        let cells = cells(finding, resource);
        rows.write_record(cells.iter().map(|cell| safe(cell)))
            .map_err(failed)?;
    }
    rows.flush()?;
    Ok(())
}

fn cells(finding: &Finding, resource: Option<&ResourceLine>) -> [String; COLUMNS.len()] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let waiver = finding.waiver.as_ref();
    let place = finding.place.as_ref();
    let baseline = finding.baseline.map(|it| match it {
        Baseline::New => "new",
        Baseline::Unchanged => "unchanged",
    });
    let line = place.and_then(|it| it.line);
    [
        finding.id.clone(),
        finding.status.as_str().to_owned(),
        finding.gating.to_string(),
        text(finding.account_id.as_deref()),
        finding.region.clone(),
        finding.kind.as_str().to_owned(),
        text(resource.and_then(|it| it.aws_type.as_deref())),
        finding.resource.clone(),
        finding.resource_id.clone(),
        text(resource.and_then(|it| it.name.as_deref())),
        finding.backup_tag.as_str().to_owned(),
        text(resource.map(|it| it.verdict.as_str())),
        finding.rule.id.to_owned(),
        finding.rule.group.as_str().to_owned(),
        finding.rule.owner.as_str().to_owned(),
        finding.message.clone(),
        text(finding.fix.as_deref()),
        text(waiver.map(|it| it.reason.as_str())),
        text(waiver.map(|it| it.owner.as_str())),
        text(waiver.map(|it| it.expires.as_str())),
        text(baseline),
        text(place.map(|it| it.file.as_str())),
        line.map(|it| it.to_string()).unwrap_or_default(),
        text(place.and_then(|it| it.address.as_deref())),
    ]
}

/// The text as a cell that no spreadsheet takes for a formula: where one could begin, an apostrophe
/// comes before it. One could also begin after a semicolon, which parts cells in many countries.
/// Whatever breaks a line or moves a cursor is made visible.
///
/// Source: <https://owasp.org/www-community/attacks/CSV_Injection>.
fn safe(text: &str) -> String {
    let parts: Vec<String> = escape_invisible(text)
        .split(';')
        .map(|part| {
            let apostrophe = if is_formula(part) { "'" } else { "" };
            format!("{apostrophe}{part}")
        })
        .collect();
    parts.join(";")
}

/// Whether a cell may be taken for a formula, also by those who skip blanks and quotation marks.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"')
        .starts_with([
            '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
        ])
}

fn failed(error: csv::Error) -> WriteError {
    WriteError::Io(match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn formulas_become_text() {
        for (text, want) in [
            ("plain", "plain"),
            ("", ""),
            ("a=b, c-d", "a=b, c-d"),
            ("a; b", "a; b"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\"=1", "'\"=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff20}x", "'\u{ff20}x"),
            ("\t=1", "\\t=1"),
            ("\r\n=1", "\\r\\n=1"),
            ("\u{0}=1", "\\u{0}=1"),
            ("a;=1", "a;'=1"),
            ("a; \"=1;b", "a;' \"=1;b"),
        ] {
            assert_eq!(safe(text), want, "{text:?}");
        }
    }
}
