//! `backup-check schema`

use crate::exit::Exit;
use crate::report::json;

use super::output;

pub(super) fn run() -> anyhow::Result<Exit> {
    output::print_stdout(&(serde_json::to_string_pretty(&json::report_schema())? + "\n"))?;
    Ok(Exit::Ready)
}
