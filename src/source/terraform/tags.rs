//! Tags of resources: their own, the default tags of their provider, and those of resources that add a tag.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::tag::Tags;
use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::{after_apply, unplanned};

use super::item::{ALL, Item};
use super::reader::Reader;
use super::view::{Fact, View, contains_true};

impl<'a> Reader<'a> {
    /// Returns the tags of a resource, with the default tags of its provider.
    pub(super) fn read_tags(&self, item: &'a Item<'a>) -> Observed<Tags> {
        let tags = self.read_block_tags(&item.view(), "tags", "tags_all");
        match tags.known() {
            // The provider does not show ignored tags of what exists.
            Some(known) if item.exists && !known.contains_key(self.around.tag_key) => {
                match self.ignores_tag(item, self.around.tag_key) {
                    true => Observed::Unknown(unplanned(format!(
                        "the provider of {} ignores the tag {}, so the plan does not show it",
                        item.address, self.around.tag_key
                    ))),
                    false => tags,
                }
            }
            _ => tags,
        }
    }

    /// Returns whether a provider is configured to ignore a tag, or may be.
    ///
    /// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs#ignore_tags>.
    fn ignores_tag(&self, item: &Item<'_>, key: &str) -> bool {
        let Some(provider) = item.provider_key() else {
            return false;
        };
        let provider = self.document.resolve_provider(provider);
        let ignored = &self.document.providers[provider]["expressions"]["ignore_tags"];
        let ignored = ignored.get(0).unwrap_or(ignored);
        let listed = |name: &str, fits: &dyn Fn(&str) -> bool| match &ignored[name] {
            Value::Null => false,
            list => match list["constant_value"].as_array() {
                Some(list) => list.iter().filter_map(Value::as_str).any(fits),
                None => true,
            },
        };
        listed("keys", &|it| it == key) || listed("key_prefixes", &|it| key.starts_with(it))
    }

    /// Returns the tags that a launch template gives to resources of a type: `instance`, `volume`.
    pub(super) fn read_specified_tags(
        &self,
        template: &View<'_>,
        resource_type: &str,
    ) -> Result<Tags, Gap> {
        let mut tags = Tags::new();
        let blocks = template.blocks("tag_specifications").set_value()?;
        for block in blocks.unwrap_or_default() {
            let kind = block.text("resource_type").final_value()?;
            if kind == Some(resource_type) {
                match block.fact("tags") {
                    Fact::Known(_) => tags.extend(self.kept_tags(&block, "tags")?),
                    Fact::Unset | Fact::Computed(_) => {}
                    Fact::Open(gap) => return Err(gap),
                }
            }
        }
        Ok(tags)
    }

    /// Returns the tags of a resource or block: those of the attribute `all`, or else of the attribute `own`.
    pub(super) fn read_block_tags(&self, view: &View<'a>, own: &str, all: &str) -> Observed<Tags> {
        match view.fact(all) {
            Fact::Known(_) => return self.kept_tags(view, all).into(),
            // The provider computes the attribute during apply if the resource has no tags.
            Fact::Open(gap) | Fact::Computed(gap) => {
                if view.unknown.get(all) == Some(&ALL) && gap.kind == GapKind::AfterApply {
                    match self.merge_default_tags(view, own) {
                        Some(tags) => return tags.into(),
                        None => return Observed::Unknown(gap),
                    }
                }
                return Observed::Unknown(gap);
            }
            Fact::Unset => {}
        }
        match view.fact(own) {
            Fact::Known(_) => self.kept_tags(view, own).into(),
            Fact::Unset | Fact::Computed(_) => Observed::Known(Tags::new()),
            Fact::Open(gap) => Observed::Unknown(gap),
        }
    }

    /// Returns the default tags of the provider merged with those of the resource; `None` if the default
    /// tags are not known.
    fn merge_default_tags(&self, view: &View<'a>, own: &str) -> Option<Result<Tags, Gap>> {
        let mut tags = self.default_tags(view.item)?;
        match view.fact(own) {
            Fact::Known(_) => match self.kept_tags(view, own) {
                Ok(kept) => tags.extend(kept),
                Err(gap) => return Some(Err(gap)),
            },
            Fact::Unset | Fact::Computed(_) => {}
            Fact::Open(gap) => return Some(Err(gap)),
        }
        Some(Ok(tags))
    }

    /// Returns the default tags of a provider: constants, or else those that it gives to other resources. An
    /// expression may add to a variable, as `merge(var.tags, { backup = "enabled" })` does.
    fn default_tags(&self, item: &Item<'_>) -> Option<Tags> {
        let provider = self.document.resolve_provider(item.provider_key()?);
        let expressions = &self.document.providers[provider]["expressions"];
        let default = match &expressions["default_tags"] {
            Value::Null => return Some(Tags::new()),
            Value::Array(list) => list.first()?,
            other => other,
        };
        let tags = match &default["tags"] {
            Value::Null => return Some(Tags::new()),
            tags => match tags.get("constant_value") {
                Some(constant) => constant.as_object()?,
                None => return self.default_tags.get(provider).cloned().flatten(),
            },
        };
        let tags = tags
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let tags: Option<Vec<(String, String)>> = tags.collect();
        Some(
            tags?
                .into_iter()
                .filter(|(key, _)| self.keeps_tag(key))
                .collect(),
        )
    }

    pub(super) fn keeps_tag(&self, key: &str) -> bool {
        self.around.keeps_tag(key)
    }

    /// Returns the tags of an attribute that a snapshot keeps.
    fn kept_tags(&self, view: &View<'_>, name: &str) -> Result<Tags, Gap> {
        let odd = || {
            let message = format!("{name} of {} is not a map of strings", view.item.address);
            Gap::new(GapKind::Unreadable, message)
        };
        let mut tags = Tags::new();
        let values = view
            .values
            .get(name)
            .and_then(Value::as_object)
            .ok_or_else(odd)?;
        let hidden = view.sensitive.get(name);
        let unknown = view.unknown.get(name).and_then(Value::as_object);
        // A tag with an unknown value is among the marks of unknown values only.
        for (key, _) in unknown
            .into_iter()
            .flatten()
            .filter(|(_, it)| contains_true(it))
        {
            if self.keeps_tag(key) && key != "Name" {
                return Err(after_apply(format!(
                    "the tag {key} of {} is known only after apply",
                    view.item.address
                )));
            }
        }
        for (key, value) in values.iter().filter(|(key, _)| self.keeps_tag(key)) {
            let is_hidden = hidden.and_then(|it| it.get(key)).is_some_and(contains_true);
            match value {
                Value::String(_) if is_hidden && key == "Name" => {}
                Value::String(_) if is_hidden => {
                    let address = view.item.address;
                    let message = format!(
                        "the tag {key} of {address} is marked as sensitive and is not read"
                    );
                    return Err(Gap::new(GapKind::Open, message));
                }
                Value::String(text) => {
                    tags.insert(key.clone(), text.clone());
                }
                Value::Null => {}
                _ => return Err(odd()),
            }
        }
        Ok(tags)
    }
}

/// Returns the key and the value of the tag that a resource adds, if they are known.
fn added_tag<'a>(item: &Item<'a>) -> Option<(&'a str, &'a str)> {
    let text = |name: &str| item.values.get(name).and_then(Value::as_str);
    Some((text("key")?, text("value")?))
}

/// A resource that adds a tag to one of several others.
type OwnedTag<'a> = (&'a Item<'a>, Vec<&'a Item<'a>>);

/// Resources that each add a tag to another resource.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ec2_tag>.
#[derive(Debug, Default)]
pub(super) struct TagResources<'a> {
    /// By address and region: a table has replicas in other regions.
    of: BTreeMap<(&'a str, String), Vec<&'a Item<'a>>>,
    /// Why a resource may have another tag, by its address.
    open: BTreeMap<&'a str, Gap>,
    /// Those of what the plan does not contain, by its id.
    elsewhere: BTreeMap<&'a str, Vec<&'a Item<'a>>>,
    /// Ids and keys of those that the plan destroys.
    gone: Vec<(&'a str, &'a str)>,
    /// Why any of the resources may have another tag.
    stray: Option<Gap>,
}

impl<'a> TagResources<'a> {
    /// Finds the resources of a type that add a tag that a snapshot keeps.
    pub(super) fn of_type(reader: &Reader<'a>, kind: &str, name: &str, of: &[&str]) -> Self {
        let mut found = TagResources::default();
        let mut groups: BTreeMap<(&str, &str), Vec<OwnedTag<'a>>> = BTreeMap::new();
        for item in reader.document.items_of(kind) {
            let view = item.view();
            let key = view.text("key").known();
            if key.is_some_and(|key| key == "Name" || !reader.keeps_tag(key)) {
                continue;
            }
            match reader.linked_items(&view, name, of, &["id", "arn"]) {
                Ok(owners) => match owners.as_slice() {
                    [owner] => {
                        let place = (owner.address, reader.places.region_of(item));
                        found.of.entry(place).or_default().push(item);
                    }
                    [] => {
                        let id = view.text(name).known();
                        let of_id = id.map(|id| found.elsewhere.entry(id).or_default());
                        of_id.into_iter().for_each(|it| it.push(item));
                    }
                    _ => groups
                        .entry((item.module, item.name))
                        .or_default()
                        .push((item, owners)),
                },
                Err(gap) => found.stray = Some(gap),
            }
        }
        for before in reader.document.gone.get(kind).into_iter().flatten() {
            let id = before[name].as_str();
            found.gone.extend(id.zip(before["key"].as_str()));
        }
        groups
            .into_values()
            .for_each(|members| found.add_group(reader, members, name));
        found
    }

    /// Adds the instances of one resource, of which it is not known which one tags which owner. If all add the
    /// same tag and are as many as the owners, each owner has it.
    fn add_group(&mut self, reader: &Reader<'a>, members: Vec<OwnedTag<'a>>, name: &str) {
        let first = members.first().and_then(|(item, _)| added_tag(item));
        let owners: BTreeSet<&str> = members
            .iter()
            .flat_map(|(_, owners)| owners.iter().map(|it| it.address))
            .collect();
        let is_same = first.is_some() && members.iter().all(|(item, _)| added_tag(item) == first);
        for (number, owner) in owners.iter().enumerate() {
            match members.get(number) {
                Some((item, _)) if is_same && members.len() >= owners.len() => {
                    let place = (*owner, reader.places.region_of(item));
                    self.of.entry(place).or_default().push(item);
                }
                _ => {
                    let gap = members.first().map(|(item, _)| item.view());
                    let gap = gap.map(|view| view.known_after_apply(name));
                    self.open.extend(gap.map(|gap| (*owner, gap)));
                }
            }
        }
    }

    /// Adds the tags of these resources to those that a resource has itself.
    pub(super) fn add_to(
        &self,
        reader: &Reader<'a>,
        item: &'a Item<'a>,
        own: Observed<Tags>,
    ) -> Observed<Tags> {
        self.add_in(reader, item, &reader.places.region_of(item), own)
    }

    /// Adds the tags of these resources to those of a resource, or of its replica in another region.
    pub(super) fn add_in(
        &self,
        reader: &Reader<'a>,
        item: &'a Item<'a>,
        region: &str,
        own: Observed<Tags>,
    ) -> Observed<Tags> {
        // What shows a tag now does not have it anymore once the plan destroyed the resource that added it.
        let is_named = |id: &str| ["id", "arn"].iter().any(|it| item.values[*it] == *id);
        let added = self.of.get(&(item.address, region.to_owned()));
        let is_added = |key: &str| {
            let mut added = added.into_iter().flatten();
            added.any(|it| it.values["key"] == *key)
        };
        let mut gone = self
            .gone
            .iter()
            .filter(|(id, key)| is_named(id) && !is_added(key));
        if let (Some((_, key)), true) = (gone.next(), item.exists) {
            let message = format!(
                "the plan destroys the resource that tagged {} with {key}",
                item.address
            );
            return Observed::Unknown(after_apply(message));
        }
        let open = self.open.get(item.address).or(self.stray.as_ref());
        add_tags(reader, added, open, own)
    }

    /// Adds the tags of these resources to those of a volume that is created with its instance.
    pub(super) fn add_to_volume(
        &self,
        reader: &Reader<'a>,
        id: &str,
        own: Observed<Tags>,
    ) -> Observed<Tags> {
        add_tags(reader, self.elsewhere.get(id), self.stray.as_ref(), own)
    }
}

/// Adds the tags of resources to those that another one has itself. `open` is why it may have more.
fn add_tags(
    reader: &Reader<'_>,
    added: Option<&Vec<&Item<'_>>>,
    open: Option<&Gap>,
    own: Observed<Tags>,
) -> Observed<Tags> {
    let Observed::Known(mut tags) = own else {
        return own;
    };
    for tag in added.into_iter().flatten() {
        let view = tag.view();
        match (
            view.text("key").final_value(),
            view.text("value").final_value(),
        ) {
            (Ok(Some(key)), Ok(value)) => {
                tags.insert(key.to_owned(), value.unwrap_or_default().to_owned());
            }
            (Ok(None), _) => {}
            (Err(gap), _) | (_, Err(gap)) => return Observed::Unknown(gap),
        }
    }
    match open {
        Some(gap) if !tags.contains_key(reader.around.tag_key) => Observed::Unknown(gap.clone()),
        _ => Observed::Known(tags),
    }
}
