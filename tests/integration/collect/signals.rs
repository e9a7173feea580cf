//! Scans that somebody stops.

use std::fs;
use std::process::{Command, Stdio};

use crate::endpoint::{Endpoint, Reply, on};
use crate::support::command::Run;

use super::{REGION, User, at, coverage, json_of};

/// Runs it until it asks for volumes, which nobody answers, then sends a signal.
fn signalled(user: &User, args: &[&str], signal: &str) -> Run {
    signalled_at("ec2:DescribeVolumes", user, args, signal)
}

fn signalled_at(operation: &'static str, user: &User, args: &[&str], signal: &str) -> Run {
    let endpoint = Endpoint::start([on(operation, Reply::Never)]);
    let url = endpoint.url();
    let mut command = user.command(args);
    command.args(["--region", REGION, "--endpoint-url", &url]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    endpoint.wait_for(operation);
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("there is a kill").success());
    let output = child.wait_with_output().expect("it ends");
    Run {
        code: output.status.code().expect("it exits by itself"),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

#[test]
fn a_signal_ends_a_scan_with_a_report_that_says_so() {
    let user = User::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let run = signalled(&user, &["scan", "--format", "json"], signal);
        assert_eq!(run.code, code, "{signal}: {}", run.stderr);
        let report = json_of(&run);
        assert_eq!(at(&report, "/scan/complete"), false);
        let row = coverage(&report, REGION, "ebs");
        assert_eq!(at(row, "/error/code"), "Interrupted", "{row:#}");

        let run = signalled(&user, &["scan"], signal);
        assert_eq!(run.code, code, "{signal}: {}", run.stderr);
        assert!(
            run.stdout.to_lowercase().contains("incomplete"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn a_signal_leaves_no_half_snapshot() {
    let user = User::new();
    let run = signalled(&user, &["collect", "-o", "account.json"], "-INT");
    assert_eq!(run.code, 130, "{}", run.stderr);
    let files = fs::read_dir(user.home.path()).expect("it is there");
    let names: Vec<_> = files
        .map(|file| file.expect("an entry").file_name())
        .collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn a_signal_before_the_identity_is_known_ends_the_scan_too() {
    let user = User::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let run = signalled_at("sts:GetCallerIdentity", &user, &["scan"], signal);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (code, ""),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
    }
}
