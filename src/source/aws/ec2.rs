//! EC2: regions, instances, volumes, EBS encryption by default.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::{Filter, ProductCodeValues, Region, Tag};
use futures_util::future::join_all;

use crate::model::ec2::{EbsDefaults, Instance, Volume};
use crate::model::observed::{Gap, Listing, Observed};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;
use crate::model::snapshot::GLOBAL;
use crate::model::tag::Tags;
use crate::model::{Resource, ResourceKind};

use super::call::Caller;
use super::clients::Clients;
use super::key_requests::ListOrder;
use super::listing::{Skippable, join_listings};
use super::operation::{DESCRIBE_REGIONS, Operation, ResponseText, SHARED};
use super::reader::{AccountReader, RegionReader};
use super::service_reader::{ServiceReader, TagSource, store};
use super::task::Task;

const DESCRIBE_INSTANCES: Operation = Operation::new("ec2:DescribeInstances");
const DESCRIBE_VOLUMES: Operation = Operation::new("ec2:DescribeVolumes");
const GET_EBS_ENCRYPTION: Operation = Operation::new("ec2:GetEbsEncryptionByDefault");
const GET_EBS_KEY: Operation = Operation::new("ec2:GetEbsDefaultKmsKeyId");

/// API operations used to list the regions.
pub const REGION_OPERATIONS: &[Operation] = &[DESCRIBE_REGIONS];
/// The reader of instances, which finds the volumes that belong to them too.
pub const INSTANCE_READER: ServiceReader = ServiceReader {
    services: &[Service::Ec2],
    operations: &[DESCRIBE_INSTANCES],
    tags: TagSource::Own,
    finds_one_by_one: false,
    order: ListOrder::Last,
    list: |reader| {
        Box::pin(async move {
            let found = describe_instances(reader, None).await;
            store(|region| region.instances = found)
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let (instances, volumes) = find_by_id(reader, targets).await;
            store(|region| {
                region.instances = instances;
                region.volumes = volumes;
            })
        })
    },
};

/// The reader of volumes. [`INSTANCE_READER`] finds selected ones.
pub const VOLUME_READER: ServiceReader = ServiceReader {
    services: &[Service::Ebs],
    operations: &[DESCRIBE_VOLUMES],
    tags: TagSource::Own,
    finds_one_by_one: false,
    order: ListOrder::First,
    list: |reader| {
        Box::pin(async move {
            let found = describe_volumes(reader, None).await;
            store(|region| region.volumes = found)
        })
    },
    find: |_, _| Box::pin(async { store(|_| ()) }),
};

/// API operations used to read EBS encryption by default.
pub const DEFAULTS_OPERATIONS: &[Operation] = &[GET_EBS_ENCRYPTION, GET_EBS_KEY];

/// The largest page of EC2. A page size also avoids the halved rate limit of unpaginated calls:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
pub(super) const PAGE: i32 = 1000;

/// The number of values in a filter:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>.
const MAX_VALUES: usize = 200;

impl Skippable for EbsDefaults {
    fn not_requested() -> Self {
        EbsDefaults {
            encryption: Observed::not_requested(),
            kms_key: Observed::not_requested(),
        }
    }
}

/// The regions of the partition, and whether each is enabled for the account; or why they could not be read.
pub type RegionList = Task<Result<BTreeMap<String, bool>, Gap>>;

/// Begins to read the regions. This needs only credentials, whoever's they are. The list has no coverage row.
pub fn list_regions(clients: &Clients, home: &str, caller: &Arc<Caller>) -> RegionList {
    let request = clients.ec2(home).describe_regions().all_regions(true);
    // A region whose list of regions gets no answer may answer everything else.
    let calls = caller.begin_service(GLOBAL, SHARED);
    Task::spawn(async move {
        let response = calls.send_call(DESCRIBE_REGIONS, request.send()).await;
        response.and_then(|response| regions_from(response.regions))
    })
}

/// Records for each region in `scanned` why the regions could not be read, under the service of
/// [`region_list_service`](super::scan_scope::ScanScope::region_list_service).
pub fn record_unlisted_regions(reader: &AccountReader<'_>, scanned: &[String], gap: &Gap) {
    let service = reader.scope.region_list_service();
    for region in scanned {
        let log = reader.caller.coverage_log();
        log.record_call(region, service, DESCRIBE_REGIONS, Some(gap));
    }
}

fn regions_from(regions: Option<Vec<Region>>) -> Result<BTreeMap<String, bool>, Gap> {
    let regions = DESCRIBE_REGIONS.require_field(regions, "Regions");
    let read = regions.get()?.iter().map(|region| {
        let enabled = region.opt_in_status.as_deref() != Some("not-opted-in");
        let name = DESCRIBE_REGIONS.require_text(region.region_name.clone(), "RegionName");
        Ok((name.get()?.clone(), enabled))
    });
    read.collect()
}

/// Looks up instances with their volumes, and volumes with their instances.
///
/// Uses filters, because AWS rejects a call with an id that does not exist.
async fn find_by_id(
    reader: &RegionReader<'_>,
    targets: &[Target],
) -> (Listing<Instance>, Listing<Volume>) {
    let instance_ids = &Target::ids_of(targets, ResourceKind::Ec2Instance);
    let volume_ids = &Target::ids_of(targets, ResourceKind::EbsVolume);
    let volumes_by = |filter: &'static str, ids: &[String]| {
        let filters = build_filters(filter, ids).into_iter();
        join_all(filters.map(|filter| describe_volumes(reader, Some(filter))))
    };
    let (found, attached) = tokio::join!(
        volumes_by("volume-id", volume_ids),
        volumes_by("attachment.instance-id", instance_ids),
    );
    let found = join_listings(found);
    let attached_to = found.items.iter().filter_map(|it| it.attached_to.known());
    let wanted: BTreeSet<&String> = attached_to.flatten().chain(instance_ids).collect();
    let wanted: Vec<String> = wanted.into_iter().cloned().collect();
    let filters = build_filters("instance-id", &wanted).into_iter();
    let instances = filters.map(|filter| describe_instances(reader, Some(filter)));
    let instances = join_listings(join_all(instances).await);
    let mut volumes = join_listings([found, join_listings(attached)]);
    let mut seen = BTreeSet::new();
    volumes.items.retain(|it| seen.insert(it.id.clone()));
    (instances, volumes)
}

pub(super) fn build_filters(name: &str, values: &[String]) -> Vec<Filter> {
    let chunks = values.chunks(MAX_VALUES).map(|values| {
        let filter = Filter::builder().name(name);
        filter.set_values(Some(values.to_vec())).build()
    });
    chunks.collect()
}

async fn describe_instances(
    reader: &RegionReader<'_>,
    filter: Option<Filter>,
) -> Listing<Instance> {
    let calls = reader.begin_service("ec2");
    let pages = reader
        .session
        .clients
        .ec2(reader.region)
        .describe_instances()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_results(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(DESCRIBE_INSTANCES, pages, |page| {
            let reservations = page.reservations?.into_iter();
            // AWS returns no reservation without instances: one whose list is left out may have had some.
            let instances = reservations.flat_map(|reservation| match reservation.instances {
                Some(instances) => instances.into_iter().map(Some).collect::<Vec<_>>(),
                None => vec![None],
            });
            Some(instances.map(|it| instance_from(reader, it?)).collect())
        })
        .await
}

async fn describe_volumes(reader: &RegionReader<'_>, filter: Option<Filter>) -> Listing<Volume> {
    let calls = reader.begin_service("ebs");
    let pages = reader
        .session
        .clients
        .ec2(reader.region)
        .describe_volumes()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_results(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(DESCRIBE_VOLUMES, pages, |page| {
            let volumes = page.volumes?.into_iter();
            let volumes: Vec<Option<Volume>> = volumes.map(|it| volume_from(reader, it)).collect();
            // An account may have many pages of volumes: their keys are read meanwhile.
            reader.request_keys(volumes.iter().flatten().map(Resource::Volume));
            Some(volumes)
        })
        .await
}

fn instance_from(
    reader: &RegionReader<'_>,
    instance: aws_sdk_ec2::types::Instance,
) -> Option<Instance> {
    let operation = DESCRIBE_INSTANCES;
    let id = instance.instance_id.filled()?;
    let state = instance.state.and_then(|state| state.name);
    let root_device_type = instance.root_device_type;
    let codes = instance.product_codes.unwrap_or_default();
    let is_incomplete = codes.iter().any(|code| {
        let kind = code.product_code_type.as_ref();
        let kind = kind.map(|it| it.as_str().to_owned());
        kind.filled().is_none() || code.product_code_id.clone().filled().is_none()
    });
    let marketplace = codes
        .into_iter()
        .filter(|code| code.product_code_type == Some(ProductCodeValues::Marketplace))
        .filter_map(|code| code.product_code_id.filled());
    let marketplace = (!is_incomplete).then(|| marketplace.collect());
    let devices = instance.block_device_mappings.unwrap_or_default();
    let volumes = devices
        .into_iter()
        .filter_map(|device| device.ebs?.volume_id.filled());
    Some(Instance {
        arn: reader.build_arn("ec2", &format!("instance/{id}")),
        tags: read_tags(DESCRIBE_INSTANCES, instance.tags),
        state: operation.require_text(state.map(|name| name.as_str().to_owned()), "State"),
        root_device_type: operation.require_text(
            root_device_type.map(|it| it.as_str().to_owned()),
            "RootDeviceType",
        ),
        marketplace_codes: operation.require_field(marketplace, "type or id in a product code"),
        volumes: Observed::Known(volumes.collect()),
        vpc_id: Observed::Known(instance.vpc_id.filled()),
        subnet_id: instance.subnet_id.filled(),
        image_id: instance.image_id.filled(),
        outpost_arn: Observed::Known(instance.outpost_arn.filled()),
        id,
    })
}

fn volume_from(reader: &RegionReader<'_>, volume: aws_sdk_ec2::types::Volume) -> Option<Volume> {
    let operation = DESCRIBE_VOLUMES;
    let id = volume.volume_id.filled()?;
    let state = volume.state.map(|state| state.as_str().to_owned());
    // A volume of a service of AWS is attached to no instance.
    let attached_to = operation
        .require_field(volume.attachments, "Attachments")
        .map(|attachments| {
            let attachments = attachments.into_iter();
            let ids = attachments.filter_map(|attachment| attachment.instance_id.filled());
            ids.collect()
        });
    Some(Volume {
        arn: reader.build_arn("ec2", &format!("volume/{id}")),
        tags: read_tags(DESCRIBE_VOLUMES, volume.tags),
        state: operation.require_text(state, "Status"),
        encrypted: operation.require_field(volume.encrypted, "Encrypted"),
        kms_key: Observed::Known(volume.kms_key_id.filled()),
        size: Size::provisioned_gib(operation.require_field(volume.size, "Size").map(i64::from)),
        attached_to,
        outpost_arn: Observed::Known(volume.outpost_arn.filled()),
        id,
    })
}

/// Reads EBS encryption by default in a region.
pub async fn read_ebs_defaults(reader: &RegionReader<'_>) -> EbsDefaults {
    let calls = reader.begin_service("ebs");
    let client = reader.session.clients.ec2(reader.region);
    let (encryption, kms_key) = tokio::join!(
        calls.send_call(
            GET_EBS_ENCRYPTION,
            client.get_ebs_encryption_by_default().send()
        ),
        calls.send_call(GET_EBS_KEY, client.get_ebs_default_kms_key_id().send()),
    );
    EbsDefaults {
        encryption: match encryption {
            Ok(response) => {
                let enabled = response.ebs_encryption_by_default;
                GET_EBS_ENCRYPTION.require_field(enabled, "EbsEncryptionByDefault")
            }
            Err(gap) => Observed::Unknown(gap),
        },
        kms_key: match kms_key {
            Ok(response) => {
                let key = GET_EBS_KEY.require_text(response.kms_key_id, "KmsKeyId");
                let name = key.known().map(String::as_str);
                reader.keys.request(reader.region, name);
                key
            }
            Err(gap) => Observed::Unknown(gap),
        },
    }
}

fn read_tags(operation: Operation, tags: Option<Vec<Tag>>) -> Observed<Tags> {
    let tags = tags.unwrap_or_default().into_iter();
    operation.read_tags(tags.map(|tag| (tag.key, tag.value)))
}
