//! The built program on templates: exit codes, formats, and what it says of bad ones.

use std::collections::BTreeSet;

use super::*;

fn scan(text: &str, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("stack.yaml"), text).unwrap();
    run(backup_check(folder.path())
        .args(["scan", "--from", "stack.yaml"])
        .args(arguments))
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr))
}

#[test]
fn a_template_has_a_report_and_an_exit_code() {
    let run = scan(&fixture("orders.yaml"), &["--format", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("note: condition Perhaps cannot be evaluated"),
        "{}",
        run.stderr
    );
    let told = report(&run);
    assert_eq!(told["scan"]["source"], "cloudformation");
    assert_eq!(told["scan"]["account_id"], Value::Null);
    assert_eq!(told["scan"]["regions"], json!(["unknown"]));
    let volume = told["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == "OwnVolume");
    assert_eq!(volume.unwrap()["arn"], "stack.yaml#OwnVolume");

    // Who reads the report alone sees it, too.
    let hanging: BTreeSet<&str> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["location"]["condition"] == "Perhaps")
        .filter_map(|it| it["location"]["address"].as_str())
        .collect();
    assert_eq!(hanging, BTreeSet::from(["Samples"]));

    let quiet = scan(&fixture("orders.yaml"), &["--format", "json", "--quiet"]);
    assert_eq!(quiet.stderr, "");
    let ready = "Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}, Tags: [{Key: backup, Value: enabled}]}}\n";
    assert_eq!(scan(ready, &[]).code, 0);
    let unknown = "Resources:\n  T: {Type: AWS::DynamoDB::Table, Properties: {Tags: [{Key: backup, Value: enabled}]}}\n";
    assert_eq!(scan(unknown, &[]).code, 3);
    assert_eq!(scan(unknown, &["--allow-unknown"]).code, 0);
    assert_eq!(scan("Transform: Mine\nResources: {}\n", &[]).code, 3);
    let odd = "Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: !Odd x, Tags: [{Key: backup, Value: enabled}]}}\n";
    let run = scan(odd, &[]);
    assert_eq!(run.code, 3);
    let words = "Incomplete: some data of s3 could not be read";
    assert!(run.stdout.contains(words), "{}", run.stdout);
}

#[test]
fn parameters_come_from_the_command_line() {
    let text = "Parameters:\n  Stage: {Type: String, AllowedValues: [dev, prod]}\nConditions:\n  Prod: !Equals [!Ref Stage, prod]\nResources:\n  B:\n    Type: AWS::S3::Bucket\n    Condition: Prod\n    Properties: {Tags: [{Key: backup, Value: enabled}]}\n";
    let count = |arguments: &[&str]| {
        let run = scan(text, arguments);
        let told = report(&run);
        told["resources"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["type"] == "s3-bucket")
            .count()
    };
    assert_eq!(count(&["--format", "json", "--parameter", "Stage=prod"]), 1);
    assert_eq!(count(&["--format", "json", "--parameter", "Stage=dev"]), 0);
    for (arguments, words) in [
        (&["--parameter", "Stage=test"][..], "--parameter Stage=test"),
        (&["--parameter", "Stag=dev"], "no such parameter"),
        (&["--parameter", "Stage"], "Stage=prod"),
        (&["--region", "eu-west-1", "eu-west-3"], "one region"),
    ] {
        let run = scan(text, arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    let run = run(backup_check(folder.path()).args(["scan", "--parameter", "A=b"]));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--from"), "{}", run.stderr);
}

#[test]
fn stdin_is_a_template_too() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_with_input(
        backup_check(folder.path()).args([
            "scan",
            "--from",
            "-",
            "--format",
            "json",
            "--region",
            "eu-west-1",
        ]),
        "Resources:\n  B: {Type: AWS::S3::Bucket}\n",
    );
    let told = report(&run);
    assert_eq!(told["scan"]["regions"], json!(["eu-west-1"]));
    let arns: Vec<&str> = told["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["arn"].as_str())
        .collect();
    assert!(arns.contains(&"stdin#B"), "{arns:?}");
}

#[test]
fn a_template_is_known_by_its_content() {
    for (text, is_one) in [
        ("Resources: {}", true),
        (
            "# by hand\n---\n\n  Parameters: {}\n  Resources:\n    A: {Type: X}\n",
            true,
        ),
        ("\u{feff}\"Resources\" : {}", true),
        ("\u{feff}{\"Resources\": {}}", true),
        ("{\"AWSTemplateFormatVersion\": \"2010-09-09\"", false),
        (
            "{\"Resources\": {\"A\": {\"Type\": \"AWS::S3::Bucket\"}",
            true,
        ),
        // As the Serverless Framework holds one inside.
        (
            "service: x\nresources:\n  Resources:\n    A: {Type: X}\n",
            false,
        ),
        ("{\"snapshot_version\": 1}", false),
        ("", false),
    ] {
        assert_eq!(cloudformation::is_template(text), is_one, "{text}");
    }
}

#[test]
fn a_bad_file_is_told_what_it_is() {
    for (text, words) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("hello", "scan accepts"),
        ("{\"a\": 1}", "scan accepts"),
        ("[1]", "scan accepts"),
        ("[1, 2]", "scan accepts"),
        ("a: b\n", "scan accepts"),
        (
            "apiVersion: v1\nkind: Pod\n",
            "nor a CloudFormation template (no Resources section)",
        ),
        (
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n   Bad: 1\n",
            "line 4, column",
        ),
        (
            "{\"Resources\": {\"B\": {\"Type\": \"AWS::S3::Bucket\",}}}",
            "line 1, column",
        ),
        (
            "Resources:\n  B:\n    Type: !Rain::Module ./b.yaml\n",
            "line 3, column 11: the Type of B is !Rain::Module",
        ),
        (
            "Resources:\n  B: !Rain::Module ./b.yaml\n",
            "line 2, column 6: the resource B is !Rain::Module",
        ),
        (
            "Resources: !Include ./b.yaml\n",
            "line 1, column 12: Resources is !Include",
        ),
        (
            "Resources:\n  B: {Properties: {}}\n",
            "line 2, column 3: the resource B has no Type",
        ),
        ("Resources: [1]\n", "Resources is not a mapping"),
        (
            "AWSTemplateFormatVersion: '2010-09-09'\n",
            "the template has no Resources section",
        ),
        ("Resources: {}\n---\nResources: {}\n", "second document"),
        (
            "Resources:\n  B: {Type: AWS::S3::Bucket, Condition: [1]}\n",
            "Condition of B",
        ),
    ] {
        let run = scan(text, &[]);
        assert_eq!(run.code, 2, "{text}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{text}: {}", run.stderr);
        assert!(run.stderr.contains("stack.yaml"), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plan"), [0x50, 0x4b, 3, 4, 0xff, 0xfe]).unwrap();
    let run = run(backup_check(folder.path()).args(["scan", "--from", "plan"]));
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("not text") || run.stderr.contains("terraform show -json"),
        "{}",
        run.stderr
    );
}
