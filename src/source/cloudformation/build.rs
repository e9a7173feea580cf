//! A snapshot under construction, with the template that it is made from.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::arn::{Arn, partition_of};
use crate::model::kms::Key;
use crate::model::place::Place;
use crate::model::size::Size;
use crate::model::snapshot::{DefaultFact, Region, Source, UNKNOWN_REGION};
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::{Planned, Surroundings, add_gap, after_apply, key_arn, unplanned};
use crate::text::and_more;

use super::conditions::find_own_condition;
use super::nested::Files;
use super::tags;
use super::template::{Declared, Template};
use super::value::{Made, Open, Phrase, Piece, Resolved};

pub(super) struct Build<'a> {
    pub(super) template: Template<'a>,
    pub(super) planned: Planned,
    file: &'a str,
    /// The files of the nested stacks that were read.
    nested: Files,
    around: Surroundings<'a>,
    region: String,
    /// Keys and key names that resources refer to and that the template does not contain.
    outside: RefCell<BTreeMap<String, Outside>>,
    /// The resources of a type by the name that a property gives them.
    pub(super) names: RefCell<BTreeMap<(String, String), NamedIds<'a>>>,
    /// Conditions that cannot be evaluated, with the resources that are created under them.
    conditions: BTreeMap<String, (Gap, Vec<String>)>,
}

/// Logical ids by the key of a name.
pub(super) type NamedIds<'a> = BTreeMap<String, Vec<&'a str>>;

enum Outside {
    Key,
    Name(Observed<String>),
}

impl<'a> Build<'a> {
    pub(super) fn new(template: Template<'a>, around: &Surroundings<'a>, nested: Files) -> Self {
        let region = around.region.unwrap_or(UNKNOWN_REGION).to_owned();
        let mut planned = Planned::new(Source::Cloudformation, None, around);
        planned.region_mut(&region);
        Build {
            template,
            planned,
            file: around.file,
            nested,
            around: around.clone(),
            region,
            outside: RefCell::default(),
            names: RefCell::default(),
            conditions: BTreeMap::new(),
        }
    }

    /// Returns the region of the stack.
    pub(super) fn stack_region(&mut self) -> &mut Region {
        self.planned.region_mut(&self.region)
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn tag_key(&self) -> &'a str {
        self.around.tag_key
    }

    /// Returns what surrounds the template.
    pub(super) fn around(&self) -> &Surroundings<'a> {
        &self.around
    }

    pub(super) fn region_is_open(&self) -> bool {
        self.template.region.is_none()
    }

    pub(super) fn no_region(&self) -> Open {
        let open = || Open::from_gap("AWS::Region", Gap::not_collected());
        Piece::Region.open().unwrap_or_else(open)
    }

    pub(super) fn partition(&self) -> &'static str {
        partition_of(self.template.region.as_deref().unwrap_or_default())
    }

    /// Returns the resources of one type.
    pub(super) fn of_type(&self, kind: &str) -> Vec<Declared<'a>> {
        self.template.of_type(kind).cloned().collect()
    }

    /// Returns the properties of a resource.
    pub(super) fn properties(&self, declared: &Declared<'a>) -> Rc<Resolved> {
        self.template.properties(declared)
    }

    /// Notes where a resource is declared and returns the identifier that replaces its ARN.
    pub(super) fn declare_resource(&mut self, declared: &Declared<'a>, part: &str) -> String {
        let (file, id) = self.locate(declared.id);
        let arn = format!("{file}#{id}{part}");
        self.planned.add_place(&arn, self.find_place(declared));
        if let Some((name, open)) = &declared.condition {
            let noted = self.conditions.entry(name.clone());
            let (_, ids) = noted.or_insert_with(|| (open.gap.clone(), Vec::new()));
            if ids.last().is_none_or(|last| last != declared.id) {
                ids.push(declared.id.to_owned());
            }
        }
        arn
    }

    /// Returns where a resource is declared.
    pub(super) fn find_place(&self, declared: &Declared<'a>) -> Place {
        let (file, id) = self.locate(declared.id);
        Place {
            file,
            line: Some(declared.at.line),
            column: Some(declared.at.column),
            address: Some(id),
            condition: declared
                .condition
                .as_ref()
                .map(|(name, _)| name.to_string()),
            loop_body: declared.loop_body.map(str::to_owned),
            own_condition: declared
                .condition_name
                .and_then(|name| find_own_condition(declared.id, name))
                .map(str::to_owned),
        }
    }

    /// Returns the file that declares a resource, and its logical id there. If several stacks use the file, the id
    /// begins with that of the stack.
    pub(super) fn locate(&self, id: &str) -> (String, String) {
        let of_stack = id.rsplit_once('/');
        let Some((file, own)) =
            of_stack.and_then(|(stack, own)| Some((self.nested.get(stack)?, own)))
        else {
            return (self.file.to_owned(), id.to_owned());
        };
        let is_only = self.nested.values().filter(|it| *it == file).count() == 1;
        let id = if is_only { own } else { id };
        (file.clone(), id.to_owned())
    }

    /// Whether the resources of a nested stack are resources of the template.
    pub(super) fn is_inlined(&self, id: &str) -> bool {
        self.nested.contains_key(id)
    }

    /// Returns why a resource may not be created together with its owner: it has a condition that the owner
    /// does not have.
    pub(super) fn own_condition_gap(
        &self,
        declared: &Declared<'a>,
        owner: Option<&str>,
    ) -> Option<Gap> {
        let (name, open) = declared.condition.as_ref()?;
        let owner = owner.and_then(|id| self.template.find_resource(id));
        let shared = owner.and_then(|it| it.condition.as_ref());
        let is_shared = shared.is_some_and(|(of_owner, _)| of_owner == name);
        (!is_shared).then(|| open.gap.clone())
    }

    /// Records that a property is left to a default of AWS, if it is absent.
    pub(super) fn note_default(
        &mut self,
        arn: &str,
        properties: &Resolved,
        name: &str,
        fact: DefaultFact,
    ) {
        if properties.get(name).is_absent() {
            self.planned.note_default(arn, fact);
        }
    }

    /// Notes an instance whose DB cluster is not in the template, if it is tagged for backup: AWS Backup selects the
    /// cluster by its own tags, which are not known.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>.
    pub(super) fn note_member_elsewhere(&mut self, declared: &Declared<'a>, tags: &Observed<Tags>) {
        let tag = BackupTag::from_tags(tags, self.tag_key());
        if matches!(
            tag,
            BackupTag::Enabled | BackupTag::Invalid | BackupTag::Unknown
        ) {
            let gap = unplanned(format!(
                "line {}: {} is tagged for backup and is a member of a DB cluster that is not in the template; AWS Backup selects the cluster by the tags of the cluster",
                declared.at.line, declared.id
            ));
            add_gap(&mut self.stack_region().db_clusters.gap, &gap);
        }
    }

    /// Reads the tags in a property.
    pub(super) fn tags(&self, properties: &Resolved, name: &str) -> Observed<Tags> {
        locate_gap("Tags", tags::read_tags(&properties.get(name), &self.around)).into()
    }

    /// Returns a text with placeholders for its unknown parts; none where it is absent.
    ///
    /// # Errors
    /// A part of it has no placeholder.
    pub(super) fn text_with_stand_ins(&self, value: &Resolved) -> Result<Option<String>, Gap> {
        let Resolved::Text(phrase) = value else {
            return value.text();
        };
        let pieces = phrase.0.iter().map(|piece| {
            let open = || piece.open().map_or_else(Gap::not_collected, |it| it.gap);
            self.stand_in(piece).ok_or_else(open)
        });
        pieces.collect::<Result<String, Gap>>().map(Some)
    }

    /// Returns the placeholder for a piece of a policy: an empty id for this account, which no other account
    /// has, and logical ids for the template's roles and keys.
    pub(super) fn stand_in(&self, piece: &Piece) -> Option<String> {
        match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Account => Some(String::new()),
            Piece::Region => Some(self.region.clone()),
            Piece::Made(made) => self.stand_in_for(made),
            Piece::Open(_) => None,
        }
    }

    fn stand_in_for(&self, made: &Made) -> Option<String> {
        let declared = self.template.find_resource(&made.id)?;
        let name = |property: &str| match self.template.properties(declared).get(property).text() {
            Ok(None) => Some(made.id.clone()),
            Ok(named) => named,
            Err(_) => None,
        };
        let arn = |kind: &str, name: String| {
            let path = self.template.properties(declared).get("Path").text();
            let path = path.ok()?.unwrap_or_else(|| "/".to_owned());
            let (partition, account) = (self.partition(), self.account());
            Some(format!("arn:{partition}:iam::{account}:{kind}{path}{name}"))
        };
        match (declared.kind, made.attribute.as_deref()) {
            ("AWS::IAM::Role", None) => name("RoleName"),
            ("AWS::IAM::Role", Some("Arn")) => arn("role", name("RoleName")?),
            ("AWS::IAM::User", None) => name("UserName"),
            ("AWS::IAM::User", Some("Arn")) => arn("user", name("UserName")?),
            (VAULT | AIR_GAPPED_VAULT, None | Some("BackupVaultName")) => name("BackupVaultName"),
            (VAULT | AIR_GAPPED_VAULT, Some("BackupVaultArn")) => {
                let (partition, region, account) = (self.partition(), &self.region, self.account());
                let name = name("BackupVaultName")?;
                Some(format!(
                    "arn:{partition}:backup:{region}:{account}:backup-vault:{name}"
                ))
            }
            (KEY | REPLICA_KEY, Some("Arn")) => Some(self.key_arn(&made.id)),
            (KEY | REPLICA_KEY, None | Some("KeyId")) => Some(made.id.clone()),
            _ => None,
        }
    }

    /// Whether this is the ARN of a role or user that the template creates.
    pub(super) fn is_principal(&self, made: &Made) -> bool {
        let is_one = match self.template.find_resource(&made.id).map(|it| it.kind) {
            Some(kind) => matches!(kind, "AWS::IAM::Role" | "AWS::IAM::User"),
            // AWS SAM creates a role for each function, named after it.
            None => made.id.ends_with("Role"),
        };
        is_one && made.attribute.as_deref() == Some("Arn")
    }

    /// Returns the placeholder for the ARN of a key of the template.
    pub(super) fn key_arn(&self, id: &str) -> String {
        let account = self.template.account.as_deref();
        key_arn(self.partition(), &self.region, account, id)
    }

    /// Returns the account of the stack; empty where it is not known.
    pub(super) fn account(&self) -> &str {
        self.template.account.as_deref().unwrap_or_default()
    }

    /// Returns the key that a property refers to, in the form that rules look up; none where it is absent.
    ///
    /// # Errors
    /// Why it is not known which key it is, with the keys if it is one of several.
    pub(super) fn key(&self, value: &Resolved) -> Result<Option<String>, Gap> {
        self.key_or(value, None)
    }

    /// As [`Build::key`], with the key where the property is absent.
    pub(super) fn key_or(
        &self,
        value: &Resolved,
        default: Option<&str>,
    ) -> Result<Option<String>, Gap> {
        let or_default = |key: Option<String>| key.or_else(|| default.map(str::to_owned));
        agree_on_key(value, |it| self.key_through(it, 0).map(or_default))
    }

    fn key_through(&self, value: &Resolved, aliases: usize) -> Result<Option<String>, Gap> {
        if let Resolved::OneOf(..) = value {
            return agree_on_key(value, |it| self.key_through(it, aliases));
        }
        let Resolved::Text(phrase) = value else {
            let text = value.text()?;
            return Ok(text.map(|it| self.note_outside_key(it)));
        };
        if let Some(Piece::Made(made)) = phrase.0.last() {
            let before = &phrase.0[..phrase.0.len() - 1];
            let is_key_arn =
                matches!(before.last(), Some(Piece::Text(text)) if text.ends_with(":key/"));
            let is_one = matches!(made.attribute.as_deref(), None | Some("Arn" | "KeyId"));
            let declared = self.template.find_resource(&made.id);
            match declared.map(|it| it.kind) {
                Some(KEY | REPLICA_KEY) if is_one && (before.is_empty() || is_key_arn) => {
                    return Ok(Some(self.key_arn(&made.id)));
                }
                Some(ALIAS) => {
                    let Some(alias) = declared.filter(|_| aliases == 0) else {
                        return Err(after_apply(format!("{} does not refer to a key", made.id)));
                    };
                    let target = self.template.properties(alias).get("TargetKeyId");
                    return self.key_through(&target, aliases + 1);
                }
                _ => {}
            }
        }
        if let (Some(alias), 0) = (self.local_alias(phrase), aliases) {
            let mut perhaps = None;
            for declared in self.template.of_type(ALIAS) {
                let properties = self.template.properties(declared);
                if properties.get("AliasName") == Resolved::Text(alias.clone()) {
                    // If it is not created here, another stack may have created an alias of this name.
                    match &declared.condition {
                        Some((_, open)) => perhaps = Some(open.gap.clone()),
                        None => return self.key_through(&properties.get("TargetKeyId"), 1),
                    }
                }
            }
            if let Some(gap) = perhaps {
                return Err(gap);
            }
        }
        let text = self.text_with_stand_ins(value)?.unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.note_outside_key(text)))
    }

    /// Returns the alias in a name or ARN of one; none for another name, and for an alias of another account
    /// or region, which is another alias.
    fn local_alias(&self, phrase: &Phrase) -> Option<Phrase> {
        let (at, text, offset) =
            phrase
                .0
                .iter()
                .enumerate()
                .find_map(|(at, piece)| match piece {
                    Piece::Text(text) => Some((at, text, text.find("alias/")?)),
                    _ => None,
                })?;
        let mut before = String::new();
        for piece in &phrase.0[..at] {
            before.push_str(&self.stand_in(piece)?);
        }
        before.push_str(&text[..offset]);
        let here = format!(
            "arn:{}:kms:{}:{}:",
            self.partition(),
            self.region,
            self.account()
        );
        if !before.is_empty() && before != here {
            return None;
        }
        let mut alias = Phrase::of(&text[offset..]);
        phrase.0[at + 1..]
            .iter()
            .for_each(|it| alias.push(it.clone()));
        Some(alias)
    }

    /// Notes a key that the template does not contain.
    fn note_outside_key(&self, name: String) -> String {
        let is_key = Arn::parse(&name)
            .is_some_and(|arn| arn.service == "kms" && arn.resource.starts_with("key/"));
        let outside = match is_key {
            true => Outside::Key,
            false => Outside::Name(Observed::Unknown(unplanned(format!(
                "the template does not contain the key {name}; scan the account that owns it"
            )))),
        };
        self.outside.borrow_mut().insert(name.clone(), outside);
        name
    }

    /// Whether the account that was read has a route table.
    pub(super) fn account_has_table(&self, id: &str) -> bool {
        let region = self.around.find_region(&self.region);
        let tables = region
            .and_then(Result::ok)
            .map(|it| &it.network.route_tables);
        tables.is_some_and(|it| it.items.iter().any(|table| table.id == id))
    }

    /// Marks every listing as incomplete: a macro, a module or another template may add resources of any type.
    pub(super) fn mark_listings_open(&mut self, gap: &Gap) {
        add_gap(&mut self.planned.snapshot_mut().buckets.gap, gap);
        for listing in self.stack_region().listing_gaps_mut() {
            add_gap(listing, gap);
        }
        self.obscure_network(gap);
    }

    /// Marks the network listings as incomplete.
    pub(super) fn obscure_network(&mut self, gap: &Gap) {
        let network = &mut self.stack_region().network;
        for listing in [
            &mut network.interfaces.gap,
            &mut network.route_tables.gap,
            &mut network.endpoints.gap,
        ] {
            add_gap(listing, gap);
        }
    }

    /// Returns the snapshot and the notes for the reader.
    pub(super) fn finish_snapshot(mut self) -> (crate::model::Snapshot, Vec<String>) {
        let region = self.region.clone();
        for (name, outside) in self.outside.take() {
            match outside {
                Outside::Key => {
                    let gap = || {
                        unplanned(format!(
                            "the template does not contain {name}; scan the account that owns it"
                        ))
                    };
                    let key = Key {
                        metadata: Observed::Unknown(gap()),
                        policy: Observed::Unknown(gap()),
                    };
                    self.planned.add_key(name, key);
                }
                Outside::Name(key) => {
                    self.planned.region_mut(&region).key_names.insert(name, key);
                }
            }
        }
        let notes = self.conditions.iter().map(|(name, (gap, ids))| {
            let shown: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
            let shown: Vec<&str> = shown.into_iter().collect();
            let shown = and_more(shown, MOST_NAMES);
            format!(
                "condition {name} cannot be evaluated ({}); {shown} are reported as if created",
                gap,
            )
        });
        let notes = notes.collect();
        (self.planned.finish(), notes)
    }
}

/// Reads a key that must be the same for every value that this may be.
///
/// # Errors
/// Why it is not known which key it is, with the keys if it is one of several.
fn agree_on_key(
    value: &Resolved,
    read: impl Fn(&Resolved) -> Result<Option<String>, Gap>,
) -> Result<Option<String>, Gap> {
    value.agree(&read).map_err(|mut gap| {
        if let Resolved::OneOf(_, candidates) = value {
            let keys = candidates.iter().map(|it| read(it).ok().flatten());
            gap.keys = keys.collect::<Option<Vec<_>>>().unwrap_or_default();
        }
        gap
    })
}

/// Whether a property names a key, if only one of several.
pub(super) fn is_key_named(key: &Result<Option<String>, Gap>) -> bool {
    match key {
        Ok(key) => key.is_some(),
        Err(gap) => !gap.keys.is_empty(),
    }
}

/// The most logical ids that a note names.
const MOST_NAMES: usize = 5;

pub(super) const VAULT: &str = "AWS::Backup::BackupVault";
pub(super) const AIR_GAPPED_VAULT: &str = "AWS::Backup::LogicallyAirGappedBackupVault";
pub(super) const KEY: &str = "AWS::KMS::Key";
pub(super) const REPLICA_KEY: &str = "AWS::KMS::ReplicaKey";
const ALIAS: &str = "AWS::KMS::Alias";

/// Adds the property's name to the gap of a fact that could not be read.
pub(super) fn locate_gap<T>(property: &str, fact: Result<T, Gap>) -> Result<T, Gap> {
    fact.map_err(|gap| match gap.kind {
        GapKind::Unreadable => Gap::new(gap.kind, format!("{property}: {}", gap.message)),
        _ => gap,
    })
}

/// Returns a number that nothing replaces where it is absent.
pub(super) fn known_number(properties: &Resolved, name: &str) -> Observed<i64> {
    let given = locate_gap(name, properties.get(name).as_integer());
    let missing = || unplanned(format!("the template has no {name}"));
    given.and_then(|it| it.ok_or_else(missing)).into()
}

/// Returns a capacity in GiB.
pub(super) fn size_in_gib(properties: &Resolved, name: &str) -> Observed<Size> {
    Size::provisioned_gib(known_number(properties, name))
}

/// Keeps a fact that is the same in two cases; otherwise makes it unknown, as it is not known which case
/// applies.
pub(super) fn require_agreement<T: PartialEq>(
    one: &mut Observed<T>,
    other: &Observed<T>,
    gap: &Gap,
) {
    if one != other {
        *one = Observed::Unknown(gap.clone());
    }
}

/// Returns a fact that is known only after the resource is created.
pub(super) fn not_yet<T>() -> Observed<T> {
    Observed::Unknown(after_apply("it does not exist yet"))
}
