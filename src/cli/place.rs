//! Folders and buckets of the command line.

use crate::store::{BucketPlace, Folder, Place, Store};

use super::args::{AccessArgs, GlobalArgs};

/// Opens a place that exists.
pub(super) fn open_store(
    place: &Place,
    access: &AccessArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Box<dyn Store>> {
    match place {
        Place::Folder(folder) => Ok(Box::new(Folder::open(folder)?)),
        Place::Bucket(place) => open_bucket(place, access, global),
    }
}

/// Opens a place, and creates it if it is a folder that does not exist.
pub(super) fn create_store(
    place: &Place,
    access: &AccessArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Box<dyn Store>> {
    match place {
        Place::Folder(folder) => Ok(Box::new(Folder::create(folder)?)),
        Place::Bucket(place) => open_bucket(place, access, global),
    }
}

#[cfg(feature = "aws")]
pub(super) fn open_bucket(
    place: &BucketPlace,
    access: &AccessArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Box<dyn Store>> {
    super::live::open_bucket(place, access, global)
}

#[cfg(not(feature = "aws"))]
pub(super) fn open_bucket(
    place: &BucketPlace,
    _: &AccessArgs,
    _: &GlobalArgs,
) -> anyhow::Result<Box<dyn Store>> {
    anyhow::bail!("this build cannot open {place} (feature `aws` is disabled); name a folder")
}
