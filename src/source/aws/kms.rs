//! KMS keys: each key that a resource uses, read once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_kms::types::KeyMetadata as SdkKeyMetadata;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::model::Resource;
use crate::model::arn::Arn;
use crate::model::encryption::is_aws_alias;
use crate::model::kms::{Key, KeyAlias, KeyMetadata};
use crate::model::observed::{Gap, Listing, Observed};
use crate::model::s3::Bucket;
use crate::model::snapshot::Region;

use super::call::ServiceCalls;
use super::key_requests::KeyRequest;
use super::operation::{LIST_ALIASES, Operation, ResponseText};
use super::reader::{AccountReader, RegionReader};
use super::session::Session;

const DESCRIBE_KEY: Operation = Operation::new("kms:DescribeKey");
const GET_KEY_POLICY: Operation = Operation::new("kms:GetKeyPolicy");

/// API operations used to read keys.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_KEY, GET_KEY_POLICY];

/// API operations used to read aliases.
pub const ALIAS_OPERATIONS: &[Operation] = &[LIST_ALIASES];

/// The largest page of aliases: <https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html>.
const ALIAS_PAGE: i32 = 100;

/// The name of every key policy: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>.
const POLICY_NAME: &str = "default";

/// What the key name that a service returned refers to.
enum KeyReference {
    /// A key, by its ARN.
    Key(String),
    /// An alias, by its ARN. KMS returns the key.
    Alias(String),
    /// The AWS managed key of a service, which is not read.
    AwsManaged,
}

/// The keys and aliases that resources use.
#[derive(Default)]
struct KeyReferences {
    /// Region, name and reference of each key that a resource uses.
    uses: Vec<(String, String, KeyReference)>,
    /// Regions of aliases by ARN.
    aliases: BTreeMap<String, String>,
    /// Regions of keys by ARN.
    keys: BTreeMap<String, String>,
}

/// Lists the aliases of a region, apart from those of AWS.
pub async fn list_aliases(reader: &RegionReader<'_>) -> Listing<KeyAlias> {
    let calls = reader.begin_service("kms");
    let client = reader.session.clients.kms(reader.region);
    let pages = client
        .list_aliases()
        .limit(ALIAS_PAGE)
        .into_paginator()
        .send();
    let listed = calls
        .list_items(LIST_ALIASES, pages, |page| {
            let aliases = page.aliases?.into_iter().map(|it| {
                let name = it.alias_name.filled()?;
                Some((name, it.target_key_id.filled()))
            });
            Some(aliases.collect())
        })
        .await;
    let own = listed.items.into_iter();
    let own = own.filter(|(name, _)| !is_aws_alias(name));
    // An alias without a key leads to none.
    let own = own.filter_map(|(name, id)| {
        let key = reader.build_arn("kms", &format!("key/{}", id?));
        Some(KeyAlias { name, key })
    });
    Listing {
        items: own.collect(),
        gap: listed.gap,
    }
}

/// The keys that were read while resources were listed.
#[derive(Debug, Default)]
pub struct RequestedKeys {
    /// The calls, by region.
    calls: BTreeMap<String, Arc<ServiceCalls>>,
    /// The keys, by ARN.
    keys: BTreeMap<String, Key>,
}

impl RequestedKeys {
    fn begin_region(&mut self, reader: &AccountReader<'_>, region: &str) -> Arc<ServiceCalls> {
        let calls = self.calls.entry(region.to_owned());
        let calls = calls.or_insert_with(|| Arc::new(reader.caller.begin_service(region, "kms")));
        Arc::clone(calls)
    }
}

/// Reads the keys that lists name, until the requests end. Aliases and keys outside the region of their resource are
/// left to [`read_keys`].
pub async fn read_requested(
    reader: &AccountReader<'_>,
    mut requests: UnboundedReceiver<KeyRequest>,
) -> RequestedKeys {
    let session = reader.session;
    let mut read = RequestedKeys::default();
    let mut requested = BTreeSet::new();
    let mut readings = FuturesUnordered::new();
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(KeyRequest { region, name }) = request else {
                    break;
                };
                let KeyReference::Key(arn) = classify_name(session, &region, &name) else {
                    continue;
                };
                let is_here = Arn::parse(&arn).is_some_and(|it| it.region == region);
                if is_here && is_local(session, &arn) && requested.insert(arn.clone()) {
                    let calls = read.begin_region(reader, &region);
                    readings.push(async move {
                        let key = read_key(session, &calls, &arn, None).await;
                        (arn, key)
                    });
                }
            }
            Some((arn, key)) = readings.next(), if !readings.is_empty() => {
                read.keys.insert(arn, key);
            }
        }
    }
    while let Some((arn, key)) = readings.next().await {
        read.keys.insert(arn, key);
    }
    read
}

/// Whether a key belongs to this account. Keys of other accounts are not read: rules evaluate them by their owner only.
fn is_local(session: &Session, arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|it| it.account == session.account)
}

/// Reads every key that resources use and that was not requested, and records in each region which key each name refers
/// to.
pub async fn read_keys(
    reader: &AccountReader<'_>,
    regions: &mut BTreeMap<String, Region>,
    buckets: &[Bucket],
    mut requested: RequestedKeys,
) -> BTreeMap<String, Key> {
    for name in regions.keys() {
        requested.begin_region(reader, name);
    }
    let RequestedKeys {
        calls,
        keys: mut requested,
    } = requested;
    let session = reader.session;
    let mut keys = BTreeMap::new();
    let mut references = collect_references(session, regions, buckets);
    // Aliases come first: the response includes the metadata of the key, which is then not read again.
    let targets = resolve_aliases(session, &calls, &mut references, &mut keys).await;
    references.keys.retain(|arn, _| is_local(session, arn));
    let read = join_all(references.keys.into_iter().map(|(arn, region)| {
        let known = keys.remove(&arn).map(|key: Key| key.metadata);
        let key = requested.remove(&arn);
        let calls = &calls[&region];
        async move {
            let key = match key {
                Some(key) => key,
                None => read_key(session, calls, &arn, known).await,
            };
            (arn, key)
        }
    }))
    .await;
    keys.extend(read);
    record_names(regions, references.uses, &targets);
    keys
}

fn collect_references(
    session: &Session,
    regions: &BTreeMap<String, Region>,
    buckets: &[Bucket],
) -> KeyReferences {
    let mut references = KeyReferences::default();
    for (region, resources) in regions {
        for name in collect_key_names(region, resources, buckets) {
            let reference = classify_name(session, region, &name);
            let arns = match &reference {
                KeyReference::Key(arn) => Some((&mut references.keys, arn)),
                KeyReference::Alias(arn) => Some((&mut references.aliases, arn)),
                KeyReference::AwsManaged => None,
            };
            if let Some((arns, arn)) = arns {
                arns.entry(arn.clone()).or_insert_with(|| region.clone());
            }
            references.uses.push((region.clone(), name, reference));
        }
    }
    references
}

/// Returns the ARN of the key of each alias. Adds the keys to the references, with their metadata.
async fn resolve_aliases(
    session: &Session,
    calls: &BTreeMap<String, Arc<ServiceCalls>>,
    references: &mut KeyReferences,
    keys: &mut BTreeMap<String, Key>,
) -> BTreeMap<String, Observed<String>> {
    let resolved = join_all(references.aliases.iter().map(|(alias, region)| async {
        let metadata = describe_key(session, &calls[region], alias).await;
        (alias.clone(), region.clone(), metadata)
    }))
    .await;
    let mut targets = BTreeMap::new();
    for (alias, region, metadata) in resolved {
        let target = match metadata {
            Ok(Some((arn, metadata))) => {
                references.keys.entry(arn.clone()).or_insert(region);
                let key = keys.entry(arn.clone()).or_default();
                key.metadata = Observed::Known(Some(metadata));
                Observed::Known(arn)
            }
            // An alias without a key is treated as a key that does not exist.
            Ok(None) => {
                let key = keys.entry(alias.clone()).or_default();
                key.metadata = Observed::Known(None);
                Observed::Known(alias.clone())
            }
            Err(gap) => Observed::Unknown(gap),
        };
        targets.insert(alias, target);
    }
    targets
}

/// Records in each region which key each name refers to, unless the name is the key's ARN.
fn record_names(
    regions: &mut BTreeMap<String, Region>,
    uses: Vec<(String, String, KeyReference)>,
    targets: &BTreeMap<String, Observed<String>>,
) {
    for (region, name, reference) in uses {
        let target = match reference {
            KeyReference::Alias(alias) => targets.get(&alias).cloned().unwrap_or_default(),
            KeyReference::Key(arn) if arn == name => continue,
            KeyReference::Key(arn) => Observed::Known(arn),
            KeyReference::AwsManaged => continue,
        };
        if let Some(region) = regions.get_mut(&region) {
            region.key_names.insert(name, target);
        }
    }
}

/// Returns the key names that the resources of a region use.
fn collect_key_names(name: &str, region: &Region, buckets: &[Bucket]) -> BTreeSet<String> {
    let vaults = region.vaults.items.iter().map(Resource::Vault);
    let resources = region.listed_resources().chain(vaults);
    let keys = resources
        .filter_map(Resource::kms_key)
        .filter_map(|key| key.known()?.as_ref());
    let in_region = |bucket: &&Bucket| bucket.region.known().is_some_and(|it| it == name);
    let of_buckets = buckets
        .iter()
        .filter(in_region)
        .filter_map(|bucket| bucket.encryption.known()?.kms_key.as_ref());
    let volumes = region.images.items.iter().flat_map(|it| &it.volumes);
    let of_images = volumes.filter_map(|it| it.kms_key.known()?.as_ref());
    let exported = region
        .exports
        .items
        .iter()
        .filter_map(|it| it.value.as_ref());
    let exported = exported.filter(|it| {
        let is_key = |arn: Arn<'_>| arn.service == "kms" && arn.region == name;
        Arn::parse(it).is_some_and(is_key)
    });
    let of_aliases = region.key_aliases.items.iter().map(|it| &it.key);
    keys.chain(of_buckets)
        .chain(of_images)
        .chain(exported)
        .chain(of_aliases)
        .chain(region.ebs_defaults.kms_key.known())
        .cloned()
        .collect()
}

fn classify_name(session: &Session, region: &str, name: &str) -> KeyReference {
    let (arn, resource) = match Arn::parse(name) {
        Some(arn) => (name.to_owned(), arn.resource.to_owned()),
        None if name.starts_with("alias/") => {
            (session.build_arn("kms", region, name), name.to_owned())
        }
        None => {
            let resource = format!("key/{name}");
            (session.build_arn("kms", region, &resource), resource)
        }
    };
    if resource.starts_with("alias/aws/") {
        KeyReference::AwsManaged
    } else if resource.starts_with("alias/") {
        KeyReference::Alias(arn)
    } else {
        KeyReference::Key(arn)
    }
}

/// Returns the ARN and the metadata of a key or an alias, or `None` if it does not exist.
async fn describe_key(
    session: &Session,
    calls: &ServiceCalls,
    name: &str,
) -> Result<Option<(String, KeyMetadata)>, Gap> {
    let region = Arn::parse(name).map_or("", |arn| arn.region);
    let call = session
        .clients
        .kms(region)
        .describe_key()
        .key_id(name)
        .send();
    let Some(response) = calls
        .find_optional(DESCRIBE_KEY, &["NotFoundException"], call)
        .await?
    else {
        return Ok(None);
    };
    let metadata = DESCRIBE_KEY.require_field(response.key_metadata, "KeyMetadata");
    let metadata = metadata.get()?;
    let arn = metadata
        .arn
        .clone()
        .filled()
        .unwrap_or_else(|| name.to_owned());
    Ok(Some((arn, metadata_from(metadata)?)))
}

async fn read_key(
    session: &Session,
    calls: &ServiceCalls,
    arn: &str,
    known: Option<Observed<Option<KeyMetadata>>>,
) -> Key {
    let metadata = match known {
        Some(known) => known,
        None => describe_key(session, calls, arn)
            .await
            .map(|found| found.map(|(_, metadata)| metadata))
            .into(),
    };
    // The policy of an AWS managed key cannot be changed, so no rule reads it.
    let has_policy = match &metadata {
        Observed::Known(it) => it.as_ref().is_some_and(|it| it.manager != "AWS"),
        Observed::Unknown(_) => true,
    };
    let policy = match has_policy {
        true => read_policy(session, calls, arn).await,
        false => Observed::default(),
    };
    Key { metadata, policy }
}

async fn read_policy(session: &Session, calls: &ServiceCalls, arn: &str) -> Observed<String> {
    let region = Arn::parse(arn).map_or("", |it| it.region);
    let client = session.clients.kms(region);
    let call = client
        .get_key_policy()
        .key_id(arn)
        .policy_name(POLICY_NAME)
        .send();
    match calls.send_call(GET_KEY_POLICY, call).await {
        Ok(response) => GET_KEY_POLICY.require_text(response.policy, "Policy"),
        Err(gap) => Observed::Unknown(gap),
    }
}

// Without its manager or state, a key cannot be assumed to be customer managed or enabled.
fn metadata_from(metadata: &SdkKeyMetadata) -> Result<KeyMetadata, Gap> {
    let text = |value: Option<&str>, name: &str| {
        let read = DESCRIBE_KEY.require_text(value.map(str::to_owned), name);
        read.get().cloned()
    };
    Ok(KeyMetadata {
        manager: text(
            metadata.key_manager.as_ref().map(|it| it.as_str()),
            "KeyManager",
        )?,
        state: text(
            metadata.key_state.as_ref().map(|it| it.as_str()),
            "KeyState",
        )?,
        spec: text(metadata.key_spec.as_ref().map(|it| it.as_str()), "KeySpec")?,
        usage: text(
            metadata.key_usage.as_ref().map(|it| it.as_str()),
            "KeyUsage",
        )?,
        origin: text(metadata.origin.as_ref().map(|it| it.as_str()), "Origin")?,
        multi_region: metadata.multi_region.unwrap_or_default(),
    })
}
