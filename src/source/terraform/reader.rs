//! What the services' readers share: names, links between resources, tags.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::arn::Arn;
use crate::model::place::Place;
use crate::model::tag::{Tags, is_kept};
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::source::planned::{Planned, Surroundings, after_apply, unplanned};

use super::document::{ALL, Document, Item};
use super::keys::Keys;
use super::place::{Places, partition};
use super::view::{Fact, View, says_true};

/// A document with what was found out of it as a whole.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document<'a>,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) places: Places,
    pub(super) keys: Keys,
    names: BTreeMap<&'a str, String>,
}

/// Attributes of a link for which the provider or AWS chooses where none is set.
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

/// What a resource is called in the report.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// Its ARN, or its address.
    pub(super) arn: String,
    /// Its id, or its address.
    pub(super) id: String,
    /// Its region.
    pub(super) region: String,
}

/// What an attribute names among the resources of the plan.
#[derive(Debug)]
pub(super) enum Link<'a> {
    /// One of the plan's.
    To(&'a Item<'a>),
    /// Something by a name that is known; of the plan or not.
    Named(&'a str),
    /// Nothing.
    Nothing,
    /// Something that is not known yet.
    Open(Gap),
}

impl<'a> Reader<'a> {
    /// Reads what the services' readers take.
    pub(super) fn new(document: &'a Document<'a>, around: &'a Surroundings<'a>) -> Self {
        let mut seen = BTreeMap::new();
        let mut names = BTreeMap::new();
        for item in document.items.iter().filter(|it| !it.is_data) {
            let arn = item.view().text("arn").known();
            let arn = arn.filter(|it| Arn::parse(it).is_some());
            // Two addresses of one ARN would be one resource twice.
            if let Some(arn) = arn.filter(|arn| seen.insert(*arn, item.address).is_none()) {
                names.insert(item.address, arn.to_owned());
            }
        }
        let mut reader = Reader {
            document,
            around,
            places: Places::read(document, around),
            keys: Keys::default(),
            names,
        };
        reader.keys = Keys::read(&reader);
        reader
    }

    /// What a resource is called: by its ARN where it has one, else by its address.
    pub(super) fn named(&self, item: &'a Item<'a>, id: Fact<&str>) -> Named {
        let arn = self.names.get(item.address);
        Named {
            arn: arn.cloned().unwrap_or_else(|| item.address.to_owned()),
            id: id.known().unwrap_or(item.address).to_owned(),
            region: self.places.region(item),
        }
    }

    /// A resource's own `id`; its address where it has none yet.
    pub(super) fn id(&self, item: &'a Item<'a>) -> String {
        item.view()
            .text("id")
            .known()
            .unwrap_or(item.address)
            .to_owned()
    }

    /// Says where a resource is declared.
    pub(super) fn place(&self, item: &Item<'_>, arn: &str, planned: &mut Planned) {
        let place = Place {
            file: self.around.file.to_owned(),
            line: None,
            column: None,
            address: Some(item.address.to_owned()),
            condition: None,
        };
        planned.place(arn, place);
    }

    /// The account, as ARNs write it.
    pub(super) fn account(&self) -> &str {
        self.places.account.as_deref().unwrap_or_default()
    }

    /// An ARN in the account.
    pub(super) fn arn(&self, service: &str, region: &str, resource: &str) -> String {
        let (partition, account) = (partition(region), self.account());
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// What an attribute names.
    pub(super) fn link(&self, view: &View<'a>, name: &str, wanted: &[&str]) -> Link<'a> {
        match view.text(name) {
            Fact::Known(text) => Link::Named(text),
            Fact::Unset | Fact::Computed(_) => Link::Nothing,
            Fact::Open(gap) if gap.kind != GapKind::AfterApply => Link::Open(gap),
            Fact::Open(gap) => {
                let led = self.document.lead(view, name, wanted);
                if led.is_settled() && !view.item.exists {
                    return Link::Nothing;
                }
                match led.one(MAY_BE_UNSET.contains(&name)) {
                    Ok(item) => Link::To(item),
                    Err(why) => Link::Open(because(gap, &why)),
                }
            }
        }
    }

    /// The one resource of some types that an attribute names: by one of some attributes, or by reference.
    /// None where it names one that is not in the plan.
    pub(super) fn linked(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
        by: &[&str],
    ) -> Result<Option<&'a Item<'a>>, Gap> {
        match self.link(view, name, kinds) {
            Link::To(item) => Ok(Some(item)),
            Link::Named(text) => {
                let here = self.places.known_region(view.item);
                let mut fitting = kinds
                    .iter()
                    .flat_map(|kind| self.document.called(kind, text, by));
                let first = fitting.next();
                // Names may be taken once in each region.
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

    /// The id of what an attribute names, of the plan or not.
    pub(super) fn linked_id(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
    ) -> Result<Option<String>, Gap> {
        match self.link(view, name, kinds) {
            Link::To(item) => Ok(Some(self.id(item))),
            Link::Named(text) => Ok(Some(text.to_owned())),
            Link::Nothing => Ok(None),
            Link::Open(gap) => Err(gap),
        }
    }

    /// The ids of what a list names, of the plan or not.
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
        let led = self.document.lead(view, name, kinds);
        if let Some(besides) = led.besides {
            return Err(because(gap, &besides));
        }
        if led.to.is_empty() {
            return Err(gap);
        }
        let known = view.values.get(name).and_then(Value::as_array);
        let known = known.into_iter().flatten().filter_map(Value::as_str);
        let mut ids: Vec<String> = known.map(str::to_owned).collect();
        ids.extend(led.to.into_iter().map(|item| self.id(item)));
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The satellites of a type by the address of the resource that they belong to, and why one of them
    /// may belong to any other.
    pub(super) fn satellites(
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
        for item in self.document.of(kind) {
            match self.linked(&item.view(), name, of, by) {
                Ok(Some(owner)) => satellites.of.entry(owner.address).or_default().push(item),
                Ok(None) => {}
                Err(gap) => satellites.stray = Some(gap),
            }
        }
        satellites
    }

    /// The tags of a resource, with those that its provider gives to everything.
    pub(super) fn tags(&self, item: &'a Item<'a>) -> Observed<Tags> {
        self.tags_of(&item.view(), "tags", "tags_all")
    }

    /// The tags of a resource or block by the attribute that holds all of them, else by its own.
    pub(super) fn tags_of(&self, view: &View<'a>, own: &str, all: &str) -> Observed<Tags> {
        match view.fact(all) {
            Fact::Known(_) => return self.kept(view, all).into(),
            // The provider does not work them out where it is given none.
            Fact::Open(gap) | Fact::Computed(gap) => {
                if view.unknown.get(all) == Some(&ALL) && gap.kind == GapKind::AfterApply {
                    match self.without_all(view, own) {
                        Some(tags) => return tags.into(),
                        None => return Observed::Unknown(gap),
                    }
                }
                return Observed::Unknown(gap);
            }
            Fact::Unset => {}
        }
        match view.fact(own) {
            Fact::Known(_) => self.kept(view, own).into(),
            Fact::Unset | Fact::Computed(_) => Observed::Known(Tags::new()),
            Fact::Open(gap) => Observed::Unknown(gap),
        }
    }

    /// The tags where the provider has not put them together: its own beside the resource's. None where
    /// the provider's are not known.
    fn without_all(&self, view: &View<'a>, own: &str) -> Option<Result<Tags, Gap>> {
        let mut tags = self.default_tags(view.item)?;
        match view.fact(own) {
            Fact::Known(_) => match self.kept(view, own) {
                Ok(kept) => tags.extend(kept),
                Err(gap) => return Some(Err(gap)),
            },
            Fact::Unset | Fact::Computed(_) => {}
            Fact::Open(gap) => return Some(Err(gap)),
        }
        Some(Ok(tags))
    }

    /// The tags that a provider gives to everything, as far as the configuration spells them out.
    fn default_tags(&self, item: &Item<'_>) -> Option<Tags> {
        let provider = self.document.provider(item.provider()?);
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
                .filter(|(key, _)| self.keeps(key))
                .collect(),
        )
    }

    fn keeps(&self, key: &str) -> bool {
        is_kept(key, self.around.tag_key)
    }

    /// The tags of an attribute that a snapshot keeps.
    fn kept(&self, view: &View<'_>, name: &str) -> Result<Tags, Gap> {
        let odd = || {
            let message = format!("{name} of {} is not a map of texts", view.item.address);
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
        // A tag whose value is not known stands among the unknown ones only.
        for (key, _) in unknown
            .into_iter()
            .flatten()
            .filter(|(_, it)| says_true(it))
        {
            if self.keeps(key) && key != "Name" {
                return Err(after_apply(format!(
                    "the tag {key} of {} is known only after apply",
                    view.item.address
                )));
            }
        }
        for (key, value) in values.iter().filter(|(key, _)| self.keeps(key)) {
            let is_hidden = hidden.and_then(|it| it.get(key)).is_some_and(says_true);
            match value {
                Value::String(_) if is_hidden && key == "Name" => {}
                Value::String(_) if is_hidden => {
                    let address = view.item.address;
                    let message = format!(
                        "the tag {key} of {address} is marked as sensitive, so it is not read"
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

    /// The state of a resource: that of one that exists, where its provider tells it.
    pub(super) fn state(&self, view: &View<'_>, name: &str) -> Observed<String> {
        if !view.item.exists {
            let address = view.item.address;
            return Observed::Unknown(after_apply(format!("{address} does not exist yet")));
        }
        match view.text(name) {
            Fact::Known(state) => Observed::Known(state.to_owned()),
            _ => Observed::Unknown(untold(view, "its state")),
        }
    }
}

/// Satellites by what they belong to.
#[derive(Debug, Default)]
pub(super) struct Satellites<'a> {
    of: BTreeMap<&'a str, Vec<&'a Item<'a>>>,
    stray: Option<Gap>,
    /// Whether one of them is destroyed or let go.
    pub(super) gone: bool,
}

impl<'a> Satellites<'a> {
    /// The satellites of a resource.
    ///
    /// # Errors
    /// It has none that is known, and there is one of which it is not known whose it is.
    pub(super) fn of(&self, item: &Item<'_>) -> Result<&[&'a Item<'a>], Gap> {
        match (self.of.get(item.address), &self.stray) {
            (Some(found), _) => Ok(found),
            (None, Some(gap)) => Err(gap.clone()),
            (None, None) => Ok(&[]),
        }
    }
}

/// A fact of something that exists, which its provider does not tell.
pub(super) fn untold(view: &View<'_>, what: &str) -> Gap {
    unplanned(format!(
        "the plan does not hold {what} ({})",
        view.item.address
    ))
}

/// A gap with what is behind it.
pub(super) fn because(gap: Gap, why: &str) -> Gap {
    let message = format!("{}: {why}", gap.message);
    Gap { message, ..gap }
}

/// Says that a listing may be longer.
pub(super) fn widen<T>(listing: &mut Listing<T>, gap: Gap) {
    listing.gap.get_or_insert(gap);
}
