//! Storage gateways, and the volumes of volume gateways.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::selection::Target;
use crate::model::storage_gateway::{Gateway, GatewayVolume, holds_volumes};

use super::call::{Caller, Operation, Scope};
use super::session::Session;
use super::tagging;

const LIST_GATEWAYS: Operation = Operation::new("storagegateway:ListGateways");
const LIST_VOLUMES: Operation = Operation::new("storagegateway:ListVolumes");
const DESCRIBE_CACHED: Operation = Operation::new("storagegateway:DescribeCachediSCSIVolumes");
const DESCRIBE_STORED: Operation = Operation::new("storagegateway:DescribeStorediSCSIVolumes");

/// What reading gateways and their volumes takes.
pub const OPERATIONS: &[Operation] = &[
    LIST_GATEWAYS,
    LIST_VOLUMES,
    DESCRIBE_CACHED,
    DESCRIBE_STORED,
];

/// The largest page of both lists: <https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_ListGateways.html>.
const PAGE: i32 = 100;
/// A gateway holds no more volumes, so this is one call a gateway:
/// <https://docs.aws.amazon.com/storagegateway/latest/vgw/resource-gateway-limits.html>.
const BATCH: usize = 32;

/// What describing a volume tells.
struct Described {
    state: Option<String>,
    kms_key: Option<String>,
}

/// Some gateways of a region with all their volumes, and some volumes with their gateways. The tags
/// of all are for the caller to add.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    targets: &[Target],
) -> (Listing<Gateway>, Listing<GatewayVolume>) {
    let (gateways, mut volumes) = read(session, caller, region, |arn| {
        targets.iter().any(|target| match target {
            Target::Gateway(gateway) | Target::GatewayVolume { gateway, .. } => gateway == arn,
            _ => false,
        })
    })
    .await;
    volumes.items.retain(|it| {
        targets.iter().any(|target| match target {
            Target::Gateway(gateway) => *gateway == it.gateway,
            Target::GatewayVolume { volume, .. } => *volume == it.arn,
            _ => false,
        })
    });
    (gateways, volumes)
}

/// The gateways of a region and their volumes.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> (Listing<Gateway>, Listing<GatewayVolume>) {
    let (mut gateways, mut volumes) = read(session, caller, region, |_| true).await;
    if !gateways.items.is_empty() {
        let scope = caller.scope(region, "storagegateway");
        let tagged = tagging::collect(&scope, session, tag_key, tagging::STORAGE_GATEWAY).await;
        for gateway in &mut gateways.items {
            gateway.tags = tagged.of(&gateway.arn);
        }
        for volume in &mut volumes.items {
            volume.tags = tagged.of(&volume.arn);
        }
    }
    (gateways, volumes)
}

async fn read(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    wanted: impl Fn(&str) -> bool,
) -> (Listing<Gateway>, Listing<GatewayVolume>) {
    let scope = caller.scope(region, "storagegateway");
    let client = session.storage_gateway(region);
    let pages = client.list_gateways().limit(PAGE).into_paginator().send();
    let mut gateways = scope
        .list(LIST_GATEWAYS, pages, |page| {
            Some(page.gateways?.into_iter().map(gateway_of).collect())
        })
        .await;
    gateways.items.retain(|gateway| wanted(&gateway.arn));
    // A gateway whose type AWS does not tell may have some.
    let may_hold = |gateway: &&Gateway| {
        let kind = gateway.gateway_type.known();
        kind.is_none_or(|kind| holds_volumes(kind))
    };
    let volumes = join_all(
        gateways
            .items
            .iter()
            .filter(may_hold)
            .map(|gateway| volumes(&scope, &client, gateway)),
    )
    .await;
    let mut listing = Listing {
        items: Vec::new(),
        gap: gateways.gap.clone(),
    };
    for read in volumes {
        listing.items.extend(read.items);
        listing.gap = listing.gap.or(read.gap);
    }
    (gateways, listing)
}

fn gateway_of(gateway: aws_sdk_storagegateway::types::GatewayInfo) -> Option<Gateway> {
    Some(Gateway {
        arn: gateway.gateway_arn?,
        id: gateway.gateway_id?,
        name: gateway.gateway_name,
        tags: Observed::default(),
        gateway_type: LIST_GATEWAYS.field(gateway.gateway_type, "GatewayType"),
    })
}

/// The volumes of a gateway; those that could not be described are kept, with the reason.
async fn volumes(
    scope: &Scope,
    client: &aws_sdk_storagegateway::Client,
    gateway: &Gateway,
) -> Listing<GatewayVolume> {
    let pages = client
        .list_volumes()
        .gateway_arn(&gateway.arn)
        .limit(PAGE)
        .into_paginator()
        .send();
    let named: Listing<(String, String)> = scope
        .list(LIST_VOLUMES, pages, |page| {
            let volumes = page.volume_infos?.into_iter();
            let read = volumes.map(|volume| Some((volume.volume_arn?, volume.volume_id?)));
            Some(read.collect())
        })
        .await;
    let batches = join_all(named.items.chunks(BATCH).map(|batch| async move {
        let arns: Vec<String> = batch.iter().map(|(arn, _)| arn.clone()).collect();
        let described = describe(scope, client, gateway, arns).await;
        batch
            .iter()
            .map(|(arn, id)| volume_of(gateway, arn, id, &described))
            .collect::<Vec<_>>()
    }))
    .await;
    Listing {
        items: batches.into_iter().flatten().collect(),
        gap: named.gap,
    }
}

/// What describing some volumes of one gateway tells, by ARN, and the operation that told it.
async fn describe(
    scope: &Scope,
    client: &aws_sdk_storagegateway::Client,
    gateway: &Gateway,
    arns: Vec<String>,
) -> Result<(Operation, BTreeMap<String, Described>), Gap> {
    if gateway.gateway_type.get()? == "CACHED" {
        let call = client
            .describe_cachedi_scsi_volumes()
            .set_volume_arns(Some(arns))
            .send();
        let answer = scope.call(DESCRIBE_CACHED, call).await?;
        let volumes = answer.cachedi_scsi_volumes.unwrap_or_default().into_iter();
        let told = volumes.filter_map(|it| {
            let (state, kms_key) = (it.volume_status, it.kms_key);
            Some((it.volume_arn?, Described { state, kms_key }))
        });
        Ok((DESCRIBE_CACHED, told.collect()))
    } else {
        let call = client
            .describe_storedi_scsi_volumes()
            .set_volume_arns(Some(arns))
            .send();
        let answer = scope.call(DESCRIBE_STORED, call).await?;
        let volumes = answer.storedi_scsi_volumes.unwrap_or_default().into_iter();
        let told = volumes.filter_map(|it| {
            let (state, kms_key) = (it.volume_status, it.kms_key);
            Some((it.volume_arn?, Described { state, kms_key }))
        });
        Ok((DESCRIBE_STORED, told.collect()))
    }
}

fn volume_of(
    gateway: &Gateway,
    arn: &str,
    id: &str,
    described: &Result<(Operation, BTreeMap<String, Described>), Gap>,
) -> GatewayVolume {
    let told = match described {
        Ok((operation, volumes)) => volumes.get(arn).map(|it| (*operation, it)).ok_or_else(|| {
            let message = format!("the answer of {} does not hold it", operation.name);
            Gap::new(GapKind::Unreadable, message)
        }),
        Err(gap) => Err(gap.clone()),
    };
    let (state, kms_key) = match told {
        Ok((operation, it)) => (
            operation.field(it.state.clone(), "VolumeStatus"),
            // Only a volume under a KMS key has the field:
            // https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_CachediSCSIVolume.html
            Observed::Known(it.kms_key.clone()),
        ),
        Err(gap) => (Observed::Unknown(gap.clone()), Observed::Unknown(gap)),
    };
    GatewayVolume {
        arn: arn.to_owned(),
        id: id.to_owned(),
        gateway: gateway.arn.clone(),
        tags: Observed::default(),
        state,
        kms_key,
    }
}
