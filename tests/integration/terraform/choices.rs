//! A value that a plan leaves open: what is said holds for each value that it may have.

use std::collections::BTreeMap;

use backup_check::report::Status;
use serde_json::{Value, json};

use super::{evaluate_plan, expressions_mut, load_plan};

/// The known values of the attributes of each type.
type Values = BTreeMap<(String, String), Vec<Value>>;

/// Returns the positions of what a plan creates in its root module.
fn list_created(root: &Value) -> Vec<usize> {
    let changes = root["resource_changes"].as_array().unwrap().iter();
    let created = changes.enumerate().filter(|(_, it)| {
        let is_new = it["change"]["actions"] == json!(["create"]);
        is_new && it["mode"] == "managed" && it.get("module_address").is_none()
    });
    created.map(|(at, _)| at).collect()
}

/// Returns the address of the declaration of a resource.
fn declaration_of(root: &Value, at: usize) -> String {
    let address = root["resource_changes"][at]["address"].as_str().unwrap();
    address.split('[').next().unwrap().to_owned()
}

/// Returns the attributes of a resource that the configuration sets and the plan knows.
fn known_attributes(root: &mut Value, at: usize) -> Vec<(String, Value)> {
    let address = declaration_of(root, at);
    let expressions = expressions_mut(root, &address).clone();
    let after = root["resource_changes"][at]["change"]["after"].as_object();
    let known = after.unwrap().iter().filter(|(name, value)| {
        let is_whole = root["resource_changes"][at]["change"]["after_unknown"]
            .get(name.as_str())
            .is_none_or(|it| *it == json!(false));
        is_whole && !value.is_null() && expressions.get(name.as_str()).is_some()
    });
    known
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns a plan in which an attribute has a value, or is left open.
fn with_value(root: &Value, at: usize, attribute: &str, value: Option<&Value>) -> Value {
    let mut changed = root.clone();
    let names = match attribute {
        "tags" => vec!["tags", "tags_all"],
        name => vec![name],
    };
    let change = &mut changed["resource_changes"][at]["change"];
    for name in names {
        change["after"][name] = value.cloned().unwrap_or_default();
        if !change["after_unknown"].is_object() {
            change["after_unknown"] = json!({});
        }
        change["after_unknown"][name] = json!(value.is_none());
    }
    if value.is_none() {
        let address = declaration_of(root, at);
        expressions_mut(&mut changed, &address)[attribute] = json!({"references": ["local.open"]});
    }
    changed
}

/// Returns the status and message of each finding, by resource and rule.
fn statuses_of(root: &Value) -> BTreeMap<(String, &'static str), (Status, String)> {
    let findings = evaluate_plan(root).findings.into_iter();
    let entry = |it: backup_check::report::Finding| {
        let said = (it.status, it.explanation.message.clone());
        ((it.resource.to_string(), it.rule.id), said)
    };
    findings.map(entry).collect()
}

/// Returns the values that attributes have anywhere in a plan, and both values of flags. A plan has one region.
fn collect_values(root: &mut Value) -> Values {
    let mut values = Values::new();
    for at in list_created(root) {
        let kind = root["resource_changes"][at]["type"].as_str().unwrap();
        let kind = kind.to_owned();
        for (name, value) in known_attributes(root, at) {
            let known = values.entry((kind.clone(), name)).or_default();
            let opposite = value.as_bool().map(|flag| json!(!flag));
            for value in std::iter::once(value).chain(opposite) {
                if !known.contains(&value) {
                    known.push(value);
                }
            }
        }
    }
    values
}

#[test]
fn what_is_said_of_an_open_value_holds_for_each_value() {
    let (mut judged, mut wrong) = (0, Vec::new());
    for mut root in ["breaches", "mixed", "ready"].map(load_plan) {
        let values = collect_values(&mut root);
        for at in list_created(&root) {
            let change = root["resource_changes"][at].clone();
            let kind = change["type"].as_str().unwrap().to_owned();
            for (name, _) in known_attributes(&mut root, at) {
                let open = statuses_of(&with_value(&root, at, &name, None));
                for value in &values[&(kind.clone(), name.clone())] {
                    let closed = statuses_of(&with_value(&root, at, &name, Some(value)));
                    for (key, (status, message)) in closed {
                        judged += 1;
                        let said = open.get(&key);
                        if said.is_some_and(|it| it.0 != status && it.0 != Status::Unknown) {
                            wrong.push(format!(
                                "{} {name}: {key:?}: {said:?}, but {status:?} ({message}) if {value}",
                                change["address"]
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(judged > 10_000, "{judged}");
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
