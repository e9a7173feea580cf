//! Sizes from CloudWatch: read if they are asked for, and unknown wherever they were not read.

use serde_json::{Value, json};

use crate::support::endpoint::{Endpoint, Reply, Request, on};

use super::{ACCOUNT, REGION, User, at, in_region, item, json_of};

const OPERATION: &str = "cloudwatch:GetMetricData";
const GIB: u64 = 1 << 30;

/// Returns the snapshot of `collect --metrics` in a region, and its messages.
fn collect_metrics(reply: Option<Reply>) -> (Value, String, Endpoint) {
    let endpoint = Endpoint::start(reply.map(|it| on(OPERATION, it)));
    let run = User::new().collect(&endpoint, &[REGION], &["--metrics"]);
    (json_of(&run), run.stderr.clone(), endpoint)
}

fn bucket<'s>(snapshot: &'s Value, name: &str) -> &'s Value {
    item(snapshot, "/buckets", &format!("{name}-{ACCOUNT}"))
}

fn cluster<'s>(snapshot: &'s Value, name: &str) -> &'s Value {
    item(snapshot, &in_region("db_clusters"), name)
}

fn measured(bytes: u64) -> Value {
    json!({"known": {"bytes": bytes, "basis": "measured"}})
}

/// Returns the queries of a request.
fn queries(request: &Request) -> Vec<Value> {
    let text = &request.parameters["MetricDataQueries"];
    serde_json::from_str(text).expect("a list")
}

#[test]
fn no_metric_is_read_unless_it_is_asked_for() {
    let endpoint = Endpoint::start([]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(endpoint.requests_for(OPERATION), []);
    assert!(bucket(&snapshot, "ledger").get("size").is_none());
    assert!(cluster(&snapshot, "ledger").get("size").is_none());
    let usual = endpoint.requests().len();
    let (_, _, asked) = collect_metrics(None);
    // One call for five buckets, one for three clusters.
    assert_eq!(asked.requests_for(OPERATION).len(), 2);
    assert_eq!(asked.requests().len(), usual + 2);
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html: a value a day for each storage class,
// noncurrent versions too. Archived objects are not backed up.
#[test]
fn a_bucket_has_the_newest_bytes_of_each_class_that_is_backed_up() {
    let (snapshot, _, endpoint) = collect_metrics(None);
    let ledger = bucket(&snapshot, "ledger");
    // 3 GiB yesterday, 1 GiB two days ago, and 100 GiB in an archive.
    assert_eq!(ledger["size"], measured(4 * GIB));
    assert_eq!(ledger["objects"], json!({"known": 40_000}));
    assert_eq!(bucket(&snapshot, "invoices")["size"], measured(5 * GIB));
    // A value of 0 was read, nothing was not.
    assert_eq!(bucket(&snapshot, "mirror")["size"], measured(0));
    for name in ["archive", "scratch"] {
        let gap = at(bucket(&snapshot, name), "/size/unknown");
        assert_eq!(gap["code"], "NoData", "{name}");
    }
    let requests = endpoint.requests_for(OPERATION);
    let all: Vec<Value> = requests.iter().flat_map(queries).collect();
    assert_eq!(all.len(), 5 * 9 + 3);
    for query in &all {
        let stat = &query["MetricStat"];
        assert_eq!(
            (&stat["Stat"], &stat["Period"]),
            (&json!("Average"), &json!(86_400))
        );
    }
    assert!(requests.iter().all(|it| it.region == REGION));
}

#[test]
fn a_cluster_has_the_bytes_of_its_volume_in_the_namespace_of_its_engine() {
    let (snapshot, _, _endpoint) = collect_metrics(None);
    assert_eq!(
        cluster(&snapshot, "ledger")["size"],
        measured(62_199_136_256)
    );
    assert_eq!(cluster(&snapshot, "documents")["size"], measured(10 * GIB));
    assert_eq!(cluster(&snapshot, "graph")["size"], measured(20 * GIB));
    // RDS has the storage of a Multi-AZ DB cluster.
    let basis = &cluster(&snapshot, "queue")["size"]["known"]["basis"];
    assert_ne!(basis, "measured");
}

#[test]
fn what_cloudwatch_does_not_say_is_unknown_and_never_zero() {
    for (reply, kind, code) in [
        (Reply::Denied, "denied", "AccessDenied"),
        (Reply::Throttled, "throttled", "Throttling"),
        (
            Reply::Error(500, "InternalServiceFault"),
            "error",
            "InternalServiceFault",
        ),
        (Reply::Fixture("GetMetricData-message"), "error", "Message"),
        (Reply::Fixture("GetMetricData-empty"), "error", "NoData"),
        (Reply::Malformed, "error", "UnreadableAnswer"),
        (Reply::Dead, "error", "ConnectionError"),
        (Reply::ProxyPage(502), "error", "UnreadableAnswer"),
    ] {
        let (snapshot, stderr, _endpoint) = collect_metrics(Some(reply.clone()));
        for resource in [bucket(&snapshot, "ledger"), cluster(&snapshot, "ledger")] {
            let gap = at(resource, "/size/unknown");
            assert_eq!(
                (&gap["kind"], &gap["code"]),
                (&json!(kind), &json!(code)),
                "{reply:?}"
            );
        }
        assert!(
            stderr.contains("CloudWatch returned no size of 8 resources"),
            "{stderr}"
        );
    }
    let (snapshot, _, _endpoint) = collect_metrics(Some(Reply::Fixture("GetMetricData-message")));
    let gap = at(bucket(&snapshot, "ledger"), "/size/unknown");
    assert!(gap["message"].as_str().unwrap().contains("Maximum number"));
    let (snapshot, _, _endpoint) = collect_metrics(Some(Reply::Fixture("GetMetricData-bad")));
    let gap = at(bucket(&snapshot, "ledger"), "/size/unknown");
    assert_eq!(gap["kind"], "unreadable");
    assert_eq!(bucket(&snapshot, "invoices")["size"], measured(5 * GIB));
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
#[test]
fn a_metric_that_is_not_complete_leaves_its_size_unknown_and_no_other() {
    let (snapshot, _, _endpoint) = collect_metrics(Some(Reply::Fixture("GetMetricData-partial")));
    let code = |resource: &Value| at(resource, "/size/unknown/code").clone();
    assert_eq!(code(bucket(&snapshot, "ledger")), "PartialData");
    // One class failed: the others alone would be too little.
    assert_eq!(code(bucket(&snapshot, "invoices")), "InternalError");
    assert_eq!(code(cluster(&snapshot, "ledger")), "Forbidden");
    assert_eq!(bucket(&snapshot, "mirror")["size"], measured(0));
    assert_eq!(cluster(&snapshot, "graph")["size"], measured(20 * GIB));
}

#[test]
fn partial_data_is_read_to_its_end() {
    let (snapshot, _, endpoint) = collect_metrics(Some(Reply::Fixture("GetMetricData-pages")));
    assert_eq!(bucket(&snapshot, "ledger")["size"], measured(4 * GIB));
    // Three pages of the buckets, one of the clusters.
    let requests = endpoint.requests_for(OPERATION);
    assert_eq!(requests.len(), 4);
    let tokens = requests.iter().filter_map(Request::page_token);
    assert_eq!(tokens.collect::<Vec<_>>(), ["1", "2"]);
    let broken = Endpoint::start([
        on(OPERATION, Reply::Denied).on_page(2),
        on(OPERATION, Reply::Fixture("GetMetricData-pages")),
    ]);
    let run = User::new().collect(&broken, &[REGION], &["--metrics"]);
    let snapshot = json_of(&run);
    // The first page has a value, but not all.
    let gap = at(bucket(&snapshot, "ledger"), "/size/unknown");
    assert_eq!(gap["kind"], "denied");
}

#[test]
fn a_call_has_at_most_500_metrics() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-many")),
        on("cloudwatch:GetMetricData", Reply::Fixture("GetMetricData")),
    ]);
    let run = User::new().collect(&endpoint, &[REGION], &["--metrics", "--service", "s3"]);
    let snapshot = json_of(&run);
    let requests = endpoint.requests_for(OPERATION);
    let mut counts: Vec<usize> = requests.iter().map(|it| queries(it).len()).collect();
    counts.sort_unstable();
    // 60 buckets with nine metrics each.
    assert_eq!(counts, [40, 500]);
    let gap = at(bucket(&snapshot, "many-059"), "/size/unknown");
    assert_eq!(gap["code"], "NoData");
}

#[test]
fn each_region_is_asked_for_its_own() {
    let endpoint = Endpoint::start([on(OPERATION, Reply::Denied).in_region("eu-west-1")]);
    let regions = [REGION, "eu-west-1"];
    let run = User::new().collect(&endpoint, &regions, &["--metrics"]);
    let snapshot = json_of(&run);
    let in_ireland = item(&snapshot, "/regions/eu-west-1/db_clusters", "ledger");
    assert_eq!(at(in_ireland, "/size/unknown/kind"), "denied");
    assert_eq!(
        cluster(&snapshot, "ledger")["size"],
        measured(62_199_136_256)
    );
    for request in endpoint.requests_for(OPERATION) {
        let of_bucket = |it: &Value| it["MetricStat"]["Metric"]["Namespace"] == "AWS/S3";
        let has_buckets = queries(&request).iter().any(of_bucket);
        assert!(!has_buckets || request.region == REGION, "{request:?}");
    }
}

#[test]
fn the_estimate_says_why_it_lacks_sizes() {
    let cost = |reply: Option<Reply>, flags: &[&str]| {
        let endpoint = Endpoint::start(reply.map(|it| on(OPERATION, it)));
        let url = endpoint.url();
        let mut args = vec!["cost", "--preflight", "--endpoint-url", &url];
        args.extend(["--region", REGION]);
        args.extend(flags);
        let run = User::new().run(&args);
        assert_eq!(endpoint.unexpected_requests(), [""; 0]);
        let calls = endpoint.requests_for(OPERATION).len();
        let words: Vec<&str> = run.stdout.split_whitespace().collect();
        (words.join(" "), calls, run.code)
    };
    let (text, calls, _) = cost(None, &[]);
    assert_eq!(calls, 0);
    assert!(text.contains("with `cost --metrics`"), "{text}");
    assert!(
        text.contains("s3-bucket eu-central-1 5 - unknown"),
        "{text}"
    );
    let (text, calls, code) = cost(None, &["--metrics"]);
    assert_eq!(calls, 2);
    assert!(
        text.contains("s3-bucket eu-central-1 5 9.0 measured, 2 unknown"),
        "{text}"
    );
    assert!(
        text.contains("neptune-cluster eu-central-1 1 20 measured"),
        "{text}"
    );
    assert!(text.contains("at least"), "{text}");
    let (denied, _, code_denied) = cost(Some(Reply::Denied), &["--metrics"]);
    assert_eq!(code, code_denied, "sizes change no exit code");
    assert!(denied.contains("Sizes that are not known:"), "{denied}");
    assert!(denied.contains(OPERATION), "{denied}");
    assert!(
        denied.contains("s3-bucket eu-central-1 5 - unknown"),
        "{denied}"
    );
}

#[test]
fn an_estimate_sends_no_call_that_collect_does_not_send() {
    let operations = |args: &[&str]| {
        let endpoint = Endpoint::start([]);
        let url = endpoint.url();
        let source = ["--endpoint-url", &url, "--region", REGION];
        User::new().run(&[args, &source[..]].concat());
        let requests = endpoint.requests().into_iter();
        let mut names: Vec<String> = requests.map(|it| it.operation).collect();
        names.sort_unstable();
        names
    };
    // What completes plans and templates is for a file that is held against the account.
    let mut collected = operations(&["collect", "-o", "-"]);
    let estimated = operations(&["cost"]);
    assert!(!estimated.is_empty());
    for operation in &estimated {
        let at = collected.iter().position(|it| it == operation);
        collected.remove(at.unwrap_or_else(|| panic!("{operation} is sent once more")));
    }
}

#[test]
fn the_permission_is_in_the_policy_only_if_it_is_asked_for() {
    let policy = |flags: &[&str]| {
        let mut args = vec!["iam-policy"];
        args.extend(flags);
        User::new().run(&args).stdout
    };
    assert!(!policy(&[]).contains("cloudwatch"));
    assert!(policy(&["--metrics"]).contains(OPERATION));
    assert!(policy(&["--metrics", "--stackset"]).contains(OPERATION));
    let help = User::new().run(&["cost", "--help"]).stdout;
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(
        words.contains(&OPERATION) || words.join(" ").contains(OPERATION),
        "{help}"
    );
}
