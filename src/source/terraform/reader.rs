//! Shared by the readers of the services: identities, references between resources, tags.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::arn::{Arn, partition_of};
use crate::model::place::Place;
use crate::model::tag::Tags;
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::source::planned::{Planned, Surroundings, after_apply, unplanned};

use super::candidates::Candidate;
use super::default_tags::find_default_tags;
use super::document::Document;
use super::item::{Item, NAMING};
use super::key_arns::KeyArns;
use super::network::VPCS;
use super::place::Places;
use super::view::{Fact, View, contains_true};

/// A document with its regions, keys and ARNs.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document<'a>,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) places: Places,
    pub(super) keys: KeyArns,
    names: BTreeMap<&'a str, String>,
    /// Default tags of providers; `None` if they are not known.
    pub(super) default_tags: BTreeMap<&'a str, Option<Tags>>,
}

/// Referring attributes that the provider or AWS computes if they are not set.
const MAY_BE_UNSET: [&str; 14] = [
    "ami",
    "cluster_subnet_group_name",
    "db_subnet_group_name",
    "encryption_key_arn",
    "kms_key",
    "kms_key_arn",
    "kms_key_id",
    "kms_master_key_id",
    "neptune_subnet_group_name",
    "option_group_name",
    "replication_subnet_group_id",
    "snapshot_id",
    "subnet_group_name",
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

/// What an attribute refers to.
#[derive(Debug)]
pub(super) enum Link<'a> {
    /// A resource in the plan.
    To(&'a Item<'a>),
    /// One of several resources in the plan, which one is not known, and the gap that says so.
    OneOf(Vec<&'a Item<'a>>, Gap),
    /// A known name of a resource, in the plan or not.
    Named(&'a str),
    /// No resource.
    Nothing,
    /// A resource that is not known yet.
    Open(Gap),
}

/// The resources that a list refers to.
#[derive(Debug, Default)]
pub(super) struct LinkedIds {
    /// Ids of resources that are in the list.
    pub(super) certain: Vec<String>,
    /// Ids of resources that may be in it.
    pub(super) possible: Vec<String>,
    /// Why the list may have others.
    pub(super) gap: Option<Gap>,
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
        let places = Places::from_document(document, around);
        Reader {
            document,
            around,
            keys: KeyArns::from_document(document, &places),
            places,
            names,
            default_tags: find_default_tags(document, around),
        }
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
        planned.add_place(arn, self.find_place(item));
        if let Some(source) = self.document.find_module_source(item.module) {
            planned.declaration_mut(arn).module_source = Some(source.to_owned());
        }
    }

    /// Returns where a resource is declared.
    pub(super) fn find_place(&self, item: &Item<'_>) -> Place {
        Place {
            file: self.around.file.to_owned(),
            line: None,
            column: None,
            address: Some(item.address.to_owned()),
            condition: None,
            loop_body: None,
            own_condition: None,
        }
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

    /// Returns what an attribute refers to.
    pub(super) fn resolve_link(&self, view: &View<'a>, name: &str, wanted: &[&str]) -> Link<'a> {
        match view.text(name) {
            Fact::Known(text) => Link::Named(text),
            Fact::Unset | Fact::Computed(_) => Link::Nothing,
            Fact::Open(gap) if gap.kind != GapKind::AfterApply => Link::Open(gap),
            Fact::Open(gap) => {
                let candidates = self.document.candidates_of(view, name, wanted);
                // Of all that a module can refer to, nothing may only be meant by what the provider computes.
                let is_optional = MAY_BE_UNSET.contains(&name);
                let may_be_nothing = is_optional || !candidates.has_scope;
                if candidates.is_settled() && may_be_nothing && !view.item.exists {
                    return Link::Nothing;
                }
                match candidates.complete_one(is_optional) {
                    Ok([only]) => Link::To(only.item),
                    Ok(several) => {
                        let why = format!("it may be {}", candidates.names());
                        let items = several.iter().map(|it| it.item).collect();
                        Link::OneOf(items, explain_gap(gap, &why))
                    }
                    Err(why) => Link::Open(explain_gap(gap, &why)),
                }
            }
        }
    }

    /// Returns the resources in the plan that a name may mean, by one of the attributes `by`: those in the
    /// region of `view` if there are any, because names are unique per region only.
    fn items_called(
        &self,
        view: &View<'a>,
        text: &str,
        kinds: &[&str],
        by: &[&str],
    ) -> Option<&'a Item<'a>> {
        let here = self.places.known_region(view.item);
        let named = |kind| self.document.items_named(kind, text, by);
        let fitting: Vec<&Item<'_>> = kinds.iter().copied().flat_map(named).collect();
        let is_near = |it: &&&Item<'_>| self.places.known_region(it) == here;
        fitting.iter().find(is_near).or(fitting.first()).copied()
    }

    /// Returns the resources in the plan to which an attribute may refer, by a reference or by the value of
    /// one of the attributes `by`; none if it refers to nothing in the plan.
    pub(super) fn linked_items(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
        by: &[&str],
    ) -> Result<Vec<&'a Item<'a>>, Gap> {
        match self.resolve_link(view, name, kinds) {
            Link::To(item) => Ok(vec![item]),
            Link::OneOf(items, _) => Ok(items),
            Link::Named(text) => Ok(self
                .items_called(view, text, kinds, by)
                .into_iter()
                .collect()),
            Link::Nothing => Ok(Vec::new()),
            Link::Open(gap) => Err(gap),
        }
    }

    /// Returns the resource in the plan that an attribute refers to; `None` if it is not in the plan.
    pub(super) fn linked_item(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
        by: &[&str],
    ) -> Result<Option<&'a Item<'a>>, Gap> {
        match self.resolve_link(view, name, kinds) {
            Link::To(item) => Ok(Some(item)),
            Link::Named(text) => Ok(self.items_called(view, text, kinds, by)),
            Link::Nothing => Ok(None),
            Link::OneOf(_, gap) | Link::Open(gap) => Err(gap),
        }
    }

    /// Returns a fact about the resource that an attribute refers to, if it is the same for all that it may
    /// be; `None` if it refers to nothing in the plan.
    pub(super) fn settle_link<T: PartialEq>(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
        by: &[&str],
        read: impl Fn(&'a Item<'a>) -> Result<T, Gap>,
    ) -> Result<Option<T>, Gap> {
        match self.resolve_link(view, name, kinds) {
            Link::To(item) => read(item).map(Some),
            Link::OneOf(items, gap) => agree(items.into_iter().map(read).collect(), gap).map(Some),
            Link::Named(text) => self
                .items_called(view, text, kinds, by)
                .map(read)
                .transpose(),
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
            Link::OneOf(_, gap) | Link::Open(gap) => Err(gap),
        }
    }

    /// Returns the ids that an attribute may refer to, one at a time, in the plan or not.
    pub(super) fn possible_ids(
        &self,
        view: &View<'a>,
        name: &str,
        kinds: &[&str],
    ) -> Result<Vec<String>, Gap> {
        match self.resolve_link(view, name, kinds) {
            Link::To(item) => Ok(vec![self.id_of(item)]),
            Link::OneOf(items, _) => Ok(items.into_iter().map(|it| self.id_of(it)).collect()),
            Link::Named(text) => Ok(vec![text.to_owned()]),
            Link::Nothing => Ok(Vec::new()),
            Link::Open(gap) => Err(gap),
        }
    }

    /// Returns the ids of the resources that a list refers to, in the plan or not.
    pub(super) fn linked_ids(&self, view: &View<'a>, name: &str, kinds: &[&str]) -> LinkedIds {
        let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
        let gap = match view.texts(name) {
            Fact::Known(ids) => {
                return LinkedIds {
                    certain: owned(ids),
                    ..LinkedIds::default()
                };
            }
            Fact::Unset | Fact::Computed(_) => return LinkedIds::default(),
            Fact::Open(gap) => gap,
        };
        let known = view.values.get(name).and_then(Value::as_array);
        let known = known.into_iter().flatten().filter_map(Value::as_str);
        let mut ids = LinkedIds {
            certain: owned(known.collect()),
            ..LinkedIds::default()
        };
        let candidates = self.document.candidates_of(view, name, kinds);
        let found = candidates.found.iter().map(|it| self.id_of_candidate(it));
        let found: Vec<String> = found.collect();
        // The marks show how many elements are unknown, if that is known itself.
        let marks = view.unknown_in(name).as_array();
        let count = marks.map(|marks| marks.iter().filter(|it| contains_true(it)).count());
        let is_whole = count.is_none_or(|count| count == found.len());
        match candidates.choice().is_none() && is_whole {
            true => ids.certain.extend(found),
            false => ids.possible.extend(found),
        }
        ids.gap = match candidates.open() {
            Some(why) => Some(explain_gap(gap, why)),
            None => candidates.found.is_empty().then_some(gap),
        };
        ids
    }

    fn id_of_candidate(&self, candidate: &Candidate<'a>) -> String {
        let item = candidate.item;
        match candidate.attribute {
            Some(name @ ("main_route_table_id" | "default_route_table_id")) => {
                let known = item.view().text(name).known();
                known.map_or_else(|| self.main_table_of(item), str::to_owned)
            }
            // Lists of tables have the main one of a VPC, and no other list has VPCs.
            None if VPCS.contains(&item.kind) => self.main_table_of(item),
            _ => self.id_of(item),
        }
    }

    /// Returns the id of the route table that AWS creates with a VPC: that of the resource that manages it, if any.
    fn main_table_of(&self, vpc: &'a Item<'a>) -> String {
        let name = "default_route_table_id";
        let mut tables = self.document.items_of("aws_default_route_table");
        let manages = |table: &&'a Item<'a>| {
            let of = self.linked_item(&table.view(), name, &VPCS, &[name]);
            matches!(of, Ok(Some(it)) if it.address == vpc.address)
        };
        match tables.find(manages) {
            Some(table) => self.id_of(table),
            None => main_table_id(&self.id_of(vpc)),
        }
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
            gone: self.destroyed_names(kind, name),
            ..Satellites::default()
        };
        for item in self.document.items_of(kind) {
            match self.linked_items(&item.view(), name, of, by) {
                Ok(owners) => {
                    // As many satellites as owners: each owner has one of them.
                    let is_covering = self.document.count_siblings(item) >= owners.len();
                    let is_certain = owners.len() == 1;
                    for owner in owners {
                        let attached = satellites.of.entry(owner.address).or_default();
                        attached.push(Satellite {
                            item,
                            is_certain,
                            is_covering,
                        });
                    }
                }
                Err(gap) => satellites.stray = Some(gap),
            }
        }
        satellites
    }

    /// Returns what the destroyed resources of a type refer to by an attribute; `None` for each of which that is not
    /// known.
    fn destroyed_names(&self, kind: &str, name: &str) -> Vec<Option<&'a str>> {
        let destroyed = self.document.gone.get(kind).into_iter().flatten();
        destroyed
            .map(|before| before.get(name).and_then(Value::as_str))
            .collect()
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

/// A resource that configures another one, or may.
#[derive(Debug, Clone, Copy)]
struct Satellite<'a> {
    item: &'a Item<'a>,
    /// Whether it is known to configure it.
    is_certain: bool,
    /// Whether one of the instances of its resource does.
    is_covering: bool,
}

/// Satellites by the resource that they configure.
#[derive(Debug, Default)]
pub(super) struct Satellites<'a> {
    of: BTreeMap<&'a str, Vec<Satellite<'a>>>,
    /// Why a satellite may configure any of the resources.
    stray: Option<Gap>,
    /// What the satellites that are destroyed configured.
    gone: Vec<Option<&'a str>>,
}

impl<'a> Satellites<'a> {
    /// Returns the satellites of a resource.
    ///
    /// # Errors
    /// There may be others.
    pub(super) fn attached_to(&self, item: &Item<'_>) -> Result<Vec<&'a Item<'a>>, Gap> {
        let found = self.of.get(item.address).map_or(&[][..], Vec::as_slice);
        if let Some(open) = found.iter().find(|it| !it.is_certain) {
            return Err(may_configure(open.item, item));
        }
        match (found, &self.stray) {
            ([], Some(gap)) => Err(gap.clone()),
            _ => Ok(found.iter().map(|it| it.item).collect()),
        }
    }

    /// Returns the address of the satellite of a resource, or of an instance of the resource that it may be one of.
    pub(super) fn find_address(&self, item: &Item<'_>) -> Option<&'a str> {
        let found = self.of.get(item.address)?;
        let certain = found.iter().find(|it| it.is_certain);
        certain.or(found.first()).map(|it| it.item.address)
    }

    /// Returns whether the plan may destroy a satellite of a resource.
    pub(super) fn may_be_destroyed(&self, item: &Item<'_>) -> bool {
        self.is_destroyed(item) || (item.exists && self.gone.contains(&None))
    }

    /// Returns whether the plan destroys a satellite of a resource.
    pub(super) fn is_destroyed(&self, item: &Item<'_>) -> bool {
        let is_name = |name: &str| NAMING.iter().any(|it| item.values[*it] == *name);
        item.exists && self.gone.iter().flatten().any(|it| is_name(it))
    }

    /// Returns what the satellite of a resource says, or what holds without one, if that is the same for all
    /// that it may be.
    pub(super) fn settle<T: PartialEq>(
        &self,
        item: &Item<'_>,
        read: impl Fn(Option<&'a Item<'a>>) -> Result<T, Gap>,
    ) -> Result<T, Gap> {
        let found = self.of.get(item.address).map_or(&[][..], Vec::as_slice);
        if let Some(certain) = found.iter().find(|it| it.is_certain) {
            return read(Some(certain.item));
        }
        let Some(first) = found.first() else {
            return match &self.stray {
                Some(gap) => Err(gap.clone()),
                None => read(None),
            };
        };
        let mut all: Vec<Result<T, Gap>> = found.iter().map(|it| read(Some(it.item))).collect();
        if !found.iter().any(|it| it.is_covering) {
            all.push(read(None));
        }
        agree(all, may_configure(first.item, item))
    }
}

fn may_configure(satellite: &Item<'_>, item: &Item<'_>) -> Gap {
    after_apply(format!(
        "which instance of {}.{} configures {} is known only after apply",
        satellite.kind, satellite.name, item.address
    ))
}

/// Returns the answer that all candidates give.
///
/// # Errors
/// They differ (`gap`), or one has no answer.
pub(super) fn agree<T: PartialEq>(answers: Vec<Result<T, Gap>>, gap: Gap) -> Result<T, Gap> {
    let mut answers = answers.into_iter();
    let first = match answers.next() {
        Some(first) => first?,
        None => return Err(gap),
    };
    for answer in answers {
        if answer? != first {
            return Err(gap);
        }
    }
    Ok(first)
}

/// Returns the placeholder id of the main route table of a VPC.
pub(super) fn main_table_id(vpc: &str) -> String {
    format!("{vpc}.main_route_table_id")
}

/// Returns the gap of a fact about an existing resource that the plan does not contain.
pub(super) fn not_in_plan(view: &View<'_>, what: &str) -> Gap {
    unplanned(format!(
        "the plan does not contain {what} of {}",
        view.item.address
    ))
}

/// Returns a gap with its cause added.
pub(super) fn explain_gap(mut gap: Gap, why: &str) -> Gap {
    gap.message = format!("{}: {why}", gap.message);
    gap
}

/// Marks a listing as incomplete.
pub(super) fn mark_incomplete<T>(listing: &mut Listing<T>, gap: Gap) {
    listing.gap.get_or_insert(gap);
}
