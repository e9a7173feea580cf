//! What an expression may be: the resources that it leads to, unset, or something else.
//!
//! A plan lists the references of an expression but not what the expression does with them, so `k[each.key]`
//! and `k[each.key == "a" ? "b" : "a"]` look the same. What an expression may be is therefore a set, and only
//! what holds for all of it is known. For a local value it is all that its module may refer to.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format#expression-representation>.

use std::collections::HashSet;

use crate::text::and_more;

use super::item::Item;

/// Most candidates that a message names.
const MOST_NAMES: usize = 4;

/// A resource, an attribute of which an expression may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) item: &'a Item<'a>,
    /// The attribute; `None` if the expression does not name it.
    pub(super) attribute: Option<&'a str>,
}

/// What an expression may be.
#[derive(Debug, Default)]
pub(super) struct Candidates<'a> {
    /// Resources of the wanted types.
    pub(super) found: Vec<Candidate<'a>>,
    /// The addresses of these.
    addresses: HashSet<&'a str>,
    /// First known value that may choose between them, or leave the attribute unset.
    pub(super) choice: Option<String>,
    /// First part that is null, so that the attribute may be unset.
    pub(super) null: Option<String>,
    /// First attribute of a resource of another type.
    pub(super) foreign: Option<String>,
    /// First part that cannot be followed.
    pub(super) other: Option<String>,
    /// Whether one expression leads to several resources, of which it may take one or none.
    pub(super) is_one_of_several: bool,
    /// How often a resource was found.
    pub(super) hits: usize,
    /// Whether it may be all that a module can refer to.
    pub(super) has_scope: bool,
}

impl<'a> Candidates<'a> {
    /// Returns whether all its dependencies are known. Then an unknown value was not set, but is computed
    /// by the provider.
    pub(super) fn is_settled(&self) -> bool {
        self.found.is_empty() && self.foreign.is_none() && self.other.is_none()
    }

    /// Returns all that it may be, if that is a set of resources. If the attribute may be unset (a computed
    /// value is unknown too), the expression must not depend on anything else.
    ///
    /// # Errors
    /// Why it may be something else, as the end of a sentence.
    pub(super) fn complete(&self, may_be_unset: bool) -> Result<&[Candidate<'a>], String> {
        if let Some(open) = self.other.as_ref().or(self.foreign.as_ref()) {
            return Err(open.clone());
        }
        if self.found.is_empty() {
            return Err("it does not lead to a resource in the plan".to_owned());
        }
        match self.choice() {
            Some(on) if may_be_unset => Err(format!(
                "it may be {} or unset, which depends on {on}",
                self.names()
            )),
            _ => Ok(&self.found),
        }
    }

    /// Returns all that the value of one attribute may be, as [`Candidates::complete`] does. An expression that
    /// leads to several resources may be one that takes none of them, as `lookup(keys, "missing", null)` does.
    pub(super) fn complete_one(&self, may_be_unset: bool) -> Result<&[Candidate<'a>], String> {
        let found = self.complete(may_be_unset)?;
        match may_be_unset && self.is_one_of_several {
            true => Err(format!("it may be {} or unset", self.names())),
            false => Ok(found),
        }
    }

    /// Forgets that parts of it are null, where an expression replaces those, as `coalesce(var.policy, json)` does.
    #[must_use]
    pub(super) fn without_null(self) -> Self {
        Candidates { null: None, ..self }
    }

    /// Returns what may choose between its resources, or leave the attribute unset.
    pub(super) fn choice(&self) -> Option<&String> {
        self.choice.as_ref().or(self.null.as_ref())
    }

    /// Returns why it cannot be followed, as the end of a sentence; `None` if it can.
    pub(super) fn open(&self) -> Option<&String> {
        self.other.as_ref().or(self.foreign.as_ref())
    }

    /// Returns the addresses of its resources.
    pub(super) fn names(&self) -> String {
        let names = self.found.iter().map(|it| it.item.address);
        match self.found.as_slice() {
            [first, second] => format!("{} or {}", first.item.address, second.item.address),
            _ => and_more(names, MOST_NAMES),
        }
    }

    pub(super) fn add(&mut self, item: &'a Item<'a>, attribute: Option<&'a str>) {
        self.hits += 1;
        if self.addresses.insert(item.address) {
            self.found.push(Candidate { item, attribute });
        }
    }

    pub(super) fn note_choice(&mut self, on: &str) {
        self.choice.get_or_insert_with(|| on.to_owned());
    }

    pub(super) fn note_null(&mut self, reference: &str) {
        self.null.get_or_insert_with(|| reference.to_owned());
    }

    pub(super) fn note_other(&mut self, why: String) {
        self.other.get_or_insert(why);
    }

    pub(super) fn note_foreign(&mut self, reference: &str) {
        let why = || format!("it depends on {reference}");
        self.foreign.get_or_insert_with(why);
    }
}
