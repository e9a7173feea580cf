//! The page of rules, from the rules themselves, and the table of formats.

use backup_check::model::ResourceKind;
use backup_check::model::kind::{BackupKey, BackupSupport, KINDS};
use backup_check::model::service::Service;
use backup_check::report::format;
use backup_check::rule::{Group, Rule};
use backup_check::rules::ALL;

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

/// Service by service, the rules about it. Rules on tags and proof apply to every type and are left to the text.
pub fn service_table() -> String {
    let mut table = "| service | rules |\n|---|---|\n".to_owned();
    for service in Service::ALL {
        let specific = ALL.iter().filter(|rule| {
            let is_general = matches!(rule.group, Group::Tagging | Group::Proof);
            rule.services().contains(&service) && (!is_general || rule.id == "backup-tag-placed")
        });
        let list: Vec<String> = specific
            .map(|rule| format!("[`{0}`](#{0})", rule.id))
            .collect();
        if !list.is_empty() {
            table.push_str(&format!(
                "| `{}` | {} |\n",
                service.as_str(),
                list.join(", ")
            ));
        }
    }
    table
}

/// Type by type, how far it is checked.
pub fn type_table() -> String {
    let mut table =
        "| type | service | AWS types | encrypted with | state | copy |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for row in KINDS.iter().filter(|row| row.kind.is_backed_up()) {
        let types: Vec<&str> = row.types.iter().map(|it| it.cloudformation).collect();
        let key = match row.backup_key {
            BackupKey::Inherited => "key of the resource",
            BackupKey::Vault => "key of the vault",
            BackupKey::None => "not checked",
        };
        let state = match row.states {
            [] => "not checked",
            _ => "checked",
        };
        let copy = match (row.backup, row.kind) {
            (BackupSupport::Supported, ResourceKind::Other) => "not checked, but proof is",
            (BackupSupport::Supported, _) => "checked",
            _ => "not supported by AWS Backup",
        };
        let service = row.service.map_or("", Service::as_str);
        table.push_str(&format!(
            "| `{}` | `{service}` | {} | {key} | {state} | {copy} |\n",
            row.name,
            types.join(", ")
        ));
    }
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
