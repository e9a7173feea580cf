//! `backup-check key-policy`

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::exit::Exit;
use crate::key_sharing::copy::Overall;
use crate::key_sharing::facts::{CentralAccount, KeyFacts, ViaService};
use crate::model::arn::Arn;
use crate::report::key_policy::{KeyPolicy, Question, write_json, write_policy, write_text};
use crate::source::saved::read_owner;

use super::args::GlobalArgs;
use super::config::LoadedConfig;
use super::{input, output, value};

#[derive(Debug, Args)]
pub(super) struct KeyPolicyArgs {
    /// Policy, as printed by `aws kms get-key-policy --query Policy --output text`; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Account that owns the key [default: from --key-arn]
    #[arg(long, value_name = "ID", value_parser = value::parse_account_id, required_unless_present = "key_arn")]
    key_account: Option<String>,
    /// ARN of the key, for policies that name it in Resource
    #[arg(long, value_name = "ARN", value_parser = value::parse_key_arn)]
    key_arn: Option<String>,
    /// Region of the key [default: from --key-arn, else any]
    #[arg(long, value_name = "R", value_parser = value::parse_region)]
    region: Option<String>,
    /// Service that uses the key: ec2 for EBS, EC2 and Storage Gateway, rds for RDS, Aurora,
    /// DocumentDB and Neptune, fsx for FSx [default: ec2 and rds]
    #[arg(long, value_enum, value_name = "SERVICE")]
    via: Option<ViaArg>,
    /// Central account, which stores the copies [default: from the config, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::parse_account_id)]
    central_account: Option<String>,
    /// Organization ID, for policies that name it [default: from the config]
    #[arg(long, value_name = "o-...", value_parser = value::parse_org_id)]
    org_id: Option<String>,
    /// Output format
    #[arg(long, value_enum, value_name = "FMT", default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ViaArg {
    Ec2,
    Rds,
    Fsx,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The answer, then the policy that would pass
    Table,
    /// The answer as `backup-check/key-policy/v1`
    Json,
    /// Only the policy that would pass
    Policy,
}

pub(super) fn run(args: &KeyPolicyArgs, global: &GlobalArgs) -> anyhow::Result<Exit> {
    let key = args.key_arn.as_deref().and_then(Arn::parse);
    if let Some(arn) = &key {
        if let Some(account) = args.key_account.as_deref().filter(|it| *it != arn.account) {
            bail!(
                "--key-arn names a key of account {}, but --key-account is {account}",
                arn.account
            );
        }
        if let Some(region) = args.region.as_deref().filter(|it| *it != arn.region) {
            bail!(
                "--key-arn names a key in {}, but --region is {region}; a key can only be used in its region",
                arn.region
            );
        }
    }
    let settings = LoadedConfig::find_and_read(global)?.config.settings();
    let text = input::read_text(&args.file)?;
    let question = Question {
        key: KeyFacts {
            key_arn: args.key_arn.clone(),
            key_account: args
                .key_account
                .clone()
                .or_else(|| key.map(|arn| arn.account.to_owned()))
                .unwrap_or_default(),
            region: args.region.clone(),
            ..KeyFacts::default()
        },
        central: CentralAccount {
            account_id: args
                .central_account
                .clone()
                .unwrap_or(settings.central_account),
            org_id: args.org_id.clone().or(settings.org_id),
        },
        via: args.via.map(|via| match via {
            ViaArg::Ec2 => ViaService::Ec2,
            ViaArg::Rds => ViaService::Rds,
            ViaArg::Fsx => ViaService::Fsx,
        }),
        backup_role: settings.backup_role,
    };
    let name = input::display_name(&args.file);
    if read_owner(&text).is_ok() {
        bail!("{name} is a snapshot, not a key policy; `backup-check scan FILE` checks its keys");
    }
    let policy = KeyPolicy::evaluate(&text, question).with_context(|| name)?;
    let mut obstacle = None;
    output::write_stdout(global, |style, out| {
        match args.format {
            Format::Table => write_text(&policy, style, out)?,
            Format::Json => write_json(&policy, out)?,
            Format::Policy => obstacle = write_policy(&policy, out)?,
        }
        Ok(())
    })?;
    if let Some(obstacle) = obstacle {
        output::print_stderr(&format!("no policy to print: {obstacle}"));
    }
    Ok(match policy.verdict() {
        Overall::Shared | Overall::PartlyShared => Exit::Ready,
        Overall::NotShared => Exit::Failed,
        Overall::Conditional => Exit::Unknown,
    })
}
