//! What the central account needs of a KMS key, and whether the key's policy grants it.

pub mod copy;
pub mod facts;
pub mod lossless_json;
pub mod merge;
