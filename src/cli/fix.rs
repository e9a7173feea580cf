//! `backup-check fix`

use std::collections::BTreeSet;

use anyhow::bail;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::exit::{Exit, FailOn};
use crate::fix::dialect::{DIALECTS, Dialect};
use crate::fix::{Change, Wanted, plan_changes};
use crate::report::{Finding, Report, Status, cause_ids_of};
use crate::text::plural;

use super::args::{GlobalArgs, SourceArgs};
use super::config::LoadedConfig;
use super::evaluation::Evaluated;
use super::output;

#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// Causes, rules or findings to fix, ids by their first digits [default: all that fail; with --rule also
    /// those that warn]. Place them before other options or after --
    #[arg(value_name = "CAUSE|RULE|FINDING")]
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
    let Evaluated {
        snapshot,
        settings,
        report,
        stopped,
    } = args.source.evaluate_source(&loaded, global, false)?;
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

/// Returns the ids of the findings that the names select: the first digits of the id of a cause or a
/// finding, or a rule.
///
/// # Errors
/// A name selects nothing, or causes and findings that have nothing to do with each other.
fn select_findings(names: &[String], report: &Report) -> anyhow::Result<BTreeSet<String>> {
    let mut selected = BTreeSet::new();
    for name in names {
        let of_rule = report.findings.iter().filter(|it| it.rule.id == *name);
        if of_rule.clone().next().is_some() {
            let failing = of_rule.filter(|it| matches!(it.status, Status::Fail | Status::Warn));
            selected.extend(failing.map(|it| it.id.clone()));
            continue;
        }
        let of_cause = report.findings.iter().filter_map(|finding| {
            let cause = cause_ids_of(finding);
            let cause = cause.into_iter().find(|id| id.starts_with(name.as_str()))?;
            Some((cause, finding))
        });
        let of_cause: Vec<(String, &Finding)> = of_cause.collect();
        let of_id = report
            .findings
            .iter()
            .filter(|it| it.id.starts_with(name.as_str()));
        let of_id: Vec<&Finding> = of_id.collect();
        // What is about a single resource has one id as a cause and as a finding.
        let causes = of_cause.iter().map(|(id, _)| id.as_str());
        let ids: BTreeSet<&str> = causes
            .chain(of_id.iter().map(|it| it.id.as_str()))
            .collect();
        match ids.len() {
            0 => bail!(
                "no cause, finding or rule {name:?}; ids are listed in `scan --view causes` and `scan --format json`"
            ),
            1 => {
                let of_cause = of_cause.iter().map(|(_, it)| *it);
                selected.extend(of_cause.chain(of_id).map(|it| it.id.clone()));
            }
            _ => bail!("{name:?} is the start of more than one id; add digits"),
        }
    }
    Ok(selected)
}

/// Returns the notes that the output itself does not contain.
fn list_remarks(args: &FixArgs, report: &Report, changes: &[Change]) -> Vec<String> {
    let mut remarks = Vec::new();
    for id in &args.ids {
        let finding = report.findings.iter().find(|it| it.id == *id);
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
    if changes.is_empty() && args.ids.is_empty() {
        remarks.push("no failing findings; nothing to fix".to_owned());
    } else if let Some(remark) = (args.dialect.explain_empty)(changes) {
        remarks.push(remark.to_owned());
    }
    let unknown = report.findings.iter();
    let unknown = unknown
        .filter(|it| it.gating && it.status == Status::Unknown)
        .count();
    if unknown > 0 || !report.unread.is_empty() {
        remarks.push(format!(
            "results are incomplete ({}, {}); more fixes may be needed",
            plural(unknown, "inconclusive finding"),
            plural(report.unread.len(), "truncated list")
        ));
    }
    remarks
}
