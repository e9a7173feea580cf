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

/// Described volumes by ARN.
type VolumesByArn = BTreeMap<String, DescribedVolume>;

/// The result of describing volumes of one gateway, with the operation.
type DescribedVolumes = Result<(Operation, VolumesByArn), Gap>;

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
    let batches = join_all(listed.items.chunks(BATCH).map(|batch| async move {
        let arns: Vec<String> = batch.iter().map(|(arn, _)| arn.clone()).collect();
        let described = describe_volumes(calls, client, gateway, arns).await;
        batch
            .iter()
            .map(|(arn, id)| volume_from(gateway, arn, id, &described))
            .collect::<Vec<_>>()
    }))
    .await;
    Listing {
        items: batches.into_iter().flatten().collect(),
        gap: listed.gap,
    }
}

/// Describes volumes of a gateway. One that does not exist fails a call for all of them, so they are then described one
/// by one.
async fn describe_volumes(
    calls: &ServiceCalls,
    client: &Client,
    gateway: &Gateway,
    arns: Vec<String>,
) -> DescribedVolumes {
    let is_cached = gateway.gateway_type.get()? == "CACHED";
    let describe = async |arns: Vec<String>| match is_cached {
        true => describe_cached_volumes(calls, client, arns).await,
        false => describe_stored_volumes(calls, client, arns).await,
    };
    let operation = match is_cached {
        true => DESCRIBE_CACHED,
        false => DESCRIBE_STORED,
    };
    if let Some(described) = describe(arns.clone()).await? {
        return Ok((operation, described));
    }
    let mut described = BTreeMap::new();
    for found in join_all(arns.into_iter().map(|arn| describe(vec![arn]))).await {
        described.extend(found?.unwrap_or_default());
    }
    Ok((operation, described))
}

/// Describes cached volumes; `None` if one of them does not exist.
async fn describe_cached_volumes(
    calls: &ServiceCalls,
    client: &Client,
    arns: Vec<String>,
) -> Result<Option<VolumesByArn>, Gap> {
    let request = client
        .describe_cachedi_scsi_volumes()
        .set_volume_arns(Some(arns));
    let call = send_unless_missing(request.send(), |error| match error {
        DescribeCachediSCSIVolumesError::InvalidGatewayRequestException(it) => Some(it),
        _ => None,
    });
    let Some(response) = calls.send_call(DESCRIBE_CACHED, call).await? else {
        return Ok(None);
    };
    let volumes = response.cachedi_scsi_volumes.unwrap_or_default();
    let described = volumes.into_iter().filter_map(|it| {
        let described = DescribedVolume {
            state: it.volume_status,
            kms_key: it.kms_key,
            capacity: it.volume_size_in_bytes,
            used: it.volume_used_in_bytes,
        };
        Some((it.volume_arn.filled()?, described))
    });
    Ok(Some(described.collect()))
}

/// Describes stored volumes; `None` if one of them does not exist.
async fn describe_stored_volumes(
    calls: &ServiceCalls,
    client: &Client,
    arns: Vec<String>,
) -> Result<Option<VolumesByArn>, Gap> {
    let request = client
        .describe_storedi_scsi_volumes()
        .set_volume_arns(Some(arns));
    let call = send_unless_missing(request.send(), |error| match error {
        DescribeStorediSCSIVolumesError::InvalidGatewayRequestException(it) => Some(it),
        _ => None,
    });
    let Some(response) = calls.send_call(DESCRIBE_STORED, call).await? else {
        return Ok(None);
    };
    let volumes = response.storedi_scsi_volumes.unwrap_or_default();
    let described = volumes.into_iter().filter_map(|it| {
        let described = DescribedVolume {
            state: it.volume_status,
            kms_key: it.kms_key,
            capacity: it.volume_size_in_bytes,
            used: it.volume_used_in_bytes,
        };
        Some((it.volume_arn.filled()?, described))
    });
    Ok(Some(described.collect()))
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
    arn: &str,
    id: &str,
    described: &DescribedVolumes,
) -> GatewayVolume {
    let found = match described {
        Ok((operation, volumes)) => volumes.get(arn).map(|it| (*operation, it)).ok_or_else(|| {
            let message = format!("the response of {} omits this volume", operation.name);
            Gap::new(GapKind::Unreadable, message)
        }),
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
        arn: arn.to_owned(),
        id: id.to_owned(),
        gateway: gateway.arn.clone(),
        tags: Observed::default(),
        state,
        size,
        kms_key,
    }
}
