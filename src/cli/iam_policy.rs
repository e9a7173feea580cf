//! `backup-check iam-policy`

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::exit::Exit;
use crate::model::service::Service;
use crate::source::aws::permissions::required_actions;

use super::resources::SelectedResources;
use super::{output, select};

#[derive(Debug, Args)]
pub(super) struct IamPolicyArgs {
    /// Only the permissions for a scan of these services
    #[arg(long, value_name = "S", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(Service::ALL.map(Service::as_str)))]
    service: Vec<String>,
}

pub(super) fn run(args: &IamPolicyArgs) -> anyhow::Result<Exit> {
    let selection = select::new_selection(&args.service, &SelectedResources::default(), &[])?;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "BackupCheckReads",
            "Effect": "Allow",
            "Action": required_actions(&selection),
            "Resource": "*",
        }],
    });
    output::print_stdout(&(serde_json::to_string_pretty(&policy)? + "\n"))?;
    Ok(Exit::Ready)
}
