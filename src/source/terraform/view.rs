//! The attributes of a resource: known, unset or known only after apply.

use serde_json::Value;

use crate::model::size::Size;
use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::after_apply;

use super::item::{ALL, Item, NULL};

/// Blocks that the provider computes if the configuration has none.
const CHOSEN: [&str; 9] = [
    "condition",
    "ebs_block_device",
    "inline_policy",
    "lifecycle_rule",
    "root_block_device",
    "route",
    "server_side_encryption",
    "server_side_encryption_configuration",
    "versioning",
];

/// Blocks that are lists, whose order in the plan is that of the configuration. The others are sets.
const ORDERED: [&str; 4] = ["filter", "lifecycle_rule", "root_block_device", "statement"];

/// The attributes of a resource or of a block in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// The resource.
    pub(super) item: &'a Item<'a>,
    pub(super) values: &'a Value,
    pub(super) unknown: &'a Value,
    pub(super) sensitive: &'a Value,
    pub(super) config: Config<'a>,
}

/// What the configuration shows of a resource or a block.
#[derive(Debug, Clone, Copy)]
pub(super) enum Config<'a> {
    /// Nothing, as for dynamic blocks.
    Hidden,
    /// The expression of each attribute.
    Block(&'a Value),
    /// One expression for a list of objects.
    Shared(&'a Value),
}

/// The expression of an attribute in the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expression<'a> {
    /// Its constant value or its references.
    pub(super) json: &'a Value,
    /// Whether it is that of a list of objects, of which the attribute is a part.
    pub(super) is_shared: bool,
}

impl<'a> Item<'a> {
    /// Returns its attributes.
    pub(super) fn view(&'a self) -> View<'a> {
        let expressions = |config: &'a Value| config.get("expressions").unwrap_or(&NULL);
        View {
            item: self,
            values: self.values,
            unknown: self.unknown,
            sensitive: self.sensitive,
            config: match self.config {
                Some(config) => Config::Block(expressions(config)),
                None => Config::Hidden,
            },
        }
    }
}

/// The value of an attribute in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact<T> {
    /// A known value.
    Known(T),
    /// No value: the configuration does not set it.
    Unset,
    /// A value that the provider or AWS chooses: the configuration does not set it.
    Computed(Gap),
    /// A set value that is not known yet.
    Open(Gap),
}

impl<T> Fact<T> {
    /// Returns the value, or the default if the configuration does not set it.
    pub(super) fn or_else(self, default: impl FnOnce() -> Result<T, Gap>) -> Observed<T> {
        match self {
            Fact::Known(value) => Observed::Known(value),
            Fact::Unset | Fact::Computed(_) => default().into(),
            Fact::Open(gap) => Observed::Unknown(gap),
        }
    }

    /// Returns the value if it is known.
    pub(super) fn known(self) -> Option<T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value, set or computed; `None` if there is none.
    pub(super) fn final_value(self) -> Result<Option<T>, Gap> {
        match self {
            Fact::Known(value) => Ok(Some(value)),
            Fact::Unset => Ok(None),
            Fact::Computed(gap) | Fact::Open(gap) => Err(gap),
        }
    }

    /// Returns the value; `None` if the configuration does not set it.
    pub(super) fn set_value(self) -> Result<Option<T>, Gap> {
        match self {
            Fact::Known(value) => Ok(Some(value)),
            Fact::Unset | Fact::Computed(_) => Ok(None),
            Fact::Open(gap) => Err(gap),
        }
    }

    /// Converts a known value; `Ok(None)` makes it unset.
    fn and_then<U>(self, read: impl FnOnce(T) -> Result<Option<U>, Gap>) -> Fact<U> {
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

/// Returns the marks (unknown or sensitive) of an attribute in the tree of marks.
fn marks_of<'a>(tree: &'a Value, name: &str) -> &'a Value {
    match tree {
        Value::Bool(true) => &ALL,
        tree => tree.get(name).unwrap_or(&NULL),
    }
}

/// Returns the marks of an element in the tree of marks of a list.
fn marks_at(tree: &Value, number: usize) -> &Value {
    match tree {
        Value::Bool(true) => &ALL,
        tree => tree.get(number).unwrap_or(&NULL),
    }
}

/// Returns whether a tree of marks contains `true`.
pub(super) fn contains_true(tree: &Value) -> bool {
    match tree {
        Value::Bool(mark) => *mark,
        Value::Array(list) => list.iter().any(contains_true),
        Value::Object(fields) => fields.values().any(contains_true),
        _ => false,
    }
}

impl<'a> View<'a> {
    /// Returns the value of an attribute.
    pub(super) fn fact(&self, name: &str) -> Fact<&'a Value> {
        let value = self.values.get(name).unwrap_or(&NULL);
        let address = self.item.address;
        if *marks_of(self.sensitive, name) == ALL && !value.is_null() {
            let message = format!("{name} of {address} is marked as sensitive and is not read");
            return Fact::Open(Gap::new(GapKind::Open, message));
        }
        if !value.is_null() {
            return Fact::Known(value);
        }
        if *marks_of(self.unknown, name) != ALL {
            return Fact::Unset;
        }
        let gap = self.known_after_apply(name);
        match self.is_set(name) {
            // A resource that exists has a value, set or computed.
            Some(false) if !self.item.exists => Fact::Computed(gap),
            _ => Fact::Open(gap),
        }
    }

    /// Returns the gap of an attribute that is known only after apply.
    pub(super) fn known_after_apply(&self, name: &str) -> Gap {
        after_apply(format!(
            "{name} of {} is known only after apply",
            self.item.address
        ))
    }

    /// Returns whether the configuration sets an attribute; `None` if it does not show.
    pub(super) fn is_set(&self, name: &str) -> Option<bool> {
        let Config::Block(block) = self.config else {
            return None;
        };
        let is_own = std::ptr::eq(self.values, self.item.values);
        if is_own && self.item.nulls.contains(&name) {
            return Some(false);
        }
        let is_null = |it: &Value| it.get("constant_value").is_some_and(Value::is_null);
        Some(block.get(name).is_some_and(|it| !is_null(it)))
    }

    /// Returns the expression of an attribute in the configuration.
    pub(super) fn expression(&self, name: &str) -> Option<Expression<'a>> {
        let (json, is_shared) = match self.config {
            Config::Hidden => return None,
            Config::Block(block) => (block.get(name)?, false),
            Config::Shared(list) => (list, true),
        };
        Some(Expression { json, is_shared })
    }

    /// Returns the attributes of a block that the configuration leaves out.
    pub(super) fn absent_block(&self) -> Self {
        View {
            values: &NULL,
            unknown: &NULL,
            sensitive: &NULL,
            config: Config::Hidden,
            ..*self
        }
    }

    /// Returns the marks of unknown values in an attribute.
    pub(super) fn unknown_in(&self, name: &str) -> &'a Value {
        marks_of(self.unknown, name)
    }

    /// Returns a text attribute. An empty text is unset.
    pub(super) fn text(&self, name: &str) -> Fact<&'a str> {
        self.fact(name).and_then(|value| match value.as_str() {
            Some("") => Ok(None),
            Some(text) => Ok(Some(text)),
            None => Err(self.wrong_type(name, "a string")),
        })
    }

    /// Returns a Boolean attribute.
    pub(super) fn flag(&self, name: &str) -> Fact<bool> {
        self.fact(name)
            .and_then(|value| match (value, value.as_str()) {
                (Value::Bool(flag), _) => Ok(Some(*flag)),
                // Some versions of the provider write nullable Booleans as text.
                (_, Some("true")) => Ok(Some(true)),
                (_, Some("false")) => Ok(Some(false)),
                (_, Some("")) => Ok(None),
                _ => Err(self.wrong_type(name, "a Boolean")),
            })
    }

    /// Returns an integer attribute.
    pub(super) fn number(&self, name: &str) -> Fact<i64> {
        self.fact(name).and_then(|value| match value {
            Value::Number(number) => number
                .as_i64()
                .map(Some)
                .ok_or_else(|| self.wrong_type(name, "an integer")),
            Value::String(text) => text
                .parse()
                .map(Some)
                .map_err(|_| self.wrong_type(name, "an integer")),
            _ => Err(self.wrong_type(name, "an integer")),
        })
    }

    /// Returns a capacity in GiB.
    pub(super) fn size_in_gib(&self, name: &str) -> Observed<Size> {
        Size::provisioned_gib(self.known_number(name))
    }

    /// Returns a number that nothing replaces where it is not set.
    pub(super) fn known_number(&self, name: &str) -> Observed<i64> {
        self.number(name)
            .or_else(|| Err(self.known_after_apply(name)))
    }

    /// Returns an attribute that is a list of strings, if all of them are known.
    pub(super) fn texts(&self, name: &str) -> Fact<Vec<&'a str>> {
        let later = contains_true(marks_of(self.unknown, name));
        let hidden = contains_true(marks_of(self.sensitive, name));
        self.fact(name).and_then(|value| {
            let list = value
                .as_array()
                .ok_or_else(|| self.wrong_type(name, "a list"))?;
            if later || hidden {
                return Err(self.known_after_apply(name));
            }
            let texts = list.iter().map(Value::as_str);
            let texts: Option<Vec<&str>> = texts.collect();
            texts
                .map(Some)
                .ok_or_else(|| self.wrong_type(name, "a list of strings"))
        })
    }

    /// Returns the blocks with a name, or the objects in a list.
    pub(super) fn blocks(&self, name: &str) -> Fact<Vec<View<'a>>> {
        let (unknown, sensitive) = (marks_of(self.unknown, name), marks_of(self.sensitive, name));
        let config = match self.config {
            Config::Block(block) => block.get(name),
            Config::Hidden | Config::Shared(_) => None,
        };
        let fact = match self.fact(name) {
            // The provider does not compute this block, so it is a dynamic block, which the configuration
            // does not show.
            Fact::Computed(gap) if !CHOSEN.contains(&name) => Fact::Open(gap),
            fact => fact,
        };
        fact.and_then(|value| {
            let one = std::slice::from_ref(value);
            let list = match value {
                Value::Array(list) => list.as_slice(),
                Value::Object(_) => one,
                _ => return Err(self.wrong_type(name, "a block")),
            };
            let written: Vec<&Value> = match config {
                Some(Value::Array(list)) => list.iter().collect(),
                Some(block @ Value::Object(fields)) if !fields.contains_key("references") => {
                    vec![block]
                }
                _ => Vec::new(),
            };
            let configs = match (self.config, config) {
                (Config::Shared(_), _) => vec![self.config; list.len()],
                (_, Some(one)) if one.get("references").is_some() => {
                    vec![Config::Shared(one); list.len()]
                }
                _ => match_blocks(list, &written, ORDERED.contains(&name))
                    .into_iter()
                    .map(|block| block.map_or(Config::Hidden, Config::Block))
                    .collect(),
            };
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
                            marks_at(unknown, number)
                        },
                        sensitive: if single {
                            sensitive
                        } else {
                            marks_at(sensitive, number)
                        },
                        config,
                    }
                });
            Ok(Some(blocks.collect()))
        })
    }

    /// Returns the gap of an attribute whose type differs from its documentation.
    fn wrong_type(&self, name: &str, expected: &str) -> Gap {
        let message = format!("{name} of {} is not {expected}", self.item.address);
        Gap::new(GapKind::Unreadable, message)
    }
}

/// Returns for each block of the plan the block of the configuration it comes from, if that is certain. Sets
/// have another order in the plan, and dynamic blocks are not in the configuration.
fn match_blocks<'a>(
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
    // Each certain match leaves fewer candidates for the others.
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
