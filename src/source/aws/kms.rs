//! KMS keys: each one that a resource names, looked up once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_kms::types::KeyMetadata as SdkKeyMetadata;
use futures_util::future::join_all;

use crate::model::arn::Arn;
use crate::model::encryption::is_aws_alias;
use crate::model::kms::{Key, KeyMetadata};
use crate::model::observed::{Gap, Observed};
use crate::model::s3::Bucket;
use crate::model::snapshot::Region;

use super::call::{Caller, Operation, Scope};
use super::session::Session;

const DESCRIBE_KEY: Operation = Operation::new("kms:DescribeKey");
const GET_KEY_POLICY: Operation = Operation::new("kms:GetKeyPolicy");

/// What reading keys takes.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_KEY, GET_KEY_POLICY];

/// Every key policy has this name: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html>.
const POLICY_NAME: &str = "default";

/// What a name that a service gave stands for.
enum Named {
    /// A key, by its ARN.
    Key(String),
    /// An alias, by its ARN: KMS must be asked which key it is.
    Alias(String),
    /// AWS's own key of a service, which needs no look-up.
    AwsManaged,
}

/// Looks up every key that resources name, and notes in each region which names mean which key.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    regions: &mut BTreeMap<String, Region>,
    buckets: &[Bucket],
) -> BTreeMap<String, Key> {
    let scopes: BTreeMap<String, Scope> = regions
        .keys()
        .map(|name| (name.clone(), caller.scope(name, "kms")))
        .collect();
    let mut keys = BTreeMap::new();

    // Aliases first: their answers are the metadata of keys that are then not asked for again.
    let mut aliases: BTreeMap<String, String> = BTreeMap::new();
    let mut wanted: BTreeMap<String, String> = BTreeMap::new();
    let mut names: Vec<(String, String, Named)> = Vec::new();
    for (region, seen) in regions.iter() {
        for name in named_in(region, seen, buckets) {
            let named = classify(session, region, &name);
            match &named {
                Named::Key(arn) => {
                    wanted.entry(arn.clone()).or_insert_with(|| region.clone());
                }
                Named::Alias(arn) => {
                    aliases.entry(arn.clone()).or_insert_with(|| region.clone());
                }
                Named::AwsManaged => {}
            }
            names.push((region.clone(), name, named));
        }
    }
    let resolved = join_all(aliases.iter().map(|(alias, region)| async {
        let metadata = describe(session, &scopes[region], alias).await;
        (alias.clone(), region.clone(), metadata)
    }))
    .await;
    let mut targets: BTreeMap<String, Observed<String>> = BTreeMap::new();
    for (alias, region, metadata) in resolved {
        let target = match metadata {
            Ok(Some((arn, metadata))) => {
                wanted.entry(arn.clone()).or_insert(region);
                let key = keys.entry(arn.clone()).or_insert_with(Key::default);
                key.metadata = Observed::Known(Some(metadata));
                Observed::Known(arn)
            }
            // An alias without a key stands for a key that does not exist.
            Ok(None) => {
                let key = keys.entry(alias.clone()).or_insert_with(Key::default);
                key.metadata = Observed::Known(None);
                Observed::Known(alias.clone())
            }
            Err(gap) => Observed::Unknown(gap),
        };
        targets.insert(alias, target);
    }

    // Keys of other accounts are not asked: rules judge them by their owner alone.
    wanted.retain(|arn, _| Arn::parse(arn).is_some_and(|it| it.account == session.account));
    let read = join_all(wanted.into_iter().map(|(arn, region)| {
        let known = keys.remove(&arn).map(|key: Key| key.metadata);
        let scope = &scopes[&region];
        async move { (arn.clone(), read(session, scope, &arn, known).await) }
    }))
    .await;
    keys.extend(read);

    for (region, name, named) in names {
        let target = match named {
            Named::Alias(alias) => targets.get(&alias).cloned().unwrap_or_default(),
            Named::Key(arn) if arn == name => continue,
            Named::Key(arn) => Observed::Known(arn),
            Named::AwsManaged => continue,
        };
        if let Some(seen) = regions.get_mut(&region) {
            seen.key_names.insert(name, target);
        }
    }
    keys
}

/// The names of keys that the resources of a region give.
fn named_in(region: &str, seen: &Region, buckets: &[Bucket]) -> BTreeSet<String> {
    fn known(key: &Observed<Option<String>>) -> Option<&String> {
        key.known()?.as_ref()
    }
    let volumes = seen
        .volumes
        .items
        .iter()
        .filter_map(|it| known(&it.kms_key));
    let databases = seen
        .db_instances
        .items
        .iter()
        .filter_map(|it| known(&it.kms_key));
    let clusters = seen
        .db_clusters
        .items
        .iter()
        .filter_map(|it| known(&it.kms_key));
    let tables = seen.tables.items.iter().filter_map(|it| known(&it.kms_key));
    let file_systems = seen.file_systems.items.iter().map(|it| &it.kms_key);
    let gateway_volumes = seen.gateway_volumes.items.iter().map(|it| &it.kms_key);
    let clusters_of_redshift = seen.redshift_clusters.items.iter().map(|it| &it.kms_key);
    let namespaces = seen.redshift_namespaces.items.iter().map(|it| &it.kms_key);
    let others = file_systems
        .chain(gateway_volumes)
        .chain(clusters_of_redshift)
        .chain(namespaces);
    let vaults = seen.vaults.items.iter().filter_map(|it| known(&it.kms_key));
    let in_region = |bucket: &&Bucket| bucket.region.known().is_some_and(|name| name == region);
    let buckets = buckets
        .iter()
        .filter(in_region)
        .filter_map(|bucket| bucket.encryption.known()?.kms_key.as_ref());
    let names = volumes
        .chain(databases)
        .chain(clusters)
        .chain(tables)
        .chain(others.filter_map(known))
        .chain(vaults)
        .chain(buckets);
    names
        .chain(seen.ebs_defaults.kms_key.known())
        .cloned()
        .collect()
}

fn classify(session: &Session, region: &str, name: &str) -> Named {
    let (own_arn, resource) = match Arn::parse(name) {
        Some(arn) => (name.to_owned(), arn.resource.to_owned()),
        None if name.starts_with("alias/") => (session.arn("kms", region, name), name.to_owned()),
        None => (
            session.arn("kms", region, &format!("key/{name}")),
            format!("key/{name}"),
        ),
    };
    if is_aws_alias(&resource) {
        Named::AwsManaged
    } else if resource.starts_with("alias/") {
        Named::Alias(own_arn)
    } else {
        Named::Key(own_arn)
    }
}

/// What KMS says of a key or an alias; none where there is no such thing.
async fn describe(
    session: &Session,
    scope: &Scope,
    name: &str,
) -> Result<Option<(String, KeyMetadata)>, Gap> {
    let region = Arn::parse(name).map_or("", |arn| arn.region);
    let call = session.kms(region).describe_key().key_id(name).send();
    let Some(answer) = scope
        .find(DESCRIBE_KEY, &["NotFoundException"], call)
        .await?
    else {
        return Ok(None);
    };
    let metadata = DESCRIBE_KEY
        .field(answer.key_metadata, "KeyMetadata")
        .get()?
        .clone();
    let arn = metadata.arn.clone().unwrap_or_else(|| name.to_owned());
    Ok(Some((arn, metadata_of(&metadata)?)))
}

async fn read(
    session: &Session,
    scope: &Scope,
    arn: &str,
    known: Option<Observed<Option<KeyMetadata>>>,
) -> Key {
    let metadata = match known {
        Some(known) => known,
        None => describe(session, scope, arn)
            .await
            .map(|found| found.map(|(_, metadata)| metadata))
            .into(),
    };
    // Nobody can change the policy of an AWS managed key, so no rule reads it.
    let asked = !matches!(&metadata, Observed::Known(it) if it.as_ref().is_none_or(|it| it.manager == "AWS"));
    let policy = if asked {
        policy(session, scope, arn).await
    } else {
        Observed::default()
    };
    Key { metadata, policy }
}

async fn policy(session: &Session, scope: &Scope, arn: &str) -> Observed<String> {
    let region = Arn::parse(arn).map_or("", |it| it.region);
    let client = session.kms(region);
    let call = client
        .get_key_policy()
        .key_id(arn)
        .policy_name(POLICY_NAME)
        .send();
    match scope.call(GET_KEY_POLICY, call).await {
        Ok(answer) => GET_KEY_POLICY.field(answer.policy, "Policy"),
        Err(gap) => Observed::Unknown(gap),
    }
}

// A key without its manager or state is not one that is customer managed or enabled.
fn metadata_of(metadata: &SdkKeyMetadata) -> Result<KeyMetadata, Gap> {
    let text = |value: Option<&str>, name: &str| {
        let read = DESCRIBE_KEY.field(value.map(str::to_owned), name);
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
