//! Arguments about an organization.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use crate::model::fleet::is_unit_id;
use crate::store::Place;

use super::args::first_given;
use super::value;

/// The accounts of an organization to check.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Organization")]
pub(super) struct RosterArgs {
    /// Accounts of the organization, with names and organizational units: IDs, one JSON object per line, or the
    /// output of `aws organizations list-accounts`; `-` is stdin, s3://BUCKET/KEY an object. Each is entered with its
    /// role; with --from, an account without a snapshot is unknown
    #[arg(long, value_name = "FILE")]
    pub(super) accounts: Option<PathBuf>,
    /// All accounts of the organization, from AWS Organizations
    #[arg(long, conflicts_with_all = ["accounts", "from"])]
    pub(super) org: bool,
    /// Role to assume to list the accounts
    #[arg(long, value_name = "ARN", requires = "org", value_parser = value::parse_role_arn)]
    pub(super) org_role_arn: Option<String>,
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

/// The accounts of an organization, and how they are entered.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Organization")]
pub(super) struct EnterArgs {
    #[command(flatten)]
    pub(super) roster: RosterArgs,
    /// Role to assume in each account, except in the account of the credentials
    #[arg(long, value_name = "NAME", group = "role", value_parser = value::parse_role_name)]
    pub(super) role_name: Option<String>,
    /// Do not confine the sessions of the role to what a check reads
    #[arg(long)]
    pub(super) no_session_policy: bool,
    /// Maximum duration of reading one account [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = value::parse_account_timeout)]
    pub(super) account_timeout: Option<Duration>,
    /// Number of accounts to read at the same time [default: 16, and 2 with --from]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) accounts_at_once: Option<u16>,
}

/// How to check an organization.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Organization")]
pub(super) struct FleetArgs {
    #[command(flatten)]
    pub(super) enter: EnterArgs,
    /// Check only a part of the accounts, such as 3/40; auto/40 reads the position from the variables of AWS Batch,
    /// Kubernetes, Slurm or GNU parallel
    #[arg(long, value_name = "I/N|auto/N", requires = "output")]
    pub(super) shard: Option<String>,
    /// Folder to keep the result of each account in, or s3://BUCKET/FOLDER
    #[arg(long, value_name = "FOLDER")]
    pub(super) output: Option<Place>,
    /// Keep what was read of each account in --output, too, to check it later with --from. Everything is read then,
    /// as by `collect`
    #[arg(long, requires = "output")]
    pub(super) snapshots: bool,
    /// Continue the run in --output: check what is missing or incomplete
    #[arg(long, requires = "output")]
    pub(super) resume: bool,
    /// Name of the run [default: the time in UTC]
    #[arg(long, value_name = "NAME", value_parser = parse_run)]
    pub(super) run: Option<String>,
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

impl EnterArgs {
    /// Whether the accounts are entered with their roles, unless --from names snapshots.
    pub(super) fn names_accounts(&self) -> bool {
        self.roster.org || self.roster.accounts.is_some()
    }

    /// Returns an argument that only entering accounts uses, if one is given.
    pub(super) fn find_live_only(&self) -> Option<&'static str> {
        first_given([
            ("--org", self.roster.org),
            ("--org-role-arn", self.roster.org_role_arn.is_some()),
            ("--role-name", self.role_name.is_some()),
            ("--no-session-policy", self.no_session_policy),
            ("--account-timeout", self.account_timeout.is_some()),
        ])
    }

    /// Returns an argument that only an organization has, if one is given.
    pub(super) fn find_given(&self) -> Option<&'static str> {
        let roster = &self.roster;
        self.find_live_only().or_else(|| {
            first_given([
                ("--ou", !roster.ou.is_empty()),
                ("--skip-ou", !roster.skip_ou.is_empty()),
                ("--account", !roster.account.is_empty()),
                ("--skip-account", !roster.skip_account.is_empty()),
                ("--accounts-at-once", self.accounts_at_once.is_some()),
            ])
        })
    }
}

/// Refuses an argument that only an organization has.
pub(super) fn refuse_organization(given: Option<&'static str>) -> anyhow::Result<()> {
    match given {
        None => Ok(()),
        Some(flag) => bail!(
            "{flag} is for an organization; name its accounts with --accounts FILE or --org, or a folder of snapshots with --from FOLDER"
        ),
    }
}

impl FleetArgs {
    /// Returns an argument that only entering accounts uses, if one is given.
    pub(super) fn find_live_only(&self) -> Option<&'static str> {
        let own = first_given([("--snapshots", self.snapshots)]);
        self.enter.find_live_only().or(own)
    }

    /// Returns an argument that only an organization has, if one is given.
    pub(super) fn find_given(&self) -> Option<&'static str> {
        self.enter.find_given().or_else(|| {
            first_given([
                ("--snapshots", self.snapshots),
                ("--shard", self.shard.is_some()),
                ("--resume", self.resume),
                ("--output", self.output.is_some()),
                ("--run", self.run.is_some()),
            ])
        })
    }
}
