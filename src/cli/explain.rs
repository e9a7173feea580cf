//! `backup-check explain`

use clap::Args;

use crate::exit::Exit;
use crate::report::documentation::{GuideNames, parse_documentation};
use crate::rule::{Owner, Rule};
use crate::settings::{Settings, Severity};

use super::args::GlobalArgs;
use super::config::LoadedConfig;
use super::prose::Prose;
use super::{output, select, value};

/// The width of the labels of a rule's facts, in columns.
const LABEL_WIDTH: usize = 9;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Rules or groups of rules, see `backup-check rules`
    #[arg(value_name = "RULE|GROUP", required = true, value_parser = select::NameParser(select::offer_rules), hide_possible_values = true)]
    rules: Vec<String>,
    /// Central account, which the texts name [default: from the config, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::parse_account_id)]
    central_account: Option<String>,
}

pub(super) fn run(args: &ExplainArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let rules = select::list_rules(&args.rules)?;
    let loaded = LoadedConfig::find_and_read(global)?;
    let mut settings = loaded.config.settings();
    if let Some(account) = &args.central_account {
        settings.central_account.clone_from(account);
    }
    output::write_stdout(global, |style, out| {
        let mut prose = Prose::new(style.width, style.color, style.links);
        for rule in rules {
            explain_rule(rule, &settings, &loaded, &mut prose);
        }
        Ok(out.write_all(prose.into_text().as_bytes())?)
    })?;
    Ok(Exit::Ready)
}

fn explain_rule(rule: &Rule, settings: &Settings, loaded: &LoadedConfig, prose: &mut Prose) {
    let names = GuideNames::from_settings(settings);
    prose.add_heading(rule.id, Some(&rule.help_uri()));
    let owner = match rule.owner {
        Owner::Member => "the team that owns the account".to_owned(),
        Owner::Platform => format!("the platform team ({})", settings.contact),
    };
    let mut violation = format!(
        "{} under the guide, {} under the AWS standard",
        describe_severity(rule.guide),
        describe_severity(rule.aws)
    );
    let overrides = &loaded.config.severity;
    if let Some((_, severity)) = overrides.iter().find(|(id, _)| id.get_ref() == rule.id) {
        let here = describe_severity(*severity);
        violation.push_str(&format!("; {here} by the config"));
    }
    for (label, value) in [
        ("Passes", rule.title),
        ("Group", rule.group.as_str()),
        ("Fixed by", &owner),
        ("Violation", &violation),
    ] {
        prose.add_field(label, LABEL_WIDTH, value);
    }
    for block in parse_documentation(&names.write_markdown(rule)) {
        prose.add_block(&block);
    }
}

fn describe_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Fail => "fails",
        Severity::Warn => "warns",
        Severity::Off => "is not checked",
    }
}
