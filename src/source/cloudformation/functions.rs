//! The intrinsic functions of a template.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::model::arn::partition_of;
use crate::model::{Gap, GapKind};
use crate::source::planned::Surroundings;

use super::build::{KEY, REPLICA_KEY};
use super::compose::{compose_json, compose_text, describe_place, text_at};
use super::node::{Entry, Mark, Node, Value};
use super::template::{Exports, Template, short_name};
use super::value::{Made, Open, Phrase, Piece, Resolved, Truth, unexpected_shape};

impl<'a> Template<'a> {
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

    pub(super) fn extra_key_error(&self, entry: &Entry) -> Open {
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
            "Ref" => self
                .read_name(argument)
                .map(|name| self.resolve_ref(&name, mark)),
            "Fn::GetAtt" => self.resolve_get_att(argument),
            "Fn::Sub" => self.resolve_sub(argument, mark),
            "Fn::Join" => self.resolve_join(argument, mark),
            "Fn::Select" => self.resolve_select(argument, mark),
            "Fn::Split" => self.resolve_split(argument, mark),
            "Fn::If" => self.resolve_if(argument),
            "Fn::FindInMap" => self.find_in_map(argument, mark),
            "Fn::Base64" => match self.resolve_node(argument).text() {
                Ok(Some(text)) => Some(Resolved::text_of(BASE64_STANDARD.encode(text))),
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
            "Fn::ToJsonString" => {
                let value = self.resolve_node(argument);
                Some(value.map_candidates(|it| compose_json(&it, mark)))
            }
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

    /// Returns the name that `Ref` or `Fn::GetAtt` is given: `AWS::LanguageExtensions` allows functions in it.
    ///
    /// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html>.
    pub(super) fn read_name(&self, argument: &Node) -> Option<String> {
        match argument.text() {
            Some(name) => Some(name.to_owned()),
            None if argument.function_call().is_some() => {
                self.resolve_node(argument).text().ok().flatten()
            }
            None => None,
        }
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
        self.find_resource(id).is_some() || resources.is_some_and(|it| it.get(id).is_some())
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
            "AWS::Partition" => Resolved::text_of(partition_of(region.unwrap_or_default())),
            "AWS::URLSuffix" => Resolved::text_of(match partition_of(region.unwrap_or_default()) {
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
            [id, attribute] => (self.read_name(id)?, self.resolve_node(attribute).text()),
            _ => {
                let name = self.read_name(argument)?;
                let (id, attribute) = name.split_once('.')?;
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
                .map_candidates(|source| match (source.text(), &source) {
                    (Ok(Some(source)), _) => {
                        Resolved::List(source.split(&delimiter).map(Resolved::text_of).collect())
                    }
                    (Ok(None), _) => Resolved::Open(unexpected_shape("a text")),
                    (Err(gap), Resolved::Text(phrase)) => {
                        self.split_phrase(phrase, &delimiter).unwrap_or_else(|| {
                            let what = describe_place("Fn::Split", mark);
                            Resolved::Open(Open::from_gap(what, gap))
                        })
                    }
                    (Err(gap), _) => {
                        Resolved::Open(Open::from_gap(describe_place("Fn::Split", mark), gap))
                    }
                }),
        )
    }

    /// Splits a text whose unknown parts do not contain the delimiter: accounts, regions and key ids have none, and
    /// neither names nor ARNs have commas. `None` where one may have it.
    fn split_phrase(&self, phrase: &Phrase, delimiter: &str) -> Option<Resolved> {
        let mut parts = vec![Phrase::default()];
        let pieces = phrase.0.iter();
        for piece in pieces.flat_map(|piece| self.spell_key_arn(piece)) {
            let is_whole = match &piece {
                Piece::Text(_) | Piece::Account | Piece::Region => true,
                Piece::Made(made) => delimiter == "," || self.is_key(made),
                Piece::Open(_) => false,
            };
            if !is_whole || !matches!(delimiter, "/" | ":" | ",") {
                return None;
            }
            let Piece::Text(text) = &piece else {
                parts.last_mut()?.push(piece);
                continue;
            };
            let mut texts = text.split(delimiter);
            parts
                .last_mut()?
                .push(Piece::Text(texts.next()?.to_owned()));
            parts.extend(texts.map(Phrase::of));
        }
        Some(Resolved::List(
            parts.into_iter().map(Resolved::Text).collect(),
        ))
    }

    /// Returns the parts of the ARN of a key of the template; any other piece as it is.
    fn spell_key_arn(&self, piece: &Piece) -> Vec<Piece> {
        let key = match piece {
            Piece::Made(made) if made.attribute.as_deref() == Some("Arn") => Made {
                attribute: None,
                ..made.clone()
            },
            _ => return vec![piece.clone()],
        };
        if !self.is_key(&key) {
            return vec![piece.clone()];
        }
        let partition = partition_of(self.region.as_deref().unwrap_or_default());
        let named = |name: &str| match self.pseudo_parameter(name) {
            Some(Resolved::Text(phrase)) => phrase.0,
            _ => Vec::new(),
        };
        let text = |text: &str| Piece::Text(text.to_owned());
        let mut pieces = vec![text(&format!("arn:{partition}:kms:"))];
        pieces.extend(named("AWS::Region"));
        pieces.push(text(":"));
        pieces.extend(named("AWS::AccountId"));
        pieces.extend([text(":key/"), Piece::Made(key)]);
        pieces
    }

    /// Whether this is the id of a key of the template.
    fn is_key(&self, made: &Made) -> bool {
        let kind = self.find_resource(&made.id).map(|it| it.kind);
        matches!(kind, Some(KEY | REPLICA_KEY))
            && matches!(made.attribute.as_deref(), None | Some("KeyId"))
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

    /// Resolves an import: exports of one name are one value, which a nested stack or another stack defines.
    fn resolve_import(&self, argument: &Node, mark: Mark) -> Resolved {
        let name = self.resolve_node(argument);
        if let Some(value) = self.find_export(&name) {
            return self.resolve_node(value);
        }
        match self.around.filter(|around| around.has_lookups()) {
            Some(around) => name.map_candidates(|name| describe_import(Some(around), &name, mark)),
            None => describe_import(None, &name, mark),
        }
    }

    /// Returns the value of an output that is exported under a name; `None` where it may not exist.
    fn find_export(&self, name: &Resolved) -> Option<&'a Node> {
        let output = self.find_exporting_output(name)?;
        let is_made = match output.get("Condition").and_then(Node::text) {
            Some(condition) => self.evaluate_condition(condition, output.at, 0) == Truth::Yes,
            None => true,
        };
        let value = output.get("Value").filter(|_| is_made);
        // An export that is imported itself is not followed.
        value.filter(|it| !has_import(it))
    }

    fn find_exporting_output(&self, name: &Resolved) -> Option<&'a Node> {
        let key = name.name_key()?;
        self.cache_exports();
        let exports = self.exports.borrow();
        let of_key = exports.as_ref()?.get(&key)?;
        let found = of_key.iter().find(|(own, _)| own == name);
        found.map(|(_, output)| *output)
    }

    pub(super) fn cache_exports(&self) {
        if self.exports.borrow().is_none() {
            // A name may depend on a condition that imports a value: it finds none.
            *self.exports.borrow_mut() = Some(Exports::new());
            let exports = self.read_exports();
            *self.exports.borrow_mut() = Some(exports);
        }
    }

    /// Returns the outputs that are exported under a name that the template contains.
    fn read_exports(&self) -> Exports<'a> {
        let mut exports = Exports::new();
        let outputs = self.find_section("Outputs").map_or(&[][..], Node::entries);
        for output in outputs {
            let name = output.node.get("Export").and_then(|it| it.get("Name"));
            let Some(name) = name.filter(|it| !has_import(it)) else {
                continue;
            };
            let name = self.resolve_node(name);
            if let Some(key) = name.name_key() {
                exports.entry(key).or_default().push((name, &output.node));
            }
        }
        exports
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
                Ok(name) => {
                    let inner = node.get(&name.unwrap_or_default());
                    let included = node.entries().iter().find(|it| it.name == "Fn::Transform");
                    return match (inner, included) {
                        (None, Some(entry)) => Some(Resolved::Open(self.extra_key_error(entry))),
                        (inner, _) => self.look_up(inner, rest, mark),
                    };
                }
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
}

fn has_import(node: &Node) -> bool {
    let is_import = |it: &Entry| it.name == "Fn::ImportValue" || has_import(&it.node);
    node.entries().iter().any(is_import) || node.items().iter().any(has_import)
}

fn may_be_absent(item: &Resolved) -> Option<Open> {
    match item {
        Resolved::OneOf(open, candidates) if candidates.iter().any(Resolved::is_absent) => {
            Some(open.clone())
        }
        _ => None,
    }
}

/// Resolves an export of another stack. Exports of one name are one value.
fn describe_import(around: Option<&Surroundings<'_>>, name: &Resolved, mark: Mark) -> Resolved {
    let name = name.text().ok().flatten();
    let found = around.zip(name.as_deref());
    let missing = match found.and_then(|(around, name)| around.find_export(name)) {
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
