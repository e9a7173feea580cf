//! Runs of an organization that a signal ends, at points that the endpoint holds, and that are then resumed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use backup_check::source::saved::decompress_file;
use serde_json::{Value, json};

use super::{ACCOUNT, REGION, User};
use crate::support::endpoint::{Endpoint, Reply, on};

/// The accounts, in the order in which they are read.
const IDS: [&str; 5] = [
    ACCOUNT,
    "200000000001",
    "200000000002",
    "200000000003",
    "200000000004",
];

fn pages() -> Vec<Vec<Value>> {
    let account = |id: &&str| json!({"Id": id, "State": "ACTIVE"});
    vec![IDS.iter().map(account).collect()]
}

fn command(user: &User, endpoint: &Endpoint, more: &[&str]) -> Command {
    let url = endpoint.url();
    let mut command = user.command(&["scan", "--org", "--role-name", "BackupCheck"]);
    command.args([
        "--endpoint-url",
        &url,
        "--region",
        REGION,
        "--output",
        "run",
    ]);
    command.args([
        "--accounts-at-once",
        "1",
        "--run",
        "one",
        "--fail-on",
        "never",
    ]);
    command.args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts a run, and returns it when an operation with the credentials of an account is waiting.
fn start_until(operation: &'static str, account: &'static str, user: &User) -> (Child, Endpoint) {
    let held = match operation {
        "sts:AssumeRole" => on(operation, Reply::Never).about(account),
        _ => on(operation, Reply::Never).signed_by(account),
    };
    let endpoint = Endpoint::start_organization(pages(), [held]);
    let child = command(user, &endpoint, &[]).spawn().unwrap();
    endpoint.wait_until(|request| {
        request.operation == operation
            && (request.account == account || request.subject() == Some(account))
    });
    (child, endpoint)
}

/// Returns the results of a run by file, without what differs from run to run.
fn results(user: &User) -> BTreeMap<String, Value> {
    let folder = user.home.path().join("run/accounts");
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let names = paths.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    // What a killed run leaves is no document.
    let named = names.filter(|(name, _)| !name.starts_with('.'));
    named
        .map(|(name, path)| (name, read_result(&path)))
        .collect()
}

fn read_result(path: &Path) -> Value {
    let text = decompress_file(fs::read(path).unwrap()).unwrap();
    let mut result: Value = serde_json::from_slice(&text).unwrap();
    if let Some(scan) = result.pointer_mut("/report/scan") {
        for name in ["started_at", "finished_at", "stats"] {
            scan.as_object_mut().unwrap().remove(name);
        }
    }
    result
}

fn summary(user: &User) -> Value {
    let text = fs::read_to_string(user.home.path().join("run/summary.json")).unwrap();
    let mut summary: Value = serde_json::from_str(&text).unwrap();
    for name in ["started_at", "finished_at", "api_calls"] {
        summary.as_object_mut().unwrap().remove(name);
    }
    for account in summary["accounts"].as_array_mut().unwrap() {
        for name in ["api_calls", "seconds"] {
            account.as_object_mut().unwrap().remove(name);
        }
    }
    summary
}

/// Resumes a run and returns the accounts whose roles were assumed.
fn resume(user: &User) -> Vec<String> {
    let endpoint = Endpoint::start_organization(pages(), []);
    let output = command(user, &endpoint, &["--resume"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(endpoint.unexpected_requests(), [""; 0]);
    let roles = endpoint.requests_for("sts:AssumeRole");
    roles
        .iter()
        .filter_map(|it| it.subject().map(str::to_owned))
        .collect()
}

#[test]
fn a_run_that_was_killed_at_any_point_is_resumed_as_if_it_had_not_been() {
    let undisturbed = User::new();
    let endpoint = Endpoint::start_organization(pages(), []);
    let output = command(&undisturbed, &endpoint, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let (expected, expected_summary) = (results(&undisturbed), summary(&undisturbed));
    assert_eq!(expected.len(), IDS.len());
    for (operation, account, done) in [
        ("sts:GetCallerIdentity", ACCOUNT, 0),
        ("organizations:ListAccounts", ACCOUNT, 0),
        ("ec2:DescribeRegions", ACCOUNT, 0),
        ("ec2:DescribeVolumes", ACCOUNT, 0),
        ("sts:AssumeRole", IDS[1], 1),
        ("sts:GetCallerIdentity", IDS[1], 1),
        ("ec2:DescribeVolumes", IDS[2], 2),
        ("s3:ListBuckets", IDS[3], 3),
        ("sts:AssumeRole", IDS[4], 4),
        ("kms:DescribeKey", IDS[4], 4),
    ] {
        let user = User::new();
        let (mut child, _endpoint) = start_until(operation, account, &user);
        child.kill().unwrap();
        child.wait().unwrap();
        let place = format!("{operation} of {account}");
        let left = results(&user);
        assert_eq!(left.len(), done, "{place}");
        assert!(
            left.iter().all(|(name, it)| expected[name] == *it),
            "{place}"
        );
        let entered = resume(&user);
        let missing = IDS[done..].iter().filter(|id| **id != ACCOUNT);
        assert_eq!(entered, missing.copied().collect::<Vec<_>>(), "{place}");
        assert_eq!(results(&user), expected, "{place}");
        assert_eq!(summary(&user), expected_summary, "{place}");
    }
}

#[test]
fn a_signal_keeps_what_was_read_and_names_the_rest() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let user = User::new();
        let (child, _endpoint) = start_until("ec2:DescribeVolumes", IDS[2], &user);
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stdout}");
        let outcomes = &summary(&user)["outcomes"];
        assert_eq!(outcomes["scanned"], 2, "{stdout}");
        assert_eq!(outcomes["interrupted"], 3, "{stdout}");
        assert!(stdout.contains("interrupted"), "{stdout}");
        assert_eq!(resume(&user), IDS[2..], "{signal}");
        assert_eq!(summary(&user)["outcomes"]["scanned"], 5);
    }
}
