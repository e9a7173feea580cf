//! The outputs of nested stacks.

use std::collections::BTreeMap;

use crate::source::cloudformation::node::{Entry, Node, Value, count_values, make_call, make_node};

/// The value of an output of a nested stack.
pub(super) struct Output {
    node: Node,
    /// The number of values in it.
    size: usize,
}

impl Output {
    pub(super) fn new(node: Node) -> Self {
        let size = count_values(&node);
        Output { node, size }
    }
}

/// Replaces outputs of nested stacks by their values; returns whether there were any.
pub(super) fn replace_outputs(
    node: &mut Node,
    outputs: &BTreeMap<String, Output>,
    left: &mut usize,
) -> bool {
    let named = match node.function_call() {
        Some(("Fn::GetAtt", argument)) => match (argument.items(), argument.text()) {
            ([id, attribute], _) => match (id.text(), attribute.text()) {
                (Some(id), Some(attribute)) => Some(format!("{id}.{attribute}")),
                _ => None,
            },
            (_, text) => text.map(str::to_owned),
        },
        _ => None,
    };
    if let Some(value) = named.and_then(|name| outputs.get(&name)) {
        let room = left.checked_sub(value.size);
        *left = room.unwrap_or(*left);
        if room.is_some() {
            *node = value.node.clone();
        }
        return room.is_some();
    }
    let mut found = false;
    if let Some(("Fn::Sub", argument)) = node.function_call() {
        let replaced = name_outputs(argument, outputs, left);
        if let Some(replaced) = replaced {
            *node = make_call(node.at, "Fn::Sub", replaced);
            found = true;
        }
    }
    match &mut node.value {
        Value::List(items) => {
            for item in items {
                found |= replace_outputs(item, outputs, left);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                found |= replace_outputs(&mut entry.node, outputs, left);
            }
        }
        _ => {}
    }
    found
}

/// Returns the argument of `Fn::Sub` with a variable for each output in its text; `None` if there is none.
fn name_outputs(
    argument: &Node,
    outputs: &BTreeMap<String, Output>,
    left: &mut usize,
) -> Option<Node> {
    let (text, variables) = match argument.items() {
        [text, variables] => (text, variables.entries()),
        _ => (argument, &[][..]),
    };
    let words = text.text()?.split("${").skip(1);
    let names = words.filter_map(|it| it.split_once('}').map(|(name, _)| name.trim()));
    let mut all = variables.to_vec();
    for name in names {
        if let (Some(value), false) = (outputs.get(name), all.iter().any(|it| it.name == name)) {
            *left = left.checked_sub(value.size)?;
            all.push(Entry {
                name: name.to_owned(),
                at: argument.at,
                node: value.node.clone(),
            });
        }
    }
    let variables = make_node(argument.at, Value::Map(all));
    let is_more =
        variables.entries().len() > argument.items().get(1).map_or(0, |it| it.entries().len());
    is_more.then(|| make_node(argument.at, Value::List(vec![text.clone(), variables])))
}
