//! `backup-check schema`

use clap::Args;

use crate::exit::Exit;
use crate::report::cost::cost_schema;
use crate::report::fleet::summary::fleet_schema;
use crate::report::json;

use super::output;

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Print the schema of `cost --format json` instead
    #[arg(long)]
    cost: bool,
    /// Print the schema of the JSON report of an organization instead
    #[arg(long, conflicts_with = "cost")]
    fleet: bool,
}

pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<Exit> {
    let schema = match (args.cost, args.fleet) {
        (true, _) => cost_schema(),
        (false, true) => fleet_schema(),
        (false, false) => json::report_schema(),
    };
    output::print_stdout(&(serde_json::to_string_pretty(&schema)? + "\n"))?;
    Ok(Exit::Ready)
}
