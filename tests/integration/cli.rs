//! The built program: its output, its files and its exit codes.

mod doctor;
mod explain;
mod files;
mod usage;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::command::{Run, backup_check, repository, run};

fn account(name: &str) -> PathBuf {
    repository()
        .join("fixtures/accounts")
        .join(format!("{name}.json"))
}

fn scan(folder: &Path, snapshot: &str, flags: &[&str]) -> Run {
    run(backup_check(folder)
        .args(["scan", "--from"])
        .arg(account(snapshot))
        .args(flags))
}

fn temporary_folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Checks for a usage error: exit 2, nothing on stdout, and an error that names each part.
fn assert_usage_error(run: &Run, parts: &[&str]) {
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(run.stdout, "", "{run:?}");
    for part in parts {
        assert!(
            run.stderr.contains(part),
            "{part:?} is not in {}",
            run.stderr
        );
    }
}

#[test]
fn exit_codes_of_the_accounts() {
    let folder = temporary_folder();
    for (snapshot, flags, code) in [
        ("clean", &[][..], 0),
        ("clean", &["--fail-on", "warn"], 0),
        ("mixed", &[], 1),
        ("mixed", &["--standard", "aws"], 1),
        ("mixed", &["--fail-on", "never"], 0),
        (
            "mixed",
            &[
                "--rule",
                "backup-tag-not-custom",
                "--region",
                "eu-central-1",
            ],
            0,
        ),
        ("no-access", &[], 3),
        ("no-access", &["--fail-on", "never"], 0),
    ] {
        let run = scan(folder.path(), snapshot, flags);
        assert_eq!(run.code, code, "{snapshot} {flags:?}: {}", run.stderr);
        assert_eq!(run.stderr, "", "{snapshot} {flags:?}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn stdout_carries_the_report_and_nothing_else() {
    let folder = temporary_folder();
    let run = scan(
        folder.path(),
        "mixed",
        &["--format", "json", "--stats", "-vvv"],
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema"], "backup-check/v1");
    assert!(run.stderr.contains("API calls"), "{}", run.stderr);
}

#[test]
fn color_is_for_terminals_and_on_request() {
    let folder = temporary_folder();
    let plain = scan(folder.path(), "mixed", &[]);
    assert!(!plain.stdout.contains('\u{1b}'));
    let asked = scan(folder.path(), "mixed", &["--color", "always"]);
    assert!(asked.stdout.contains("\u{1b}["));
    let refused = run(backup_check(folder.path())
        .env("NO_COLOR", "1")
        .args(["scan", "--color", "auto", "--from"])
        .arg(account("mixed")));
    assert!(!refused.stdout.contains('\u{1b}'));
}

#[test]
fn unknown_findings_can_be_allowed() {
    let folder = temporary_folder();
    let only = ["--rule", "kms-key-shared", "--region", "eu-west-1"];
    let flags = |more: &[&'static str]| {
        only.iter()
            .copied()
            .chain(more.iter().copied())
            .collect::<Vec<_>>()
    };
    let gating_unknown = |run: &Run| {
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|it| it["status"] == "unknown" && it["gating"] == true)
            .count()
    };
    let strict = scan(folder.path(), "mixed", &flags(&["--format", "json"]));
    assert!(gating_unknown(&strict) > 0);
    for allow in [
        &["--format", "json", "--allow-unknown"][..],
        &["--format", "json", "--allow-unknown", "kms-key-shared"],
    ] {
        assert_eq!(
            gating_unknown(&scan(folder.path(), "mixed", &flags(allow))),
            0
        );
    }
}

#[test]
fn two_runs_print_the_same() {
    let folder = temporary_folder();
    for format in ["table", "json"] {
        let first = scan(folder.path(), "mixed", &["--format", format]);
        let second = scan(folder.path(), "mixed", &["--format", format]);
        assert_eq!(first.stdout, second.stdout);
    }
}

#[test]
fn the_report_matches_its_schema() {
    let folder = temporary_folder();
    let printed = run(backup_check(folder.path()).arg("schema"));
    assert_eq!(printed.code, 0);
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for snapshot in ["clean", "mixed", "no-access"] {
        for flags in [
            &["--format", "json"][..],
            &["--format", "json", "--show-skipped"],
        ] {
            let report =
                serde_json::from_str(&scan(folder.path(), snapshot, flags).stdout).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&report)
                .map(|it| it.to_string())
                .collect();
            assert!(errors.is_empty(), "{snapshot}: {errors:?}");
        }
    }
    assert!(!validator.is_valid(&serde_json::json!({"schema": "backup-check/v1"})));
}

#[test]
fn a_scan_of_some_rules_does_not_claim_readiness() {
    let folder = temporary_folder();
    let all = scan(folder.path(), "clean", &[]);
    assert!(
        all.stdout.contains("can be copied to the central account"),
        "{}",
        all.stdout
    );
    let some = scan(folder.path(), "clean", &["--rule", "network"]);
    assert_eq!(some.code, 0);
    assert!(!some.stdout.contains("can be copied"), "{}", some.stdout);
}

#[test]
fn no_fix_of_a_planned_resource_is_a_command() {
    let folder = temporary_folder();
    let mut changed_where_declared = 0;
    for file in [
        "terraform/breaches.json",
        "terraform/mixed.json",
        "cloudformation/cdk.json",
        "cloudformation/orders.yaml",
    ] {
        let run = run(backup_check(folder.path())
            .args(["scan", "--format", "json", "--from"])
            .arg(repository().join("fixtures").join(file)));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            let fix = finding["fix"].as_str().unwrap_or_default();
            assert!(!fix.contains("`aws "), "{file}: {fix}");
            changed_where_declared += usize::from(fix.contains("where it is declared"));
        }
    }
    assert!(changed_where_declared > 0);
}

#[test]
fn the_help_has_the_exit_codes_and_every_format() {
    let folder = temporary_folder();
    let help = run(backup_check(folder.path()).arg("--help")).stdout;
    let help: Vec<&str> = help.split_whitespace().collect();
    assert!(
        help.join(" ").contains(
            "Exit codes: 0 ready, 1 a gating check failed, 2 usage error or nothing to check, \
             3 a gating check is inconclusive"
        ),
        "{help:?}"
    );
    let short = run(backup_check(folder.path()).args(["scan", "-h"])).stdout;
    let long = run(backup_check(folder.path()).args(["scan", "--help"])).stdout;
    for format in backup_check::report::format::FORMATS {
        assert!(short.contains(format.name), "{}", format.name);
        assert!(
            long.contains(&format!("- {}:", format.name)),
            "{}",
            format.name
        );
        assert!(long.contains(format.about), "{}", format.name);
    }
}
