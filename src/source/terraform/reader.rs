//! Shared by the readers of the services: identities, references between resources, tags.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::arn::Arn;
use crate::model::place::Place;
use crate::model::tag::Tags;
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::source::planned::{Planned, Surroundings, after_apply, unplanned};

use super::document::{ALL, Document, Item};
use super::keys::Keys;
use super::place::{Places, partition_of};
use super::view::{Fact, View, contains_true};

/// A document with its regions, keys and ARNs.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document<'a>,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) places: Places,
    pub(super) keys: Keys,
    names: BTreeMap<&'a str, String>,
}

/// Referring attributes that the provider or AWS computes if they are not set.
const MAY_BE_UNSET: [&str; 8] = [
    "ami",
    "encryption_key_arn",
    "kms_key",
    "kms_key_arn",
    "kms_key_id",
    "kms_master_key_id",
    "option_group_name",
    "subnet_id",
];

/// The identity of a resource in the report.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// ARN, or address if there is no ARN.
    pub(super) arn: String,
    /// Id, or address if there is no id.
    pub(super) id: String,
    /// Region.
    pub(super) region: String,
}

/// The resource that an attribute refers to.
#[derive(Debug)]
pub(super) enum Link<'a> {
    /// A resource in the plan.
    To(&'a Item<'a>),
    /// A known name of a resource, in the plan or not.
    Named(&'a str),
    /// No resource.
    Nothing,
    /// A resource that is not known yet.
    Open(Gap),
}

impl<'a> Reader<'a> {
    /// Prepares a document for the readers of the services.
    pub(super) fn new(document: &'a Document<'a>, around: &'a Surroundings<'a>) -> Self {
        let mut seen = BTreeMap::new();
        let mut names = BTreeMap::new();
        for item in document.items.iter().filter(|it| !it.is_data) {
            let arn = item.view().text("arn").known();
            let arn = arn.filter(|it| Arn::parse(it).is_some());
            // Two resources with the same ARN would be counted as one.
            if let Some(arn) = arn.filter(|arn| seen.insert(*arn, item.address).is_none()) {
                names.insert(item.address, arn.to_owned());
            }
        }
        let mut reader = Reader {
            document,
            around,
            places: Places::from_document(document, around),
            keys: Keys::default(),
            names,
        };
        reader.keys = Keys::find_keys(&reader);
        reader
    }

    /// Returns the identity of a resource: its ARN, or else its address.
    pub(super) fn identify_item(&self, item: &'a Item<'a>, id: Fact<&str>) -> Identity {
        let arn = self.names.get(item.address);
        Identity {
            arn: arn.cloned().unwrap_or_else(|| item.address.to_owned()),
            id: id.known().unwrap_or(item.address).to_owned(),
            region: self.places.region_of(item),
        }
    }

    /// Returns the `id` of a resource, or its address if it has none yet.
    pub(super) fn id_of(&self, item: &'a Item<'a>) -> String {
        item.view()
            .text("id")
            .known()
            .unwrap_or(item.address)
            .to_owned()
    }

    /// Records where a resource is declared.
    pub(super) fn add_place(&self, item: &Item<'_>, arn: &str, planned: &mut Planned) {
        let place = Place {
            file: self.around.file.to_owned(),
            line: None,
            column: None,
            address: Some(item.address.to_owned()),
            condition: None,
        };
        planned.add_place(arn, place);
    }

    /// Returns the account id; empty if it is not known.
    pub(super) fn account_id(&self) -> &str {
        self.places.account.as_deref().unwrap_or_default()
    }

    /// Returns an ARN in the account.
    pub(super) fn build_arn(&self, service: &str, region: &str, resource: &str) -> String {
        let (partition, account) = (partition_of(region), self.account_id());
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Returns the resource that an attribute refers to.
    pub(super) fn resolve_link(&self, view: &View<'a>, name: &str, wanted: &[&str]) -> Link<'a> {
        match view.text(name) {
            Fact::Known(text) => Link::Named(text),
            Fact::Unset | Fact::Computed(_) => Link::Nothing,
            Fact::Open(gap) if gap.kind != GapKind::AfterApply => Link::Open(gap),
            Fact::Open(gap) => {
                let trace = self.document.follow_attribute(view, name, wanted);
                if trace.is_settled() && !view.item.exists {
                    return Link::Nothing;
                }
                match trace.single_item(MAY_BE_UNSET.contains(&name)) {
                    Ok(item) => Link::To(item),
                    Err(why) => Link::Open(explain_gap(gap, &why)),
                }
            }
        }
    }

    /// Returns the resource in the plan that an attribute refers to, by a reference or by the value of one of
    /// the attributes `by`; `None` if it is not in the plan.
    pub(super) fn linked_item(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
        by: &[&str],
    ) -> Result<Option<&'a Item<'a>>, Gap> {
        match self.resolve_link(view, name, kinds) {
            Link::To(item) => Ok(Some(item)),
            Link::Named(text) => {
                let here = self.places.known_region(view.item);
                let mut fitting = kinds
                    .iter()
                    .flat_map(|kind| self.document.items_named(kind, text, by));
                let first = fitting.next();
                // Names are unique per region only.
                let near = first
                    .into_iter()
                    .chain(fitting)
                    .find(|it| self.places.known_region(it) == here);
                Ok(near.or(first))
            }
            Link::Nothing => Ok(None),
            Link::Open(gap) => Err(gap),
        }
    }

    /// Returns the id of the resource that an attribute refers to, in the plan or not.
    pub(super) fn linked_id(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
    ) -> Result<Option<String>, Gap> {
        match self.resolve_link(view, name, kinds) {
            Link::To(item) => Ok(Some(self.id_of(item))),
            Link::Named(text) => Ok(Some(text.to_owned())),
            Link::Nothing => Ok(None),
            Link::Open(gap) => Err(gap),
        }
    }

    /// Returns the ids of the resources that a list refers to, in the plan or not.
    pub(super) fn linked_ids(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
    ) -> Result<Vec<String>, Gap> {
        let gap = match view.texts(name) {
            Fact::Known(ids) => return Ok(ids.into_iter().map(str::to_owned).collect()),
            Fact::Unset | Fact::Computed(_) => return Ok(Vec::new()),
            Fact::Open(gap) => gap,
        };
        let trace = self.document.follow_attribute(view, name, kinds);
        if let Some(unknown) = trace.unknown {
            return Err(explain_gap(gap, &unknown));
        }
        if trace.items.is_empty() {
            return Err(gap);
        }
        let known = view.values.get(name).and_then(Value::as_array);
        let known = known.into_iter().flatten().filter_map(Value::as_str);
        let mut ids: Vec<String> = known.map(str::to_owned).collect();
        ids.extend(trace.items.into_iter().map(|item| self.id_of(item)));
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Returns the satellites of a type: resources that configure another resource, which the attribute
    /// `name` refers to.
    pub(super) fn find_satellites(
        &self,
        kind: &str,
        name: &str,
        of: &[&str],
        by: &[&str],
    ) -> Satellites<'a> {
        let mut satellites = Satellites {
            gone: self.document.gone.contains(kind),
            ..Satellites::default()
        };
        for item in self.document.items_of(kind) {
            match self.linked_item(&item.view(), name, of, by) {
                Ok(Some(owner)) => satellites.of.entry(owner.address).or_default().push(item),
                Ok(None) => {}
                Err(gap) => satellites.stray = Some(gap),
            }
        }
        satellites
    }

    /// Returns the tags of a resource, with the default tags of its provider.
    pub(super) fn read_tags(&self, item: &'a Item<'a>) -> Observed<Tags> {
        self.read_block_tags(&item.view(), "tags", "tags_all")
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

    /// Returns the default tags of a provider if the configuration has them as constants.
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
            tags => tags["constant_value"].as_object()?,
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

    fn keeps_tag(&self, key: &str) -> bool {
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

    /// Returns the state of a resource that exists, if its provider shows it.
    pub(super) fn read_state(&self, view: &View<'_>, name: &str) -> Observed<String> {
        if !view.item.exists {
            let address = view.item.address;
            return Observed::Unknown(after_apply(format!("{address} does not exist yet")));
        }
        match view.text(name) {
            Fact::Known(state) => Observed::Known(state.to_owned()),
            _ => Observed::Unknown(not_in_plan(view, "the state")),
        }
    }
}

/// Satellites by the resource that they configure.
#[derive(Debug, Default)]
pub(super) struct Satellites<'a> {
    of: BTreeMap<&'a str, Vec<&'a Item<'a>>>,
    /// Why a satellite may configure any of the resources.
    stray: Option<Gap>,
    /// Whether a satellite is destroyed or forgotten.
    pub(super) gone: bool,
}

impl<'a> Satellites<'a> {
    /// Returns the satellites of a resource.
    ///
    /// # Errors
    /// The resource has no known satellite, and there is one that may belong to any resource.
    pub(super) fn attached_to(&self, item: &Item<'_>) -> Result<&[&'a Item<'a>], Gap> {
        match (self.of.get(item.address), &self.stray) {
            (Some(found), _) => Ok(found),
            (None, Some(gap)) => Err(gap.clone()),
            (None, None) => Ok(&[]),
        }
    }
}

/// Returns the gap of a fact about an existing resource that the plan does not contain.
pub(super) fn not_in_plan(view: &View<'_>, what: &str) -> Gap {
    unplanned(format!(
        "the plan does not contain {what} of {}",
        view.item.address
    ))
}

/// Returns a gap with its cause added.
pub(super) fn explain_gap(gap: Gap, why: &str) -> Gap {
    let message = format!("{}: {why}", gap.message);
    Gap { message, ..gap }
}

/// Marks a listing as incomplete.
pub(super) fn mark_incomplete<T>(listing: &mut Listing<T>, gap: Gap) {
    listing.gap.get_or_insert(gap);
}
