//! What was read from an account: plain data, in which every fact is either known or has the reason why
//! it is not.
//!
//! Nothing here evaluates rules or performs I/O. Only facts that rules read are kept, so a snapshot
//! contains no secrets and no raw API responses.

pub mod arn;
pub mod aws_type;
pub mod backup;
pub mod backup_plan;
pub mod cloudformation;
pub mod coverage;
pub mod dynamodb;
pub mod ec2;
pub mod efs;
pub mod encryption;
pub mod fact;
pub mod fleet;
pub mod fsx;
pub mod image;
pub mod job;
pub mod kind;
pub mod kms;
pub mod lookup;
pub mod observed;
pub mod organization;
pub mod place;
mod policy_entry;
pub mod rds;
pub mod redshift;
pub mod region;
pub mod resource;
pub mod s3;
pub mod selected_tags;
pub mod selection;
pub mod service;
pub mod size;
pub mod snapshot;
pub mod state;
pub mod storage_gateway;
pub mod tag;
pub mod tag_map;
pub mod tagged;
pub mod vpc;

pub use kind::ResourceKind;
pub use observed::{Gap, GapKind, Listing, Observed};
pub use region::Region;
pub use resource::Resource;
pub use snapshot::Snapshot;
