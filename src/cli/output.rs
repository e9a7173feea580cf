//! Output of reports to stdout and to files.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::{PossibleValue, TypedValueParser};

use crate::exit::FailOn;
use crate::report::format::{FORMATS, Format, Rendering, TABLE, Writer};
use crate::report::table::Style;
use crate::report::{FindingSource, Report, Status, WriteError};
use crate::source::room::{describe_size, read_peak_memory};
use crate::text::escape_lines;

use super::args::{ColorArg, GlobalArgs, StatusArg, ViewArg, first_given};
use super::files;
use super::select::NameParser;
use super::suggest::suggest_names;

/// The width of a table in columns where the output is not a terminal.
const DEFAULT_WIDTH: usize = 80;

/// What to write, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub(super) struct ReportArgs {
    #[arg(long, value_name = "FMT[=PATH]", num_args = 1.., value_parser = target_parser(), hide_possible_values = true, help = format_help(), long_help = format_long_help())]
    format: Vec<Target>,
    /// What the table shows
    #[arg(long, value_enum, value_name = "VIEW", default_value_t = ViewArg::Summary)]
    view: ViewArg,
    /// Only findings of these statuses in json, ndjson, csv, sarif, junit, ocsf and asff
    #[arg(long, value_enum, value_name = "S", num_args = 1.., value_delimiter = ',')]
    status: Vec<StatusArg>,
    /// Use only ASCII characters for marks, as in a locale without Unicode
    #[arg(long)]
    ascii: bool,
    /// Repository file that `sarif` and `github` findings of a live account point at
    /// [default: the config file]
    #[arg(long, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    sarif_anchor: Option<String>,
}

impl ReportArgs {
    /// Returns the formats and their outputs. `inputs` are the files that the command reads, if they are files.
    ///
    /// # Errors
    /// They collide, a file cannot be written or is an input, or --status or --view applies to none of them.
    pub(super) fn check_targets(&self, inputs: &[Option<&Path>]) -> anyhow::Result<Vec<Target>> {
        let targets = match self.format.is_empty() {
            true => vec![Target::default()],
            false => self.format.clone(),
        };
        if !self.status.is_empty() && !targets.iter().any(|it| it.format.lists_findings) {
            let lists = FORMATS.iter().filter(|it| it.lists_findings);
            let names: Vec<&str> = lists.map(|it| it.name).collect();
            bail!(
                "--status narrows lists of findings; add --format with one of {}, or see all causes with --view causes",
                names.join(", ")
            );
        }
        if self.view != ViewArg::Summary && !has_format(&targets, TABLE) {
            bail!(
                "--view is for the table, and --format names other formats; add --format table or remove --view"
            );
        }
        check_targets(&targets)?;
        refuse_inputs(&targets, inputs)?;
        Ok(targets)
    }

    /// Whether --format is given.
    pub(super) fn has_format(&self) -> bool {
        !self.format.is_empty()
    }

    /// Returns an argument that the report of an organization does not have, if one is given.
    pub(super) fn find_account_only(&self) -> Option<&'static str> {
        first_given([
            ("--view", self.view != ViewArg::Summary),
            ("--status", !self.status.is_empty()),
            ("--sarif-anchor", self.sarif_anchor.is_some()),
        ])
    }

    /// Returns how reports are written to files. `anchor` is the default of --sarif-anchor.
    pub(super) fn to_rendering(
        &self,
        anchor: String,
        gate: FailOn,
        show_skipped: bool,
    ) -> Rendering {
        Rendering {
            style: Style {
                show_skipped,
                view: self.view.into(),
                ascii: self.ascii || is_ascii_locale(),
                ..Style::plain(DEFAULT_WIDTH)
            },
            anchor: self.sarif_anchor.clone().unwrap_or(anchor),
            gate,
            statuses: self.status.iter().map(|it| Status::from(*it)).collect(),
        }
    }
}

/// A format and its output: `--format FMT[=PATH]`.
#[derive(Debug, Clone)]
pub(super) struct Target {
    format: &'static Format,
    path: Option<PathBuf>,
}

impl Target {
    /// Returns the name of the format, and the file to write if it is not stdout.
    pub(super) fn name_parts(&self) -> (&'static str, Option<&PathBuf>) {
        (self.format.name, self.path.as_ref())
    }
}

impl Default for Target {
    fn default() -> Self {
        Target {
            format: &FORMATS[0],
            path: None,
        }
    }
}

/// Returns the parser of formats with their outputs, which offers the names of formats to the completion of shells.
fn target_parser() -> impl TypedValueParser<Value = Target> {
    NameParser(offer_formats).try_map(|text| text.parse::<Target>())
}

fn offer_formats() -> Vec<PossibleValue> {
    let formats = FORMATS.iter();
    formats
        .map(|it| PossibleValue::new(it.name).help(it.about))
        .collect()
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name, Some(path)),
            None => (text, None),
        };
        let Some(format) = Format::with_name(name) else {
            let names = Format::list_names();
            let hint = suggest_names(name, FORMATS.iter().map(|it| it.name));
            return Err(format!(
                "unknown format {name:?}; expected one of {names}{hint}"
            ));
        };
        if path == Some("") {
            return Err(format!("missing file name after `=` in {text:?}"));
        }
        Ok(Target {
            format,
            path: path
                .filter(|path| !["-", "/dev/stdout"].contains(path))
                .map(PathBuf::from),
        })
    }
}

/// Returns the short help of `--format`.
pub(super) fn format_help() -> String {
    format!(
        "Output format, or FMT=PATH to write a file; at most one goes to stdout [default: {TABLE}] [formats: {}]",
        Format::list_names()
    )
}

/// Returns the long help of `--format`, which describes each format.
pub(super) fn format_long_help() -> String {
    let width = FORMATS.iter().map(|it| it.name.len()).max().unwrap_or(0) + 1;
    let formats: Vec<String> = FORMATS
        .iter()
        .map(|it| format!("- {:<width$} {}", format!("{}:", it.name), it.about))
        .collect();
    format!(
        "Output format, or FMT=PATH to write a file; at most one goes to stdout\n\nFormats:\n{}\n\n[default: {TABLE}]",
        formats.join("\n")
    )
}

/// Checks that the targets do not collide and that their files can be written.
///
/// # Errors
/// Two formats have the same output, or a file cannot be written. This fails before a scan of several
/// minutes, not after it.
fn check_targets(targets: &[Target]) -> anyhow::Result<()> {
    let to_stdout = targets.iter().filter(|target| target.path.is_none());
    if to_stdout.count() > 1 {
        bail!(
            "more than one format is written to stdout; give the others a file, such as --format json=report.json"
        );
    }
    let mut seen = BTreeSet::new();
    for path in targets.iter().filter_map(|target| target.path.as_ref()) {
        if !files::is_device(path) && !seen.insert(files::canonical_path(path)) {
            bail!("more than one format is written to {}", path.display());
        }
    }
    for path in targets.iter().filter_map(|target| target.path.as_ref()) {
        files::check_writable(path)?;
    }
    Ok(())
}

/// Refuses to replace a file that the command reads.
fn refuse_inputs(targets: &[Target], inputs: &[Option<&Path>]) -> anyhow::Result<()> {
    let inputs = inputs.iter().flatten().filter(|path| path.is_file());
    let inputs: BTreeSet<PathBuf> = inputs.map(|path| files::canonical_path(path)).collect();
    for path in targets.iter().filter_map(|target| target.path.as_ref()) {
        if inputs.contains(&files::canonical_path(path)) {
            bail!(
                "--format {}: the report would replace this file, which the command reads; name another file",
                path.display()
            );
        }
    }
    Ok(())
}

/// Whether the table is written to stdout.
pub(super) fn prints_table(targets: &[Target]) -> bool {
    let mut targets = targets.iter();
    targets.any(|target| target.path.is_none() && target.format.name == TABLE)
}

/// Whether a format among the targets writes all findings one by one.
pub(super) fn stream_findings(targets: &[Target]) -> bool {
    let mut targets = targets.iter();
    targets.any(|it| matches!(it.format.writer, Writer::Findings(_)))
}

/// Whether a format is among the targets.
pub(super) fn has_format(targets: &[Target], name: &str) -> bool {
    targets.iter().any(|target| target.format.name == name)
}

/// Writes a report to all targets: files first, so that they exist when stdout is read. `findings` are those of a
/// report that holds only some of them.
pub(super) fn write_report(
    report: &Report,
    findings: Option<&dyn FindingSource>,
    targets: &[Target],
    how: &Rendering,
    global: &GlobalArgs,
) -> anyhow::Result<()> {
    let write = |target: &Target, how: &Rendering, out: &mut dyn Write| match findings {
        Some(findings) => (target.format).write_findings(report, findings, how, out),
        None => target.format.write_report(report, how, out),
    };
    for target in targets {
        if let Some(path) = &target.path {
            files::replace_file_with(path, files::Readers::Anyone, |out| write(target, how, out))?;
        }
    }
    if let Some(target) = targets.iter().find(|target| target.path.is_none()) {
        write_stdout(global, |style, out| {
            let mut on_terminal = how.clone();
            on_terminal.style.width = style.width;
            on_terminal.style.color = style.color;
            on_terminal.style.links = style.links;
            write(target, &on_terminal, out)
        })?;
    }
    Ok(())
}

/// Writes to stdout in the style of the terminal. A closed pipe is not an error.
pub(super) fn write_stdout(
    global: &GlobalArgs,
    write: impl FnOnce(&Style, &mut dyn Write) -> Result<(), WriteError>,
) -> anyhow::Result<()> {
    let color = use_color(global.color);
    let style = Style {
        color,
        links: color && io::stdout().is_terminal() && supports_hyperlinks::supports_hyperlinks(),
        ..Style::plain(terminal_width())
    };
    let mut out = io::BufWriter::with_capacity(files::WRITE_BUFFER, io::stdout().lock());
    match write(&style, &mut out).and_then(|()| Ok(out.flush()?)) {
        Err(error) if error.is_broken_pipe() => Ok(()),
        other => other.context("failed to write to stdout"),
    }
}

/// Writes text to stdout. A closed pipe is not an error.
pub(super) fn print_stdout(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("failed to write to stdout"),
    }
}

/// Prints lines on stderr, without what a terminal interprets: they quote files and responses. A failure is ignored:
/// there is no other place to report it.
pub(super) fn print_stderr(text: &str) {
    let _ = writeln!(io::stderr(), "{}", escape_lines(text));
}

/// Prints the most memory that the program had so far, where the system says it.
pub(super) fn print_peak_memory() {
    if let Some(peak) = read_peak_memory() {
        print_stderr(&format!("{} of memory at most", describe_size(peak)));
    }
}

/// Returns the width of the terminal, in columns.
pub(super) fn terminal_width() -> usize {
    if !io::stdout().is_terminal() {
        return DEFAULT_WIDTH;
    }
    terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
}

/// Whether the locale has no Unicode.
///
/// Source: <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html#tag_08_02>.
pub(super) fn is_ascii_locale() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_ascii_uppercase();
        !locale.contains("UTF-8") && !locale.contains("UTF8")
    })
}

/// Whether stdout gets color.
pub(super) fn use_color(choice: ColorArg) -> bool {
    match choice {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => {
            is_color_forced()
                || anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
        }
    }
}

/// Whether FORCE_COLOR asks for color outside terminals, as CI services set it. NO_COLOR overrides it.
///
/// Source: <https://force-color.org>, <https://no-color.org>.
pub(super) fn is_color_forced() -> bool {
    let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    is_set("FORCE_COLOR").is_some_and(|value| value != "0") && is_set("NO_COLOR").is_none()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn formats_may_name_a_file() {
        let target: Target = "json=out/report.json".parse().unwrap();
        assert_eq!(target.path.as_deref(), Some(Path::new("out/report.json")));
        assert!("json=-".parse::<Target>().unwrap().path.is_none());
        assert!("jsn".parse::<Target>().unwrap_err().contains("table, json"));
        assert!("json=".parse::<Target>().is_err());
    }

    #[test]
    fn one_format_at_most_goes_to_stdout() {
        let targets = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<Target>>()
        };
        assert!(check_targets(&targets(&["table", "json=a"])).is_ok());
        assert!(check_targets(&targets(&["table", "json"])).is_err());
        assert!(check_targets(&targets(&["table=a", "json=a"])).is_err());
        assert!(check_targets(&targets(&["table", "json=/dev/stdout"])).is_err());
    }
}
