//! Every fault, with an operation of each protocol.

use std::collections::BTreeSet;

use crate::collect::User;
use crate::support::endpoint::{Exception, Reply, on};

use super::{Scan, assert_none, fault_of, find_turns, print_size, run_all, scan};

/// An operation of each protocol that resources depend on: EC2, query, JSON, REST with JSON, REST with XML.
const PROTOCOLS: [&str; 5] = [
    "ec2:DescribeVolumes",
    "rds:DescribeDBInstances",
    "kms:GetKeyPolicy",
    "elasticfilesystem:DescribeFileSystems",
    "s3:GetBucketVersioning",
];

/// Lists of each protocol.
const LISTS: [&str; 5] = [
    "ec2:DescribeVolumes",
    "rds:DescribeDBInstances",
    "dynamodb:ListTables",
    "elasticfilesystem:DescribeFileSystems",
    "s3:ListBuckets",
];

/// What a fault does to the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing: the calls are sent again.
    None,
    /// What the operation returns is unknown.
    Gap,
}

/// A fault and its user.
struct Fault {
    name: &'static str,
    operations: &'static [&'static str],
    make: fn(&'static str) -> Exception,
    arguments: &'static [&'static str],
    /// `None` is the number of attempts of the program.
    attempts: Option<&'static str>,
    effect: Effect,
    /// Most requests beyond those of the scan without the fault.
    more_requests: usize,
}

const GAP: Fault = Fault {
    name: "",
    operations: &PROTOCOLS,
    make: |operation| on(operation, Reply::Denied),
    arguments: &[],
    attempts: Some("1"),
    effect: Effect::Gap,
    more_requests: 0,
};

const FAULTS: [Fault; 19] = [
    Fault {
        name: "throttled always",
        make: |operation| on(operation, Reply::Throttled),
        attempts: Some("2"),
        more_requests: 20,
        ..GAP
    },
    Fault {
        name: "the first two calls are throttled",
        make: |operation| on(operation, Reply::Throttled).times(2),
        attempts: None,
        effect: Effect::None,
        more_requests: 2,
        ..GAP
    },
    Fault {
        name: "500 with all attempts",
        make: |operation| on(operation, Reply::Error(500, "InternalFailure")),
        attempts: None,
        more_requests: 20,
        ..GAP
    },
    Fault {
        name: "503 once",
        make: |operation| on(operation, Reply::Error(503, "ServiceUnavailable")).times(1),
        attempts: None,
        effect: Effect::None,
        more_requests: 1,
        ..GAP
    },
    Fault {
        name: "closed without an answer",
        make: |operation| on(operation, Reply::Dead),
        attempts: None,
        // The HTTP client sends a request again if a connection that it kept is closed.
        more_requests: 60,
        ..GAP
    },
    Fault {
        name: "closed in the body",
        make: |operation| on(operation, Reply::Cut),
        ..GAP
    },
    Fault {
        name: "a third of the answer",
        make: |operation| on(operation, Reply::Thirds(1)),
        ..GAP
    },
    Fault {
        name: "an empty 200",
        make: |operation| on(operation, Reply::Bare(200, &[])),
        ..GAP
    },
    Fault {
        name: "reset in the body",
        make: |operation| on(operation, Reply::Reset),
        ..GAP
    },
    Fault {
        name: "a body that never ends",
        make: |operation| on(operation, Reply::Endless),
        attempts: None,
        ..GAP
    },
    Fault {
        name: "no answer",
        make: |operation| on(operation, Reply::Never),
        attempts: None,
        ..GAP
    },
    Fault {
        name: "half of a body and then silence",
        make: |operation| on(operation, Reply::Stall),
        attempts: None,
        ..GAP
    },
    Fault {
        name: "a clock that is wrong",
        make: |operation| on(operation, Reply::Error(403, "RequestTimeTooSkewed")),
        ..GAP
    },
    Fault {
        name: "a signature that expired",
        make: |operation| on(operation, Reply::Error(403, "SignatureDoesNotMatch")),
        ..GAP
    },
    Fault {
        name: "an endpoint that does not know the operation",
        make: |operation| on(operation, Reply::Error(404, "UnknownOperationException")),
        ..GAP
    },
    Fault {
        name: "a page token that repeats",
        operations: &LISTS,
        make: |operation| on(operation, Reply::FirstPage).on_page(2),
        ..GAP
    },
    Fault {
        name: "page tokens without an end",
        operations: &LISTS,
        make: |operation| on(operation, Reply::NewToken),
        arguments: &["--max-calls", "150"],
        more_requests: 150,
        ..GAP
    },
    Fault {
        name: "a call limit",
        operations: &PROTOCOLS,
        make: |operation| on(operation, Reply::Denied).times(0),
        arguments: &["--max-calls", "40"],
        ..GAP
    },
    Fault {
        name: "credentials that expire in the middle",
        operations: &["*"],
        make: |_| on("*", Reply::Error(403, "ExpiredToken")).after(60),
        ..GAP
    },
];

/// Returns the findings that differ between two scans, and what the second did not read.
fn find_differences(clean: &Scan, faulty: &Scan) -> Vec<String> {
    let (was, is) = (clean.statuses(), faulty.statuses());
    let keys: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    let changed = keys.into_iter().filter(|key| was.get(key) != is.get(key));
    let changed = changed.map(|key| format!("{key:?}: {:?} -> {:?}", was.get(key), is.get(key)));
    let rows = |scan: &Scan| scan.report["coverage"].as_array().cloned();
    let unread = rows(faulty).into_iter().flatten();
    let unread = unread.filter(|row| !row["error"].is_null() && row["state"] != "scanned");
    changed
        .chain(unread.map(|row| format!("not read: {row}")))
        .collect()
}

fn check_fault(clean: &Scan, fault: &Fault, operation: &'static str) -> Vec<String> {
    let mut user = User::new();
    user.variables
        .retain(|(name, _)| *name != "AWS_MAX_ATTEMPTS");
    user.variables
        .extend(fault.attempts.map(|it| ("AWS_MAX_ATTEMPTS", it)));
    let exceptions = fault_of(operation, (fault.make)(operation));
    let faulty = scan(operation, exceptions, &user, fault.arguments);
    let mut turns = match fault.effect {
        Effect::Gap => find_turns(clean, &faulty),
        Effect::None => find_differences(clean, &faulty),
    };
    let most = clean.requests.saturating_add(fault.more_requests);
    if faulty.requests > most {
        turns.push(format!("{} requests", faulty.requests));
    }
    let names = turns.into_iter();
    names
        .map(|turn| format!("{operation}, {}: {turn}", fault.name))
        .collect()
}

#[test]
fn each_fault_of_each_protocol_leaves_gaps_and_nothing_else() {
    let clean = scan("", Vec::new(), &User::new(), &[]);
    let jobs: Vec<(&Fault, &'static str)> = FAULTS
        .iter()
        .flat_map(|fault| fault.operations.iter().map(move |it| (fault, *it)))
        .collect();
    let found = run_all(&jobs, |(fault, operation)| {
        check_fault(&clean, fault, operation)
    });
    print_size(&format!(
        "{} faults, {} scans of {} requests and {} findings",
        FAULTS.len(),
        jobs.len(),
        clean.requests,
        clean.statuses().len()
    ));
    assert_none(&found);
}

/// Errors of what was deleted after it was listed.
const DELETED: [(&str, u16, &str); 9] = [
    ("dynamodb:DescribeTable", 400, "ResourceNotFoundException"),
    ("kms:DescribeKey", 400, "NotFoundException"),
    ("kms:GetKeyPolicy", 400, "NotFoundException"),
    ("s3:GetBucketVersioning", 404, "NoSuchBucket"),
    ("s3:GetBucketEncryption", 404, "NoSuchBucket"),
    ("backup:GetBackupPlan", 400, "ResourceNotFoundException"),
    (
        "backup:GetBackupSelection",
        400,
        "ResourceNotFoundException",
    ),
    ("cloudformation:ListStackResources", 400, "ValidationError"),
    ("iam:GetRolePolicy", 404, "NoSuchEntity"),
];

#[test]
fn what_is_deleted_between_list_and_describe_never_passes() {
    let user = User::new();
    let clean = scan("", Vec::new(), &user, &[]);
    let passes = |scan: &Scan| {
        let statuses = scan.statuses().into_iter();
        let passed = statuses.filter(|(_, status)| status == "pass");
        passed.map(|(finding, _)| finding).collect::<Vec<_>>()
    };
    let mut before = passes(&clean);
    // A key that does not exist was a customer's: AWS never deletes its own.
    let database = "arn:aws:rds:eu-central-1:111122223333:db:orders";
    before.push(("encryption-customer-key".to_owned(), database.to_owned()));
    let found = run_all(&DELETED, |(operation, status, code)| {
        let gone = on(operation, Reply::Error(*status, code));
        let scan = scan(operation, vec![gone], &user, &[]);
        let mut turns = Vec::new();
        for finding in passes(&scan) {
            if !before.contains(&finding) {
                turns.push(format!("{operation}: {finding:?} passes"));
            }
        }
        if scan.code == 0 || scan.stderr.contains("panicked") {
            turns.push(format!("{operation}: {:?}", scan.code));
        }
        turns
    });
    assert_none(&found);
}

#[test]
fn throttling_that_ends_changes_nothing() {
    let clean = scan("", Vec::new(), &User::new(), &[]);
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    for (name, throttled) in [
        ("the first ten", on("*", Reply::Throttled).times(10)),
        ("one of three", on("*", Reply::Throttled).every(3)),
    ] {
        // These come before all others: ten throttled calls in a row are more than the attempts of one call.
        let identity = on("sts:GetCallerIdentity", Reply::Fixture("GetCallerIdentity"));
        let regions = on("ec2:DescribeRegions", Reply::Fixture("DescribeRegions-two"));
        let scan = scan("*", vec![identity, regions, throttled], &user, &[]);
        assert_eq!(find_differences(&clean, &scan), [""; 0], "{name}");
        let stats = &scan.report["scan"]["stats"];
        assert!(stats["throttled"].as_u64() >= Some(10), "{name}: {stats}");
        assert!(
            scan.requests <= 2 * clean.requests + 10,
            "{name}: {}",
            scan.requests
        );
    }
}
