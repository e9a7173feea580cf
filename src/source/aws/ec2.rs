//! EC2: regions, instances, volumes, encryption of new volumes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::{Filter, ProductCodeValues, Tag};
use futures_util::future::join_all;

use crate::model::ec2::{EbsDefaults, Instance, Volume};
use crate::model::observed::{Gap, Listing, Observed};
use crate::model::tag::Tags;

use super::call::{Caller, Operation};
use super::coverage::SHARED;
use super::scan_scope::joined;
use super::session::Session;
use super::tagging::keep;

/// Which regions there are.
pub const DESCRIBE_REGIONS: Operation = Operation::new("ec2:DescribeRegions");
const DESCRIBE_INSTANCES: Operation = Operation::new("ec2:DescribeInstances");
const DESCRIBE_VOLUMES: Operation = Operation::new("ec2:DescribeVolumes");
const GET_EBS_ENCRYPTION: Operation = Operation::new("ec2:GetEbsEncryptionByDefault");
const GET_EBS_KEY: Operation = Operation::new("ec2:GetEbsDefaultKmsKeyId");

/// What finding the account's regions takes.
pub const REGION_OPERATIONS: &[Operation] = &[DESCRIBE_REGIONS];
/// What reading instances takes.
pub const INSTANCE_OPERATIONS: &[Operation] = &[DESCRIBE_INSTANCES];
/// What reading volumes takes.
pub const VOLUME_OPERATIONS: &[Operation] = &[DESCRIBE_VOLUMES];
/// What reading the defaults of new volumes takes.
pub const DEFAULTS_OPERATIONS: &[Operation] = &[GET_EBS_ENCRYPTION, GET_EBS_KEY];

/// The largest page of EC2; it also keeps clear of the halved rate of unpaged calls:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
pub(super) const PAGE: i32 = 1000;

/// The regions of the account's partition, and whether each is enabled for the account. That they could
/// not be read is told with the service `row`, as they have no row of their own.
///
/// # Errors
/// Why they could not be read.
pub async fn regions(
    session: &Session,
    caller: &Arc<Caller>,
    scanned: &[String],
    row: &'static str,
) -> Result<BTreeMap<String, bool>, Gap> {
    let call = session
        .ec2(&session.home)
        .describe_regions()
        .all_regions(true)
        .send();
    let answer = caller
        .scope(&session.home, SHARED)
        .call(DESCRIBE_REGIONS, call)
        .await;
    if let Err(gap) = &answer {
        for region in scanned {
            caller
                .books()
                .note(region, row, DESCRIBE_REGIONS, Some(gap));
        }
    }
    let regions = answer?.regions.unwrap_or_default();
    Ok(regions
        .into_iter()
        .filter_map(|region| {
            let enabled = region.opt_in_status.as_deref() != Some("not-opted-in");
            Some((region.region_name?, enabled))
        })
        .collect())
}

/// The instances of a region.
pub async fn instances(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<Instance> {
    instances_with(session, caller, region, tag_key, None).await
}

async fn instances_with(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    filter: Option<Filter>,
) -> Listing<Instance> {
    let scope = caller.scope(region, "ec2");
    let pages = session
        .ec2(region)
        .describe_instances()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_results(PAGE)
        .into_paginator()
        .send();
    scope
        .list(DESCRIBE_INSTANCES, pages, |page| {
            let reservations = page.reservations.unwrap_or_default().into_iter();
            let instances =
                reservations.flat_map(|reservation| reservation.instances.unwrap_or_default());
            let read = instances.map(|instance| instance_of(session, region, tag_key, instance));
            Some(read.collect())
        })
        .await
}

fn instance_of(
    session: &Session,
    region: &str,
    tag_key: &str,
    instance: aws_sdk_ec2::types::Instance,
) -> Option<Instance> {
    let field = DESCRIBE_INSTANCES;
    let id = instance.instance_id?;
    let state = instance.state.and_then(|state| state.name);
    let codes = instance.product_codes.unwrap_or_default();
    let untold = codes.iter().any(|code| code.product_code_type.is_none());
    let marketplace = codes
        .into_iter()
        .filter(|code| code.product_code_type == Some(ProductCodeValues::Marketplace))
        .filter_map(|code| code.product_code_id);
    let marketplace = (!untold).then(|| marketplace.collect());
    let devices = instance
        .block_device_mappings
        .unwrap_or_default()
        .into_iter();
    let volumes = devices.filter_map(|device| device.ebs?.volume_id);
    Some(Instance {
        arn: session.arn("ec2", region, &format!("instance/{id}")),
        tags: Observed::Known(tags(instance.tags, tag_key)),
        state: field.field(state.map(|name| name.as_str().to_owned()), "State"),
        root_device_type: field.field(
            instance
                .root_device_type
                .map(|kind| kind.as_str().to_owned()),
            "RootDeviceType",
        ),
        marketplace_codes: field.field(marketplace, "type in a product code"),
        volumes: Observed::Known(volumes.collect()),
        vpc_id: Observed::Known(instance.vpc_id),
        id,
    })
}

/// Some instances with their volumes, and some volumes with their instances.
///
/// Filters are used in the place of ids: an id that does not exist makes AWS refuse the whole call.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    instances: &[String],
    volumes: &[String],
) -> (Listing<Instance>, Listing<Volume>) {
    let volumes_with = |name: &'static str, ids: &[String]| {
        let filters = filters(name, ids).into_iter();
        let read =
            filters.map(|filter| volumes_with(session, caller, region, tag_key, Some(filter)));
        join_all(read)
    };
    let (found, attached) = tokio::join!(
        volumes_with("volume-id", volumes),
        volumes_with("attachment.instance-id", instances),
    );
    let found = joined(found);
    let holders = found.items.iter().filter_map(|it| it.attached_to.known());
    let wanted: BTreeSet<&String> = holders.flatten().chain(instances).collect();
    let wanted: Vec<String> = wanted.into_iter().cloned().collect();
    let read = filters("instance-id", &wanted)
        .into_iter()
        .map(|filter| instances_with(session, caller, region, tag_key, Some(filter)));
    let instances = joined(join_all(read).await);
    let mut volumes = joined([found, joined(attached)]);
    let mut seen = BTreeSet::new();
    volumes.items.retain(|it| seen.insert(it.id.clone()));
    (instances, volumes)
}

/// What a filter may hold:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>.
const MOST_VALUES: usize = 200;

fn filters(name: &str, values: &[String]) -> Vec<Filter> {
    let chunks = values.chunks(MOST_VALUES).map(|values| {
        let filter = Filter::builder().name(name);
        filter.set_values(Some(values.to_vec())).build()
    });
    chunks.collect()
}

/// The volumes of a region.
pub async fn volumes(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<Volume> {
    volumes_with(session, caller, region, tag_key, None).await
}

async fn volumes_with(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    filter: Option<Filter>,
) -> Listing<Volume> {
    let scope = caller.scope(region, "ebs");
    let pages = session
        .ec2(region)
        .describe_volumes()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_results(PAGE)
        .into_paginator()
        .send();
    scope
        .list(DESCRIBE_VOLUMES, pages, |page| {
            let volumes = page.volumes.unwrap_or_default().into_iter();
            let read = volumes.map(|volume| volume_of(session, region, tag_key, volume));
            Some(read.collect())
        })
        .await
}

fn volume_of(
    session: &Session,
    region: &str,
    tag_key: &str,
    volume: aws_sdk_ec2::types::Volume,
) -> Option<Volume> {
    let field = DESCRIBE_VOLUMES;
    let id = volume.volume_id?;
    let attachments = volume.attachments.unwrap_or_default().into_iter();
    let attached_to = attachments.filter_map(|attachment| attachment.instance_id);
    Some(Volume {
        arn: session.arn("ec2", region, &format!("volume/{id}")),
        tags: Observed::Known(tags(volume.tags, tag_key)),
        state: field.field(
            volume.state.map(|state| state.as_str().to_owned()),
            "Status",
        ),
        encrypted: field.field(volume.encrypted, "Encrypted"),
        kms_key: Observed::Known(volume.kms_key_id),
        attached_to: Observed::Known(attached_to.collect()),
        id,
    })
}

/// How new volumes of a region are encrypted.
pub async fn ebs_defaults(session: &Session, caller: &Arc<Caller>, region: &str) -> EbsDefaults {
    let scope = caller.scope(region, "ebs");
    let client = session.ec2(region);
    let (encryption, kms_key) = tokio::join!(
        scope.call(
            GET_EBS_ENCRYPTION,
            client.get_ebs_encryption_by_default().send()
        ),
        scope.call(GET_EBS_KEY, client.get_ebs_default_kms_key_id().send()),
    );
    EbsDefaults {
        encryption: match encryption {
            Ok(answer) => {
                GET_EBS_ENCRYPTION.field(answer.ebs_encryption_by_default, "EbsEncryptionByDefault")
            }
            Err(gap) => Observed::Unknown(gap),
        },
        kms_key: match kms_key {
            Ok(answer) => GET_EBS_KEY.field(answer.kms_key_id, "KmsKeyId"),
            Err(gap) => Observed::Unknown(gap),
        },
    }
}

fn tags(tags: Option<Vec<Tag>>, tag_key: &str) -> Tags {
    let pairs = tags.unwrap_or_default().into_iter();
    keep(
        pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))),
        tag_key,
    )
}
