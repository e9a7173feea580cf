//! The changes that fix findings, and the command that prints them.

pub mod aws_cli;
mod cdk;
mod declarations;
mod declared_parts;
mod dialects;
mod files;
mod plans;
mod remedies;
mod sample;
mod terraform;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use backup_check::evaluate::{Options, evaluate};
use backup_check::fix::{Action, Change, Method, Wanted, plan_changes};
use backup_check::model::Snapshot;
use backup_check::report::{Report, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use serde_json::Value;

use crate::formats;
use crate::support::command::{Run, backup_check, repository, run};
use aws_cli::{assert_valid_bash, command_lines, script_for_rule};

/// Returns the report of a snapshot and the changes that fix the wanted findings.
pub fn fix_findings(snapshot: Value, wanted: &Wanted) -> (Report, Vec<Change>) {
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    let settings = Settings::default();
    let report = evaluate(&snapshot, &settings, &Options::default(), &ALL);
    let changes = plan_changes(&snapshot, &settings, &report, wanted);
    (report, changes)
}

/// Returns the script for the AWS CLI.
pub fn write_script(report: &Report, changes: &[Change]) -> String {
    let mut out = Vec::new();
    backup_check::fix::dialect::aws_cli::write(report, changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub fn write_account_script(account: &str, wanted: &Wanted) -> String {
    let (report, changes) = fix_findings(formats::snapshot(account), wanted);
    write_script(&report, &changes)
}

#[test]
fn every_failing_finding_is_in_a_change() {
    let (report, changes) = fix_findings(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let fixed: BTreeSet<&str> = changes
        .iter()
        .flat_map(|it| &it.fixes)
        .map(|it| it.finding.as_str())
        .collect();
    for finding in &report.findings {
        let wanted = matches!(finding.status, Status::Fail | Status::Warn);
        assert_eq!(
            fixed.contains(finding.id().as_str()),
            wanted,
            "{} of {}",
            finding.rule.id,
            finding.resource
        );
    }
    for change in &changes {
        let lines = match &change.method {
            Method::InPlace(actions) => actions.len(),
            Method::Runbook(steps) => steps.len(),
            Method::Declaration(it) => it.lines.len() + it.separate.len(),
            Method::Advice(words) => words.len(),
        };
        assert!(lines > 0, "{change:?}");
        assert!(!change.fixes.is_empty(), "{change:?}");
        let needs = !matches!(change.method, Method::Advice(_));
        assert!(
            !needs || !change.permissions.is_empty() || change.title.starts_with("Decide"),
            "{}",
            change.title
        );
    }
}

/// States by hand what AWS allows to change in place.
#[test]
fn rules_are_fixed_in_place_or_by_hand_or_not_here() {
    let (_, changes) = fix_findings(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let by_rule = |rule: &str| -> BTreeSet<&'static str> {
        let of_rule = changes
            .iter()
            .filter(|it| it.fixes.iter().any(|it| it.rule == rule));
        of_rule
            .map(|it| match &it.method {
                Method::InPlace(_) => "in place",
                Method::Declaration(_) => "in the declaration",
                Method::Runbook(_) => "by hand",
                Method::Advice(_) => "not here",
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
        "backup-role-ready",
    ] {
        assert_eq!(by_rule(rule), BTreeSet::from(["by hand"]), "{rule}");
    }
    for rule in [
        "cross-account-copy-supported",
        "ec2-image-copyable",
        "rds-option-group-shareable",
        "backup-policy-effective",
        "local-vault-ready",
        "backup-recent",
    ] {
        assert_eq!(by_rule(rule), BTreeSet::from(["not here"]), "{rule}");
    }
    assert!(by_rule("kms-key-shared").contains("in place"));
    assert!(!by_rule("kms-key-usable").contains("in place"));
}

#[test]
fn one_key_is_one_change_for_a_thousand_volumes() {
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
    let (report, changes) = fix_findings(snapshot, &Wanted::Failing);
    let of_key: Vec<&Change> = changes.iter().filter(|it| it.title.contains(key)).collect();
    assert_eq!(of_key.len(), 1);
    assert!(of_key[0].fixes.len() > 1000);
    let script = write_script(&report, &changes);
    assert_eq!(script.matches("put_key_policy eu-central-1").count(), 1);
}

fn run_fix(folder: &Path, account: &str, flags: &[&str]) -> Run {
    run(backup_check(folder)
        .arg("fix")
        .args(flags)
        .arg("--from")
        .arg(repository().join(format!("fixtures/accounts/{account}.json"))))
}

#[test]
fn the_command_accepts_ids_and_reports_incomplete_results() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let clean = run_fix(folder, "clean", &[]);
    assert_eq!(
        (clean.code, clean.stderr.trim()),
        (0, "no failing findings; nothing to fix")
    );
    assert_valid_bash(&clean.stdout);
    let mixed = run_fix(folder, "mixed", &[]);
    assert_eq!(mixed.code, 0, "{}", mixed.stderr);
    assert!(mixed.stderr.contains("results are incomplete"));
    assert_valid_bash(&mixed.stdout);
    let blind = run_fix(folder, "no-access", &[]);
    assert_eq!(blind.code, 3);
    assert!(blind.stderr.contains("truncated lists"));
    assert!(!blind.stderr.contains("nothing to fix"), "{}", blind.stderr);

    let (report, _) = fix_findings(formats::snapshot("mixed"), &Wanted::Failing);
    let of = |status: Status, rule: &str| {
        let mut findings = report.findings.iter();
        let found = findings.find(|it| it.status == status && it.rule.id == rule);
        found.unwrap().id()
    };
    let versioning = of(Status::Fail, "s3-versioning-enabled");
    let one = run_fix(folder, "mixed", &[&versioning]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert_eq!(one.stdout.matches("put-bucket-versioning").count(), 1);
    assert!(!one.stdout.contains("put_key_policy"));
    let passing = of(Status::Pass, "s3-versioning-enabled");
    let nothing = run_fix(folder, "mixed", &[&passing, "-q"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, ""));
    let nothing = run_fix(folder, "mixed", &[&passing]);
    assert!(nothing.stderr.contains("nothing to fix"));
    let wrong = run_fix(folder, "mixed", &["0123456789abcdef", &versioning]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("0123456789abcdef") && !wrong.stderr.contains(&versioning));
}

#[test]
fn key_policies_are_written_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all = run_fix(folder, "mixed", &["--as", "policy"]);
    let policies: Value = serde_json::from_str(&all.stdout).unwrap();
    let policies = policies.as_object().unwrap();
    assert!(policies.len() > 1);
    let (report, _) = fix_findings(formats::snapshot("mixed"), &Wanted::Failing);
    let key = policies.keys().next().unwrap();
    let of_key = report.findings.iter().find(|it| {
        it.rule.id == "kms-key-shared"
            && it.status == Status::Fail
            && it.explanation.evidence.get("key_arn") == Some(&Value::String(key.clone()))
    });
    let id = &of_key.unwrap().id();
    let one = run_fix(folder, "mixed", &[id, "--as", "policy"]);
    let one: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(&one, &policies[key]);
    // `key-policy` agrees that the policy passes.
    fs::write(folder.join("policy.json"), one.to_string()).unwrap();
    let judged = run(backup_check(folder).args(["key-policy", "policy.json", "--key-arn", key]));
    assert_eq!(judged.code, 0, "{}", judged.stdout);
    let none = run_fix(folder, "clean", &["--as", "policy"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
}

#[test]
fn planned_resources_get_no_commands() {
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
        assert_eq!(command_lines(&run.stdout).concat(), "", "{file}");
        assert!(!run.stdout.contains("`aws "), "{file}: {}", run.stdout);
        assert!(run.stdout.contains("Change the code"), "{file}");
    }
}

fn find_change(title: &str) -> Change {
    let (_, changes) = fix_findings(formats::snapshot("mixed"), &Wanted::FailingAndWarning);
    let mut of_title = changes.into_iter().filter(|it| it.title.contains(title));
    of_title.next().unwrap()
}

#[test]
fn an_unencrypted_aurora_snapshot_gets_its_key_on_restore() {
    let plain = format!("{:?}", find_change("Aurora cluster mobile-profiles").method);
    assert!(!plain.contains("copy-db-cluster-snapshot"), "{plain}");
    assert!(plain.contains(r#"--snapshot-identifier \"$SNAPSHOT\" "#));
}

#[test]
fn each_managed_type_has_its_own_way_to_another_key() {
    let script = script_for_rule("encryption-customer-key-recommended");
    for command in [
        "$ aws s3api put-bucket-encryption",
        "$ aws dynamodb update-table",
        "$ aws efs create-file-system",
    ] {
        assert!(script.contains(command), "{command}");
    }
    assert_eq!(command_lines(&script).concat(), "", "{script}");
    let script = script_for_rule("encryption-at-rest");
    assert!(script.contains("$ SNAPSHOT_ID=$(aws storagegateway create-snapshot"));
}

#[test]
fn an_endpoint_of_a_public_vpc_is_created_by_hand() {
    let change = find_change("gateway endpoint for S3 in vpc-04bb0b68017ae560c");
    let Method::Runbook(steps) = &change.method else {
        panic!("{change:?}");
    };
    assert!(format!("{steps:?}").contains("create-vpc-endpoint --region eu-west-3"));
    assert!(change.permissions.contains("ec2:CreateVpcEndpoint"));
}

#[test]
fn an_unused_route_table_gets_no_endpoint() {
    let mut snapshot = formats::snapshot("mixed");
    let tables = &mut snapshot["regions"]["us-east-1"]["network"]["route_tables"]["items"];
    let tables = tables.as_array_mut().unwrap();
    tables.push(serde_json::json!({
        "id": "rtb-0a0a0a0a0a0a0a0a0", "vpc_id": "vpc-0d1aacf6188f59a3e", "main": false,
        "subnets": [], "routes": []
    }));
    let (report, changes) = fix_findings(snapshot, &Wanted::Failing);
    let script = write_script(&report, &changes);
    assert!(script.contains("create_s3_endpoint us-east-1 vpc-0d1aacf6188f59a3e rtb-"));
    assert!(!script.contains("rtb-0a0a0a0a0a0a0a0a0"));
}

#[test]
fn each_advice_names_its_resources() {
    let change = find_change("resource-state-ready in eu-west-3");
    let Method::Advice(words) = &change.method else {
        panic!("{change:?}");
    };
    let wiki = "arn:aws:rds:eu-west-3:111122223333:db:legacy-wiki-db: Start it.";
    assert!(words.iter().any(|it| it == wiki), "{words:?}");
}

#[test]
fn a_long_policy_is_minified() {
    let mut snapshot = formats::snapshot("mixed");
    let key = "arn:aws:kms:eu-central-1:111122223333:key/ea2092fb-2fbb-4037-a5fc-879ba35b5906";
    let root = serde_json::json!({"AWS": "arn:aws:iam::111122223333:root"});
    let actions = vec!["kms:Decrypt"; 1500];
    // 21 kB minified, and more than the limit of 32 kB with a line for each action.
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": root, "Action": actions, "Resource": "*"},
    ]});
    snapshot["keys"][key]["policy"] = serde_json::json!({"known": policy.to_string()});
    let (_, changes) = fix_findings(snapshot, &Wanted::Failing);
    let of_key = changes.iter().find(|it| it.title.contains(key)).unwrap();
    let Method::InPlace(actions) = &of_key.method else {
        panic!("{of_key:?}");
    };
    let [Action::PutKeyPolicy { after, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert!(after.len() <= 32_768, "{}", after.len());
    let after: Value = serde_json::from_str(after).unwrap();
    assert_eq!(after["Statement"].as_array().unwrap().len(), 4);
}
