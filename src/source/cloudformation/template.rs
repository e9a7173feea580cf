//! A template: its parameters, its conditions, and the values of its functions.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::{Gap, GapKind};
use crate::source::planned::Surroundings;

use super::error::TemplateError;
use super::node::{Entry, Mark, Node, Value};
use super::parameter;
use super::value::{MOST_CANDIDATES, Made, Open, Phrase, Piece, Resolved, unexpected_shape};

/// The longest chain of conditions that is evaluated.
const DEEPEST: usize = 100;

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
    root: &'a Node,
    /// The region; none where it is not known.
    pub(super) region: Option<String>,
    /// The account that it is deployed to; none where it is not known.
    pub(super) account: Option<String>,
    parameters: BTreeMap<String, Resolved>,
    conditions: RefCell<BTreeMap<String, Option<Truth>>>,
    around: &'a Surroundings<'a>,
    resources: Vec<Declared<'a>>,
    by_id: BTreeMap<&'a str, usize>,
    /// The properties that were resolved so far.
    resolved: RefCell<BTreeMap<&'a str, Rc<Resolved>>>,
}

/// The value of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    Yes,
    No,
    Open(Open),
}

/// A resource declaration.
#[derive(Debug, Clone)]
pub(super) struct Declared<'a> {
    pub(super) id: &'a str,
    pub(super) at: Mark,
    pub(super) kind: &'a str,
    /// The condition under which it is created, if that condition cannot be evaluated.
    pub(super) condition: Option<(String, Open)>,
    properties: Option<&'a Node>,
}

impl<'a> Template<'a> {
    pub(super) fn read(
        root: &'a Node,
        given: &Given<'_>,
        around: &'a Surroundings<'a>,
    ) -> Result<Self, TemplateError> {
        let mut template = Template {
            root,
            region: given.region.map(str::to_owned),
            account: given.account.map(str::to_owned),
            parameters: parameter::read_values(root.get("Parameters"), given.parameters)?,
            conditions: RefCell::default(),
            around,
            resources: Vec::new(),
            by_id: BTreeMap::new(),
            resolved: RefCell::default(),
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
                properties: entry.node.get("Properties"),
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
        let resolved = declared.properties.map(|node| self.resolve_node(node));
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
        let name = match node.function_call() {
            Some(("Ref", argument)) => argument.text(),
            Some(("Fn::GetAtt", argument)) => match argument.items().first() {
                Some(id) => id.text(),
                None => argument.text().and_then(|it| it.split('.').next()),
            },
            _ => None,
        };
        names.extend(name.map(str::to_owned));
        for entry in node.entries() {
            self.gather_names(&entry.node, names);
        }
        for item in node.items() {
            self.gather_names(item, names);
        }
    }

    /// Resolves a value.
    pub(super) fn resolve_node(&self, node: &Node) -> Resolved {
        if let Some((name, argument)) = node.function_call() {
            return self.call_function(name, argument, node.at);
        }
        match &node.value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Plain(_) => {
                match node.meaning() {
                    Value::Bool(yes) => Resolved::Bool(yes),
                    Value::Number(text) => Resolved::Number(text),
                    Value::Text(text) => text_at(&text, node.at),
                    _ => Resolved::Absent,
                }
            }
            Value::List(items) => {
                let items = items.iter().map(|item| self.resolve_node(item));
                Resolved::List(items.filter(|item| !item.is_absent()).collect())
            }
            Value::Map(entries) => match entries.iter().find(|it| it.name.starts_with("Fn::")) {
                // A function among other keys: only `Fn::Transform` is allowed, and it adds to them.
                Some(entry) => Resolved::Open(self.extra_key_error(entry)),
                None => {
                    let members = entries.iter();
                    let members = members.map(|it| (it.name.clone(), self.resolve_node(&it.node)));
                    Resolved::Map(members.filter(|(_, value)| !value.is_absent()).collect())
                }
            },
        }
    }

    fn extra_key_error(&self, entry: &Entry) -> Open {
        let (kind, why) = match entry.name.as_str() {
            "Fn::Transform" => (
                GapKind::AfterApply,
                "what a macro adds is known only after deployment",
            ),
            _ => (GapKind::Unreadable, "it cannot be combined with other keys"),
        };
        Open::new(kind, describe_place(&entry.name, entry.at), why)
    }

    fn call_function(&self, name: &str, argument: &Node, mark: Mark) -> Resolved {
        let open =
            |kind, why: &str| Resolved::Open(Open::new(kind, describe_place(name, mark), why));
        let wrong = || {
            open(
                GapKind::Unreadable,
                "its arguments do not have the expected form",
            )
        };
        let done = match name {
            "Ref" => argument.text().map(|text| self.resolve_ref(text, mark)),
            "Fn::GetAtt" => self.resolve_get_att(argument),
            "Fn::Sub" => self.resolve_sub(argument, mark),
            "Fn::Join" => self.resolve_join(argument, mark),
            "Fn::Select" => self.resolve_select(argument, mark),
            "Fn::Split" => self.resolve_split(argument, mark),
            "Fn::If" => self.resolve_if(argument),
            "Fn::FindInMap" => self.find_in_map(argument, mark),
            "Fn::Base64" => match self.resolve_node(argument).text() {
                Ok(Some(text)) => Some(Resolved::text_of(encode_base64(text.as_bytes()))),
                Ok(None) => None,
                Err(gap) => Some(Resolved::Open(Open::from_gap(
                    describe_place(name, mark),
                    gap,
                ))),
            },
            "Fn::Length" => Some(self.resolve_node(argument).map_candidates(|list| {
                match (list.items(), &list) {
                    (Ok(items), Resolved::List(_)) => match items.into_iter().find_map(|it| it.0) {
                        Some(open) => Resolved::Open(open.unnamed()),
                        None => Resolved::Number(list.count_items().to_string()),
                    },
                    (Err(gap), _) => {
                        Resolved::Open(Open::from_gap(describe_place(name, mark), gap))
                    }
                    _ => wrong(),
                }
            })),
            "Fn::ToJsonString" => Some(open(
                GapKind::AfterApply,
                "the text is created at deployment",
            )),
            "Fn::ImportValue" => Some(self.resolve_import(argument, mark)),
            "Fn::GetAZs" | "Fn::Cidr" => {
                Some(open(GapKind::AfterApply, "it is computed at deployment"))
            }
            "Fn::Transform" => Some(open(
                GapKind::AfterApply,
                "the output of a macro is known only after deployment",
            )),
            _ => {
                let name = short_name(name);
                let what = describe_place(&name, mark);
                let why = "it is not a function of CloudFormation that can be read";
                Some(Resolved::Open(Open::new(GapKind::Unreadable, what, why)))
            }
        };
        done.unwrap_or_else(wrong)
    }

    /// Resolves a `Ref`.
    fn resolve_ref(&self, name: &str, mark: Mark) -> Resolved {
        if let Some(value) = self.parameters.get(name) {
            return value.clone();
        }
        if let Some(value) = self.pseudo_parameter(name) {
            return value;
        }
        if self.is_declared(name) {
            return Resolved::Text(Phrase::one(Piece::Made(Made {
                id: name.to_owned(),
                attribute: None,
            })));
        }
        let why = "the template has no parameter and no resource of this name";
        let what = describe_place(&format!("Ref {name}"), mark);
        Resolved::Open(Open::new(GapKind::Unreadable, what, why))
    }

    /// Whether a resource is declared, or may be added by a macro.
    fn is_declared(&self, id: &str) -> bool {
        if self.root.get("Transform").is_some() {
            return true;
        }
        let resources = self.root.get("Resources");
        self.by_id.contains_key(id) || resources.is_some_and(|it| it.get(id).is_some())
    }

    fn pseudo_parameter(&self, name: &str) -> Option<Resolved> {
        let region = self.region.as_deref();
        Some(match name {
            "AWS::NoValue" => Resolved::Absent,
            "AWS::AccountId" => Resolved::Text(match &self.account {
                Some(account) => Phrase::of(account),
                None => Phrase::one(Piece::Account),
            }),
            "AWS::Region" => Resolved::Text(match region {
                Some(region) => Phrase::of(region),
                None => Phrase::one(Piece::Region),
            }),
            "AWS::Partition" => Resolved::text_of(partition_of(region)),
            "AWS::URLSuffix" => Resolved::text_of(match partition_of(region) {
                "aws-cn" => "amazonaws.com.cn",
                _ => "amazonaws.com",
            }),
            _ if name.starts_with("AWS::") => {
                let why = "known only after deployment";
                let open = Open::new(GapKind::AfterApply, name, why).named(name);
                Resolved::Text(Phrase::one(Piece::Open(open)))
            }
            _ => return None,
        })
    }

    fn resolve_get_att(&self, argument: &Node) -> Option<Resolved> {
        let (id, attribute) = match argument.items() {
            [id, attribute] => (id.text()?.to_owned(), self.resolve_node(attribute).text()),
            _ => {
                let (id, attribute) = argument.text()?.split_once('.')?;
                (id.to_owned(), Ok(Some(attribute.to_owned())))
            }
        };
        Some(self.resolve_named(id, attribute.ok()??, argument.at))
    }

    fn resolve_named(&self, id: String, attribute: String, mark: Mark) -> Resolved {
        if !self.is_declared(&id) {
            let what = describe_place(&format!("Fn::GetAtt {id}.{attribute}"), mark);
            let why = "the template has no resource of this name";
            return Resolved::Open(Open::new(GapKind::Unreadable, what, why));
        }
        Resolved::Text(Phrase::one(Piece::Made(Made {
            id,
            attribute: Some(attribute),
        })))
    }

    /// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html>.
    fn resolve_sub(&self, argument: &Node, mark: Mark) -> Option<Resolved> {
        let (text, variables) = match argument.items() {
            [text, variables] => (text.text()?, variables.entries()),
            _ => (argument.text()?, &[][..]),
        };
        // Each is resolved once, even if the text uses it several times.
        let variables: BTreeMap<&str, Resolved> = variables
            .iter()
            .map(|it| (it.name.as_str(), self.resolve_node(&it.node)))
            .collect();
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else {
                break;
            };
            parts.push(Resolved::text_of(&rest[..start]));
            let name = rest[start + 2..start + length].trim();
            parts.push(match (name.strip_prefix('!'), variables.get(name)) {
                (Some(kept), _) => Resolved::text_of(format!("${{{kept}}}")),
                (None, Some(value)) => value.clone(),
                (None, None) => match name.split_once('.') {
                    Some((id, attribute)) => {
                        self.resolve_named(id.to_owned(), attribute.to_owned(), mark)
                    }
                    None => self.resolve_ref(name, mark),
                },
            });
            rest = &rest[start + length + 1..];
        }
        parts.push(Resolved::text_of(rest));
        Some(compose_text(parts, mark))
    }

    fn resolve_join(&self, argument: &Node, mark: Mark) -> Option<Resolved> {
        let [delimiter, list] = argument.items() else {
            return None;
        };
        let delimiter = self
            .resolve_node(delimiter)
            .text()
            .ok()?
            .unwrap_or_default();
        let joined = self.resolve_node(list).map_candidates(|list| match list {
            Resolved::List(items) => match items.iter().find_map(may_be_absent) {
                Some(open) => Resolved::Open(open.unnamed()),
                None => {
                    let between = Resolved::text_of(&delimiter);
                    let parts = items.into_iter().enumerate().flat_map(|(index, item)| {
                        let before = (index > 0).then(|| between.clone());
                        before.into_iter().chain([item])
                    });
                    compose_text(parts.collect(), mark)
                }
            },
            Resolved::Open(open) => Resolved::Open(open.unnamed()),
            _ => Resolved::Open(unexpected_shape("a list")),
        });
        Some(joined)
    }

    fn resolve_select(&self, argument: &Node, mark: Mark) -> Option<Resolved> {
        let [index, list] = argument.items() else {
            return None;
        };
        let index = self.resolve_node(index).as_integer();
        let index = match index {
            Ok(index) => Ok(usize::try_from(index?).ok()?),
            Err(gap) => Err(Open::from_gap(describe_place("Fn::Select", mark), gap)),
        };
        let outside = || {
            let what = describe_place("Fn::Select", mark);
            let why = "the list has no item at this index";
            Resolved::Open(Open::new(GapKind::Unreadable, what, why))
        };
        Some(
            self.resolve_node(list)
                .map_candidates(|list| match (list, &index) {
                    // An item that may be absent shifts the items after it.
                    (Resolved::List(items), Ok(index)) => {
                        match items.iter().take(index + 1).find_map(may_be_absent) {
                            Some(open) => Resolved::Open(open.unnamed()),
                            None => items.into_iter().nth(*index).unwrap_or_else(outside),
                        }
                    }
                    (Resolved::List(items), Err(open)) => Resolved::one_of(open.clone(), items),
                    (Resolved::Open(open), _) => Resolved::Open(open.unnamed()),
                    _ => Resolved::Open(unexpected_shape("a list")),
                }),
        )
    }

    fn resolve_split(&self, argument: &Node, mark: Mark) -> Option<Resolved> {
        let [delimiter, source] = argument.items() else {
            return None;
        };
        let delimiter = self
            .resolve_node(delimiter)
            .text()
            .ok()?
            .filter(|it| !it.is_empty())?;
        Some(
            self.resolve_node(source)
                .map_candidates(|source| match source.text() {
                    Ok(Some(source)) => {
                        Resolved::List(source.split(&delimiter).map(Resolved::text_of).collect())
                    }
                    Ok(None) => Resolved::Open(unexpected_shape("a text")),
                    Err(gap) => {
                        Resolved::Open(Open::from_gap(describe_place("Fn::Split", mark), gap))
                    }
                }),
        )
    }

    fn resolve_if(&self, argument: &Node) -> Option<Resolved> {
        let [name, yes, no] = argument.items() else {
            return None;
        };
        Some(match self.evaluate_condition(name.text()?, name.at, 0) {
            Truth::Yes => self.resolve_node(yes),
            Truth::No => self.resolve_node(no),
            Truth::Open(open) => {
                Resolved::one_of(open, [self.resolve_node(yes), self.resolve_node(no)])
            }
        })
    }

    /// Resolves an import, of which the name may be one of several.
    fn resolve_import(&self, argument: &Node, mark: Mark) -> Resolved {
        let name = self.resolve_node(argument);
        match self.around.has_lookups() {
            true => name.map_candidates(|name| self.resolve_export(&name, mark)),
            false => self.resolve_export(&name, mark),
        }
    }

    /// Resolves an export. Exports of one name are one value, which another stack defines.
    fn resolve_export(&self, name: &Resolved, mark: Mark) -> Resolved {
        let name = name.text().ok().flatten();
        let found = name.as_deref().and_then(|it| self.around.find_export(it));
        let missing = match found {
            Some(Ok(value)) => return Resolved::text_of(value),
            Some(Err(gap)) => Some(gap),
            None => None,
        };
        let what = match &name {
            Some(name) => format!("the export {name}"),
            None => describe_place("Fn::ImportValue", mark),
        };
        let why = "it is exported by another stack and not in the template";
        let open = match missing {
            Some(gap) => Open::from_gap(what, gap),
            None => Open::new(GapKind::Unplanned, what, why),
        };
        Resolved::Open(match name {
            Some(name) => open.named(format!("export {name}")),
            None => open,
        })
    }

    fn find_in_map(&self, argument: &Node, mark: Mark) -> Option<Resolved> {
        let [names @ .., _, _, _] = argument.items() else {
            return None;
        };
        let (path, default) = match (names, argument.items()) {
            ([], path) => (path, None),
            ([_], [path @ .., last]) => (path, Some(last.get("DefaultValue")?)),
            _ => return None,
        };
        let path: Vec<Resolved> = path.iter().map(|it| self.resolve_node(it)).collect();
        let all = self.root.get("Mappings");
        let found = self.look_up(all, &path, mark);
        Some(match (found, default) {
            (Some(found), None) => found,
            // The default counts for every key that the mapping does not have.
            (Some(found), Some(_)) if path.iter().all(|key| key.text().is_ok()) => found,
            (Some(found), Some(default)) => {
                let what = describe_place("Fn::FindInMap", mark);
                let gap = path.iter().find_map(|key| key.text().err());
                let open = Open::from_gap(what, gap.unwrap_or_else(Gap::not_collected));
                Resolved::one_of(open, [found, self.resolve_node(default)])
            }
            (None, Some(default)) => self.resolve_node(default),
            (None, None) => {
                let why = "Mappings has no such entry";
                let what = describe_place("Fn::FindInMap", mark);
                Resolved::Open(Open::new(GapKind::Unreadable, what, why))
            }
        })
    }

    /// Returns what a mapping has under the keys; none where it has no such entry. A key that is not known
    /// may be each of the mapping's: without an entry the deployment fails.
    fn look_up(&self, node: Option<&Node>, path: &[Resolved], mark: Mark) -> Option<Resolved> {
        let node = node?;
        let Some((key, rest)) = path.split_first() else {
            return Some(self.resolve_node(node));
        };
        let (open, found): (Open, Vec<Resolved>) = match key {
            Resolved::OneOf(open, candidates) => {
                let each = candidates.iter();
                let each = each.filter_map(|it| {
                    self.look_up(Some(node), &[std::slice::from_ref(it), rest].concat(), mark)
                });
                (open.clone(), each.collect())
            }
            key => match key.text() {
                Ok(name) => return self.look_up(node.get(&name.unwrap_or_default()), rest, mark),
                Err(gap) => {
                    let each = node.entries().iter();
                    let each = each.filter_map(|it| self.look_up(Some(&it.node), rest, mark));
                    let what = describe_place("Fn::FindInMap", mark);
                    (Open::from_gap(what, gap), each.collect())
                }
            },
        };
        (!found.is_empty()).then(|| Resolved::one_of(open, found))
    }

    /// The value of a condition.
    pub(super) fn evaluate_condition(&self, name: &str, mark: Mark, depth: usize) -> Truth {
        let open = |why: &str| {
            let what = format!("condition {name}");
            let message = format!("line {}: {what}: {why}", mark.line);
            let gap = Gap::new(GapKind::Unreadable, message);
            Truth::Open(Open::from_gap(what, gap))
        };
        match self.conditions.borrow().get(name) {
            Some(Some(known)) => return known.clone(),
            Some(None) => return open("it depends on itself"),
            None => {}
        }
        let declared = self.root.get("Conditions").and_then(|all| all.get(name));
        let Some(node) = declared else {
            return open("the template has no such condition");
        };
        if depth > DEEPEST {
            return open("the chain of conditions is too long");
        }
        self.conditions.borrow_mut().insert(name.to_owned(), None);
        let truth = match self.evaluate_rule(node, depth + 1) {
            Truth::Open(open) => {
                let what = format!("condition {name}");
                Truth::Open(Open::from_gap(what.clone(), open.gap).named(what))
            }
            known => known,
        };
        let mut conditions = self.conditions.borrow_mut();
        conditions.insert(name.to_owned(), Some(truth.clone()));
        truth
    }

    fn evaluate_rule(&self, node: &Node, depth: usize) -> Truth {
        let wrong = |what: &str, why: &str| {
            let what = describe_place(what, node.at);
            Truth::Open(Open::new(GapKind::Unreadable, what, why))
        };
        let [
            Entry {
                name,
                node: argument,
                ..
            },
        ] = node.entries()
        else {
            return wrong("a condition", "it is not a condition function");
        };
        if depth > 2 * DEEPEST {
            return wrong(name, "it is nested too deeply");
        }
        let each = || {
            argument
                .items()
                .iter()
                .map(|item| self.evaluate_rule(item, depth))
        };
        match (name.as_str(), argument.items()) {
            ("Condition", _) => match argument.text() {
                Some(name) => self.evaluate_condition(name, argument.at, depth),
                None => wrong(name, "it does not name a condition"),
            },
            ("Fn::Equals", [one, other]) => {
                compare_values(&self.resolve_node(one), &self.resolve_node(other))
            }
            ("Fn::Not", [_]) => match each().next() {
                Some(Truth::Yes) => Truth::No,
                Some(Truth::No) => Truth::Yes,
                Some(open) => open,
                None => wrong(name, "its arguments do not have the expected form"),
            },
            ("Fn::And", [_, ..]) => each().fold(Truth::Yes, |all, one| match (all, one) {
                (Truth::No, _) | (_, Truth::No) => Truth::No,
                (Truth::Yes, one) => one,
                (open, _) => open,
            }),
            ("Fn::Or", [_, ..]) => each().fold(Truth::No, |any, one| match (any, one) {
                (Truth::Yes, _) | (_, Truth::Yes) => Truth::Yes,
                (Truth::No, one) => one,
                (open, _) => open,
            }),
            ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                wrong(name, "its arguments do not have the expected form")
            }
            _ => wrong(name, "the function is not supported"),
        }
    }
}

/// Compares two values: `Fn::Equals` compares text.
fn compare_values(one: &Resolved, other: &Resolved) -> Truth {
    if one == other {
        return Truth::Yes;
    }
    let mut truth: Option<Truth> = None;
    for one in one.candidates() {
        for other in other.candidates() {
            let compared = compare_candidates(one, other);
            match &truth {
                None => truth = Some(compared),
                Some(so_far) if *so_far == compared => {}
                Some(_) => {
                    truth = None;
                    break;
                }
            }
        }
        if truth.is_none() {
            break;
        }
    }
    truth.unwrap_or_else(|| {
        let gap = one.text().err().or_else(|| other.text().err());
        Truth::Open(Open::from_gap(
            "Fn::Equals",
            gap.unwrap_or_else(Gap::not_collected),
        ))
    })
}

fn compare_candidates(one: &Resolved, other: &Resolved) -> Truth {
    if one == other {
        return Truth::Yes;
    }
    let known = |value: &Resolved| value.text().map(Option::unwrap_or_default);
    match (known(one), known(other)) {
        (Ok(one), Ok(other)) if one == other => Truth::Yes,
        (Ok(_), Ok(_)) => Truth::No,
        // What a resource or the deployment names is never empty.
        (Ok(text), Err(_)) if text.is_empty() && is_never_empty(other) => Truth::No,
        (Err(_), Ok(text)) if text.is_empty() && is_never_empty(one) => Truth::No,
        (Err(gap), _) | (_, Err(gap)) => Truth::Open(Open::from_gap("Fn::Equals", gap)),
    }
}

fn is_never_empty(value: &Resolved) -> bool {
    let has_content = |piece: &Piece| !matches!(piece, Piece::Open(_));
    matches!(value, Resolved::Text(phrase) if phrase.0.iter().any(has_content))
}

fn may_be_absent(item: &Resolved) -> Option<Open> {
    match item {
        Resolved::OneOf(open, candidates) if candidates.iter().any(Resolved::is_absent) => {
            Some(open.clone())
        }
        _ => None,
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
fn short_name(function: &str) -> String {
    match function.strip_prefix("Fn::") {
        Some(name) => format!("!{name}"),
        None => format!("!{function}"),
    }
}

/// The most texts that unknown parts are combined to.
const MOST_TEXTS: usize = MOST_CANDIDATES;

/// Returns the text that the parts make, or every text that they may make.
fn compose_text(parts: Vec<Resolved>, mark: Mark) -> Resolved {
    let texts = parts.iter().try_fold(1_usize, |texts, part| {
        texts.checked_mul(part.candidates().len())
    });
    let choice = parts.iter().find_map(|part| match part {
        Resolved::OneOf(open, candidates) => Some((part, open, candidates)),
        _ => None,
    });
    if let (Some((choice, open, candidates)), true) =
        (choice, texts.is_some_and(|texts| texts <= MOST_TEXTS))
    {
        let texts = candidates.iter().map(|candidate| {
            // A value that occurs twice is the same in both places.
            let parts =
                parts
                    .iter()
                    .map(|part| match part == choice || std::ptr::eq(part, choice) {
                        true => candidate.clone(),
                        false => part.clone(),
                    });
            compose_text(parts.collect(), mark)
        });
        return Resolved::one_of(open.clone(), texts);
    }
    let mut phrase = Phrase::default();
    for part in parts {
        if !phrase.extend(part.phrase()) {
            return too_long(mark);
        }
    }
    check_dynamic_reference(phrase, mark)
}

/// Returns a function's name and line for a message.
fn describe_place(name: &str, mark: Mark) -> String {
    format!("{name} in line {}", mark.line)
}

fn too_long(mark: Mark) -> Resolved {
    let what = describe_place("a text", mark);
    Resolved::Open(Open::new(GapKind::Unreadable, what, "it is too long"))
}

/// Returns a literal text; unknown if it is a dynamic reference, which is resolved at deployment.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>.
fn text_at(text: &str, mark: Mark) -> Resolved {
    if !text.contains("{{resolve:") {
        return Resolved::text_of(text);
    }
    let why = "it is read from Systems Manager or Secrets Manager at deployment";
    let what = describe_place("a dynamic reference", mark);
    let open = Open::new(GapKind::Unplanned, what, why);
    // The same reference is the same value in a deployment.
    Resolved::Open(open.named(text))
}

/// Returns a composed text; unknown if it is a dynamic reference.
fn check_dynamic_reference(phrase: Phrase, mark: Mark) -> Resolved {
    let is_dynamic =
        |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains("{{resolve:"));
    if phrase.0.iter().any(is_dynamic) {
        let resolved = text_at("{{resolve:", mark);
        return match resolved {
            Resolved::Open(open) => Resolved::Open(open.unnamed()),
            other => other,
        };
    }
    Resolved::Text(phrase)
}

/// Returns the partition of a region; `aws` where the region is not known, as for `AWS::Partition`.
pub(super) fn partition_of(region: Option<&str>) -> &'static str {
    match region {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn encode_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place)) & 63;
            let letter = usize::try_from(six).ok().and_then(|it| ALPHABET.get(it));
            text.push(match letter {
                Some(letter) if place <= chunk.len() => char::from(*letter),
                _ => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        for (text, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(encode_base64(text.as_bytes()), want);
        }
    }
}
