//! `explain` and `rules`.

use std::collections::BTreeSet;
use std::fs;

use backup_check::rule::Group;
use backup_check::rules::ALL;
use serde_json::Value;

use super::{Run, assert_usage_error, temporary_folder};
use crate::support::command::{backup_check, run};

#[test]
fn rules_are_listed_and_explained() {
    let folder = temporary_folder();
    let json = run(backup_check(folder.path()).args(["rules", "--format", "json"]));
    let listing: Value = serde_json::from_str(&json.stdout).unwrap();
    let rules = listing["rules"].as_array().unwrap();
    assert_eq!(rules.len(), ALL.len());
    let table = run(backup_check(folder.path()).arg("rules")).stdout;
    for rule in rules {
        let id = rule["id"].as_str().unwrap();
        assert!(
            table
                .lines()
                .any(|line| line.starts_with(&format!("{id} "))),
            "{id} is not in the table"
        );
        let explained = run(backup_check(folder.path()).args(["explain", id]));
        assert_eq!(explained.code, 0);
        // A long title is wrapped.
        let words: Vec<&str> = explained.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(rule["title"].as_str().unwrap()));
        for part in [id, "\nWhy it matters\n", "\nFix\n", "\nSources\n"] {
            assert!(
                explained.stdout.contains(part),
                "explain {id} has no {part:?}"
            );
        }
        for line in explained.stdout.lines() {
            // Only commands, policies and addresses are wider.
            let is_prose =
                !line.contains('`') && !line.starts_with("    ") && !line.contains("https://");
            assert!(line.chars().count() <= 80 || !is_prose, "{id}: {line}");
        }
    }
}

#[test]
fn explain_takes_rules_and_groups_and_uses_the_configured_names() {
    let folder = temporary_folder();
    let explain =
        |arguments: &[&str]| run(backup_check(folder.path()).arg("explain").args(arguments));
    let headings = |run: &Run| {
        let lines = run.stdout.lines().map(str::to_owned);
        let ids: BTreeSet<&str> = ALL.iter().map(|rule| rule.id).collect();
        lines
            .filter(|it| ids.contains(it.as_str()))
            .collect::<Vec<_>>()
    };
    let two = explain(&["backup-recent", "network", "backup-recent"]);
    assert_eq!(
        headings(&two),
        [
            "backup-recent",
            "s3-gateway-endpoint-present",
            "s3-gateway-endpoint-routed",
            "s3-gateway-endpoint-open"
        ]
    );
    assert_usage_error(&explain(&[]), &["RULE|GROUP"]);
    assert_usage_error(&explain(&["backup-recent", "nonsense"]), &["\"nonsense\""]);

    let groups: Vec<&str> = Group::ALL.iter().map(|group| group.as_str()).collect();
    let every = explain(&groups);
    assert_eq!(headings(&every).len(), ALL.len());
    assert!(every.stdout.contains("arn:aws:iam::692653576357:root"));
    assert!(every.stdout.contains("Ask the platform team (CDX Team)."));
    assert!(every.stdout.contains("`backup=enabled`"));
    fs::write(
        folder.path().join("backup-check.toml"),
        "central_account = \"999988887777\"\ncontact = \"Storage Team\"\ntag_key = \"protect\"\n[severity]\nkms-key-shared = \"warn\"\n",
    )
    .unwrap();
    let every = explain(&groups);
    for name in ["692653576357", "CDX Team", "`backup=", "<central account>"] {
        assert!(!every.stdout.contains(name), "{name}");
    }
    for name in [
        "arn:aws:iam::999988887777:root",
        "(Storage Team)",
        "`protect=enabled`",
        "exactly the key `protect`",
        "warns by the config",
    ] {
        let words: Vec<&str> = every.stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(name), "{name}");
    }
    let argument = explain(&["kms-key-shared", "--central-account", "123412341234"]);
    assert!(argument.stdout.contains("arn:aws:iam::123412341234:root"));
    assert!(!argument.stdout.contains('\u{1b}'));
    let colored = explain(&["kms-key-shared", "--color", "always"]);
    // Hyperlinks are for terminals alone: in a pipe the address is written out.
    assert!(colored.stdout.contains("\u{1b}[") && !colored.stdout.contains("\u{1b}]8"));
    assert!(colored.stdout.contains("https://docs.aws.amazon.com/"));
    assert!(!colored.stdout.contains('`') && !colored.stdout.contains("\n#"));
}

#[test]
fn color_can_be_forced_in_a_pipe() {
    let folder = temporary_folder();
    let is_colored = |variables: &[(&str, &str)], arguments: &[&str]| {
        let run = run(backup_check(folder.path())
            .envs(variables.iter().copied())
            .args(["explain", "backup-recent"])
            .args(arguments));
        run.stdout.contains('\u{1b}')
    };
    for (variables, arguments, colored) in [
        (&[][..], &[][..], false),
        (&[("FORCE_COLOR", "1")], &[], true),
        (&[("FORCE_COLOR", "3")], &[], true),
        (&[("FORCE_COLOR", "")], &[], false),
        (&[("FORCE_COLOR", "0")], &[], false),
        (&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], &[], false),
        (&[("FORCE_COLOR", "1")], &["--color", "never"], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
    ] {
        assert_eq!(is_colored(variables, arguments), colored, "{variables:?}");
    }
    let help = run(backup_check(folder.path())
        .env("FORCE_COLOR", "1")
        .arg("--help"));
    assert!(help.stdout.contains('\u{1b}'));
}
