//! The script of `fix`, executed against the emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::{Run, run};

use super::emulator::{Moto, lock_moto};

/// A finding: its rule, its resource and its status.
type Finding = (String, String, String);

/// Returns the ids of the findings that the script fixes: those of the changes with commands.
fn fixed_findings(script: &str) -> BTreeSet<String> {
    let changes = script.split("\n\n# ").skip(1);
    let with_commands = changes.filter(|change| change.contains("\nsay "));
    let ids = with_commands.filter_map(|change| {
        let line = change
            .lines()
            .find_map(|it| it.strip_prefix("# Findings: "))?;
        Some(line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    });
    ids.flatten().collect()
}

/// Returns a usable key of a region that is shared with the central account.
fn find_shared_key(report: &Value, region: &str) -> Option<String> {
    let list = report["findings"].as_array().unwrap();
    let is_usable = |resource: &Value| {
        list.iter().any(|it| {
            it["rule"] == "kms-key-usable" && it["status"] == "pass" && it["resource"] == *resource
        })
    };
    let shared = list.iter().find(|it| {
        it["rule"] == "kms-key-shared"
            && it["status"] == "pass"
            && it["region"] == region
            && is_usable(&it["resource"])
    });
    Some(shared?["evidence"]["key_arn"].as_str()?.to_owned())
}

/// Returns the findings of a report by id.
fn findings_by_id(report: &Value) -> BTreeMap<String, Finding> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = report["findings"].as_array().unwrap().iter();
    list.map(|it| {
        let finding = (
            text(&it["rule"]),
            text(&it["resource"]),
            text(&it["status"]),
        );
        (text(&it["id"]), finding)
    })
    .collect()
}

/// Writes the AWS configuration with which the script uses a role.
fn write_config(folder: &Path, role: &str) {
    fs::write(
        folder.join("config"),
        format!("[default]\nrole_arn = {role}\nsource_profile = base\nregion = us-west-2\n"),
    )
    .unwrap();
    fs::write(
        folder.join("credentials"),
        "[base]\naws_access_key_id = test\naws_secret_access_key = test\n",
    )
    .unwrap();
}

/// Executes the script `fix.sh` in a folder, with a shared key for each region that has one.
fn execute_script(moto: &Moto, folder: &Path, report: &Value) -> Run {
    let path = format!(
        "{}:{}",
        moto.python.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut bash = Command::new("bash");
    bash.arg(folder.join("fix.sh"))
        .env_clear()
        .env("PATH", &path)
        .env("HOME", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_CONFIG_FILE", folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("credentials"))
        .env("AWS_ENDPOINT_URL", moto.endpoint_url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("EXPIRE_OLD_VERSIONS", "yes")
        .env("OPEN_ENDPOINTS", "yes");
    let regions = report["scan"]["regions"].as_array().unwrap();
    for region in regions.iter().filter_map(Value::as_str) {
        if let Some(key) = find_shared_key(report, region) {
            let region = region.to_uppercase().replace('-', "_");
            bash.env(format!("EBS_KEY_ARN_{region}"), key);
        }
    }
    run(&mut bash)
}

/// Checks that the script covers the rules that the account violates.
fn assert_covers_rules(before: &BTreeMap<String, Finding>, fixed: &BTreeSet<String>) {
    let rules: BTreeSet<&str> = fixed.iter().map(|id| before[id].0.as_str()).collect();
    for rule in [
        "kms-key-shared",
        "s3-versioning-enabled",
        "dynamodb-advanced-features-enabled",
        "backup-tag-valid",
        "s3-gateway-endpoint-present",
        "s3-gateway-endpoint-routed",
    ] {
        assert!(
            rules.contains(rule),
            "the account has no violation of {rule}"
        );
    }
}

/// Checks that the fixed findings pass, and that nothing else fails now.
fn assert_fixed(
    before: &BTreeMap<String, Finding>,
    after: &BTreeMap<String, Finding>,
    fixed: &BTreeSet<String>,
) {
    // The seeding keeps the route of one VPC in the state `blackhole`.
    let is_blackhole = |rule: &str, resource: &str| {
        rule == "s3-gateway-endpoint-routed" && resource.contains(":eu-west-3:")
    };
    for id in fixed {
        let (rule, resource, status) = &before[id];
        if is_blackhole(rule, resource) {
            continue;
        }
        let now = after.get(id);
        assert!(
            now.is_none_or(|it| it.2 == "pass"),
            "{rule} of {resource} was {status}, is {now:#?}"
        );
    }
    // Newly tagged resources have no backups yet.
    for (id, (rule, resource, status)) in after {
        let before = before.get(id).map_or("none", |it| it.2.as_str());
        let needs_backups = rule == "backup-recent" || rule == "copy-recent";
        assert!(
            status != "fail" || before == "fail" || needs_backups,
            "{rule} of {resource} fails now but was {before}"
        );
    }
}

#[test]
fn the_fix_script_fixes_its_findings_and_breaks_nothing() {
    let moto = lock_moto();
    let account = "909090909090";
    moto.seed_account(account, "mixed");
    let (_, report) = moto.scan_account(account, &[]);
    let folder = tempfile::tempdir().unwrap();
    let role = format!("arn:aws:iam::{account}:role/Auditor");
    // Groups that are selected with --rule are also fixed if they only warn.
    let groups = ["tagging", "encryption", "service", "network"];
    let fix = run(moto
        .build_command(folder.path())
        .args(["fix", "--role-arn", &role, "--rule"])
        .args(groups));
    assert_eq!(fix.code, 0, "{}", fix.stderr);
    fs::write(folder.path().join("fix.sh"), &fix.stdout).unwrap();
    write_config(folder.path(), &role);
    let before = findings_by_id(&report);
    let mut fixed = fixed_findings(&fix.stdout);
    assert_covers_rules(&before, &fixed);

    // A region without a shared key has none for EBS encryption by default.
    let without_key = |id: &String| {
        let (rule, resource, _) = &before[id];
        let region = resource.rsplit(':').next().unwrap_or_default();
        rule == "ebs-default-encryption" && find_shared_key(&report, region).is_none()
    };
    let skipped = fixed.iter().filter(|id| without_key(id)).count();
    fixed.retain(|id| !without_key(id));
    let code = i32::from(skipped > 0);
    let first = execute_script(&moto, folder.path(), &report);
    assert_eq!(first.code, code, "{}", first.stderr);
    assert_eq!(
        first.stderr.matches("  left out: ").count(),
        skipped,
        "{}",
        first.stderr
    );
    let (_, report_after) = moto.scan_account(account, &[]);
    let after = findings_by_id(&report_after);
    assert_fixed(&before, &after, &fixed);

    let again = execute_script(&moto, folder.path(), &report);
    assert_eq!(again.code, code, "{}", again.stderr);
    let (_, report_again) = moto.scan_account(account, &[]);
    assert_eq!(findings_by_id(&report_again), after);
}
