//! Whether a key policy grants the access that the central account needs to copy backups.

pub mod copy;
pub mod facts;
pub mod lossless_json;
pub mod merge;
