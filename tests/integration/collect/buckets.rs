//! S3 buckets: their regions and their settings.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::endpoint::{Endpoint, Reply, on};

use super::{
    ACCOUNT, MIRROR_KEY, REGION, User, at, collect_region, ids, item, json_of, not_scanned,
};

#[test]
fn the_region_of_a_bucket_is_requested_once_if_the_list_has_none() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-no-region")),
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
    let heads = endpoint.requests_for("s3:HeadBucket");
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
fn a_bucket_without_a_known_region_is_kept_as_unknown() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-no-region")),
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
    assert_eq!(endpoint.requests_for("s3:GetBucketVersioning"), []);
}

#[test]
fn a_bucket_of_another_region_is_not_read() {
    let (snapshot, endpoint) = collect_region([]);
    assert!(!ids(&snapshot, "/buckets").contains(&"logs-111122223333".to_owned()));
    let about = |name: &str| {
        endpoint
            .requests()
            .into_iter()
            .filter(|it| it.subject() == Some(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(about("logs-111122223333"), []);
    // The other buckets are read in their region.
    let asked = about("ledger-111122223333");
    let operations: BTreeSet<&str> = asked.iter().map(|it| it.operation.as_str()).collect();
    let settings = [
        "s3:GetBucketEncryption",
        "s3:GetBucketLifecycleConfiguration",
        // A plan of the region makes continuous backups.
        "s3:GetBucketNotificationConfiguration",
        "s3:GetBucketVersioning",
    ];
    assert_eq!(operations, BTreeSet::from(settings));
    assert_eq!(asked.len(), settings.len());
    assert!(
        asked.iter().all(|request| request.region == REGION),
        "{asked:?}"
    );
    assert_eq!(endpoint.requests_for("s3:HeadBucket"), []);
}

#[test]
fn a_bucket_without_a_setting_is_known_to_have_none() {
    let (snapshot, _endpoint) = collect_region([]);
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
fn a_bucket_without_default_encryption_is_no_gap() {
    let error = Reply::Fixture("ServerSideEncryptionConfigurationNotFoundError");
    let (snapshot, _endpoint) =
        collect_region([on("s3:GetBucketEncryption", error).about("ledger-111122223333")]);
    let bucket = item(&snapshot, "/buckets", "ledger-111122223333");
    assert_eq!(at(bucket, "/encryption/known").get("kms_key"), None);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
}
