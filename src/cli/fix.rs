//! `backup-check fix`

use std::collections::BTreeSet;

use anyhow::bail;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::evaluate::exit;
use crate::exit::{Exit, FailOn};
use crate::fix::dialect::{DIALECTS, Dialect};
use crate::fix::{Change, Wanted, plan_changes};
use crate::report::{Report, Status};
use crate::text::plural;

use super::config::Loaded;
use super::judge::{Judged, SourceArgs};
use super::{Talk, output};

#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// Ids of findings to fix [default: all that fail; with --rule, also those that warn]. Put them before
    /// other flags, or after --
    #[arg(value_name = "FINDING-ID")]
    ids: Vec<String>,
    /// The language to write the changes in
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

pub(super) fn run(args: &FixArgs, talk: &Talk) -> anyhow::Result<Exit> {
    let loaded = Loaded::find(talk)?;
    let Judged {
        snapshot,
        settings,
        report,
        stopped,
    } = args.source.judged(&loaded, talk)?;
    let wanted = match (args.ids.is_empty(), args.source.names_rules()) {
        (true, true) => Wanted::FailingAndWarning,
        (true, false) => Wanted::Failing,
        (false, _) => Wanted::Ids(check_ids(&args.ids, &report)?),
    };
    let changes = plan_changes(&snapshot, &settings, &report, &wanted);
    output::with_stdout(talk, |_, out| (args.dialect.write)(&report, &changes, out))?;
    if !talk.quiet {
        for line in collect_remarks(args, &report, &changes) {
            super::say(&line);
        }
    }
    // Failing findings are what the command is for.
    let seen = match exit(&report, FailOn::Fail) {
        Exit::Failed => Exit::Ready,
        other => other,
    };
    Ok(seen.and(stopped))
}

/// Returns the ids, or an error if one belongs to no finding.
fn check_ids(ids: &[String], report: &Report) -> anyhow::Result<BTreeSet<String>> {
    let known: BTreeSet<&str> = report.findings.iter().map(|it| it.id.as_str()).collect();
    let missing: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| !known.contains(id))
        .collect();
    if !missing.is_empty() {
        bail!(
            "no finding with id {}; ids are listed in `scan --format json` and depend on the rule and the ARN",
            missing.join(", ")
        );
    }
    Ok(ids.iter().cloned().collect())
}

/// Returns what the output does not say.
fn collect_remarks(args: &FixArgs, report: &Report, changes: &[Change]) -> Vec<String> {
    let mut remarks = Vec::new();
    for id in &args.ids {
        let finding = report.findings.iter().find(|it| it.id == *id);
        if let Some(finding) = finding
            && !matches!(finding.status, Status::Fail | Status::Warn)
        {
            remarks.push(format!(
                "{id}: {} of {} is {}; nothing to fix",
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
