//! `backup-check collect`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::cost::metrics::count_unread_metrics;
use crate::exit::Exit;
use crate::model::coverage::CoverageState;
use crate::model::fact::Extent;
use crate::source::saved;
use crate::text::plural;

use super::args::{AccessArgs, GlobalArgs};
use super::config::LoadedConfig;
use super::evaluation::effective_settings;
use super::files::Readers;
use super::resources::SelectedResources;
use super::{deadline, files, live, output, select};

#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    /// File to write; compressed with Zstandard if its name ends in .zst; `-` is stdout
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Read sizes from Amazon CloudWatch too, for `cost`. It needs the permission cloudwatch:GetMetricData. AWS bills
    /// 0.01 USD for 1,000 metrics: nine of an S3 bucket, one of an Aurora, DocumentDB or Neptune cluster
    #[arg(long)]
    metrics: bool,
    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &CollectArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let to_stdout = args.output == Path::new("-");
    if !to_stdout {
        files::check_writable(&args.output)?;
    }
    let loaded = LoadedConfig::find_and_read(global)?;
    let settings = effective_settings(&loaded, &args.access)?;
    let resources = SelectedResources::from_arns(&args.access.resource)?;
    let selection = select::new_selection(&args.access.service, &resources, &[])?;
    deadline::start_for_account(args.access.timeout);
    let (snapshot, stopped) = live::read_account(
        &args.access,
        &settings,
        &selection,
        &Extent {
            metrics: args.metrics,
            ..Extent::EVERYTHING
        },
        global,
    )?;
    if stopped != Exit::Ready {
        output::print_stderr("interrupted; nothing was written");
        return Ok(stopped);
    }
    let text =
        saved::write_snapshot(&snapshot).context("failed to serialize the snapshot as JSON")?;
    // It contains key policies.
    let readers = Readers::Owner;
    if to_stdout {
        output::print_stdout(&text)?;
    } else if args.output.extension().is_some_and(|it| it == "zst") {
        files::replace_file(
            &args.output,
            &saved::compress_text(text.as_bytes()),
            readers,
        )?;
    } else {
        files::replace_file(&args.output, text.as_bytes(), readers)?;
    }
    let incomplete = snapshot
        .coverage
        .iter()
        .filter(|row| !matches!(row.state, CoverageState::Scanned | CoverageState::Disabled))
        .count();
    let unread = match args.metrics {
        true => count_unread_metrics(&snapshot),
        false => 0,
    };
    if unread > 0 && !global.quiet {
        output::print_stderr(&format!(
            "CloudWatch returned no size of {}",
            plural(unread, "resource")
        ));
    }
    if incomplete == 0 {
        return Ok(Exit::Ready);
    }
    if !global.quiet {
        let file = match to_stdout {
            true => "FILE".to_owned(),
            false => args.output.display().to_string(),
        };
        output::print_stderr(&format!(
            "{incomplete} of {} incomplete; run `backup-check scan --from {file}` for details",
            plural(snapshot.coverage.len(), "region/service pair")
        ));
    }
    Ok(Exit::Unknown)
}
