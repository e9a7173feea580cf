//! Credentials and regions: who asks, and where.

use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Reply, on};

use super::{REGION, SERVICES, User, at, collected, coverage, json_of, not_scanned};

#[test]
fn without_credentials_it_says_where_it_looked() {
    let endpoint = Endpoint::start([]);
    let run = User::with(&[]).collect(&endpoint, &[REGION], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
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
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("ExpiredToken") && run.stderr.contains("is expired"),
        "{}",
        run.stderr
    );
    assert_eq!(endpoint.requests().len(), 1);
}

#[test]
fn a_region_that_does_not_exist_is_wrong_usage() {
    let endpoint = Endpoint::start([]);
    let run = User::new().collect(&endpoint, &[REGION, "eu-central-9"], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
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
fn a_region_that_is_not_enabled_is_never_asked() {
    let endpoint = Endpoint::start([]);
    let snapshot = json_of(&User::new().collect(&endpoint, &["af-south-1", REGION], &[]));
    for service in SERVICES {
        let row = coverage(&snapshot, "af-south-1", service);
        assert_eq!(
            (&row["state"], &row["error"]),
            (&json!("disabled"), &Value::Null),
            "{service}"
        );
    }
    assert_eq!(at(&snapshot, "/regions/af-south-1/disabled"), true);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
    assert!(
        endpoint
            .requests()
            .iter()
            .all(|request| request.region != "af-south-1")
    );
}

#[test]
fn a_region_that_is_down_takes_no_other_with_it() {
    let (alone, _endpoint) = collected([]);
    let endpoint = Endpoint::start([on("*", Reply::Dead).in_region("eu-west-3")]);
    let run = User::new().collect(&endpoint, &[REGION, "eu-west-3"], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 3);
    for part in ["/regions/eu-central-1", "/buckets", "/keys"] {
        assert_eq!(at(&snapshot, part), at(&alone, part));
    }
    for service in [
        "backup",
        "cloudformation",
        "dynamodb",
        "ebs",
        "ec2",
        "efs",
        "rds",
        "redshift",
        "storagegateway",
        "vpc",
    ] {
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
        "file_systems",
        "tables",
        "gateways",
        "gateway_volumes",
        "redshift_clusters",
        "redshift_namespaces",
        "stacks",
        "tagged",
        "network/vpcs",
        "network/endpoints",
    ] {
        let gap = at(&snapshot, &format!("/regions/eu-west-3/{listing}/gap"));
        assert_eq!(gap["kind"], "error", "{listing}");
    }
    assert_eq!(not_scanned(&snapshot), [""; 0]);
}

#[test]
fn nothing_is_asked_for_a_file_that_cannot_be_written() {
    let endpoint = Endpoint::start([]);
    let url = endpoint.url();
    for command in [
        &["collect", "-o", "no/folder.json"][..],
        &["scan", "--format", "json=no/folder.json"],
        &["scan", "--baseline", "no/folder.json"],
    ] {
        let mut args = command.to_vec();
        args.extend(["--endpoint-url", &url, "--region", REGION]);
        let run = User::new().run(&args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains("no/folder.json"), "{}", run.stderr);
    }
    assert_eq!(endpoint.requests(), []);
}
