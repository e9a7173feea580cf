//! Runs that are kept in a bucket.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{ACCOUNT, REGION, User, json_of};
use crate::support::endpoint::{Endpoint, Reply, on};

const RUN: &str = "s3://our-runs/backup/2026-11-28";
const OTHERS: [&str; 4] = [
    "200000000001",
    "200000000002",
    "200000000003",
    "200000000004",
];

/// Returns a user with a list of accounts, for whom all services are at the endpoint.
fn user_of(endpoint: &Endpoint) -> (User, String) {
    let user = User::new();
    let ids = [&[ACCOUNT], &OTHERS[..]].concat();
    fs::write(user.home.path().join("list"), ids.join("\n")).unwrap();
    (user, endpoint.url())
}

fn scan_args<'a>(url: &'a str, list: &'a str, output: &'a str) -> Vec<&'a str> {
    let mut args = vec!["scan", "--accounts", list, "--role-name", "BackupCheck"];
    args.extend([
        "--endpoint-url",
        url,
        "--region",
        REGION,
        "--output",
        output,
    ]);
    args.extend(["--run", "one", "--fail-on", "never", "--format", "json"]);
    args
}

/// Returns the documents of the run by name: those in the bucket.
fn documents(endpoint: &Endpoint) -> BTreeMap<String, Vec<u8>> {
    let objects = endpoint.objects().into_iter();
    let named = objects.filter_map(|(name, content)| {
        let key = name.strip_prefix("our-runs/backup/2026-11-28/")?;
        Some((key.to_owned(), content))
    });
    named.collect()
}

#[test]
fn a_run_in_a_bucket_is_written_by_the_caller_alone() {
    let endpoint = Endpoint::start([]);
    let (user, url) = user_of(&endpoint);
    let run = user.run(&scan_args(&url, "list", RUN));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(endpoint.unexpected_requests(), [""; 0]);
    let written = endpoint.requests_for("s3:PutObject");
    // The list, five results and the summary.
    assert_eq!(written.len(), 7);
    for request in &written {
        assert_eq!(request.account, ACCOUNT);
        // A checksum in base64 has as many characters as 32 bytes need.
        assert_eq!(Sha256::digest(&request.object).len(), 32);
        assert_eq!(request.parameters["Checksum"].len(), 44);
    }
    let names: Vec<String> = documents(&endpoint).into_keys().collect();
    assert_eq!(names.len(), 7);
    assert!(names.contains(&format!("accounts/{}.json.zst", OTHERS[0])));
    let summary: Value = serde_json::from_slice(&documents(&endpoint)["summary.json"]).unwrap();
    assert_eq!(summary["outcomes"]["scanned"], 5);

    // The report is the same, and the tables go to another bucket.
    let mut reader = User::new();
    reader
        .variables
        .push(("AWS_ENDPOINT_URL", Box::leak(url.clone().into_boxed_str())));
    let lake = "parquet=s3://our-lake/backup";
    let report = reader.run(&[
        "report",
        RUN,
        "--fail-on",
        "never",
        "--format",
        "json",
        lake,
        "html=s3://our-lake/pages/report.html",
    ]);
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert_eq!(json_of(&report)["accounts"], summary["accounts"]);
    let objects = endpoint.objects();
    assert!(objects["our-lake/pages/report.html"].starts_with(b"<!doctype html>"));
    let tables: Vec<&String> = objects
        .keys()
        .filter(|it| it.starts_with("our-lake/backup/"))
        .collect();
    assert_eq!(tables.len(), 4, "{tables:?}");
    for name in &tables {
        let is_parquet = name.ends_with(".parquet");
        assert_eq!(objects[*name].starts_with(b"PAR1"), is_parquet, "{name}");
    }

    // A folder without a summary is a run that was not finished.
    let other = "s3://our-runs/backup/2026-11-29/accounts";
    let url = url.as_str();
    user.run(&scan_args(url, "list", other));
    let trend = reader.run(&["trend", "s3://our-runs/backup", "--format", "json"]);
    assert_eq!(trend.code, 0, "{}", trend.stderr);
    assert_eq!(json_of(&trend)[0]["run"], "one", "{}", trend.stdout);
    assert!(
        trend
            .stderr
            .contains("1 folder without summary.json left out: s3://our-runs/backup/2026-11-29"),
        "{}",
        trend.stderr
    );
}

#[test]
fn a_run_in_a_bucket_is_resumed_with_the_list_in_it() {
    let denied = on("sts:AssumeRole", Reply::Denied)
        .about(OTHERS[2])
        .times(1);
    let endpoint = Endpoint::start([denied]);
    let (user, url) = user_of(&endpoint);
    let run = user.run(&scan_args(&url, "list", RUN));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let before = documents(&endpoint);
    let list = format!("{RUN}/accounts.ndjson");
    let mut args = scan_args(&url, &list, RUN);
    args.push("--resume");
    let run = user.run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let roles = endpoint.requests_for("sts:AssumeRole");
    assert_eq!(roles.len(), 4 + 1);
    assert_eq!(roles[4].subject(), Some(OTHERS[2]));
    let after = documents(&endpoint);
    for (name, content) in &before {
        let is_repeated = name.contains(OTHERS[2]) || name == "summary.json";
        assert_eq!(after[name] != *content, is_repeated, "{name}");
    }
    // Without --resume, the results that are there are not replaced.
    let run = user.run(&scan_args(&url, "list", RUN));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("add --resume"), "{}", run.stderr);
}

#[test]
fn a_bucket_that_cannot_be_written_ends_the_run_before_any_account() {
    let endpoint = Endpoint::start([on("s3:PutObject", Reply::Denied)]);
    let (user, url) = user_of(&endpoint);
    let run = user.run(&scan_args(&url, "list", RUN));
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(
        run.stderr.contains(
            "failed to write s3://our-runs/backup/2026-11-28/accounts.ndjson: AccessDenied"
        ),
        "{}",
        run.stderr
    );
    assert!(endpoint.requests_for("sts:AssumeRole").is_empty());
    assert!(endpoint.objects().is_empty());
    for wrong in ["s3://Our_Runs/x", "s3://", "s3://our-runs/../x"] {
        let run = user.run(&scan_args(&url, "list", wrong));
        assert_eq!(run.code, 2, "{wrong}");
        assert!(run.stderr.contains("is not a bucket"), "{}", run.stderr);
    }
    let run = user.run(&scan_args(&url, "s3://our-runs/none", "run"));
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(
        run.stderr.contains("s3://our-runs/none does not exist"),
        "{}",
        run.stderr
    );
}
