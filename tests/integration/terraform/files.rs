//! Files that are not valid plans, and plans on the command line.

use std::fs;

use serde_json::{Value, json};

use crate::support::command::{Run, backup_check, repository, run, run_with_input};

use super::{load_plan, plan_with_one, try_read};

#[test]
fn an_invalid_plan_is_rejected_with_the_path_in_it() {
    let error = |change: fn(&mut Value)| {
        let mut root = load_plan("ready");
        change(&mut root);
        try_read(&root, None).unwrap_err().to_string()
    };
    for (change, expected) in [
        (
            (|it| it["format_version"] = json!("2.0")) as fn(&mut Value),
            "the plan has format version 2.0; this version of backup-check reads 0.x and 1.x",
        ),
        (
            |it| it["format_version"] = json!(1),
            "format_version is not a version",
        ),
        (|it| it["errored"] = json!(true), "the plan is incomplete"),
        (
            |it| it["resource_changes"] = json!({}),
            "resource_changes is not a list",
        ),
        (
            |it| it["resource_changes"][2]["change"]["actions"] = json!("create"),
            "resource_changes[2].change.actions is not a list",
        ),
        (
            |it| it["resource_changes"][1]["address"] = json!(7),
            "resource_changes[1].address is not a string",
        ),
        (
            |it| it["resource_changes"][0]["change"]["after"] = json!([]),
            "resource_changes[0].change.after is not an object",
        ),
    ] {
        let seen = error(change);
        assert!(seen.contains(expected), "{seen}");
    }
    let empty = try_read(&json!({"format_version": "1.0"}), None)
        .unwrap_err()
        .to_string();
    assert!(empty.starts_with("nothing to check"), "{empty}");
}

fn scan_fixture(fixture: &str, flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = repository().join(format!("fixtures/terraform/{fixture}.json"));
    run(backup_check(folder.path())
        .args(["scan", "--from"])
        .arg(file)
        .args(flags))
}

#[test]
fn the_exit_code_of_a_plan_depends_on_its_gating_checks() {
    for (fixture, flags, code) in [
        ("ready", &[][..], 0),
        ("ready", &["--preflight"], 0),
        ("breaches", &[], 1),
        ("breaches", &["--fail-on", "never"], 0),
        ("mixed", &[], 1),
        (
            "mixed",
            &["--rule", "dynamodb-advanced-features-enabled"],
            3,
        ),
        (
            "mixed",
            &[
                "--rule",
                "ebs-default-encryption",
                "backup-policy-effective",
                "--gate",
                "account",
            ],
            0,
        ),
        (
            "mixed",
            &["--region", "eu-west-1", "--rule", "s3-versioning-enabled"],
            0,
        ),
    ] {
        let run = scan_fixture(fixture, flags);
        assert_eq!(run.code, code, "{fixture} {flags:?}: {run:?}");
    }
    let run = scan_fixture("breaches", &["--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["scan"]["source"], "terraform-plan");
    assert_eq!(report["scan"]["account_id"], "111122223333");
    let fails = report["findings"].as_array().unwrap().iter();
    let place = fails
        .filter(|it| it["resource"] == "aws_ebs_volume.closed")
        .map(|it| it["location"].clone())
        .next()
        .unwrap();
    assert_eq!(place["address"], "aws_ebs_volume.closed");
    assert!(
        place["file"]
            .as_str()
            .unwrap()
            .ends_with("fixtures/terraform/breaches.json")
    );
}

#[test]
fn a_plan_is_read_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let text = plan_with_one(
        "aws_s3_bucket",
        json!({"bucket": "x", "tags_all": {"backup": "enabled"}}),
        json!({"arn": true}),
    );
    let run = run_with_input(
        backup_check(folder.path()).args(["scan", "--from", "-", "--format", "json"]),
        &text.to_string(),
    );
    assert_eq!(run.code, 1, "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["scan"]["account_id"], Value::Null);
    assert_eq!(report["scan"]["regions"], json!(["unknown"]));
    assert_eq!(report["findings"][0]["location"]["file"], "stdin");
}

#[test]
fn other_terraform_files_are_rejected_with_the_command_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = [0xfeff_u16]
        .into_iter()
        .chain("{}".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, part) in [
        (b"PK\x03\x04\x14\x00\xff\xfe".to_vec(), "run `terraform show -json x`"),
        (br#"{"version": 4, "terraform_version": "1.9.5", "lineage": "a", "resources": []}"#.to_vec(), "is a raw Terraform state file"),
        (br#"{"format_version": "2.0", "resource_changes": []}"#.to_vec(), "format version 2.0"),
        (br#"{"format_version": "1.2", "errored": true, "planned_values": {}}"#.to_vec(), "the plan is incomplete"),
        (br#"{"format_version": "1.0"}"#.to_vec(), "nothing to check"),
        (b"# main\nresource \"aws_s3_bucket\" \"x\" {\n}\n".to_vec(), "is a Terraform configuration"),
        (b"Terraform will perform the following actions:\n".to_vec(), "the human-readable output of `terraform plan`"),
        (b"{\"@level\":\"info\",\"@message\":\"Terraform 1.9.5\",\"@module\":\"terraform.ui\"}\n{\"@level\":\"info\"}\n".to_vec(), "the log of `terraform plan -json`"),
        (utf16, "UTF-16"),
        (b"{\"a\": 1}".to_vec(), "not a snapshot of backup-check"),
        (b"\xff\x00".to_vec(), "byte 0 is not UTF-8"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(), "is compressed with gzip"),
    ] {
        fs::write(folder.path().join("x"), &bytes).unwrap();
        let run = run(backup_check(folder.path()).args(["scan", "--from", "x"]));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(part), "{part:?} is not in {}", run.stderr);
        assert!(run.stderr.starts_with("error: x"), "{}", run.stderr);
    }
    // A byte order mark is accepted.
    let text = format!("\u{feff}{}", load_plan("ready"));
    fs::write(folder.path().join("x"), text).unwrap();
    assert_eq!(
        run(backup_check(folder.path()).args(["scan", "--from", "x"])).code,
        0
    );
}

#[test]
fn files_with_color_codes_are_recognized() {
    let prose = "\n\u{1b}[0m\u{1b}[1mTerraform will perform the following actions:\u{1b}[0m\n";
    for (text, expected) in [
        (prose, "the human-readable output of `terraform plan`"),
        ("output \"x\" {\n}\n", "Terraform configuration"),
    ] {
        let found = backup_check::source::detect::recognize_file(text.as_bytes().to_vec(), "f");
        assert!(found.unwrap_err().to_string().contains(expected));
    }
}
