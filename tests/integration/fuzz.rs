//! Replays the seeds of the fuzz targets, and changed ones: no input causes a panic.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::command::repository;

use bodies::{
    check_config, check_effective_policy, check_key_policy, check_plan, check_snapshot,
    check_template,
};

/// How many times a seed is changed.
const CHANGES: u64 = 40;

/// Returns the files of a folder of fixtures with one of the extensions.
fn seeds(folder: &str, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let folder = repository().join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|path| {
            let extension = path.extension().and_then(|it| it.to_str());
            path.is_file() && extension.is_some_and(|it| extensions.contains(&it))
        })
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    files.into_iter().map(read).collect()
}

/// Numbers that look random and are the same in each run.
///
/// Source: <https://prng.di.unimi.it/splitmix64.c>.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        usize::try_from(mixed % limit.max(1) as u64).unwrap()
    }
}

/// Returns values that a file does not usually have.
fn odd_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.5e300),
        json!(""),
        json!("\u{1b}]52;c;b3duZWQ=\u{7}\u{202e}\u{0}"),
        json!("x".repeat(100_000)),
        json!("arn:aws:kms:::"),
        json!("enabled"),
        json!([]),
        json!([[[{}]]]),
        json!({}),
        json!({"known": null}),
        json!({"unknown": {"kind": "denied"}}),
        json!({"items": []}),
    ]
}

fn count_values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count_values).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count_values).sum(),
        _ => 0,
    }
}

/// Returns the value at a place, counted depth first.
fn value_at<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|it| value_at(it, place)),
        Value::Object(fields) => fields.values_mut().find_map(|it| value_at(it, place)),
        _ => None,
    }
}

/// Returns a document with a few of its values replaced, removed or repeated.
fn change_document(document: &Value, numbers: &mut Numbers) -> Value {
    let mut changed = document.clone();
    for _ in 0..=numbers.below(2) {
        let mut place = numbers.below(count_values(&changed));
        let Some(value) = value_at(&mut changed, &mut place) else {
            continue;
        };
        match (numbers.below(4), &mut *value) {
            (0, Value::Array(items)) if !items.is_empty() => {
                let item = items[numbers.below(items.len())].clone();
                items.push(item);
            }
            (1, Value::Object(fields)) if !fields.is_empty() => {
                let name = fields.keys().nth(numbers.below(fields.len())).cloned();
                fields.remove(&name.unwrap());
            }
            _ => {
                let odd = odd_values();
                *value = odd[numbers.below(odd.len())].clone();
            }
        }
    }
    changed
}

/// Returns a text with a few of its characters replaced or removed, or its end.
fn change_text(text: &str, numbers: &mut Numbers) -> String {
    const ODD: [&str; 12] = [
        "", "{", "}", "[", "]", "\"", "'", ":", "\n", "\u{0}", "!Ref ", "\u{202e}",
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(characters.len());
        if numbers.below(6) == 0 {
            characters.truncate(at);
        } else if at < characters.len() {
            let by = ODD[numbers.below(ODD.len())].chars();
            characters.splice(at..=at, by);
        }
    }
    characters.into_iter().collect()
}

#[test]
fn seeds_of_each_target_are_valid_and_changed_ones_cause_no_panic() {
    let mut numbers = Numbers(2026);
    let snapshots = seeds("fixtures/accounts", &["json"]);
    let plans = seeds("fixtures/terraform", &["json"]);
    let templates = seeds("fixtures/cloudformation", &["json", "yaml"]);
    for (path, text) in &snapshots {
        assert!(check_snapshot(text.as_bytes()), "{}", path.display());
    }
    for (path, text) in &plans {
        assert!(check_plan(text.as_bytes()), "{}", path.display());
    }
    for (path, text) in &templates {
        assert!(check_template(text), "{}", path.display());
    }
    for (_, text) in snapshots.iter().chain(&plans).chain(&templates) {
        let document = serde_json::from_str::<Value>(text).ok();
        for _ in 0..CHANGES {
            if let Some(document) = &document {
                let text = change_document(document, &mut numbers).to_string();
                check_snapshot(text.as_bytes());
                check_plan(text.as_bytes());
                check_template(&text);
            }
            let text = change_text(text, &mut numbers);
            check_snapshot(text.as_bytes());
            check_plan(text.as_bytes());
            check_template(&text);
        }
    }
}

#[test]
fn changed_policies_cause_no_panic() {
    let mut numbers = Numbers(2026);
    let mut valid = 0;
    for (_, text) in seeds("fixtures/policies", &["json"]) {
        let case: Value = serde_json::from_str(&text).unwrap();
        let Some(policy) = case.get("policy") else {
            continue;
        };
        let text = policy
            .as_str()
            .map_or_else(|| policy.to_string(), str::to_owned);
        valid += usize::from(check_key_policy(&text));
        for _ in 0..CHANGES {
            check_key_policy(&change_document(policy, &mut numbers).to_string());
            check_key_policy(&change_text(&text, &mut numbers));
        }
    }
    assert!(valid > 50, "only {valid} policies are valid");
}

/// A backup policy as Organizations returns it.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>.
const EFFECTIVE: &str = r#"{"plans": {"daily": {
    "regions": ["eu-west-1"],
    "rules": {"hourly": {
        "schedule_expression": "cron(0 5 ? * * *)", "start_backup_window_minutes": "480",
        "target_backup_vault_name": "local", "lifecycle": {"delete_after_days": "35"},
        "copy_actions": {"arn:aws:backup:eu-west-1:692653576357:backup-vault:central": {
            "target_backup_vault_arn": "arn:aws:backup:eu-west-1:692653576357:backup-vault:central",
            "lifecycle": {"delete_after_days": "35"}}}}},
    "selections": {"tags": {"enabled": {
        "iam_role_arn": "arn:aws:iam::$account:role/Backup", "tag_key": "backup", "tag_value": ["enabled"]}}}}}}"#;

const CONFIG: &str = r#"central_account = "692653576357"
regions = ["eu-west-1"]
standard = "guide"
[severity]
s3-old-versions-expire = "off"
[[waiver]]
rule = "encryption-customer-key"
resource = "arn:aws:rds:eu-west-1:111122223333:db:legacy-*"
reason = "moves to Aurora in Q2"
owner = "team-payments"
expires = "2026-06-30"
"#;

#[test]
fn changed_settings_and_backup_policies_cause_no_panic() {
    let mut numbers = Numbers(2026);
    assert!(check_config(CONFIG));
    assert!(check_effective_policy(EFFECTIVE));
    let document: Value = serde_json::from_str(EFFECTIVE).unwrap();
    for _ in 0..500 {
        check_config(&change_text(CONFIG, &mut numbers));
        check_effective_policy(&change_text(EFFECTIVE, &mut numbers));
        check_effective_policy(&change_document(&document, &mut numbers).to_string());
    }
}
