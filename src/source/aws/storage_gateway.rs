//! Storage gateways, and the volumes of volume gateways.

use std::collections::BTreeMap;

use aws_sdk_storagegateway::Client;
use aws_sdk_storagegateway::error::SdkError;
use aws_sdk_storagegateway::operation::describe_cachedi_scsi_volumes::DescribeCachediSCSIVolumesError;
use aws_sdk_storagegateway::operation::describe_storedi_scsi_volumes::DescribeStorediSCSIVolumesError;
use aws_sdk_storagegateway::types::ErrorCode;
use aws_sdk_storagegateway::types::error::InvalidGatewayRequestException;
use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;
use crate::model::storage_gateway::{Gateway, GatewayVolume, holds_volumes};

use super::call::ServiceCalls;
use super::key_requests::ListOrder;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const LIST_GATEWAYS: Operation = Operation::new("storagegateway:ListGateways");
const LIST_VOLUMES: Operation = Operation::new("storagegateway:ListVolumes");
const DESCRIBE_CACHED: Operation = Operation::new("storagegateway:DescribeCachediSCSIVolumes");
const DESCRIBE_STORED: Operation = Operation::new("storagegateway:DescribeStorediSCSIVolumes");

/// The reader of gateways and their volumes.
///
/// The ARN of a volume begins with the ARN of its gateway, so the tags of both are read together.
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Storagegateway],
    operations: &[
        LIST_GATEWAYS,
        LIST_VOLUMES,
        DESCRIBE_CACHED,
        DESCRIBE_STORED,
    ],
    tags: TagSource::TaggingIfAny(&["storagegateway"]),
    finds_one_by_one: false,
    order: ListOrder::Second,
    list: |reader| {
        Box::pin(async move {
            let (gateways, volumes) = read_gateways(reader, |_| true).await;
            store(|region| {
                region.gateways = gateways;
                region.gateway_volumes = volumes;
            })
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let (gateways, volumes) = find_by_arn(reader, targets).await;
            store(|region| {
                region.gateways = gateways;
                region.gateway_volumes = volumes;
            })
        })
    },
};

/// The largest page of both lists: <https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_ListGateways.html>.
const PAGE: i32 = 100;
/// The number of volumes in one describe call. A gateway has at most this many volumes:
/// <https://docs.aws.amazon.com/storagegateway/latest/vgw/resource-gateway-limits.html>.
const BATCH: usize = 32;

/// The gateways and gateway volumes of a region.
type Gateways = (Listing<Gateway>, Listing<GatewayVolume>);

/// The result of describing volumes of one gateway: the operation, and the volumes by ARN; `None` if one of them does not
/// exist.
type DescribedVolumes = Result<Option<(Operation, BTreeMap<String, DescribedVolume>)>, Gap>;

/// The fields of a described volume.
struct DescribedVolume {
    state: Option<String>,
    kms_key: Option<String>,
    /// The capacity in bytes.
    capacity: i64,
    /// The data in bytes. Storage Gateway does not measure volumes that were created before May 13, 2015.
    used: Option<i64>,
}

/// Looks up gateways with all their volumes, and volumes with their gateways.
async fn find_by_arn(reader: &RegionReader<'_>, targets: &[Target]) -> Gateways {
    let of_gateways = Target::ids_of(targets, ResourceKind::StorageGateway);
    let of_volumes = Target::ids_of(targets, ResourceKind::StorageGatewayVolume);
    if of_gateways.is_empty() && of_volumes.is_empty() {
        return (Listing::complete(Vec::new()), Listing::complete(Vec::new()));
    }
    let holds = |gateway: &str, volume: &String| {
        let rest = volume.strip_prefix(gateway);
        rest.is_some_and(|rest| rest.starts_with("/volume/"))
    };
    let (gateways, mut volumes) = read_gateways(reader, |arn| {
        of_gateways.iter().any(|it| it == arn) || of_volumes.iter().any(|it| holds(arn, it))
    })
    .await;
    volumes
        .items
        .retain(|it| of_gateways.contains(&it.gateway) || of_volumes.contains(&it.arn));
    (gateways, volumes)
}

async fn read_gateways(reader: &RegionReader<'_>, is_wanted: impl Fn(&str) -> bool) -> Gateways {
    let calls = reader.begin_service("storagegateway");
    let client = reader.session.clients.storage_gateway(reader.region);
    let pages = client.list_gateways().limit(PAGE).into_paginator().send();
    let mut gateways = calls
        .list_items(LIST_GATEWAYS, pages, |page| {
            Some(page.gateways?.into_iter().map(gateway_from).collect())
        })
        .await;
    gateways.items.retain(|gateway| is_wanted(&gateway.arn));
    // A gateway of unknown type may have volumes.
    let may_have_volumes = |gateway: &&Gateway| {
        let kind = gateway.gateway_type.known();
        kind.is_none_or(|kind| holds_volumes(kind))
    };
    let read = gateways.items.iter().filter(may_have_volumes);
    let read = read.map(|gateway| read_volumes(&calls, &client, gateway));
    let mut volumes = Listing {
        items: Vec::new(),
        gap: gateways.gap.clone(),
    };
    for listing in join_all(read).await {
        volumes.items.extend(listing.items);
        volumes.gap = volumes.gap.or(listing.gap);
    }
    (gateways, volumes)
}

fn gateway_from(gateway: aws_sdk_storagegateway::types::GatewayInfo) -> Option<Gateway> {
    Some(Gateway {
        arn: gateway.gateway_arn.filled()?,
        id: gateway.gateway_id.filled()?,
        name: gateway.gateway_name.filled(),
        tags: Observed::default(),
        gateway_type: LIST_GATEWAYS.require_text(gateway.gateway_type, "GatewayType"),
    })
}

/// Reads the volumes of a gateway. A volume that could not be described is kept with the reason.
async fn read_volumes(
    calls: &ServiceCalls,
    client: &Client,
    gateway: &Gateway,
) -> Listing<GatewayVolume> {
    let pages = client
        .list_volumes()
        .gateway_arn(&gateway.arn)
        .limit(PAGE)
        .into_paginator()
        .send();
    let listed: Listing<(String, String)> = calls
        .list_items(LIST_VOLUMES, pages, |page| {
            let volumes = page.volume_infos?.into_iter();
            let read = volumes
                .map(|volume| Some((volume.volume_arn.filled()?, volume.volume_id.filled()?)));
            Some(read.collect())
        })
        .await;
    let batches = join_all(listed.items.chunks(BATCH).map(async |batch| {
        let described = describe_volumes(calls, client, gateway, batch).await;
        if batch.len() > 1 && matches!(described, Ok(None)) {
            return join_all(batch.iter().map(async |volume| {
                let alone = std::slice::from_ref(volume);
                let described = describe_volumes(calls, client, gateway, alone).await;
                volume_from(gateway, volume, &described)
            }))
            .await;
        }
        let volumes = batch.iter();
        volumes
            .map(|volume| volume_from(gateway, volume, &described))
            .collect()
    }))
    .await;
    Listing {
        items: batches.into_iter().flatten().collect(),
        gap: listed.gap,
    }
}

/// Describes volumes of a gateway; `None` if one of them does not exist, which fails the call for all of them.
async fn describe_volumes(
    calls: &ServiceCalls,
    client: &Client,
    gateway: &Gateway,
    volumes: &[(String, String)],
) -> DescribedVolumes {
    // The two operations differ only in their names and types.
    macro_rules! describe {
        ($operation:ident, $request:ident, $error:ident, $volumes:ident) => {{
            let arns = volumes.iter().map(|(arn, _)| arn.clone()).collect();
            let request = client.$request().set_volume_arns(Some(arns)).send();
            let call = send_unless_missing(request, |error| match error {
                $error::InvalidGatewayRequestException(it) => Some(it),
                _ => None,
            });
            let response = calls.send_call($operation, call).await?;
            let described = response.map(|it| it.$volumes.unwrap_or_default());
            Ok(described.map(|volumes| {
                let by_arn = volumes.into_iter().filter_map(|it| {
                    let described = DescribedVolume {
                        state: it.volume_status,
                        kms_key: it.kms_key,
                        capacity: it.volume_size_in_bytes,
                        used: it.volume_used_in_bytes,
                    };
                    Some((it.volume_arn.filled()?, described))
                });
                ($operation, by_arn.collect())
            }))
        }};
    }
    match gateway.gateway_type.get()?.as_str() {
        "CACHED" => describe!(
            DESCRIBE_CACHED,
            describe_cachedi_scsi_volumes,
            DescribeCachediSCSIVolumesError,
            cachedi_scsi_volumes
        ),
        _ => describe!(
            DESCRIBE_STORED,
            describe_storedi_scsi_volumes,
            DescribeStorediSCSIVolumesError,
            storedi_scsi_volumes
        ),
    }
}

/// Sends a request; `None` if the rejection says that a volume does not exist.
async fn send_unless_missing<T, E, R>(
    request: impl Future<Output = Result<T, SdkError<E, R>>>,
    rejection: fn(&E) -> Option<&InvalidGatewayRequestException>,
) -> Result<Option<T>, SdkError<E, R>> {
    let error = match request.await {
        Ok(response) => return Ok(Some(response)),
        Err(error) => error,
    };
    let rejection = error.as_service_error().and_then(rejection);
    let code = rejection.and_then(|it| it.error()?.error_code());
    match code {
        Some(ErrorCode::VolumeNotFound) => Ok(None),
        _ => Err(error),
    }
}

fn volume_from(
    gateway: &Gateway,
    (arn, id): &(String, String),
    described: &DescribedVolumes,
) -> GatewayVolume {
    let found = match described {
        Ok(None) => {
            let message = "it was listed, but Storage Gateway no longer finds it";
            Err(Gap::new(GapKind::Unreadable, message))
        }
        Ok(Some((operation, volumes))) => {
            volumes.get(arn).map(|it| (*operation, it)).ok_or_else(|| {
                let message = format!("the response of {} omits this volume", operation.name);
                Gap::new(GapKind::Unreadable, message)
            })
        }
        Err(gap) => Err(gap.clone()),
    };
    let (state, kms_key, size) = match found {
        Ok((operation, it)) => (
            operation.require_text(it.state.clone(), "VolumeStatus"),
            // Only a volume that is encrypted with a KMS key has the field:
            // https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_CachediSCSIVolume.html
            Observed::Known(it.kms_key.clone().filled()),
            match it.used {
                Some(used) => Size::measured_bytes(Observed::Known(used)),
                None => Size::provisioned_bytes(Observed::Known(it.capacity)),
            },
        ),
        Err(gap) => (
            Observed::Unknown(gap.clone()),
            Observed::Unknown(gap.clone()),
            Observed::Unknown(gap),
        ),
    };
    GatewayVolume {
        arn: arn.clone(),
        id: id.clone(),
        gateway: gateway.arn.clone(),
        tags: Observed::default(),
        state,
        size,
        kms_key,
    }
}
