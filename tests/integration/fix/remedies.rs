//! The remedies of findings: the only thing that `fix` reads of what a rule found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use backup_check::analysis::Remedy;
use backup_check::evaluate::Options;
use backup_check::fix::Wanted;
use backup_check::report::{Finding, Report, Status};
use backup_check::rules::ALL;
use serde_json::{Value, json};

use super::fix_findings;
use crate::formats::{report, snapshot};
use crate::support::command::repository;

/// A key of the account `mixed` that is not shared.
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/ea2092fb-2fbb-4037-a5fc-879ba35b5906";

/// Returns the files of a folder with their texts, and of the module of the same name.
fn source_files(module: &Path) -> Vec<(PathBuf, String)> {
    let mut files = vec![module.with_extension("rs")];
    let mut folders = vec![module.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    files.into_iter().map(read).collect()
}

fn rule_ids(text: &str) -> Vec<&'static str> {
    let ids = ALL.iter().map(|rule| rule.id);
    ids.filter(|id| text.contains(id)).collect()
}

fn remedies(finding: &Finding) -> impl Iterator<Item = &Remedy> {
    finding
        .explanation
        .causes
        .iter()
        .flat_map(|it| &it.remedies)
}

fn of_rule<'a>(report: &'a Report, rule: &'a str) -> impl Iterator<Item = &'a Finding> {
    report.findings.iter().filter(move |it| it.rule.id == rule)
}

#[test]
fn fix_names_no_rule_and_no_evidence() {
    let src = repository().join("src");
    let files = source_files(&src.join("fix"));
    assert!(files.iter().any(|(path, _)| path.ends_with("fix.rs")));
    assert!(files.iter().any(|(path, _)| path.ends_with("tag.sh")));
    for (path, text) in files {
        // Pages of the AWS documentation have names like those of rules.
        let lines = text.lines().filter(|line| !line.contains("https://"));
        let code: String = lines.collect();
        assert_eq!(rule_ids(&code), [""; 0], "{}", path.display());
        assert!(!text.contains("evidence"), "{}", path.display());
    }
    let rule = fs::read_to_string(src.join("rules/kms_key_shared.rs")).unwrap();
    assert!(rule_ids(&rule).contains(&"kms-key-shared"));
}

#[test]
fn the_facts_of_a_key_are_collected_in_one_place() {
    let src = repository().join("src");
    let count = |room: &str| -> usize {
        let files = source_files(&src.join(room));
        let literals = files.iter().map(|(_, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            code.lines()
                .filter(|line| line.contains("KeyFacts {") && !line.contains("fn "))
                .count()
        });
        literals.sum()
    };
    assert_eq!(count("analysis"), 1);
    assert_eq!((count("rules"), count("fix"), count("evaluate")), (0, 0, 0));
}

#[test]
fn findings_that_pass_have_no_remedy() {
    let (report, _) = fix_findings(snapshot("mixed"), &Wanted::Failing);
    let with_remedy = report
        .findings
        .iter()
        .filter(|it| remedies(it).next().is_some());
    let statuses: BTreeSet<&str> = with_remedy.map(|it| it.status.as_str()).collect();
    assert_eq!(statuses, BTreeSet::from(["fail", "warn"]));
}

#[test]
fn a_key_to_share_comes_with_its_facts() {
    let (report, _) = fix_findings(snapshot("mixed"), &Wanted::Failing);
    let mut shared = 0;
    for finding in of_rule(&report, "kms-key-shared") {
        for remedy in remedies(finding) {
            let Remedy::ShareKey { key_arn, facts } = remedy else {
                panic!("{remedy:?}");
            };
            assert_eq!(facts.key_arn.as_ref(), Some(key_arn));
            assert_eq!(facts.key_account, "111122223333");
            assert_eq!(facts.key_spec.as_deref(), Some("SYMMETRIC_DEFAULT"));
            shared += 1;
        }
    }
    assert!(shared > 0);
}

#[test]
fn planned_resources_have_no_remedy() {
    let mut planned = snapshot("mixed");
    planned["source"] = json!("terraform-plan");
    let report = report(planned, &Options::default());
    assert!(report.source.is_planned());
    assert!(
        report
            .findings
            .iter()
            .all(|it| remedies(it).next().is_none())
    );
}

#[test]
fn a_stack_has_no_remedy_of_its_resources() {
    let mut with_stack = snapshot("mixed");
    let region = &mut with_stack["regions"]["eu-central-1"];
    let volumes = region["volumes"]["items"].as_array().unwrap();
    let under_key = volumes.iter().find(|it| it["kms_key"]["known"] == KEY);
    let volume = under_key.unwrap()["id"].clone();
    let stacks = &mut region["stacks"]["items"];
    *stacks = Value::Array(vec![json!({
        "arn": "arn:aws:cloudformation:eu-central-1:111122223333:stack/app/0a1b2c3d-0000-0000-0000-000000000000",
        "id": "app",
        "state": {"known": "CREATE_COMPLETE"},
        "tags": {"known": {"backup": "enabled"}},
        "resources": {"items": [
            {
                "logical_id": "Volume",
                "physical_id": volume,
                "resource_type": "AWS::EC2::Volume",
                "state": "CREATE_COMPLETE",
            }
        ]}
    })]);
    let (report, _) = fix_findings(with_stack, &Wanted::Failing);
    let stacks: Vec<&Finding> = of_rule(&report, "stack-resources-ready").collect();
    let failing = stacks.iter().filter(|it| it.status == Status::Fail);
    assert!(
        failing
            .clone()
            .all(|it| it.explanation.message.contains("kms-key-shared"))
    );
    assert!(failing.count() > 0);
    assert!(stacks.iter().all(|it| remedies(it).next().is_none()));
}
