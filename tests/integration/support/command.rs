//! Runs of the built program, independent of the developer's environment.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Returns the program with an empty environment: no profile, instance metadata, color or proxy.
pub fn backup_check(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backup-check"));
    command
        .env_clear()
        .env("HOME", folder)
        .env("AWS_CONFIG_FILE", folder.join("no-config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("no-credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(folder);
    command
}

/// The output and exit code of a run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command.
pub fn run(command: &mut Command) -> Run {
    to_run(command.output().expect("the program starts"))
}

/// Runs a command with a text as its stdin. The text must fit into a pipe's buffer.
pub fn run_with_input(command: &mut Command, input: &str) -> Run {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // A command that rejects its arguments does not read stdin.
    let _ = child
        .stdin
        .take()
        .expect("stdin is a pipe")
        .write_all(input.as_bytes());
    to_run(child.wait_with_output().expect("the program ends"))
}

fn to_run(output: Output) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
    }
}

/// Returns the root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
