//! EFS file systems.

use aws_sdk_efs::types::FileSystemDescription;
use futures_util::future::join_all;

use crate::model::efs::FileSystem;
use crate::model::observed::{Listing, Observed};

use super::listing::join_listings;
use super::operation::Operation;
use super::reader::RegionReader;

const DESCRIBE_FILE_SYSTEMS: Operation = Operation::new("elasticfilesystem:DescribeFileSystems");

/// API operations used to read file systems.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_FILE_SYSTEMS];

/// The largest page: <https://docs.aws.amazon.com/efs/latest/ug/API_DescribeFileSystems.html>.
const PAGE: i32 = 100;

/// Lists the file systems of a region.
pub async fn list_file_systems(reader: &RegionReader<'_>) -> Listing<FileSystem> {
    describe_file_systems(reader, None).await
}

/// Looks up file systems by id.
pub async fn find_file_systems(reader: &RegionReader<'_>, ids: &[String]) -> Listing<FileSystem> {
    let read = ids.iter().map(|id| describe_file_systems(reader, Some(id)));
    join_listings(join_all(read).await)
}

async fn describe_file_systems(
    reader: &RegionReader<'_>,
    id: Option<&String>,
) -> Listing<FileSystem> {
    let calls = reader.begin_service("efs");
    // The API rejects a page size together with an id.
    let pages = reader
        .session
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
    // The SDK replaces a missing required string with an empty one.
    let id = Some(system.file_system_id).filter(|id| !id.is_empty())?;
    let arn = reader.build_arn("elasticfilesystem", &format!("file-system/{id}"));
    let pairs = system.tags.into_iter().map(|tag| (tag.key, tag.value));
    let state = system.life_cycle_state.as_str();
    let state = (!state.is_empty()).then(|| state.to_owned());
    Some(FileSystem {
        arn: system.file_system_arn.unwrap_or(arn),
        id,
        tags: Observed::Known(reader.keep_tags(pairs)),
        state: operation.require_field(state, "LifeCycleState"),
        encrypted: operation.require_field(system.encrypted, "Encrypted"),
        kms_key: Observed::Known(system.kms_key_id),
    })
}
