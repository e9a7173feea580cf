//! `backup-check rules`

use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::exit::Exit;
use crate::rule::{Group, Owner};
use crate::rules::ALL;
use crate::settings::Severity;

use super::output;

#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    /// Output format
    #[arg(long, value_enum, value_name = "FMT", default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

#[derive(Serialize)]
struct Listing {
    rules: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: &'static str,
    group: Group,
    owner: Owner,
    title: &'static str,
    severity: Severities,
}

#[derive(Serialize)]
struct Severities {
    guide: Severity,
    aws: Severity,
}

pub(super) fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    let text = match args.format {
        Format::Json => rules_json()?,
        Format::Table => rules_table(),
    };
    output::print_stdout(&text)?;
    Ok(Exit::Ready)
}

fn rules_json() -> anyhow::Result<String> {
    let rules = ALL
        .iter()
        .map(|rule| Line {
            id: rule.id,
            group: rule.group,
            owner: rule.owner,
            title: rule.title,
            severity: Severities {
                guide: rule.guide,
                aws: rule.aws,
            },
        })
        .collect();
    Ok(serde_json::to_string_pretty(&Listing { rules })? + "\n")
}

fn rules_table() -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["RULE", "GROUP", "OWNER", "GUIDE", "AWS", "PASSES WHEN"]);
    for rule in ALL {
        table.add_row([
            rule.id,
            rule.group.as_str(),
            rule.owner.as_str(),
            rule.guide.as_str(),
            rule.aws.as_str(),
            rule.title,
        ]);
    }
    // Remove the padding at the left edge of the page.
    let lines = table.lines().map(|line| {
        line.strip_prefix(' ')
            .unwrap_or(&line)
            .trim_end()
            .to_owned()
            + "\n"
    });
    lines.collect()
}
