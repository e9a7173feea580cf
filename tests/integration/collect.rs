//! What the collectors make of AWS's answers: the built binary against [`super::endpoint`].
//!
//! The account is the one that `fixtures/aws` describes. What a test expects follows from those files
//! and from AWS's API reference.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::{Run, backup_check, repository, run};
use super::endpoint::{Endpoint, Exception, Reply, on};

const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "111122223333";
const SERVICES: [&str; 8] = [
    "backup", "dynamodb", "ebs", "ec2", "kms", "rds", "s3", "vpc",
];
/// In the fixtures, wherever AWS answers more than rules read.
const SECRET: &str = "s3cr3t";

const DATA_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const RDS_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0d990263-018e-4e65-a703-eff731de951e";
const MIRROR_KEY: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/8c5f3a1e-77d0-4b0c-9f5e-2b6d1c0a9e44";

/// A user of the machine: no AWS config, no variables but those of the test.
struct User {
    home: TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

impl User {
    /// With credentials, and one attempt a call: waiting for a second one takes the SDK a second.
    fn new() -> Self {
        User::with(&[
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ])
    }

    fn with(variables: &[(&'static str, &'static str)]) -> Self {
        User {
            home: tempfile::tempdir().expect("a temporary folder"),
            variables: variables.to_vec(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = backup_check(self.home.path());
        command.envs(self.variables.iter().copied()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// `collect` of some regions, to stdout.
    fn collect(&self, endpoint: &Endpoint, regions: &[&str], more: &[&str]) -> Run {
        let url = endpoint.url();
        let mut args = vec!["collect", "-o", "-", "--endpoint-url", &url, "--region"];
        args.extend(regions);
        args.extend(more);
        let run = self.run(&args);
        assert_eq!(endpoint.not_understood(), [""; 0], "{}", run.stderr);
        run
    }

    /// `scan --from` of a snapshot.
    fn judge(&self, snapshot: &Value, more: &[&str]) -> Run {
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

/// What `collect` of the usual region saves.
fn collected(exceptions: impl IntoIterator<Item = Exception>) -> (Value, Endpoint) {
    let endpoint = Endpoint::start(exceptions);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    (json_of(&run), endpoint)
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value
        .pointer(pointer)
        .unwrap_or_else(|| panic!("no {pointer} in {value:#}"))
}

/// A resource of a listing, by its id.
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

/// The services of the usual region that are not in a state.
fn other_than(snapshot: &Value, state: &str) -> Vec<&'static str> {
    SERVICES
        .into_iter()
        .filter(|service| coverage(snapshot, REGION, service)["state"] != state)
        .collect()
}

/// The status of a rule on the resource whose ARN ends so.
fn status<'a>(report: &'a Value, rule: &str, arn: &str) -> &'a str {
    let mut findings = at(report, "/findings").as_array().expect("findings").iter();
    let found = findings.find(|it| {
        it["rule"] == rule && it["resource"].as_str().is_some_and(|it| it.ends_with(arn))
    });
    found.unwrap_or_else(|| panic!("no finding of {rule} on {arn}"))["status"]
        .as_str()
        .expect("a status")
}

/// A list: its operation, how it asks for the largest page that the API allows, how it asks for the
/// next, where it ends up, and what the fixtures hold on both pages.
struct List {
    operation: &'static str,
    size: (&'static str, &'static str),
    token: &'static str,
    listing: &'static str,
    service: &'static str,
    first: &'static [&'static str],
    second: &'static [&'static str],
}

/// Page sizes: the API reference of each operation. `GetResources` fills no listing of its own and
/// is added where it matters.
const LISTS: [List; 11] = [
    List {
        operation: "ec2:DescribeInstances",
        size: ("MaxResults", "1000"),
        token: "NextToken",
        listing: "/regions/eu-central-1/instances",
        service: "ec2",
        first: &["i-1234567890abcdef0"],
        second: &["i-0fedcba0987654321"],
    },
    List {
        operation: "ec2:DescribeVolumes",
        size: ("MaxResults", "1000"),
        token: "NextToken",
        listing: "/regions/eu-central-1/volumes",
        service: "ebs",
        first: &["vol-049df61146c4d7901"],
        second: &["vol-0598c7d356eba48d7", "vol-1234567890abcdef0"],
    },
    List {
        operation: "ec2:DescribeVpcs",
        size: ("MaxResults", "1000"),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/vpcs",
        service: "vpc",
        first: &["vpc-1a2b3c4d"],
        second: &["vpc-5e6f7a8b"],
    },
    List {
        operation: "ec2:DescribeSubnets",
        size: ("MaxResults", "1000"),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/subnets",
        service: "vpc",
        first: &["subnet-9d4a7b6c"],
        second: &["subnet-6e7f829e"],
    },
    List {
        operation: "ec2:DescribeRouteTables",
        size: ("MaxResults", "100"),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/route_tables",
        service: "vpc",
        first: &["rtb-6aa34603"],
        second: &["rtb-f9ad4890"],
    },
    List {
        operation: "ec2:DescribeNetworkInterfaces",
        size: ("MaxResults", "1000"),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/interfaces",
        service: "vpc",
        first: &["eni-0f62d866"],
        second: &["eni-e5aa89a3"],
    },
    List {
        operation: "ec2:DescribeVpcEndpoints",
        size: ("MaxResults", "1000"),
        token: "NextToken",
        listing: "/regions/eu-central-1/network/endpoints",
        service: "vpc",
        first: &["vpce-032a826a"],
        second: &["vpce-0fe9b2c3d4e5f6a7b"],
    },
    List {
        operation: "rds:DescribeDBInstances",
        size: ("MaxRecords", "100"),
        token: "Marker",
        listing: "/regions/eu-central-1/db_instances",
        service: "rds",
        first: &["orders", "ledger-1"],
        // DocumentDB answers through the same API and is no RDS database.
        second: &["reports"],
    },
    List {
        operation: "rds:DescribeDBClusters",
        size: ("MaxRecords", "100"),
        token: "Marker",
        listing: "/regions/eu-central-1/db_clusters",
        service: "rds",
        first: &["ledger"],
        // Nor is Neptune.
        second: &["queue"],
    },
    List {
        operation: "dynamodb:ListTables",
        size: ("Limit", "100"),
        token: "ExclusiveStartTableName",
        listing: "/regions/eu-central-1/tables",
        service: "dynamodb",
        first: &["orders"],
        second: &["sessions", "tickets"],
    },
    List {
        operation: "s3:ListBuckets",
        size: ("max-buckets", "10000"),
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

#[test]
fn every_list_is_read_to_its_end_in_the_largest_pages() {
    let endpoint = Endpoint::start([]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    assert_eq!(other_than(&snapshot, "scanned"), [""; 0]);
    let tags = (
        "tag:GetResources",
        ("ResourcesPerPage", "100"),
        "PaginationToken",
    );
    for (operation, (size, largest), token) in LISTS
        .iter()
        .map(|it| (it.operation, it.size, it.token))
        .chain([tags])
    {
        let asked = endpoint.asked(operation);
        let tokens: Vec<bool> = asked
            .iter()
            .map(|it| it.parameters.get(token).is_some_and(|it| !it.is_empty()))
            .collect();
        assert_eq!(tokens, [false, true], "{operation}: {asked:?}");
        for request in asked {
            assert_eq!(
                request.parameters.get(size).map(String::as_str),
                Some(largest),
                "{operation}"
            );
        }
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
fn a_page_that_is_denied_leaves_the_pages_before_it() {
    for list in LISTS {
        let (snapshot, _endpoint) = collected([on(list.operation, Reply::Denied).on_page(2)]);
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
            other_than(&snapshot, "scanned"),
            [list.service],
            "{}",
            list.operation
        );
    }
}

#[test]
fn tags_after_a_page_that_is_denied_are_unknown_and_those_before_it_known() {
    let (snapshot, _endpoint) = collected([on("tag:GetResources", Reply::Denied).on_page(2)]);
    let bucket = |id: &str| item(&snapshot, "/buckets", &format!("{id}-{ACCOUNT}"))["tags"].clone();
    assert_eq!(bucket("ledger"), json!({"known": {"backup": "enabled"}}));
    assert_eq!(
        at(&bucket("invoices"), "/unknown/operation"),
        "tag:GetResources"
    );
    // Nothing says that a bucket which the first page left out is on no later page.
    assert_eq!(at(&bucket("scratch"), "/unknown/kind"), "denied");
    assert_eq!(other_than(&snapshot, "scanned"), ["dynamodb", "rds", "s3"]);
    for service in ["dynamodb", "rds", "s3"] {
        assert_eq!(coverage(&snapshot, REGION, service)["state"], "partial");
    }
}

/// What hangs on an operation.
struct Needed {
    operation: &'static str,
    action: &'static str,
    /// The code with which the service denies it.
    code: &'static str,
    services: &'static [&'static str],
    /// Facts that are then unknown: where the reason stands.
    gaps: &'static [&'static str],
    /// The only parts of a snapshot that may change.
    touches: &'static [&'static str],
    /// Rules that then cannot judge a resource, given by the end of its ARN.
    needed_by: &'static [(&'static str, &'static str)],
    /// Whether it lists resources that could be backed up, or networks they talk through.
    lists: bool,
}

const INSTANCE: &str = "instance/i-1234567890abcdef0";
const VOLUME: &str = "volume/vol-049df61146c4d7901";
const VPC: &str = "vpc/vpc-1a2b3c4d";
const BUCKET: &str = ":::ledger-111122223333";
const TABLE: &str = "table/orders";

const NEEDED: &[Needed] = &[
    Needed {
        operation: "backup:DescribeRegionSettings",
        action: "backup:DescribeRegionSettings",
        code: "AccessDeniedException",
        services: &["backup"],
        gaps: &["/regions/eu-central-1/backup_settings/unknown"],
        touches: &["/regions/eu-central-1/backup_settings"],
        needed_by: &[
            ("service-opted-in", ":region:111122223333:eu-central-1"),
            ("dynamodb-advanced-features-enabled", TABLE),
        ],
        lists: false,
    },
    Needed {
        operation: "dynamodb:DescribeTable",
        action: "dynamodb:DescribeTable",
        code: "AccessDeniedException",
        services: &["dynamodb"],
        gaps: &[
            "/regions/eu-central-1/tables/items/0/kms_key/unknown",
            "/regions/eu-central-1/tables/items/2/state/unknown",
        ],
        touches: &["/regions/eu-central-1/tables"],
        needed_by: &[
            ("encryption-customer-key-recommended", TABLE),
            ("kms-key-usable", TABLE),
            ("kms-key-locally-usable", TABLE),
        ],
        lists: false,
    },
    Needed {
        operation: "dynamodb:ListTables",
        action: "dynamodb:ListTables",
        code: "AccessDeniedException",
        services: &["dynamodb"],
        gaps: &["/regions/eu-central-1/tables/gap"],
        touches: &["/regions/eu-central-1/tables"],
        needed_by: &[],
        lists: true,
    },
    Needed {
        operation: "ec2:DescribeInstances",
        action: "ec2:DescribeInstances",
        code: "UnauthorizedOperation",
        services: &["ec2"],
        gaps: &["/regions/eu-central-1/instances/gap"],
        touches: &["/regions/eu-central-1/instances"],
        needed_by: &[("backup-not-duplicated", VOLUME)],
        lists: true,
    },
    Needed {
        operation: "ec2:DescribeNetworkInterfaces",
        action: "ec2:DescribeNetworkInterfaces",
        code: "UnauthorizedOperation",
        services: &["vpc"],
        gaps: &["/regions/eu-central-1/network/interfaces/gap"],
        touches: &["/regions/eu-central-1/network/interfaces"],
        needed_by: &[("s3-gateway-endpoint-routed", VPC)],
        lists: false,
    },
    // Without the list of regions, each region's own errors speak; here there are none.
    Needed {
        operation: "ec2:DescribeRegions",
        action: "ec2:DescribeRegions",
        code: "UnauthorizedOperation",
        services: &[],
        gaps: &[],
        touches: &[],
        needed_by: &[],
        lists: false,
    },
    Needed {
        operation: "ec2:DescribeRouteTables",
        action: "ec2:DescribeRouteTables",
        code: "UnauthorizedOperation",
        services: &["vpc"],
        gaps: &["/regions/eu-central-1/network/route_tables/gap"],
        touches: &["/regions/eu-central-1/network/route_tables"],
        needed_by: &[("s3-gateway-endpoint-routed", VPC)],
        lists: false,
    },
    Needed {
        operation: "ec2:DescribeSubnets",
        action: "ec2:DescribeSubnets",
        code: "UnauthorizedOperation",
        services: &["vpc"],
        gaps: &["/regions/eu-central-1/network/subnets/gap"],
        touches: &["/regions/eu-central-1/network/subnets"],
        needed_by: &[("s3-gateway-endpoint-routed", VPC)],
        lists: false,
    },
    Needed {
        operation: "ec2:DescribeVolumes",
        action: "ec2:DescribeVolumes",
        code: "UnauthorizedOperation",
        services: &["ebs"],
        gaps: &["/regions/eu-central-1/volumes/gap"],
        touches: &["/regions/eu-central-1/volumes"],
        needed_by: &[
            ("encryption-at-rest", INSTANCE),
            ("encryption-customer-key", INSTANCE),
            ("kms-key-shared", INSTANCE),
        ],
        lists: true,
    },
    Needed {
        operation: "ec2:DescribeVpcEndpoints",
        action: "ec2:DescribeVpcEndpoints",
        code: "UnauthorizedOperation",
        services: &["vpc"],
        gaps: &["/regions/eu-central-1/network/endpoints/gap"],
        touches: &["/regions/eu-central-1/network/endpoints"],
        needed_by: &[
            ("s3-gateway-endpoint-present", VPC),
            ("s3-gateway-endpoint-routed", VPC),
            ("s3-gateway-endpoint-open", VPC),
        ],
        lists: false,
    },
    Needed {
        operation: "ec2:DescribeVpcs",
        action: "ec2:DescribeVpcs",
        code: "UnauthorizedOperation",
        services: &["vpc"],
        gaps: &["/regions/eu-central-1/network/vpcs/gap"],
        touches: &["/regions/eu-central-1/network/vpcs"],
        needed_by: &[],
        lists: true,
    },
    Needed {
        operation: "ec2:GetEbsDefaultKmsKeyId",
        action: "ec2:GetEbsDefaultKmsKeyId",
        code: "UnauthorizedOperation",
        services: &["ebs"],
        gaps: &["/regions/eu-central-1/ebs_defaults/kms_key/unknown"],
        touches: &["/regions/eu-central-1/ebs_defaults/kms_key"],
        needed_by: &[(
            "ebs-default-encryption",
            ":region:111122223333:eu-central-1",
        )],
        lists: false,
    },
    Needed {
        operation: "ec2:GetEbsEncryptionByDefault",
        action: "ec2:GetEbsEncryptionByDefault",
        code: "UnauthorizedOperation",
        services: &["ebs"],
        gaps: &["/regions/eu-central-1/ebs_defaults/encryption/unknown"],
        touches: &["/regions/eu-central-1/ebs_defaults/encryption"],
        needed_by: &[(
            "ebs-default-encryption",
            ":region:111122223333:eu-central-1",
        )],
        lists: false,
    },
    Needed {
        operation: "kms:DescribeKey",
        action: "kms:DescribeKey",
        code: "AccessDeniedException",
        services: &["kms"],
        gaps: &[
            "/keys/arn:aws:kms:eu-central-1:111122223333:key~11234abcd-12ab-34cd-56ef-1234567890ab/metadata/unknown",
            "/regions/eu-central-1/key_names/alias~1data/unknown",
        ],
        // An AWS managed key cannot be told from others then, and its policy is asked for.
        touches: &["/keys", "/regions/eu-central-1/key_names"],
        needed_by: &[
            ("kms-key-usable", VOLUME),
            ("kms-key-usable", INSTANCE),
            ("kms-key-usable", TABLE),
            ("kms-key-usable", BUCKET),
            ("encryption-customer-key", VOLUME),
            ("encryption-customer-key", "db:orders"),
            ("encryption-customer-key-recommended", BUCKET),
            ("kms-key-shared", VOLUME),
            ("kms-key-not-central", ":::invoices-111122223333"),
        ],
        lists: false,
    },
    Needed {
        operation: "kms:GetKeyPolicy",
        action: "kms:GetKeyPolicy",
        code: "AccessDeniedException",
        services: &["kms"],
        gaps: &[
            "/keys/arn:aws:kms:eu-central-1:111122223333:key~11234abcd-12ab-34cd-56ef-1234567890ab/policy/unknown",
        ],
        touches: &["/keys"],
        needed_by: &[
            ("kms-key-shared", VOLUME),
            ("kms-key-shared", INSTANCE),
            ("kms-key-shared", "cluster:ledger"),
            ("kms-key-fully-shared", VOLUME),
            ("kms-key-locally-usable", VOLUME),
            ("kms-key-locally-usable", TABLE),
            ("kms-key-locally-usable", BUCKET),
        ],
        lists: false,
    },
    Needed {
        operation: "rds:DescribeDBClusters",
        action: "rds:DescribeDBClusters",
        code: "AccessDenied",
        services: &["rds"],
        gaps: &["/regions/eu-central-1/db_clusters/gap"],
        touches: &["/regions/eu-central-1/db_clusters"],
        needed_by: &[],
        lists: true,
    },
    Needed {
        operation: "rds:DescribeDBInstances",
        action: "rds:DescribeDBInstances",
        code: "AccessDenied",
        services: &["rds"],
        gaps: &["/regions/eu-central-1/db_instances/gap"],
        // The only user of its key is among them.
        touches: &[
            "/regions/eu-central-1/db_instances",
            "/keys/arn:aws:kms:eu-central-1:111122223333:key/0d990263",
        ],
        needed_by: &[("backup-tag-placed", "cluster:ledger")],
        lists: true,
    },
    Needed {
        operation: "s3:GetBucketEncryption",
        action: "s3:GetEncryptionConfiguration",
        code: "AccessDenied",
        services: &["s3"],
        gaps: &[
            "/buckets/items/0/encryption/unknown",
            "/buckets/items/4/encryption/unknown",
        ],
        // Two of the keys encrypt only buckets.
        touches: &[
            "/buckets/items/",
            "/keys",
            "/regions/eu-central-1/key_names",
        ],
        needed_by: &[
            ("encryption-customer-key-recommended", BUCKET),
            ("kms-key-usable", BUCKET),
            ("kms-key-not-central", BUCKET),
        ],
        lists: false,
    },
    Needed {
        operation: "s3:GetBucketLifecycleConfiguration",
        action: "s3:GetLifecycleConfiguration",
        code: "AccessDenied",
        services: &["s3"],
        gaps: &[
            "/buckets/items/0/expiry/unknown",
            "/buckets/items/4/expiry/unknown",
        ],
        touches: &["/buckets/items/"],
        needed_by: &[("s3-old-versions-expire", BUCKET)],
        lists: false,
    },
    Needed {
        operation: "s3:GetBucketVersioning",
        action: "s3:GetBucketVersioning",
        code: "AccessDenied",
        services: &["s3"],
        gaps: &[
            "/buckets/items/0/versioning/unknown",
            "/buckets/items/4/versioning/unknown",
        ],
        touches: &["/buckets/items/"],
        needed_by: &[("s3-versioning-enabled", BUCKET)],
        lists: false,
    },
    Needed {
        operation: "s3:ListBuckets",
        action: "s3:ListAllMyBuckets",
        code: "AccessDenied",
        services: &["s3"],
        gaps: &["/buckets/gap"],
        touches: &["/buckets", "/keys", "/regions/eu-central-1/key_names"],
        needed_by: &[],
        lists: true,
    },
    Needed {
        operation: "s3:HeadBucket",
        action: "s3:ListBucket",
        code: "AccessDenied",
        services: &["s3"],
        gaps: &[
            "/buckets/items/0/region/unknown",
            "/buckets/items/0/tags/unknown",
            "/buckets/items/0/versioning/unknown",
        ],
        touches: &["/buckets", "/keys", "/regions/eu-central-1/key_names"],
        needed_by: &[
            ("s3-versioning-enabled", BUCKET),
            ("backup-tag-valid", BUCKET),
            ("s3-old-versions-expire", BUCKET),
            ("kms-key-usable", BUCKET),
        ],
        lists: false,
    },
    Needed {
        operation: "tag:GetResources",
        action: "tag:GetResources",
        code: "AccessDeniedException",
        services: &["dynamodb", "rds", "s3"],
        gaps: &[
            "/buckets/items/0/tags/unknown",
            "/regions/eu-central-1/tables/items/0/tags/unknown",
            "/regions/eu-central-1/db_instances/items/2/tags/unknown",
            "/regions/eu-central-1/db_clusters/items/1/tags/unknown",
        ],
        touches: &[
            "/buckets/items/",
            "/regions/eu-central-1/tables/items/",
            "/regions/eu-central-1/db_instances/items/2/tags",
            "/regions/eu-central-1/db_clusters/items/1/tags",
        ],
        needed_by: &[
            ("backup-tag-valid", BUCKET),
            ("backup-tag-valid", TABLE),
            ("backup-decision-made", "db:reports"),
            ("backup-tag-placed", "cluster:queue"),
        ],
        lists: false,
    },
];

#[test]
fn an_operation_that_is_denied_leaves_its_own_facts_unknown_and_all_else_read() {
    let (whole, _endpoint) = collected([]);
    let user = User::new();
    let usual = json_of(&user.judge(&whole, &[]));
    for needed in NEEDED {
        let operation = needed.operation;
        let mut exceptions = vec![on(operation, Reply::Denied)];
        if operation == "s3:HeadBucket" {
            exceptions.push(on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")));
        }
        let (snapshot, endpoint) = collected(exceptions);
        assert!(
            !endpoint.asked(operation).is_empty(),
            "{operation} was never asked"
        );
        for pointer in needed.gaps {
            let gap = at(&snapshot, pointer);
            let told = [
                &gap["kind"],
                &gap["operation"],
                &gap["action"],
                &gap["code"],
            ];
            assert_eq!(
                told,
                [
                    &json!("denied"),
                    &json!(operation),
                    &json!(needed.action),
                    &json!(needed.code)
                ],
                "{pointer}"
            );
        }
        for change in changes(&whole, &snapshot) {
            assert!(
                needed.touches.iter().any(|part| change.starts_with(part)),
                "{operation} denied changes {change}"
            );
        }
        assert_eq!(
            other_than(&snapshot, "scanned"),
            needed.services,
            "{operation}"
        );
        for service in needed.services {
            let row = coverage(&snapshot, REGION, service);
            // Tags come from an API of their own: the service itself was read.
            let state = if operation == "tag:GetResources" {
                "partial"
            } else {
                "denied"
            };
            assert_eq!(
                (&row["state"], &row["error"]["operation"]),
                (&json!(state), &json!(operation))
            );
            assert_eq!(row["error"]["code"], needed.code, "{operation}");
        }

        let run = user.judge(&snapshot, &[]);
        let report = json_of(&run);
        assert!(
            matches!(run.exit, Some(1 | 3)),
            "{operation}: {:?}",
            run.exit
        );
        assert_eq!(
            at(&report, "/scan/complete"),
            needed.services.is_empty(),
            "{operation}"
        );
        for (rule, arn) in needed.needed_by {
            assert_ne!(
                status(&usual, rule, arn),
                "unknown",
                "{rule} on {arn} proves nothing"
            );
            assert_eq!(
                status(&report, rule, arn),
                "unknown",
                "{operation}: {rule} on {arn}"
            );
        }
        for finding in report["findings"].as_array().expect("findings") {
            let (rule, arn) = (
                finding["rule"].as_str().unwrap(),
                finding["resource"].as_str().unwrap(),
            );
            if finding["status"] == "pass" {
                assert_eq!(
                    status(&usual, rule, arn),
                    "pass",
                    "{operation} denied turns {rule} on {arn} green"
                );
            }
        }
        if needed.lists {
            // A rule that breaks nowhere in this account: what decides is that something may be missing.
            let run = user.judge(&snapshot, &["--rule", "resource-state-ready"]);
            assert_eq!(run.exit, Some(3), "{operation}: {}", run.stdout);
        }
    }
}

/// Where two snapshots differ, but for what differs from run to run.
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

#[test]
fn exactly_the_operations_of_the_iam_policy_are_sent() {
    // A bucket without a region makes it ask for that too.
    let here = Reply::Bare(200, &[("x-amz-bucket-region", REGION)]);
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
        on("s3:HeadBucket", here),
    ]);
    let user = User::new();
    user.collect(&endpoint, &[REGION], &[]);
    let policy = json_of(&user.run(&["iam-policy"]));
    let allowed: BTreeSet<String> =
        serde_json::from_value(at(&policy, "/Statement/0/Action").clone()).expect("a list");
    let sent = endpoint
        .requests()
        .into_iter()
        .map(|request| request.operation);
    // Nobody needs a permission for it.
    let sent: BTreeSet<String> = sent
        .filter(|operation| operation != "sts:GetCallerIdentity")
        .collect();
    let known: BTreeSet<String> = NEEDED.iter().map(|it| it.operation.to_owned()).collect();
    assert_eq!(
        sent, known,
        "what NEEDED says of operations is about the ones that are sent"
    );
    let actions: BTreeSet<String> = NEEDED.iter().map(|it| it.action.to_owned()).collect();
    assert_eq!(actions, allowed);
}

#[test]
fn how_many_calls_run_at_once_changes_nothing() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let one = user
        .collect(&endpoint, &[REGION, "eu-west-3"], &["--concurrency", "1"])
        .json();
    let many = user
        .collect(&endpoint, &[REGION, "eu-west-3"], &["--concurrency", "64"])
        .json();
    assert_eq!(changes(&one, &many), [""; 0]);
    assert_eq!(one["coverage"], many["coverage"]);
}

#[test]
fn an_account_with_nothing_in_it_is_read_whole() {
    let lists = LISTS
        .iter()
        .map(|list| list.operation)
        .chain(["tag:GetResources"]);
    let endpoint = Endpoint::start(lists.map(|operation| on(operation, Reply::Empty)));
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    assert_eq!(other_than(&snapshot, "scanned"), [""; 0]);
    for list in LISTS {
        assert_eq!(
            at(&snapshot, list.listing),
            &json!({"items": []}),
            "{}",
            list.operation
        );
    }
    // The default key of new volumes is AWS's own, which needs no look-up.
    assert_eq!(snapshot["keys"], json!({}));
}

#[test]
fn a_region_that_is_down_takes_no_other_with_it() {
    let (alone, _endpoint) = collected([]);
    let endpoint = Endpoint::start([on("*", Reply::Dead).in_region("eu-west-3")]);
    let run = User::new().collect(&endpoint, &[REGION, "eu-west-3"], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.exit, Some(3));
    for part in ["/regions/eu-central-1", "/buckets", "/keys"] {
        assert_eq!(at(&snapshot, part), at(&alone, part));
    }
    for service in ["backup", "dynamodb", "ebs", "ec2", "rds", "vpc"] {
        let row = coverage(&snapshot, "eu-west-3", service);
        assert_eq!(
            (&row["state"], &row["error"]["code"]),
            (&json!("error"), &json!("ConnectionError")),
            "{service}"
        );
    }
    for listing in [
        "instances",
        "volumes",
        "db_instances",
        "db_clusters",
        "tables",
        "network/vpcs",
        "network/endpoints",
    ] {
        let gap = at(&snapshot, &format!("/regions/eu-west-3/{listing}/gap"));
        assert_eq!(gap["kind"], "error", "{listing}");
    }
    assert_eq!(other_than(&snapshot, "scanned"), [""; 0]);
}

#[test]
fn a_region_that_is_not_enabled_is_never_asked() {
    let endpoint = Endpoint::start([]);
    let snapshot = User::new()
        .collect(&endpoint, &["af-south-1", REGION], &[])
        .json();
    for service in SERVICES {
        let row = coverage(&snapshot, "af-south-1", service);
        assert_eq!(
            (&row["state"], &row["error"]),
            (&json!("disabled"), &Value::Null),
            "{service}"
        );
    }
    assert_eq!(at(&snapshot, "/regions/af-south-1/disabled"), true);
    assert_eq!(other_than(&snapshot, "scanned"), [""; 0]);
    assert!(
        endpoint
            .requests()
            .iter()
            .all(|request| request.region != "af-south-1")
    );
}

#[test]
fn a_region_that_does_not_exist_is_wrong_usage() {
    let endpoint = Endpoint::start([]);
    let run = User::new().collect(&endpoint, &[REGION, "eu-central-9"], &[]);
    assert_eq!((run.exit, run.stdout.as_str()), (Some(2), ""));
    assert!(
        run.stderr.contains("eu-central-9") && run.stderr.contains("eu-south-1"),
        "{}",
        run.stderr
    );
    assert!(
        endpoint
            .requests()
            .iter()
            .all(|request| request.operation != "ec2:DescribeInstances")
    );
}

#[test]
fn without_credentials_it_says_where_it_looked() {
    let endpoint = Endpoint::start([]);
    let run = User::with(&[]).collect(&endpoint, &[REGION], &[]);
    assert_eq!((run.exit, run.stdout.as_str()), (Some(2), ""));
    assert_eq!(run.stderr.trim_end().lines().count(), 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("AWS_ACCESS_KEY_ID") && run.stderr.contains("profile"),
        "{}",
        run.stderr
    );
    assert_eq!(endpoint.requests(), []);
}

#[test]
fn credentials_that_aws_refuses_end_it() {
    let endpoint = Endpoint::start([on("sts:GetCallerIdentity", Reply::Fixture("ExpiredToken"))]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    assert_eq!((run.exit, run.stdout.as_str()), (Some(2), ""));
    assert!(
        run.stderr.contains("ExpiredToken") && run.stderr.contains("is expired"),
        "{}",
        run.stderr
    );
    assert_eq!(endpoint.requests().len(), 1);
}

#[test]
fn a_bucket_without_a_region_is_asked_for_it_once() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
        on(
            "s3:HeadBucket",
            Reply::Bare(301, &[("x-amz-bucket-region", REGION)]),
        )
        .about("ledger-111122223333"),
        on(
            "s3:HeadBucket",
            Reply::Bare(403, &[("x-amz-bucket-region", REGION)]),
        )
        .about("invoices-111122223333"),
        on(
            "s3:HeadBucket",
            Reply::Bare(200, &[("x-amz-bucket-region", "us-west-2")]),
        )
        .about("logs-111122223333"),
    ]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    assert_eq!(
        ids(&snapshot, "/buckets"),
        ["ledger-111122223333", "invoices-111122223333"]
    );
    let heads = endpoint.asked("s3:HeadBucket");
    let asked: BTreeSet<&str> = heads
        .iter()
        .filter_map(|request| request.subject())
        .collect();
    assert_eq!((heads.len(), asked.len()), (3, 3), "{heads:?}");
    for bucket in ["ledger", "invoices"] {
        let bucket = item(&snapshot, "/buckets", &format!("{bucket}-{ACCOUNT}"));
        assert_eq!(bucket["region"], json!({"known": REGION}));
        assert!(bucket["encryption"].get("known").is_some(), "{bucket:#}");
    }
}

#[test]
fn a_bucket_whose_region_nobody_tells_is_kept_as_unknown() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
        on("s3:HeadBucket", Reply::Bare(200, &[])).about("ledger-111122223333"),
        on("s3:HeadBucket", Reply::Bare(403, &[])).about("invoices-111122223333"),
        on("s3:HeadBucket", Reply::Bare(404, &[])).about("logs-111122223333"),
    ]);
    let snapshot = User::new().collect(&endpoint, &[REGION], &[]).json();
    for (bucket, kind) in [
        ("ledger", "unreadable"),
        ("invoices", "denied"),
        ("logs", "error"),
    ] {
        let bucket = item(&snapshot, "/buckets", &format!("{bucket}-{ACCOUNT}"));
        for fact in ["region", "tags", "versioning", "encryption", "expiry"] {
            assert_eq!(
                at(bucket, &format!("/{fact}/unknown/kind")),
                kind,
                "{fact} of {}",
                bucket["id"]
            );
        }
    }
    assert_eq!(endpoint.asked("s3:GetBucketVersioning"), []);
}

#[test]
fn a_bucket_of_a_region_that_is_not_scanned_is_left_alone() {
    let (snapshot, endpoint) = collected([]);
    assert!(!ids(&snapshot, "/buckets").contains(&"logs-111122223333".to_owned()));
    let about = |name: &str| {
        endpoint
            .requests()
            .into_iter()
            .filter(|it| it.subject() == Some(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(about("logs-111122223333"), []);
    // The others are asked where they live.
    let asked = about("ledger-111122223333");
    assert_eq!(asked.len(), 3);
    assert!(
        asked.iter().all(|request| request.region == REGION),
        "{asked:?}"
    );
    assert_eq!(endpoint.asked("s3:HeadBucket"), []);
}

#[test]
fn buckets_without_settings_are_known_to_have_none() {
    let (snapshot, _endpoint) = collected([]);
    for (name, versioning, encryption, expiry) in [
        (
            "ledger",
            json!("Enabled"),
            json!({"algorithm": "aws:kms", "kms_key": "1234abcd-12ab-34cd-56ef-1234567890ab"}),
            "whole",
        ),
        (
            "invoices",
            json!("Suspended"),
            json!({"algorithm": "aws:kms", "kms_key": "alias/data"}),
            "filtered",
        ),
        (
            "archive",
            Value::Null,
            json!({"algorithm": "aws:kms", "kms_key": "alias/gone"}),
            "never",
        ),
        (
            "mirror",
            Value::Null,
            json!({"algorithm": "aws:kms:dsse", "kms_key": MIRROR_KEY}),
            "never",
        ),
        (
            "scratch",
            Value::Null,
            json!({"algorithm": "AES256"}),
            "never",
        ),
    ] {
        let bucket = item(&snapshot, "/buckets", &format!("{name}-{ACCOUNT}"));
        assert_eq!(bucket["versioning"], json!({"known": versioning}), "{name}");
        assert_eq!(bucket["encryption"], json!({"known": encryption}), "{name}");
        assert_eq!(bucket["expiry"], json!({"known": expiry}), "{name}");
    }
}

#[test]
fn a_bucket_that_has_no_default_encryption_is_no_gap() {
    let error = Reply::Fixture("ServerSideEncryptionConfigurationNotFoundError");
    let (snapshot, _endpoint) =
        collected([on("s3:GetBucketEncryption", error).about("ledger-111122223333")]);
    let bucket = item(&snapshot, "/buckets", "ledger-111122223333");
    assert_eq!(at(bucket, "/encryption/known").get("kms_key"), None);
    assert_eq!(other_than(&snapshot, "scanned"), [""; 0]);
}

#[test]
fn each_key_is_looked_up_once_whatever_it_is_called() {
    let (snapshot, endpoint) = collected([]);
    let ids = |operation: &str| {
        let asked = endpoint.asked(operation).into_iter();
        let mut ids: Vec<(String, String)> = asked
            .map(|it| (it.region, it.parameters["KeyId"].clone()))
            .collect();
        ids.sort();
        ids
    };
    let pair = |region: &str, id: &str| (region.to_owned(), id.to_owned());
    let alias = |name: &str| format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/{name}");
    // A volume names the key by its ARN, one bucket by its id, another by its alias, which is how KMS
    // is asked for it. The key of account 444455556666 is not asked for: nobody but its owner may read it.
    assert_eq!(
        ids("kms:DescribeKey"),
        [
            pair(REGION, &alias("data")),
            pair(REGION, &alias("gone")),
            pair(REGION, RDS_KEY),
            pair("eu-west-1", MIRROR_KEY),
        ]
    );
    // AWS's own key has a policy that nobody can change.
    assert_eq!(
        ids("kms:GetKeyPolicy"),
        [pair(REGION, DATA_KEY), pair("eu-west-1", MIRROR_KEY)]
    );

    let names = at(&snapshot, "/regions/eu-central-1/key_names");
    assert_eq!(names["alias/data"], json!({"known": DATA_KEY}));
    assert_eq!(
        names["1234abcd-12ab-34cd-56ef-1234567890ab"],
        json!({"known": DATA_KEY})
    );
    assert_eq!(
        at(&snapshot["keys"][DATA_KEY], "/metadata/known/manager"),
        "CUSTOMER"
    );
    assert_eq!(
        at(&snapshot["keys"][RDS_KEY], "/metadata/known/manager"),
        "AWS"
    );
    assert_eq!(
        at(&snapshot["keys"][MIRROR_KEY], "/metadata/known/state"),
        "Disabled"
    );
    // An alias of nothing stands for a key that does not exist.
    let gone = names["alias/gone"]["known"]
        .as_str()
        .expect("it was looked up");
    assert_eq!(snapshot["keys"][gone]["metadata"], json!({"known": null}));
}

#[test]
fn tables_say_whose_key_they_use() {
    let (snapshot, _endpoint) = collected([]);
    // Without a description, and with one that is disabled, DynamoDB owns the key.
    for (table, key) in [
        ("orders", json!(DATA_KEY)),
        ("sessions", Value::Null),
        ("tickets", Value::Null),
    ] {
        let table = item(&snapshot, &in_region("tables"), table);
        assert_eq!(table["kms_key"], json!({"known": key}), "{}", table["id"]);
        assert_eq!(table["state"], json!({"known": "ACTIVE"}));
    }
}

#[test]
fn a_table_that_went_away_is_no_gap() {
    let gone = on(
        "dynamodb:DescribeTable",
        Reply::Fixture("ResourceNotFoundException"),
    )
    .about("sessions");
    let (snapshot, _endpoint) = collected([gone]);
    assert_eq!(ids(&snapshot, &in_region("tables")), ["orders", "tickets"]);
    assert_eq!(other_than(&snapshot, "scanned"), [""; 0]);
}

#[test]
fn an_endpoint_that_aws_calls_available_in_lower_case_counts() {
    let (snapshot, _endpoint) = collected([]);
    assert_eq!(
        item(&snapshot, &in_region("network/endpoints"), "vpce-032a826a")["state"],
        "available"
    );
    let report = json_of(&User::new().judge(&snapshot, &[]));
    for rule in [
        "s3-gateway-endpoint-present",
        "s3-gateway-endpoint-routed",
        "s3-gateway-endpoint-open",
    ] {
        assert_eq!(status(&report, rule, VPC), "pass", "{rule}");
    }
    assert_eq!(
        status(&report, "s3-gateway-endpoint-present", "vpc/vpc-5e6f7a8b"),
        "fail"
    );
}

#[test]
fn databases_whose_own_answer_has_tags_need_no_tagging_api() {
    let tags = |snapshot: &Value, listing: &str, id: &str| {
        item(snapshot, &in_region(listing), id)["tags"].clone()
    };
    let (snapshot, _endpoint) = collected([on("tag:GetResources", Reply::Denied)]);
    assert_eq!(
        tags(&snapshot, "db_instances", "orders"),
        json!({"known": {"Name": "orders", "backup": "enabled"}})
    );
    // Its tags are known although none of them is kept.
    assert_eq!(
        tags(&snapshot, "db_instances", "ledger-1"),
        json!({"known": {}})
    );
    assert_eq!(
        at(&tags(&snapshot, "db_instances", "reports"), "/unknown/kind"),
        "denied"
    );
    assert_eq!(
        at(&tags(&snapshot, "db_clusters", "queue"), "/unknown/kind"),
        "denied"
    );

    let (snapshot, _endpoint) = collected([]);
    assert_eq!(
        tags(&snapshot, "db_instances", "reports"),
        json!({"known": {"backup": "disabled"}})
    );
    assert_eq!(
        tags(&snapshot, "db_clusters", "queue"),
        json!({"known": {}})
    );
}

/// An operation of each service.
const ONE_EACH: [&str; 7] = [
    "backup:DescribeRegionSettings",
    "dynamodb:ListTables",
    "ec2:DescribeVolumes",
    "kms:GetKeyPolicy",
    "rds:DescribeDBInstances",
    "s3:ListBuckets",
    "tag:GetResources",
];

#[test]
fn calls_that_are_throttled_are_sent_again_and_counted() {
    let mut user = User::new();
    user.variables.push(("AWS_MAX_ATTEMPTS", "4"));
    let throttled = ONE_EACH.map(|operation| on(operation, Reply::Throttled).times(1));
    let twice = on("rds:DescribeDBClusters", Reply::Throttled).times(2);
    let endpoint = Endpoint::start(throttled.into_iter().chain([twice]));
    let run = user.collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    let (whole, _endpoint) = collected([]);
    assert_eq!(changes(&whole, &snapshot), [""; 0]);
    let stats = json!({"api_calls": endpoint.requests().len(), "retries": 9, "throttled": 9});
    assert_eq!(snapshot["stats"], stats);
}

#[test]
fn calls_that_are_throttled_to_the_end_are_unknown() {
    let (snapshot, endpoint) = collected(ONE_EACH.map(|operation| on(operation, Reply::Throttled)));
    for (pointer, code) in [
        (
            "/regions/eu-central-1/backup_settings/unknown",
            "ThrottlingException",
        ),
        ("/regions/eu-central-1/tables/gap", "ThrottlingException"),
        ("/regions/eu-central-1/volumes/gap", "RequestLimitExceeded"),
        ("/regions/eu-central-1/db_instances/gap", "Throttling"),
        ("/buckets/gap", "SlowDown"),
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
        .map(|operation| endpoint.asked(operation).len())
        .sum::<usize>();
    assert_eq!(at(&snapshot, "/stats/throttled"), sent);
    assert_eq!(at(&snapshot, "/stats/retries"), 0);
}

/// Every call but the first that a scan makes.
fn all_but_identity(reply: Reply) -> [Exception; 2] {
    [
        on("sts:GetCallerIdentity", Reply::Fixture("GetCallerIdentity")),
        on("*", reply),
    ]
}

/// Every fact of a region of which nothing could be read, and the list of buckets.
const FIRST_FACTS: [&str; 14] = [
    "/buckets/gap",
    "/regions/eu-central-1/backup_settings/unknown",
    "/regions/eu-central-1/db_clusters/gap",
    "/regions/eu-central-1/db_instances/gap",
    "/regions/eu-central-1/ebs_defaults/encryption/unknown",
    "/regions/eu-central-1/ebs_defaults/kms_key/unknown",
    "/regions/eu-central-1/instances/gap",
    "/regions/eu-central-1/network/endpoints/gap",
    "/regions/eu-central-1/network/interfaces/gap",
    "/regions/eu-central-1/network/route_tables/gap",
    "/regions/eu-central-1/network/subnets/gap",
    "/regions/eu-central-1/network/vpcs/gap",
    "/regions/eu-central-1/tables/gap",
    "/regions/eu-central-1/volumes/gap",
];

#[test]
fn answers_that_nobody_understands_are_errors() {
    for reply in [Reply::Malformed, Reply::Cut, Reply::ProxyPage] {
        let endpoint = Endpoint::start(all_but_identity(reply.clone()));
        let user = User::new();
        let run = user.collect(&endpoint, &[REGION], &[]);
        let snapshot = json_of(&run);
        assert_eq!(run.exit, Some(3), "{reply:?}");
        for pointer in FIRST_FACTS {
            // No AWS service was asked for fewer calls, nor did one deny anything.
            assert_eq!(
                at(&snapshot, pointer)["kind"],
                "error",
                "{reply:?}: {:#}",
                at(&snapshot, pointer)
            );
        }
        for service in SERVICES.into_iter().filter(|service| *service != "kms") {
            assert_eq!(
                coverage(&snapshot, REGION, service)["state"],
                "error",
                "{reply:?}: {service}"
            );
        }
        assert_eq!(user.judge(&snapshot, &[]).exit, Some(3));
    }
}

#[test]
fn answers_about_one_resource_that_nobody_understands_are_errors_of_it() {
    for reply in [Reply::Malformed, Reply::Cut, Reply::ProxyPage] {
        let (snapshot, _endpoint) = collected([
            on("s3:GetBucketVersioning", reply.clone()).about("ledger-111122223333"),
            on("s3:GetBucketEncryption", reply.clone()).about("ledger-111122223333"),
            on("s3:GetBucketLifecycleConfiguration", reply.clone()).about("ledger-111122223333"),
            on("dynamodb:DescribeTable", reply.clone()).about("orders"),
            on("kms:DescribeKey", reply.clone()).in_region("eu-west-1"),
            on("kms:GetKeyPolicy", reply.clone()).about("1234abcd-12ab-34cd-56ef-1234567890ab"),
        ]);
        let bucket = item(&snapshot, "/buckets", "ledger-111122223333");
        let table = item(&snapshot, &in_region("tables"), "orders");
        let keys = &snapshot["keys"];
        for fact in [
            &bucket["versioning"],
            &bucket["encryption"],
            &bucket["expiry"],
            &table["kms_key"],
            &table["state"],
            &keys[MIRROR_KEY]["metadata"],
            &keys[DATA_KEY]["policy"],
        ] {
            assert_eq!(at(fact, "/unknown/kind"), "error", "{reply:?}");
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
fn what_was_not_read_in_time_is_unknown() {
    let endpoint = Endpoint::start(all_but_identity(Reply::Never));
    let user = User::new();
    // On a busy machine even the first call may take longer than the shortest time.
    let run = ["1s", "2s", "4s", "8s", "16s", "32s"]
        .into_iter()
        .map(|timeout| user.collect(&endpoint, &[REGION], &["--timeout", timeout]))
        .find(|run| run.exit != Some(2))
        .expect("a time that is enough for one call");
    let snapshot = json_of(&run);
    assert_eq!(run.exit, Some(3), "{}", run.stderr);
    assert_eq!(snapshot["interrupted"], true);
    for pointer in FIRST_FACTS {
        let gap = at(&snapshot, pointer);
        assert_eq!(
            (&gap["kind"], &gap["code"]),
            (&json!("interrupted"), &json!("TimedOut")),
            "{pointer}"
        );
    }
    let report = user.judge(&snapshot, &[]);
    assert_eq!(report.exit, Some(3));
    assert_eq!(at(&json_of(&report), "/scan/complete"), false);
}

#[test]
fn without_an_identity_in_time_nothing_is_judged() {
    let endpoint = Endpoint::start([on("*", Reply::Never)]);
    let run = User::new().collect(&endpoint, &[REGION], &["--timeout", "1ms"]);
    assert_eq!((run.exit, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("--timeout"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_scan_with_a_report_that_says_so() {
    for (signal, exit) in [("-INT", 130), ("-TERM", 143)] {
        for format in ["json", "table"] {
            let endpoint = Endpoint::start([on("ec2:DescribeVolumes", Reply::Never)]);
            let user = User::new();
            let args = [
                "scan",
                "--format",
                format,
                "--region",
                REGION,
                "--endpoint-url",
                &endpoint.url(),
            ];
            let mut command = user.command(&args);
            let child = command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the binary starts");
            endpoint.wait_for("ec2:DescribeVolumes");
            let killed = Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .expect("kill is there");
            assert!(killed.success());
            let run = Run::from(child.wait_with_output().expect("it ends"));
            assert_eq!(run.exit, Some(exit), "{signal}: {}", run.stderr);
            if format == "json" {
                let report = json_of(&run);
                assert_eq!(at(&report, "/scan/complete"), false);
                let row = coverage(&report, REGION, "ebs");
                assert_eq!(at(row, "/error/code"), "Interrupted", "{row:#}");
            } else {
                assert!(
                    run.stdout.to_lowercase().contains("incomplete"),
                    "{}",
                    run.stdout
                );
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_no_half_snapshot() {
    let endpoint = Endpoint::start([on("ec2:DescribeVolumes", Reply::Never)]);
    let user = User::new();
    let args = [
        "collect",
        "-o",
        "account.json",
        "--region",
        REGION,
        "--endpoint-url",
        &endpoint.url(),
    ];
    let child = user
        .command(&args)
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    endpoint.wait_for("ec2:DescribeVolumes");
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill is there");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let files = fs::read_dir(user.home.path()).expect("it is there");
    let names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["aws-config"]);
}

#[test]
fn nothing_but_what_rules_read_is_kept_or_said() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/aws");
    let holds = |path: &str| {
        fs::read_to_string(folder.join(path))
            .unwrap()
            .contains(SECRET)
    };
    // Tags, descriptions, names of users and attributes: the secret is in all of these answers.
    for path in [
        "ec2/DescribeInstances.xml",
        "ec2/DescribeVolumes.xml",
        "ec2/DescribeVpcs.xml",
        "ec2/DescribeVpcEndpoints.xml",
        "ec2/DescribeVpcEndpoints-page2.xml",
        "ec2/DescribeNetworkInterfaces.xml",
        "rds/DescribeDBInstances.xml",
        "rds/DescribeDBClusters.xml",
        "dynamodb/DescribeTable-orders.json",
        "kms/DescribeKey-data.json",
        "s3/GetBucketLifecycleConfiguration-invoices-111122223333.xml",
        "tag/GetResources.json",
    ] {
        assert!(holds(path), "{path}");
    }
    let collected = user.collect(&endpoint, &[REGION], &["-vvv"]);
    let snapshot = json_of(&collected);
    let url = endpoint.url();
    let live = [
        "scan",
        "-vvv",
        "--stats",
        "--region",
        REGION,
        "--endpoint-url",
        &url,
        "--format",
    ];
    let table = user.run(&[&live[..], &["table"]].concat());
    let report = user.run(&[&live[..], &["json"]].concat());
    for run in [&collected, &table, &report] {
        assert!(
            !run.stdout.is_empty() && !run.stdout.contains(SECRET),
            "{}",
            run.stdout
        );
        assert!(
            !run.stderr.is_empty() && !run.stderr.contains(SECRET),
            "{}",
            run.stderr
        );
    }
    // What is kept of the tags: the name, the backup tag and what is nearly one.
    for (listing, id, tags) in [
        (
            "instances",
            "i-1234567890abcdef0",
            json!({"Name": "web-1", "backup": "enabled"}),
        ),
        (
            "volumes",
            "vol-0598c7d356eba48d7",
            json!({"Backup": "enabled"}),
        ),
        ("db_clusters", "ledger", json!({"Name": "ledger"})),
    ] {
        assert_eq!(
            item(&snapshot, &in_region(listing), id)["tags"],
            json!({"known": tags})
        );
    }
}
