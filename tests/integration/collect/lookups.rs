//! What only plans and templates need of an account: images, exports and aliases of keys.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::endpoint::{Endpoint, Reply, on};

use super::{REGION, User, at, collect_region, coverage, json_of};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const IMAGES: &str = "/regions/eu-central-1/images";
const EXPORTS: &str = "/regions/eu-central-1/exports";
const ALIASES: &str = "/regions/eu-central-1/key_aliases";
/// Each list with its operation and the items of its first page.
const LISTS: [(&str, &str, usize); 3] = [
    ("ec2:DescribeImages", IMAGES, 2),
    ("cloudformation:ListExports", EXPORTS, 2),
    ("kms:ListAliases", ALIASES, 1),
];

#[test]
fn collect_saves_images_exports_and_aliases() {
    let (snapshot, endpoint) = collect_region([]);
    let image = at(&snapshot, "/regions/eu-central-1/images/items/0");
    assert_eq!(image["id"], "ami-0aaaaaaaaaaaaaaa1");
    assert_eq!(image["root_device"], json!({"known": "/dev/xvda"}));
    assert_eq!(image["root_device_type"], json!({"known": "ebs"}));
    assert_eq!(image["marketplace_codes"], json!({"known": []}));
    let volumes = image["volumes"].as_array().expect("volumes");
    // A mapping of an instance store volume is none of EBS.
    assert_eq!(volumes.len(), 2);
    assert_eq!(volumes[0]["encrypted"], json!({"known": true}));
    // The account owns the snapshot, which has a key.
    assert_eq!(volumes[0]["kms_key"], json!({"known": KEY}));
    assert_eq!(volumes[1]["encrypted"], json!({"known": false}));
    // Instances use an image of another account, whose snapshot is not visible: volumes get the default key.
    let used = at(&snapshot, "/regions/eu-central-1/images/items/2");
    assert_eq!(used["id"], "ami-bff32ccc");
    assert_eq!(used["volumes"][0]["encrypted"], json!({"known": true}));
    assert_eq!(used["volumes"][0]["kms_key"], json!({"known": null}));
    assert_eq!(
        used["marketplace_codes"],
        json!({"known": ["8xh2kq1example0"]})
    );
    // A value that may be anything is not kept.
    let exports = json!([
        {"name": "shop-Key", "value": KEY},
        {"name": "shop-Password"},
        {"name": "shop-Subnets", "value": "subnet-9d4a7b6c,subnet-1a2b3c4d"},
    ]);
    assert_eq!(at(&snapshot, &format!("{EXPORTS}/items")), &exports);
    let aliases = json!([
        {"name": "alias/data", "key": KEY},
        {"name": "alias/orders", "key": KEY},
    ]);
    assert_eq!(at(&snapshot, &format!("{ALIASES}/items")), &aliases);
    assert!(!snapshot.to_string().contains("s3cr3t"));
    let own = endpoint.requests_for("ec2:DescribeImages");
    let own = own
        .iter()
        .filter(|it| it.parameters.get("Owner.1").is_some_and(|it| it == "self"));
    // Two pages.
    assert_eq!(own.count(), 2);
}

#[test]
fn the_key_of_an_alias_is_read_although_nothing_uses_it() {
    let unused = on("kms:ListAliases", Reply::Fixture("ListAliases-unused"));
    let (snapshot, endpoint) = collect_region([unused]);
    let key = "77777777-7777-4777-8777-777777777777";
    let arn = format!("arn:aws:kms:{REGION}:111122223333:key/{key}");
    assert!(at(&snapshot, "/keys").get(&arn).is_some());
    let described = endpoint.requests_for("kms:DescribeKey").into_iter();
    let named = described.filter(|it| it.parameters.get("KeyId") == Some(&arn));
    assert_eq!(named.count(), 1);
}

#[test]
fn a_page_that_fails_leaves_the_pages_before_it_and_the_reason() {
    for (operation, pointer, first) in LISTS {
        for (reply, kind) in [
            (Reply::Denied, "denied"),
            (Reply::Throttled, "throttled"),
            (Reply::Malformed, "error"),
        ] {
            let (snapshot, _endpoint) = collect_region([on(operation, reply).on_page(2)]);
            let list = at(&snapshot, pointer);
            assert_eq!(list["gap"]["kind"], kind, "{operation}");
            assert_eq!(
                list["items"].as_array().map(Vec::len),
                Some(first),
                "{operation}"
            );
        }
    }
}

#[test]
fn an_account_without_any_has_complete_lists() {
    let empty = LISTS.map(|it| it.0).into_iter();
    let empty = empty.chain([
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplateVersions",
    ]);
    let (snapshot, endpoint) = collect_region(empty.map(|it| on(it, Reply::Empty)));
    for (operation, pointer, _) in LISTS {
        assert_eq!(at(&snapshot, pointer), &json!({"items": []}), "{operation}");
    }
    assert!(endpoint.requests_for("ec2:DescribeSnapshots").is_empty());
}

#[test]
fn what_only_plans_need_does_not_hide_that_a_service_was_read() {
    let (snapshot, _endpoint) = collect_region([on("ec2:DescribeImages", Reply::Denied)]);
    let row = coverage(&snapshot, REGION, "ec2");
    assert_eq!(row["state"], "partial");
    assert_eq!(row["error"]["operation"], "ec2:DescribeImages");
}

#[test]
fn a_scan_asks_for_none_of_it() {
    let user = User::new();
    let endpoint = Endpoint::start([]);
    let url = endpoint.url();
    for command in ["scan", "cost"] {
        user.run(&[command, "--endpoint-url", &url, "--region", REGION]);
    }
    let sent: BTreeSet<String> = endpoint
        .requests()
        .into_iter()
        .map(|it| it.operation)
        .collect();
    for operation in [
        "ec2:DescribeImages",
        "ec2:DescribeSnapshots",
        "ec2:DescribeLaunchTemplateVersions",
        "cloudformation:ListExports",
        "kms:ListAliases",
    ] {
        assert!(!sent.contains(operation), "{operation}");
    }
}

/// A template with an instance of an image.
fn template_of(image: &str) -> String {
    format!(
        "Resources:\n  Web:\n    Type: AWS::EC2::Instance\n    Properties:\n      ImageId: {image}\n      InstanceType: t3.micro\n      Tags: [{{Key: backup, Value: enabled}}]\n"
    )
}

/// Scans a template with the live account, and returns the status and the message of a rule about the instance.
fn scan_live(image: &str, endpoint: &Endpoint, rule: &str) -> (Value, String) {
    let user = User::new();
    let file = user.home.path().join("stack.yaml");
    fs::write(&file, template_of(image)).expect("it is writable");
    let file = file.to_str().expect("a plain name");
    let url = endpoint.url();
    let mut args = vec![
        "scan",
        file,
        "--account-from",
        "live",
        "--endpoint-url",
        &url,
    ];
    args.extend(["--region", REGION, "--format", "json", "--show-skipped"]);
    let run = user.run(&args);
    let report = json_of(&run);
    let findings = report["findings"].as_array().expect("findings").iter();
    let mut of_rule = findings.filter(|it| it["rule"] == rule);
    let found = of_rule.find(|it| {
        it["resource"]
            .as_str()
            .is_some_and(|it| it.ends_with("#Web"))
    });
    let found = found.expect("the rule is about the instance");
    (found["status"].clone(), found["message"].to_string())
}

#[test]
fn the_live_account_looks_up_the_image_that_a_file_names() {
    // Nothing in the account uses the image of the other account.
    let instances = || on("ec2:DescribeInstances", Reply::Empty);
    let endpoint = Endpoint::start([instances()]);
    let (status, message) = scan_live("ami-bff32ccc", &endpoint, "ec2-image-copyable");
    assert_eq!(status, "fail", "{message}");
    let named = |it: &crate::support::endpoint::Request| {
        it.parameters.values().any(|it| it == "ami-bff32ccc")
    };
    let requests = endpoint.requests_for("ec2:DescribeImages");
    assert_eq!(requests.iter().filter(|it| named(it)).count(), 1);
    let (status, message) = scan_live("ami-0cccccccccccccccc", &endpoint, "ec2-image-copyable");
    assert_eq!(status, "unknown", "{message}");
    assert!(message.contains("ami-0cccccccccccccccc"), "{message}");
    let denied = Endpoint::start([instances(), on("ec2:DescribeImages", Reply::Denied)]);
    let (status, message) = scan_live("ami-bff32ccc", &denied, "ec2-image-copyable");
    assert_eq!(status, "unknown", "{message}");
    assert!(message.contains("ec2:DescribeImages"), "{message}");
}
