//! The names of a nested template in the template around it.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::cloudformation::conditions::join_conditions;
use crate::source::cloudformation::node::{
    Entry, Mark, Node, Value, make_call, make_node, make_text,
};

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

/// The names of a nested template, and what they are in the template around it.
pub(super) struct Scope<'n> {
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
    pub(super) fn new(stack: &'n Entry, inner: &'n Node) -> Self {
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
            // Its value is what Systems Manager has for the name that is given.
            let is_read = kind.starts_with("AWS::SSM::Parameter::Value<");
            let is_single =
                is_read && !kind.contains("<List<") && !kind.contains("<CommaDelimitedList");
            let argument = match value {
                Some(path) if is_single => make_dynamic_reference(path),
                _ if is_read => make_unknown(stack, parameter),
                Some(value) if kind == "CommaDelimitedList" || kind.starts_with("List<") => {
                    split_list(value)
                }
                Some(value) => value.clone(),
                None => make_unknown(stack, parameter),
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
    pub(super) fn translate_template(&self, inner: &Node) -> Vec<(&'static str, Vec<Entry>)> {
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
        let exports = section("Outputs").filter(|it| it.node.get("Export").is_some());
        let exports = exports.map(|it| {
            let mut node = self.translate_declaration(&it.node);
            self.add_condition(&mut node, &mut conditions);
            Entry {
                name: self.rename(&it.name),
                at: it.at,
                node,
            }
        });
        let exports = exports.collect();
        let mappings = section("Mappings").map(|it| Entry {
            name: self.rename(&it.name),
            ..it.clone()
        });
        let mappings = mappings.collect();
        vec![
            ("Resources", resources),
            ("Conditions", conditions),
            ("Mappings", mappings),
            ("Outputs", exports),
        ]
    }

    /// Returns a resource or an output.
    fn translate_declaration(&self, declared: &Node) -> Node {
        let entries = declared.entries().iter().map(|entry| {
            let node = match (entry.name.as_str(), entry.node.text()) {
                ("Condition", Some(name)) => make_text(entry.node.at, self.rename(name)),
                ("Properties" | "Value" | "Export", _) => self.translate(&entry.node),
                _ => entry.node.clone(),
            };
            Entry {
                node,
                ..entry.clone()
            }
        });
        make_node(declared.at, Value::Map(entries.collect()))
    }

    /// Returns a resource, with the tags of its stack.
    fn translate_resource(&self, resource: &Node) -> Node {
        let mut node = self.translate_declaration(resource);
        let Value::Map(entries) = &mut node.value else {
            return node;
        };
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
            Some(own) => join_conditions(outer, own),
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
    pub(super) fn translate(&self, node: &Node) -> Node {
        let at = node.at;
        let renamed = |names: &BTreeSet<&str>, it: &Node| match it.text() {
            Some(name) if names.contains(name) => make_text(it.at, self.rename(name)),
            _ => self.translate(it),
        };
        // A name that functions make is that of a resource.
        let named = |it: &Node| match it.function_call() {
            Some(_) => {
                let parts = vec![make_text(it.at, self.rename("")), self.translate(it)];
                let parts = make_node(it.at, Value::List(parts));
                let arguments = vec![make_text(it.at, ""), parts];
                make_call(it.at, "Fn::Join", make_node(it.at, Value::List(arguments)))
            }
            None => renamed(&self.resources, it),
        };
        match node.function_call() {
            Some(("Ref", argument)) => match argument.text() {
                Some(name) => self
                    .translate_ref(name, argument.at)
                    .unwrap_or_else(|| node.clone()),
                None => make_call(at, "Ref", named(argument)),
            },
            Some(("Fn::GetAtt", argument)) => {
                let argument = match (argument.items(), argument.text()) {
                    ([id, attribute @ ..], _) => {
                        let attribute = attribute.iter().map(|it| self.translate(it));
                        let id = named(id);
                        let all = std::iter::once(id).chain(attribute).collect();
                        make_node(argument.at, Value::List(all))
                    }
                    ([], Some(text)) => make_text(argument.at, self.rename_in(text)),
                    _ => named(argument),
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

/// Returns the value that Systems Manager has for a name: a dynamic reference.
fn make_dynamic_reference(path: &Node) -> Node {
    let at = path.at;
    if let (Some(text), None) = (path.scalar_text(), path.function_call()) {
        return make_text(at, format!("{{{{resolve:ssm:{text}}}}}"));
    }
    let parts = vec![
        make_text(at, "{{resolve:ssm:"),
        path.clone(),
        make_text(at, "}}"),
    ];
    let arguments = vec![make_text(at, ""), make_node(at, Value::List(parts))];
    make_call(at, "Fn::Join", make_node(at, Value::List(arguments)))
}

/// Returns the value of a parameter that is not known.
fn make_unknown(stack: &Entry, parameter: &Entry) -> Node {
    let name = format!("AWS::Parameter/{}/{}", stack.name, parameter.name);
    make_call(parameter.at, "Ref", make_text(parameter.at, name))
}
