//! Runs the command line and exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(backup_check::cli::run_command_line().code())
}
