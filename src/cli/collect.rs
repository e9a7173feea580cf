//! `backup-check collect`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use crate::exit::Exit;
use crate::model::coverage::CoverageState;
use crate::source::saved;

use super::config::Loaded;
use super::judge::{AccessArgs, settings};
use super::{Talk, live, output, select};

#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    /// The file to write, compressed where its name ends in .zst; `-` is stdout
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    access: AccessArgs,
}

pub(super) fn run(args: &CollectArgs, talk: &Talk) -> anyhow::Result<Exit> {
    let stdout = args.output == Path::new("-");
    if !stdout {
        output::probe(&args.output)?;
    }
    let loaded = Loaded::find(talk)?;
    let settings = settings(&loaded, &args.access)?;
    let selection = select::selection(&args.access.service, &args.access.resource, &[])?;
    let (snapshot, stopped) = live::snapshot(&args.access, &settings, &selection, talk)?;
    if stopped != Exit::Ready {
        super::say("stopped: nothing was written");
        return Ok(stopped);
    }
    let text = saved::write_snapshot(&snapshot).context("cannot write the snapshot as JSON")?;
    if stdout {
        output::print(&text)?;
    } else if args.output.extension().is_some_and(|it| it == "zst") {
        output::save(&args.output, &saved::compress_text(&text))?;
    } else {
        output::save(&args.output, text.as_bytes())?;
    }
    let unread = snapshot
        .coverage
        .iter()
        .filter(|row| !matches!(row.state, CoverageState::Scanned | CoverageState::Disabled))
        .count();
    if unread == 0 {
        return Ok(Exit::Ready);
    }
    if !talk.quiet {
        super::say(&format!(
            "{unread} of {} parts could not be read whole; a scan of the snapshot says which",
            snapshot.coverage.len()
        ));
    }
    Ok(Exit::Unknown)
}
