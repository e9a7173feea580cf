//! `backup-check explain`

use clap::Args;

use crate::exit::Exit;
use crate::settings::Severity;

use super::{output, select};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// ID of the rule, see `backup-check rules`
    #[arg(value_name = "RULE")]
    rule: String,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let rule = select::find_rule(&args.rule)?;
    let result = |severity: Severity| match severity {
        Severity::Fail => "a failure",
        Severity::Warn => "a warning",
        Severity::Off => "ignored",
    };
    // The lines of a doc comment start with the blank after the slashes.
    let docs: Vec<&str> = rule
        .docs
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    output::print_stdout(&format!(
        "# {}\n\n{}. Group: {}. Fixed by: {} team. A violation is {} under the guide and {} under the AWS standard.\n\n{}\n",
        rule.id,
        rule.title,
        rule.group.as_str(),
        rule.owner.as_str(),
        result(rule.guide),
        result(rule.aws),
        docs.join("\n").trim_end()
    ))?;
    Ok(Exit::Ready)
}
