//! Lists are read to their end, in the largest pages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::endpoint::{Endpoint, Reply, Request, on};

use super::{
    ACCOUNT, REGION, User, at, changes, collect_region, coverage, ids, item, json_of, not_scanned,
};

/// A list: its operation, its parameters for the page size and the next page, its listing in the
/// snapshot, and the items of both pages in the fixtures.
struct List {
    operation: &'static str,
    size: Option<(&'static str, &'static str)>,
    token: &'static str,
    listing: &'static str,
    service: &'static str,
    first: &'static [&'static str],
    second: &'static [&'static str],
}

impl List {
    /// Returns the services whose coverage it affects.
    fn services(&self) -> Vec<&'static str> {
        match self.operation {
            "rds:DescribeDBClusters" | "rds:DescribeDBInstances" => {
                vec!["documentdb", "neptune", "rds"]
            }
            _ => vec![self.service],
        }
    }
}

/// The page sizes come from the API reference. `GetResources` has no listing and is tested separately.
const LISTS: [List; 23] = [
    List {
        operation: "backup:ListBackupPlans",
        size: Some(("maxResults", "1000")),
        token: "nextToken",
        listing: "/regions/eu-central-1/backup_plans",
        service: "backup",
        first: &["11111111-2222-4333-8444-555555555555"],
        second: &["66666666-7777-4888-9999-000000000000"],
    },
    List {
        operation: "backup:ListBackupJobs",
        size: Some(("maxResults", "1000")),
        token: "nextToken",
        listing: "/regions/eu-central-1/backup_jobs",
        service: "backup",
        first: &[
            "0A1B-TABLE",
            "0A1B-INSTANCE",
            "0A1B-VOLUME-1",
            "0A1B-VOLUME-3",
        ],
        // The other jobs of the page are superseded.
        second: &["0A1B-CLUSTER", "0A1B-DATABASE-2", "0A1B-BUCKET"],
    },
    List {
        operation: "backup:ListCopyJobs",
        size: Some(("maxResults", "1000")),
        token: "nextToken",
        listing: "/regions/eu-central-1/copy_jobs",
        service: "backup",
        first: &[
            "0C1D-TABLE",
            "0C1D-VOLUME-1",
            "0C1D-VOLUME-2",
            "0C1D-VOLUME-3",
        ],
        second: &["0C1D-CLUSTER", "0C1D-BUCKET"],
    },
    List {
        operation: "cloudformation:DescribeStacks",
        // It has no page size.
        size: None,
        token: "NextToken",
        listing: "/regions/eu-central-1/stacks",
        service: "cloudformation",
        first: &["shop"],
        second: &["shop-Storage-1M3XK9T2Q7ZP", "roles"],
    },
    List {
        operation: "ec2:DescribeInstances",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/instances",
        service: "ec2",
        first: &["i-1234567890abcdef0"],
        second: &["i-0fedcba0987654321"],
    },
    List {
        operation: "ec2:DescribeVolumes",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/volumes",
        service: "ebs",
        first: &["vol-049df61146c4d7901"],
        second: &["vol-0598c7d356eba48d7", "vol-1234567890abcdef0"],
    },
    List {
        operation: "ec2:DescribeVpcs",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/vpcs",
        service: "vpc",
        first: &["vpc-1a2b3c4d"],
        second: &["vpc-5e6f7a8b"],
    },
    List {
        operation: "ec2:DescribeSubnets",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/subnets",
        service: "vpc",
        first: &["subnet-9d4a7b6c"],
        second: &["subnet-6e7f829e"],
    },
    List {
        operation: "ec2:DescribeRouteTables",
        size: Some(("MaxResults", "100")),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/route_tables",
        service: "vpc",
        first: &["rtb-6aa34603"],
        second: &["rtb-f9ad4890"],
    },
    List {
        operation: "ec2:DescribeNetworkInterfaces",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/interfaces",
        service: "vpc",
        first: &["eni-0f62d866"],
        second: &["eni-e5aa89a3", "eni-f6bb90b4"],
    },
    List {
        operation: "ec2:DescribeVpcEndpoints",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/endpoints",
        service: "vpc",
        first: &["vpce-032a826a"],
        second: &["vpce-0fe9b2c3d4e5f6a7b"],
    },
    List {
        operation: "rds:DescribeDBInstances",
        size: Some(("MaxRecords", "100")),
        token: "Marker",
        listing: "/regions/eu-central-1/db_instances",
        service: "rds",
        first: &["orders", "ledger-1"],
        // DocumentDB and Neptune answer through the same API.
        second: &[
            "reports",
            "queue-1",
            "queue-2",
            "queue-3",
            "documents-1",
            "graph-1",
            "billing",
        ],
    },
    List {
        operation: "rds:DescribeDBClusters",
        size: Some(("MaxRecords", "100")),
        token: "Marker",
        listing: "/regions/eu-central-1/db_clusters",
        service: "rds",
        first: &["ledger"],
        second: &["queue", "graph", "documents"],
    },
    List {
        operation: "rds:DescribeOptionGroups",
        size: Some(("MaxRecords", "100")),
        token: "Marker",
        listing: "/regions/eu-central-1/option_groups",
        service: "rds",
        // Groups that no Oracle or SQL Server instance uses are not kept.
        first: &["default:oracle-ee-19"],
        second: &["billing-tde"],
    },
    List {
        operation: "elasticfilesystem:DescribeFileSystems",
        size: Some(("MaxItems", "100")),
        token: "Marker",
        listing: "/regions/eu-central-1/file_systems",
        service: "efs",
        first: &["fs-0123456789abcdef8"],
        second: &["fs-01234567", "fs-89abcdef"],
    },
    List {
        operation: "fsx:DescribeFileSystems",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/fsx_file_systems",
        service: "fsx",
        first: &["fs-0aa11bb22cc33dd44", "fs-0bb11bb22cc33dd44"],
        second: &["fs-0cc11bb22cc33dd44"],
    },
    List {
        operation: "fsx:DescribeVolumes",
        size: Some(("MaxResults", "1000")),
        token: "NextToken",
        listing: "/regions/eu-central-1/fsx_volumes",
        service: "fsx",
        first: &["fsvol-0dd11bb22cc33dd44"],
        second: &["fsvol-0ee11bb22cc33dd44"],
    },
    List {
        operation: "storagegateway:ListGateways",
        size: Some(("Limit", "100")),
        token: "Marker",
        listing: "/regions/eu-central-1/gateways",
        service: "storagegateway",
        first: &["sgw-12A3456B"],
        second: &["sgw-56B7890C", "sgw-9F00AA11"],
    },
    List {
        operation: "redshift:DescribeClusters",
        size: Some(("MaxRecords", "100")),
        token: "Marker",
        listing: "/regions/eu-central-1/redshift_clusters",
        service: "redshift",
        first: &["warehouse"],
        second: &["sandbox", "legacy"],
    },
    List {
        operation: "redshift-serverless:ListNamespaces",
        size: Some(("maxResults", "100")),
        token: "nextToken",
        listing: "/regions/eu-central-1/redshift_namespaces",
        service: "redshift",
        first: &["analytics"],
        second: &["reporting"],
    },
    List {
        operation: "dynamodb:ListTables",
        size: Some(("Limit", "100")),
        token: "ExclusiveStartTableName",
        listing: "/regions/eu-central-1/tables",
        service: "dynamodb",
        first: &["orders"],
        second: &["sessions", "tickets"],
    },
    List {
        operation: "backup:ListBackupVaults",
        size: Some(("maxResults", "1000")),
        token: "nextToken",
        listing: "/regions/eu-central-1/vaults",
        service: "backup",
        first: &["Default"],
        second: &["local"],
    },
    List {
        operation: "s3:ListBuckets",
        size: Some(("max-buckets", "10000")),
        token: "continuation-token",
        listing: "/buckets",
        service: "s3",
        first: &["ledger-111122223333", "invoices-111122223333"],
        second: &[
            "archive-111122223333",
            "mirror-111122223333",
            "scratch-111122223333",
        ],
    },
];

/// Returns the requests for the pages of a list. What is tagged and missing from the list is looked up by its id.
fn list_requests(endpoint: &Endpoint, operation: &str) -> Vec<Request> {
    let mut requests = endpoint.requests_for(operation);
    requests.retain(|it| !it.parameters.keys().any(|key| key.starts_with("Filter.")));
    requests
}

/// A first page and a second one, as large as they get.
fn assert_two_pages(asked: &[Request], size: Option<(&str, &str)>, token: &str) {
    let tokens: Vec<bool> = asked
        .iter()
        .map(|it| it.parameters.get(token).is_some_and(|it| !it.is_empty()))
        .collect();
    assert_eq!(tokens, [false, true], "{asked:?}");
    for request in asked {
        if let Some((size, largest)) = size {
            let asked = request.parameters.get(size).map(String::as_str);
            assert_eq!(asked, Some(largest), "{request:?}");
        }
    }
}

#[test]
fn every_list_is_read_to_its_end_in_the_largest_pages() {
    let endpoint = Endpoint::start([]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
    for list in LISTS {
        let pages = list_requests(&endpoint, list.operation);
        assert_two_pages(&pages, list.size, list.token);
    }
    // One list per region for some types, and one for all types.
    let mut tags: BTreeMap<_, Vec<Request>> = BTreeMap::new();
    for request in endpoint.requests_for("tag:GetResources") {
        let types = request.parameters.get("ResourceTypeFilters").cloned();
        tags.entry((request.region.clone(), types))
            .or_default()
            .push(request);
    }
    assert_eq!(tags.len(), 9, "{:?}", tags.keys());
    for pages in tags.values() {
        let size = Some(("ResourcesPerPage", "100"));
        assert_two_pages(pages, size, "PaginationToken");
    }
    for list in LISTS {
        assert_eq!(
            ids(&snapshot, list.listing),
            [list.first, list.second].concat(),
            "{}",
            list.operation
        );
        assert_eq!(
            at(&snapshot, list.listing).get("gap"),
            None,
            "{}",
            list.operation
        );
    }
}

#[test]
fn a_denied_page_keeps_the_pages_before_it() {
    for list in LISTS {
        let (snapshot, _endpoint) = collect_region([on(list.operation, Reply::Denied).on_page(2)]);
        assert_eq!(
            ids(&snapshot, list.listing),
            list.first,
            "{}",
            list.operation
        );
        let gap = &at(&snapshot, list.listing)["gap"];
        assert_eq!(
            (&gap["kind"], &gap["operation"]),
            (&json!("denied"), &json!(list.operation))
        );
        assert_eq!(
            coverage(&snapshot, REGION, list.service)["state"],
            "partial",
            "{}",
            list.operation
        );
        assert_eq!(
            not_scanned(&snapshot),
            list.services(),
            "{}",
            list.operation
        );
    }
}

#[test]
fn a_page_token_that_repeats_is_a_gap_and_no_resource_is_reported_twice() {
    for list in LISTS {
        let endpoint = Endpoint::start([on(list.operation, Reply::FirstPage).on_page(2)]);
        let user = User::new();
        let run = user.collect(&endpoint, &[REGION], &[]);
        let snapshot = json_of(&run);
        let asked = list_requests(&endpoint, list.operation).len();
        assert_eq!((run.code, asked), (3, 2), "{}", list.operation);
        let gap = &at(&snapshot, list.listing)["gap"];
        assert_eq!(
            (&gap["kind"], &gap["message"]),
            (&json!("error"), &json!("a page token repeats")),
            "{}",
            list.operation
        );
        let report = json_of(&user.evaluate(&snapshot, &[]));
        assert_eq!(at(&report, "/scan/complete"), false, "{}", list.operation);
        let findings = at(&report, "/findings").as_array().expect("a list");
        let found: BTreeSet<&str> = findings.iter().filter_map(|it| it["id"].as_str()).collect();
        assert_eq!(found.len(), findings.len(), "{}", list.operation);
    }
}

#[test]
fn a_page_token_that_repeats_is_a_gap_of_a_nested_list() {
    let role = "/backup_roles/aws-controltower-BackupRole/known";
    let plan = "/regions/eu-central-1/backup_plans/items/0";
    for (operation, list) in [
        (
            "iam:ListAttachedRolePolicies",
            format!("{role}/attached_policies"),
        ),
        ("iam:ListRolePolicies", format!("{role}/inline_policies")),
        ("backup:ListBackupSelections", format!("{plan}/selections")),
    ] {
        let (snapshot, _endpoint) = collect_region([on(operation, Reply::FirstPage).on_page(2)]);
        let gap = &at(&snapshot, &list)["gap"];
        assert_eq!(gap["message"], "a page token repeats", "{operation}: {gap}");
    }
}

#[test]
fn tags_on_a_page_token_that_repeats_are_unknown() {
    let (snapshot, _endpoint) =
        collect_region([on("tag:GetResources", Reply::FirstPage).on_page(2)]);
    let tags = &item(&snapshot, "/regions/eu-central-1/tables", "tickets")["tags"];
    assert_eq!(tags["unknown"]["message"], "a page token repeats", "{tags}");
}

#[test]
fn tags_on_a_denied_page_are_unknown() {
    let (snapshot, _endpoint) = collect_region([on("tag:GetResources", Reply::Denied)
        .in_region(REGION)
        .on_page(2)]);
    let bucket = |id: &str| item(&snapshot, "/buckets", &format!("{id}-{ACCOUNT}"))["tags"].clone();
    assert_eq!(bucket("ledger"), json!({"known": {"backup": "enabled"}}));
    assert_eq!(
        at(&bucket("invoices"), "/unknown/operation"),
        "tag:GetResources"
    );
    // A bucket that is missing from the first page may be on a later one.
    assert_eq!(at(&bucket("scratch"), "/unknown/kind"), "denied");
    // The list of tagged resources is truncated too.
    let tagged = at(&snapshot, "/regions/eu-central-1/tagged");
    // A secret, a parameter, and an instance that is gone.
    assert_eq!(tagged["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(tagged["gap"]["operation"], "tag:GetResources");
    let services = [
        "backup",
        "documentdb",
        "dynamodb",
        "neptune",
        "rds",
        "redshift",
        "s3",
        "storagegateway",
    ];
    assert_eq!(not_scanned(&snapshot), services);
    for service in services {
        assert_eq!(coverage(&snapshot, REGION, service)["state"], "partial");
    }
}

#[test]
fn an_empty_account_is_read_completely() {
    let lists = LISTS
        .iter()
        .map(|list| list.operation)
        .chain(["tag:GetResources", "ec2:DescribeImages", "kms:ListAliases"])
        .chain([
            "ec2:DescribeLaunchTemplateVersions",
            "cloudformation:ListExports",
        ]);
    let endpoint = Endpoint::start(lists.map(|operation| on(operation, Reply::Empty)));
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
    for list in LISTS {
        // An empty list of FSx is left out.
        let empty = json!({"items": []});
        let read = snapshot.pointer(list.listing).unwrap_or(&empty);
        assert_eq!(read, &empty, "{}", list.operation);
    }
    // The default key for EBS is AWS managed, which is not read.
    assert_eq!(snapshot["keys"], json!({}));
}

#[test]
fn the_volumes_of_each_gateway_are_read_to_the_end() {
    let endpoint = Endpoint::start([]);
    let snapshot = json_of(&User::new().collect(&endpoint, &[REGION], &[]));
    let volumes = "/regions/eu-central-1/gateway_volumes";
    assert_eq!(
        ids(&snapshot, volumes),
        ["vol-1122AABB", "vol-3344CCDD", "vol-5566EEFF"]
    );
    // A file gateway has no volumes.
    let asked = endpoint.requests_for("storagegateway:ListVolumes");
    let mut subjects: Vec<_> = asked.iter().filter_map(|it| it.subject()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["sgw-12A3456B", "sgw-12A3456B", "sgw-56B7890C"]);
    assert!(asked.iter().all(|it| it.parameters["Limit"] == "100"));

    let denied = on("storagegateway:ListVolumes", Reply::Denied)
        .about("sgw-12A3456B")
        .on_page(2);
    let (snapshot, _endpoint) = collect_region([denied]);
    assert_eq!(ids(&snapshot, volumes), ["vol-1122AABB", "vol-5566EEFF"]);
    assert_eq!(at(&snapshot, volumes)["gap"]["kind"], "denied");
    assert_eq!(not_scanned(&snapshot), ["storagegateway"]);
}

#[test]
fn the_resources_of_each_stack_are_read_to_the_end() {
    let operation = "cloudformation:ListStackResources";
    let resources = |snapshot: &Value, stack: &str| {
        let stack = item(snapshot, "/regions/eu-central-1/stacks", stack).clone();
        let items = stack["resources"]["items"].as_array().expect("a listing");
        let ids = items.iter().map(|it| it["logical_id"].clone()).collect();
        (Value::Array(ids), stack["resources"]["gap"].clone())
    };
    let nested = "shop-Storage-1M3XK9T2Q7ZP";
    let (snapshot, endpoint) = collect_region([]);
    for (stack, wanted) in [
        (
            "shop",
            json!(["Sessions", "Storage", "Role", "Retired", "Waiting"]),
        ),
        (nested, json!(["Tickets"])),
        ("roles", json!(["Deploy"])),
    ] {
        assert_eq!(
            resources(&snapshot, stack),
            (wanted, Value::Null),
            "{stack}"
        );
    }
    let asked = endpoint.requests_for(operation);
    let mut subjects: Vec<_> = asked.iter().filter_map(|it| it.subject()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["roles", "shop", "shop", nested]);

    let denied = on(operation, Reply::Denied).about("shop").on_page(2);
    let (snapshot, _endpoint) = collect_region([denied]);
    let (read, gap) = resources(&snapshot, "shop");
    assert_eq!(read, json!(["Sessions", "Storage"]));
    assert_eq!(
        (&gap["kind"], &gap["operation"]),
        (&json!("denied"), &json!(operation))
    );
    assert_eq!(resources(&snapshot, nested).1, Value::Null);
    assert_eq!(not_scanned(&snapshot), ["cloudformation"]);
    assert_eq!(
        coverage(&snapshot, REGION, "cloudformation")["state"],
        "partial"
    );
}

#[test]
fn the_number_of_concurrent_calls_does_not_affect_the_result() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let one = json_of(&user.collect(&endpoint, &[REGION, "eu-west-3"], &["--concurrency", "1"]));
    let many = json_of(&user.collect(&endpoint, &[REGION, "eu-west-3"], &["--concurrency", "64"]));
    assert_eq!(changes(&one, &many), [""; 0]);
    assert_eq!(one["coverage"], many["coverage"]);
}
