//! `backup-check key-policy`, as people and programs use it.

use serde_json::{Value, json};

use crate::support::command::{Run, backup_check, run, run_with_input};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn run_key_policy(policy: &str, flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = backup_check(folder.path());
    command.args(["key-policy", "-", "--key-account", "111122223333"]);
    command.args(flags);
    run_with_input(&mut command, policy)
}

fn answer(policy: &Value, flags: &[&str]) -> (i32, Value) {
    let flags = [flags, &["--format", "json"]].concat();
    let run = run_key_policy(&policy.to_string(), &flags);
    assert_eq!(run.stderr, "");
    (run.code, serde_json::from_str(&run.stdout).unwrap())
}

fn statement(principal: &str, action: &Value, condition: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*", "Condition": condition})
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

const CENTRAL: &str = "arn:aws:iam::692653576357:root";
const OWN: &str = "arn:aws:iam::111122223333:root";

#[test]
fn the_json_has_the_documented_fields() {
    let usage = json!([
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey"
    ]);
    let mut with_use = statement(CENTRAL, &usage, &json!({}));
    with_use["Sid"] = json!("Allow use of the key");
    let given = policy(&[statement(OWN, &json!("kms:*"), &json!({})), with_use]);
    let (code, answer) = answer(&given, &["--key-arn", KEY]);
    assert_eq!(code, 1);
    assert_eq!(answer["schema"], "backup-check/key-policy/v1");
    assert_eq!(answer["verdict"], "not-shared");
    assert_eq!(
        answer["principal"],
        "arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup"
    );
    assert_eq!(answer["local_access"], "allowed");
    assert_eq!(answer["blocked_by"], Value::Null);
    let actions: Vec<[&str; 3]> = answer["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| ["action", "need", "verdict"].map(|name| it[name].as_str().unwrap()))
        .collect();
    let expected = [
        ["kms:DescribeKey", "required", "allowed"],
        ["kms:CreateGrant", "required", "denied"],
        ["kms:Decrypt", "required", "allowed"],
        ["kms:ReEncryptFrom", "required", "allowed"],
        ["kms:GenerateDataKeyWithoutPlaintext", "required", "allowed"],
        ["kms:Encrypt", "recommended", "allowed"],
        ["kms:ReEncryptTo", "recommended", "allowed"],
        ["kms:GenerateDataKey", "recommended", "allowed"],
        ["kms:ListGrants", "recommended", "denied"],
        ["kms:RevokeGrant", "recommended", "denied"],
    ];
    assert_eq!(actions, expected);
    assert_eq!(answer["actions"][2]["statement"], "Allow use of the key");
    let merged = &answer["merged_policy"]["Statement"];
    assert_eq!(merged.as_array().unwrap().len(), 3);
    assert_eq!(merged[0], given["Statement"][0]);
    assert_eq!(merged[1], given["Statement"][1]);
    assert_eq!(merged[2]["Principal"]["AWS"], CENTRAL);
}

#[test]
fn the_exit_code_is_the_verdict() {
    let all = statement(CENTRAL, &json!("kms:*"), &json!({}));
    let required = json!([
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:GenerateDataKeyWithoutPlaintext"
    ]);
    let of_org = json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
    let in_org = policy(&[statement("*", &json!("kms:*"), &of_org)]);
    let through_ec2 = json!({"StringEquals": {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}});
    let ec2_alone = policy(&[statement(CENTRAL, &json!("kms:*"), &through_ec2)]);
    let cases: [(Value, &[&str], &str, i32); 9] = [
        (policy(std::slice::from_ref(&all)), &[], "shared", 0),
        (
            policy(&[statement(CENTRAL, &required, &json!({}))]),
            &[],
            "partly-shared",
            0,
        ),
        (
            policy(&[statement(OWN, &json!("kms:*"), &json!({}))]),
            &[],
            "not-shared",
            1,
        ),
        (in_org.clone(), &[], "conditional", 3),
        (in_org, &["--org-id", "o-a1b2c3d4e5"], "shared", 0),
        (
            ec2_alone.clone(),
            &["--region", "eu-central-1", "--via", "ec2"],
            "shared",
            0,
        ),
        (
            ec2_alone.clone(),
            &["--region", "eu-central-1", "--via", "rds"],
            "not-shared",
            1,
        ),
        (
            ec2_alone.clone(),
            &["--region", "eu-central-1"],
            "not-shared",
            1,
        ),
        // Without a region the key may be in this one, but copies through rds stay refused.
        (ec2_alone, &["--via", "ec2"], "conditional", 3),
    ];
    for (policy, flags, verdict, code) in cases {
        let (exit, answer) = answer(&policy, flags);
        assert_eq!(
            (answer["verdict"].as_str(), exit),
            (Some(verdict), code),
            "{policy} {flags:?}"
        );
    }
}

#[test]
fn a_key_of_the_central_account_is_shared() {
    let text = policy(&[statement(OWN, &json!("kms:*"), &json!({}))]).to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut command = backup_check(folder.path());
    command.args(["key-policy", "-", "--key-account", "692653576357"]);
    let run = run_with_input(&mut command, &text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("shared: the key belongs to the central account 692653576357\n")
    );
}

#[test]
fn a_deny_is_named_and_nothing_is_merged() {
    let mut deny = statement("*", &json!("kms:CreateGrant"), &json!({}));
    deny["Effect"] = json!("Deny");
    deny["Sid"] = json!("No grants");
    let given = policy(&[statement(CENTRAL, &json!("kms:*"), &json!({})), deny]);
    let (code, answer) = answer(&given, &[]);
    assert_eq!(code, 1);
    assert_eq!(answer["merged_policy"], Value::Null);
    assert_eq!(answer["blocked_by"], "No grants");
    let run = run_key_policy(&given.to_string(), &[]);
    assert!(
        run.stdout
            .contains("Adding statements to this policy does not help"),
        "{}",
        run.stdout
    );
}

#[test]
fn the_text_output_ends_with_a_policy_to_paste() {
    let given = policy(&[statement(OWN, &json!("kms:*"), &json!({}))]);
    let run = run_key_policy(&given.to_string(), &["--key-arn", KEY]);
    assert_eq!(run.code, 1);
    let told = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let command = format!(
        "`aws kms put-key-policy --region eu-central-1 --key-id {KEY} --policy-name default --policy file://policy.json`"
    );
    assert!(told.contains(&command), "{}", run.stdout);
    let pasted = &run.stdout[run.stdout.find("\n{\n").unwrap()..];
    let again = run_key_policy(pasted, &["--key-arn", KEY]);
    assert_eq!(again.code, 0, "{}", again.stdout);
    assert!(
        again.stdout.ends_with("Nothing is missing.\n"),
        "{}",
        again.stdout
    );
}

#[test]
fn the_policy_format_prints_a_policy_and_nothing_else() {
    let own = statement(OWN, &json!("kms:*"), &json!({}));
    let given = policy(std::slice::from_ref(&own));
    let flags = ["--key-arn", KEY, "--format", "policy"];
    let run = run_key_policy(&given.to_string(), &flags);
    // The exit code is that of the policy as it is.
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let printed: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(printed["Statement"][0], own);
    let again = run_key_policy(&run.stdout, &flags);
    assert_eq!((again.code, again.stdout), (0, run.stdout));

    let mut deny = statement("*", &json!("kms:CreateGrant"), &json!({}));
    deny["Effect"] = json!("Deny");
    let run = run_key_policy(&policy(&[own, deny]).to_string(), &flags);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(
        run.stderr.starts_with("no policy to print: ") && run.stderr.contains("explicit deny"),
        "{}",
        run.stderr
    );
}

#[test]
fn errors_name_the_line_and_column() {
    let told = |policy: &str, flags: &[&str]| {
        let run = run_key_policy(policy, flags);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{policy} {flags:?}"
        );
        run.stderr
    };
    let misspelt = "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Efect\": \"Allow\"}]}";
    for (policy, flags, parts) in [
        (
            misspelt,
            &[][..],
            &[
                "stdin: line 2, column 23",
                "unknown element \"Efect\"",
                "expected one of Sid, Effect",
            ][..],
        ),
        (
            "{\"Version\": ",
            &[],
            &["stdin: line 1, column 12: not JSON"],
        ),
        (
            "",
            &[],
            &["stdin: line 1, column 1: expected a policy, found nothing"],
        ),
        (
            "{}",
            &["--key-arn", "alias/mine"],
            &["--key-arn", "expected a key ARN such as arn:aws:kms:"],
        ),
        (
            "{}",
            &["--key-arn", "arn:aws:kms:eu-west-1:444455556666:key/1"],
            &["444455556666", "--key-account is 111122223333"],
        ),
        (
            "{}",
            &["--key-arn", KEY, "--region", "eu-west-1"],
            &["eu-central-1", "--region is eu-west-1"],
        ),
        (
            "{}",
            &["--via", "s3"],
            &["[possible values: ec2, rds, fsx]"],
        ),
        (
            "{}",
            &["--org-id", "acme"],
            &["expected an organization ID such as o-a1b2c3d4e5"],
        ),
    ] {
        let stderr = told(policy, flags);
        for part in parts {
            assert!(stderr.contains(part), "{stderr}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let run = run(backup_check(folder.path()).args([
        "key-policy",
        "no-such-file.json",
        "--key-account",
        "111122223333",
    ]));
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("failed to read no-such-file.json"),
        "{}",
        run.stderr
    );
}

#[test]
fn settings_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let config = "central_account = \"999988887777\"\norg_id = \"o-a1b2c3d4e5\"\nbackup_role = \"Backups\"\n";
    std::fs::write(folder.path().join("backup-check.toml"), config).unwrap();
    let grant = statement(
        "*",
        &json!("kms:*"),
        &json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "aws:PrincipalAccount": "999988887777"}}),
    );
    let role = statement(
        "arn:aws:iam::111122223333:role/Backups",
        &json!("kms:*"),
        &json!({}),
    );
    let mut command = backup_check(folder.path());
    command.args([
        "key-policy",
        "-",
        "--key-account",
        "111122223333",
        "--format",
        "json",
    ]);
    let run = run_with_input(&mut command, &policy(&[grant, role]).to_string());
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (answer["verdict"].as_str(), answer["local_access"].as_str()),
        (Some("shared"), Some("allowed"))
    );
}

#[test]
fn the_account_is_taken_from_the_arn() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = backup_check(folder.path());
    command.args(["key-policy", "-", "--key-arn", KEY]);
    let run = run_with_input(
        &mut command,
        &policy(&[statement(CENTRAL, &json!("kms:*"), &json!({}))]).to_string(),
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut command = backup_check(folder.path());
    let run = run_with_input(command.args(["key-policy", "-"]), "{}");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("--key-account"), "{}", run.stderr);
}

#[test]
fn a_snapshot_is_not_a_policy() {
    let snapshot = json!({"snapshot_version": 1, "account_id": "111122223333", "regions": {}});
    let run = run_key_policy(&snapshot.to_string(), &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("is a snapshot") && run.stderr.contains("`backup-check scan FILE`"),
        "{}",
        run.stderr
    );
}
