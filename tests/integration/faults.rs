//! Faults between the program and AWS: operations of the account in `fixtures/aws` against kinds of faults.
//!
//! Each scan with a fault is compared with the scan without it. No fault ends the program, turns a finding for the
//! better or the worse, loses a resource in silence or costs more calls than there are attempts. A fault of an
//! operation leaves unknown what its denial leaves unknown, which [`crate::collect::denied`] states by hand.

mod every_fault;
mod every_operation;
mod in_process;
mod limits;
mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::collect::{REGION, User, at, json_of};
use crate::support::endpoint::{Endpoint, Exception, Reply, on};

/// The scans that run at once: twice the cores in CI, since some scans wait.
const SCANS_AT_ONCE: usize = 4;

/// Turns that rest on what was read: whether the rule applies is no longer known, and it is met anyway.
const DECIDED_BY_ANOTHER_FACT: [(&str, &str, &str); 3] = [
    // Every service is opted in, whichever is in use.
    ("service-opted-in", "skip", "pass"),
    // The resource is not tagged itself, whichever stack or instance contains it.
    ("backup-not-duplicated", "pass", "skip"),
    ("backup-not-duplicated", "skip", "pass"),
];

/// A scan of the account.
struct Scan {
    report: Value,
    code: i32,
    stderr: String,
    /// The requests of the scan.
    requests: usize,
    /// The requests for the operation with the fault.
    faulty_requests: usize,
}

/// Scans the account, which has two regions, with one attempt for each call unless the user's variables say otherwise.
fn scan(operation: &str, mut exceptions: Vec<Exception>, user: &User, more: &[&str]) -> Scan {
    let regions = Reply::Fixture("DescribeRegions-two");
    exceptions.push(on("ec2:DescribeRegions", regions));
    let endpoint = Endpoint::start(exceptions);
    let url = endpoint.url();
    let mut args = vec!["scan", "--endpoint-url", &url, "--region", REGION];
    args.extend(["--format", "json", "--show-skipped"]);
    args.extend(more);
    let run = user.run(&args);
    assert_eq!(
        endpoint.unexpected_requests(),
        [""; 0],
        "{operation}: {}",
        run.stderr
    );
    Scan {
        report: json_of(&run),
        code: run.code,
        stderr: run.stderr,
        requests: endpoint.requests().len(),
        faulty_requests: endpoint.requests_for(operation).len(),
    }
}

/// Returns the exceptions that give an operation a fault.
fn fault_of(operation: &'static str, fault: Exception) -> Vec<Exception> {
    let mut exceptions = vec![fault];
    // It is sent only for buckets whose region the list leaves out.
    if operation == "s3:HeadBucket" {
        let list = Reply::Fixture("ListBuckets-no-region-page1");
        exceptions.push(on("s3:ListBuckets", list).on_page(1));
    }
    exceptions
}

/// Statuses by rule and resource.
type Statuses = BTreeMap<(String, String), String>;

impl Scan {
    fn statuses(&self) -> Statuses {
        let findings = at(&self.report, "/findings").as_array().expect("findings");
        let text = |it: &Value, key: &str| it[key].as_str().expect("a text").to_owned();
        let pairs = findings
            .iter()
            .map(|it| ((text(it, "rule"), text(it, "resource")), text(it, "status")));
        pairs.collect()
    }

    /// Returns the type and the verdict of each resource.
    fn resources(&self) -> BTreeMap<String, (String, String)> {
        let resources = at(&self.report, "/resources")
            .as_array()
            .expect("resources");
        let text = |it: &Value, key: &str| it[key].as_str().expect("a text").to_owned();
        resources
            .iter()
            .map(|it| (text(it, "arn"), (text(it, "type"), text(it, "verdict"))))
            .collect()
    }

    /// Returns the exit code of the contract for what the report says.
    fn promised_code(&self) -> i32 {
        let findings = at(&self.report, "/findings").as_array().expect("findings");
        let fails = |it: &Value| it["gating"] == true && it["status"] == "fail";
        match findings.iter().any(fails) {
            true => 1,
            // The account has resources in every list, so any gap gates.
            false => 3,
        }
    }
}

/// Returns the findings that a fault turned to another status than unknown, of the resources that are still listed.
fn find_turned_findings(clean: &Scan, faulty: &Scan) -> Vec<String> {
    let (was, is) = (clean.statuses(), faulty.statuses());
    let (before, after) = (clean.resources(), faulty.resources());
    let mut turns = Vec::new();
    for ((rule, resource), was) in &was {
        // An exempt resource whose tag is unknown is checked. A resource of a list that was not read is not listed.
        let is_exempt = before.get(resource).is_some_and(|it| it.1 == "exempt");
        if is_exempt || !after.contains_key(resource) {
            continue;
        }
        let is = is.get(&(rule.clone(), resource.clone()));
        let is = is.map_or("missing", String::as_str);
        let is_decided = DECIDED_BY_ANOTHER_FACT.contains(&(rule.as_str(), was.as_str(), is));
        if is != was && is != "unknown" && !is_decided {
            turns.push(format!("{rule} of {resource}: {was} -> {is}"));
        }
    }
    turns
}

/// Returns everything that a fault may not change and did.
fn find_turns(clean: &Scan, faulty: &Scan) -> Vec<String> {
    let (before, after) = (clean.resources(), faulty.resources());
    let mut turns = find_turned_findings(clean, faulty);
    for (resource, (_, verdict)) in &after {
        if !before.contains_key(resource) && verdict != "unknown" {
            turns.push(format!("{resource} appears as {verdict}"));
        }
    }
    let ids = at(&faulty.report, "/findings")
        .as_array()
        .expect("findings");
    let distinct: BTreeSet<&str> = ids.iter().filter_map(|it| it["id"].as_str()).collect();
    if distinct.len() != ids.len() {
        turns.push("an id occurs twice".to_owned());
    }
    if at(&faulty.report, "/scan/complete") != false {
        turns.push("the scan is complete".to_owned());
    }
    if faulty.code != faulty.promised_code() {
        turns.push(format!("exit code {}", faulty.code));
    }
    if faulty.stderr.contains("panicked") {
        turns.push(faulty.stderr.clone());
    }
    turns
}

/// Returns the codes of the coverage rows that an operation left incomplete.
fn codes_in_coverage(scan: &Scan, operation: &str) -> BTreeSet<String> {
    let rows = at(&scan.report, "/coverage").as_array().expect("rows");
    let failed = rows.iter().filter(|row| {
        row["state"] != "scanned" && row["error"]["operation"].as_str() == Some(operation)
    });
    failed
        .map(|row| row["error"]["code"].as_str().expect("a code").to_owned())
        .collect()
}

/// Runs jobs, a few at once, and returns what they found.
fn run_all<J: Sync>(jobs: &[J], check: impl Fn(&J) -> Vec<String> + Sync) -> Vec<String> {
    let (next, found) = (AtomicUsize::new(0), Arc::new(Mutex::new(Vec::new())));
    thread::scope(|scope| {
        for _ in 0..SCANS_AT_ONCE {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let turns = check(job);
                    found.lock().unwrap().extend(turns);
                }
            });
        }
    });
    let found = found.lock().unwrap();
    found.clone()
}

/// Prints the size of a matrix. The harness shows what `println!` prints only of tests that fail.
fn print_size(size: &str) {
    let _ = writeln!(std::io::stderr(), "{size}");
}

/// Asserts that nothing was found, and shows the first of it.
fn assert_none(found: &[String]) {
    let shown = found.iter().take(40).cloned().collect::<Vec<_>>();
    assert!(found.is_empty(), "{}:\n{}", found.len(), shown.join("\n"));
}
