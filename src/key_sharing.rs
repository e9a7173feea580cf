//! Whether a key policy grants the access that the central account needs to copy backups, and that this account needs to
//! make them.

pub mod aws_managed;
pub mod copy;
pub mod facts;
pub mod local_use;
pub mod lossless_json;
pub mod merge;

pub(crate) mod service_request;
