//! The findings as CSV for spreadsheets, RFC 4180.
//!
//! There is no byte order mark: programs would read it as part of the first column's name.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{ErrorKind, QuoteStyle, Terminator, WriterBuilder};

use super::json::service_names;
use super::{
    Baseline, Finding, FindingSource, Report, ResourceLine, Shown, WriteError, cause_id_of,
};
use crate::text::escape_invisible;

/// The columns. New ones are appended, so existing columns keep their positions.
pub const COLUMNS: [&str; 29] = [
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
    "cause",
    "title",
    "severity",
    "services",
    "scanned_at",
];

/// Writes the findings of a report.
pub(super) fn write_findings(
    report: &Report,
    source: &dyn FindingSource,
    shown: Shown,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let mut rows = start_table(&COLUMNS, out)?;
    source.visit_all(&mut |finding, line| {
        if !shown.includes(finding) {
            return Ok(());
        }
        let cells = row_cells(finding, line, &report.finished_at);
        for cell in &cells {
            let cell = escape_formulas(cell);
            rows.write_field(cell.as_bytes()).map_err(to_write_error)?;
        }
        rows.write_record(None::<&[u8]>).map_err(to_write_error)
    })?;
    Ok(rows.flush()?)
}

/// Returns the row of a finding.
fn row_cells<'a>(
    finding: &'a Finding,
    resource: Option<&'a ResourceLine>,
    scanned_at: &'a str,
) -> [Cow<'a, str>; COLUMNS.len()] {
    let text = |text: Option<&'a str>| Cow::Borrowed(text.unwrap_or_default());
    let waiver = finding.waiver.as_deref();
    let place = finding.place.as_deref();
    let baseline = finding.baseline.map(|it| match it {
        Baseline::New => "new",
        Baseline::Unchanged => "unchanged",
    });
    let line = place.and_then(|it| it.line);
    [
        finding.id().into(),
        finding.status.as_str().into(),
        if finding.gating { "true" } else { "false" }.into(),
        text(finding.account_id.as_deref()),
        text(Some(&finding.region)),
        finding.kind.as_str().into(),
        text(resource.and_then(|it| it.aws_type.as_deref())),
        text(Some(&finding.resource)),
        text(Some(&finding.resource_id)),
        text(resource.and_then(|it| it.name.as_deref())),
        finding.backup_tag.as_str().into(),
        text(resource.map(|it| it.verdict.as_str())),
        finding.rule.id.into(),
        finding.rule.group.as_str().into(),
        finding.rule.owner.as_str().into(),
        text(Some(&finding.explanation.message)),
        text(finding.explanation.fix.as_deref()),
        text(waiver.map(|it| it.reason.as_str())),
        text(waiver.map(|it| it.owner.as_str())),
        text(waiver.map(|it| it.expires.as_str())),
        text(baseline),
        text(place.map(|it| it.file.as_str())),
        line.map(|it| it.to_string()).unwrap_or_default().into(),
        text(place.and_then(|it| it.address.as_deref())),
        cause_id_of(finding).unwrap_or_default().into(),
        finding.rule.title.into(),
        finding.severity.as_str().into(),
        service_names(finding.rule).join(" ").into(),
        scanned_at.into(),
    ]
}

/// Returns the text as a cell that no spreadsheet evaluates as a formula.
///
/// An apostrophe is inserted wherever a formula could begin, also after a semicolon, the separator of
/// cells in many locales. Characters that break a line or move the cursor are escaped.
///
/// Source: <https://owasp.org/www-community/attacks/CSV_Injection>.
pub(super) fn escape_formulas(text: &str) -> Cow<'_, str> {
    let text = escape_invisible(text);
    if !text.split(';').any(is_formula) {
        return text;
    }
    let parts = text.split(';').map(|part| match is_formula(part) {
        true => format!("'{part}"),
        false => part.to_owned(),
    });
    parts.collect::<Vec<String>>().join(";").into()
}

/// Whether a spreadsheet may evaluate a cell as a formula, also one that ignores blanks and quotation marks.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"')
        .starts_with([
            '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
        ])
}

/// Starts a table with its header.
pub(super) fn start_table<'w>(
    columns: &[&str],
    out: &'w mut dyn Write,
) -> Result<csv::Writer<&'w mut dyn Write>, WriteError> {
    let mut rows = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(out);
    rows.write_record(columns).map_err(to_write_error)?;
    Ok(rows)
}

pub(super) fn to_write_error(error: csv::Error) -> WriteError {
    WriteError::Io(match error.into_kind() {
        ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

#[cfg(test)]
mod tests {
    use super::escape_formulas;

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
            assert_eq!(escape_formulas(text), want, "{text:?}");
        }
    }
}
