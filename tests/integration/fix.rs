//! Changes that mend findings: which there are, and what each dialect makes of them.

mod cdk;
mod sample;
mod terraform;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use backup_check::evaluate::{Options, evaluate};
use backup_check::fix::{Action, Change, Remedy, Wanted, changes};
use backup_check::model::Snapshot;
use backup_check::report::{Report, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use serde_json::Value;

use crate::formats;
use crate::support::command::{Run, backup_check, repository, run, run_with_input};

/// The report of a snapshot, and the changes that mend what is wanted of it.
pub fn mended(snapshot: Value, wanted: &Wanted) -> (Report, Vec<Change>) {
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    let settings = Settings::default();
    let report = evaluate(&snapshot, &settings, &Options::default(), &ALL);
    let changes = changes(&snapshot, &settings, &report, wanted);
    (report, changes)
}

/// What a dialect writes.
pub fn script(report: &Report, changes: &[Change]) -> String {
    let mut out = Vec::new();
    backup_check::fix::dialect::aws_cli::write(report, changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The script runs in bash, whatever its names hold.
fn sound(script: &str) {
    let mut bash = Command::new("bash");
    let run = run_with_input(bash.arg("-n"), script);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

fn with(account: &str, wanted: &Wanted) -> String {
    let (report, changes) = mended(formats::snapshot(account), wanted);
    script(&report, &changes)
}

/// Runs a script in a folder with a stand-in for the AWS CLI.
fn executed(folder: &Path, script: &str, stub: &str, words: &[(&str, &str)]) -> Run {
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

/// Lines of a script that bash runs.
fn commands(script: &str) -> Vec<&str> {
    let lines = script.lines();
    lines.filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn each_rule_has_a_change_or_says_why_not() {
    let (report, changes) = mended(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let mended: BTreeSet<&str> = changes
        .iter()
        .flat_map(|it| &it.mends)
        .map(|it| it.finding.as_str())
        .collect();
    for finding in &report.findings {
        let wanted = matches!(finding.status, Status::Fail | Status::Warn);
        assert_eq!(
            mended.contains(finding.id.as_str()),
            wanted,
            "{} of {}",
            finding.rule.id,
            finding.resource
        );
    }
    for change in &changes {
        let said = match &change.remedy {
            Remedy::InPlace(actions) => actions.len(),
            Remedy::Runbook(steps) => steps.len(),
            Remedy::Advice(words) => words.len(),
        };
        assert!(said > 0, "{change:?}");
        assert!(!change.mends.is_empty(), "{change:?}");
        let needs = !matches!(change.remedy, Remedy::Advice(_));
        assert!(
            !needs || !change.permissions.is_empty() || change.title.starts_with("Decide"),
            "{}",
            change.title
        );
    }
}

/// What each rule's breaches become, stated from what AWS lets one change in place.
#[test]
fn what_is_done_in_place_and_what_by_hand() {
    let (_, changes) = mended(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let by_rule = |rule: &str| -> BTreeSet<&'static str> {
        let of_rule = changes
            .iter()
            .filter(|it| it.mends.iter().any(|it| it.rule == rule));
        of_rule
            .map(|it| match &it.remedy {
                Remedy::InPlace(_) => "in place",
                Remedy::Runbook(_) => "by hand",
                Remedy::Advice(_) => "not here",
            })
            .collect()
    };
    for rule in [
        "s3-versioning-enabled",
        "s3-old-versions-expire",
        "dynamodb-advanced-features-enabled",
        "service-opted-in",
        "ebs-default-encryption",
        "s3-gateway-endpoint-routed",
        "s3-gateway-endpoint-open",
        "backup-tag-placed",
    ] {
        assert_eq!(by_rule(rule), BTreeSet::from(["in place"]), "{rule}");
    }
    for rule in [
        "encryption-at-rest",
        "rds-automated-backups-enabled",
        "backup-decision-made",
        "backup-not-duplicated",
        "kms-key-locally-usable",
    ] {
        assert_eq!(by_rule(rule), BTreeSet::from(["by hand"]), "{rule}");
    }
    for rule in [
        "cross-account-copy-supported",
        "ec2-image-copyable",
        "rds-option-group-shareable",
        "backup-policy-effective",
        "local-vault-ready",
        "backup-role-ready",
        "backup-recent",
    ] {
        assert_eq!(by_rule(rule), BTreeSet::from(["not here"]), "{rule}");
    }
    assert!(by_rule("kms-key-shared").contains("in place"));
    assert!(!by_rule("kms-key-usable").contains("in place"));
}

#[test]
fn one_key_is_one_change_for_its_thousand_volumes() {
    let mut snapshot = formats::snapshot("mixed");
    let key = "arn:aws:kms:eu-central-1:111122223333:key/ea2092fb-2fbb-4037-a5fc-879ba35b5906";
    let volumes = snapshot["regions"]["eu-central-1"]["volumes"]["items"]
        .as_array_mut()
        .unwrap();
    let under_key = volumes.iter().find(|it| it["kms_key"]["known"] == key);
    let mut volume = under_key.unwrap().clone();
    for number in 0..1000 {
        let id = format!("vol-{number:017x}");
        volume["id"] = serde_json::json!(id);
        volume["arn"] =
            serde_json::json!(format!("arn:aws:ec2:eu-central-1:111122223333:volume/{id}"));
        volumes.push(volume.clone());
    }
    let (report, changes) = mended(snapshot, &Wanted::Failing);
    let of_key: Vec<&Change> = changes.iter().filter(|it| it.title.contains(key)).collect();
    assert_eq!(of_key.len(), 1);
    assert!(of_key[0].mends.len() > 1000);
    let script = script(&report, &changes);
    assert_eq!(script.matches("put_key_policy eu-central-1").count(), 1);
}

#[test]
fn the_script_is_sound_and_guarded() {
    for account in ["mixed", "clean", "no-access"] {
        sound(&with(account, &Wanted::FailingAndWarning));
    }
    let (report, changes) = mended(formats::hostile(), &Wanted::FailingAndWarning);
    sound(&script(&report, &changes));
    let script = with("mixed", &Wanted::FailingAndWarning);
    let guard = script.find("\nof_account 111122223333\n").unwrap();
    for command in ["put_key_policy eu", "aws s3api put-bucket-versioning"] {
        assert!(guard < script.find(command).unwrap(), "{command}");
    }
    // Nothing that replaces, stops, deletes or revives runs by itself.
    for line in commands(&script) {
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
    // There is nothing to run where nothing fails.
    let clean = with("clean", &Wanted::Failing);
    assert_eq!(commands(&clean), [""; 0], "{clean}");
}

#[test]
fn hostile_names_are_words_and_nothing_else() {
    let (report, changes) = mended(formats::hostile(), &Wanted::FailingAndWarning);
    let script = script(&report, &changes);
    // A stand-in for the AWS CLI writes down what it is given, each word apart.
    let folder = tempfile::tempdir().unwrap();
    let stub = "#!/bin/sh\ncase $* in *get-caller-identity*) echo 111122223333; exit;; *get-bucket-lifecycle*) echo NoSuchLifecycleConfiguration; exit 254;; esac\nfor word; do printf '%s\\0' \"$word\"; done >>words\nprintf '\\0' >>words\n";
    let given = [
        ("EXPIRE_OLD_VERSIONS", "yes"),
        ("OPEN_ENDPOINTS", "yes"),
        ("EBS_KEY_ARN_US_EAST_1", "arn:aws:kms:us-east-1:1:key/a"),
    ];
    let run = executed(folder.path(), &script, stub, &given);
    // One region's key was not named, and policies are not those that were read.
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("left out: set EBS_KEY_ARN_EU_WEST_3"));
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
fn another_account_stops_the_script_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stub =
        "#!/bin/sh\ncase $* in *get-caller-identity*) echo 999999999999;; *) touch called;; esac\n";
    let run = executed(folder.path(), &with("mixed", &Wanted::Failing), stub, &[]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("999999999999") && run.stderr.contains("nothing was done"),
        "{}",
        run.stderr
    );
    assert!(!folder.path().join("called").exists());
}

fn fix(folder: &Path, account: &str, flags: &[&str]) -> Run {
    run(backup_check(folder)
        .arg("fix")
        .args(flags)
        .arg("--from")
        .arg(repository().join(format!("fixtures/accounts/{account}.json"))))
}

#[test]
fn the_command_takes_ids_and_says_what_it_did_not_see() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let clean = fix(folder, "clean", &[]);
    assert_eq!(
        (clean.code, clean.stderr.trim()),
        (0, "no failing findings; nothing to fix")
    );
    sound(&clean.stdout);
    let mixed = fix(folder, "mixed", &[]);
    assert_eq!(mixed.code, 0, "{}", mixed.stderr);
    assert!(mixed.stderr.contains("results are incomplete"));
    sound(&mixed.stdout);
    let blind = fix(folder, "no-access", &[]);
    assert_eq!(blind.code, 3);
    assert!(blind.stderr.contains("truncated lists"));

    let (report, _) = mended(formats::snapshot("mixed"), &Wanted::Failing);
    let of = |status: Status, rule: &str| {
        let mut findings = report.findings.iter();
        let found = findings.find(|it| it.status == status && it.rule.id == rule);
        found.unwrap().id.clone()
    };
    let versioning = of(Status::Fail, "s3-versioning-enabled");
    let one = fix(folder, "mixed", &[&versioning]);
    assert_eq!(one.code, 0);
    assert_eq!(one.stdout.matches("put-bucket-versioning").count(), 1);
    assert!(!one.stdout.contains("put_key_policy"));
    let passing = of(Status::Pass, "s3-versioning-enabled");
    let nothing = fix(folder, "mixed", &[&passing, "-q"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, ""));
    let nothing = fix(folder, "mixed", &[&passing]);
    assert!(nothing.stderr.contains("nothing to fix"));
    let wrong = fix(folder, "mixed", &["0123456789abcdef", &versioning]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("0123456789abcdef") && !wrong.stderr.contains(&versioning));
}

#[test]
fn policies_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all = fix(folder, "mixed", &["--as", "policy"]);
    let policies: Value = serde_json::from_str(&all.stdout).unwrap();
    let policies = policies.as_object().unwrap();
    assert!(policies.len() > 1);
    let (report, _) = mended(formats::snapshot("mixed"), &Wanted::Failing);
    let key = policies.keys().next().unwrap();
    let of_key = report.findings.iter().find(|it| {
        it.rule.id == "kms-key-shared"
            && it.status == Status::Fail
            && it.evidence.get("key_arn") == Some(&Value::String(key.clone()))
    });
    let id = &of_key.unwrap().id;
    let one = fix(folder, "mixed", &[id, "--as", "policy"]);
    let one: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(&one, &policies[key]);
    // The command that judges one policy agrees that it passes now.
    fs::write(folder.join("policy.json"), one.to_string()).unwrap();
    let judged = run(backup_check(folder).args(["key-policy", "policy.json", "--key-arn", key]));
    assert_eq!(judged.code, 0, "{}", judged.stdout);
    let none = fix(folder, "clean", &["--as", "policy"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
}

/// Runs a script against a stand-in for the AWS CLI, which answers by these cases of a shell; what it was
/// asked, a line each.
fn against(script: &str, cases: &str) -> (Run, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let stub = format!(
        "#!/bin/sh\necho \"$*\" >>calls\ncase \"$*\" in\n*get-caller-identity*) echo 111122223333;;\n{cases}\nesac\n"
    );
    let words = [
        ("EXPIRE_OLD_VERSIONS", "yes"),
        ("EBS_KEY_ARN_US_EAST_1", "arn:aws:kms:us-east-1:1:key/a"),
    ];
    let run = executed(folder.path(), script, &stub, &words);
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap_or_default();
    (run, calls.lines().map(str::to_owned).collect())
}

/// The script for the findings of one rule that fail or warn.
fn of_rule(rule: &str) -> String {
    let (report, _) = mended(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let of_rule = report.findings.iter().filter(|it| it.rule.id == rule);
    let ids = of_rule.map(|it| it.id.clone()).collect();
    with("mixed", &Wanted::Ids(ids))
}

#[test]
fn what_aws_refuses_does_not_keep_the_rest_from_being_made() {
    let script = of_rule("s3-versioning-enabled");
    let refused = "*app-static-assets*) echo AccessDenied >&2; exit 254;;";
    let (run, calls) = against(&script, refused);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("left out, see above: 1"),
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
        let (run, _) = against(&of_rule(rule), "*) exit 254;;");
        assert!(run.stderr.contains("\nleft out, see above: "), "{rule}");
    }
}

#[test]
fn a_tag_goes_only_when_the_right_one_is_there() {
    for rule in ["backup-tag-valid", "backup-tag-placed"] {
        let script = of_rule(rule);
        let (_, calls) = against(&script, "*tag-resources*) echo '{}';;");
        let at = |what: &str| calls.iter().position(|it| it.contains(what)).unwrap();
        assert!(at(" tag-resources ") < at(" untag-resources "), "{rule}");
        let refusals = [
            "*' tag-resources'*) echo '{\"arn\": {\"ErrorCode\": \"AccessDenied\"}}';;",
            "*' tag-resources'*) exit 254;;",
        ];
        for refusal in refusals {
            let (run, calls) = against(&script, refusal);
            assert_eq!(run.code, 1);
            assert!(
                !calls.iter().any(|it| it.contains("untag-resources")),
                "{rule}"
            );
            assert!(run.stderr.contains("the old one stays"), "{}", run.stderr);
        }
    }
}

#[test]
fn settings_that_changed_since_they_were_read_stay() {
    let script = of_rule("dynamodb-advanced-features-enabled");
    for (answer, updates, code) in [
        ("printf 'True\\tFalse\\n'", true, 0),
        ("printf 'False\\tTrue\\n'", false, 0),
        ("printf 'False\\tFalse\\n'", false, 1),
        ("exit 254", false, 1),
    ] {
        let (run, calls) = against(&script, &format!("*describe-region-settings*) {answer};;"));
        let is_updated = calls.iter().any(|it| it.contains("update-region-settings"));
        assert_eq!((is_updated, run.code), (updates, code), "{answer}");
    }
}

#[test]
fn lifecycle_rules_keep_what_they_say_of_small_objects() {
    let script = of_rule("s3-old-versions-expire");
    let put = |cases: &str| {
        let (run, calls) = against(&script, cases);
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
    // S3 refuses a Filter next to a rule of the first version, which has a Prefix.
    let (_, calls) = against(&script, "*length*) printf 'None\\t2\\t0\\n';;");
    let read = calls.iter().find(|it| it.contains("--output json"));
    assert!(read.unwrap().contains(r#""Status":"Enabled","Prefix":"""#));
    // Nothing is put where it is there, or where the rules cannot be read.
    assert_eq!(put("*length*) printf 'None\\t0\\t1\\n';;"), (0, vec![]));
    assert_eq!(put("*length*) echo AccessDenied; exit 254;;"), (1, vec![]));
    let (code, puts) = put("*length*) echo NoSuchLifecycleConfiguration; exit 254;;");
    assert_eq!(code, 0);
    assert!(puts.iter().all(|it| it.contains(r#""NoncurrentDays":30"#)));
}

#[test]
fn new_volumes_get_no_key_that_cannot_encrypt_them() {
    let script = of_rule("ebs-default-encryption");
    for (answer, is_set) in [
        ("echo CUSTOMER/Enabled/SYMMETRIC_DEFAULT", true),
        ("echo AWS/Enabled/SYMMETRIC_DEFAULT", false),
        ("echo CUSTOMER/PendingDeletion/SYMMETRIC_DEFAULT", false),
        ("exit 254", false),
    ] {
        let (_, calls) = against(&script, &format!("*describe-key*) {answer};;"));
        let on = calls
            .iter()
            .any(|it| it.contains("enable-ebs-encryption-by-default"));
        assert_eq!(on, is_set, "{answer}");
    }
    // What is off stays off where the key is refused.
    let (_, calls) = against(
        &script,
        "*describe-key*) echo CUSTOMER/Enabled/SYMMETRIC_DEFAULT;;\n*modify-ebs*) exit 254;;",
    );
    assert!(!calls.iter().any(|it| it.contains("enable-ebs")));
}

#[test]
fn an_account_that_was_not_read_must_be_named() {
    let mut snapshot = formats::snapshot("mixed");
    snapshot["account_id"] = Value::Null;
    let (report, changes) = mended(snapshot, &Wanted::Failing);
    let script = script(&report, &changes);
    sound(&script);
    let (run, calls) = against(&script, "");
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("ACCOUNT_ID"), "{}", run.stderr);
    assert_eq!(calls.len(), 1, "{calls:?}");
}

#[test]
fn what_is_only_planned_is_changed_in_code_and_by_no_command() {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "terraform/breaches.json",
        "terraform/mixed.json",
        "cloudformation/orders.yaml",
        "cloudformation/cdk.json",
    ] {
        let run = run(backup_check(folder.path())
            .args([
                "fix",
                "--rule",
                "tagging",
                "encryption",
                "service",
                "network",
                "--from",
            ])
            .arg(repository().join("fixtures").join(file)));
        assert_eq!(commands(&run.stdout).concat(), "", "{file}");
        assert!(!run.stdout.contains("`aws "), "{file}: {}", run.stdout);
        assert!(run.stdout.contains("Change the code"), "{file}");
    }
}

fn changed(title: &str) -> Change {
    let (_, changes) = mended(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let mut of_title = changes.into_iter().filter(|it| it.title.contains(title));
    of_title.next().unwrap()
}

#[test]
fn a_plain_aurora_snapshot_is_encrypted_as_it_is_restored() {
    let plain = format!("{:?}", changed("Aurora cluster mobile-profiles").remedy);
    assert!(!plain.contains("copy-db-cluster-snapshot"), "{plain}");
    assert!(plain.contains(r#"--snapshot-identifier \"$SNAPSHOT\" "#));
}

#[test]
fn managed_types_get_another_key_in_their_own_way() {
    let script = of_rule("encryption-customer-key-recommended");
    for command in [
        "$ aws s3api put-bucket-encryption",
        "$ aws dynamodb update-table",
        "$ aws efs create-file-system",
        "$ SNAPSHOT_ID=$(aws storagegateway create-snapshot",
    ] {
        assert!(script.contains(command), "{command}");
    }
    assert_eq!(commands(&script).concat(), "", "{script}");
}

#[test]
fn a_public_vpc_gets_the_command_by_hand() {
    let change = changed("gateway endpoint for S3 in vpc-04bb0b68017ae560c");
    let Remedy::Runbook(steps) = &change.remedy else {
        panic!("{change:?}");
    };
    assert!(format!("{steps:?}").contains("create-vpc-endpoint --region eu-west-3"));
    assert!(change.permissions.contains("ec2:CreateVpcEndpoint"));
}

#[test]
fn a_table_that_no_subnet_uses_gets_no_endpoint() {
    let mut snapshot = formats::snapshot("mixed");
    let tables = &mut snapshot["regions"]["us-east-1"]["network"]["route_tables"]["items"];
    let tables = tables.as_array_mut().unwrap();
    tables.push(serde_json::json!({
        "id": "rtb-0a0a0a0a0a0a0a0a0", "vpc_id": "vpc-0d1aacf6188f59a3e", "main": false,
        "subnets": [], "routes": []
    }));
    let (report, changes) = mended(snapshot, &Wanted::Failing);
    let script = script(&report, &changes);
    assert!(script.contains("create_s3_endpoint us-east-1 vpc-0d1aacf6188f59a3e rtb-"));
    assert!(!script.contains("rtb-0a0a0a0a0a0a0a0a0"));
}

#[test]
fn each_wording_names_what_it_is_for() {
    let change = changed("resource-state-ready, eu-west-3");
    let Remedy::Advice(words) = &change.remedy else {
        panic!("{change:?}");
    };
    let wiki = "arn:aws:rds:eu-west-3:111122223333:db:legacy-wiki-db: Start it.";
    assert!(words.iter().any(|it| it == wiki), "{words:?}");
}

#[test]
fn a_long_policy_is_put_without_its_white_space() {
    let mut snapshot = formats::snapshot("mixed");
    let key = "arn:aws:kms:eu-central-1:111122223333:key/ea2092fb-2fbb-4037-a5fc-879ba35b5906";
    let root = serde_json::json!({"AWS": "arn:aws:iam::111122223333:root"});
    let actions = vec!["kms:Decrypt"; 1500];
    // 21 kB as it is, and more than the 32 kB that KMS takes with a line for each action.
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": root, "Action": actions, "Resource": "*"},
    ]});
    snapshot["keys"][key]["policy"] = serde_json::json!({"known": policy.to_string()});
    let (_, changes) = mended(snapshot, &Wanted::Failing);
    let of_key = changes.iter().find(|it| it.title.contains(key)).unwrap();
    let Remedy::InPlace(actions) = &of_key.remedy else {
        panic!("{of_key:?}");
    };
    let [Action::PutKeyPolicy { after, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert!(after.len() <= 32_768, "{}", after.len());
    let after: Value = serde_json::from_str(after).unwrap();
    assert_eq!(after["Statement"].as_array().unwrap().len(), 4);
}
