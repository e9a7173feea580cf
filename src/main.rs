//! Runs the command line and exits with its code.

use std::process::ExitCode;

// Measured with 100,000 volumes, see the page "performance" of the guide.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(backup_check::cli::run_command_line().code())
}
