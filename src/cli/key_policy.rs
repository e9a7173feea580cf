//! `backup-check key-policy`

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::exit::Exit;
use crate::key_sharing::copy::{CentralAccount, KeyFacts, Overall, ViaService};
use crate::model::arn::Arn;
use crate::report::key_policy::{KeyPolicy, Question, write, write_json};

use super::config::Loaded;
use super::{Talk, input, output, value};

#[derive(Debug, Args)]
pub(super) struct KeyPolicyArgs {
    /// The policy, as `aws kms get-key-policy --query Policy --output text` prints it; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The account that owns the key [default: that of --key-arn]
    #[arg(long, value_name = "ID", value_parser = value::account_id, required_unless_present = "key_arn")]
    key_account: Option<String>,
    /// The key, for policies that name it in Resource
    #[arg(long, value_name = "ARN", value_parser = value::key_arn)]
    key_arn: Option<String>,
    /// The region the key is in [default: the key's, else any]
    #[arg(long, value_name = "R", value_parser = value::region)]
    region: Option<String>,
    /// The service that asks for the key: ec2 for EBS, EC2 and Storage Gateway, rds for RDS and Aurora [default: either]
    #[arg(long, value_enum, value_name = "SERVICE")]
    via: Option<ViaArg>,
    /// The account that keeps the copies [default: the config's, else 692653576357]
    #[arg(long, value_name = "ID", value_parser = value::account_id)]
    central_account: Option<String>,
    /// The organization, for policies that name it [default: the config's]
    #[arg(long, value_name = "o-...", value_parser = value::org_id)]
    org_id: Option<String>,
    /// How to report
    #[arg(long, value_enum, value_name = "FMT", default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ViaArg {
    Ec2,
    Rds,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(super) fn run(args: &KeyPolicyArgs, talk: &Talk) -> anyhow::Result<Exit> {
    let key = args.key_arn.as_deref().and_then(Arn::parse);
    if let Some(arn) = &key {
        if let Some(account) = args.key_account.as_deref().filter(|it| *it != arn.account) {
            bail!(
                "--key-arn names a key of {}, and --key-account says {account}",
                arn.account
            );
        }
        if let Some(region) = args.region.as_deref().filter(|it| *it != arn.region) {
            bail!(
                "--key-arn names a key in {}, and --region says {region}: a key serves its own region alone",
                arn.region
            );
        }
    }
    let settings = Loaded::find(talk)?.config.settings();
    let text = input::read(&args.file)?;
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
        }),
        backup_role: settings.backup_role,
    };
    let name = input::name(&args.file);
    let policy = KeyPolicy::judge(&text, question).with_context(|| name)?;
    output::with_stdout(talk, |style, out| match args.format {
        Format::Table => write(&policy, style, out),
        Format::Json => write_json(&policy, out),
    })?;
    Ok(match policy.verdict() {
        Overall::Shared | Overall::PartlyShared => Exit::Ready,
        Overall::NotShared => Exit::Failed,
        Overall::Conditional => Exit::Unknown,
    })
}
