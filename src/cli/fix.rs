//! `backup-check fix`

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{anyhow, bail};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::exit::{Exit, FailOn};
use crate::fix::dialect::{DIALECTS, Dialect};
use crate::fix::{Change, Wanted, plan_changes};
use crate::report::{Finding, Report, Status, cause_ids_of};
use crate::rule::Rule;
use crate::rules;
use crate::text::{and_more, plural};

use super::args::{GlobalArgs, SourceArgs};
use super::config::LoadedConfig;
use super::evaluation::{Evaluated, KeptFindings, Reads};
use super::suggest::suggest_names;
use super::{output, select};

/// The number of ids that an error lists.
const MOST_IDS: usize = 4;

#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// Causes, rules, groups or findings to fix, ids by their first digits [default: all that fail; with --rule also
    /// those that warn]. Place them before other options or after --
    #[arg(value_name = "CAUSE|RULE|FINDING", value_parser = select::NameParser(select::offer_rules), hide_possible_values = true)]
    ids: Vec<String>,
    /// Output format of the changes
    #[arg(long = "as", value_name = "DIALECT", default_value = DIALECTS[0].name, value_parser = dialect_parser())]
    dialect: &'static Dialect,
    #[command(flatten)]
    source: SourceArgs,
}

/// Returns the parser of the names in the table of dialects.
fn dialect_parser() -> impl TypedValueParser<Value = &'static Dialect> {
    let names = DIALECTS
        .iter()
        .map(|it| PossibleValue::new(it.name).help(it.about));
    PossibleValuesParser::new(names).map(|name| Dialect::find(&name).unwrap_or(&DIALECTS[0]))
}

pub(super) fn run(args: &FixArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let loaded = LoadedConfig::find_and_read(global)?;
    for name in &args.ids {
        check_name(name)?;
    }
    let kept = KeptFindings {
        remedies: true,
        ..KeptFindings::default()
    };
    let Evaluated {
        snapshot,
        settings,
        report,
        stopped,
        ..
    } = args
        .source
        .evaluate_source(&loaded, global, kept, Reads::Everything)?;
    let wanted = match (args.ids.is_empty(), args.source.names_rules()) {
        (true, true) => Wanted::FailingAndWarning,
        (true, false) => Wanted::Failing,
        (false, _) => Wanted::Ids(select_findings(&args.ids, &report)?),
    };
    let changes = plan_changes(&snapshot, &settings, &report, &wanted);
    output::write_stdout(global, |_, out| {
        (args.dialect.write)(&report, &changes, out)
    })?;
    if !global.quiet {
        for line in list_remarks(args, &report, &changes) {
            output::print_stderr(&line);
        }
    }
    // Failures are what the command fixes, so they are not an error.
    let exit = match report.exit(FailOn::Fail) {
        Exit::Failed => Exit::Ready,
        other => other,
    };
    Ok(exit.and(stopped))
}

/// Checks that a name may select something, before an account is read for it.
///
/// # Errors
/// It is neither a rule or a group nor the first digits of an id.
fn check_name(name: &str) -> anyhow::Result<()> {
    let may_be_id = !name.is_empty() && name.chars().all(|it| matches!(it, '0'..='9' | 'a'..='f'));
    if may_be_id || select::list_rules([name]).is_ok() {
        return Ok(());
    }
    if name == "-" || Path::new(name).is_file() {
        bail!("no cause, finding or rule {name:?}; to read the file, use --from {name}");
    }
    Err(reject_name(name))
}

/// Returns the error about a name that selects nothing.
fn reject_name(name: &str) -> anyhow::Error {
    let rules = rules::ALL.iter().map(|rule| rule.id);
    let hint = match suggest_names(name, rules) {
        none if none.is_empty() => "; `scan --view causes` lists the causes".to_owned(),
        similar => similar,
    };
    anyhow!("no cause, finding or rule {name:?}{hint}")
}

/// Returns the ids of the findings that the names select: ids of causes or findings by their first digits, or
/// rules.
///
/// # Errors
/// A name selects nothing, or begins several ids.
fn select_findings(names: &[String], report: &Report) -> anyhow::Result<BTreeSet<String>> {
    let mut selected = BTreeSet::new();
    for name in names {
        if let Ok(rules) = select::list_rules([name]) {
            let of_rules = report.findings.iter().filter(|it| {
                let is_of = |rule: &&Rule| rule.id == it.rule.id;
                rules.iter().any(is_of)
            });
            let failing = of_rules.filter(|it| matches!(it.status, Status::Fail | Status::Warn));
            selected.extend(failing.map(Finding::id));
            continue;
        }
        let id = find_id(name, report)?;
        // The cause and the finding of a rule about the resource itself have the same id.
        let has_id = |it: &&Finding| it.id() == id || cause_ids_of(it).contains(&id);
        let found = report.findings.iter().filter(has_id);
        selected.extend(found.map(Finding::id));
    }
    Ok(selected)
}

/// Returns the id of a cause or a finding by its first digits.
///
/// # Errors
/// It begins no id, or several.
fn find_id(start: &str, report: &Report) -> anyhow::Result<String> {
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for finding in &report.findings {
        let all = cause_ids_of(finding).into_iter().chain([finding.id()]);
        ids.extend(all.filter(|id| id.starts_with(start)));
    }
    let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
    match listed.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => Err(reject_name(start)),
        several => bail!(
            "{start:?} is the start of {}; add digits: {}",
            plural(several.len(), "id"),
            and_more(several.iter().copied(), MOST_IDS)
        ),
    }
}

/// Returns the notes that the output itself does not contain.
fn list_remarks(args: &FixArgs, report: &Report, changes: &[Change]) -> Vec<String> {
    let mut remarks = Vec::new();
    for id in &args.ids {
        let mut findings = report.findings.iter();
        let finding = findings.find(|it| it.id().starts_with(id.as_str()));
        if let Some(finding) = finding
            && !matches!(finding.status, Status::Fail | Status::Warn)
        {
            remarks.push(format!(
                "{id}: {} on {} is {}; nothing to fix",
                finding.rule.id,
                finding.resource,
                finding.status.as_str()
            ));
        }
    }
    let unknown = report.findings.iter();
    let unknown = unknown
        .filter(|it| it.gating && it.status == Status::Unknown)
        .count();
    let is_incomplete = unknown > 0 || !report.unread.is_empty();
    if changes.is_empty() && args.ids.is_empty() {
        remarks.push(match is_incomplete {
            true => "no failing findings in what was read".to_owned(),
            false => "no failing findings; nothing to fix".to_owned(),
        });
    } else if let Some(remark) = (args.dialect.explain_empty)(changes) {
        remarks.push(remark.to_owned());
    }
    if is_incomplete {
        remarks.push(format!(
            "results are incomplete ({}, {}); more fixes may be needed",
            plural(unknown, "inconclusive finding"),
            plural(report.unread.len(), "truncated list")
        ));
    }
    remarks
}
