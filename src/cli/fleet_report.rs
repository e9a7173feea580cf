//! `backup-check report` and `backup-check trend`

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::exit::{Exit, FailOn};
use crate::fleet::FleetError;
use crate::fleet::lake::write_lake;
use crate::fleet::run::{SUMMARY, summarize_run, visit_seen_accounts};
use crate::report::fleet::lake::LakeFindings;
use crate::report::fleet::summary::{FLEET_SCHEMA, FleetReport, write_json};
use crate::report::fleet::trend::{self, TrendLine};
use crate::report::fleet::{FLEET_FORMATS, FleetFormat, PARQUET};
use crate::store::{Place, Store};
use crate::text::{and_more, plural};

use super::args::{AccessArgs, FailOnArg, GlobalArgs};
use super::suggest::suggest_names;
use super::{files, output, place};

/// A format of an organization and its output: `--format FMT[=PATH]`.
#[derive(Debug, Clone)]
pub(super) struct FleetTarget {
    name: &'static str,
    /// A file or an object, a folder for parquet; stdout where it is absent.
    place: Option<Place>,
}

impl FleetTarget {
    pub(super) fn new(name: &'static str, place: Option<Place>) -> Self {
        FleetTarget { name, place }
    }

    /// Returns the file, if it is one.
    fn path(&self) -> Option<&Path> {
        match &self.place {
            Some(Place::Folder(path)) => Some(path),
            _ => None,
        }
    }
}

impl FromStr for FleetTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (name, Some(path)),
            None => (text, None),
        };
        if path == Some("") {
            return Err(format!("missing file name after `=` in {text:?}"));
        }
        let place = path
            .filter(|path| !["-", "/dev/stdout"].contains(path))
            .map(str::parse::<Place>)
            .transpose()?;
        if name == PARQUET {
            return match place {
                Some(place) => Ok(FleetTarget::new(PARQUET, Some(place))),
                None => Err("parquet is a folder of tables; write parquet=FOLDER".to_owned()),
            };
        }
        match FleetFormat::with_name(name) {
            Some(format) => Ok(FleetTarget::new(format.name, place)),
            None => {
                let names = FLEET_FORMATS.iter().map(|format| format.name);
                let hint = suggest_names(name, names.chain([PARQUET]));
                let known = FleetFormat::list_names();
                Err(format!(
                    "unknown format {name:?}; expected one of {known}, {PARQUET}{hint}"
                ))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FindingsArg {
    /// Findings that fail, warn or are unknown
    Failing,
    /// All findings
    All,
}

#[derive(Debug, Args)]
pub(super) struct RunReportArgs {
    /// Folder of `scan --output`, or s3://BUCKET/FOLDER. Place it before options that accept several values
    #[arg(value_name = "RUN")]
    run: Place,
    /// Output format, or FMT=PATH to write a file or an object s3://BUCKET/KEY; at most one goes to stdout
    /// [default: table] [formats: table, json, markdown, html, csv, openmetrics, parquet=FOLDER]
    #[arg(long, value_name = "FMT[=PATH]", num_args = 1..)]
    format: Vec<FleetTarget>,
    /// Findings in parquet
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = FindingsArg::Failing)]
    findings: FindingsArg,
    /// Write the page of each account, too, as accounts/ID.html next to the file of html=PATH
    #[arg(long)]
    account_pages: bool,
    /// What makes the exit code 1
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = FailOnArg::Fail)]
    fail_on: FailOnArg,
}

/// Writes the page of each account that was seen next to a file.
fn write_account_pages(
    store: &dyn Store,
    report: &FleetReport,
    page: &Path,
    gate: FailOn,
) -> anyhow::Result<()> {
    let folder = page.parent().unwrap_or(Path::new("")).join("accounts");
    let made = std::fs::create_dir_all(&folder);
    made.with_context(|| format!("failed to write {}", folder.display()))?;
    visit_seen_accounts(store, report, &mut |result| {
        let path = folder.join(format!("{}.html", result.head.account.id));
        let mut content = Vec::new();
        result.write_page(gate, &mut content)?;
        let written = files::replace_file(&path, &content, files::Readers::Anyone);
        written.map_err(|error| FleetError::Unfit(format!("{error:#}")))
    })?;
    Ok(())
}

/// Writes the report of a run from the results of its accounts.
pub(super) fn write_run_report(args: &RunReportArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    if args.fail_on == FailOnArg::New {
        bail!("--fail-on new compares one account with its baseline; see `backup-check trend`");
    }
    let mut targets = args.format.clone();
    if targets.is_empty() {
        targets.push(FleetTarget::new(FLEET_FORMATS[0].name, None));
    }
    check_targets(&targets)?;
    let mut pages = targets.iter().filter(|target| target.name == "html");
    let page = pages.find_map(FleetTarget::path);
    if args.account_pages && page.is_none() {
        bail!("--account-pages is written next to a file; add --format html=PATH");
    }
    let lake = targets.iter().find(|target| target.name == PARQUET);
    let lake = lake.and_then(|target| target.place.as_ref());
    let access = AccessArgs::default();
    let store = place::open_store(&args.run, &access, global)?;
    let store = &*store;
    let gate = args.fail_on.into();
    let (mut report, exit) = match lake {
        Some(lake) => {
            let lake = place::create_store(lake, &access, global)?;
            let which = match args.findings {
                FindingsArg::Failing => LakeFindings::Failing,
                FindingsArg::All => LakeFindings::All,
            };
            write_lake(store, &*lake, gate, which)
        }
        None => summarize_run(store, gate, None, &mut |_, _| Ok(())),
    }
    .with_context(|| args.run.to_string())?;
    keep_summary(store, &report)?;
    if let Some(page) = page.filter(|_| args.account_pages) {
        write_account_pages(store, &report, page, gate)?;
        report.has_account_pages = true;
    }
    write_targets(&report, &targets, global)?;
    Ok(exit)
}

/// Writes the summary of a run. It is the last document of it.
pub(super) fn keep_summary(store: &dyn Store, report: &FleetReport) -> anyhow::Result<()> {
    let mut summary = Vec::new();
    write_json(report, &mut summary)?;
    Ok(store.put_document(SUMMARY, &summary)?)
}

fn check_targets(targets: &[FleetTarget]) -> anyhow::Result<()> {
    let on_stdout = targets.iter().filter(|it| it.place.is_none()).count();
    if on_stdout > 1 {
        bail!("only one --format can go to stdout; give the others a file: FMT=PATH");
    }
    for target in targets.iter().filter(|it| it.name != PARQUET) {
        if let Some(path) = target.path() {
            files::check_writable(path)?;
        }
    }
    Ok(())
}

/// Writes a report to all targets that are one document: files first, so that they exist when stdout is read.
pub(super) fn write_targets(
    report: &FleetReport,
    targets: &[FleetTarget],
    global: &GlobalArgs,
) -> anyhow::Result<()> {
    let width = output::terminal_width();
    let documents = || {
        targets
            .iter()
            .filter_map(|it| Some((FleetFormat::with_name(it.name)?, &it.place)))
    };
    for (format, place) in documents() {
        match place {
            Some(Place::Folder(path)) => {
                files::replace_file_with(path, files::Readers::Anyone, |out| {
                    format.write_report(report, width, out)
                })?;
            }
            Some(Place::Bucket(object)) => {
                let (folder, key) = object.split_document();
                let store = place::open_bucket(&folder, &AccessArgs::default(), global)?;
                let mut content = Vec::new();
                format.write_report(report, width, &mut content)?;
                store.put_document(key, &content)?;
            }
            None => {}
        }
    }
    for (format, _) in documents().filter(|(_, place)| place.is_none()) {
        output::write_stdout(global, |_, out| format.write_report(report, width, out))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TrendFormat {
    /// Text for a terminal
    Table,
    /// One JSON array
    Json,
}

#[derive(Debug, Args)]
pub(super) struct TrendArgs {
    /// Folder with a folder of `scan --output` for each run, or s3://BUCKET/FOLDER
    #[arg(value_name = "RUNS")]
    runs: Place,
    /// Number of runs, the last ones
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
    /// Output format
    #[arg(long, value_enum, value_name = "FMT", default_value_t = TrendFormat::Table)]
    format: TrendFormat,
}

/// Compares the runs that were kept.
pub(super) fn write_trend(args: &TrendArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let store = place::open_store(&args.runs, &AccessArgs::default(), global)?;
    let mut reports: Vec<FleetReport> = Vec::new();
    let mut unfinished: Vec<String> = Vec::new();
    for run in store.list_folders()? {
        match read_summary(&*store, &run).with_context(|| format!("{}/{run}", args.runs))? {
            // The list of accounts is not needed, and there may be many runs.
            Some(report) => reports.push(FleetReport {
                accounts: Vec::new(),
                causes: Vec::new(),
                ..report
            }),
            None => unfinished.push(format!("{}/{run}", args.runs)),
        }
    }
    if !unfinished.is_empty() && !global.quiet {
        output::print_stderr(&format!(
            "note: {} without {SUMMARY} left out: {}",
            plural(unfinished.len(), "folder"),
            and_more(unfinished.iter().map(String::as_str), 3)
        ));
    }
    if reports.is_empty() {
        bail!(
            "{0} has no folder with {SUMMARY}; keep runs with `backup-check scan --output {0}/RUN`",
            args.runs
        );
    }
    reports.sort_by(|a, b| (&a.finished_at, &a.run).cmp(&(&b.finished_at, &b.run)));
    let skipped = reports.len().saturating_sub(usize::from(args.last));
    let lines: Vec<TrendLine> = reports
        .iter()
        .enumerate()
        .skip(skipped)
        .map(|(at, report)| {
            let before = at.checked_sub(1).and_then(|at| reports.get(at));
            TrendLine::new(report, before)
        })
        .collect();
    output::write_stdout(global, |_, out| match args.format {
        TrendFormat::Table => trend::write_table(&lines, out),
        TrendFormat::Json => trend::write_json(&lines, out),
    })?;
    Ok(Exit::Ready)
}

/// Reads the summary of a run; `None` if there is none.
fn read_summary(store: &dyn Store, run: &str) -> anyhow::Result<Option<FleetReport>> {
    let Some(content) = store.get_document(&format!("{run}/{SUMMARY}"))? else {
        return Ok(None);
    };
    let report: FleetReport = serde_json::from_slice(&content).context(SUMMARY)?;
    if report.schema != FLEET_SCHEMA {
        bail!(
            "{SUMMARY}: unsupported schema {:?}; expected {FLEET_SCHEMA:?}",
            report.schema
        );
    }
    Ok(Some(report))
}
