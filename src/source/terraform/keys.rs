//! KMS keys: those of the plan, with their policies, and those that it names.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::arn::Arn;
use crate::model::kms::{Key, KeyMetadata};
use crate::model::{Gap, Observed};
use crate::source::planned::{Planned, after_apply, key_arn, unplanned};

use super::document::{Item, data};
use super::place::partition;
use super::policy;
use super::reader::{Link, Reader, because};
use super::view::{Fact, View};

/// The types of keys.
pub(super) const KEYS: [&str; 4] = [
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
];

/// What leads to a key.
const LEADING: [&str; 7] = [
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
    "aws_kms_alias",
    "data.aws_kms_key",
    "data.aws_kms_alias",
];

/// How many aliases and data sources may lie between a name and its key.
const FARTHEST: usize = 8;

/// The keys of the plan.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The ARN, or what stands for one, by address.
    arns: BTreeMap<String, String>,
    /// The ARNs of a key's id: one of a multi-Region key is that of its replicas too.
    ids: BTreeMap<String, Vec<String>>,
}

/// Which key an attribute names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyName {
    /// This one: an ARN, what stands for one, an id or an alias.
    Is(String),
    /// None is set: the service's default holds.
    Unset,
    /// It is not known.
    Open(Gap),
}

impl Keys {
    /// Finds the keys of a document.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let mut keys = Keys::default();
        for kind in KEYS {
            for item in reader.document.of(kind) {
                let view = item.view();
                let arn = match view.text("arn") {
                    Fact::Known(arn) if Arn::parse(arn).is_some() => arn.to_owned(),
                    _ => {
                        let region = reader.places.region(item);
                        let account = reader.places.account_of(item);
                        key_arn(partition(&region), &region, account, item.address)
                    }
                };
                if let Fact::Known(id) = view.text("key_id") {
                    let arns = keys.ids.entry(id.to_owned()).or_default();
                    arns.push(arn.clone());
                }
                keys.arns.insert(item.address.to_owned(), arn);
            }
        }
        keys
    }

    /// What stands for the ARN of a key of the plan.
    pub(super) fn arn(&self, item: &Item<'_>) -> Option<&str> {
        self.arns.get(item.address).map(String::as_str)
    }
}

impl<'a> Reader<'a> {
    /// The key that an attribute names. What the plan says of the key, or that it does not, is added to
    /// the snapshot.
    pub(super) fn key(&self, view: &View<'a>, name: &str, planned: &mut Planned) -> KeyName {
        let found = self.key_of(view, name, 0);
        if let KeyName::Is(name) = &found {
            self.mention(view, name, planned);
        }
        found
    }

    /// The key that an attribute names, with what holds where it names none.
    pub(super) fn key_or(
        &self,
        view: &View<'a>,
        name: &str,
        planned: &mut Planned,
        default: impl FnOnce() -> Result<Option<String>, Gap>,
    ) -> Observed<Option<String>> {
        match self.key(view, name, planned) {
            KeyName::Is(key) => Observed::Known(Some(key)),
            KeyName::Unset => default().into(),
            KeyName::Open(gap) => Observed::Unknown(gap),
        }
    }

    fn key_of(&self, view: &View<'a>, name: &str, depth: usize) -> KeyName {
        if depth > FARTHEST {
            return KeyName::Open(view.later(name));
        }
        match self.link(view, name, &LEADING) {
            Link::Named(text) => self.by_name(view, text, depth),
            Link::Nothing => KeyName::Unset,
            Link::Open(gap) => KeyName::Open(gap),
            Link::To(item) => self.through(item, depth).unwrap_or_else(|| {
                let why = format!("{} leads to no key", item.address);
                KeyName::Open(because(view.later(name), &why))
            }),
        }
    }

    /// The key behind a key, an alias or a data source.
    fn through(&self, item: &'a Item<'a>, depth: usize) -> Option<KeyName> {
        if let Some(arn) = self.keys.arn(item).filter(|_| !item.is_data) {
            return Some(KeyName::Is(arn.to_owned()));
        }
        let view = item.view();
        let next = match (item.kind, item.is_data) {
            ("aws_kms_alias", false) => "target_key_id",
            ("aws_kms_alias", true) => "name",
            ("aws_kms_key", true) => "key_id",
            _ => return None,
        };
        Some(self.key_of(&view, next, depth + 1)).filter(|it| *it != KeyName::Unset)
    }

    /// The key of a name that is known.
    fn by_name(&self, view: &View<'a>, name: &str, depth: usize) -> KeyName {
        let alias = Arn::parse(name).map_or(name, |arn| arn.resource);
        if alias.starts_with("alias/") && !alias.starts_with("alias/aws/") {
            let here = self.places.known_region(view.item);
            let mut aliases = self.document.of("aws_kms_alias");
            let found = aliases.find(|it| {
                it.view().text("name").known() == Some(alias)
                    && self.places.known_region(it) == here
            });
            if let Some(key) = found.and_then(|it| self.through(it, depth)) {
                return key;
            }
            let mut looked_up = self.document.of(data("aws_kms_alias"));
            let target = looked_up.find_map(|it| {
                let view = it.view();
                (view.text("name").known() == Some(alias) && self.places.known_region(it) == here)
                    .then(|| view.text("target_key_arn").known())?
            });
            if let Some(target) = target {
                return KeyName::Is(target.to_owned());
            }
        }
        let here = self.places.region(view.item);
        let mut by_id = self.keys.ids.get(name).into_iter().flatten();
        let arn = by_id.find(|arn| Arn::parse(arn).is_some_and(|arn| arn.region == here));
        KeyName::Is(arn.map_or(name, String::as_str).to_owned())
    }

    /// Adds what the plan does not say of a key that it names.
    fn mention(&self, view: &View<'a>, name: &str, planned: &mut Planned) {
        let outside = || unplanned(format!("{name} is not in the plan, which only names it"));
        match Arn::parse(name) {
            Some(arn) if arn.service == "kms" && arn.resource.starts_with("key/") => {
                let keys = &mut planned.snapshot().keys;
                keys.entry(name.to_owned()).or_insert_with(|| Key {
                    metadata: Observed::Unknown(outside()),
                    policy: Observed::Unknown(outside()),
                });
            }
            _ => {
                let region = self.places.region(view.item);
                let names = &mut planned.region(&region).key_names;
                names
                    .entry(name.to_owned())
                    .or_insert_with(|| Observed::Unknown(outside()));
            }
        }
    }
}

/// Reads the keys of the plan, and what data sources say of others.
pub(super) fn read(reader: &Reader<'_>, planned: &mut Planned) {
    let by = ["key_id", "arn", "id"];
    let policies = reader.satellites("aws_kms_key_policy", "key_id", &KEYS, &by);
    for kind in KEYS {
        for item in reader.document.of(kind) {
            let Some(arn) = reader.keys.arn(item) else {
                continue;
            };
            let policy = match policies.of(item) {
                Ok([]) => own_policy(reader, item),
                Ok([beside, ..]) => policy::text(reader, &beside.view(), "policy")
                    .and_then(|it| it.ok_or_else(|| beside.view().later("policy"))),
                // Such a policy takes the place of the key's own.
                Err(gap) => Err(gap),
            };
            let key = Key {
                metadata: metadata(reader, item).map(Some).into(),
                policy: policy.into(),
            };
            planned.key(arn, key);
        }
    }
    for item in reader.document.of(data("aws_kms_key")) {
        let view = item.view();
        let Some(arn) = view.text("arn").known() else {
            continue;
        };
        let outside = || unplanned(format!("the plan does not hold the policy of {arn}"));
        let key = Key {
            metadata: Observed::from(looked_up(&view).map(Some)),
            policy: Observed::Unknown(outside()),
        };
        planned.snapshot().keys.entry(arn.to_owned()).or_insert(key);
    }
    for item in reader.document.of(data("aws_kms_alias")) {
        let view = item.view();
        let (name, arn) = (
            view.text("name").known(),
            view.text("target_key_arn").known(),
        );
        // AWS reserves these names for the keys that it manages.
        if let (Some(arn), true) = (arn, name.is_some_and(|it| it.starts_with("alias/aws/"))) {
            let key = Key {
                metadata: Observed::Known(Some(KeyMetadata {
                    manager: "AWS".to_owned(),
                    state: "Enabled".to_owned(),
                    spec: "SYMMETRIC_DEFAULT".to_owned(),
                    usage: "ENCRYPT_DECRYPT".to_owned(),
                    origin: "AWS_KMS".to_owned(),
                    multi_region: false,
                })),
                policy: Observed::Unknown(unplanned(format!(
                    "the plan does not hold the policy of {arn}"
                ))),
            };
            planned.snapshot().keys.entry(arn.to_owned()).or_insert(key);
        }
    }
}

/// What the key's own attributes say of its policy.
///
/// Without one, KMS gives it a policy that lets the account's root in and nobody else:
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>. Where the account is
/// not known, no other is let in all the same.
fn own_policy(reader: &Reader<'_>, item: &Item<'_>) -> Result<String, Gap> {
    let view = item.view();
    if item.exists
        && view.is_set("policy") != Some(true)
        && reader.document.gone.contains("aws_kms_key_policy")
    {
        // It goes back to the default with the resource that set it.
        return Err(view.later("policy"));
    }
    if let Some(text) = policy::text(reader, &view, "policy")? {
        return Ok(text);
    }
    if item.exists {
        return Err(unplanned(format!(
            "the plan does not hold the policy of {}",
            item.address
        )));
    }
    let partition = partition(&reader.places.region(item));
    let account = reader.places.account_of(item).unwrap_or_default();
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    Ok(policy.to_string())
}

/// What a key will be.
///
/// Defaults: <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>.
fn metadata(reader: &Reader<'_>, item: &Item<'_>) -> Result<KeyMetadata, Gap> {
    let view = item.view();
    let text = |name: &str, default: &str| -> Result<String, Gap> {
        Ok(view.text(name).set()?.unwrap_or(default).to_owned())
    };
    let (spec, usage) = ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    let enabled = |name: &str| -> Result<String, Gap> {
        let on = view.flag(name).set()?.unwrap_or(true);
        Ok(if on { "Enabled" } else { "Disabled" }.to_owned())
    };
    let metadata = |state, spec, usage, origin: &str, multi_region| KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state,
        spec,
        usage,
        origin: origin.to_owned(),
        multi_region,
    };
    Ok(match item.kind {
        "aws_kms_external_key" | "aws_kms_replica_external_key" => {
            // Key material makes it usable; its provider imports it with the key.
            let material = !matches!(view.fact("key_material_base64"), Fact::Unset);
            let state = match view.text("key_state") {
                Fact::Known(state) if item.exists => state.to_owned(),
                _ if material => enabled("enabled")?,
                _ => "PendingImport".to_owned(),
            };
            let is_replica = item.kind == "aws_kms_replica_external_key";
            let multi_region = is_replica || view.flag("multi_region").set()?.unwrap_or(false);
            metadata(
                state,
                text("key_spec", spec)?,
                text("key_usage", usage)?,
                "EXTERNAL",
                multi_region,
            )
        }
        "aws_kms_replica_key" => {
            let primary = reader.linked(&view, "primary_key_arn", &["aws_kms_key"], &["arn"])?;
            let of = |name: &str, at_primary: &str| -> Result<String, Gap> {
                if let Fact::Known(told) = view.text(name) {
                    return Ok(told.to_owned());
                }
                let primary = primary.ok_or_else(|| {
                    unplanned(format!(
                        "the plan does not hold the primary key of {}",
                        item.address
                    ))
                })?;
                let told = primary.view().text(at_primary).set()?;
                let default = if name == "key_spec" { spec } else { usage };
                Ok(told.unwrap_or(default).to_owned())
            };
            metadata(
                enabled("enabled")?,
                of("key_spec", "customer_master_key_spec")?,
                of("key_usage", "key_usage")?,
                "AWS_KMS",
                true,
            )
        }
        _ => {
            let outside = view.text("xks_key_id").set()?.is_some();
            let own_store = view.text("custom_key_store_id").set()?.is_some();
            let origin = match (outside, own_store) {
                (true, _) => "EXTERNAL_KEY_STORE",
                (false, true) => "AWS_CLOUDHSM",
                (false, false) => "AWS_KMS",
            };
            metadata(
                enabled("is_enabled")?,
                text("customer_master_key_spec", spec)?,
                text("key_usage", usage)?,
                origin,
                view.flag("multi_region").set()?.unwrap_or(false),
            )
        }
    })
}

/// What a data source says of a key.
fn looked_up(view: &View<'_>) -> Result<KeyMetadata, Gap> {
    let text = |name: &str| -> Result<String, Gap> {
        let told = view.text(name).chosen()?;
        let missing = || after_apply(format!("{name} of {} is not known", view.item.address));
        Ok(told.ok_or_else(missing)?.to_owned())
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
        multi_region: view.flag("multi_region").chosen()?.unwrap_or(false),
    })
}
