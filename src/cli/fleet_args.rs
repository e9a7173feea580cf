//! Arguments about an organization.

use std::path::PathBuf;

use clap::Args;

use crate::model::fleet::is_unit_id;

use super::value;

/// The accounts of an organization to check.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Organization")]
pub(super) struct RosterArgs {
    /// Accounts of the organization, with names and organizational units: IDs, one JSON object per line, or the
    /// output of `aws organizations list-accounts`; `-` is stdin. An account without a snapshot is unknown
    #[arg(long, value_name = "FILE")]
    pub(super) accounts: Option<PathBuf>,
    /// Only accounts in these organizational units or roots, their children included
    #[arg(long, value_name = "ou-...", num_args = 1.., value_delimiter = ',', value_parser = parse_unit)]
    pub(super) ou: Vec<String>,
    /// Leave out accounts in these organizational units, their children included
    #[arg(long, value_name = "ou-...", num_args = 1.., value_delimiter = ',', value_parser = parse_unit)]
    pub(super) skip_ou: Vec<String>,
    /// Only these accounts, in addition to those of --ou
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', value_parser = value::parse_account_id)]
    pub(super) account: Vec<String>,
    /// Leave out these accounts
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', value_parser = value::parse_account_id)]
    pub(super) skip_account: Vec<String>,
}

/// How to check an organization.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Organization")]
pub(super) struct FleetArgs {
    #[command(flatten)]
    pub(super) roster: RosterArgs,
    /// Check only a part of the accounts, such as 3/40; auto/40 reads the position from the variables of AWS Batch,
    /// Kubernetes, Slurm or GNU parallel
    #[arg(long, value_name = "I/N|auto/N", requires = "output")]
    pub(super) shard: Option<String>,
    /// Folder to keep the result of each account in
    #[arg(long, value_name = "FOLDER")]
    pub(super) output: Option<PathBuf>,
    /// Continue the run in --output: check what is missing or incomplete
    #[arg(long, requires = "output")]
    pub(super) resume: bool,
    /// Name of the run [default: the time in UTC]
    #[arg(long, value_name = "NAME", value_parser = parse_run)]
    pub(super) run: Option<String>,
    /// Number of accounts to check at the same time [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) accounts_at_once: Option<u16>,
}

fn parse_unit(text: &str) -> Result<String, String> {
    match is_unit_id(text) {
        true => Ok(text.to_owned()),
        false => Err("expected an ID such as ou-ab12-11112222 or r-ab12".to_owned()),
    }
}

fn parse_run(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !text.is_empty() && !text.starts_with('.') && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("expected letters, digits, '-', '_' and '.'".to_owned()),
    }
}

impl FleetArgs {
    /// Returns an argument that only an organization has, if one is given.
    pub(super) fn find_given(&self) -> Option<&'static str> {
        let roster = &self.roster;
        [
            ("--accounts", roster.accounts.is_some()),
            ("--ou", !roster.ou.is_empty()),
            ("--skip-ou", !roster.skip_ou.is_empty()),
            ("--account", !roster.account.is_empty()),
            ("--skip-account", !roster.skip_account.is_empty()),
            ("--shard", self.shard.is_some()),
            ("--resume", self.resume),
            ("--output", self.output.is_some()),
            ("--run", self.run.is_some()),
            ("--accounts-at-once", self.accounts_at_once.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }
}
