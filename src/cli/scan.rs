//! `backup-check scan`

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::cost::estimate::{Question, estimate_cost};
use crate::cost::prices::PriceList;
use crate::exit::Exit;
use crate::report::Report;
use crate::report::format::COST_SECTION_FORMATS;

use super::args::{FailOnArg, GlobalArgs, SourceArgs};
use super::config::LoadedConfig;
use super::evaluation::{Evaluated, KeptFindings, Reads, Reevaluation};
use super::fleet_args::{FleetArgs, refuse_organization};
use super::output::{ReportArgs, Target};
use super::{github, input, output, prices};

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// File to check instead of a live account, the same as --from FILE; `-` is stdin. Place it before
    /// options that accept several values
    #[arg(value_name = "FILE", group = "input")]
    file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
    #[command(flatten)]
    pub(super) fleet: FleetArgs,
    /// Earlier --format json report to compare with; shows new and fixed findings
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(super) baseline: Option<PathBuf>,
    /// What makes the exit code 1
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = FailOnArg::Fail, help_heading = "Report")]
    pub(super) fail_on: FailOnArg,
    /// Include findings of rules that do not apply
    #[arg(long, help_heading = "Report")]
    pub(super) show_skipped: bool,
    /// Add a section on cost to html and markdown
    #[arg(long, help_heading = "Report")]
    pub(super) cost: bool,
    /// Prices of --cost that replace the built-in ones, as TOML
    #[arg(long, value_name = "FILE", requires = "cost", help_heading = "Report")]
    pub(super) prices: Option<PathBuf>,
    /// Print the number of API calls, their duration and the memory used on stderr
    #[arg(long, help_heading = "Report")]
    pub(super) stats: bool,
}

impl ScanArgs {
    /// Returns the arguments with the file before them as that of --from.
    pub(super) fn with_source(mut self) -> Self {
        if let Some(file) = self.file.take() {
            self.source.input.from = Some(file);
        }
        self
    }

    /// Returns the folder to check as an organization, if a folder is given.
    pub(super) fn find_folder(&self) -> Option<&Path> {
        let path = self.source.input.from.as_deref();
        path.filter(|path| path.is_dir())
    }

    /// Whether the accounts of an organization are entered.
    pub(super) fn enters_accounts(&self) -> bool {
        self.source.input.from.is_none() && self.fleet.enter.names_accounts()
    }
}

pub(super) fn run(args: &ScanArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    refuse_organization(args.fleet.find_given())?;
    scan_source(args, global)
}

fn scan_source(args: &ScanArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let input = &args.source.input;
    let inputs = [
        &input.from,
        &input.account_from,
        &args.prices,
        &global.config,
    ];
    let targets = args.report.check_targets(&inputs.map(Option::as_deref))?;
    let step = github::Step::open_files(&targets)?;
    let baseline = match &args.baseline {
        Some(path) => Some((path.as_path(), input::read_baseline(path)?)),
        None if args.fail_on == FailOnArg::New => {
            bail!("--fail-on new requires --baseline FILE, the report to compare with")
        }
        None => None,
    };
    let prices = match args.cost {
        true => Some(read_prices(args, &targets)?),
        false => None,
    };
    let loaded = LoadedConfig::find_and_read(global)?;
    let kept = KeptFindings {
        omits_settled: !args.show_skipped && args.source.input.access.resource.is_empty(),
        remedies: false,
        baseline: baseline.as_ref().map(|(path, earlier)| (*path, earlier)),
    };
    let reads = match args.cost {
        true => Reads::Everything,
        false => Reads::NeedsOfRules,
    };
    let mut evaluated = args.source.evaluate_source(&loaded, global, kept, reads)?;
    evaluated.report.arguments = args.source.name_source(global);
    evaluated.report.cost = prices.map(|prices| {
        let preflight = args.source.evaluation.preflight;
        let Evaluated {
            snapshot,
            settings,
            report,
            ..
        } = &evaluated;
        let question = Question {
            selection: &report.selection,
            preflight,
            change_rate: None,
            prices: &prices,
        };
        estimate_cost(snapshot, settings, &question)
    });
    let anchor = loaded.path_in_repository();
    let how = (args.report).to_rendering(anchor, args.fail_on.into(), args.show_skipped);
    if kept.omits_settled && output::stream_findings(&targets) {
        let findings = Reevaluation::new(&evaluated, kept)?;
        let report = &evaluated.report;
        output::write_report(report, Some(&findings), &targets, &how, global)?;
    } else {
        // The other formats need only the report.
        evaluated.forget_snapshot();
        output::write_report(&evaluated.report, None, &targets, &how, global)?;
    }
    let Evaluated {
        report, stopped, ..
    } = evaluated;
    print_remarks(args, &report, &targets, global);
    let exit = report.exit(args.fail_on.into()).and(stopped);
    step.write_report(&report, exit)?;
    // The program ends here, and to free each finding of a large account takes a twentieth of its time.
    std::mem::forget(report);
    Ok(exit)
}

/// Returns the prices of --cost.
///
/// # Errors
/// No format has a section on cost, or the file of --prices cannot be read.
fn read_prices(args: &ScanArgs, targets: &[Target]) -> anyhow::Result<PriceList> {
    let mut formats = COST_SECTION_FORMATS.iter();
    if !formats.any(|name| output::has_format(targets, name)) {
        bail!(
            "--cost adds a section to {}; choose one of these formats, or run `backup-check cost`",
            COST_SECTION_FORMATS.join(", ")
        );
    }
    prices::read_prices(args.prices.as_deref())
}

/// Prints stale waivers, unless the report on stdout lists them, and the statistics of --stats.
fn print_remarks(args: &ScanArgs, report: &Report, targets: &[Target], global: &GlobalArgs) {
    if !global.quiet && !output::prints_table(targets) {
        for waiver in &report.stale_waivers {
            output::print_stderr(&waiver.to_sentence());
        }
    }
    if args.stats {
        let stats = report.stats;
        output::print_stderr(&format!(
            "{} API calls ({} retries, {} throttled) from {} to {}, {} resources, {} findings",
            stats.api_calls,
            stats.retries,
            stats.throttled,
            report.started_at,
            report.finished_at,
            report.resources.len(),
            report.count_findings()
        ));
        output::print_peak_memory();
    }
}
