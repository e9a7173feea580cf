//! Denied operations, one at a time.

pub(crate) mod operations;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::endpoint::{Endpoint, Reply, on};

use operations::{NEEDED, Needed};

use super::{REGION, User, at, changes, collect_region, coverage, json_of, not_scanned, status};

#[test]
fn a_denied_operation_leaves_only_its_facts_unknown() {
    let (complete, _endpoint) = collect_region([]);
    let user = User::new();
    let usual = json_of(&user.evaluate(&complete, &[]));
    for needed in NEEDED {
        let operation = needed.operation;
        let mut exceptions = vec![on(operation, Reply::Denied)];
        if operation == "s3:HeadBucket" {
            exceptions.push(on(
                "s3:ListBuckets",
                Reply::Fixture("ListBuckets-no-region"),
            ));
        }
        let (snapshot, endpoint) = collect_region(exceptions);
        assert!(
            !endpoint.requests_for(operation).is_empty(),
            "{operation} was not sent"
        );
        for pointer in needed.gaps {
            let gap = at(&snapshot, pointer);
            let found = [
                &gap["kind"],
                &gap["operation"],
                &gap["action"],
                &gap["code"],
            ];
            assert_eq!(
                found,
                [
                    &json!("denied"),
                    &json!(operation),
                    &json!(needed.action),
                    &json!(needed.code)
                ],
                "{pointer}"
            );
        }
        for change in changes(&complete, &snapshot) {
            assert!(
                needed.touches.iter().any(|part| change.starts_with(part)),
                "{operation} denied changes {change}"
            );
        }
        assert_eq!(not_scanned(&snapshot), needed.services, "{operation}");
        if needed.services.is_empty() {
            let row = coverage(&snapshot, "global", "backup");
            assert_eq!(
                (&row["state"], &row["error"]["operation"]),
                (&json!("denied"), &json!(operation))
            );
        }
        for service in needed.services {
            let row = coverage(&snapshot, REGION, service);
            // Without tags, or without the list of regions, the service is still read.
            let is_secondary = needed.is_for_plans
                || ["tag:GetResources", "ec2:DescribeRegions"].contains(&operation);
            let state = if is_secondary { "partial" } else { "denied" };
            assert_eq!(
                (&row["state"], &row["error"]["operation"]),
                (&json!(state), &json!(operation))
            );
            assert_eq!(row["error"]["code"], needed.code, "{operation}");
        }

        assert_reports_unknown(&user, needed, &usual, &snapshot);
    }
}

#[test]
fn facts_of_a_throttled_operation_are_unknown() {
    for needed in NEEDED {
        let operation = needed.operation;
        // Without a body, a throttled HEAD is an error of the server.
        if operation == "s3:HeadBucket" {
            continue;
        }
        let (snapshot, _endpoint) = collect_region([on(operation, Reply::Throttled)]);
        for pointer in needed.gaps {
            let gap = at(&snapshot, pointer);
            let found = (&gap["kind"], &gap["operation"]);
            assert_eq!(found, (&json!("throttled"), &json!(operation)), "{pointer}");
        }
    }
}

/// Operations whose response may have no fields: nothing is set, or the SDK reads no list as an empty one.
const MAY_BE_HOLLOW: [&str; 7] = [
    "iam:ListRolePolicies",
    "redshift-serverless:ListNamespaces",
    "s3:GetBucketEncryption",
    "s3:GetBucketLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration",
    "s3:GetBucketVersioning",
    "s3:HeadBucket",
];

#[test]
fn facts_that_a_response_leaves_out_are_unknown() {
    for needed in NEEDED {
        let operation = needed.operation;
        if MAY_BE_HOLLOW.contains(&operation) {
            continue;
        }
        let endpoint = Endpoint::start([on(operation, Reply::Hollow)]);
        let snapshot = json_of(&User::new().collect(&endpoint, &[REGION], &[]));
        for pointer in needed.gaps {
            let kind = &at(&snapshot, pointer)["kind"];
            let is_gap = ["error", "unreadable"].contains(&kind.as_str().unwrap_or_default());
            assert!(is_gap, "{operation}: {pointer} is {kind}");
        }
    }
}

/// Checks the report of a snapshot without an operation: the rules that need it are unknown, and nothing
/// passes that did not pass before.
fn assert_reports_unknown(user: &User, needed: &Needed, usual: &Value, snapshot: &Value) {
    let operation = needed.operation;
    let run = user.evaluate(snapshot, &[]);
    let report = json_of(&run);
    assert!(matches!(run.code, 1 | 3), "{operation}: {:?}", run.code);
    assert_eq!(at(&report, "/scan/complete"), false, "{operation}");
    for (rule, arn) in needed.needed_by {
        let before = status(usual, rule, arn).expect("the rule applies");
        assert_ne!(before, "unknown", "{rule} on {arn} proves nothing");
        let now = status(&report, rule, arn);
        assert_eq!(now, Some("unknown"), "{operation}: {rule} on {arn}");
    }
    let findings = report["findings"].as_array().expect("findings").iter();
    for finding in findings.filter(|finding| finding["status"] == "pass") {
        let text = |key: &str| finding[key].as_str().expect("a text");
        let (rule, arn) = (text("rule"), text("resource"));
        // A resource that its tag exempts is evaluated if the tag is unknown.
        let before = status(usual, rule, arn);
        assert!(
            matches!(before, None | Some("pass")),
            "{operation} denied turns {rule} on {arn} from {before:?} to pass"
        );
    }
    if needed.lists {
        // A rule without violations in this account: the incomplete list alone is gating.
        let run = user.evaluate(snapshot, &["--rule", "resource-state-ready"]);
        assert_eq!(run.code, 3, "{operation}: {}", run.stdout);
    }
}

#[test]
fn a_scan_sends_exactly_the_operations_of_the_iam_policy() {
    // A bucket without a region causes HeadBucket.
    let here = Reply::Bare(200, &[("x-amz-bucket-region", REGION)]);
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-no-region")),
        on("s3:HeadBucket", here),
    ]);
    let user = User::new();
    user.collect(&endpoint, &[REGION], &[]);
    let policy = json_of(&user.run(&["iam-policy"]));
    let allowed: BTreeSet<String> =
        serde_json::from_value(at(&policy, "/Statement/0/Action").clone()).expect("a list");
    let sent = endpoint.requests().into_iter();
    let sent = sent.map(|request| request.operation);
    // It requires no permission.
    let sent: BTreeSet<String> = sent
        .filter(|operation| operation != "sts:GetCallerIdentity")
        .collect();
    let known: BTreeSet<String> = NEEDED.iter().map(|it| it.operation.to_owned()).collect();
    assert_eq!(
        sent, known,
        "NEEDED lists exactly the operations that are sent"
    );
    let actions: BTreeSet<String> = NEEDED.iter().map(|it| it.action.to_owned()).collect();
    assert_eq!(actions, allowed);
}

#[test]
fn the_doctor_names_the_permissions_that_are_missing() {
    let user = User::new();
    for (exceptions, code, lines) in [
        (
            vec![],
            0,
            [" 0 denied, 0 failed,", "\nidentity     arn:aws:"],
        ),
        (
            vec![on("kms:GetKeyPolicy", Reply::Denied)],
            1,
            [" 1 denied, 0 failed,", "\ndenied       kms:GetKeyPolicy: "],
        ),
    ] {
        let endpoint = Endpoint::start(exceptions);
        let url = endpoint.url();
        let run = user.run(&["doctor", "--endpoint-url", &url, "--region", REGION]);
        assert_eq!(run.code, code, "{run:?}");
        let answers = format!("\nregion       {REGION} answers\n");
        for line in lines.into_iter().chain([answers.as_str()]) {
            assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
        }
    }
}
