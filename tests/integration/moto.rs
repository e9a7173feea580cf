//! The built program against moto, an independent AWS emulator.
//!
//! `moto/seed.py` fills accounts and states the expected findings of each resource. `moto/overlay.py`
//! adds features that moto lacks and records every operation that is sent.

mod denied;
mod emulator;
mod expected;
mod fix_script;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::command::{backup_check, run};

use emulator::{Sent, lock_moto};
use expected::{assert_expected, find_differences, findings_by_place};

/// Returns the IAM action of an operation. S3 names some actions differently.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>.
fn iam_action(service: &str, operation: &str) -> String {
    let operation = match (service, operation) {
        ("s3", "ListBuckets") => "ListAllMyBuckets",
        ("s3", "HeadBucket") => "ListBucket",
        ("s3", "GetBucketEncryption") => "GetEncryptionConfiguration",
        ("s3", "GetBucketLifecycleConfiguration") => "GetLifecycleConfiguration",
        ("s3", "GetBucketNotificationConfiguration") => "GetBucketNotification",
        (_, other) => other,
    };
    let service = if service == "tagging" { "tag" } else { service };
    format!("{service}:{operation}")
}

/// Returns the actions that `iam-policy` prints.
fn read_iam_policy() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(backup_check(folder.path()).arg("iam-policy"));
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    actions
        .iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn verdicts_equal_what_was_seeded() {
    let moto = lock_moto();
    let account = "111122223333";
    let expected = moto.seed_account(account, "mixed");
    moto.control_overlay("POST", "reset", &Value::Null);
    let (run, report) = moto.scan_account(account, &[]);
    assert_expected(&report, &expected);
    assert_eq!(run.code, expected.exit_code);
    assert_eq!(report["scan"]["account_id"], account);
    assert_eq!(report["scan"]["complete"], true);
    let regions: Vec<&str> = report["scan"]["regions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(
        regions,
        [
            "ap-southeast-1",
            "eu-central-1",
            "eu-west-1",
            "eu-west-3",
            "us-east-1"
        ]
    );

    let allowed = read_iam_policy();
    let sent = moto.sent_operations(account);
    assert!(sent.len() > 15, "{sent:?}");
    for (service, operation) in sent {
        let action = iam_action(&service, &operation);
        let free = action == "sts:GetCallerIdentity";
        assert!(
            free || allowed.contains(&action),
            "{service} {operation} was sent, but iam-policy does not list {action}"
        );
    }
}

#[test]
fn small_pages_and_missing_bucket_regions_change_no_finding() {
    let moto = lock_moto();
    let account = "222233334444";
    let expected = moto.seed_account(account, "clean");
    let (run, complete) = moto.scan_account(account, &[]);
    assert_expected(&complete, &expected);
    assert_eq!((run.code, expected.exit_code), (0, 0), "{}", run.stderr);

    moto.set_rules(&json!([{"page_size": 2}, {"bucket_region": false}]));
    moto.control_overlay("POST", "reset", &Value::Null);
    let (run, paged) = moto.scan_account(account, &[]);
    assert_expected(&paged, &expected);
    assert_eq!(run.code, 0);
    assert_eq!(findings_by_place(&complete), findings_by_place(&paged));
    assert!(
        moto.sent_operations(account)
            .contains(&("s3".to_owned(), "HeadBucket".to_owned()))
    );
    let calls = |report: &Value| report["scan"]["stats"]["api_calls"].as_u64().unwrap();
    assert!(
        calls(&paged) > calls(&complete),
        "no second page was requested"
    );
}

#[test]
fn throttled_calls_are_retried_and_counted() {
    let moto = lock_moto();
    let account = "222233335555";
    let expected = moto.seed_account(account, "clean");
    moto.set_rules(&json!([
        {"operation": "ListTables", "region": "eu-west-1", "throttle": 1},
        {"operation": "DescribeVolumes", "region": "eu-west-1", "throttle": 1},
        {"operation": "GetKeyPolicy", "region": "eu-central-1", "throttle": 1},
        {"operation": "GetBucketVersioning", "region": "us-east-1", "throttle": 1},
    ]));
    let folder = tempfile::tempdir().unwrap();
    let role = format!("arn:aws:iam::{account}:role/Auditor");
    let run = run(moto
        .build_command(folder.path())
        .env("AWS_MAX_ATTEMPTS", "4")
        .args(["scan", "--role-arn", &role, "--format", "json"]));
    let report = serde_json::from_str(&run.stdout).unwrap();
    assert_expected(&report, &expected);
    assert_eq!(run.code, 0);
    let stats = &report["scan"]["stats"];
    assert!(stats["throttled"].as_u64().unwrap() >= 3, "{stats}");
    assert_eq!(stats["throttled"], stats["retries"]);
}

#[test]
fn a_snapshot_is_evaluated_like_its_account() {
    let moto = lock_moto();
    let clean = moto.seed_account("333344445555", "clean");
    let unknown = moto.seed_account("333344446666", "unknown");
    let empty = moto.seed_account("333344447777", "empty");
    for (account, expected) in [
        ("333344445555", &clean),
        ("333344446666", &unknown),
        ("333344447777", &empty),
    ] {
        let (live, report) = moto.scan_account(account, &[]);
        assert_expected(&report, expected);
        assert_eq!(live.code, expected.exit_code, "{account}");

        let folder = tempfile::tempdir().unwrap();
        let role = format!("arn:aws:iam::{account}:role/Auditor");
        let collected = run(moto.build_command(folder.path()).args([
            "collect",
            "--role-arn",
            &role,
            "-o",
            "saved.json.zst",
        ]));
        assert_eq!(
            (collected.code, collected.stdout.as_str()),
            (0, ""),
            "{}",
            collected.stderr
        );
        let saved = std::fs::read(folder.path().join("saved.json.zst")).unwrap();
        assert_eq!(saved[..4], [0x28, 0xb5, 0x2f, 0xfd], "not compressed");
        let evaluated = run(backup_check(folder.path()).args([
            "scan",
            "--from",
            "saved.json.zst",
            "--format",
            "json",
        ]));
        assert_eq!(evaluated.code, expected.exit_code);
        let saved: Value = serde_json::from_str(&evaluated.stdout).unwrap();
        assert_eq!(saved["scan"]["source"], "snapshot");
        for part in ["resources", "findings", "coverage", "summary"] {
            assert_eq!(saved[part], report[part], "{account}: {part}");
        }
    }
}

// Every volume of seed.py has 20 GiB, or 8 GiB with its instance; every database that is no member of a cluster
// and every volume of a gateway has 100 GiB.
#[test]
fn sizes_equal_what_was_seeded() {
    const GIB: u64 = 1 << 30;
    let moto = lock_moto();
    let account = "333344448888";
    moto.seed_account(account, "clean");
    let folder = tempfile::tempdir().unwrap();
    let role = format!("arn:aws:iam::{account}:role/Auditor");
    let collected = run(moto.build_command(folder.path()).args([
        "collect",
        "--role-arn",
        &role,
        "-o",
        "saved.json",
        "--metrics",
    ]));
    assert_eq!(collected.code, 0, "{}", collected.stderr);
    let saved = fs::read_to_string(folder.path().join("saved.json")).unwrap();
    let saved: Value = serde_json::from_str(&saved).unwrap();
    let sizes = |list: &str| {
        let regions = saved["regions"].as_object().unwrap().values();
        let items = regions.flat_map(|region| region[list]["items"].as_array().unwrap());
        let alone = items.filter(|item| item["cluster"].is_null());
        let sizes = alone.map(|item| item["size"]["known"]["bytes"].as_u64());
        sizes.collect::<BTreeSet<_>>()
    };
    let gib = |numbers: &[u64]| {
        let sizes = numbers.iter().map(|number| Some(number * GIB));
        sizes.collect::<BTreeSet<_>>()
    };
    assert_eq!(sizes("volumes"), gib(&[8, 20]));
    assert_eq!(sizes("db_instances"), gib(&[100]));
    assert_eq!(sizes("gateway_volumes"), gib(&[100]));
    // CloudWatch has 2 GiB of every bucket, and 5 GiB of every cluster that grows by itself.
    let buckets = saved["buckets"]["items"].as_array().unwrap().iter();
    let buckets: BTreeSet<_> = buckets
        .map(|it| it["size"]["known"]["bytes"].as_u64())
        .collect();
    assert_eq!(buckets, gib(&[2]));
    assert!(sizes("db_clusters").contains(&Some(5 * GIB)));
    // Moto measures the data of tables and file systems.
    assert!(sizes("tables").iter().all(Option::is_some));
    assert!(sizes("file_systems").iter().all(Option::is_some));
}

#[test]
fn an_unreachable_region_does_not_affect_the_others() {
    let moto = lock_moto();
    let account = "555566667777";
    let expected = moto.seed_account(account, "clean");
    let dead = "eu-west-3";
    for rule in [
        json!({"region": dead, "kill": true}),
        json!({"region": dead, "kill": 503}),
    ] {
        moto.set_rules(&json!([rule]));
        let (run, report) = moto.scan_account(account, &[]);
        assert_eq!(run.code, 3, "{}", run.stderr);
        let mut differences = find_differences(&report, &expected, &|region| region != dead);
        // A plan there may have another role.
        let of_account = format!("backup-check:account:{account}");
        differences.retain(|it| !it.contains(&of_account));
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        let mut roles = report["findings"].as_array().unwrap().iter();
        let role = roles.find(|it| it["rule"] == "backup-role-ready").unwrap();
        assert_eq!(role["status"], "unknown");
        for row in report["coverage"].as_array().unwrap() {
            let (region, state) = (
                row["region"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            );
            // No resource was read there, so no key was needed.
            let is_expected = region != dead || row["service"] == "kms";
            assert!(
                is_expected || state == "error" || (row["service"] == "s3" && state == "partial"),
                "{row}"
            );
        }
        // ListBuckets covers all regions and any bucket can be copied. The organization's policy belongs
        // to no region.
        let known = [
            "cross-account-copy-supported",
            "backup-policy-effective",
            "central-copy-retained",
        ];
        let passed = |it: &&Value| {
            it["region"] == dead
                && it["status"] == "pass"
                && !known.contains(&it["rule"].as_str().unwrap())
        };
        assert_eq!(
            report["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(passed)
                .count(),
            0
        );
    }
}

#[test]
fn a_disabled_region_is_not_scanned() {
    let moto = lock_moto();
    let account = "666677778888";
    let expected = moto.seed_account(account, "clean");
    let off = "eu-west-3";
    moto.set_rules(&json!([{"region": off, "disabled": true}]));
    moto.control_overlay("POST", "reset", &Value::Null);
    let (run, report) = moto.scan_account(account, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(report["scan"]["complete"], false);
    let differences = find_differences(&report, &expected, &|region| region != off);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    for row in report["coverage"].as_array().unwrap() {
        let want = if row["region"] == off {
            "disabled"
        } else {
            "scanned"
        };
        assert_eq!(row["state"], want, "{row}");
    }
    let sent: Vec<Sent> =
        serde_json::from_str(&moto.control_overlay("GET", "operations", &Value::Null)).unwrap();
    assert!(
        sent.iter()
            .all(|it| it.account != account || !it.operation.is_empty())
    );
}

#[test]
fn an_explicit_profile_overrides_keys_in_the_environment() {
    let moto = lock_moto();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::write(
        home.join("config"),
        "[profile member]\nregion = eu-west-1\nrole_arn = arn:aws:iam::777788889999:role/x\nsource_profile = base\n\
         [profile base]\naws_access_key_id = a\naws_secret_access_key = b\n",
    )
    .unwrap();
    let scanned = |flags: &[&str], environment: &[(&str, &str)]| {
        let run = run(moto
            .build_command(home)
            .env("AWS_CONFIG_FILE", home.join("config"))
            .envs(environment.iter().copied())
            .args(["scan", "--format", "json", "--region", "eu-west-1"])
            .args(flags));
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        report["scan"]["account_id"].as_str().unwrap().to_owned()
    };
    // moto's account for keys that belong to no role.
    let own = "123456789012";
    assert_eq!(scanned(&["--profile", "member"], &[]), "777788889999");
    assert_eq!(scanned(&[], &[]), own);
    // Keys in the environment override AWS_PROFILE, as in the AWS CLI.
    assert_eq!(scanned(&[], &[("AWS_PROFILE", "member")]), own);
}

#[test]
fn a_missing_field_is_unknown() {
    let moto = lock_moto();
    for (number, (operation, matching, missing)) in [
        (
            "DescribeKey",
            json!({"KeyManager": "CUSTOMER"}),
            "KeyManager",
        ),
        (
            "DescribeDBClusters",
            json!({"Engine": "aurora-postgresql"}),
            "Engine",
        ),
        ("DescribeInstances", json!({}), "BlockDeviceMappings"),
        ("GetResources", json!({}), "Tags"),
        ("DescribeVpcEndpoints", json!({}), "State"),
    ]
    .into_iter()
    .enumerate()
    {
        let account = format!("88889999000{number}");
        moto.seed_account(&account, "clean");
        let change = json!([{"account": account, "operation": operation, "match": matching, "set": {missing: null}}]);
        moto.control_overlay("POST", "overrides", &change);
        let (run, report) = moto.scan_account(&account, &[]);
        // Without tags, a resource with backup=disabled is evaluated as if it were enabled, and may fail.
        let code = if operation == "GetResources" { 1 } else { 3 };
        assert_eq!(
            run.code, code,
            "{operation} without {missing}: {}",
            run.stderr
        );
        assert_eq!(
            report["scan"]["complete"], false,
            "{operation} without {missing}"
        );
    }
}
