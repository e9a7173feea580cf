//! `backup-check fix`

use std::collections::BTreeSet;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::exit::{Exit, FailOn};
use crate::fix::dialect::{aws_cli, cdk, key_policy, terraform};
use crate::fix::{Change, Remedy, Wanted, changes};
use crate::report::{Report, Status};
use crate::text::plural;

use super::args::{GlobalArgs, SourceArgs};
use super::config::LoadedConfig;
use super::evaluation::Evaluated;
use super::output;

#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// IDs of the findings to fix [default: all that fail; with --rule also those that warn]. Place them
    /// before other options or after --
    #[arg(value_name = "FINDING-ID")]
    ids: Vec<String>,
    /// Output format of the changes
    #[arg(long = "as", value_enum, value_name = "DIALECT", default_value_t = Dialect::AwsCli)]
    dialect: Dialect,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// Bash script of AWS CLI commands, safe to run as is
    AwsCli,
    /// Terraform configuration
    Terraform,
    /// AWS CDK stack in TypeScript
    Cdk,
    /// Only the merged key policies, as JSON
    Policy,
}

pub(super) fn run(args: &FixArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let loaded = LoadedConfig::find_and_read(global)?;
    let Evaluated {
        snapshot,
        settings,
        report,
        stopped,
    } = args.source.evaluate_source(&loaded, global)?;
    let wanted = match (args.ids.is_empty(), args.source.names_rules()) {
        (true, true) => Wanted::FailingAndWarning,
        (true, false) => Wanted::Failing,
        (false, _) => Wanted::Ids(check_ids(&args.ids, &report)?),
    };
    let changes = changes(&snapshot, &settings, &report, &wanted);
    output::write_stdout(global, |_, out| match args.dialect {
        Dialect::AwsCli => aws_cli::write(&report, &changes, out),
        Dialect::Terraform => terraform::write(&report, &changes, out),
        Dialect::Cdk => cdk::write(&report, &changes, out),
        Dialect::Policy => key_policy::write(&changes, out),
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

/// Returns the IDs.
///
/// # Errors
/// An ID is not one of a finding.
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
    let has_policy = |it: &Change| matches!(&it.remedy, Remedy::InPlace(actions) if actions.iter().any(|it| matches!(it, crate::fix::Action::PutKeyPolicy { .. })));
    if changes.is_empty() && args.ids.is_empty() {
        remarks.push("no failing findings; nothing to fix".to_owned());
    } else if args.dialect == Dialect::Policy && !changes.iter().any(has_policy) {
        remarks
            .push("none of these findings is fixed by a key policy; try --as aws-cli".to_owned());
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
