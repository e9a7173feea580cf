//! `--as aws-cli`: the script runs in bash and does what it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use backup_check::fix::Wanted;
use backup_check::report::Status;
use serde_json::Value;

use super::{fix_findings, write_account_script, write_script};
use crate::formats;
use crate::support::command::{Run, run, run_with_input};

/// Runs a script in a folder with a stub of the AWS CLI.
pub fn run_script(folder: &Path, script: &str, stub: &str, words: &[(&str, &str)]) -> Run {
    fs::write(folder.join("fix.sh"), script).unwrap();
    fs::write(folder.join("aws"), stub).unwrap();
    #[cfg(unix)]
    fs::set_permissions(
        folder.join("aws"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    run(Command::new("bash")
        .arg("fix.sh")
        .env("PATH", path)
        .envs(words.iter().copied())
        .current_dir(folder))
}

/// Asserts that bash accepts a script.
pub fn assert_valid_bash(script: &str) {
    let mut bash = Command::new("bash");
    let run = run_with_input(bash.arg("-n"), script);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

/// Returns the lines of a script that are no comments.
pub fn command_lines(script: &str) -> Vec<&str> {
    let lines = script.lines();
    lines.filter(|line| !line.starts_with('#')).collect()
}

/// Runs a script with a stub of the AWS CLI that answers by `case` branches of a shell. Returns the calls,
/// one line each.
fn run_with_stub(script: &str, cases: &str) -> (Run, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let stub = format!(
        "#!/bin/sh\necho \"$*\" >>calls\ncase \"$*\" in\n*get-caller-identity*) echo 111122223333;;\n{cases}\nesac\n"
    );
    let words = [
        ("EXPIRE_OLD_VERSIONS", "yes"),
        ("EBS_KEY_ARN_US_EAST_1", "arn:aws:kms:us-east-1:1:key/a"),
    ];
    let run = run_script(folder.path(), script, &stub, &words);
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap_or_default();
    (run, calls.lines().map(str::to_owned).collect())
}

/// Returns the script for the findings of one rule that fail or warn.
pub fn script_for_rule(rule: &str) -> String {
    let (report, _) = fix_findings(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let of_rule = report.findings.iter().filter(|it| it.rule.id == rule);
    let ids = of_rule.map(|it| it.id()).collect();
    write_account_script("mixed", &Wanted::Ids(ids))
}

#[test]
fn the_script_is_valid_and_guarded() {
    for account in ["mixed", "clean", "no-access"] {
        assert_valid_bash(&write_account_script(account, &Wanted::FailingAndWarning));
    }
    let (report, changes) = fix_findings(formats::hostile(), &Wanted::FailingAndWarning);
    assert_valid_bash(&write_script(&report, &changes));
    let script = write_account_script("mixed", &Wanted::FailingAndWarning);
    let guard = script.find("\nrequire_account 111122223333\n").unwrap();
    for command in ["put_key_policy eu", "aws s3api put-bucket-versioning"] {
        assert!(guard < script.find(command).unwrap(), "{command}");
    }
    // No command replaces, stops, deletes or enables anything.
    for line in command_lines(&script) {
        for word in [
            "delete-",
            "stop-",
            "modify-db",
            "restore-",
            "enable-key",
            "cancel-key",
            "detach-",
            "modify-cluster",
        ] {
            assert!(!line.contains(word), "{line}");
        }
    }
    // Without failing findings, there is nothing to run.
    let clean = write_account_script("clean", &Wanted::Failing);
    assert_eq!(command_lines(&clean), [""; 0], "{clean}");
}

#[test]
fn hostile_names_stay_single_words() {
    let (report, changes) = fix_findings(formats::hostile(), &Wanted::FailingAndWarning);
    let script = write_script(&report, &changes);
    // A stub of the AWS CLI records its arguments, separated by NUL.
    let folder = tempfile::tempdir().unwrap();
    let stub = "#!/bin/sh\ncase $* in *get-caller-identity*) echo 111122223333; exit;; *get-bucket-lifecycle*) echo NoSuchLifecycleConfiguration; exit 254;; esac\nfor word; do printf '%s\\0' \"$word\"; done >>words\nprintf '\\0' >>words\n";
    let given = [
        ("EXPIRE_OLD_VERSIONS", "yes"),
        ("OPEN_ENDPOINTS", "yes"),
        ("EBS_KEY_ARN_US_EAST_1", "arn:aws:kms:us-east-1:1:key/a"),
    ];
    let run = run_script(folder.path(), &script, stub, &given);
    // The key of one region is not named, and the stub returns no policies.
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("skipped: set EBS_KEY_ARN_EU_WEST_3"));
    let words = fs::read(folder.path().join("words")).unwrap();
    let words: Vec<&str> = words
        .split(|byte| *byte == 0)
        .map(|word| std::str::from_utf8(word).unwrap())
        .collect();
    let failing = report.findings.iter();
    let buckets: Vec<&str> = failing
        .filter(|it| it.rule.id == "s3-versioning-enabled" && it.status == Status::Fail)
        .map(|it| it.resource_id.as_str())
        .collect();
    assert!(!buckets.is_empty());
    for bucket in buckets {
        let at = words.iter().position(|word| *word == bucket);
        let before = at.map(|at| words[at - 1]);
        assert_eq!(before, Some("--bucket"), "{bucket:?}");
    }
    let left: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn every_call_names_its_region() {
    let script = write_account_script("mixed", &Wanted::FailingAndWarning);
    let (_, calls) = run_with_stub(&script, "*) exit 254;;");
    assert!(calls.len() > 10, "{calls:?}");
    for call in &calls {
        assert!(call.contains(" --region "), "{call}");
    }
    // So do the commands in comments, but those of IAM, which has no regions.
    let commands = script.replace("\\\n", "");
    let commands = commands.lines().filter(|line| {
        let command = line.trim_start_matches(['#', ' ']);
        line.starts_with('#') && command.starts_with("aws ") && !command.starts_with("aws iam ")
    });
    for command in commands {
        assert!(command.contains("--region"), "{command}");
    }
}

#[test]
fn another_account_stops_the_script_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stub =
        "#!/bin/sh\ncase $* in *get-caller-identity*) echo 999999999999;; *) touch called;; esac\n";
    let run = run_script(
        folder.path(),
        &write_account_script("mixed", &Wanted::Failing),
        stub,
        &[],
    );
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("999999999999") && run.stderr.contains("no changes were made"),
        "{}",
        run.stderr
    );
    assert!(!folder.path().join("called").exists());
}

#[test]
fn a_rejected_request_does_not_stop_the_script() {
    let script = script_for_rule("s3-versioning-enabled");
    let rejection = "*app-static-assets*) echo AccessDenied >&2; exit 254;;";
    let (run, calls) = run_with_stub(&script, rejection);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("skipped, see above: 1"),
        "{}",
        run.stderr
    );
    let tried = script.matches("\ntry aws s3api put-bucket").count();
    assert!(tried > 1);
    assert_eq!(calls.len(), 1 + tried);
    for rule in [
        "kms-key-shared",
        "s3-gateway-endpoint-routed",
        "backup-tag-valid",
    ] {
        let (run, _) = run_with_stub(&script_for_rule(rule), "*) exit 254;;");
        assert!(run.stderr.contains("\nskipped, see above: "), "{rule}");
    }
}

#[test]
fn a_misspelled_tag_is_removed_only_after_the_correct_one_is_set() {
    for rule in ["backup-tag-valid", "backup-tag-placed"] {
        let script = script_for_rule(rule);
        let (_, calls) = run_with_stub(&script, "*tag-resources*) echo '{}';;");
        let at = |what: &str| calls.iter().position(|it| it.contains(what)).unwrap();
        assert!(at(" tag-resources ") < at(" untag-resources "), "{rule}");
        let rejections = [
            "*' tag-resources'*) echo '{\"arn\": {\"ErrorCode\": \"AccessDenied\"}}';;",
            "*' tag-resources'*) exit 254;;",
        ];
        for rejection in rejections {
            let (run, calls) = run_with_stub(&script, rejection);
            assert_eq!(run.code, 1);
            assert!(
                !calls.iter().any(|it| it.contains("untag-resources")),
                "{rule}"
            );
            assert!(run.stderr.contains("is kept"), "{}", run.stderr);
        }
    }
}

#[test]
fn settings_that_changed_since_the_scan_are_kept() {
    let script = script_for_rule("dynamodb-advanced-features-enabled");
    for (answer, updates, code) in [
        ("printf 'True\\tFalse\\n'", true, 0),
        ("printf 'False\\tTrue\\n'", false, 0),
        ("printf 'False\\tFalse\\n'", false, 1),
        ("exit 254", false, 1),
    ] {
        let (run, calls) =
            run_with_stub(&script, &format!("*describe-region-settings*) {answer};;"));
        let is_updated = calls.iter().any(|it| it.contains("update-region-settings"));
        assert_eq!((is_updated, run.code), (updates, code), "{answer}");
    }
}

#[test]
fn the_minimum_object_size_of_lifecycle_rules_is_kept() {
    let script = script_for_rule("s3-old-versions-expire");
    let put = |cases: &str| {
        let (run, calls) = run_with_stub(&script, cases);
        let puts = calls.into_iter().filter(|it| it.contains("put-bucket"));
        (run.code, puts.collect::<Vec<_>>())
    };
    let rules = "*--output\\ json*) echo '{\"Rules\": []}';;";
    let (code, puts) = put(&format!(
        "*length*) echo 'a warning' >&2; printf 'varies_by_storage_class\\t0\\t0\\n';;\n{rules}"
    ));
    assert_eq!(code, 0);
    assert!(!puts.is_empty());
    for put in puts {
        let flag = "--transition-default-minimum-object-size varies_by_storage_class";
        assert!(put.contains(flag), "{put}");
    }
    let (_, puts) = put(&format!("*length*) printf 'None\\t0\\t0\\n';;\n{rules}"));
    assert!(puts.iter().all(|it| !it.contains("minimum-object-size")));
    // S3 rejects a Filter next to a rule of the first version, which has a Prefix.
    let (_, calls) = run_with_stub(&script, "*length*) printf 'None\\t2\\t0\\n';;");
    let read = calls.iter().find(|it| it.contains("--output json"));
    assert!(read.unwrap().contains(r#""Status":"Enabled","Prefix":"""#));
    // No rule is added if it exists or if the rules cannot be read.
    assert_eq!(put("*length*) printf 'None\\t0\\t1\\n';;"), (0, vec![]));
    assert_eq!(put("*length*) echo AccessDenied; exit 254;;"), (1, vec![]));
    let (code, puts) = put("*length*) echo NoSuchLifecycleConfiguration; exit 254;;");
    assert_eq!(code, 0);
    assert!(puts.iter().all(|it| it.contains(r#""NoncurrentDays":30"#)));
}

#[test]
fn an_unusable_key_is_not_set_for_new_volumes() {
    let script = script_for_rule("ebs-default-encryption");
    for (answer, is_set) in [
        ("echo CUSTOMER/Enabled/SYMMETRIC_DEFAULT", true),
        ("echo AWS/Enabled/SYMMETRIC_DEFAULT", false),
        ("echo CUSTOMER/PendingDeletion/SYMMETRIC_DEFAULT", false),
        ("exit 254", false),
    ] {
        let (_, calls) = run_with_stub(&script, &format!("*describe-key*) {answer};;"));
        let on = calls
            .iter()
            .any(|it| it.contains("enable-ebs-encryption-by-default"));
        assert_eq!(on, is_set, "{answer}");
    }
    // Encryption by default stays off if EC2 rejects the key.
    let (_, calls) = run_with_stub(
        &script,
        "*describe-key*) echo CUSTOMER/Enabled/SYMMETRIC_DEFAULT;;\n*modify-ebs*) exit 254;;",
    );
    assert!(!calls.iter().any(|it| it.contains("enable-ebs")));
}

#[test]
fn an_unknown_account_must_be_named() {
    let mut snapshot = formats::snapshot("mixed");
    snapshot["account_id"] = Value::Null;
    let (report, changes) = fix_findings(snapshot, &Wanted::Failing);
    let script = write_script(&report, &changes);
    assert_valid_bash(&script);
    let (run, calls) = run_with_stub(&script, "");
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("ACCOUNT_ID"), "{}", run.stderr);
    assert_eq!(calls.len(), 1, "{calls:?}");
}
