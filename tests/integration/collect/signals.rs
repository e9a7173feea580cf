//! Interrupted scans.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::command::Run;
use crate::support::endpoint::{Endpoint, Reply, on};

use super::{REGION, User, at, coverage, json_of};

/// Runs the program until it lists the volumes, which gets no response, then sends a signal.
fn run_interrupted(user: &User, args: &[&str], signal: &str) -> Run {
    run_interrupted_at("ec2:DescribeVolumes", user, args, signal)
}

fn run_interrupted_at(operation: &'static str, user: &User, args: &[&str], signal: &str) -> Run {
    run_until(operation, operation, user, args, signal)
}

/// Runs the program, which gets no response to one operation, until it calls another one, then sends a signal.
fn run_until(silent: &'static str, last: &str, user: &User, args: &[&str], signal: &str) -> Run {
    let endpoint = Endpoint::start([on(silent, Reply::Never)]);
    let url = endpoint.url();
    let mut command = user.command(args);
    command.args(["--region", REGION, "--endpoint-url", &url]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    endpoint.wait_for(last);
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
fn what_has_no_region_does_not_wait_for_the_list_of_regions() {
    let user = User::new();
    for last in ["organizations:DescribeOrganization", "iam:GetRole"] {
        let run = run_until("ec2:DescribeRegions", last, &user, &["scan"], "-INT");
        assert_eq!(run.code, 130, "{last}: {}", run.stderr);
    }
}

#[test]
fn the_list_of_regions_does_not_wait_for_the_caller_identity() {
    let (stuck, last) = ("sts:GetCallerIdentity", "ec2:DescribeRegions");
    let run = run_until(stuck, last, &User::new(), &["scan"], "-INT");
    assert_eq!((run.code, run.stdout.as_str()), (130, ""), "{}", run.stderr);
}

#[test]
fn an_interrupted_scan_reports_that_it_is_incomplete() {
    let user = User::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let run = run_interrupted(&user, &["scan", "--format", "json"], signal);
        assert_eq!(run.code, code, "{signal}: {}", run.stderr);
        let report = json_of(&run);
        assert_eq!(at(&report, "/scan/complete"), false);
        let row = coverage(&report, REGION, "ebs");
        assert_eq!(at(row, "/error/code"), "Interrupted", "{row:#}");

        let run = run_interrupted(&user, &["scan"], signal);
        assert_eq!(run.code, code, "{signal}: {}", run.stderr);
        assert!(
            run.stdout.to_lowercase().contains("incomplete"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn an_interrupted_collect_writes_no_snapshot() {
    let user = User::new();
    let run = run_interrupted(&user, &["collect", "-o", "account.json"], "-INT");
    assert_eq!(run.code, 130, "{}", run.stderr);
    let files = fs::read_dir(user.home.path()).expect("it is there");
    let names: Vec<_> = files
        .map(|file| file.expect("an entry").file_name())
        .collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn a_signal_before_the_caller_identity_is_known_ends_the_scan() {
    let user = User::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let run = run_interrupted_at("sts:GetCallerIdentity", &user, &["scan"], signal);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (code, ""),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
    }
}
