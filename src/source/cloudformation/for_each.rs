//! Expansion of `Fn::ForEach` among the resources.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>.

use std::collections::BTreeMap;

use super::node::{Entry, Node, Value};
use super::value::Resolved;

const PREFIX: &str = "Fn::ForEach::";

/// The most values that loops may expand to.
const MOST: usize = 1_000_000;

/// Expands the loops whose collection is known. Others stay, and are reported as not supported.
pub(super) fn expand_loops(root: &mut Node, parameters: &BTreeMap<String, Resolved>) {
    let Value::Map(sections) = &mut root.value else {
        return;
    };
    let resources = sections.iter_mut().find(|it| it.name == "Resources");
    let Some(Value::Map(entries)) = resources.map(|it| &mut it.node.value) else {
        return;
    };
    if entries.iter().any(|it| it.name.starts_with(PREFIX)) {
        let mut left = MOST;
        *entries = written_out(std::mem::take(entries), parameters, &mut left);
    }
}

fn written_out(
    entries: Vec<Entry>,
    parameters: &BTreeMap<String, Resolved>,
    left: &mut usize,
) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for entry in entries {
        match entry
            .name
            .starts_with(PREFIX)
            .then(|| read_turns(&entry, parameters, left))
        {
            Some(Some(turns)) => all.extend(written_out(turns, parameters, left)),
            _ => all.push(entry),
        }
    }
    all
}

/// Returns the entries of a loop, one for each iteration; none where the collection is not known.
fn read_turns(
    entry: &Entry,
    parameters: &BTreeMap<String, Resolved>,
    left: &mut usize,
) -> Option<Vec<Entry>> {
    let [identifier, collection, body] = entry.node.items() else {
        return None;
    };
    let identifier = identifier.text()?;
    let values = match collection.function_call() {
        Some(("Ref", name)) => parameters.get(name.text()?)?.text_list().ok()?,
        Some(_) => return None,
        None => collection
            .items()
            .iter()
            .map(Node::scalar_text)
            .collect::<Option<_>>()?,
    };
    let mut turns = Vec::new();
    for value in values {
        for inner in body.entries() {
            turns.push(fill_template(inner, identifier, &value, left)?);
        }
    }
    Some(turns)
}

fn fill_template(entry: &Entry, identifier: &str, value: &str, left: &mut usize) -> Option<Entry> {
    Some(Entry {
        name: fill_text(&entry.name, identifier, value),
        at: entry.at,
        node: put_in(&entry.node, identifier, value, left)?,
    })
}

fn fill_text(text: &str, identifier: &str, value: &str) -> String {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    text.replace(&format!("${{{identifier}}}"), value)
        .replace(&format!("&{{{identifier}}}"), &plain)
}

fn put_in(node: &Node, identifier: &str, value: &str, left: &mut usize) -> Option<Node> {
    *left = left.checked_sub(1)?;
    let mut each = |node: &Node| put_in(node, identifier, value, left);
    let put = match (&node.value, node.function_call()) {
        (_, Some(("Ref", name))) if name.text() == Some(identifier) => {
            Value::Text(value.to_owned())
        }
        (Value::Text(it), _) => Value::Text(fill_text(it, identifier, value)),
        (Value::Plain(it), _) => Value::Plain(fill_text(it, identifier, value)),
        (Value::List(items), _) => Value::List(items.iter().map(&mut each).collect::<Option<_>>()?),
        (Value::Map(entries), _) => {
            let entries = entries.iter();
            let entries = entries.map(|entry| fill_template(entry, identifier, value, left));
            Value::Map(entries.collect::<Option<_>>()?)
        }
        (other, _) => other.clone(),
    };
    Some(Node {
        at: node.at,
        value: put,
    })
}
