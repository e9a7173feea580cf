//! FSx file systems, and volumes of FSx for ONTAP and OpenZFS.

use std::collections::BTreeSet;

use aws_sdk_fsx::types::{FileSystem, OntapVolumeConfiguration, Tag, Volume};
use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::arn::Arn;
use crate::model::fsx::{
    FLEXGROUP, FsxFileSystem, FsxVolume, LUSTRE, ONTAP, OPENZFS, OntapKind, is_intelligent_tiering,
};
use crate::model::observed::{Listing, Observed};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;
use crate::model::tag::Tags;

use super::call::ServiceCalls;
use super::key_requests::ListOrder;
use super::listing::join_listings;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const DESCRIBE_FILE_SYSTEMS: Operation = Operation::new("fsx:DescribeFileSystems");
const DESCRIBE_VOLUMES: Operation = Operation::new("fsx:DescribeVolumes");
const DESCRIBE_ASSOCIATIONS: Operation = Operation::new("fsx:DescribeDataRepositoryAssociations");

/// The reader of file systems and volumes.
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Fsx],
    operations: &[
        DESCRIBE_FILE_SYSTEMS,
        DESCRIBE_VOLUMES,
        DESCRIBE_ASSOCIATIONS,
    ],
    tags: TagSource::Own,
    finds_one_by_one: true,
    order: ListOrder::Second,
    list: |reader| {
        Box::pin(async move {
            let calls = reader.begin_service("fsx");
            let mut file_systems = describe_file_systems(reader, &calls, None).await;
            let mut volumes = Listing::complete(Vec::new());
            // Volumes are only in file systems.
            if !file_systems.items.is_empty() || file_systems.gap.is_some() {
                volumes = describe_volumes(reader, &calls, None).await;
            }
            add_links(reader, &calls, &mut file_systems.items).await;
            store(|region| {
                region.fsx_file_systems = file_systems;
                region.fsx_volumes = volumes;
            })
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let (file_systems, volumes) = find_by_id(reader, targets).await;
            store(|region| {
                region.fsx_file_systems = file_systems;
                region.fsx_volumes = volumes;
            })
        })
    },
};

/// The largest page of all: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_DescribeFileSystems.html>.
const PAGE: i32 = 1000;

/// Looks up file systems, and volumes with their file systems, whose keys they have.
async fn find_by_id(
    reader: &RegionReader<'_>,
    targets: &[Target],
) -> (Listing<FsxFileSystem>, Listing<FsxVolume>) {
    let calls = &reader.begin_service("fsx");
    let volumes = Target::ids_of(targets, ResourceKind::FsxVolume);
    let volumes = join_all(volumes.iter().map(|name| {
        // The ARN contains the file system before the volume.
        let id = Arn::parse(name).map_or(name.as_str(), |arn| arn.resource);
        let id = id.rsplit('/').next().unwrap_or_default();
        describe_volumes(reader, calls, Some(id.to_owned()))
    }));
    let volumes = join_listings(volumes.await);
    let own = volumes.items.iter().filter_map(|it| it.file_system.known());
    let mut ids: BTreeSet<String> = own.cloned().collect();
    ids.extend(Target::ids_of(targets, ResourceKind::FsxFileSystem));
    let file_systems = ids.into_iter();
    let file_systems = file_systems.map(|id| describe_file_systems(reader, calls, Some(id)));
    let mut file_systems = join_listings(join_all(file_systems).await);
    add_links(reader, calls, &mut file_systems.items).await;
    (file_systems, volumes)
}

async fn describe_file_systems(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    id: Option<String>,
) -> Listing<FsxFileSystem> {
    let pages = reader
        .session
        .clients
        .fsx(reader.region)
        .describe_file_systems()
        .set_max_results(id.is_none().then_some(PAGE))
        .set_file_system_ids(id.map(|id| vec![id]))
        .into_paginator()
        .send();
    calls
        .list_optional(
            DESCRIBE_FILE_SYSTEMS,
            &["FileSystemNotFound"],
            pages,
            |page| {
                let found = page.file_systems?.into_iter();
                Some(found.map(|it| file_system_from(reader, it)).collect())
            },
        )
        .await
}

async fn describe_volumes(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    id: Option<String>,
) -> Listing<FsxVolume> {
    let pages = reader
        .session
        .clients
        .fsx(reader.region)
        .describe_volumes()
        .set_max_results(id.is_none().then_some(PAGE))
        .set_volume_ids(id.map(|id| vec![id]))
        .into_paginator()
        .send();
    calls
        .list_optional(DESCRIBE_VOLUMES, &["VolumeNotFound"], pages, |page| {
            let found = page.volumes?.into_iter();
            Some(found.map(volume_from).collect())
        })
        .await
}

/// Adds which file systems of Lustre are linked to buckets by an association.
async fn add_links(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    file_systems: &mut [FsxFileSystem],
) {
    let mut open: Vec<&mut FsxFileSystem> = file_systems
        .iter_mut()
        .filter(|it| it.is_linked.known().is_none())
        .collect();
    if open.is_empty() {
        return;
    }
    let pages = reader
        .session
        .clients
        .fsx(reader.region)
        .describe_data_repository_associations()
        .max_results(PAGE)
        .into_paginator()
        .send();
    let linked: Listing<String> = calls
        .list_items(DESCRIBE_ASSOCIATIONS, pages, |page| {
            let found = page.associations?.into_iter();
            let of_file_systems = found.filter(|it| it.file_cache_id.is_none());
            let ids = of_file_systems.map(|it| it.file_system_id.filled());
            Some(ids.collect())
        })
        .await;
    for file_system in &mut open {
        file_system.is_linked = linked
            .find(|id| *id == file_system.id)
            .map(|found| found.is_some())
            .into();
    }
}

fn file_system_from(reader: &RegionReader<'_>, it: FileSystem) -> Option<FsxFileSystem> {
    let operation = DESCRIBE_FILE_SYSTEMS;
    let id = it.file_system_id.filled()?;
    let arn = reader.build_arn("fsx", &format!("file-system/{id}"));
    let file_system_type = it.file_system_type.map(|it| it.as_str().to_owned());
    let state = it.lifecycle.map(|it| it.as_str().to_owned());
    let is_lustre = file_system_type.as_deref() == Some(LUSTRE);
    let lustre = it.lustre_configuration;
    let is_linked = lustre
        .as_ref()
        .is_some_and(|it| it.data_repository_configuration.is_some());
    let deployment_type = lustre.and_then(|it| it.deployment_type);
    let deployment_type = deployment_type.map(|it| it.as_str().to_owned());
    Some(FsxFileSystem {
        arn: it.resource_arn.filled().unwrap_or(arn),
        id,
        tags: read_tags(DESCRIBE_FILE_SYSTEMS, it.tags),
        state: operation.require_text(state, "Lifecycle"),
        // A scratch file system has a key of FSx, which has no name.
        kms_key: match deployment_type.as_deref() {
            Some(deployment) if deployment.starts_with("SCRATCH") => {
                Observed::Known(it.kms_key_id.filled())
            }
            _ => operation.require_text(it.kms_key_id, "KmsKeyId").map(Some),
        },
        deployment_type: match is_lustre {
            true => operation
                .require_text(deployment_type, "DeploymentType")
                .map(Some),
            false => Observed::Known(None),
        },
        is_linked: match is_lustre && !is_linked {
            // The associations decide.
            true => Observed::default(),
            false => Observed::Known(is_linked),
        },
        is_tiered: match file_system_type.as_deref() {
            Some(OPENZFS) => {
                let storage_type = it.storage_type.map(|it| it.as_str().to_owned());
                let storage_type = operation.require_text(storage_type, "StorageType");
                let is_tiered = storage_type.get();
                is_tiered.and_then(|it| is_intelligent_tiering(it)).into()
            }
            _ => Observed::Known(false),
        },
        size: Size::provisioned_gib(
            operation
                .require_field(it.storage_capacity, "StorageCapacity")
                .map(i64::from),
        ),
        file_system_type: operation.require_text(file_system_type, "FileSystemType"),
    })
}

fn volume_from(it: Volume) -> Option<FsxVolume> {
    let operation = DESCRIBE_VOLUMES;
    let volume_type = it.volume_type.map(|it| it.as_str().to_owned());
    let state = it.lifecycle.map(|it| it.as_str().to_owned());
    let quota = it.open_zfs_configuration;
    let quota = quota.and_then(|it| it.storage_capacity_quota_gib);
    let ontap_kind = match volume_type.as_deref() {
        Some(ONTAP) => read_ontap_kind(it.ontap_configuration.as_ref()),
        _ => Observed::default(),
    };
    let size = match it.ontap_configuration {
        Some(ontap) => Size::provisioned_bytes(
            operation.require_field(ontap.size_in_bytes, "OntapConfiguration.SizeInBytes"),
        ),
        None => Size::provisioned_gib(
            operation
                .require_field(quota, "OpenZFSConfiguration.StorageCapacityQuotaGiB")
                .map(i64::from),
        ),
    };
    Some(FsxVolume {
        size,
        arn: it.resource_arn.filled()?,
        id: it.volume_id.filled()?,
        name: it.name.filled(),
        tags: read_tags(DESCRIBE_VOLUMES, it.tags),
        volume_type: operation.require_text(volume_type, "VolumeType"),
        file_system: operation.require_text(it.file_system_id, "FileSystemId"),
        state: operation.require_text(state, "Lifecycle"),
        ontap_kind,
    })
}

fn read_ontap_kind(ontap: Option<&OntapVolumeConfiguration>) -> Observed<OntapKind> {
    let volume_type = ontap.and_then(|it| it.ontap_volume_type.as_ref());
    let volume_type = DESCRIBE_VOLUMES.require_text(
        volume_type.map(|it| it.as_str().to_owned()),
        "OntapConfiguration.OntapVolumeType",
    );
    let is_cache = ontap.is_some_and(|it| {
        let endpoint = it.flex_cache_endpoint_type.as_ref();
        endpoint.is_some_and(|it| it.as_str() == "CACHE")
    });
    let is_snaplock_flexgroup = ontap.is_some_and(|it| {
        let style = it.volume_style.as_ref();
        it.snaplock_configuration.is_some() && style.is_some_and(|it| it.as_str() == FLEXGROUP)
    });
    let kind = volume_type
        .get()
        .and_then(|volume_type| OntapKind::from_type(volume_type, is_cache, is_snaplock_flexgroup));
    kind.into()
}

fn read_tags(operation: Operation, tags: Option<Vec<Tag>>) -> Observed<Tags> {
    let tags = tags.unwrap_or_default().into_iter();
    operation.read_tags(tags.map(|tag| (tag.key, tag.value)))
}
