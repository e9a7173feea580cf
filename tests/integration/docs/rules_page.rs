//! The page of rules, from the rules themselves, and the table of formats.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::report::format;
use backup_check::rule::{Group, Rule};
use backup_check::rules::ALL;
use serde_json::Value;

use super::commands::shell;
use super::pages::Page;

/// Every rule in a line, by group.
pub fn rule_table() -> String {
    let mut table = "| rule | passes when | guide | aws |\n|---|---|---|---|\n".to_owned();
    let mut group = "";
    for rule in ALL {
        if rule.group.as_str() != group {
            group = rule.group.as_str();
            table.push_str(&format!("| **{group}** | | | |\n"));
        }
        table.push_str(&format!(
            "| [`{0}`](#{0}) | {1} | {2} | {3} |\n",
            rule.id,
            rule.title,
            rule.guide.as_str(),
            rule.aws.as_str()
        ));
    }
    table
}

/// Every rule with its documentation under a heading that is its id, and so its anchor.
pub fn reference() -> String {
    ALL.iter().map(|rule| entry(rule)).collect()
}

fn entry(rule: &Rule) -> String {
    let mut text = format!(
        "## {}\n\n**{}.**\nGroup `{}`, fixed by the {} team. A violation is `{}` under the guide and `{}` under the AWS standard.\n\n",
        rule.id,
        rule.title,
        rule.group.as_str(),
        rule.owner.as_str(),
        rule.guide.as_str(),
        rule.aws.as_str()
    );
    let mut inside = false;
    for line in rule.docs.lines() {
        // A doc comment's lines begin with the space after the slashes.
        let line = line.strip_prefix(' ').unwrap_or(line);
        inside ^= line.starts_with("```");
        match line.strip_prefix("## ") {
            // A heading would be an anchor that every rule has.
            Some(title) if !inside => text.push_str(&format!("**{title}**\n")),
            _ => text.push_str(&format!("{line}\n")),
        }
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n\n");
    text
}

/// The types that are backed up, as the guide orders its services, then what they depend on.
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

/// Service by service, the rules with a finding in the accounts of the fixtures. Rules on tags and proof apply
/// to every type and are left to the text.
pub fn service_table() -> String {
    let mut checked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for account in ["mixed", "clean"] {
        let json = shell(&format!(
            "backup-check scan --from fixtures/accounts/{account}.json --format json"
        ));
        let report: Value = serde_json::from_str(&json.stdout).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            checked
                .entry(text("resource_type"))
                .or_default()
                .insert(text("rule"));
        }
    }
    let mut table = "| service | type | rules |\n|---|---|---|\n".to_owned();
    for (service, types) in SERVICES {
        for kind in types {
            let ids = checked.remove(*kind).unwrap_or_default();
            let specific = ALL.iter().filter(|rule| {
                ids.contains(rule.id)
                    && (rule.id == "backup-tag-placed"
                        || !matches!(rule.group, Group::Tagging | Group::Proof))
            });
            let list: Vec<String> = specific
                .map(|rule| format!("[`{0}`](#{0})", rule.id))
                .collect();
            table.push_str(&format!("| {service} | `{kind}` | {} |\n", list.join(", ")));
        }
    }
    assert!(checked.is_empty(), "not in the table: {checked:?}");
    table
}

/// The formats that `--format` knows.
pub fn format_table() -> String {
    let mut table = "| format | for |\n|---|---|\n".to_owned();
    for format in format::FORMATS {
        table.push_str(&format!("| `{}` | {} |\n", format.name, format.about));
    }
    table
}

#[test]
fn every_rule_has_the_anchor_that_reports_link_to() {
    let page = Page::read("docs/src/rules.md").text;
    for rule in ALL {
        let (address, anchor) = rule.help_uri().rsplit_once('#').map_or_else(
            || panic!("{} has no anchor", rule.help_uri()),
            |(address, anchor)| (address.to_owned(), anchor.to_owned()),
        );
        assert_eq!(anchor, rule.id);
        assert!(address.ends_with("/docs/src/rules.md"), "{address}");
        let heading = format!("\n## {}\n", rule.id);
        assert_eq!(page.matches(&heading).count(), 1, "{}", rule.id);
    }
}
