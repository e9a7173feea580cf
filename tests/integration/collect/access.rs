//! Credentials and regions.

use std::fs;

use serde_json::{Value, json};

use crate::support::command::run;
use crate::support::endpoint::{Endpoint, Reply, on};

use super::{REGION, SERVICES, User, at, collect_region, coverage, json_of, not_scanned};

#[test]
fn without_credentials_the_error_lists_the_sources() {
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
fn rejected_credentials_end_the_scan() {
    let endpoint = Endpoint::start([on("sts:GetCallerIdentity", Reply::Fixture("ExpiredToken"))]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("ExpiredToken") && run.stderr.contains("is expired"),
        "{}",
        run.stderr
    );
    let requests = endpoint.requests();
    let sent = requests.iter().map(|it| it.operation.as_str());
    // The list of regions is asked for without waiting.
    let is_begun = |it: &str| it == "sts:GetCallerIdentity" || it == "ec2:DescribeRegions";
    assert!(sent.clone().all(is_begun) && sent.count() <= 2);
}

#[test]
fn without_root_certificates_the_error_says_where_they_come_from() {
    let user = User::new();
    let empty = user.home.path().join("roots.pem");
    fs::write(&empty, "").unwrap();
    let url = "https://127.0.0.1:9";
    let mut command = user.command(&["scan", "--region", REGION, "--endpoint-url", url]);
    let run = run(command
        .env("SSL_CERT_FILE", &empty)
        .env_remove("SSL_CERT_DIR"));
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    let place = format!("no root certificates in SSL_CERT_FILE {}", empty.display());
    assert!(
        run.stderr.contains(&place) && run.stderr.contains("ca-certificates"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_unknown_region_is_a_usage_error() {
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
fn no_call_is_sent_to_a_disabled_region() {
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
fn an_unreachable_region_does_not_affect_the_others() {
    let (alone, _endpoint) = collect_region([]);
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
fn no_call_is_sent_if_the_output_file_cannot_be_written() {
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

#[cfg(unix)]
#[test]
fn a_new_snapshot_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let endpoint = Endpoint::start([]);
    let (url, user) = (endpoint.url(), User::new());
    for name in ["a.json", "a.json.zst"] {
        let args = ["collect", "-o", name, "--region", REGION];
        let run = user.run(&[&args[..], &["--endpoint-url", &url]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let metadata = std::fs::metadata(user.home.path().join(name)).unwrap();
        // It has key policies.
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}
