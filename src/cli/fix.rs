//! `backup-check fix`

use std::collections::BTreeSet;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::exit::{Exit, FailOn};
use crate::fix::dialect::{aws_cli, cdk, key_policy, terraform};
use crate::fix::{Change, Remedy, Wanted, changes};
use crate::report::{Report, Status};

use super::config::Loaded;
use super::judge::{Judged, SourceArgs};
use super::{Talk, output};

#[derive(Debug, Args)]
pub(super) struct FixArgs {
    /// Findings to mend, by id [default: all that fail; with --rule, those that warn too]. Before other
    /// flags, or after --
    #[arg(value_name = "FINDING-ID")]
    ids: Vec<String>,
    /// How to write the changes down
    #[arg(long = "as", value_enum, value_name = "DIALECT", default_value_t = Dialect::AwsCli)]
    dialect: Dialect,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// A script for bash and the AWS CLI that is safe to run whole
    AwsCli,
    /// Terraform code
    Terraform,
    /// A stack for the AWS CDK, in TypeScript
    Cdk,
    /// The merged key policies alone, in JSON
    Policy,
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
        (false, _) => Wanted::Ids(named(&args.ids, &report)?),
    };
    let changes = changes(&snapshot, &settings, &report, &wanted);
    output::with_stdout(talk, |_, out| match args.dialect {
        Dialect::AwsCli => aws_cli::write(&report, &changes, out),
        Dialect::Terraform => terraform::write(&report, &changes, out),
        Dialect::Cdk => cdk::write(&report, &changes, out),
        Dialect::Policy => key_policy::write(&changes, out),
    })?;
    if !talk.quiet {
        for line in remarks(args, &report, &changes) {
            super::say(&line);
        }
    }
    // What fails is what this is for.
    let seen = match report.exit(FailOn::Fail) {
        Exit::Failed => Exit::Ready,
        other => other,
    };
    Ok(seen.and(stopped))
}

/// The ids, if each is one of a finding.
fn named(ids: &[String], report: &Report) -> anyhow::Result<BTreeSet<String>> {
    let known: BTreeSet<&str> = report.findings.iter().map(|it| it.id.as_str()).collect();
    let missing: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| !known.contains(id))
        .collect();
    if !missing.is_empty() {
        bail!(
            "there is no finding {} here: ids stand in `scan --format json`, and change with the resource's ARN",
            missing.join(", ")
        );
    }
    Ok(ids.iter().cloned().collect())
}

/// What the output does not say of itself.
fn remarks(args: &FixArgs, report: &Report, changes: &[Change]) -> Vec<String> {
    let mut remarks = Vec::new();
    for id in &args.ids {
        let finding = report.findings.iter().find(|it| it.id == *id);
        if let Some(finding) = finding
            && !matches!(finding.status, Status::Fail | Status::Warn)
        {
            remarks.push(format!(
                "{id}: {} of {} is {}, there is nothing to mend",
                finding.rule.id,
                finding.resource,
                finding.status.as_str()
            ));
        }
    }
    let has_policy = |it: &Change| matches!(&it.remedy, Remedy::InPlace(actions) if actions.iter().any(|it| matches!(it, crate::fix::Action::PutKeyPolicy { .. })));
    if changes.is_empty() && args.ids.is_empty() {
        remarks.push("nothing fails: there is nothing to mend".to_owned());
    } else if args.dialect == Dialect::Policy && !changes.iter().any(has_policy) {
        remarks.push("no key policy mends any of this: see --as aws-cli".to_owned());
    }
    let unknown = report.findings.iter();
    let unknown = unknown
        .filter(|it| it.gating && it.status == Status::Unknown)
        .count();
    if unknown > 0 || !report.unread.is_empty() {
        remarks.push(format!(
            "not everything could be seen ({unknown} unknown findings that count, {} lists not read to their end): there may be more to mend",
            report.unread.len()
        ));
    }
    remarks
}
