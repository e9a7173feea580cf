//! What is made of answers: the facts of each service, and nothing more.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::command::repository;
use crate::endpoint::{Endpoint, Reply, on};

use super::{
    ACCOUNT, DATA_KEY, MIRROR_KEY, REGION, User, VPC, at, collected, ids, in_region, item, json_of,
    not_scanned, status,
};

const RDS_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0d990263-018e-4e65-a703-eff731de951e";
const VAULT_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/5b0e7c1d-9a34-4f62-8d15-3c7a2e90b846";
/// In the fixtures, wherever AWS answers more than rules read, and in the credentials.
const SECRET: &str = "s3cr3t";

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
    assert_eq!(run.code, 0, "{}", run.stderr);
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
    let snapshot = json_of(&User::new().collect(&endpoint, &[REGION], &[]));
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
    assert_eq!(not_scanned(&snapshot), [""; 0]);
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
            pair(REGION, VAULT_KEY),
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
    assert_eq!(not_scanned(&snapshot), [""; 0]);
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
        assert_eq!(status(&report, rule, VPC), Some("pass"), "{rule}");
    }
    assert_eq!(
        status(&report, "s3-gateway-endpoint-present", "vpc/vpc-5e6f7a8b"),
        Some("fail")
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

#[test]
fn nothing_but_what_rules_read_is_kept_or_said() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let folder = repository().join("fixtures/aws");
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
