//! References of an expression, and paths into its value.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format#expression-representation>.

use serde_json::Value;

use super::address::Part;
use super::item::{ALL, Item};

/// Returns the references of an expression without their prefixes: Terraform lists `a.b.c`, then `a.b`, for
/// each reference in the order of the expression.
pub(super) fn complete_references(expression: &Value) -> Vec<&str> {
    let references = expression["references"].as_array();
    let mut complete: Vec<&str> = Vec::new();
    let mut last = "";
    for reference in references.into_iter().flatten().filter_map(Value::as_str) {
        let rest = last.strip_prefix(reference);
        let is_prefix = rest.is_some_and(|rest| rest.starts_with(['.', '[']));
        last = reference;
        if !is_prefix && !complete.contains(&reference) {
            complete.push(reference);
        }
    }
    complete
}

/// Returns whether an expression has a reference several times, as `var.key == null ? k : var.key` does. Then it
/// replaces a null value.
pub(super) fn is_repeated(expression: &Value, reference: &str) -> bool {
    let references = expression["references"].as_array().into_iter().flatten();
    references.filter(|it| *it == reference).count() > 1
}

/// Returns the number of the element that a path selects from a list; `None` if it selects none by its number.
pub(super) fn selected_element(path: &[Part<'_>]) -> Option<usize> {
    match path.first()? {
        Part::Key(key) => key.trim_matches(['[', ']']).parse().ok(),
        Part::Name(_) => None,
    }
}

/// Returns the part of a constant that a path leads to.
pub(super) fn constant_at<'v>(constant: &'v Value, path: &[Part<'_>]) -> Option<&'v Value> {
    path.iter().try_fold(constant, |value, part| match part {
        Part::Name(name) => value.get(name),
        Part::Key(key) => {
            let key = key.trim_start_matches('[').trim_end_matches(']');
            match key.parse::<usize>() {
                Ok(number) => value.get(number),
                Err(_) => value.get(key.trim_matches('"')),
            }
        }
    })
}

/// Returns whether a path selects an attribute of an object, or an element of a map.
pub(super) fn selects_attribute(path: &[Part<'_>]) -> bool {
    path.iter().any(|part| match part {
        Part::Name(_) => true,
        Part::Key(key) => key.starts_with("[\""),
    })
}

/// Returns whether a path may continue a reference: an attribute of a resource has no attributes itself, so
/// then the reference is only a part of an object.
pub(super) fn continues(parts: &[Part<'_>], path: &[Part<'_>]) -> bool {
    let parts = match parts {
        [Part::Name("data"), rest @ ..] => rest,
        parts => parts,
    };
    match parts {
        [Part::Name("var" | "each" | "module" | "local"), ..] => true,
        [Part::Name(_), Part::Name(_)] | [Part::Name(_), Part::Name(_), Part::Key(_)] => {
            !path.is_empty()
        }
        _ => false,
    }
}

/// Returns whether a resource has an attribute, set or not.
pub(super) fn has_attribute(item: &Item<'_>, name: &str) -> bool {
    *item.unknown == ALL
        || [item.values, item.unknown]
            .iter()
            .any(|it| !it[name].is_null())
}
