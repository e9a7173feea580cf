//! Failed calls: throttled, unreadable, timed out.

use serde_json::json;

use crate::support::endpoint::{Endpoint, Exception, Reply, on};

use super::{
    DATA_KEY, MIRROR_KEY, REGION, SERVICES, User, at, changes, collect_region, coverage, in_region,
    item, json_of,
};

/// One operation of each service.
const ONE_EACH: [&str; 14] = [
    "backup:DescribeRegionSettings",
    "cloudformation:DescribeStacks",
    "dynamodb:ListTables",
    "ec2:DescribeVolumes",
    "elasticfilesystem:DescribeFileSystems",
    "iam:GetRole",
    "kms:GetKeyPolicy",
    "organizations:DescribeOrganization",
    "rds:DescribeDBInstances",
    "redshift-serverless:ListNamespaces",
    "redshift:DescribeClusters",
    "s3:ListBuckets",
    "storagegateway:ListGateways",
    "tag:GetResources",
];

#[test]
fn throttled_calls_are_retried_and_counted() {
    let mut user = User::new();
    user.variables.push(("AWS_MAX_ATTEMPTS", "4"));
    let throttled = ONE_EACH.map(|operation| on(operation, Reply::Throttled).times(1));
    let twice = on("rds:DescribeDBClusters", Reply::Throttled).times(2);
    let endpoint = Endpoint::start(throttled.into_iter().chain([twice]));
    let run = user.collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (complete, _endpoint) = collect_region([]);
    assert_eq!(changes(&complete, &snapshot), [""; 0]);
    let stats = json!({"api_calls": endpoint.requests().len(), "retries": 16, "throttled": 16});
    assert_eq!(snapshot["stats"], stats);
}

#[test]
fn facts_are_unknown_if_the_retries_are_throttled_too() {
    let (snapshot, endpoint) =
        collect_region(ONE_EACH.map(|operation| on(operation, Reply::Throttled)));
    for (pointer, code) in [
        (
            "/regions/eu-central-1/backup_settings/unknown",
            "ThrottlingException",
        ),
        ("/regions/eu-central-1/stacks/gap", "Throttling"),
        ("/regions/eu-central-1/tables/gap", "ThrottlingException"),
        ("/regions/eu-central-1/tagged/gap", "ThrottledException"),
        ("/regions/eu-central-1/volumes/gap", "RequestLimitExceeded"),
        ("/regions/eu-central-1/db_instances/gap", "Throttling"),
        (
            "/regions/eu-central-1/file_systems/gap",
            "ThrottlingException",
        ),
        ("/regions/eu-central-1/redshift_clusters/gap", "Throttling"),
        (
            "/regions/eu-central-1/redshift_namespaces/gap",
            "ThrottlingException",
        ),
        ("/regions/eu-central-1/gateways/gap", "ThrottlingException"),
        (
            "/regions/eu-central-1/gateway_volumes/gap",
            "ThrottlingException",
        ),
        ("/buckets/gap", "SlowDown"),
        ("/organization_id/unknown", "TooManyRequestsException"),
        (
            "/backup_roles/aws-controltower-BackupRole/unknown",
            "Throttling",
        ),
        (
            "/regions/eu-central-1/db_clusters/items/1/tags/unknown",
            "ThrottledException",
        ),
    ] {
        let gap = at(&snapshot, pointer);
        assert_eq!(
            (&gap["kind"], &gap["code"]),
            (&json!("throttled"), &json!(code)),
            "{pointer}"
        );
    }
    let policy = &snapshot["keys"][DATA_KEY]["policy"];
    assert_eq!(at(policy, "/unknown/kind"), "throttled");
    let sent = ONE_EACH
        .iter()
        .map(|operation| endpoint.requests_for(operation).len())
        .sum::<usize>();
    assert_eq!(at(&snapshot, "/stats/throttled"), sent);
    assert_eq!(at(&snapshot, "/stats/retries"), 0);
}

/// Returns exceptions for every call except the first one.
fn all_but_identity(reply: Reply) -> [Exception; 2] {
    [
        on("sts:GetCallerIdentity", Reply::Fixture("GetCallerIdentity")),
        on("*", reply),
    ]
}

/// The facts that are unknown if no call succeeds.
const FIRST_FACTS: [&str; 28] = [
    "/backup_policy/unknown",
    "/backup_roles/aws-controltower-BackupRole/unknown",
    "/buckets/gap",
    "/organization_id/unknown",
    "/regions/eu-central-1/backup_jobs/gap",
    "/regions/eu-central-1/backup_plans/gap",
    "/regions/eu-central-1/backup_settings/unknown",
    "/regions/eu-central-1/copy_jobs/gap",
    "/regions/eu-central-1/db_clusters/gap",
    "/regions/eu-central-1/db_instances/gap",
    "/regions/eu-central-1/ebs_defaults/encryption/unknown",
    "/regions/eu-central-1/ebs_defaults/kms_key/unknown",
    "/regions/eu-central-1/file_systems/gap",
    "/regions/eu-central-1/gateway_volumes/gap",
    "/regions/eu-central-1/gateways/gap",
    "/regions/eu-central-1/instances/gap",
    "/regions/eu-central-1/network/endpoints/gap",
    "/regions/eu-central-1/network/interfaces/gap",
    "/regions/eu-central-1/network/route_tables/gap",
    "/regions/eu-central-1/network/subnets/gap",
    "/regions/eu-central-1/network/vpcs/gap",
    "/regions/eu-central-1/redshift_clusters/gap",
    "/regions/eu-central-1/redshift_namespaces/gap",
    "/regions/eu-central-1/stacks/gap",
    "/regions/eu-central-1/tables/gap",
    "/regions/eu-central-1/tagged/gap",
    "/regions/eu-central-1/vaults/gap",
    "/regions/eu-central-1/volumes/gap",
];

/// Responses that are truncated or do not come from AWS. None of them means denied or throttled.
const UNREADABLE: [Reply; 5] = [
    Reply::Malformed,
    Reply::Cut,
    Reply::ProxyPage(403),
    Reply::ProxyPage(503),
    Reply::Bare(200, &[]),
];

#[test]
fn unreadable_responses_are_errors() {
    for reply in UNREADABLE {
        let endpoint = Endpoint::start(all_but_identity(reply.clone()));
        let user = User::new();
        let run = user.collect(&endpoint, &[REGION], &[]);
        let snapshot = json_of(&run);
        assert_eq!(run.code, 3, "{reply:?}");
        for pointer in FIRST_FACTS {
            let gap = snapshot.pointer(pointer);
            let kind = gap.map(|gap| &gap["kind"]);
            assert_eq!(
                kind,
                Some(&json!("error")),
                "{reply:?}: {pointer} is {gap:?}"
            );
        }
        for service in SERVICES.into_iter().filter(|service| *service != "kms") {
            assert_eq!(
                coverage(&snapshot, REGION, service)["state"],
                "error",
                "{reply:?}: {service}"
            );
        }
        assert_eq!(user.evaluate(&snapshot, &[]).code, 3);
    }
}

#[test]
fn unreadable_responses_about_a_resource_are_errors_of_that_resource() {
    // After a server error the operation is not called for other resources.
    let is_about_one = |reply: &Reply| !matches!(reply, Reply::ProxyPage(503));
    for reply in UNREADABLE.into_iter().filter(is_about_one) {
        let (snapshot, _endpoint) = collect_region([
            on("s3:GetBucketVersioning", reply.clone()).about("ledger-111122223333"),
            on("s3:GetBucketEncryption", reply.clone()).about("ledger-111122223333"),
            on("s3:GetBucketLifecycleConfiguration", reply.clone()).about("ledger-111122223333"),
            on("dynamodb:DescribeTable", reply.clone()).about("orders"),
            on("tag:GetResources", reply.clone()),
            on("kms:DescribeKey", reply.clone()).in_region("eu-west-1"),
            on("kms:GetKeyPolicy", reply.clone()).about("1234abcd-12ab-34cd-56ef-1234567890ab"),
        ]);
        let bucket = item(&snapshot, "/buckets", "ledger-111122223333");
        let table = item(&snapshot, &in_region("tables"), "orders");
        let keys = &snapshot["keys"];
        for (name, fact) in [
            ("versioning", &bucket["versioning"]),
            ("encryption", &bucket["encryption"]),
            ("expiry", &bucket["expiry"]),
            ("tags", &bucket["tags"]),
            ("kms_key", &table["kms_key"]),
            ("state", &table["state"]),
            ("metadata", &keys[MIRROR_KEY]["metadata"]),
            ("policy", &keys[DATA_KEY]["policy"]),
        ] {
            let kind = fact.pointer("/unknown/kind");
            assert_eq!(kind, Some(&json!("error")), "{reply:?}: {name} is {fact}");
        }
        for service in ["dynamodb", "kms", "s3"] {
            assert_eq!(
                coverage(&snapshot, REGION, service)["state"],
                "partial",
                "{reply:?}: {service}"
            );
        }
    }
}

#[test]
fn facts_are_unknown_after_the_timeout() {
    let endpoint = Endpoint::start(all_but_identity(Reply::Never));
    let user = User::new();
    // On a busy machine, even the first call may exceed the shortest timeout.
    let run = ["1s", "2s", "4s", "8s", "16s", "32s"]
        .into_iter()
        .map(|timeout| user.collect(&endpoint, &[REGION], &["--timeout", timeout]))
        .find(|run| run.code != 2)
        .expect("a timeout that suffices for one call");
    let snapshot = json_of(&run);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(snapshot["interrupted"], true);
    for pointer in FIRST_FACTS {
        let gap = at(&snapshot, pointer);
        assert_eq!(
            (&gap["kind"], &gap["code"]),
            (&json!("interrupted"), &json!("TimedOut")),
            "{pointer}"
        );
    }
    let report = user.evaluate(&snapshot, &[]);
    assert_eq!(report.code, 3);
    assert_eq!(at(&json_of(&report), "/scan/complete"), false);
}

#[test]
fn a_timeout_before_the_caller_identity_is_a_usage_error() {
    let endpoint = Endpoint::start([on("*", Reply::Never)]);
    let run = User::new().collect(&endpoint, &[REGION], &["--timeout", "1ms"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("--timeout"), "{}", run.stderr);
}

#[test]
fn an_operation_that_fails_three_times_is_given_up() {
    let failing = ["ec2:DescribeVolumes", "kms:DescribeKey"];
    let endpoint = Endpoint::start(failing.map(|it| on(it, Reply::Bare(500, &[]))));
    let mut user = User::new();
    user.variables.push(("AWS_MAX_ATTEMPTS", "8"));
    let run = user.collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(endpoint.requests_for("ec2:DescribeVolumes").len(), 3);
    let gap = at(&snapshot, "/regions/eu-central-1/volumes/gap");
    assert_eq!(gap["kind"], "error");
    // Keys that were requested together are retried together; no key is requested after them.
    let keys = snapshot["keys"].as_object().expect("a map");
    let sent = endpoint.requests_for("kms:DescribeKey").len();
    assert!(sent <= 3 * keys.len(), "{sent} requests");
    for (arn, key) in keys {
        assert_eq!(key["metadata"]["unknown"]["kind"], "error", "{arn}");
    }
}

#[test]
fn no_call_is_sent_after_the_limit() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let run = user.collect(&endpoint, &[REGION], &["--max-calls", "5"]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 3, "{}", run.stderr);
    // The caller identity comes before the scan.
    assert_eq!(endpoint.requests().len(), 6);
    let gaps = FIRST_FACTS.iter().filter_map(|fact| snapshot.pointer(fact));
    let limited = gaps.filter(|gap| gap["code"] == "MaxCalls").count();
    assert!(
        limited >= FIRST_FACTS.len() - 6,
        "{limited} facts are limited"
    );
    // What the first calls returned may already show a failure.
    assert!([1, 3].contains(&user.evaluate(&snapshot, &[]).code));
}
