//! Values that are known only after apply, and plans with unexpected values.

use std::collections::BTreeMap;

use backup_check::evaluate::{Options, evaluate};
use backup_check::report::{Report, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{evaluate_plan, expressions_mut, load_plan, try_read};

/// Values of an unexpected type.
fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!("")),
        Just(json!("\u{e9}[\"")),
        Just(json!([])),
        Just(json!([null, {}, [1]])),
        Just(json!({})),
        Just(json!({"references": ["module.x[", "each.value", "", "var.region", 3]})),
        Just(json!({"constant_value": {}})),
    ]
}

/// Replaces the value with a number, counted depth first from the root.
fn replace_value(value: &mut Value, at: &mut usize, odd: &Value) -> bool {
    if *at == 0 {
        *value = odd.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|it| replace_value(it, at, odd)),
        Value::Object(fields) => fields.values_mut().any(|it| replace_value(it, at, odd)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_causes_a_panic(name in prop_oneof![Just("ready"), Just("mixed")], places in proptest::collection::vec((0usize..9000, odd_value()), 1..4)) {
        let mut root = load_plan(name);
        for (mut place, odd) in places {
            replace_value(&mut root, &mut place, &odd);
        }
        if let Ok(snapshot) = try_read(&root, None) {
            let _ = evaluate(&snapshot, &Settings::default(), &Options::default(), &ALL);
        }
    }
}

/// Collects the paths of all values in a value, such as `/rule/0/status`.
fn collect_paths(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut visit = |name: String, value: &Value| {
        let path = format!("{at}/{name}");
        collect_paths(value, &path, all);
        all.push(path);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, it)| visit(name.clone(), it)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(n, it)| visit(n.to_string(), it)),
        _ => {}
    }
}

/// Marks the value at a path as unknown.
fn mark_unknown(unknown: &mut Value, path: &[&str]) {
    match path {
        [] => *unknown = json!(true),
        [name, rest @ ..] => match name.parse::<usize>() {
            Ok(number) => {
                if !unknown.is_array() {
                    *unknown = json!([]);
                }
                let list = unknown.as_array_mut().unwrap();
                list.resize(list.len().max(number + 1), json!({}));
                mark_unknown(&mut list[number], rest);
            }
            Err(_) => {
                if !unknown.is_object() {
                    *unknown = json!({});
                }
                mark_unknown(&mut unknown[*name], rest);
            }
        },
    }
}

/// Returns the plan once per value of each new resource, with that value unknown.
fn unknown_variants(root: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let changes = root["resource_changes"].as_array().unwrap();
    for (number, change) in changes.iter().enumerate() {
        if change["mode"] == "data" || change["change"]["actions"] != json!(["create"]) {
            continue;
        }
        let address = change["address"].as_str().unwrap();
        let mut parts = Vec::new();
        collect_paths(&change["change"]["after"], "", &mut parts);
        for path in parts {
            let mut root = root.clone();
            let planned = &mut root["resource_changes"][number]["change"];
            *planned["after"].pointer_mut(&path).unwrap() = Value::Null;
            let names: Vec<&str> = path.split('/').skip(1).collect();
            mark_unknown(&mut planned["after_unknown"], &names);
            let (around, name) = path.rsplit_once('/').unwrap();
            let block = expressions_mut(&mut root, address).pointer_mut(around);
            if let Some(Value::Object(block)) = block {
                block.insert(name.to_owned(), json!({"references": ["local.x"]}));
            }
            all.push((format!("{path} of {address}"), root));
        }
    }
    all
}

fn statuses_of(report: &Report) -> BTreeMap<(&str, &str), Status> {
    let findings = report.findings.iter();
    findings
        .map(|it| ((it.rule.id, it.resource.as_str()), it.status))
        .collect()
}

#[test]
fn an_unknown_value_never_turns_a_pass_into_a_failure_or_back() {
    for fixture in ["ready", "breaches"] {
        let root = load_plan(fixture);
        let closed = evaluate_plan(&root);
        let closed = statuses_of(&closed);
        for (what, root) in unknown_variants(&root) {
            let report = evaluate_plan(&root);
            for (of, status) in statuses_of(&report) {
                let Some(before) = closed.get(&of) else {
                    continue;
                };
                let is_turned = matches!(
                    (before, status),
                    (Status::Pass | Status::Skip, Status::Fail | Status::Warn)
                        | (Status::Fail | Status::Warn, Status::Pass)
                );
                assert!(
                    !is_turned,
                    "{of:?} without {what}: {before:?} to {status:?}"
                );
            }
        }
    }
}
