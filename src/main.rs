//! Parses, runs, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(backup_check::cli::main().code())
}
