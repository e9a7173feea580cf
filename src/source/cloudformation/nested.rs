//! Nested stacks whose template is in a file next to it: their resources become resources of the template, with the
//! name of the stack before their own.
//!
//! A parameter is replaced by what the stack is given for it, an output by its value, so that a key or a VPC is the
//! same one in all of them.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html>.

mod outputs;
mod scope;

use std::cell::Cell;
use std::collections::BTreeMap;

use super::error::TemplateError;
use super::for_each::expand_loops;
use super::macros::list_unknown_macros;
use super::node::{
    Entry, MOST_VALUES, Node, Parsed, Value, count_entries, count_values, make_node,
};
use super::parameter::read_values;
use super::parse::parse_template;
use outputs::{Output, replace_outputs};
use scope::Scope;

/// The deepest nesting of stacks that is read.
const DEEPEST: usize = 5;

/// The most nested stacks that are read.
const MOST_STACKS: usize = 100;

/// The most files that are read for them: one that is too large, or that cannot be read, counts too.
const MOST_FILES: usize = 2 * MOST_STACKS;

/// The longest chain of outputs that are parameters of other stacks.
const LONGEST_CHAIN: usize = 10;

/// Parts of `Globals` that change no resource that is read, unless they name subnets.
///
/// Source: <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>.
const HARMLESS_GLOBALS: [&str; 6] = [
    "Api",
    "CapacityProvider",
    "Function",
    "HttpApi",
    "LayerVersion",
    "StateMachine",
];

/// Reads a file that a template names, by its path from the folder of the working directory.
pub(super) type ReadFile<'r> = &'r dyn Fn(&str) -> Option<String>;

/// The files of the nested stacks that were read, by the path of their logical ids.
pub(super) type Files = BTreeMap<String, String>;

/// Adds the resources of the nested stacks to a template.
pub(super) fn inline_stacks(root: &mut Node, file: &str, read_file: ReadFile<'_>) -> Files {
    let left = Cell::new(MOST_FILES);
    let read_file = |path: &str| {
        left.set(left.get().checked_sub(1)?);
        read_file(path)
    };
    let mut files = Files::new();
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    inline_at(root, (folder, file), &read_file, 0, &mut files);
    files
}

/// Adds the resources of the nested stacks of a template, which is a file in a folder or below it.
fn inline_at(
    root: &mut Node,
    (folder, file): (&str, &str),
    read_file: ReadFile<'_>,
    depth: usize,
    files: &mut Files,
) {
    let stacks: Vec<Entry> = root
        .get("Resources")
        .map_or(&[][..], Node::entries)
        .to_vec();
    let mut outputs: BTreeMap<String, Output> = BTreeMap::new();
    for stack in &stacks {
        let Some(path) = find_template(&stack.node).filter(|_| depth < DEEPEST) else {
            continue;
        };
        let path = join_path(folder, file, &path);
        let parsed = path
            .as_deref()
            .and_then(read_file)
            .map(|it| parse_template(&it));
        let (
            Some(path),
            Some(Ok(Parsed {
                root: mut inner, ..
            })),
        ) = (path, parsed)
        else {
            continue;
        };
        if expand_nested_loops(stack, &mut inner).is_err()
            || !is_readable(&inner)
            || files.len() >= MOST_STACKS
        {
            continue;
        }
        let mut inner_files = Files::new();
        let place = (folder, path.as_str());
        inline_at(&mut inner, place, read_file, depth + 1, &mut inner_files);
        let scope = Scope::new(stack, &inner);
        let added = scope.translate_template(&inner);
        if count_values(root) + added.iter().map(|(_, it)| count_entries(it)).sum::<usize>()
            > MOST_VALUES
        {
            continue;
        }
        for entry in inner.get("Outputs").map_or(&[][..], Node::entries) {
            // A reference to an output whose condition does not hold fails.
            if let Some(value) = entry.node.get("Value") {
                let name = format!("{}.Outputs.{}", stack.name, entry.name);
                outputs.insert(name, Output::new(scope.translate(value)));
            }
        }
        for (section, entries) in added {
            add_entries(root, section, entries);
        }
        let inner_files = inner_files.into_iter();
        files.extend(inner_files.map(|(id, file)| (format!("{}/{id}", stack.name), file)));
        files.insert(stack.name.clone(), path);
    }
    if outputs.is_empty() {
        return;
    }
    let mut left = MOST_VALUES.saturating_sub(count_values(root));
    for _ in 0..LONGEST_CHAIN {
        if !replace_outputs(root, &outputs, &mut left) {
            break;
        }
    }
}

/// Returns the path of the template that a nested stack names, if that is a file.
fn find_template(stack: &Node) -> Option<String> {
    let properties = stack.get("Properties")?;
    let named = match stack.get("Type")?.text()? {
        "AWS::CloudFormation::Stack" => properties.get("TemplateURL"),
        "AWS::Serverless::Application" => properties.get("Location"),
        _ => return None,
    };
    // The AWS CDK names the file in the metadata.
    let metadata = stack
        .get("Metadata")
        .and_then(|it| it.get("aws:asset:path"));
    let path = named
        .and_then(Node::text)
        .or(metadata.and_then(Node::text))?;
    Some(path.to_owned()).filter(|it| !it.contains("://"))
}

/// Returns the path of a file that a template names, if that is in a folder or below it.
fn join_path(folder: &str, file: &str, path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    if path.starts_with('/') || path.contains(':') {
        return None;
    }
    let own = file.strip_prefix(folder)?.trim_start_matches('/');
    let own = own.rsplit_once('/').map_or("", |(own, _)| own);
    let mut parts: Vec<&str> = Vec::new();
    for part in own.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    match (folder, parts.is_empty()) {
        (_, true) => None,
        ("", false) => Some(parts.join("/")),
        (folder, false) => Some(format!("{folder}/{}", parts.join("/"))),
    }
}

/// Expands the loops of a nested template over what its stack is given, or over the defaults.
fn expand_nested_loops(stack: &Entry, inner: &mut Node) -> Result<(), TemplateError> {
    let given = stack.node.get("Properties");
    let given = given.and_then(|it| it.get("Parameters"));
    let given = given.map_or(&[][..], Node::entries);
    let declared = inner.get("Parameters");
    let is_declared = |it: &&Entry| declared.is_some_and(|all| all.get(&it.name).is_some());
    let texts = given.iter().filter(is_declared);
    let texts = texts.filter_map(|it| Some((it.name.clone(), it.node.text()?.to_owned())));
    let mut values = read_values(declared, &texts.collect::<Vec<_>>())?;
    // Not a default where the stack is given an expression.
    for argument in given.iter().filter(|it| it.node.text().is_none()) {
        values.remove(&argument.name);
    }
    expand_loops(inner, &values, None)
}

/// Whether nothing in a template but its own sections adds to its resources.
fn is_readable(root: &Node) -> bool {
    let resources = root.get("Resources");
    let is_map = resources.is_some_and(|it| matches!(it.value, Value::Map(_)));
    let globals = root.get("Globals").map_or(&[][..], Node::entries);
    let is_harmless = |it: &Entry| {
        HARMLESS_GLOBALS.contains(&it.name.as_str()) && it.node.get("VpcConfig").is_none()
    };
    is_map
        && root.get("Fn::Transform").is_none()
        && list_unknown_macros(root.get("Transform")).is_empty()
        && globals.iter().all(is_harmless)
        && !has_loop(root)
}

fn has_loop(node: &Node) -> bool {
    let entries = node.entries().iter();
    let mut entries = entries.map(|it| it.name.starts_with("Fn::ForEach") || has_loop(&it.node));
    entries.any(|it| it) || node.items().iter().any(has_loop)
}

/// Adds entries to a section of a template.
fn add_entries(root: &mut Node, section: &str, added: Vec<Entry>) {
    let at = root.at;
    let Value::Map(sections) = &mut root.value else {
        return;
    };
    if added.is_empty() {
        return;
    }
    match sections.iter_mut().find(|it| it.name == section) {
        Some(Entry {
            node:
                Node {
                    value: Value::Map(entries),
                    ..
                },
            ..
        }) => entries.extend(added),
        Some(_) => {}
        None => sections.push(Entry {
            name: section.to_owned(),
            at,
            node: make_node(at, Value::Map(added)),
        }),
    }
}
