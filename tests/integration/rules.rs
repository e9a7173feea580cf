//! The rules: what `fixtures/rules/<id>.json` expects of each, stated by hand, and what every rule has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::snapshot::{SNAPSHOT_VERSION, Snapshot};
use backup_check::rule::{Group, Rule};
use backup_check::rules;
use backup_check::settings::{Settings, Severity, Standard};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    rule: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    why: String,
    #[serde(default)]
    settings: Company,
    #[serde(default)]
    preflight: bool,
    snapshot: Map<String, Value>,
    expect: BTreeMap<String, Expected>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Company {
    org_id: Option<String>,
    central_account: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    guide: State,
    aws: State,
    gating: Option<bool>,
    #[serde(default)]
    says: Vec<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Skip,
    Pass,
    Warn,
    Unknown,
    Fail,
    /// No finding: the rule's severity under the standard is off.
    Off,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Skip => "skip",
            State::Pass => "pass",
            State::Warn => "warn",
            State::Unknown => "unknown",
            State::Fail => "fail",
            State::Off => "off",
        }
    }

    fn of_breach(severity: Severity) -> Self {
        match severity {
            Severity::Fail => State::Fail,
            Severity::Warn => State::Warn,
            Severity::Off => State::Off,
        }
    }
}

impl Expected {
    fn under(&self, standard: Standard) -> State {
        match standard {
            Standard::Guide => self.guide,
            Standard::Aws => self.aws,
        }
    }
}

impl Case {
    fn snapshot(&self) -> Result<Snapshot, serde_json::Error> {
        let mut snapshot = self.snapshot.clone();
        for (field, value) in [
            ("snapshot_version", json!(SNAPSHOT_VERSION)),
            ("account_id", json!("111122223333")),
            ("tag_key", json!("backup")),
            ("started_at", json!("2026-03-03T06:00:00Z")),
            ("finished_at", json!("2026-03-03T06:00:04Z")),
        ] {
            snapshot.entry(field).or_insert(value);
        }
        let mut snapshot = Value::Object(snapshot);
        policies_as_text(&mut snapshot);
        serde_json::from_value(snapshot)
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings {
            org_id: self.settings.org_id.clone(),
            ..Settings::default()
        };
        if let Some(account) = &self.settings.central_account {
            settings.central_account.clone_from(account);
        }
        settings
    }

    /// What does not hold, as lines.
    fn check(&self, rule: &'static Rule) -> Vec<String> {
        if self.name.is_empty() || self.why.is_empty() {
            return vec!["a case has a name and a reason".to_owned()];
        }
        match self.snapshot() {
            Ok(snapshot) => [Standard::Guide, Standard::Aws]
                .into_iter()
                .flat_map(|standard| self.check_under(standard, rule, &snapshot))
                .collect(),
            Err(error) => vec![format!("not a snapshot: {error}")],
        }
    }

    fn check_under(
        &self,
        standard: Standard,
        rule: &'static Rule,
        snapshot: &Snapshot,
    ) -> Vec<String> {
        let options = Options {
            standard,
            preflight: self.preflight,
            only: BTreeSet::from([rule.id]),
            ..Options::default()
        };
        // All of them: rules on backups are held against those on what a copy takes.
        let report = evaluate(snapshot, &self.settings(), &options, &rules::ALL);
        let mut wrong = Vec::new();
        let mut wanted: BTreeMap<&str, &Expected> = self
            .expect
            .iter()
            .filter(|(_, expected)| expected.under(standard) != State::Off)
            .map(|(resource, expected)| (resource.as_str(), expected))
            .collect();
        for finding in &report.findings {
            let seen = format!("{} ({})", finding.status.as_str(), finding.message);
            // Taken out, so that a second finding on the resource is one too many.
            let Some(expected) = wanted.remove(finding.resource.as_str()) else {
                wrong.push(format!(
                    "{}: expected no finding, found {seen}",
                    finding.resource
                ));
                continue;
            };
            let state = expected.under(standard);
            if finding.rule.id != rule.id || finding.status.as_str() != state.as_str() {
                wrong.push(format!(
                    "{}: expected {}, found {seen}",
                    finding.resource,
                    state.as_str()
                ));
            }
            if expected
                .gating
                .is_some_and(|gating| gating != finding.gating)
            {
                wrong.push(format!(
                    "{}: gating is {}",
                    finding.resource, finding.gating
                ));
            }
            for part in &expected.says {
                if !finding.message.contains(part.as_str()) {
                    wrong.push(format!(
                        "{}: does not say {part:?}: {seen}",
                        finding.resource
                    ));
                }
            }
        }
        wrong.extend(wanted.iter().map(|(resource, expected)| {
            format!(
                "{resource}: expected {}, found no finding",
                expected.under(standard).as_str()
            )
        }));
        wrong
            .into_iter()
            .map(|line| format!("under {}: {line}", standard.as_str()))
            .collect()
    }
}

/// A snapshot holds policies as the text that AWS returns; a fixture may write them as JSON, to be read.
fn policies_as_text(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(policies_as_text),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.get_mut("known") {
                    Some(policy @ Value::Object(_)) if name == "policy" => {
                        *policy = Value::String(policy.to_string());
                    }
                    _ => policies_as_text(field),
                }
            }
        }
        _ => {}
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Names of the files with an extension, without it.
fn stems(name: &str, extension: &str) -> BTreeSet<String> {
    std::fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn fixture(rule: &Rule) -> Fixture {
    let path = folder("fixtures/rules").join(format!("{}.json", rule.id));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_case_holds() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        let fixture = fixture(rule);
        assert_eq!(fixture.rule, rule.id);
        let mut names = BTreeSet::new();
        for case in &fixture.cases {
            let place = format!("{}: {}", rule.id, case.name);
            assert!(names.insert(&case.name), "twice: {place}");
            wrong.extend(
                case.check(rule)
                    .into_iter()
                    .map(|line| format!("{place}: {line}")),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} do not hold:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_rule_has_its_file_its_fixture_and_its_line_in_the_table() {
    let table: BTreeSet<String> = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(table.len(), rules::ALL.len(), "two rules have one id");
    let files: BTreeSet<String> = stems("src/rules", "rs")
        .iter()
        .map(|stem| stem.replace('_', "-"))
        .collect();
    assert_eq!(files, table, "src/rules against the table");
    assert_eq!(
        stems("fixtures/rules", "json"),
        table,
        "fixtures/rules against the table"
    );
}

/// The rules that were agreed on, by group. Ids stand in people's configurations and dashboards.
const AGREED: [(Group, &[&str]); 6] = [
    (
        Group::Tagging,
        &[
            "backup-tag-valid",
            "backup-decision-made",
            "backup-tag-not-custom",
            "backup-tag-placed",
            "backup-not-duplicated",
        ],
    ),
    (
        Group::Encryption,
        &[
            "encryption-at-rest",
            "encryption-customer-key",
            "encryption-customer-key-recommended",
            "kms-key-usable",
            "kms-key-shared",
            "kms-key-fully-shared",
            "kms-key-locally-usable",
            "kms-key-not-central",
            "ebs-default-encryption",
        ],
    ),
    (
        Group::Service,
        &[
            "cross-account-copy-supported",
            "resource-state-ready",
            "s3-versioning-enabled",
            "s3-old-versions-expire",
            "dynamodb-advanced-features-enabled",
            "service-opted-in",
            "rds-automated-backups-enabled",
            "rds-option-group-shareable",
            "ec2-image-copyable",
            "stack-resources-ready",
        ],
    ),
    (
        Group::Network,
        &[
            "s3-gateway-endpoint-present",
            "s3-gateway-endpoint-routed",
            "s3-gateway-endpoint-open",
        ],
    ),
    (
        Group::Account,
        &[
            "backup-policy-effective",
            "local-vault-ready",
            "local-vault-key-shared",
            "backup-role-ready",
            "backup-region-covered",
        ],
    ),
    (Group::Proof, &["backup-recent", "copy-recent"]),
];

#[test]
fn the_rules_are_those_that_were_agreed_on() {
    let agreed: Vec<(Group, &str)> = AGREED
        .iter()
        .flat_map(|(group, ids)| ids.iter().map(|id| (*group, *id)))
        .collect();
    let table: Vec<(Group, &str)> = rules::ALL
        .iter()
        .map(|rule| (rule.group, rule.id))
        .collect();
    assert_eq!(table, agreed);
}

#[test]
fn every_rule_is_seen_to_pass_to_break_and_to_be_left_open() {
    for rule in rules::ALL {
        let fixture = fixture(rule);
        let expected: Vec<&Expected> = fixture
            .cases
            .iter()
            .flat_map(|it| it.expect.values())
            .collect();
        let broken = State::of_breach(rule.guide);
        for state in [State::Pass, broken, State::Unknown] {
            assert!(
                expected.iter().any(|it| it.guide == state),
                "{}: no case expects {}",
                rule.id,
                state.as_str()
            );
        }
        // A plain warning is the same under both standards, so only this tells a breach from it.
        let breach = (broken, State::of_breach(rule.aws));
        assert!(
            expected.iter().any(|it| (it.guide, it.aws) == breach),
            "{}: no case expects {} under guide and {} under aws",
            rule.id,
            breach.0.as_str(),
            breach.1.as_str()
        );
    }
}

#[test]
fn every_rule_says_why_how_to_fix_it_and_who_says_so() {
    for rule in rules::ALL {
        // The doc comment's lines keep the blank after `///`.
        let docs: Vec<&str> = rule.docs.lines().map(str::trim).collect();
        let section = |heading: &str| {
            let start = docs.iter().position(|line| *line == heading);
            let start = start.unwrap_or_else(|| panic!("{}: no {heading}", rule.id));
            let rest = docs[start + 1..].iter();
            rest.take_while(|line| !line.starts_with("## "))
                .copied()
                .collect::<Vec<_>>()
                .concat()
        };
        assert!(
            !docs[0].is_empty() && !docs[0].starts_with('#'),
            "{}: no first sentence",
            rule.id
        );
        assert!(!section("## Fix").is_empty(), "{}: no fix", rule.id);
        let sources = section("## Sources");
        assert!(
            sources.contains("<https://") || sources.contains("The company guide"),
            "{}: no source in {sources:?}",
            rule.id
        );
    }
}
