//! `backup-check cost`, and the section of `scan --cost`.

use std::process::Command;

use backup_check::cost::prices::PriceList;
use serde_json::Value;

use crate::support::command::{Run, backup_check, repository, run};

fn fixture(name: &str) -> String {
    let path = repository().join("fixtures/cost").join(name);
    path.display().to_string()
}

/// Runs the command on the sample account.
fn cost(flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let account = fixture("account.json");
    run(backup_check(folder.path())
        .args(["cost", &account])
        .args(flags))
}

#[test]
fn the_table_has_the_figures_at_80_columns() {
    let run = cost(&["--change-rate", "3%"]);
    assert_eq!(run.code, 0, "{run:?}");
    let words: Vec<String> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for want in [
        "ebs-volume eu-west-1 1 100 at most",
        "dynamodb-table eu-west-1 1 10 measured",
        "s3-bucket eu-west-1 1 - unknown",
        // 100 GiB at 0.05, 7 points here and 30 in the central account, 3 % changed between two.
        "ebs-volume member 7 5.00 5.90 35.00",
        "eu-west-1 central 30 5.00 9.35 150.00",
        // 100 GiB at 0.053, kept by the central account at 0.05 in Ireland, transferred at 0.02.
        "ebs-volume member 7 5.30 6.25 37.10",
        "eu-west-3 central 30 5.00 9.35 150.00",
        "central transfer 2.00 3.74 60.00",
        "rds-instance member 7 no price no price no price",
        "Missing: 2 types without a price, 1 resource of unknown size.",
    ] {
        assert!(
            words.iter().any(|line| line == want),
            "{want}\n{}",
            run.stdout
        );
    }
    assert!(
        run.stdout.contains("at least 12.80 USD a month"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.lines().all(|line| line.chars().count() <= 80),
        "{}",
        run.stdout
    );
}

#[test]
fn a_price_file_replaces_and_adds_prices() {
    let run = cost(&["--prices", &fixture("prices.toml"), "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["missing"]["types_without_price"], 0);
    // 50 and 100 GiB at 0.05, 100 at 0.053, 10 at 0.12; RDS is within its allowance.
    assert_eq!(report["totals"]["member"]["storage"]["one_full_copy"], 14.0);
    // 250 GiB at 0.05, 200 at 0.10, 10 at 0.12
    assert_eq!(
        report["totals"]["central"]["storage"]["one_full_copy"],
        33.7
    );
    let prices = report["prices"].as_array().unwrap();
    let own = prices.iter().find(|it| it["item"] == "rds-backup").unwrap();
    assert_eq!(own["source"], "a contract of the company");
    assert_eq!(own["as_of"], "2026-11-01");
}

#[test]
fn json_conforms_to_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let schema = run(backup_check(folder.path()).args(["schema", "--cost"]));
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for flags in [
        &["--format", "json"][..],
        &["--format", "json", "--change-rate", "0.5"],
    ] {
        let report: Value = serde_json::from_str(&cost(flags).stdout).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(report["schema"], "backup-check/cost/v1");
        assert_eq!(report["at_least"], true);
    }
}

#[test]
fn csv_leaves_unknown_figures_empty() {
    let run = cost(&["-f", "csv"]);
    let mut rows = csv::Reader::from_reader(run.stdout.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    // Six lines of types and regions, for two accounts each.
    assert_eq!(rows.len(), 12);
    let column = |name: &str| headers.iter().position(|it| it == name).unwrap();
    let bucket = rows
        .iter()
        .find(|row| &row[column("resource_type")] == "s3-bucket")
        .unwrap();
    assert_eq!(&bucket[column("gib")], "");
    assert_eq!(&bucket[column("storage_one_full_copy_usd")], "");
    assert_eq!(&bucket[column("unknown_sizes")], "1");
    let database = rows
        .iter()
        .find(|row| &row[column("resource_type")] == "rds-instance")
        .unwrap();
    assert_eq!(&database[column("storage_ceiling_usd")], "");
    assert_eq!(&database[column("lacks_price")], "true");
}

#[test]
fn a_bad_price_file_or_rate_is_a_usage_error_that_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let head = "as_of = \"2026-11-01\"\nsource = \"x\"\n";
    for (text, parts) in [
        (
            "[region.eu-west-1]\nebs-snapshot = -1\n",
            ["line 4", "must not be negative"],
        ),
        (
            "[region.eu-west-1]\nebs-snapshots = 1\n",
            ["line 4", "did you mean `ebs-snapshot`?"],
        ),
        (
            "[regions.eu-west-1]\nebs-snapshot = 1\n",
            ["line 3", "did you mean `region`?"],
        ),
        (
            "[region.europe]\nebs-snapshot = 1\n",
            ["line 3", "not a region"],
        ),
        (
            "[region.eu-west-1]\nebs-snapshot = \"1\"\n",
            ["line 4", "must be a number"],
        ),
        (
            "[region.eu-west-1]\nebs-snapshot = nan\n",
            ["line 4", "must not be negative"],
        ),
        (
            "[region.eu-west-1]\nebs-snapshot = { eur = 1 }\n",
            ["line 4", "unknown key `eur`"],
        ),
        (
            "[region.eu-west-1]\nebs-snapshot = {}\n",
            ["line 4", "a price needs usd"],
        ),
        (
            "[region.eu-west-1]\nebs-snapshot = { usd = 1, as_of = \"soon\" }\n",
            ["line 4", "as_of must be a date"],
        ),
        (
            "[transfer.eu-west-1]\nmoon = 1\n",
            ["line 4", "not a region"],
        ),
    ] {
        let path = folder.path().join("prices.toml");
        std::fs::write(&path, format!("{head}{text}")).unwrap();
        let run = cost(&["--prices", path.to_str().unwrap()]);
        assert_eq!(run.code, 2, "{text} {run:?}");
        for part in parts {
            assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
        }
    }
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, "[region.eu-west-1]\nebs-snapshot = 1\n").unwrap();
    let run = cost(&["--prices", path.to_str().unwrap()]);
    assert!(
        run.code == 2 && run.stderr.contains("no date or no source"),
        "{run:?}"
    );
    for rate in ["101%", "1.5", "-1%", "much"] {
        let run = cost(&[&format!("--change-rate={rate}")]);
        assert_eq!(run.code, 2, "{rate} {run:?}");
        assert!(run.stderr.contains("from 0% to 100%"), "{}", run.stderr);
    }
}

#[test]
fn plans_that_could_not_be_read_make_the_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixture("account.json")).unwrap();
    let mut snapshot: Value = serde_json::from_str(&text).unwrap();
    snapshot["backup_policy"] = serde_json::json!({"unknown": {
        "kind": "denied", "operation": "organizations:DescribeEffectivePolicy",
        "message": "not authorized",
    }});
    let path = folder.path().join("account.json");
    std::fs::write(&path, snapshot.to_string()).unwrap();
    let run = run(backup_check(folder.path()).arg("cost").arg(&path));
    assert_eq!(run.code, 3, "{run:?}");
    assert!(
        run.stdout.contains("6 resources with unknown plans"),
        "{}",
        run.stdout
    );
}

#[test]
fn preflight_counts_what_is_not_tagged() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixture("account.json")).unwrap();
    let path = folder.path().join("account.json");
    std::fs::write(
        &path,
        text.replace("\"backup\": \"enabled\"", "\"stage\": \"prod\""),
    )
    .unwrap();
    let json = |flags: &[&str]| {
        let run = run(backup_check(folder.path())
            .arg("cost")
            .arg(&path)
            .args(["-f", "json"])
            .args(flags));
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    assert_eq!(json(&[])["lines"].as_array().unwrap().len(), 0);
    let tagged: Value = serde_json::from_str(&cost(&["-f", "json"]).stdout).unwrap();
    assert_eq!(json(&["--preflight"])["totals"], tagged["totals"]);
}

// Only a live account has metrics, or a snapshot that has their values.
#[test]
fn metrics_of_a_file_are_those_that_were_collected() {
    let run = cost(&["--metrics"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr
            .contains("a snapshot that `collect --metrics` wrote"),
        "{run:?}"
    );
    assert!(
        cost(&[])
            .stdout
            .contains("Collect the snapshot with --metrics")
    );
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixture("account.json")).unwrap();
    let mut snapshot: Value = serde_json::from_str(&text).unwrap();
    let gap = serde_json::json!({"unknown": {
        "kind": "denied", "operation": "cloudwatch:GetMetricData", "message": "not authorized",
    }});
    let estimate = |size: &Value, snapshot: &mut Value| {
        snapshot["buckets"]["items"][0]["size"] = size.clone();
        let path = folder.path().join("account.json");
        std::fs::write(&path, snapshot.to_string()).unwrap();
        let file = path.to_str().unwrap();
        self::run(backup_check(folder.path()).args(["cost", file, "--metrics"]))
    };
    // A size that was asked for and not read stays unknown.
    let denied = estimate(&gap, &mut snapshot);
    assert_eq!(denied.code, 0, "{denied:?}");
    assert!(
        denied.stdout.contains("Sizes that are not known:"),
        "{denied:?}"
    );
    let size = serde_json::json!({"known": {"bytes": 5_u64 << 30, "basis": "measured"}});
    let known = estimate(&size, &mut snapshot);
    let words: Vec<&str> = known.stdout.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("s3-bucket eu-west-1 1 5.0 measured"),
        "{known:?}"
    );
}

#[test]
fn small_objects_are_noted_only_where_they_are_small() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixture("account.json")).unwrap();
    let mut snapshot: Value = serde_json::from_str(&text).unwrap();
    let bytes = 1_u64 << 30;
    // 8,192 objects of 128 KiB are a GiB.
    for (objects, is_noted) in [(8_192, false), (8_193, true), (0, false)] {
        let bucket = &mut snapshot["buckets"]["items"][0];
        bucket["size"] = serde_json::json!({"known": {"bytes": bytes, "basis": "measured"}});
        bucket["objects"] = serde_json::json!({"known": objects});
        let path = folder.path().join("account.json");
        std::fs::write(&path, snapshot.to_string()).unwrap();
        let run = run(backup_check(folder.path()).arg("cost").arg(&path));
        assert_eq!(run.stdout.contains("128 KB"), is_noted, "{objects} {run:?}");
    }
}

#[test]
fn a_selection_narrows_the_estimate() {
    let run = cost(&[
        "--service",
        "dynamodb",
        "--region",
        "eu-west-1",
        "-f",
        "json",
    ]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let lines = report["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["type"], "dynamodb-table");
}

#[test]
fn a_plan_is_sized_as_far_as_it_says_and_needs_an_account_for_its_points() {
    let folder = tempfile::tempdir().unwrap();
    let template = "Resources:\n  Data:\n    Type: AWS::EC2::Volume\n    Properties:\n      AvailabilityZone: eu-west-1a\n      Size: 20\n      Tags: [{Key: backup, Value: enabled}]\n";
    std::fs::write(folder.path().join("stack.yaml"), template).unwrap();
    let base = ["cost", "stack.yaml", "--region", "eu-west-1", "-f", "json"];
    let alone = run(backup_check(folder.path()).args(base));
    assert_eq!(alone.code, 3, "{alone:?}");
    let report: Value = serde_json::from_str(&alone.stdout).unwrap();
    assert_eq!(report["lines"][0]["gib"], 20.0);
    let account = fixture("account.json");
    let with = run(backup_check(folder.path())
        .args(base)
        .args(["--account-from", &account]));
    assert_eq!(with.code, 0, "{with:?}");
    let report: Value = serde_json::from_str(&with.stdout).unwrap();
    // 20 GiB at 0.05, 30 copies
    assert_eq!(report["lines"][0]["central"]["storage"]["ceiling"], 30.0);
}

#[test]
fn a_scan_has_a_section_on_cost_if_asked_and_the_same_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let scan = |flags: &[&str]| {
        run(backup_check(folder.path())
            .args(["scan", &fixture("account.json")])
            .args(flags))
    };
    for format in ["markdown", "html"] {
        let (plain, with) = (
            scan(&["--format", format]),
            scan(&["--format", format, "--cost"]),
        );
        assert_eq!(plain.code, with.code);
        assert!(!plain.stdout.contains("one full copy"), "{format}");
        assert!(with.stdout.contains("one full copy"), "{format}");
        assert!(with.stdout.contains("150.00"), "{format}");
    }
    let run = scan(&["--cost"]);
    assert!(
        run.code == 2 && run.stderr.contains("html, markdown, github"),
        "{run:?}"
    );
}

/// Whether the script of the prices can be run here. A developer may lack Python; a CI job may not.
fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "the script of the prices needs Python"
    );
    found
}

// The fragments have the form of AWS's price lists: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/bulk-api-reading-price-list-files.html
#[test]
fn the_script_writes_a_price_file_from_aws_price_lists() {
    if !has_python() {
        return;
    }
    let run = run(Command::new("python3")
        .arg(repository().join(".ci/prices.py"))
        .args(["--folder", &fixture("offers"), "eu-west-1"]));
    assert_eq!(run.code, 0, "{run:?}");
    // Two prices of S3 contradict each other.
    assert!(
        run.stderr.contains("more than one price of s3-backup"),
        "{run:?}"
    );
    let prices = PriceList::parse(&run.stdout).unwrap();
    let mut found: Vec<(f64, &str)> = prices
        .prices()
        .map(|it| (it.usd, it.as_of.as_str()))
        .collect();
    found.sort_by(|one, other| one.partial_cmp(other).unwrap());
    // Cold EFS, archived EBS, transfer, Aurora, cold DynamoDB, EFS and EBS, RDS, DynamoDB, each with the date of its list.
    assert_eq!(
        found,
        [
            (0.01, "2026-09-30"),
            (0.0125, "2026-10-05"),
            (0.02, "2026-09-16"),
            (0.021, "2026-10-06"),
            (0.03, "2026-09-30"),
            (0.05, "2026-09-30"),
            (0.05, "2026-10-05"),
            (0.095, "2026-10-06"),
            (0.11, "2026-09-30"),
        ]
    );
}
