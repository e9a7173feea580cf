//! Nested stacks whose template is in a file next to it: their resources become resources of the template, with the
//! name of the stack before their own.
//!
//! A parameter is replaced by what the stack is given for it, an output by its value, so that a key or a VPC is the
//! same one in all of them.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html>.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::error::TemplateError;
use super::for_each::expand_loops;
use super::node::{Entry, MOST_VALUES, Mark, Node, Parsed, Value};
use super::parameter::read_values;
use super::parse::parse_template;

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

/// Pseudo parameters that each stack has its own value of.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html>.
const OF_STACK: [&str; 2] = ["AWS::StackName", "AWS::StackId"];

/// Properties that have the tags of a resource, which the tags of its stack are added to.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html>.
const TAGS: [(&str, &str); 2] = [
    ("AWS::EFS::FileSystem", "FileSystemTags"),
    ("AWS::Backup::BackupVault", "BackupVaultTags"),
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
            if let (Some(value), None) = (entry.node.get("Value"), entry.node.get("Condition")) {
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
    expand_loops(inner, &values)
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
        && globals.iter().all(is_harmless)
        && !has_loop(root)
}

fn has_loop(node: &Node) -> bool {
    let entries = node.entries().iter();
    let mut entries = entries.map(|it| it.name.starts_with("Fn::ForEach") || has_loop(&it.node));
    entries.any(|it| it) || node.items().iter().any(has_loop)
}

/// The value of an output of a nested stack.
struct Output {
    node: Node,
    /// The number of values in it.
    size: usize,
}

impl Output {
    fn new(node: Node) -> Self {
        let size = count_values(&node);
        Output { node, size }
    }
}

fn count_values(node: &Node) -> usize {
    1 + count_entries(node.entries()) + node.items().iter().map(count_values).sum::<usize>()
}

fn count_entries(entries: &[Entry]) -> usize {
    entries.iter().map(|it| count_values(&it.node)).sum()
}

fn make_node(at: Mark, value: Value) -> Node {
    Node { at, value }
}

fn make_text(at: Mark, text: impl Into<String>) -> Node {
    make_node(at, Value::Text(text.into()))
}

fn make_call(at: Mark, function: &str, node: Node) -> Node {
    let name = function.to_owned();
    make_node(at, Value::Map(vec![Entry { name, at, node }]))
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

/// The names of a nested template, and what they are in the template around it.
struct Scope<'n> {
    /// The logical id of the stack.
    stack: &'n str,
    resources: BTreeSet<&'n str>,
    conditions: BTreeSet<&'n str>,
    mappings: BTreeSet<&'n str>,
    /// The values of the parameters, as expressions of the template around it.
    arguments: BTreeMap<&'n str, Node>,
    /// The condition of the stack.
    condition: Option<&'n str>,
    tags: Option<&'n Node>,
}

impl<'n> Scope<'n> {
    fn new(stack: &'n Entry, inner: &'n Node) -> Self {
        let names = |section: &str| -> BTreeSet<&'n str> {
            let entries = inner.get(section).map_or(&[][..], Node::entries).iter();
            entries.map(|it| it.name.as_str()).collect()
        };
        let properties = stack.node.get("Properties");
        let given = properties.and_then(|it| it.get("Parameters"));
        let declared = inner
            .get("Parameters")
            .map_or(&[][..], Node::entries)
            .iter();
        let arguments = declared.map(|parameter| {
            let kind = parameter.node.get("Type").and_then(Node::text);
            let kind = kind.unwrap_or("String");
            let given = given.and_then(|it| it.get(&parameter.name));
            let value = given.or_else(|| parameter.node.get("Default"));
            let value = value.filter(|_| !kind.starts_with("AWS::SSM::Parameter::Value<"));
            let argument = match value {
                Some(value) if kind == "CommaDelimitedList" || kind.starts_with("List<") => {
                    split_list(value)
                }
                Some(value) => value.clone(),
                None => {
                    let name = format!("AWS::Parameter/{}/{}", stack.name, parameter.name);
                    make_call(parameter.at, "Ref", make_text(parameter.at, name))
                }
            };
            (parameter.name.as_str(), argument)
        });
        Scope {
            stack: &stack.name,
            resources: names("Resources"),
            conditions: names("Conditions"),
            mappings: names("Mappings"),
            arguments: arguments.collect(),
            condition: stack.node.get("Condition").and_then(Node::text),
            tags: properties.and_then(|it| it.get("Tags")),
        }
    }

    fn rename(&self, name: &str) -> String {
        format!("{}/{name}", self.stack)
    }

    /// Returns what a nested template adds to each section of the template around it.
    fn translate_template(&self, inner: &Node) -> Vec<(&'static str, Vec<Entry>)> {
        let section = |name: &str| inner.get(name).map_or(&[][..], Node::entries).iter();
        let mut conditions: Vec<Entry> = section("Conditions")
            .map(|it| Entry {
                name: self.rename(&it.name),
                at: it.at,
                node: self.translate_condition(&it.node),
            })
            .collect();
        let resources = section("Resources").map(|it| {
            if it.name.starts_with("Fn::") {
                return it.clone();
            }
            let mut node = self.translate_resource(&it.node);
            self.add_condition(&mut node, &mut conditions);
            Entry {
                name: self.rename(&it.name),
                at: it.at,
                node,
            }
        });
        let resources = resources.collect();
        let mappings = section("Mappings").map(|it| Entry {
            name: self.rename(&it.name),
            ..it.clone()
        });
        let mappings = mappings.collect();
        vec![
            ("Resources", resources),
            ("Conditions", conditions),
            ("Mappings", mappings),
        ]
    }

    /// Returns a resource, with the tags of its stack.
    fn translate_resource(&self, resource: &Node) -> Node {
        let mut node = make_node(resource.at, Value::Map(Vec::new()));
        let Value::Map(entries) = &mut node.value else {
            return node;
        };
        for entry in resource.entries() {
            let node = match (entry.name.as_str(), entry.node.text()) {
                ("Condition", Some(name)) => make_text(entry.node.at, self.rename(name)),
                ("Properties", _) => self.translate(&entry.node),
                _ => entry.node.clone(),
            };
            entries.push(Entry {
                node,
                ..entry.clone()
            });
        }
        let Some(tags) = self.tags else {
            return node;
        };
        let kind = resource.get("Type").and_then(Node::text);
        let name = TAGS.iter().find(|(of, _)| Some(*of) == kind);
        let name = name.map_or("Tags", |(_, name)| name);
        if !entries.iter().any(|it| it.name == "Properties") {
            entries.push(Entry {
                name: "Properties".to_owned(),
                at: resource.at,
                node: make_node(resource.at, Value::Map(Vec::new())),
            });
        }
        let properties = entries.iter_mut().find(|it| it.name == "Properties");
        if let Some(Value::Map(properties)) = properties.map(|it| &mut it.node.value) {
            // Its own tags override those of the stack.
            let own = properties.iter().position(|it| it.name == name);
            let own = own.map(|at| properties.remove(at));
            let at = own.as_ref().map_or(resource.at, |it| it.at);
            let all = std::iter::once(tags.clone()).chain(own.map(|it| it.node));
            properties.push(Entry {
                name: name.to_owned(),
                at,
                node: make_node(at, Value::List(all.collect())),
            });
        }
        node
    }

    /// Adds the condition of the stack to that of a resource.
    fn add_condition(&self, resource: &mut Node, conditions: &mut Vec<Entry>) {
        let (Some(outer), at) = (self.condition, resource.at) else {
            return;
        };
        let own = resource
            .get("Condition")
            .and_then(Node::text)
            .map(str::to_owned);
        let name = match &own {
            None => outer.to_owned(),
            Some(own) => format!("{outer} and {own}"),
        };
        if let Some(own) = own
            && !conditions.iter().any(|it| it.name == name)
        {
            let both = [outer, &own].map(|it| make_call(at, "Condition", make_text(at, it)));
            conditions.push(Entry {
                name: name.clone(),
                at,
                node: make_call(at, "Fn::And", make_node(at, Value::List(both.to_vec()))),
            });
        }
        if let Value::Map(entries) = &mut resource.value {
            entries.retain(|it| it.name != "Condition");
            entries.push(Entry {
                name: "Condition".to_owned(),
                at,
                node: make_text(at, name),
            });
        }
    }

    /// Returns a condition, in which other conditions are named.
    fn translate_condition(&self, node: &Node) -> Node {
        if let [
            Entry {
                name,
                at,
                node: named,
            },
        ] = node.entries()
            && name == "Condition"
            && let Some(condition) = named.text()
        {
            return make_call(
                *at,
                "Condition",
                make_text(named.at, self.rename(condition)),
            );
        }
        match (node.function_call(), &node.value) {
            (Some((function @ ("Fn::And" | "Fn::Or" | "Fn::Not"), argument)), _) => {
                let all = argument
                    .items()
                    .iter()
                    .map(|it| self.translate_condition(it));
                let all = make_node(argument.at, Value::List(all.collect()));
                make_call(node.at, function, all)
            }
            _ => self.translate(node),
        }
    }

    /// Returns a value in terms of the template around the stack.
    fn translate(&self, node: &Node) -> Node {
        let at = node.at;
        let renamed = |names: &BTreeSet<&str>, it: &Node| match it.text() {
            Some(name) if names.contains(name) => make_text(it.at, self.rename(name)),
            _ => self.translate(it),
        };
        match node.function_call() {
            Some(("Ref", argument)) => match argument.text() {
                Some(name) => self
                    .translate_ref(name, argument.at)
                    .unwrap_or_else(|| node.clone()),
                None => node.clone(),
            },
            Some(("Fn::GetAtt", argument)) => {
                let argument = match (argument.items(), argument.text()) {
                    ([id, attribute @ ..], _) => {
                        let attribute = attribute.iter().map(|it| self.translate(it));
                        let id = renamed(&self.resources, id);
                        let all = std::iter::once(id).chain(attribute).collect();
                        make_node(argument.at, Value::List(all))
                    }
                    ([], Some(text)) => make_text(argument.at, self.rename_in(text)),
                    _ => argument.clone(),
                };
                make_call(at, "Fn::GetAtt", argument)
            }
            Some(("Fn::Sub", argument)) => make_call(at, "Fn::Sub", self.translate_sub(argument)),
            Some((function @ ("Fn::If" | "Fn::FindInMap"), argument)) => {
                let names = match function {
                    "Fn::If" => &self.conditions,
                    _ => &self.mappings,
                };
                let all = argument.items().iter().enumerate();
                let all = all.map(|(index, it)| match index {
                    0 => renamed(names, it),
                    _ => self.translate(it),
                });
                let all = make_node(argument.at, Value::List(all.collect()));
                make_call(at, function, all)
            }
            _ => self.translate_members(node),
        }
    }

    fn translate_members(&self, node: &Node) -> Node {
        let value = match &node.value {
            Value::List(items) => Value::List(items.iter().map(|it| self.translate(it)).collect()),
            Value::Map(entries) => {
                let entries = entries.iter().map(|it| Entry {
                    node: self.translate(&it.node),
                    ..it.clone()
                });
                Value::Map(entries.collect())
            }
            other => other.clone(),
        };
        make_node(node.at, value)
    }

    /// Returns what a name refers to; `None` if it is the same outside.
    fn translate_ref(&self, name: &str, at: Mark) -> Option<Node> {
        if let Some(argument) = self.arguments.get(name) {
            return Some(argument.clone());
        }
        let renamed = match name {
            name if self.resources.contains(name) => self.rename(name),
            name if OF_STACK.contains(&name) => format!("{name}/{}", self.stack),
            _ => return None,
        };
        Some(make_call(at, "Ref", make_text(at, renamed)))
    }

    /// Renames the resource in front of an attribute.
    fn rename_in(&self, text: &str) -> String {
        let (id, _) = text.split_once('.').unwrap_or((text, ""));
        match self.resources.contains(id) {
            true => self.rename(text),
            false => text.to_owned(),
        }
    }

    /// Returns the text and the variables of `Fn::Sub`.
    fn translate_sub(&self, argument: &Node) -> Node {
        let (text, own) = match argument.items() {
            [text, own] => (text.text(), own.entries()),
            _ => (argument.text(), &[][..]),
        };
        let Some(text) = text else {
            return self.translate_members(argument);
        };
        let mut variables: Vec<Entry> = own
            .iter()
            .map(|it| Entry {
                node: self.translate(&it.node),
                ..it.clone()
            })
            .collect();
        let mut written = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, more)) = after.split_once('}') else {
                break;
            };
            let name = name.trim();
            let is_own = own.iter().any(|it| it.name == name) || name.starts_with('!');
            let node = match self.translate_ref(name, argument.at) {
                Some(node) if !is_own => Some(node),
                _ => None,
            };
            written.push_str(before);
            written.push_str("${");
            match node {
                Some(node) => {
                    written.push_str(name);
                    if !variables.iter().any(|it| it.name == name) {
                        let (name, at) = (name.to_owned(), argument.at);
                        variables.push(Entry { name, at, node });
                    }
                }
                None if is_own => written.push_str(name),
                None => written.push_str(&self.rename_in(name)),
            }
            written.push('}');
            rest = more;
        }
        written.push_str(rest);
        let at = argument.at;
        let variables = make_node(at, Value::Map(variables));
        make_node(at, Value::List(vec![make_text(at, written), variables]))
    }
}

/// Returns the items of a list parameter, which is given as one text.
fn split_list(value: &Node) -> Node {
    if let Some(("Fn::Join", argument)) = value.function_call()
        && let [delimiter, list] = argument.items()
        && delimiter.text().is_some_and(|it| it.trim() == ",")
    {
        return list.clone();
    }
    if matches!(value.value, Value::List(_)) {
        return value.clone();
    }
    let at = value.at;
    let is_text = value.function_call().is_none();
    match value.scalar_text().filter(|_| is_text) {
        Some(text) => {
            let items = text.split(',').map(|it| make_text(at, it.trim()));
            make_node(at, Value::List(items.collect()))
        }
        // A parameter of the template around it may be a list itself.
        None if matches!(value.function_call(), Some(("Ref", _))) => value.clone(),
        None => {
            let arguments = vec![make_text(at, ","), value.clone()];
            make_call(at, "Fn::Split", make_node(at, Value::List(arguments)))
        }
    }
}

/// Replaces outputs of nested stacks by their values; returns whether there were any.
fn replace_outputs(node: &mut Node, outputs: &BTreeMap<String, Output>, left: &mut usize) -> bool {
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
