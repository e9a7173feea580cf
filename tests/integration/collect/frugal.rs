//! The rules and the scope that are selected decide which calls are sent: no more than the findings need.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::support::command::Run;
use crate::support::endpoint::{Endpoint, Exception, Reply, on};

use super::{REGION, User, at, collect_region, json_of};

/// The pages of each list of the account.
const PAGES: usize = 2;

/// Returns how often each operation was sent, apart from those that identify the caller.
fn count_calls(endpoint: &Endpoint) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for request in endpoint.requests() {
        if request.operation != "sts:GetCallerIdentity" {
            *calls.entry(request.operation).or_insert(0) += 1;
        }
    }
    calls
}

fn scan(user: &User, exceptions: Vec<Exception>, more: &[&str]) -> (Run, Endpoint) {
    let endpoint = Endpoint::start(exceptions);
    let url = endpoint.url();
    let mut args = vec!["scan", "--endpoint-url", &url, "--format", "json"];
    args.extend(["--region", REGION]);
    args.extend(more);
    let run = user.run(&args);
    assert_eq!(endpoint.unexpected_requests(), [""; 0], "{}", run.stderr);
    (run, endpoint)
}

/// Returns the findings that say something, without their ids.
fn findings(run: &Run) -> BTreeSet<String> {
    let report = json_of(run);
    let findings = report["findings"].as_array().expect("findings").iter();
    let said = findings.filter(|it| it["status"] != "skip");
    let said = said.map(|it| {
        let field = |name: &str| it[name].to_string();
        ["rule", "resource", "status", "message", "gating"]
            .map(field)
            .join(" ")
    });
    said.collect()
}

fn count(snapshot: &Value, pointer: &str) -> usize {
    at(snapshot, pointer).as_array().expect("a list").len()
}

/// The calls of a selection of rules, computed from the account: one for the list of regions, one for each page, and
/// one for each resource whose operation names it.
#[test]
fn the_selected_rules_decide_the_calls() {
    let (snapshot, _endpoint) = collect_region([]);
    let buckets = at(&snapshot, "/buckets/items").as_array().expect("buckets");
    let here = |bucket: &&Value| bucket["region"]["known"] == REGION;
    let buckets = buckets.iter().filter(here).count();
    let tables = count(&snapshot, "/regions/eu-central-1/tables/items");
    let regions = ("ec2:DescribeRegions", 1);
    let user = User::new();
    type Floor<'a> = Vec<(&'a str, usize)>;
    let selections: [(&[&str], Floor<'_>); 6] = [
        (
            &["--rule", "s3-versioning-enabled"],
            vec![
                regions,
                ("s3:ListBuckets", PAGES),
                ("s3:GetBucketVersioning", buckets),
                ("tag:GetResources", PAGES),
            ],
        ),
        (
            &["--rule", "s3-old-versions-expire"],
            vec![
                regions,
                ("s3:ListBuckets", PAGES),
                ("s3:GetBucketVersioning", buckets),
                ("s3:GetBucketLifecycleConfiguration", buckets),
                ("tag:GetResources", PAGES),
            ],
        ),
        (
            &["--rule", "dynamodb-advanced-features-enabled"],
            vec![
                regions,
                ("backup:DescribeRegionSettings", 1),
                ("dynamodb:DescribeTable", tables),
                ("dynamodb:ListTables", PAGES),
                ("tag:GetResources", PAGES),
            ],
        ),
        (
            &["--rule", "ec2-image-copyable"],
            vec![regions, ("ec2:DescribeInstances", PAGES)],
        ),
        (
            &["--rule", "encryption-at-rest", "--service", "redshift"],
            vec![
                regions,
                ("redshift:DescribeClusters", PAGES),
                ("redshift-serverless:ListNamespaces", PAGES),
                ("tag:GetResources", PAGES),
            ],
        ),
        (
            &["--rule", "rds-automated-backups-enabled"],
            vec![
                regions,
                ("rds:DescribeDBInstances", PAGES),
                ("rds:DescribeDBClusters", PAGES),
                // The tags of databases, and what is tagged that the lists lack.
                ("tag:GetResources", 2 * PAGES),
            ],
        ),
    ];
    for (args, floor) in selections {
        let (run, endpoint) = scan(&user, Vec::new(), args);
        let floor = floor
            .into_iter()
            .map(|(name, calls)| (name.to_owned(), calls));
        let calls = count_calls(&endpoint);
        assert_eq!(calls, floor.collect(), "{args:?}: {}", run.stderr);
        let whole = user.evaluate(&snapshot, args);
        assert_eq!(findings(&run), findings(&whole), "{args:?}");
        assert_eq!(run.code, whole.code, "{args:?}");
    }
}

#[test]
fn what_no_selected_rule_reads_is_not_asked_for() {
    let user = User::new();
    let (_, endpoint) = scan(&user, Vec::new(), &[]);
    let all = count_calls(&endpoint);
    let config = user.home.path().join("backup-check.toml");
    let off = "[severity]\ns3-old-versions-expire = \"off\"\n";
    // The organization's backup policy tells the path of the role.
    let role = [
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "s3:GetBucketLifecycleConfiguration",
    ];
    let jobs = ["backup:ListBackupJobs", "backup:ListCopyJobs"];
    for (config_text, args, left_out) in [
        ("", ["--skip-rule", "proof"], &jobs[..]),
        (off, ["--skip-rule", "backup-role-ready"], &role[..]),
    ] {
        fs::write(&config, config_text).expect("it is writable");
        let (run, endpoint) = scan(&user, Vec::new(), &args);
        let calls = count_calls(&endpoint);
        let missing: BTreeSet<&str> = all
            .keys()
            .filter(|it| !calls.contains_key(*it))
            .map(String::as_str)
            .collect();
        let left_out = left_out.iter().copied();
        assert_eq!(missing, left_out.collect(), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn a_scan_of_enabled_resources_describes_only_those() {
    let user = User::new();
    let args = ["--scope", "enabled"];
    let (run, endpoint) = scan(&user, Vec::new(), &args);
    let (snapshot, full) = collect_region([]);
    let whole = user.evaluate(&snapshot, &args);
    // Not all that carries the tag in the responses of the services is in those of the tagging API.
    let report = json_of(&run);
    let listed = report["resources"].as_array().expect("resources").iter();
    let arns = listed.filter_map(|it| it["arn"].as_str());
    // What the account's settings depend on differs too.
    let resources = arns.filter(|it| !it.starts_with("backup-check:"));
    let listed: Vec<String> = resources.map(|it| format!("{it:?}")).collect();
    let mut expected = findings(&whole);
    expected.retain(|it| listed.iter().any(|arn| it.contains(arn)));
    let mut found = findings(&run);
    found.retain(|it| listed.iter().any(|arn| it.contains(arn)));
    let lost: Vec<&String> = expected.difference(&found).collect();
    let new: Vec<&String> = found.difference(&expected).collect();
    assert_eq!((lost, new), (vec![], vec![]), "{listed:#?}");
    let (calls, all) = (count_calls(&endpoint), count_calls(&full));
    let more: Vec<&String> = calls
        .keys()
        .filter(|it| calls[*it] > *all.get(*it).unwrap_or(&0))
        .collect();
    assert_eq!(more, [""; 0], "{calls:#?}");
    let total = |calls: &BTreeMap<String, usize>| calls.values().sum::<usize>();
    assert!(total(&calls) < total(&all), "{calls:#?}");
}

#[test]
fn enabled_resources_are_unknown_if_their_tags_are_denied() {
    let user = User::new();
    let denied = vec![on("tag:GetResources", Reply::Denied)];
    let (run, endpoint) = scan(&user, denied, &["--scope", "enabled"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let report = json_of(&run);
    assert_eq!(at(&report, "/scan/complete"), false);
    assert!(!count_calls(&endpoint).contains_key("dynamodb:DescribeTable"));
}

/// A list costs a call for each page, and looking resources up one for each of them. What is not found by its id is not
/// looked up again.
#[test]
fn a_service_with_many_enabled_resources_is_listed() {
    let user = User::new();
    let operation = "elasticfilesystem:DescribeFileSystems";
    for (enabled, looked_up, pages) in [(3, 3, 0), (4, 0, 1)] {
        let ids: Vec<String> = (0..enabled).map(|it| format!("fs-{it}")).collect();
        let arn = "arn:aws:elasticfilesystem:eu-central-1:111122223333:file-system/";
        let tags = json!([{"Key": "backup", "Value": "enabled"}]);
        let tagged = ids
            .iter()
            .map(|id| json!({"ResourceARN": format!("{arn}{id}"), "Tags": tags}));
        let tagged = json!({"ResourceTagMappingList": tagged.collect::<Vec<Value>>()});
        let listed = ids.iter().map(|id| {
            json!({
                "FileSystemId": id,
                "FileSystemArn": format!("{arn}{id}"),
                "OwnerId": "111122223333",
                "LifeCycleState": "available",
                "Encrypted": false,
                "Tags": tags,
            })
        });
        let listed = json!({"FileSystems": listed.collect::<Vec<Value>>()});
        let body = |it: Value| Reply::Body(it.to_string().into_bytes());
        let mut exceptions = vec![on("tag:GetResources", body(tagged)).in_region(REGION)];
        if looked_up == 0 {
            exceptions.push(on(operation, body(listed)));
        }
        let (run, endpoint) = scan(&user, exceptions, &["--scope", "enabled"]);
        let mut requests = endpoint.requests_for(operation);
        requests.retain(|it| it.region == REGION);
        let (by_id, lists): (Vec<_>, Vec<_>) = requests
            .iter()
            .partition(|it| it.parameters.contains_key("FileSystemId"));
        let found = (by_id.len(), lists.len());
        assert_eq!(found, (looked_up, pages), "{enabled}: {}", run.stderr);
        for id in ids {
            assert!(run.stdout.contains(&id), "{id} is in the report");
        }
    }
}

#[test]
fn lists_that_name_keys_are_sent_before_all_others_in_all_regions() {
    let endpoint = Endpoint::start([]);
    let args = ["--concurrency", "1"];
    let run = User::new().collect(&endpoint, &[REGION, "eu-west-3"], &args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let sent: Vec<String> = endpoint
        .requests()
        .into_iter()
        .map(|it| it.operation)
        .collect();
    let first = |name: &str| sent.iter().position(|it| it == name).unwrap();
    let lists = [
        "ec2:DescribeVolumes",
        "dynamodb:ListTables",
        "elasticfilesystem:DescribeFileSystems",
        "rds:DescribeDBInstances",
        "redshift:DescribeClusters",
    ];
    let others = [
        "ec2:DescribeInstances",
        "backup:ListBackupVaults",
        "backup:ListBackupJobs",
        "tag:GetResources",
    ];
    for list in lists {
        // The second one is that of the other region, or a second page.
        let mut of_list = (0..sent.len()).filter(|at| sent[*at] == list);
        let second = of_list.nth(1).unwrap();
        for other in others {
            assert!(second < first(other), "{list} {other}: {sent:?}");
        }
    }
}
