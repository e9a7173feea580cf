//! `backup-check iam-policy`

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::exit::Exit;
use crate::source::collect::{SERVICES, actions};

use super::output;

#[derive(Debug, Args)]
pub(super) struct IamPolicyArgs {
    /// Only what a scan of these services needs
    #[arg(long, value_name = "S", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(SERVICES.map(|(name, _)| name)))]
    service: Vec<String>,
}

pub(super) fn run(args: &IamPolicyArgs) -> anyhow::Result<Exit> {
    let services: Vec<&str> = args.service.iter().map(String::as_str).collect();
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "BackupCheckReads",
            "Effect": "Allow",
            "Action": actions(&services),
            "Resource": "*",
        }],
    });
    output::print(&(serde_json::to_string_pretty(&policy)? + "\n"))?;
    Ok(Exit::Ready)
}
