//! The evidence of a cause: ids and lists from its findings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::text::format_name;
use crate::report::Finding;
use crate::text::{and_more, count_more, escape_invisible};

/// The number of values of one name that are shown, and of items of a list in a value.
const MOST_VALUES: usize = 8;

/// The values of one piece of evidence.
#[derive(Debug, Default)]
struct Values {
    distinct: BTreeSet<String>,
    shown: Vec<String>,
}

/// Returns the evidence of findings: each name with its different values.
pub(super) fn collect_evidence(findings: &[&Finding]) -> Vec<(String, Vec<String>)> {
    let mut evidence: BTreeMap<&str, Values> = BTreeMap::new();
    for (name, value) in findings
        .iter()
        .flat_map(|finding| &finding.explanation.evidence)
    {
        evidence.entry(name).or_default().add_value(value);
    }
    evidence
        .into_iter()
        .map(|(name, values)| {
            let omitted = values.distinct.len() - values.shown.len();
            let mut shown = values.shown;
            if omitted > 0 {
                shown.push(format!("{}, in the JSON report", count_more(omitted)));
            }
            (escape_invisible(name).replace('_', " "), shown)
        })
        .collect()
}

impl Values {
    fn add_value(&mut self, value: &Value) {
        if self.distinct.insert(value.to_string()) && self.shown.len() < MOST_VALUES {
            self.shown.push(format_value(value));
        }
    }
}

fn format_value(value: &Value) -> String {
    match value {
        Value::String(text) => format_name(text),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(format_value).collect();
            and_more(texts.iter().map(String::as_str), MOST_VALUES)
        }
        Value::Null => "none".to_owned(),
        other => format_name(&other.to_string()),
    }
}
