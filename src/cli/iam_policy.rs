//! `backup-check iam-policy`

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::exit::Exit;
use crate::model::service::Service;
use crate::source::aws::cloudwatch;
use crate::source::aws::permissions::required_actions;

use super::resources::SelectedResources;
use super::{output, select};

/// A CloudFormation template with a place for the actions.
const MEMBER_ROLE: &str = include_str!("member_role.yaml");

#[derive(Debug, Args)]
pub(super) struct IamPolicyArgs {
    /// Only the permissions for a scan of these services
    #[arg(long, value_name = "S", num_args = 1.., value_delimiter = ',', value_parser = PossibleValuesParser::new(Service::ALL.map(Service::as_str)))]
    service: Vec<String>,
    /// Add the permission for `cost --metrics` and `collect --metrics`
    #[arg(long)]
    metrics: bool,
    /// Print the CloudFormation template of a role with these permissions, for a StackSet in all accounts of an
    /// organization. The management account needs its own stack
    #[arg(long)]
    stackset: bool,
}

pub(super) fn run(args: &IamPolicyArgs) -> anyhow::Result<Exit> {
    let selection = select::new_selection(&args.service, &SelectedResources::default(), &[])?;
    let mut actions = required_actions(&selection);
    if args.metrics {
        actions.extend(cloudwatch::OPERATIONS.iter().map(|it| it.action));
        actions.sort_unstable();
    }
    let text = match args.stackset {
        true => write_member_role(&actions),
        false => {
            let policy = json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Sid": "BackupCheckReads",
                    "Effect": "Allow",
                    "Action": actions,
                    "Resource": "*",
                }],
            });
            serde_json::to_string_pretty(&policy)? + "\n"
        }
    };
    output::print_stdout(&text)?;
    Ok(Exit::Ready)
}

fn write_member_role(actions: &[&str]) -> String {
    let lines: Vec<String> = actions
        .iter()
        .map(|action| format!("                  - {action}"))
        .collect();
    MEMBER_ROLE.replace("{actions}", &lines.join("\n"))
}
