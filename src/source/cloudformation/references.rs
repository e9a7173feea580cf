//! What values refer to: resources of the template, by reference or by name.

use crate::model::Gap;

use super::build::{Build, NamedIds};
use super::template::Declared;
use super::value::{Piece, Resolved};

impl<'a> Build<'a> {
    /// Returns the resource that a value refers to: with `Ref` or an attribute, or by the name that one of
    /// its properties gives it.
    pub(super) fn named_resource(
        &self,
        value: &Resolved,
        kind: &str,
        name: &str,
    ) -> Option<Declared<'a>> {
        if let Some(referenced) = self.referenced_resource(value, &[kind]) {
            return Some(referenced);
        }
        // An empty name is none.
        if matches!(
            value.text().as_ref().map(Option::as_deref),
            Ok(None | Some(""))
        ) {
            return None;
        }
        let ids = self.find_named_ids(kind, name, value);
        let mut all = ids
            .into_iter()
            .filter_map(|id| self.template.find_resource(id));
        all.find(|it| self.template.properties(it).get(name) == *value)
            .cloned()
    }

    /// Returns the resources that may have a name.
    fn find_named_ids(&self, kind: &str, property: &str, name: &Resolved) -> Vec<&'a str> {
        let Some(key) = name.name_key() else {
            return Vec::new();
        };
        let mut names = self.names.borrow_mut();
        let by_name = names
            .entry((kind.to_owned(), property.to_owned()))
            .or_insert_with(|| {
                let mut by_name = NamedIds::new();
                for declared in self.template.of_type(kind) {
                    let own = self.template.properties(declared).get(property);
                    if let Some(key) = own.name_key() {
                        by_name.entry(key).or_default().push(declared.id);
                    }
                }
                by_name
            });
        by_name.get(&key).cloned().unwrap_or_default()
    }

    /// Returns why it is not known which resource a value refers to, if it is one of several.
    pub(super) fn choice_gap(&self, value: &Resolved) -> Option<Gap> {
        match value {
            Resolved::OneOf(open, candidates) => {
                let is_made =
                    |it: &Resolved| matches!(it, Resolved::Text(it) if it.made().is_some());
                candidates.iter().any(is_made).then(|| open.gap.clone())
            }
            _ => None,
        }
    }

    /// Returns why it is not known whether a value names a resource as [`Build::named_resource`] reads it: the value or
    /// the name of the resource is a choice.
    pub(super) fn named_choice_gap(
        &self,
        value: &Resolved,
        kind: &str,
        property: &str,
    ) -> Option<Gap> {
        let is_named = |it: &Resolved| self.named_resource(it, kind, property).is_some();
        if is_named(value) {
            return None;
        }
        if let Resolved::OneOf(open, candidates) = value
            && candidates.iter().any(is_named)
        {
            return Some(open.gap.clone());
        }
        let mut all = self.template.of_type(kind);
        all.find_map(|it| match self.template.properties(it).get(property) {
            Resolved::OneOf(open, names) => {
                let mut values = value.candidates().iter().filter(|it| !it.is_absent());
                values
                    .any(|it| names.contains(it))
                    .then(|| open.gap.clone())
            }
            _ => None,
        })
    }

    /// Returns the resource of the template that a value refers to, if it has one of the types.
    pub(super) fn referenced_resource(
        &self,
        value: &Resolved,
        kinds: &[&str],
    ) -> Option<Declared<'a>> {
        let Resolved::Text(phrase) = value else {
            return None;
        };
        let declared = self.template.find_resource(&phrase.made()?.id)?;
        kinds.contains(&declared.kind).then(|| declared.clone())
    }

    /// Returns the logical id of the resource that a value refers to, or the text itself.
    pub(super) fn name(&self, value: &Resolved, kind: &str) -> Result<Option<String>, Gap> {
        match self.referenced_resource(value, &[kind]) {
            Some(declared) => Ok(Some(declared.id.to_owned())),
            None => value.text(),
        }
    }

    /// Returns the identifier that replaces the ARN of a resource of the template, which a value is or ends with.
    pub(super) fn find_created(&self, value: &Resolved) -> Option<String> {
        let Resolved::Text(phrase) = value else {
            return None;
        };
        let Some(Piece::Made(made)) = phrase.0.last() else {
            return None;
        };
        let (file, id) = self.locate(self.template.find_resource(&made.id)?.id);
        Some(format!("{file}#{id}"))
    }
}
