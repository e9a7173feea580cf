//! `backup-check scan`

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::exit::{Exit, FailOn};
use crate::report::format::GITHUB;

use super::config::Loaded;
use super::judge::{Judged, SourceArgs};
use super::output::Target;
use super::{Talk, github, input, output};

#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[arg(long, value_name = "FMT[=PATH]", num_args = 1.., help_heading = "Report", help = output::help())]
    format: Vec<Target>,
    /// Compare with an earlier report of --format json: say what is new and what is fixed
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    baseline: Option<PathBuf>,
    /// The file of the repository that findings of a live account point at in `sarif` and `github`
    /// [default: the config file]
    #[arg(long, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new(), help_heading = "Report")]
    sarif_anchor: Option<String>,
    /// What makes the exit code 1
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = FailOnArg::Fail, help_heading = "Report")]
    fail_on: FailOnArg,
    /// List rules that do not apply too
    #[arg(long, help_heading = "Report")]
    show_skipped: bool,
    /// Print the number of calls and the time they took on stderr
    #[arg(long, help_heading = "Report")]
    stats: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOnArg {
    /// A gating finding that fails
    Fail,
    /// One that fails or warns
    Warn,
    /// A gating finding that fails and that the --baseline lacks
    New,
    /// Nothing: 0 instead of 1 and 3
    Never,
}

impl From<FailOnArg> for FailOn {
    fn from(what: FailOnArg) -> Self {
        match what {
            FailOnArg::Fail => FailOn::Fail,
            FailOnArg::Warn => FailOn::Warn,
            FailOnArg::New => FailOn::New,
            FailOnArg::Never => FailOn::Never,
        }
    }
}

pub(super) fn run(args: &ScanArgs, talk: &Talk) -> anyhow::Result<Exit> {
    let targets = if args.format.is_empty() {
        vec![Target::default()]
    } else {
        args.format.clone()
    };
    output::check(&targets)?;
    let step = match output::asks_for(&targets, GITHUB) {
        true => Some(github::Step::find()?),
        false => None,
    };
    let earlier = match &args.baseline {
        Some(path) => Some((path, input::earlier(path)?)),
        None if args.fail_on == FailOnArg::New => {
            bail!("--fail-on new wants --baseline FILE: the report to compare with")
        }
        None => None,
    };
    let loaded = Loaded::find(talk)?;
    let Judged {
        mut report,
        stopped,
        ..
    } = args.source.judged(&loaded, talk)?;
    if let Some((path, earlier)) = &earlier {
        earlier
            .compare(&mut report)
            .with_context(|| format!("--baseline {}", input::name(path)))?;
    }
    let anchor = match &args.sarif_anchor {
        Some(anchor) => anchor.clone(),
        None => loaded.within_repository(),
    };
    let how = output::How {
        show_skipped: args.show_skipped,
        anchor: &anchor,
        gate: args.fail_on.into(),
    };
    output::write(&report, &targets, how, talk)?;
    if !talk.quiet && !output::is_told(&targets) {
        for waiver in &report.stale_waivers {
            super::say(&waiver.sentence());
        }
    }
    if args.stats {
        let stats = report.stats;
        super::say(&format!(
            "{} API calls ({} retries, {} throttled) from {} to {}, {} resources, {} findings",
            stats.api_calls,
            stats.retries,
            stats.throttled,
            report.started_at,
            report.finished_at,
            report.resources.len(),
            report.findings.len()
        ));
    }
    let exit = report.exit(args.fail_on.into()).and(stopped);
    if let Some(step) = step {
        step.write(&report, exit)?;
    }
    Ok(exit)
}
