//! The rules: what `fixtures/rules/<id>.json` expects of each one, and what every rule must have.
//!
//! A case is a small snapshot and the status expected of each resource in it, under both standards. Expectations
//! are written by hand. Cases share what they repeat: `fixtures/presets.json` holds named values (a shared key,
//! the company's backup policy, a volume), and `{"$preset": "shared-key"}` anywhere in a snapshot is replaced by the
//! value of that name. Further fields replace those of the preset, as in `{...preset, id: "vol-1"}` of JavaScript:
//! `{"$preset": "enabled-volume", "id": "vol-1"}`. A preset may refer to other presets. The account, the tag key
//! and the times of a snapshot have defaults (`Case::snapshot`), and policies are written as JSON.

mod losses;
mod needs;
mod sentences;
mod shared_outcomes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use backup_check::analysis::Remedy;
use backup_check::evaluate::{Options, evaluate};
use backup_check::model::snapshot::{SNAPSHOT_VERSION, Snapshot};
use backup_check::report::Finding;
use backup_check::rule::{Group, Rule};
use backup_check::rules;
use backup_check::settings::{Settings, Severity, Standard};
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    snapshot: Value,
    expect: BTreeMap<String, Expected>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Company {
    org_id: Option<String>,
    central_account: Option<String>,
    #[serde(default)]
    endpoint_ous: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    guide: State,
    aws: State,
    gating: Option<bool>,
    #[serde(default)]
    says: Vec<String>,
    /// What the message does not say.
    #[serde(default)]
    omits: Vec<String>,
    /// Parts of the text that says how to fix it.
    #[serde(default)]
    fix: Vec<String>,
    /// The names of its remedies, as `fix` gets them.
    remedies: Option<BTreeSet<String>>,
    /// Values of its evidence, by name: null for what it does not have.
    #[serde(default)]
    evidence: BTreeMap<String, Value>,
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

    fn of_violation(severity: Severity) -> Self {
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

    /// Returns how the finding differs from what is expected of its resource, one line each.
    fn differences(&self, standard: Standard, rule: &Rule, finding: &Finding) -> Vec<String> {
        let seen = describe(finding);
        let state = self.under(standard).as_str();
        let mut wrong = Vec::new();
        if finding.rule.id != rule.id || finding.status.as_str() != state {
            wrong.push(format!("expected {state}, found {seen}"));
        }
        if self.gating.is_some_and(|gating| gating != finding.gating) {
            wrong.push(format!("gating is {}: {seen}", finding.gating));
        }
        let missing = self
            .says
            .iter()
            .filter(|part| !finding.explanation.message.contains(part.as_str()));
        wrong.extend(missing.map(|part| format!("does not say {part:?}: {seen}")));
        let surplus = self
            .omits
            .iter()
            .filter(|part| finding.explanation.message.contains(part.as_str()));
        wrong.extend(surplus.map(|part| format!("says {part:?}: {seen}")));
        let fix = finding.explanation.fix.as_deref().unwrap_or_default();
        let missing = self.fix.iter().filter(|part| !fix.contains(part.as_str()));
        wrong.extend(missing.map(|part| format!("the fix does not say {part:?}: {fix}")));
        if let Some(expected) = &self.remedies {
            let causes = finding.explanation.causes.iter();
            let found: BTreeSet<String> = causes.flat_map(|it| &it.remedies).map(name_of).collect();
            if found != *expected {
                wrong.push(format!(
                    "expected the remedies {expected:?}, found {found:?}"
                ));
            }
        }
        for (name, value) in &self.evidence {
            let found = finding
                .explanation
                .evidence
                .get(name)
                .unwrap_or(&Value::Null);
            if found != value {
                wrong.push(format!(
                    "expected the evidence {name} {value}, found {found}"
                ));
            }
        }
        wrong
    }
}

/// Returns the name of the variant.
fn name_of(remedy: &Remedy) -> String {
    let text = format!("{remedy:?}");
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}

fn describe(finding: &Finding) -> String {
    let (resource, message) = (&finding.resource, &finding.explanation.message);
    format!("{resource}: {} ({message})", finding.status.as_str())
}

impl Case {
    /// Returns the snapshot with presets expanded and defaults filled in.
    fn snapshot(&self) -> Result<Snapshot, String> {
        let Value::Object(mut snapshot) = expand_presets(&self.snapshot, presets())? else {
            return Err("the snapshot is no object".to_owned());
        };
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
        policies_to_text(&mut snapshot);
        serde_json::from_value(snapshot).map_err(|error| error.to_string())
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings {
            org_id: self.settings.org_id.clone(),
            endpoint_ous: self.settings.endpoint_ous.clone(),
            ..Settings::default()
        };
        if let Some(account) = &self.settings.central_account {
            settings.central_account.clone_from(account);
        }
        settings
    }

    /// Returns the differences from the expectations, one line each.
    fn check(&self, rule: &'static Rule) -> Vec<String> {
        if self.name.is_empty() || self.why.is_empty() {
            return vec!["the case has no name or no reason".to_owned()];
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
        // With every rule, because proof rules compare their result with the prerequisites.
        let report = evaluate(snapshot, &self.settings(), &options, &rules::ALL);
        let mut wrong = Vec::new();
        let mut wanted: BTreeMap<&str, &Expected> = self
            .expect
            .iter()
            .filter(|(_, expected)| expected.under(standard) != State::Off)
            .map(|(resource, expected)| (resource.as_str(), expected))
            .collect();
        for finding in &report.findings {
            // Removed, so that a second finding on the resource is reported as unexpected.
            match wanted.remove(finding.resource.as_str()) {
                Some(expected) => wrong.extend(expected.differences(standard, rule, finding)),
                None => wrong.push(format!("expected no finding, found {}", describe(finding))),
            }
        }
        wrong.extend(wanted.iter().map(|(resource, expected)| {
            let state = expected.under(standard).as_str();
            format!("{resource}: expected {state}, found no finding")
        }));
        wrong
            .into_iter()
            .map(|line| format!("under {}: {line}", standard.as_str()))
            .collect()
    }
}

/// Fields that hold a policy as the text that AWS returns. A fixture may write them as JSON.
const POLICY_FIELDS: [&str; 3] = ["policy", "access_policy", "trust_policy"];

fn policies_to_text(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(policies_to_text),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.get_mut("known") {
                    Some(policy @ Value::Object(_))
                        if POLICY_FIELDS.contains(&name.as_str())
                            || policy.get("Statement").is_some() =>
                    {
                        *policy = Value::String(policy.to_string());
                    }
                    _ => policies_to_text(field),
                }
            }
        }
        _ => {}
    }
}

/// Returns the named values that cases share.
fn presets() -> &'static Map<String, Value> {
    static PRESETS: LazyLock<Map<String, Value>> =
        LazyLock::new(|| read_json(&folder("fixtures/presets.json")));
    &PRESETS
}

/// Replaces each `{"$preset": NAME, ...}` by the preset of that name, with the fields next to the name laid over it.
fn expand_presets(value: &Value, presets: &Map<String, Value>) -> Result<Value, String> {
    match value {
        Value::Array(items) => items.iter().map(|it| expand_presets(it, presets)).collect(),
        Value::Object(fields) => {
            let mut expanded = match fields.get("$preset") {
                Some(name) => expand_presets(preset_of(name, presets)?, presets)?,
                None => Value::Object(Map::new()),
            };
            for (name, field) in fields.iter().filter(|(name, _)| *name != "$preset") {
                let object = expanded.as_object_mut();
                let object = object.ok_or_else(|| {
                    format!("{name} replaces nothing in a preset that is no object")
                })?;
                object.insert(name.clone(), expand_presets(field, presets)?);
            }
            Ok(expanded)
        }
        _ => Ok(value.clone()),
    }
}

fn preset_of<'a>(name: &Value, presets: &'a Map<String, Value>) -> Result<&'a Value, String> {
    let preset = name.as_str().and_then(|name| presets.get(name));
    preset.ok_or_else(|| format!("no preset {name} in fixtures/presets.json"))
}

/// Adds the names of the presets that the value refers to.
fn collect_preset_names<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| collect_preset_names(it, names)),
        Value::Object(fields) => {
            names.extend(fields.get("$preset").and_then(Value::as_str));
            fields
                .values()
                .for_each(|it| collect_preset_names(it, names));
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

fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_fixture(rule: &Rule) -> Fixture {
    read_json(&folder("fixtures/rules").join(format!("{}.json", rule.id)))
}

#[test]
fn every_case_gives_the_expected_findings() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        let fixture = read_fixture(rule);
        assert_eq!(fixture.rule, rule.id);
        let mut names = BTreeSet::new();
        for case in &fixture.cases {
            let place = format!("{}: {}", rule.id, case.name);
            assert!(
                names.insert(&case.name),
                "two cases have this name: {place}"
            );
            wrong.extend(
                case.check(rule)
                    .into_iter()
                    .map(|line| format!("{place}: {line}")),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} expectations are not met:\n{}",
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

/// The rule ids by group. They are stable: people use them in configuration files and dashboards.
const RULES_BY_GROUP: [(Group, &[&str]); 6] = [
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
            "s3-continuous-events",
            "dynamodb-advanced-features-enabled",
            "service-opted-in",
            "rds-automated-backups-enabled",
            "rds-option-group-shareable",
            "rds-windows-clear",
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
            "organization-member",
            "backup-policy-effective",
            "central-copy-retained",
            "local-vault-ready",
            "local-vault-key-shared",
            "backup-role-ready",
            "backup-region-covered",
        ],
    ),
    (Group::Proof, &["backup-recent", "copy-recent"]),
];

#[test]
fn rule_ids_and_their_groups_are_stable() {
    let expected: Vec<(Group, &str)> = RULES_BY_GROUP
        .iter()
        .flat_map(|(group, ids)| ids.iter().map(|id| (*group, *id)))
        .collect();
    let table: Vec<(Group, &str)> = rules::ALL
        .iter()
        .map(|rule| (rule.group, rule.id))
        .collect();
    assert_eq!(table, expected);
}

#[test]
fn every_rule_has_cases_that_pass_violate_it_and_are_unknown() {
    for rule in rules::ALL {
        let fixture = read_fixture(rule);
        let expected: Vec<&Expected> = fixture
            .cases
            .iter()
            .flat_map(|it| it.expect.values())
            .collect();
        let violated = State::of_violation(rule.guide);
        for state in [State::Pass, violated, State::Unknown] {
            assert!(
                expected.iter().any(|it| it.guide == state),
                "{}: no case expects {}",
                rule.id,
                state.as_str()
            );
        }
        // A plain warning is the same under both standards, which a violation need not be.
        let violation = (violated, State::of_violation(rule.aws));
        assert!(
            expected.iter().any(|it| (it.guide, it.aws) == violation),
            "{}: no case expects {} under guide and {} under aws",
            rule.id,
            violation.0.as_str(),
            violation.1.as_str()
        );
    }
}

#[test]
fn every_preset_is_used_and_no_preset_is_missing() {
    let fixtures: Vec<Fixture> = rules::ALL.into_iter().map(read_fixture).collect();
    let mut used = BTreeSet::new();
    for case in fixtures.iter().flat_map(|it| &it.cases) {
        collect_preset_names(&case.snapshot, &mut used);
    }
    for preset in presets().values() {
        collect_preset_names(preset, &mut used);
    }
    let known: BTreeSet<&str> = presets().keys().map(String::as_str).collect();
    assert_eq!(used, known, "presets used against fixtures/presets.json");
}

#[test]
fn fields_next_to_a_preset_replace_its_fields() {
    let presets = json!({
        "tag": {"known": {"backup": "enabled"}},
        "volume": {"id": "vol-1", "tags": {"$preset": "tag"}, "state": {"known": "in-use"}},
    });
    let expand = |value: Value| expand_presets(&value, presets.as_object().unwrap());
    assert_eq!(
        expand(json!([{"$preset": "volume", "id": "vol-2", "state": {"unknown": {}}}])),
        Ok(
            json!([{"id": "vol-2", "tags": {"known": {"backup": "enabled"}}, "state": {"unknown": {}}}])
        )
    );
    assert!(
        expand(json!({"$preset": "bucket"}))
            .unwrap_err()
            .contains("bucket")
    );
}

/// The sections of a rule's documentation, after its first paragraph and in this order.
const SECTIONS: [&str; 3] = ["## Why it matters", "## Fix", "## Sources"];

#[test]
fn every_rule_documents_what_it_checks_why_it_matters_the_fix_and_sources() {
    for rule in rules::ALL {
        // The lines of a doc comment keep the blank after `///`.
        let docs: Vec<&str> = rule.docs.lines().map(str::trim).collect();
        let headings: Vec<&str> = docs
            .iter()
            .copied()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, SECTIONS, "{}", rule.id);
        assert!(
            !docs[0].is_empty() && !docs[0].starts_with('#'),
            "{}: no first sentence",
            rule.id
        );
        let sections = docs
            .split(|line| SECTIONS.contains(line))
            .map(|lines| lines.concat());
        let sections: Vec<String> = sections.collect();
        assert!(
            sections.iter().all(|text| !text.is_empty()),
            "{}: an empty section",
            rule.id
        );
        assert!(
            sections[3].contains("<https://") || sections[3].contains("The company guide"),
            "{}: no source in {:?}",
            rule.id,
            sections[3]
        );
    }
}
