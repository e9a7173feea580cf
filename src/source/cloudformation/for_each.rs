//! Expansion of `Fn::ForEach` among the resources.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>.

use std::collections::BTreeMap;

use super::error::TemplateError;
use super::node::{Entry, LOOP_BODY, MOST_BYTES, MOST_VALUES, Mark, Node, Value, make_node};
use super::template::Template;
use super::value::Resolved;

const PREFIX: &str = "Fn::ForEach::";

/// The most entries that all loops of a template may make. CloudFormation accepts 500 resources.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
const MOST_ENTRIES: usize = 5_000;

/// Expands the loops whose collection is known, wherever they are. Others stay, and are reported as not known.
///
/// # Errors
/// The loops make more than a template may have.
pub(super) fn expand_loops(
    root: &mut Node,
    parameters: &BTreeMap<String, Resolved>,
    region: Option<&str>,
) -> Result<(), TemplateError> {
    let sections = root.entries().iter();
    let others = sections.filter(|it| !matches!(it.name.as_str(), "Resources" | "Outputs"));
    let others = make_node(root.at, Value::Map(others.cloned().collect()));
    let known = Template::of_parameters(&others, parameters.clone(), region);
    let mut left = Left {
        entries: MOST_ENTRIES,
        values: MOST_VALUES,
        bytes: MOST_BYTES,
    };
    note_loops(root);
    expand_inside(root, &known, &mut left)
}

/// Notes in the resources of loops, and of loops in loops, which declaration makes them.
fn note_loops(node: &mut Node) {
    match &mut node.value {
        Value::Map(entries) => {
            for entry in entries {
                if let (true, Value::List(items)) =
                    (entry.name.starts_with(PREFIX), &mut entry.node.value)
                    && let [_, _, body] = items.as_mut_slice()
                    && let Value::Map(inner) = &mut body.value
                {
                    inner.iter_mut().for_each(|it| note_loop(it, &entry.name));
                }
                note_loops(&mut entry.node);
            }
        }
        Value::List(items) => items.iter_mut().for_each(note_loops),
        _ => {}
    }
}

/// What loops may still make.
struct Left {
    entries: usize,
    values: usize,
    bytes: usize,
}

impl Left {
    fn take_entry(&mut self, at: Mark) -> Result<(), TemplateError> {
        let message = || format!("Fn::ForEach makes more than {MOST_ENTRIES} entries");
        let left = self.entries.checked_sub(1);
        self.entries = left.ok_or_else(|| TemplateError::at(at, message()))?;
        Ok(())
    }

    fn take_value(&mut self, at: Mark) -> Result<(), TemplateError> {
        let message = || format!("Fn::ForEach makes more than {MOST_VALUES} values");
        let left = self.values.checked_sub(1);
        self.values = left.ok_or_else(|| TemplateError::at(at, message()))?;
        Ok(())
    }

    /// Returns a text with the value of the loop in it. Its length is known before it is made.
    fn fill_text(
        &mut self,
        text: &str,
        identifier: &str,
        value: &str,
        at: Mark,
    ) -> Result<String, TemplateError> {
        let message = || {
            format!(
                "Fn::ForEach makes more than {} MiB of text",
                MOST_BYTES >> 20
            )
        };
        let places = text.matches(&format!("{{{identifier}}}")).count();
        let length = places
            .saturating_mul(value.len())
            .saturating_add(text.len());
        if places == 0 {
            return Ok(text.to_owned());
        }
        let left = self.bytes.checked_sub(length);
        self.bytes = left.ok_or_else(|| TemplateError::at(at, message()))?;
        Ok(fill_text(text, identifier, value))
    }
}

fn expand_inside(
    node: &mut Node,
    known: &Template<'_>,
    left: &mut Left,
) -> Result<(), TemplateError> {
    match &mut node.value {
        Value::Map(entries) => {
            // The body of a loop may be a loop.
            while entries.iter().any(|it| is_known_loop(it, known)) {
                let mut all = Vec::new();
                for entry in std::mem::take(entries) {
                    match read_turns(&entry, known, left)? {
                        Some(turns) => all.extend(turns),
                        None => all.push(entry),
                    }
                }
                *entries = all;
            }
            entries
                .iter_mut()
                .try_for_each(|entry| expand_inside(&mut entry.node, known, left))
        }
        Value::List(items) => items
            .iter_mut()
            .try_for_each(|item| expand_inside(item, known, left)),
        _ => Ok(()),
    }
}

/// Returns the values of a loop's collection; none where they are not known.
fn read_collection(entry: &Entry, known: &Template<'_>) -> Option<Vec<String>> {
    let [identifier, collection, body] = entry.node.items() else {
        return None;
    };
    identifier.text()?;
    if !matches!(body.value, Value::Map(_)) {
        return None;
    }
    known.resolve_node(collection).text_list().ok()
}

fn is_known_loop(entry: &Entry, known: &Template<'_>) -> bool {
    entry.name.starts_with(PREFIX) && read_collection(entry, known).is_some()
}

/// Returns the entries of a loop, one for each iteration; none where the entry is not a loop, or its
/// collection is not known.
fn read_turns(
    entry: &Entry,
    known: &Template<'_>,
    left: &mut Left,
) -> Result<Option<Vec<Entry>>, TemplateError> {
    if !entry.name.starts_with(PREFIX) {
        return Ok(None);
    }
    let (Some(values), [identifier, _, body]) = (read_collection(entry, known), entry.node.items())
    else {
        return Ok(None);
    };
    let identifier = identifier.text().unwrap_or_default();
    let mut turns = Vec::new();
    for value in values {
        for inner in body.entries() {
            left.take_entry(entry.at)?;
            turns.push(fill_template(inner, identifier, &value, left)?);
        }
    }
    Ok(Some(turns))
}

/// Notes in a resource from a loop which declaration makes it.
fn note_loop(resource: &mut Entry, of: &str) {
    let at = resource.at;
    let declaration = format!("{} of {of}", resource.name);
    let kind = resource.node.get("Type").and_then(Node::text);
    let is_resource = kind.is_some_and(|it| it.contains("::"));
    if let (true, Value::Map(attributes)) = (is_resource, &mut resource.node.value) {
        attributes.push(Entry {
            name: LOOP_BODY.to_owned(),
            at,
            node: make_node(at, Value::Text(declaration)),
        });
    }
}

fn fill_template(
    entry: &Entry,
    identifier: &str,
    value: &str,
    left: &mut Left,
) -> Result<Entry, TemplateError> {
    if entry.name == LOOP_BODY {
        return Ok(entry.clone());
    }
    Ok(Entry {
        name: left.fill_text(&entry.name, identifier, value, entry.at)?,
        at: entry.at,
        node: put_in(&entry.node, identifier, value, left)?,
    })
}

fn fill_text(text: &str, identifier: &str, value: &str) -> String {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    text.replace(&format!("${{{identifier}}}"), value)
        .replace(&format!("&{{{identifier}}}"), &plain)
}

fn put_in(
    node: &Node,
    identifier: &str,
    value: &str,
    left: &mut Left,
) -> Result<Node, TemplateError> {
    left.take_value(node.at)?;
    let put = match (&node.value, node.function_call()) {
        (_, Some(("Ref", name))) if name.text() == Some(identifier) => {
            let placeholder = format!("${{{identifier}}}");
            Value::Text(left.fill_text(&placeholder, identifier, value, node.at)?)
        }
        (Value::Text(it), _) => Value::Text(left.fill_text(it, identifier, value, node.at)?),
        (Value::Plain(it), _) => Value::Plain(left.fill_text(it, identifier, value, node.at)?),
        (Value::List(items), _) => {
            let items = items.iter().map(|it| put_in(it, identifier, value, left));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        (Value::Map(entries), _) => {
            let entries = entries.iter();
            let entries = entries.map(|entry| fill_template(entry, identifier, value, left));
            Value::Map(entries.collect::<Result<_, _>>()?)
        }
        (other, _) => other.clone(),
    };
    Ok(Node {
        at: node.at,
        value: put,
    })
}
