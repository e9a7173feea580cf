//! The README says what the program does: its commands run, its blocks are what is printed.
//!
//! `UPDATE_DOCS=1 cargo test docs` writes the blocks anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use backup_check::rule::Group;
use backup_check::rules::ALL;
use serde_json::Value;

use crate::support::command::{backup_check, repository, run};

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// What the program prints when it is called from the repository as a reader of the README would.
fn printed(arguments: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let run = run(backup_check(folder.path())
        .current_dir(repository())
        .args(arguments.split_whitespace()));
    assert_eq!(run.stderr, "", "{arguments}");
    (run.code, run.stdout)
}

fn table_of_rules() -> String {
    let mut table = "| rule | passes when | guide | aws |\n|---|---|---|---|\n".to_owned();
    let mut group = "";
    for rule in ALL {
        if rule.group.as_str() != group {
            group = rule.group.as_str();
            table.push_str(&format!("| **{group}** | | | |\n"));
        }
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            rule.id,
            rule.title,
            rule.guide.as_str(),
            rule.aws.as_str()
        ));
    }
    table
}

/// The types that are backed up, as the guide orders its services, then what they stand in.
const SERVICES: [(&str, &[&str]); 13] = [
    ("S3", &["s3-bucket"]),
    ("EC2", &["ec2-instance"]),
    ("EBS", &["ebs-volume"]),
    (
        "RDS, Aurora",
        &["rds-instance", "rds-cluster", "aurora-cluster"],
    ),
    ("EFS", &["efs-file-system"]),
    ("DynamoDB", &["dynamodb-table"]),
    (
        "Storage Gateway",
        &["storage-gateway-volume", "storage-gateway"],
    ),
    ("Redshift", &["redshift-cluster", "redshift-namespace"]),
    ("CloudFormation", &["cloudformation-stack"]),
    (
        "Secrets Manager, Systems Manager",
        &["secret", "ssm-parameter"],
    ),
    ("FSx, DocumentDB, Neptune, EKS, ...", &["other"]),
    ("VPC", &["vpc"]),
    ("AWS Backup", &["backup-vault", "region", "account"]),
];

/// Service by service, the rules that judged something of it in the accounts of the fixtures; those on
/// tags and proof, which are about every type, are left to the text.
fn table_of_services() -> String {
    let mut judged: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for account in ["mixed", "clean"] {
        let (_, json) = printed(&format!(
            "scan --from fixtures/accounts/{account}.json --format json"
        ));
        let report: Value = serde_json::from_str(&json).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            judged
                .entry(text("resource_type"))
                .or_default()
                .insert(text("rule"));
        }
    }
    let mut table = "| service | type | judged by |\n|---|---|---|\n".to_owned();
    for (service, types) in SERVICES {
        for kind in types {
            let rules = judged.remove(*kind).unwrap_or_default();
            let of_its_own = ALL.iter().filter(|rule| {
                rules.contains(rule.id)
                    && (rule.id == "backup-tag-placed"
                        || !matches!(rule.group, Group::Tagging | Group::Proof))
            });
            let list: Vec<String> = of_its_own.map(|rule| format!("`{}`", rule.id)).collect();
            table.push_str(&format!("| {service} | `{kind}` | {} |\n", list.join(", ")));
        }
    }
    assert!(judged.is_empty(), "not in the table: {judged:?}");
    table
}

/// The README with its generated blocks written anew.
fn generated(readme: &str) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in readme.split_inclusive('\n') {
        let marker = |name: &str| {
            let rest = line.trim().strip_prefix("<!-- ")?.strip_suffix(" -->")?;
            rest.strip_prefix(name).map(|rest| rest.trim().to_owned())
        };
        if marker("end").is_some() {
            skipping = false;
        }
        if !skipping {
            out.push_str(line);
        }
        if let Some(arguments) = marker("begin output:") {
            out.push_str(&format!("```text\n{}```\n", printed(&arguments).1));
            skipping = true;
        } else if marker("begin rules").is_some() {
            out.push_str(&table_of_rules());
            skipping = true;
        } else if marker("begin services").is_some() {
            out.push_str(&table_of_services());
            skipping = true;
        }
    }
    out
}

#[test]
fn generated_blocks_are_fresh() {
    let present = readme();
    let fresh = generated(&present);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository().join("README.md"), &fresh).unwrap();
    } else {
        assert_eq!(
            present, fresh,
            "the README is stale: UPDATE_DOCS=1 cargo test docs"
        );
    }
}

#[test]
fn the_first_look_shows_every_status() {
    let readme = readme();
    let command = "cargo run --no-default-features -- ";
    let arguments = readme
        .lines()
        .find_map(|line| line.strip_prefix(command))
        .unwrap();
    let (code, text) = printed(arguments);
    assert_eq!(code, 1);
    for word in [
        "not-ready",
        "unknown",
        "at-risk",
        "ready",
        "exempt",
        "fail",
        "warn",
    ] {
        assert!(text.contains(word), "the first look shows no {word}");
    }
    let (_, json) = printed(&format!("{arguments} --format json --show-skipped"));
    for status in ["pass", "fail", "warn", "unknown", "skip"] {
        assert!(
            json.contains(&format!("\"status\": \"{status}\"")),
            "the first look has no {status}"
        );
    }
}

#[test]
fn every_flag_and_exit_code_is_in_the_readme() {
    let readme = readme();
    let help =
        ["scan --help", "key-policy --help", "fix --help"].map(|arguments| printed(arguments).1);
    let flags = help
        .iter()
        .flat_map(|help| help.lines())
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
    let mut count = 0;
    for flag in flags {
        let flag = flag.trim_end_matches([',', '.', '[', ']']);
        assert!(readme.contains(flag), "{flag} is not in the README");
        count += 1;
    }
    assert!(count > 20, "{help:?}");
    for code in ["| 0 |", "| 1 |", "| 2 |", "| 3 |", "| 130, 143 |"] {
        assert!(readme.contains(code), "{code}");
    }
}

#[test]
fn the_config_in_the_readme_is_one() {
    let readme = readme();
    let example = readme
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("backup-check.toml"), example).unwrap();
    let judged = run(backup_check(folder.path())
        .args(["scan", "--from"])
        .arg(repository().join("fixtures/accounts/clean.json")));
    assert_eq!((judged.code, judged.stderr.as_str()), (0, ""));
}
