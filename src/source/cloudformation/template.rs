//! A template: its parameters, its conditions, and the values of its functions.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::source::planned::Surroundings;

use super::error::TemplateError;
use super::node::{Entry, LOOP_BODY, Mark, Node, Value};
use super::parameter;
use super::value::{Open, Resolved, Truth};

/// What the command line adds to the template.
pub(super) struct Given<'a> {
    pub(super) region: Option<&'a str>,
    /// The account that it is deployed to.
    pub(super) account: Option<&'a str>,
    pub(super) parameters: &'a [(String, String)],
}

/// A parsed template.
#[derive(Debug)]
pub(super) struct Template<'a> {
    pub(super) root: &'a Node,
    /// The region; none where it is not known.
    pub(super) region: Option<String>,
    /// The account that it is deployed to; none where it is not known.
    pub(super) account: Option<String>,
    pub(super) parameters: BTreeMap<String, Resolved>,
    pub(super) conditions: RefCell<Conditions>,
    /// The exported outputs, once they were read.
    pub(super) exports: RefCell<Option<Exports<'a>>>,
    /// What completes the template; none where only its parameters are known.
    pub(super) around: Option<&'a Surroundings<'a>>,
    resources: Vec<Declared<'a>>,
    by_id: BTreeMap<&'a str, usize>,
    /// The properties that were resolved so far.
    resolved: RefCell<BTreeMap<&'a str, Rc<Resolved>>>,
}

/// The values of conditions by their names; `None` while one is evaluated.
pub(super) type Conditions = BTreeMap<String, Option<Truth>>;

/// Exported outputs with their names, by the key of the name.
pub(super) type Exports<'a> = BTreeMap<String, Vec<(Resolved, &'a Node)>>;

/// A resource declaration.
#[derive(Debug, Clone)]
pub(super) struct Declared<'a> {
    pub(super) id: &'a str,
    pub(super) at: Mark,
    pub(super) kind: &'a str,
    /// The condition under which it is created, if that condition cannot be evaluated.
    pub(super) condition: Option<(String, Open)>,
    /// The name of its condition. That of a nested stack is added to that of its resources.
    pub(super) condition_name: Option<&'a str>,
    /// The declaration in a loop that makes it.
    pub(super) loop_body: Option<&'a str>,
    properties: Option<&'a Node>,
    /// A macro that may change the properties.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-transform.html>.
    changed_by: Option<&'a Entry>,
}

impl<'a> Template<'a> {
    /// Returns a template without resources, to resolve what does not depend on them.
    pub(super) fn of_parameters(
        root: &'a Node,
        parameters: BTreeMap<String, Resolved>,
        region: Option<&str>,
    ) -> Self {
        Template {
            root,
            region: region.map(str::to_owned),
            account: None,
            parameters,
            conditions: RefCell::default(),
            exports: RefCell::default(),
            around: None,
            resources: Vec::new(),
            by_id: BTreeMap::new(),
            resolved: RefCell::default(),
        }
    }

    pub(super) fn read(
        root: &'a Node,
        given: &Given<'_>,
        around: &'a Surroundings<'a>,
    ) -> Result<Self, TemplateError> {
        let parameters = parameter::read_values(root.get("Parameters"), given.parameters)?;
        let mut template = Template {
            account: given.account.map(str::to_owned),
            around: Some(around),
            ..Template::of_parameters(root, parameters, given.region)
        };
        let Some(resources) = root.get("Resources") else {
            return Err(TemplateError::at(
                root.at,
                "the template has no Resources section",
            ));
        };
        if let Some((function, _)) = resources.function_call()
            && !is_expanded_among_resources(function)
        {
            let message = describe_function("Resources", function);
            return Err(TemplateError::at(resources.at, message));
        }
        if !matches!(resources.value, Value::Map(_)) {
            let message = "Resources is not a mapping of logical ids";
            return Err(TemplateError::at(resources.at, message));
        }
        for entry in resources.entries() {
            if entry.name.starts_with("Fn::") {
                continue;
            }
            let kind = read_type(entry)?;
            let condition = match entry.node.get("Condition") {
                None => None,
                Some(node) => match node.text() {
                    None => {
                        let message = format!("the Condition of {} is not a name", entry.name);
                        return Err(TemplateError::at(node.at, message));
                    }
                    Some(name) => match template.evaluate_condition(name, node.at, 0) {
                        Truth::Yes => None,
                        Truth::No => continue,
                        Truth::Open(open) => Some((name.to_owned(), open)),
                    },
                },
            };
            let declared = Declared {
                id: &entry.name,
                at: entry.at,
                kind,
                condition,
                condition_name: entry.node.get("Condition").and_then(Node::text),
                loop_body: entry.node.get(LOOP_BODY).and_then(Node::text),
                properties: entry.node.get("Properties"),
                changed_by: find_macro(&entry.node),
            };
            template.by_id.insert(declared.id, template.resources.len());
            template.resources.push(declared);
        }
        Ok(template)
    }

    /// Returns a section of the template.
    pub(super) fn find_section(&self, name: &str) -> Option<&'a Node> {
        self.root.get(name)
    }

    /// Returns the resources that are created, or may be.
    pub(super) fn resources(&self) -> &[Declared<'a>] {
        &self.resources
    }

    /// Returns the resources of one type.
    pub(super) fn of_type<'t>(
        &'t self,
        kind: &'t str,
    ) -> impl Iterator<Item = &'t Declared<'a>> + 't {
        self.resources.iter().filter(move |it| it.kind == kind)
    }

    /// Returns the resource with a logical id.
    pub(super) fn find_resource(&self, id: &str) -> Option<&Declared<'a>> {
        self.by_id
            .get(id)
            .and_then(|index| self.resources.get(*index))
    }

    /// Returns the properties of a resource.
    pub(super) fn properties(&self, declared: &Declared<'a>) -> Rc<Resolved> {
        if let Some(known) = self.resolved.borrow().get(declared.id) {
            return Rc::clone(known);
        }
        // What is checked of a resource counts only if it is created.
        let condition = declared.condition.as_ref();
        let before = condition.map(|(name, _)| self.assume_condition(name));
        let resolved = match declared.changed_by {
            Some(entry) => Some(Resolved::Open(self.extra_key_error(entry))),
            None => declared.properties.map(|node| self.resolve_node(node)),
        };
        if let Some(before) = before {
            self.conditions.replace(before);
        }
        let resolved = Rc::new(resolved.unwrap_or(Resolved::Absent));
        let mut all = self.resolved.borrow_mut();
        all.insert(declared.id, Rc::clone(&resolved));
        resolved
    }

    /// Returns the logical ids that occur anywhere in the properties of a resource.
    pub(super) fn named_by(&self, declared: &Declared<'a>) -> BTreeSet<String> {
        declared
            .properties
            .map_or_else(BTreeSet::new, |properties| self.names_in(properties))
    }

    /// Returns the logical ids that occur anywhere in a value.
    pub(super) fn names_in(&self, node: &Node) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.gather_names(node, &mut names);
        names
    }

    fn gather_names(&self, node: &Node, names: &mut BTreeSet<String>) {
        let of_attribute = |name: String| name.split('.').next().map(str::to_owned);
        match node.function_call() {
            Some(("Ref", argument)) => names.extend(self.read_name(argument)),
            Some(("Fn::GetAtt", argument)) => names.extend(match argument.items().first() {
                Some(id) => self.read_name(id),
                None => self.read_name(argument).and_then(of_attribute),
            }),
            Some(("Fn::Sub", argument)) => {
                let text = argument.items().first().unwrap_or(argument).text();
                let words = text.unwrap_or_default().split("${").skip(1);
                let variables = words.filter_map(|it| it.split_once('}'));
                let variables = variables.map(|(name, _)| name.trim().to_owned());
                names.extend(variables.filter_map(of_attribute));
            }
            _ => {}
        }
        for entry in node.entries() {
            self.gather_names(&entry.node, names);
        }
        for item in node.items() {
            self.gather_names(item, names);
        }
    }
}

/// Returns the type of a resource.
///
/// # Errors
/// It has none, or one that is not a text.
fn read_type(entry: &Entry) -> Result<&str, TemplateError> {
    let id = &entry.name;
    let kind = entry.node.get("Type");
    if let Some(kind) = kind.and_then(Node::text) {
        return Ok(kind);
    }
    let (at, message) = match (kind, kind.unwrap_or(&entry.node).function_call()) {
        (Some(node), Some((function, _))) => (
            node.at,
            describe_function(&format!("the Type of {id}"), function),
        ),
        (Some(node), None) => (node.at, format!("the Type of {id} is not a text")),
        (None, Some((function, _))) => {
            let at = entry.node.at;
            (
                at,
                describe_function(&format!("the resource {id}"), function),
            )
        }
        (None, None) => (entry.at, format!("the resource {id} has no Type")),
    };
    Err(TemplateError::at(at, message))
}

fn find_macro(resource: &Node) -> Option<&Entry> {
    let mut entries = resource.entries().iter();
    entries.find(|it| it.name == "Fn::Transform")
}

/// Whether CloudFormation expands a function among the resources.
fn is_expanded_among_resources(function: &str) -> bool {
    function == "Fn::Transform" || function.starts_with("Fn::ForEach")
}

/// Returns the error about a function or a tag where CloudFormation accepts none.
fn describe_function(place: &str, function: &str) -> String {
    format!(
        "{place} is {}, which CloudFormation cannot read; check the template that your tool makes of this file",
        short_name(function)
    )
}

/// Returns a function as a tag of YAML: `!Rain::Module` for `Fn::Rain::Module`.
pub(super) fn short_name(function: &str) -> String {
    match function.strip_prefix("Fn::") {
        Some(name) => format!("!{name}"),
        None => format!("!{function}"),
    }
}
