//! The built program, run with nothing of the developer's environment in sight.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with an empty environment: no profile, no instance metadata, no colours, no proxy.
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

/// What a run printed and how it exited.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Run {
    ran(command.output().expect("the program starts"))
}

/// Runs a command to its end with a text as its stdin. Texts are shorter than a pipe.
pub fn run_with_input(command: &mut Command, input: &str) -> Run {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // What refuses its flags does not read.
    let _ = child
        .stdin
        .take()
        .expect("stdin is a pipe")
        .write_all(input.as_bytes());
    ran(child.wait_with_output().expect("the program ends"))
}

fn ran(output: Output) -> Run {
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

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
