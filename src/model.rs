//! What was seen in an account: plain data, every fact either known or the reason it is not.
//!
//! Nothing here judges and nothing here talks to the world. Only what rules read is held, so a
//! snapshot carries no secret and no raw answer of an API.

pub mod arn;
pub mod backup;
pub mod backup_plan;
pub mod cloudformation;
pub mod coverage;
pub mod dynamodb;
pub mod ec2;
pub mod efs;
pub mod encryption;
pub mod job;
pub mod kms;
pub mod observed;
pub mod organization;
pub mod place;
pub mod rds;
pub mod redshift;
pub mod resource;
pub mod s3;
pub mod selection;
pub mod service;
pub mod snapshot;
pub mod storage_gateway;
pub mod tag;
pub mod tagged;
pub mod vpc;

pub use observed::{Gap, GapKind, Listing, Observed};
pub use resource::{Resource, ResourceKind};
pub use snapshot::{Region, Snapshot};
