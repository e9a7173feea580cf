//! KMS keys: those in the plan, with their policies, and those that the plan only names.

use std::collections::HashSet;

use crate::model::arn::{Arn, partition_of};
use crate::model::encryption::is_aws_alias;
use crate::model::kms::{Key, KeyMetadata};
use crate::model::{Gap, Observed};
use crate::source::defaults;
use crate::source::planned::{Planned, after_apply, key_arn, unplanned};
use crate::text::and_more;

use super::item::{Item, KEYS, data_type};
use super::policy;
use super::reader::{Link, Reader, Satellites, agree, explain_gap, not_in_plan};
use super::view::{Fact, View};

/// Resource types through which a reference leads to a key.
const LEADING: [&str; 7] = [
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
    "aws_kms_alias",
    "data.aws_kms_key",
    "data.aws_kms_alias",
];

/// Type of the resources that set the policy of a key.
const POLICY: &str = "aws_kms_key_policy";

/// Most keys that the name of a joint key contains.
const MOST_NAMES: usize = 4;

/// Most aliases and data sources between a name and its key.
const MAX_HOPS: usize = 8;

/// The key that an attribute names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyName {
    /// An ARN, a placeholder ARN, an id or an alias.
    Is(String),
    /// No key, so the service uses its default.
    Unset,
    /// An unknown key.
    Open(Gap),
}

/// The key that an attribute may name.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Is(String),
    /// One of several, and the gap that says so.
    OneOf(Vec<String>, Gap),
    Unset,
    Open(Gap),
}

impl<'a> Reader<'a> {
    /// Returns the key that an attribute names. A key that is not in the plan is added to the snapshot as
    /// unknown.
    pub(super) fn read_key(&self, view: &View<'a>, name: &str, planned: &mut Planned) -> KeyName {
        match self.key_of(view, name, 0) {
            Found::Is(name) => {
                self.add_unread_key(view, &name, planned);
                KeyName::Is(name)
            }
            Found::OneOf(arns, gap) => {
                for arn in &arns {
                    self.add_unread_key(view, arn, planned);
                }
                match add_joint_key(&arns, planned) {
                    Some(arn) => KeyName::Is(arn),
                    None => KeyName::Open(gap),
                }
            }
            Found::Unset => KeyName::Unset,
            Found::Open(gap) => KeyName::Open(gap),
        }
    }

    /// Returns the key that an attribute names, or the default if it names none.
    pub(super) fn key_or_else(
        &self,
        view: &View<'a>,
        name: &str,
        planned: &mut Planned,
        default: impl FnOnce() -> Result<Option<String>, Gap>,
    ) -> Observed<Option<String>> {
        match self.read_key(view, name, planned) {
            KeyName::Is(key) => Observed::Known(Some(key)),
            KeyName::Unset => default().into(),
            KeyName::Open(gap) => Observed::Unknown(gap),
        }
    }

    fn key_of(&self, view: &View<'a>, name: &str, depth: usize) -> Found {
        if depth > MAX_HOPS {
            return Found::Open(view.known_after_apply(name));
        }
        match self.resolve_link(view, name, &LEADING) {
            Link::Named(text) => self.key_by_name(view, text, depth),
            Link::Nothing => Found::Unset,
            Link::Open(gap) => Found::Open(gap),
            Link::OneOf(items, gap) => {
                let mut arns = Vec::new();
                let mut known = HashSet::new();
                for item in items {
                    match self.follow_key(item, depth) {
                        Some(Found::Is(arn)) => {
                            if known.insert(arn.clone()) {
                                arns.push(arn);
                            }
                        }
                        _ => return Found::Open(gap),
                    }
                }
                match arns.len() {
                    1 => arns.pop().map_or(Found::Open(gap), Found::Is),
                    _ => Found::OneOf(arns, gap),
                }
            }
            Link::To(item) => self.follow_key(item, depth).unwrap_or_else(|| {
                let why = format!("{} does not lead to a key", item.address);
                Found::Open(explain_gap(view.known_after_apply(name), &why))
            }),
        }
    }

    /// Returns the key behind a key, an alias or a data source; `None` if there is none.
    fn follow_key(&self, item: &'a Item<'a>, depth: usize) -> Option<Found> {
        if let Some(arn) = self.keys.arn_of(item).filter(|_| !item.is_data) {
            return Some(Found::Is(arn.to_owned()));
        }
        let view = item.view();
        let next = match (item.kind, item.is_data) {
            ("aws_kms_alias", false) => "target_key_id",
            ("aws_kms_alias", true) => "name",
            ("aws_kms_key", true) => "key_id",
            _ => return None,
        };
        Some(self.key_of(&view, next, depth + 1)).filter(|it| *it != Found::Unset)
    }

    /// Returns the key with a known name.
    fn key_by_name(&self, view: &View<'a>, name: &str, depth: usize) -> Found {
        let alias = Arn::parse(name).map_or(name, |arn| arn.resource);
        if alias.starts_with("alias/") && !is_aws_alias(alias) {
            let here = self.places.known_region(view.item);
            let mut aliases = self.document.items_of("aws_kms_alias");
            let found = aliases.find(|it| {
                it.view().text("name").known() == Some(alias)
                    && self.places.known_region(it) == here
            });
            if let Some(key) = found.and_then(|it| self.follow_key(it, depth)) {
                return key;
            }
            let mut looked_up = self.document.items_of(data_type("aws_kms_alias"));
            let target = looked_up.find_map(|it| {
                let view = it.view();
                (view.text("name").known() == Some(alias) && self.places.known_region(it) == here)
                    .then(|| view.text("target_key_arn").known())?
            });
            if let Some(target) = target {
                return Found::Is(target.to_owned());
            }
        }
        let here = self.places.region_of(view.item);
        let arn = self.keys.arn_by_id(name, &here).unwrap_or(name);
        Found::Is(arn.to_owned())
    }

    /// Adds a key that the plan names but does not contain.
    fn add_unread_key(&self, view: &View<'a>, name: &str, planned: &mut Planned) {
        let outside = || {
            unplanned(format!(
                "{name} is not in the plan, which only refers to it"
            ))
        };
        match Arn::parse(name) {
            Some(arn) if arn.service == "kms" && arn.resource.starts_with("key/") => {
                let keys = &mut planned.snapshot_mut().keys;
                keys.entry(name.to_owned()).or_insert_with(|| Key {
                    metadata: Observed::Unknown(outside()),
                    policy: Observed::Unknown(outside()),
                });
            }
            _ => {
                let region = self.places.region_of(view.item);
                let names = &mut planned.region_mut(&region).key_names;
                names
                    .entry(name.to_owned())
                    .or_insert_with(|| Observed::Unknown(outside()));
            }
        }
    }
}

/// Adds a key for several keys, one of which is used: what they have in common is known.
///
/// Returns its placeholder ARN; `None` if the keys are not all in one account and region.
fn add_joint_key(arns: &[String], planned: &mut Planned) -> Option<String> {
    let parsed: Option<Vec<Arn<'_>>> = arns.iter().map(|arn| Arn::parse(arn)).collect();
    let parsed = parsed?;
    let first = parsed.first()?;
    let is_key = |it: &Arn<'_>| it.service == "kms" && it.resource.starts_with("key/");
    let is_near = |it: &Arn<'_>| (it.region, it.account) == (first.region, first.account);
    if !parsed.iter().all(|it| is_key(it) && is_near(it)) {
        return None;
    }
    let names = and_more(parsed.iter().map(Arn::resource_id), MOST_NAMES);
    // Several resources may use the joint key, so the reason names none of them.
    let gap = after_apply(match parsed.as_slice() {
        [one, other] => format!(
            "the key is known only after apply: it may be {} or {}",
            one.resource_id(),
            other.resource_id()
        ),
        _ => format!("the key is known only after apply: it may be {names}"),
    });
    let account = Some(first.account).filter(|it| !it.is_empty());
    let joint = key_arn(first.partition, first.region, account, &names);
    let keys = &mut planned.snapshot_mut().keys;
    let members: Option<Vec<&Key>> = arns.iter().map(|arn| keys.get(arn)).collect();
    let members = members?;
    // What is not known of one of them is not known of the one that is used.
    let explain = |mut open: Gap| {
        open.message = format!("{}: {}", gap.message, open.message);
        open
    };
    let metadata = members.iter().map(|it| it.metadata.get().map_err(explain));
    let policy = members.iter().map(|it| it.policy.get().map_err(explain));
    let common = Key {
        metadata: agree(metadata.collect(), gap.clone()).cloned().into(),
        policy: agree(policy.collect(), gap.clone()).cloned().into(),
    };
    keys.insert(joint.clone(), common);
    Some(joint)
}

/// Reads the keys of the plan, and the keys that its data sources describe.
pub(super) fn read_keys(reader: &Reader<'_>, planned: &mut Planned) {
    let by = ["key_id", "arn", "id"];
    let policies = reader.find_satellites(POLICY, "key_id", &KEYS, &by);
    for kind in KEYS {
        for item in reader.document.items_of(kind) {
            let Some(arn) = reader.keys.arn_of(item) else {
                continue;
            };
            // A policy resource replaces the policy of the key itself.
            let policy = policies.settle(item, |satellite| match satellite {
                None => key_policy(reader, item, &policies),
                Some(satellite) => {
                    let view = satellite.view();
                    let text = policy::policy_text(reader, &view, "policy")?;
                    text.ok_or_else(|| view.known_after_apply("policy"))
                }
            });
            let key = Key {
                metadata: key_metadata(reader, item).map(Some).into(),
                policy: policy.into(),
            };
            planned.add_key(arn, key);
        }
    }
    for item in reader.document.items_of(data_type("aws_kms_key")) {
        let view = item.view();
        if let Some(arn) = view.text("arn").known() {
            let metadata = data_source_metadata(&view).map(Some);
            add_described_key(arn, metadata.into(), planned);
        }
    }
    for item in reader.document.items_of(data_type("aws_kms_alias")) {
        let view = item.view();
        let name = view.text("name").known();
        let arn = view.text("target_key_arn").known();
        if let (Some(arn), true) = (arn, name.is_some_and(is_aws_alias)) {
            add_described_key(arn, Observed::Known(Some(aws_managed_metadata())), planned);
        }
    }
    read_outside_keys(reader, &by, planned);
}

/// Reads what the plan does to keys that it does not contain: it sets their policy, or destroys them.
fn read_outside_keys(reader: &Reader<'_>, by: &[&str], planned: &mut Planned) {
    for item in reader.document.items_of(POLICY) {
        let view = item.view();
        let owners = reader.linked_items(&view, "key_id", &KEYS, by);
        let is_outside = owners.is_ok_and(|it| it.is_empty());
        let Some(name) = view.text("key_id").known().filter(|_| is_outside) else {
            continue;
        };
        let policy = policy::policy_text(reader, &view, "policy");
        let policy = policy.and_then(|it| it.ok_or_else(|| view.known_after_apply("policy")));
        let region = reader.places.region_of(item);
        outside_key(reader, name, &region, planned).policy = policy.into();
    }
    let gone = |kind: &str| reader.document.gone.get(kind).into_iter().flatten();
    for before in gone(POLICY) {
        let Some(name) = before["key_id"].as_str() else {
            continue;
        };
        let mut own = KEYS.into_iter();
        if own.any(|kind| reader.document.items_named(kind, name, by).next().is_some()) {
            continue;
        }
        for region in reader.places.regions_before(before) {
            let policy = defaults::key_policy(partition_of(&region), reader.account_id());
            outside_key(reader, name, &region, planned).policy = Observed::Known(policy);
        }
    }
    for before in KEYS.into_iter().flat_map(gone) {
        if let Some(arn) = before["arn"].as_str() {
            let text =
                |name: &str, default: &str| before[name].as_str().unwrap_or(default).to_owned();
            let metadata = KeyMetadata {
                manager: "CUSTOMER".to_owned(),
                // The provider schedules the deletion of a key that it destroys.
                state: "PendingDeletion".to_owned(),
                spec: text("customer_master_key_spec", defaults::KMS_SPEC),
                usage: text("key_usage", defaults::KMS_USAGE),
                origin: defaults::KMS_ORIGIN.to_owned(),
                multi_region: before["multi_region"] == true,
            };
            outside_key(reader, arn, "", planned).metadata = Observed::Known(Some(metadata));
        }
    }
    for before in gone("aws_kms_alias") {
        let Some(name) = before["name"].as_str() else {
            continue;
        };
        for region in reader.places.regions_before(before) {
            let gap = after_apply(format!("the plan destroys the alias {name}"));
            let names = &mut planned.region_mut(&region).key_names;
            names.insert(name.to_owned(), Observed::Unknown(gap));
        }
    }
}

/// Returns a key of the account by its ARN or its id.
fn outside_key<'p>(
    reader: &Reader<'_>,
    name: &str,
    region: &str,
    planned: &'p mut Planned,
) -> &'p mut Key {
    let arn = match Arn::parse(name) {
        Some(_) => name.to_owned(),
        None => reader.build_arn("kms", region, &format!("key/{name}")),
    };
    let outside = || unplanned(format!("{arn} is not in the plan, which only refers to it"));
    let keys = &mut planned.snapshot_mut().keys;
    keys.entry(arn.clone()).or_insert_with(|| Key {
        metadata: Observed::Unknown(outside()),
        policy: Observed::Unknown(outside()),
    })
}

/// Adds a key that only a data source describes, unless the snapshot has it already.
fn add_described_key(arn: &str, metadata: Observed<Option<KeyMetadata>>, planned: &mut Planned) {
    let gap = unplanned(format!("the plan does not contain the policy of {arn}"));
    let keys = &mut planned.snapshot_mut().keys;
    keys.entry(arn.to_owned()).or_insert(Key {
        metadata,
        policy: Observed::Unknown(gap),
    });
}

/// Returns what every AWS managed key is.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-key>.
fn aws_managed_metadata() -> KeyMetadata {
    KeyMetadata {
        manager: "AWS".to_owned(),
        state: "Enabled".to_owned(),
        spec: defaults::KMS_SPEC.to_owned(),
        usage: defaults::KMS_USAGE.to_owned(),
        origin: defaults::KMS_ORIGIN.to_owned(),
        multi_region: false,
    }
}

/// Returns the policy of a key by its own attributes.
fn key_policy(
    reader: &Reader<'_>,
    item: &Item<'_>,
    policies: &Satellites<'_>,
) -> Result<String, Gap> {
    let view = item.view();
    let is_left = view.is_set("policy") != Some(true);
    // A key has the default policy again when the resource that set its policy is destroyed:
    // https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/kms_key_policy
    let is_reset = is_left && policies.is_destroyed(item);
    if is_left && !is_reset && policies.may_be_destroyed(item) {
        return Err(view.known_after_apply("policy"));
    }
    if !is_reset {
        if let Some(text) = policy::policy_text(reader, &view, "policy")? {
            return Ok(text);
        }
        if item.exists {
            return Err(not_in_plan(&view, "the policy"));
        }
    }
    let partition = partition_of(&reader.places.region_of(item));
    let account = reader.places.account_of(item).unwrap_or_default();
    Ok(defaults::key_policy(partition, account))
}

/// Returns what a key of the plan will be once the plan is applied.
fn key_metadata(reader: &Reader<'_>, item: &Item<'_>) -> Result<KeyMetadata, Gap> {
    match item.kind {
        "aws_kms_external_key" | "aws_kms_replica_external_key" => external_key_metadata(item),
        "aws_kms_replica_key" => replica_key_metadata(reader, item),
        _ => plain_key_metadata(item),
    }
}

/// Returns a text attribute of a key, or its default.
fn text_or(view: &View<'_>, name: &str, default: &str) -> Result<String, Gap> {
    Ok(view.text(name).set_value()?.unwrap_or(default).to_owned())
}

/// Returns the state that a key has by the attribute that enables it.
fn enabled_state(view: &View<'_>, name: &str) -> Result<String, Gap> {
    let enabled = view.flag(name).set_value()?;
    let state = match enabled.unwrap_or(defaults::KMS_ENABLED) {
        true => "Enabled",
        false => "Disabled",
    };
    Ok(state.to_owned())
}

fn plain_key_metadata(item: &Item<'_>) -> Result<KeyMetadata, Gap> {
    let view = item.view();
    let has_external_store = view.text("xks_key_id").set_value()?.is_some();
    let has_custom_store = view.text("custom_key_store_id").set_value()?.is_some();
    let origin = match (has_external_store, has_custom_store) {
        (true, _) => "EXTERNAL_KEY_STORE",
        (false, true) => "AWS_CLOUDHSM",
        (false, false) => defaults::KMS_ORIGIN,
    };
    let multi_region = view.flag("multi_region").set_value()?;
    Ok(KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state: enabled_state(&view, "is_enabled")?,
        spec: text_or(&view, "customer_master_key_spec", defaults::KMS_SPEC)?,
        usage: text_or(&view, "key_usage", defaults::KMS_USAGE)?,
        origin: origin.to_owned(),
        multi_region: multi_region.unwrap_or(defaults::KMS_MULTI_REGION),
    })
}

fn external_key_metadata(item: &Item<'_>) -> Result<KeyMetadata, Gap> {
    let view = item.view();
    // The provider imports key material together with the key.
    let has_material = !matches!(view.fact("key_material_base64"), Fact::Unset);
    let state = match view.text("key_state") {
        Fact::Known(state) if item.exists => state.to_owned(),
        _ if has_material => enabled_state(&view, "enabled")?,
        _ => "PendingImport".to_owned(),
    };
    let is_replica = item.kind == "aws_kms_replica_external_key";
    let multi_region = is_replica
        || view
            .flag("multi_region")
            .set_value()?
            .unwrap_or(defaults::KMS_MULTI_REGION);
    Ok(KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state,
        spec: text_or(&view, "key_spec", defaults::KMS_SPEC)?,
        usage: text_or(&view, "key_usage", defaults::KMS_USAGE)?,
        origin: "EXTERNAL".to_owned(),
        multi_region,
    })
}

/// A replica key has the specification and the usage of its primary key.
fn replica_key_metadata(reader: &Reader<'_>, item: &Item<'_>) -> Result<KeyMetadata, Gap> {
    let view = item.view();
    let kinds = ["aws_kms_key", "data.aws_kms_key"];
    let primary = reader.linked_item(&view, "primary_key_arn", &kinds, &["arn"])?;
    let of_account = || {
        let account = reader
            .around
            .account
            .filter(|_| reader.around.has_lookups());
        let key = account?.keys.get(view.text("primary_key_arn").known()?)?;
        key.metadata.known()?.as_ref()
    };
    let inherit = |name: &str, at_primary: &str, default: &str| -> Result<String, Gap> {
        if let Fact::Known(shown) = view.text(name) {
            return Ok(shown.to_owned());
        }
        if let Some(primary) = primary {
            return text_or(&primary.view(), at_primary, default);
        }
        // What the plan and the account do not show stays empty.
        let shown = of_account().map(|it| match name {
            "key_usage" => it.usage.clone(),
            _ => it.spec.clone(),
        });
        Ok(shown.unwrap_or_default())
    };
    Ok(KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state: enabled_state(&view, "enabled")?,
        spec: inherit("key_spec", "customer_master_key_spec", defaults::KMS_SPEC)?,
        usage: inherit("key_usage", "key_usage", defaults::KMS_USAGE)?,
        origin: defaults::KMS_ORIGIN.to_owned(),
        multi_region: true,
    })
}

/// Returns the metadata of a key that a data source looked up.
fn data_source_metadata(view: &View<'_>) -> Result<KeyMetadata, Gap> {
    let text = |name: &str| -> Result<String, Gap> {
        let shown = view.text(name).final_value()?;
        let missing = || after_apply(format!("{name} of {} is not known", view.item.address));
        Ok(shown.ok_or_else(missing)?.to_owned())
    };
    let spec = view.text("customer_master_key_spec").known();
    Ok(KeyMetadata {
        manager: text("key_manager")?,
        state: text("key_state")?,
        spec: match spec {
            Some(spec) => spec.to_owned(),
            None => text("key_spec")?,
        },
        usage: text("key_usage")?,
        origin: text("origin")?,
        multi_region: view.flag("multi_region").final_value()?.unwrap_or(false),
    })
}
