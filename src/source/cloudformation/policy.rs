//! Policies with unknown parts, rewritten so that they can be evaluated as far as they are known.
//!
//! An unknown part becomes a condition that cannot be evaluated: a statement with an unknown principal
//! becomes one for every principal under such a condition. So what the statement grants or denies to
//! another principal, or for another action, is still known, and everything else is conditional.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::Gap;
use crate::model::arn::Arn;

use super::build::Build;
use super::value::{Open, Phrase, Piece, Resolved, unexpected_shape};

/// Returns the text of a policy.
///
/// # Errors
/// Why no part of it is known.
pub(super) fn policy_for_evaluation(build: &Build<'_>, policy: &Resolved) -> Result<String, Gap> {
    let members = match policy {
        // A policy may be given as a string.
        Resolved::Text(phrase) => {
            return match account_in_pattern(phrase) {
                Some(open) => Err(open.gap),
                None => Ok(build.text_with_stand_ins(policy)?.unwrap_or_default()),
            };
        }
        Resolved::Map(members) => members,
        Resolved::OneOf(open, candidates) => {
            let texts: Vec<_> = candidates
                .iter()
                .map(|it| policy_for_evaluation(build, it))
                .collect();
            return match texts.first() {
                Some(Ok(first)) if texts.iter().all(|it| it.as_ref() == Ok(first)) => {
                    Ok(first.clone())
                }
                _ => Err(open.gap.clone()),
            };
        }
        Resolved::Open(open) => return Err(open.gap.clone()),
        _ => return Err(unexpected_shape("a policy").gap),
    };
    let version = policy.get("Version").text()?;
    let writer = Writer {
        build,
        has_variables: version.as_deref() == Some("2012-10-17"),
    };
    let mut document = Map::new();
    for (name, value) in members {
        let value = match name.as_str() {
            "Statement" => {
                let listed = match value {
                    Resolved::List(items) => items.as_slice(),
                    one => std::slice::from_ref(one),
                };
                // Added statements go last, so that the others keep their numbers.
                let mut statements = Vec::new();
                let mut more = Vec::new();
                for item in listed {
                    let mut of_item = Vec::new();
                    writer.read_statements(item, &[], &mut of_item);
                    let mut of_item = of_item.into_iter();
                    statements.extend(of_item.next());
                    more.extend(of_item);
                }
                statements.extend(more);
                Value::Array(statements)
            }
            // An identifier without effect.
            "Id" => json!("Id"),
            _ => writer.known(value).map_err(|open| open.gap)?,
        };
        document.insert(name.clone(), value);
    }
    Ok(Value::Object(document).to_string())
}

/// Returns the text of a document that can be used only if every part of it is known.
///
/// # Errors
/// Why a part of it is not known.
pub(super) fn complete_policy(build: &Build<'_>, document: &Resolved) -> Result<String, Gap> {
    let writer = Writer {
        build,
        has_variables: false,
    };
    let text = match document {
        Resolved::Text(phrase) => return phrase.known(),
        _ => writer.known(document).map_err(|open| open.gap)?,
    };
    Ok(text.to_string())
}

struct Writer<'b, 'a> {
    build: &'b Build<'a>,
    /// Whether `${...}` is a variable.
    has_variables: bool,
}

/// The values of an element, known and unknown.
#[derive(Default)]
struct Named {
    known: Vec<Value>,
    open: Vec<Unnamed>,
}

/// A principal or resource whose name is only partly known.
struct Unnamed {
    open: Open,
    /// Its account, where that is known.
    account: Option<String>,
    /// The name, where only a condition of the template is unknown.
    value: Option<Value>,
}

impl Unnamed {
    fn new(open: &Open) -> Self {
        Unnamed {
            open: open.clone(),
            account: None,
            value: None,
        }
    }
}

impl Writer<'_, '_> {
    /// Returns a text with placeholders for the account, the region and the template's resources.
    fn text(&self, phrase: &Phrase) -> Result<String, Box<Open>> {
        let pieces = phrase.0.iter().map(|piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            piece => self.build.stand_in(piece).ok_or_else(|| {
                Box::new(piece.open().unwrap_or_else(|| unexpected_shape("a text")))
            }),
        });
        pieces.collect()
    }

    /// Returns a value of which every part is known.
    fn known(&self, value: &Resolved) -> Result<Value, Box<Open>> {
        Ok(match value {
            Resolved::Absent => Value::Null,
            Resolved::Bool(yes) => Value::Bool(*yes),
            Resolved::Number(_) => Value::String(self.text(&value.clone().phrase())?),
            Resolved::Text(phrase) => Value::String(self.text(phrase)?),
            Resolved::List(items) => Value::Array(
                items
                    .iter()
                    .map(|it| self.known(it))
                    .collect::<Result<_, _>>()?,
            ),
            Resolved::Map(members) => {
                let members = members.iter();
                let members = members.map(|(name, it)| Ok((name.clone(), self.known(it)?)));
                Value::Object(members.collect::<Result<_, Box<Open>>>()?)
            }
            Resolved::Open(open) | Resolved::OneOf(open, _) => return Err(Box::new(open.clone())),
        })
    }

    /// Adds the statements of a list, each under the conditions of the template that it depends on.
    fn read_statements(&self, value: &Resolved, under: &[Open], found: &mut Vec<Value>) {
        match value {
            Resolved::Absent => {}
            Resolved::List(items) => {
                items
                    .iter()
                    .for_each(|item| self.read_statements(item, under, found));
            }
            Resolved::OneOf(open, candidates) => {
                let under: Vec<Open> = under.iter().chain([open]).cloned().collect();
                for candidate in candidates {
                    self.read_statements(candidate, &under, found);
                }
            }
            Resolved::Map(members) => self.read_statement(members, under, found),
            // Its content is not known, but it allows or denies something.
            Resolved::Open(open) => {
                for effect in ["Allow", "Deny"] {
                    let mut statement = Map::new();
                    statement.insert("Effect".to_owned(), json!(effect));
                    for element in ["Principal", "Action", "Resource"] {
                        statement.insert(element.to_owned(), json!("*"));
                    }
                    add_open_condition(&mut statement, under.iter().chain([open]), "true");
                    found.push(Value::Object(statement));
                }
            }
            // Passed on as it is: the policy parser reports the error.
            other => found.extend(self.known(other)),
        }
    }

    fn read_statement(
        &self,
        members: &[(String, Resolved)],
        under: &[Open],
        found: &mut Vec<Value>,
    ) {
        let mut under = under.to_vec();
        let mut plain = Map::new();
        let mut effects = Vec::new();
        let mut elements: BTreeMap<&str, Named> = BTreeMap::new();
        for (name, value) in members {
            match name.as_str() {
                "Effect" => match self.known(value) {
                    Ok(effect) => effects.push(effect),
                    Err(open) => {
                        under.push(*open);
                        effects.extend([json!("Allow"), json!("Deny")]);
                    }
                },
                "Principal" | "NotPrincipal" => {
                    elements.insert(name, self.read_principals(value));
                }
                "Action" | "NotAction" | "Resource" | "NotResource" => {
                    elements.insert(name, self.read_names(value));
                }
                "Condition" => {
                    let conditions = self.read_conditions(value, &mut under);
                    plain.insert(name.clone(), conditions);
                }
                _ => match self.known(value) {
                    Ok(value) => drop(plain.insert(name.clone(), value)),
                    Err(_) if name == "Sid" => {}
                    Err(open) => under.push(*open),
                },
            }
        }
        // Without an effect the policy parser reports the error.
        if effects.is_empty() {
            self.write_variant(&plain, None, &elements, None, &under, found);
        }
        for effect in &effects {
            let effect = Some(effect);
            self.write_variant(&plain, effect, &elements, None, &under, found);
            for (name, named) in &elements {
                for unnamed in &named.open {
                    let widened = Some((*name, unnamed));
                    self.write_variant(&plain, effect, &elements, widened, &under, found);
                }
            }
        }
    }

    /// Adds a statement with the known values of each element, or with one element widened to everything
    /// that an unknown name in it may match.
    fn write_variant(
        &self,
        plain: &Map<String, Value>,
        effect: Option<&Value>,
        elements: &BTreeMap<&str, Named>,
        widened: Option<(&str, &Unnamed)>,
        under: &[Open],
        found: &mut Vec<Value>,
    ) {
        let mut statement = plain.clone();
        if let Some(effect) = effect {
            statement.insert("Effect".to_owned(), effect.clone());
        }
        let mut open: Vec<&Open> = under.iter().collect();
        for (name, named) in elements {
            let is_open = !named.open.is_empty();
            if widened.is_some() && is_open {
                if widened.is_none_or(|(element, _)| element != *name) {
                    open.extend(named.open.first().map(|it| &it.open));
                }
                let positive = name.strip_prefix("Not").unwrap_or(name);
                let itself = widened.filter(|(element, _)| element == name && positive == *name);
                let value = itself.and_then(|(_, unnamed)| unnamed.value.clone());
                statement.insert(positive.to_owned(), value.unwrap_or_else(|| json!("*")));
            } else if is_open && (name.starts_with("Not") || named.known.is_empty()) {
                // The known part is meaningless without the rest.
                return;
            } else {
                statement.insert((*name).to_owned(), merge_values(&named.known));
            }
        }
        let mut words = "true";
        if let Some((element, unnamed)) = widened {
            open.push(&unnamed.open);
            words = match element {
                _ if unnamed.value.is_some() => "true",
                "Principal" | "NotPrincipal" => "the principal",
                "Action" | "NotAction" => "the action",
                _ => "this resource",
            };
            if let (Some(account), "Principal") = (&unnamed.account, element) {
                add_condition(
                    &mut statement,
                    "StringLike",
                    "aws:PrincipalAccount",
                    json!(account),
                );
            }
        }
        add_open_condition(&mut statement, open.into_iter(), words);
        found.push(Value::Object(statement));
    }

    fn read_principals(&self, value: &Resolved) -> Named {
        let mut named = Named::default();
        match value {
            Resolved::Map(kinds) => {
                for (kind, values) in kinds {
                    let of_kind = self.read_names(values);
                    if kind != "AWS" {
                        // A service or identity provider is never one of the roles that are evaluated.
                        let unknown = of_kind.open.iter().map(|it| json!(it.open.what));
                        let all: Vec<Value> = of_kind.known.into_iter().chain(unknown).collect();
                        named.known.push(json!({ kind.as_str(): all }));
                        continue;
                    }
                    let root = |name: Value| match name.as_str() {
                        // An account id alone means the account's root.
                        Some("") => json!(format!("arn:{}:iam:::root", self.build.partition())),
                        _ => name,
                    };
                    let known: Vec<Value> = of_kind.known.into_iter().map(root).collect();
                    if !known.is_empty() {
                        named.known.push(json!({"AWS": known}));
                    }
                    named
                        .open
                        .extend(of_kind.open.into_iter().map(|it| Unnamed {
                            value: it.value.map(|value| json!({"AWS": root(value)})),
                            ..it
                        }));
                }
            }
            Resolved::Open(it) | Resolved::OneOf(it, _) => named.open.push(Unnamed::new(it)),
            other => match self.known(other) {
                Ok(value) => named.known.push(value),
                Err(it) => named.open.push(Unnamed::new(&it)),
            },
        }
        named
    }

    /// Reads a name or a list of names.
    fn read_names(&self, value: &Resolved) -> Named {
        let mut named = Named::default();
        self.gather(value, &mut named);
        named
    }

    fn gather(&self, value: &Resolved, named: &mut Named) {
        match value {
            Resolved::Absent => {}
            Resolved::List(items) => items.iter().for_each(|it| self.gather(it, named)),
            Resolved::Open(it) => named.open.push(Unnamed::new(it)),
            Resolved::OneOf(it, candidates) => {
                let mut maybe = Named::default();
                for candidate in candidates {
                    self.gather(candidate, &mut maybe);
                }
                let known = maybe.known.into_iter().map(|value| Unnamed {
                    value: Some(value),
                    ..Unnamed::new(it)
                });
                named.open.extend(known.chain(maybe.open));
            }
            Resolved::Map(_) => match self.known(value) {
                Ok(value) => named.known.push(value),
                Err(it) => named.open.push(Unnamed::new(&it)),
            },
            scalar => {
                let phrase = scalar.clone().phrase();
                match self.text(&phrase) {
                    Ok(text) if self.is_elsewhere(&text) => {
                        named.open.push(Unnamed::new(&self.build.no_region()));
                    }
                    Ok(text) => named.known.push(json!(text)),
                    Err(open) => named.open.push(Unnamed {
                        account: self.account_of(&phrase),
                        ..Unnamed::new(&open)
                    }),
                }
            }
        }
    }

    /// Whether an ARN names a region that may not be the stack's.
    fn is_elsewhere(&self, text: &str) -> bool {
        let Some(arn) = Arn::parse(text).filter(|_| self.build.region_is_open()) else {
            return false;
        };
        !arn.region.is_empty() && !arn.region.contains('*') && arn.region != self.build.region()
    }

    /// Returns the account in an ARN whose other parts may be unknown.
    fn account_of(&self, phrase: &Phrase) -> Option<String> {
        const HOLE: &str = "\u{0}";
        let pieces = phrase.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            // The template's roles and users are in the stack's account.
            Piece::Made(made) if self.build.is_principal(made) && phrase.0.len() == 1 => {
                format!("arn:aws:iam:::{HOLE}")
            }
            piece => self
                .build
                .stand_in(piece)
                .unwrap_or_else(|| HOLE.to_owned()),
        });
        let text: String = pieces.collect();
        let arn = Arn::parse(&text)?;
        let before = [arn.partition, arn.service, arn.region, arn.account];
        let is_known = before.iter().all(|part| !part.contains(HOLE));
        is_known.then(|| arn.account.to_owned())
    }

    /// Reads the condition block, with policy variables for its unknown parts.
    fn read_conditions(&self, value: &Resolved, under: &mut Vec<Open>) -> Value {
        let mut block = Map::new();
        let Resolved::Map(operators) = value else {
            match self.known(value) {
                Ok(value) => return value,
                Err(open) => under.push(*open),
            }
            return Value::Object(block);
        };
        for (operator, keys) in operators {
            let Resolved::Map(keys) = keys else {
                match self.known(keys) {
                    Ok(keys) => drop(block.insert(operator.clone(), keys)),
                    Err(open) => under.push(*open),
                }
                continue;
            };
            let mut written = Map::new();
            for (key, values) in keys {
                match self.values(key, values) {
                    Ok(values) => drop(written.insert(key.clone(), values)),
                    Err(open) => under.push(*open),
                }
            }
            if !written.is_empty() {
                block.insert(operator.clone(), Value::Object(written));
            }
        }
        Value::Object(block)
    }

    fn values(&self, key: &str, values: &Resolved) -> Result<Value, Box<Open>> {
        if let Resolved::List(items) = values {
            let items = items.iter().map(|item| self.values(key, item));
            return Ok(Value::Array(items.collect::<Result<_, _>>()?));
        }
        let phrase = match values {
            Resolved::Text(phrase) => phrase.clone(),
            Resolved::Number(_) => values.clone().phrase(),
            Resolved::Open(open) | Resolved::OneOf(open, _) => {
                Phrase::one(Piece::Open(open.clone()))
            }
            other => return self.known(other),
        };
        let text = match account_in_pattern(&phrase).map_or_else(|| self.text(&phrase), Err) {
            Ok(text) => text,
            Err(open) if !self.has_variables => return Err(open),
            Err(open) => return Ok(json!(format!("${{{}}}", placeholder_variable(&open.what)))),
        };
        if self.build.region_is_open() && is_regional(key, &text, self.build.region()) {
            let open = self.build.no_region();
            return match self.has_variables {
                true => Ok(json!(format!("${{{}}}", placeholder_variable(&open.what)))),
                false => Err(Box::new(open)),
            };
        }
        Ok(json!(text))
    }
}

/// Returns why a pattern that contains the account is unknown: the placeholder for the account is empty,
/// so wildcards around it may match what the account id would not.
fn account_in_pattern(phrase: &Phrase) -> Option<Box<Open>> {
    let text = |piece: Option<&Piece>| match piece {
        Some(Piece::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let mut before_has = false;
    for (index, piece) in phrase.0.iter().enumerate() {
        match piece {
            Piece::Text(text) => before_has |= text.contains(['*', '?']),
            Piece::Account => {
                let before = text(index.checked_sub(1).and_then(|before| phrase.0.get(before)));
                let after = text(phrase.0.get(index + 1));
                let is_field = before.ends_with("::") && after.starts_with(':');
                if after.starts_with(['*', '?']) || before_has && !is_field {
                    return piece.open().map(Box::new);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a condition names a region other than the stack's.
fn is_regional(key: &str, value: &str, own: &str) -> bool {
    let region = match key.to_ascii_lowercase().as_str() {
        "kms:viaservice" => value.split('.').nth(1),
        "aws:requestedregion" => Some(value),
        _ => None,
    };
    region.is_some_and(|region| region != own && region != "*")
}

/// Returns a valid name for a policy variable.
fn placeholder_variable(what: &str) -> String {
    what.replace(['{', '}', '$', ','], " ")
}

/// Returns a single value as it is, several as a list.
fn merge_values(known: &[Value]) -> Value {
    let mut kinds = Map::new();
    for value in known {
        match value {
            Value::Object(members) => kinds.extend(members.clone()),
            _ if known.len() == 1 => return value.clone(),
            _ => return Value::Array(known.to_vec()),
        }
    }
    if kinds.is_empty() {
        Value::Array(known.to_vec())
    } else {
        Value::Object(kinds)
    }
}

/// Adds conditions to a statement that cannot be evaluated.
fn add_open_condition<'o>(
    statement: &mut Map<String, Value>,
    open: impl Iterator<Item = &'o Open>,
    words: &str,
) {
    for open in open {
        add_condition(statement, "StringEquals", &open.what, json!(words));
    }
}

fn add_condition(statement: &mut Map<String, Value>, operator: &str, key: &str, value: Value) {
    let block = statement.entry("Condition").or_insert_with(|| json!({}));
    let Some(block) = block.as_object_mut() else {
        return;
    };
    let keys = block.entry(operator).or_insert_with(|| json!({}));
    if let Some(keys) = keys.as_object_mut() {
        keys.entry(key).or_insert(value);
    }
}
