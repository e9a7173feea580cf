//! The table of dialects: each row is complete, and the command line offers it.

use std::collections::BTreeSet;

use backup_check::fix::Wanted;
use backup_check::fix::dialect::{DIALECTS, Dialect};

use super::fix_findings;
use super::sample::{by_hand, every_change};
use crate::formats::snapshot;
use crate::support::command::{backup_check, repository, run};

fn write_changes(dialect: &Dialect, account: &str, wanted: &Wanted) -> String {
    let (report, changes) = fix_findings(snapshot(account), wanted);
    let mut out = Vec::new();
    (dialect.write)(&report, &changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_dialect_has_its_own_name_and_description() {
    let names: BTreeSet<&str> = DIALECTS.iter().map(|it| it.name).collect();
    assert_eq!(names.len(), DIALECTS.len());
    for dialect in DIALECTS {
        let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(dialect.name.chars().all(is_kebab), "{}", dialect.name);
        assert!(dialect.about.len() > 10, "{}", dialect.name);
        assert!(!dialect.about.ends_with('.'), "{}", dialect.name);
        let found = Dialect::find(dialect.name).map(|it| it.name);
        assert_eq!(found, Some(dialect.name));
    }
    assert!(Dialect::find("cobol").is_none());
}

#[test]
fn the_command_offers_every_dialect() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(backup_check(folder.path()).args(["fix", "--help"]));
    let account = repository().join("fixtures/accounts/mixed.json");
    for dialect in DIALECTS {
        assert!(help.stdout.contains(dialect.about), "{}", dialect.name);
        let written = run(backup_check(folder.path())
            .args(["fix", "--as", dialect.name, "--from"])
            .arg(&account));
        assert_eq!(written.code, 0, "{}", written.stderr);
        assert_eq!(
            written.stdout,
            write_changes(dialect, "mixed", &Wanted::Failing),
            "{}",
            dialect.name
        );
    }
    let default = run(backup_check(folder.path())
        .args(["fix", "--from"])
        .arg(&account));
    let first = write_changes(&DIALECTS[0], "mixed", &Wanted::Failing);
    assert_eq!(default.stdout, first);
    let unknown = run(backup_check(folder.path()).args(["fix", "--as", "cobol"]));
    assert_eq!(unknown.code, 2);
}

#[test]
fn only_a_dialect_without_output_explains_why() {
    let (all, manual) = (every_change("a-bucket"), by_hand("a-bucket"));
    for dialect in DIALECTS {
        assert_eq!((dialect.explain_empty)(&all), None, "{}", dialect.name);
        let (report, _) = fix_findings(snapshot("mixed"), &Wanted::Failing);
        let mut out = Vec::new();
        (dialect.write)(&report, &manual, &mut out).unwrap();
        assert_eq!(
            (dialect.explain_empty)(&manual).is_some(),
            out.is_empty(),
            "{}",
            dialect.name
        );
    }
}

/// What is in no template is changed by these properties, which a reader copies from the comments.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcendpoint.html>.
#[test]
fn properties_in_comments_can_be_copied() {
    let dialect = Dialect::find("cloudformation").unwrap();
    let written = write_changes(dialect, "mixed", &Wanted::FailingAndWarning);
    let policy = written.split("#     KeyPolicy:\n").nth(1).unwrap();
    let policy: String = policy
        .lines()
        .map_while(|it| it.strip_prefix("#       "))
        .collect();
    let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
    assert!(policy["Statement"].is_array());
    // A template without the property leaves it open what becomes of the policy of the endpoint.
    assert!(
        written.contains("#     PolicyDocument: {Version: \"2008-10-17\", Statement: ["),
        "{written}"
    );
    assert!(written.contains("FileSystemTags in AWS::EFS::FileSystem"));
}
