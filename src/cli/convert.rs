//! `backup-check convert`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::exit::Exit;
use crate::report::Status;
use crate::report::convert::{Converted, read_report};

use super::args::GlobalArgs;
use super::config::LoadedConfig;
use super::output::ReportArgs;
use super::{github, input, output};

#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Report of `scan --format json`; `-` is stdin. Place it before options that accept several values
    #[arg(value_name = "REPORT")]
    file: PathBuf,
    #[command(flatten)]
    report: ReportArgs,
}

pub(super) fn run(args: &ConvertArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let targets = args.report.check_targets(&[Some(&args.file)])?;
    let step = github::Step::open_files(&targets)?;
    let text = input::read_text(&args.file)?;
    let read = read_report(&text).with_context(|| input::display_name(&args.file))?;
    let Converted { report, gate } = read;
    let anchor = LoadedConfig::find_and_read(global)?.path_in_repository();
    let has_skipped = report.findings.iter().any(|it| it.status == Status::Skip);
    let how = args.report.to_rendering(anchor, gate, has_skipped);
    output::write_report(&report, None, &targets, &how, global)?;
    let exit = report.exit(gate);
    step.write_report(&report, exit)?;
    Ok(exit)
}
