//! EFS file systems.

use std::sync::Arc;

use aws_sdk_efs::types::FileSystemDescription;
use futures_util::future::join_all;

use crate::model::efs::FileSystem;
use crate::model::observed::{Listing, Observed};

use super::call::{Caller, Operation};
use super::scan_scope::joined;
use super::session::Session;
use super::tagging::keep;

const DESCRIBE_FILE_SYSTEMS: Operation = Operation::new("elasticfilesystem:DescribeFileSystems");

/// What reading file systems takes.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_FILE_SYSTEMS];

/// The largest page: <https://docs.aws.amazon.com/efs/latest/ug/API_DescribeFileSystems.html>.
const PAGE: i32 = 100;

/// The file systems of a region.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<FileSystem> {
    systems(session, caller, region, tag_key, None).await
}

/// Some file systems.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    ids: &[String],
) -> Listing<FileSystem> {
    let read = ids
        .iter()
        .map(|id| systems(session, caller, region, tag_key, Some(id)));
    joined(join_all(read).await)
}

async fn systems(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    id: Option<&String>,
) -> Listing<FileSystem> {
    let scope = caller.scope(region, "efs");
    // With an id there is no page to size.
    let pages = session
        .efs(region)
        .describe_file_systems()
        .set_file_system_id(id.cloned())
        .set_max_items(id.is_none().then_some(PAGE))
        .into_paginator()
        .send();
    scope
        .list_of(
            DESCRIBE_FILE_SYSTEMS,
            &["FileSystemNotFound"],
            pages,
            |page| {
                let systems = page.file_systems?.into_iter();
                let read = systems.map(|it| file_system_of(session, region, tag_key, it));
                Some(read.collect())
            },
        )
        .await
}

fn file_system_of(
    session: &Session,
    region: &str,
    tag_key: &str,
    system: FileSystemDescription,
) -> Option<FileSystem> {
    let field = DESCRIBE_FILE_SYSTEMS;
    // The SDK puts an empty text in the place of a required one that is missing.
    let id = Some(system.file_system_id).filter(|id| !id.is_empty())?;
    let arn = session.arn("elasticfilesystem", region, &format!("file-system/{id}"));
    let pairs = system.tags.into_iter().map(|tag| (tag.key, tag.value));
    let state = system.life_cycle_state.as_str();
    Some(FileSystem {
        arn: system.file_system_arn.unwrap_or(arn),
        id,
        tags: Observed::Known(keep(pairs, tag_key)),
        state: field.field(
            (!state.is_empty()).then(|| state.to_owned()),
            "LifeCycleState",
        ),
        encrypted: field.field(system.encrypted, "Encrypted"),
        kms_key: Observed::Known(system.kms_key_id),
    })
}
