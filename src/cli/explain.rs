//! `backup-check explain`

use clap::Args;

use crate::exit::Exit;
use crate::settings::Severity;

use super::{output, select};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The rule's id, as `backup-check rules` lists it
    #[arg(value_name = "RULE")]
    rule: String,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let rule = select::rule(&args.rule)?;
    let yields = |severity: Severity| match severity {
        Severity::Fail => "fails",
        Severity::Warn => "warns",
        Severity::Off => "is not judged",
    };
    // A doc comment's lines begin with the blank after the slashes.
    let docs: Vec<&str> = rule
        .docs
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    output::print(&format!(
        "# {}\n\n{}. Group {}, for the {} team to mend. A breach {} under the guide and {} under AWS's own standard.\n\n{}\n",
        rule.id,
        rule.title,
        rule.group.as_str(),
        rule.owner.as_str(),
        yields(rule.guide),
        yields(rule.aws),
        docs.join("\n").trim_end()
    ))?;
    Ok(Exit::Ready)
}
