//! EFS file systems.

use aws_sdk_efs::types::FileSystemDescription;
use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::efs::FileSystem;
use crate::model::observed::{Listing, Observed};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;

use super::key_requests::ListOrder;
use super::listing::join_listings;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const DESCRIBE_FILE_SYSTEMS: Operation = Operation::new("elasticfilesystem:DescribeFileSystems");

/// The reader of file systems.
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Efs],
    operations: &[DESCRIBE_FILE_SYSTEMS],
    tags: TagSource::Own,
    finds_one_by_one: true,
    order: ListOrder::Second,
    list: |reader| {
        Box::pin(async move {
            let found = describe_file_systems(reader, None).await;
            store(|region| region.file_systems = found)
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let ids = Target::ids_of(targets, ResourceKind::EfsFileSystem);
            let read = ids.iter().map(|id| describe_file_systems(reader, Some(id)));
            let found = join_listings(join_all(read).await);
            store(|region| region.file_systems = found)
        })
    },
};

/// The largest page: <https://docs.aws.amazon.com/efs/latest/ug/API_DescribeFileSystems.html>.
const PAGE: i32 = 100;

async fn describe_file_systems(
    reader: &RegionReader<'_>,
    id: Option<&String>,
) -> Listing<FileSystem> {
    let calls = reader.begin_service("efs");
    // The API rejects a page size together with an id.
    let pages = reader
        .session
        .clients
        .efs(reader.region)
        .describe_file_systems()
        .set_file_system_id(id.cloned())
        .set_max_items(id.is_none().then_some(PAGE))
        .into_paginator()
        .send();
    let absent = ["FileSystemNotFound"];
    calls
        .list_optional(DESCRIBE_FILE_SYSTEMS, &absent, pages, |page| {
            let systems = page.file_systems?.into_iter();
            let read = systems.map(|it| file_system_from(reader, it));
            Some(read.collect())
        })
        .await
}

fn file_system_from(
    reader: &RegionReader<'_>,
    system: FileSystemDescription,
) -> Option<FileSystem> {
    let operation = DESCRIBE_FILE_SYSTEMS;
    let id = system.file_system_id.filled()?;
    let arn = reader.build_arn("elasticfilesystem", &format!("file-system/{id}"));
    let tags = system.tags.into_iter();
    let state = Some(system.life_cycle_state.as_str().to_owned());
    Some(FileSystem {
        arn: system.file_system_arn.filled().unwrap_or(arn),
        id,
        tags: operation.read_tags(tags.map(|tag| (Some(tag.key), Some(tag.value)))),
        state: operation.require_text(state, "LifeCycleState"),
        encrypted: operation.require_field(system.encrypted, "Encrypted"),
        kms_key: Observed::Known(system.kms_key_id.filled()),
        size: Size::measured_bytes(
            operation.require_field(system.size_in_bytes.map(|it| it.value), "SizeInBytes"),
        ),
    })
}
