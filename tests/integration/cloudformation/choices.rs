//! A value that a template leaves open: what is said holds for each value that it may have.

use serde_json::Map;

use super::*;

/// The types of a template: their properties, and the values of each, of which `null` is none.
type Types = BTreeMap<String, BTreeMap<String, Vec<Value>>>;

/// The resources whose names are tested.
const TESTED: &str = "Tested";

/// Returns a resource whose properties have the value at a position of their list, or their last one, but `changed`.
fn make_resource(
    kind: &str,
    values: &BTreeMap<String, Vec<Value>>,
    at: usize,
    changed: (&str, Value),
) -> Value {
    let mut properties: Map<String, Value> = values
        .iter()
        .map(|(name, values)| (name.clone(), values[at.min(values.len() - 1)].clone()))
        .filter(|(_, value)| !value.is_null())
        .collect();
    properties.insert(changed.0.to_owned(), changed.1);
    json!({"Type": kind, "Properties": properties})
}

/// Returns resources of which one property has one of two values, for each pair of values of the property.
fn make_choices(
    kind: &str,
    values: &BTreeMap<String, Vec<Value>>,
    property: &str,
    at: usize,
) -> Vec<Value> {
    let or_none = |value: &Value| match value {
        Value::Null => json!({"Ref": "AWS::NoValue"}),
        value => value.clone(),
    };
    let mut resources = Vec::new();
    for (number, first) in values[property].iter().enumerate() {
        for second in &values[property][number + 1..] {
            let choice = json!({"Fn::If": ["Maybe", or_none(first), or_none(second)]});
            resources.push(make_resource(kind, values, at, (property, choice)));
        }
    }
    resources
}

/// Returns the statuses of the findings on the tested resources and their parts, with their messages.
fn judge_choice(
    template: &Value,
    parameters: &[(&str, &str)],
) -> BTreeMap<(String, &'static str), (Status, String)> {
    let read = read(&template.to_string(), Some("eu-central-1"), parameters);
    let findings = judge(&read.snapshot).findings.into_iter();
    let tested = findings.filter(|it| it.resource.starts_with(&format!("t.yaml#{TESTED}")));
    tested
        .map(|it| {
            (
                (it.resource.to_string(), it.rule.id),
                (it.status, it.explanation.message.clone()),
            )
        })
        .collect()
}

#[test]
fn what_is_said_of_an_open_value_holds_for_each_value() {
    let fixture: Value = serde_json::from_str(&fixture("choices/types.json")).unwrap();
    let types: Types = serde_json::from_value(fixture["types"].clone()).unwrap();
    let (mut judged, mut wrong) = (0, Vec::new());
    for (kind, values) in &types {
        for property in values.keys() {
            for at in 0..2 {
                let mut resources = fixture["around"].clone();
                let choices = make_choices(kind, values, property, at);
                for (number, resource) in choices.into_iter().enumerate() {
                    resources[format!("{TESTED}{number}")] = resource;
                }
                let template = json!({
                    "Parameters": {"Open": {"Type": "String"}},
                    "Conditions": {"Maybe": {"Fn::Equals": [{"Ref": "Open"}, "yes"]}},
                    "Resources": resources,
                });
                let open = judge_choice(&template, &[]);
                for value in ["yes", "no"] {
                    let closed = judge_choice(&template, &[("Open", value)]);
                    for ((resource, rule), (status, message)) in &closed {
                        judged += 1;
                        let said = open.get(&(resource.clone(), rule));
                        if said.is_some_and(|it| it.0 != *status && it.0 != Status::Unknown) {
                            wrong.push(format!(
                                "{kind} {property} ({at}) {resource} {rule}: {said:?}, but {status:?} ({message}) if {value}"
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
