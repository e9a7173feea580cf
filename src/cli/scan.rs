//! `backup-check scan`

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use crate::exit::Exit;
use crate::report::Report;
use crate::report::format::GITHUB;

use super::args::{FailOnArg, GlobalArgs, SourceArgs};
use super::config::LoadedConfig;
use super::evaluation::Evaluated;
use super::output::{ReportArgs, Target};
use super::{github, input, output};

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// File to check instead of a live account, the same as --from FILE; `-` is stdin. Place it before
    /// options that accept several values
    #[arg(value_name = "FILE", group = "input")]
    file: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    report: ReportArgs,
    /// Earlier --format json report to compare with; shows new and fixed findings
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    baseline: Option<PathBuf>,
    /// What makes the exit code 1
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = FailOnArg::Fail, help_heading = "Report")]
    fail_on: FailOnArg,
    /// Include findings of rules that do not apply
    #[arg(long, help_heading = "Report")]
    show_skipped: bool,
    /// Print the number of API calls and their duration on stderr
    #[arg(long, help_heading = "Report")]
    stats: bool,
}

pub(super) fn run(mut args: ScanArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    if let Some(file) = args.file.take() {
        args.source.from = Some(file);
    }
    scan_source(&args, global)
}

fn scan_source(args: &ScanArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let targets = args.report.check_targets()?;
    let step = match output::has_format(&targets, GITHUB) {
        true => Some(github::Step::open_files()?),
        false => None,
    };
    let baseline = match &args.baseline {
        Some(path) => Some((path, input::read_baseline(path)?)),
        None if args.fail_on == FailOnArg::New => {
            bail!("--fail-on new requires --baseline FILE, the report to compare with")
        }
        None => None,
    };
    let loaded = LoadedConfig::find_and_read(global)?;
    let lists_passes = output::list_findings(&targets)
        || args.show_skipped
        || baseline.is_some()
        || !args.source.access.resource.is_empty();
    let Evaluated {
        mut report,
        stopped,
        ..
    } = args
        .source
        .evaluate_source(&loaded, global, !lists_passes)?;
    report.arguments = args.source.name_source();
    if let Some((path, baseline)) = &baseline {
        baseline
            .compare_with(&mut report)
            .with_context(|| format!("--baseline {}", input::display_name(path)))?;
    }
    let anchor = loaded.path_in_repository();
    let options = (args.report).to_options(anchor, args.fail_on.into(), args.show_skipped);
    output::write_report(&report, &targets, &options, global)?;
    print_remarks(args, &report, &targets, global);
    let exit = report.exit(args.fail_on.into()).and(stopped);
    if let Some(step) = step {
        step.write_report(&report, exit)?;
    }
    Ok(exit)
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
    }
}
