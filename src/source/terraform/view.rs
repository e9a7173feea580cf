//! The attributes of a resource, each with what the plan knows of it.

use serde_json::Value;

use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::after_apply;

use super::document::{ALL, Item, NULL};

/// Blocks for which the provider chooses where none is written.
const CHOSEN: [&str; 7] = [
    "ebs_block_device",
    "lifecycle_rule",
    "root_block_device",
    "route",
    "server_side_encryption",
    "server_side_encryption_configuration",
    "versioning",
];

/// Blocks that are a list, in which the plan keeps the order of the configuration. The others are sets.
const ORDERED: [&str; 4] = ["filter", "lifecycle_rule", "root_block_device", "statement"];

/// A resource, or a block in one.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// The resource.
    pub(super) item: &'a Item<'a>,
    pub(super) values: &'a Value,
    pub(super) unknown: &'a Value,
    pub(super) sensitive: &'a Value,
    /// The expressions of the configuration; none where it does not show them, as of dynamic blocks.
    pub(super) config: Option<&'a Value>,
}

/// What a plan knows of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact<T> {
    /// Its value.
    Known(T),
    /// The configuration leaves it out, and it has no value.
    Unset,
    /// The configuration leaves it out, and the provider or AWS chooses.
    Computed(Gap),
    /// It is set, and not known yet.
    Open(Gap),
}

impl<T> Fact<T> {
    /// The value, with what holds where none is set.
    pub(super) fn or(self, default: impl FnOnce() -> Result<T, Gap>) -> Observed<T> {
        match self {
            Fact::Known(value) => Observed::Known(value),
            Fact::Unset | Fact::Computed(_) => default().into(),
            Fact::Open(gap) => Observed::Unknown(gap),
        }
    }

    /// The value, where it is known.
    pub(super) fn known(self) -> Option<T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// The value, where one is set or chosen.
    pub(super) fn chosen(self) -> Result<Option<T>, Gap> {
        match self {
            Fact::Known(value) => Ok(Some(value)),
            Fact::Unset => Ok(None),
            Fact::Computed(gap) | Fact::Open(gap) => Err(gap),
        }
    }

    /// The value; none where none is set.
    pub(super) fn set(self) -> Result<Option<T>, Gap> {
        match self {
            Fact::Known(value) => Ok(Some(value)),
            Fact::Unset | Fact::Computed(_) => Ok(None),
            Fact::Open(gap) => Err(gap),
        }
    }

    /// Reads the value as something else; none where it is not of that sort.
    fn read<U>(self, read: impl FnOnce(T) -> Result<Option<U>, Gap>) -> Fact<U> {
        match self {
            Fact::Known(value) => match read(value) {
                Ok(Some(value)) => Fact::Known(value),
                Ok(None) => Fact::Unset,
                Err(gap) => Fact::Open(gap),
            },
            Fact::Unset => Fact::Unset,
            Fact::Computed(gap) => Fact::Computed(gap),
            Fact::Open(gap) => Fact::Open(gap),
        }
    }
}

/// The part of a tree that goes beside the values, for one of their parts.
fn beside<'a>(tree: &'a Value, name: &str) -> &'a Value {
    match tree {
        Value::Bool(true) => &ALL,
        tree => tree.get(name).unwrap_or(&NULL),
    }
}

fn beside_at(tree: &Value, number: usize) -> &Value {
    match tree {
        Value::Bool(true) => &ALL,
        tree => tree.get(number).unwrap_or(&NULL),
    }
}

/// Whether a tree says `true` anywhere.
pub(super) fn says_true(tree: &Value) -> bool {
    match tree {
        Value::Bool(said) => *said,
        Value::Array(list) => list.iter().any(says_true),
        Value::Object(fields) => fields.values().any(says_true),
        _ => false,
    }
}

impl<'a> View<'a> {
    /// What is known of an attribute.
    pub(super) fn fact(&self, name: &str) -> Fact<&'a Value> {
        let value = self.values.get(name).unwrap_or(&NULL);
        let address = self.item.address;
        if *beside(self.sensitive, name) == ALL && !value.is_null() {
            let message = format!("{name} of {address} is marked as sensitive, so it is not read");
            return Fact::Open(Gap::new(GapKind::Open, message));
        }
        if !value.is_null() {
            return Fact::Known(value);
        }
        if *beside(self.unknown, name) != ALL {
            return Fact::Unset;
        }
        let gap = self.later(name);
        match self.is_set(name) {
            // What exists has a value, chosen or not.
            Some(false) if !self.item.exists => Fact::Computed(gap),
            _ => Fact::Open(gap),
        }
    }

    /// Why an attribute is not known before the plan is applied.
    pub(super) fn later(&self, name: &str) -> Gap {
        after_apply(format!(
            "{name} of {} is known only after apply",
            self.item.address
        ))
    }

    /// Whether the configuration sets an attribute; none where it does not show.
    pub(super) fn is_set(&self, name: &str) -> Option<bool> {
        let expression = self.config?.get(name);
        let is_null = |it: &Value| it.get("constant_value").is_some_and(Value::is_null);
        Some(expression.is_some_and(|it| !is_null(it)))
    }

    /// What the configuration says of an attribute.
    pub(super) fn expression(&self, name: &str) -> Option<&'a Value> {
        self.config?.get(name)
    }

    /// An attribute that is text; an empty one is none.
    pub(super) fn text(&self, name: &str) -> Fact<&'a str> {
        self.fact(name).read(|value| match value.as_str() {
            Some("") => Ok(None),
            Some(text) => Ok(Some(text)),
            None => Err(self.odd(name, "text")),
        })
    }

    /// An attribute that is true or false.
    pub(super) fn flag(&self, name: &str) -> Fact<bool> {
        self.fact(name).read(|value| match (value, value.as_str()) {
            (Value::Bool(flag), _) => Ok(Some(*flag)),
            // Attributes that may be null are texts in some providers.
            (_, Some("true")) => Ok(Some(true)),
            (_, Some("false")) => Ok(Some(false)),
            (_, Some("")) => Ok(None),
            _ => Err(self.odd(name, "true or false")),
        })
    }

    /// An attribute that is a whole number.
    pub(super) fn number(&self, name: &str) -> Fact<i64> {
        self.fact(name).read(|value| match value {
            Value::Number(number) => number
                .as_i64()
                .map(Some)
                .ok_or_else(|| self.odd(name, "a whole number")),
            Value::String(text) => text
                .parse()
                .map(Some)
                .map_err(|_| self.odd(name, "a whole number")),
            _ => Err(self.odd(name, "a whole number")),
        })
    }

    /// An attribute that is a list of texts, all of which are known.
    pub(super) fn texts(&self, name: &str) -> Fact<Vec<&'a str>> {
        let later = says_true(beside(self.unknown, name));
        let hidden = says_true(beside(self.sensitive, name));
        self.fact(name).read(|value| {
            let list = value.as_array().ok_or_else(|| self.odd(name, "a list"))?;
            if later || hidden {
                return Err(self.later(name));
            }
            let texts = list.iter().map(Value::as_str);
            let texts: Option<Vec<&str>> = texts.collect();
            texts
                .map(Some)
                .ok_or_else(|| self.odd(name, "a list of texts"))
        })
    }

    /// The blocks of a name, or the objects of a list.
    pub(super) fn blocks(&self, name: &str) -> Fact<Vec<View<'a>>> {
        let (unknown, sensitive) = (beside(self.unknown, name), beside(self.sensitive, name));
        let config = self.expression(name);
        let fact = match self.fact(name) {
            // No provider chooses it: it is a dynamic block, which the configuration does not show.
            Fact::Computed(gap) if !CHOSEN.contains(&name) => Fact::Open(gap),
            fact => fact,
        };
        fact.read(|value| {
            let one = std::slice::from_ref(value);
            let list = match value {
                Value::Array(list) => list.as_slice(),
                Value::Object(_) => one,
                _ => return Err(self.odd(name, "a block")),
            };
            let written: Vec<&Value> = match config {
                Some(Value::Array(list)) => list.iter().collect(),
                Some(block @ Value::Object(fields)) if !fields.contains_key("references") => {
                    vec![block]
                }
                _ => Vec::new(),
            };
            let configs = written_as(list, &written, ORDERED.contains(&name));
            let blocks = list
                .iter()
                .zip(configs)
                .enumerate()
                .map(|(number, (values, config))| {
                    let single = value.is_object();
                    View {
                        item: self.item,
                        values,
                        unknown: if single {
                            unknown
                        } else {
                            beside_at(unknown, number)
                        },
                        sensitive: if single {
                            sensitive
                        } else {
                            beside_at(sensitive, number)
                        },
                        config,
                    }
                });
            Ok(Some(blocks.collect()))
        })
    }

    /// An attribute of another sort than its provider documents.
    fn odd(&self, name: &str, sort: &str) -> Gap {
        let message = format!("{name} of {} is not {sort}", self.item.address);
        Gap::new(GapKind::Unreadable, message)
    }
}

/// The blocks of the configuration that became the blocks of the plan, as far as it is certain: those of a
/// set are in another order there, and dynamic ones are not written.
fn written_as<'a>(
    values: &[Value],
    written: &[&'a Value],
    is_ordered: bool,
) -> Vec<Option<&'a Value>> {
    if values.len() != written.len() {
        return vec![None; values.len()];
    }
    if is_ordered || values.len() == 1 {
        return written.iter().copied().map(Some).collect();
    }
    let fits = |values: &Value, block: &Value| {
        block.as_object().is_some_and(|attributes| {
            attributes.iter().all(|(name, expression)| {
                let constant = expression.get("constant_value");
                constant.is_none_or(|constant| values.get(name) == Some(constant))
            })
        })
    };
    let mut found = vec![None; values.len()];
    let mut free: Vec<&Value> = written.to_vec();
    // Each that only one can be leaves fewer for the others.
    loop {
        let open = values
            .iter()
            .enumerate()
            .filter(|(at, _)| found.get(*at) == Some(&None));
        let certain = open.into_iter().find_map(|(at, values)| {
            let mut fitting = free
                .iter()
                .enumerate()
                .filter(|(_, block)| fits(values, block));
            match (fitting.next(), fitting.next()) {
                (Some((number, _)), None) => Some((at, number)),
                _ => None,
            }
        });
        let Some((at, number)) = certain else {
            return found;
        };
        let block = free.swap_remove(number);
        if let Some(found) = found.get_mut(at) {
            *found = Some(block);
        }
    }
}
