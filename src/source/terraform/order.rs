//! The order in which resources are created: what a resource depends on is created before it.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/graph>.

use std::collections::BTreeSet;

use serde_json::Value;

use super::address::{Part, split_address};
use super::document::{Document, module_path};
use super::item::Item;

/// A node of the configuration: the path of its module, and its reference in it.
type Node = (String, String);

impl<'a> Document<'a> {
    /// Returns whether a resource certainly depends on another one, so that it is created after it. What a
    /// plan does not show, such as the references of local values, does not count.
    pub(super) fn depends_on(&self, item: &Item<'_>, other: &Item<'_>) -> bool {
        let wanted = (module_path(other.module), reference_of(other));
        let mut seen: BTreeSet<Node> = BTreeSet::new();
        let mut open: Vec<Node> = vec![(module_path(item.module), reference_of(item))];
        while let Some(node) = open.pop() {
            for next in self.dependencies_of(&node) {
                if next == wanted {
                    return true;
                }
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        false
    }

    /// Returns what a resource, a variable, an output or all of a module directly depends on.
    fn dependencies_of(&self, (path, reference): &Node) -> Vec<Node> {
        let Some(module) = self.module_at(path) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        match split_address(reference).as_slice() {
            [Part::Name("var"), Part::Name(name), ..] => {
                if let Some((outside, call)) = path.rsplit_once('/') {
                    let call = self.module_at(outside).map(|it| &it["module_calls"][call]);
                    let argument = call.map(|it| &it["expressions"][*name]);
                    collect_references(argument.unwrap_or(&Value::Null), outside, &mut found);
                }
            }
            [Part::Name("module"), Part::Name(name), rest @ ..] => {
                let inside = format!("{path}/{name}");
                let call = &module["module_calls"][*name];
                let output = rest.iter().find_map(|part| match part {
                    Part::Name(output) => Some(*output),
                    Part::Key(_) => None,
                });
                match output {
                    Some(output) => {
                        let output = &call["module"]["outputs"][output];
                        collect_references(output, &inside, &mut found);
                        collect_depends_on(output, &inside, &mut found);
                    }
                    None => self.list_contents(&call["module"], &inside, &mut found),
                }
            }
            [
                Part::Name("local" | "each" | "count" | "path" | "self" | "terraform"),
                ..,
            ] => {}
            _ => {
                if let Some(resource) = self.resource_config(path, reference) {
                    collect_references(resource, path, &mut found);
                    collect_depends_on(resource, path, &mut found);
                }
                self.add_dependencies_of_calls(path, &mut found);
            }
        }
        found
    }

    /// Adds the `depends_on` of the calls of a module and of those around it.
    fn add_dependencies_of_calls(&self, path: &str, found: &mut Vec<Node>) {
        let mut path = path;
        while let Some((outside, call)) = path.rsplit_once('/') {
            if let Some(module) = self.module_at(outside) {
                collect_depends_on(&module["module_calls"][call], outside, found);
            }
            path = outside;
        }
    }

    /// Lists all resources of a module and of those within it.
    fn list_contents(&self, module: &Value, path: &str, found: &mut Vec<Node>) {
        let resources = module["resources"].as_array().into_iter().flatten();
        let addresses = resources.filter_map(|it| it["address"].as_str());
        found.extend(addresses.map(|it| (path.to_owned(), it.to_owned())));
        for name in module["module_calls"].as_object().into_iter().flatten() {
            found.push((path.to_owned(), format!("module.{}", name.0)));
        }
    }
}

/// Returns the reference of a resource in its module, without its index.
fn reference_of(item: &Item<'_>) -> String {
    let of = if item.is_data { "data." } else { "" };
    format!("{of}{}.{}", item.kind, item.name)
}

/// Collects the resources, variables and modules in all references within a part of the configuration.
fn collect_references(value: &Value, path: &str, found: &mut Vec<Node>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("references", Value::Array(list)) => {
                        let references = list.iter().filter_map(Value::as_str);
                        found.extend(references.map(|it| (path.to_owned(), node_of(it))));
                    }
                    ("module", _) => {}
                    _ => collect_references(value, path, found),
                }
            }
        }
        Value::Array(list) => list
            .iter()
            .for_each(|value| collect_references(value, path, found)),
        _ => {}
    }
}

fn collect_depends_on(value: &Value, path: &str, found: &mut Vec<Node>) {
    let list = value["depends_on"].as_array().into_iter().flatten();
    let references = list.filter_map(Value::as_str);
    found.extend(references.map(|it| (path.to_owned(), node_of(it))));
}

/// Returns a reference without what follows the resource, the variable or the output.
fn node_of(reference: &str) -> String {
    let parts = split_address(reference);
    let names = match parts.first() {
        Some(Part::Name("data" | "module")) => 3,
        _ => 2,
    };
    let parts = parts.into_iter().filter_map(|part| match part {
        Part::Name(name) => Some(name),
        Part::Key(_) => None,
    });
    parts.take(names).collect::<Vec<_>>().join(".")
}
