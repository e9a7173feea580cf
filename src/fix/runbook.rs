//! Runbooks: the steps of changes that cannot be made in place.

pub(super) mod automated_backups;
pub(super) mod endpoint;
pub(super) mod event_bridge;
pub(super) mod key;
pub(super) mod rds_windows;
pub(super) mod role;
pub(super) mod storage;
pub(super) mod tag;

mod ebs;
mod managed;
mod note;
mod rds;
