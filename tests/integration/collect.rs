//! Reading a live account: the built binary against [`super::support::endpoint`].
//!
//! `fixtures/aws` describes the account. The expected values follow from these files and from the API
//! reference of AWS.

mod access;
mod account;
mod bucket;
mod buckets;
pub(crate) mod denied;
mod facts;
mod failures;
mod frugal;
mod jobs;
mod lists;
mod lookups;
mod metrics;
mod organization;
mod selection;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod stopped_runs;
mod texts;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::support::command::{Run, backup_check, run};
use super::support::endpoint::{Endpoint, Exception};

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCOUNT: &str = "111122223333";
const SERVICES: [&str; 15] = [
    "backup",
    "cloudformation",
    "documentdb",
    "dynamodb",
    "ebs",
    "ec2",
    "efs",
    "fsx",
    "kms",
    "neptune",
    "rds",
    "redshift",
    "s3",
    "storagegateway",
    "vpc",
];
/// The VPC that has an endpoint.
const VPC: &str = "vpc/vpc-1a2b3c4d";
const DATA_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const MIRROR_KEY: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/8c5f3a1e-77d0-4b0c-9f5e-2b6d1c0a9e44";

/// A user without AWS configuration, and only with the environment variables of the test.
pub(crate) struct User {
    home: TempDir,
    pub(crate) variables: Vec<(&'static str, &'static str)>,
}

impl User {
    /// Returns a user with credentials and one attempt per call: a retry would add a second.
    pub(crate) fn new() -> Self {
        User::with(&[
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ])
    }

    pub(crate) fn with(variables: &[(&'static str, &'static str)]) -> Self {
        User {
            home: tempfile::tempdir().expect("a temporary folder"),
            variables: variables.to_vec(),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = backup_check(self.home.path());
        command.envs(self.variables.iter().copied()).args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// Runs `collect` for some regions, to stdout.
    fn collect(&self, endpoint: &Endpoint, regions: &[&str], more: &[&str]) -> Run {
        let url = endpoint.url();
        let mut args = vec!["collect", "-o", "-", "--endpoint-url", &url, "--region"];
        args.extend(regions);
        args.extend(more);
        let run = self.run(&args);
        assert_eq!(endpoint.unexpected_requests(), [""; 0], "{}", run.stderr);
        run
    }

    /// Runs `scan --from` with a snapshot.
    pub(crate) fn evaluate(&self, snapshot: &Value, more: &[&str]) -> Run {
        let path = self.home.path().join("snapshot.json");
        fs::write(&path, snapshot.to_string()).expect("it is writable");
        let mut args = vec![
            "scan",
            "--from",
            "snapshot.json",
            "--format",
            "json",
            "--show-skipped",
        ];
        args.extend(more);
        self.run(&args)
    }
}

/// Returns the snapshot of the default region.
fn collect_region(exceptions: impl IntoIterator<Item = Exception>) -> (Value, Endpoint) {
    let endpoint = Endpoint::start(exceptions);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    (json_of(&run), endpoint)
}

/// Returns the JSON that a run printed.
pub(crate) fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", run.code, run.stderr))
}

pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value
        .pointer(pointer)
        .unwrap_or_else(|| panic!("no {pointer} in {value:#}"))
}

/// Returns a resource of a listing by its id.
fn item<'a>(snapshot: &'a Value, listing: &str, id: &str) -> &'a Value {
    let mut items = at(snapshot, listing)["items"]
        .as_array()
        .expect("a listing")
        .iter();
    items
        .find(|item| item["id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {listing}"))
}

fn ids(snapshot: &Value, listing: &str) -> Vec<String> {
    let items = at(snapshot, listing)["items"]
        .as_array()
        .expect("a listing");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn in_region(listing: &str) -> String {
    format!("/regions/{REGION}/{listing}")
}

fn coverage<'a>(snapshot: &'a Value, region: &str, service: &str) -> &'a Value {
    let mut rows = at(snapshot, "/coverage").as_array().expect("rows").iter();
    rows.find(|row| row["region"] == region && row["service"] == service)
        .unwrap_or_else(|| panic!("no row of {service} in {region}"))
}

/// Returns the services of the default region that are not completely read.
fn not_scanned(snapshot: &Value) -> Vec<&'static str> {
    SERVICES
        .into_iter()
        .filter(|service| coverage(snapshot, REGION, service)["state"] != "scanned")
        .collect()
}

/// Returns the status of a rule for the resource whose ARN ends with `arn`, or `None` if there is none.
fn status<'a>(report: &'a Value, rule: &str, arn: &str) -> Option<&'a str> {
    let mut findings = at(report, "/findings").as_array().expect("findings").iter();
    let found = findings.find(|it| {
        it["rule"] == rule && it["resource"].as_str().is_some_and(|it| it.ends_with(arn))
    });
    found.map(|finding| finding["status"].as_str().expect("a status"))
}

/// Returns the pointers where two snapshots differ, without coverage, statistics and times.
fn changes(one: &Value, other: &Value) -> Vec<String> {
    fn walk(one: &Value, other: &Value, path: &str, found: &mut Vec<String>) {
        match (one, other) {
            (Value::Object(a), Value::Object(b)) => {
                for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                    walk(&one[key], &other[key], &format!("{path}/{key}"), found);
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (at, (a, b)) in a.iter().zip(b).enumerate() {
                    walk(a, b, &format!("{path}/{at}"), found);
                }
            }
            _ if one == other => {}
            _ => found.push(path.to_owned()),
        }
    }
    let mut found = Vec::new();
    walk(one, other, "", &mut found);
    found.retain(|path| {
        !["/coverage", "/stats", "/started_at", "/finished_at"]
            .iter()
            .any(|it| path.starts_with(it))
    });
    found
}
