//! `backup-check rules`

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::exit::Exit;
use crate::model::service::Service;
use crate::rule::{Group, Owner, Rule};
use crate::rules::ALL;
use crate::settings::Severity;

use super::output;

#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    /// Only the rules about these services
    #[arg(long, value_name = "S", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(Service::ALL.map(Service::as_str)))]
    service: Vec<String>,
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
    services: Vec<&'static str>,
    severity: Severities,
}

#[derive(Serialize)]
struct Severities {
    guide: Severity,
    aws: Severity,
}

pub(super) fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    let is_wanted = |rule: &&Rule| {
        let mut services = rule.services().into_iter().map(Service::as_str);
        args.service.is_empty() || services.any(|it| args.service.iter().any(|name| name == it))
    };
    let rules: Vec<&Rule> = ALL.into_iter().filter(is_wanted).collect();
    let text = match args.format {
        Format::Json => rules_json(&rules)?,
        Format::Table => rules_table(&rules),
    };
    output::print_stdout(&text)?;
    Ok(Exit::Ready)
}

fn rules_json(rules: &[&Rule]) -> anyhow::Result<String> {
    let rules = rules
        .iter()
        .map(|rule| Line {
            id: rule.id,
            group: rule.group,
            owner: rule.owner,
            title: rule.title,
            services: rule.services().into_iter().map(Service::as_str).collect(),
            severity: Severities {
                guide: rule.guide,
                aws: rule.aws,
            },
        })
        .collect();
    Ok(serde_json::to_string_pretty(&Listing { rules })? + "\n")
}

fn rules_table(rules: &[&Rule]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["RULE", "GROUP", "OWNER", "GUIDE", "AWS", "PASSES WHEN"]);
    for rule in rules {
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
