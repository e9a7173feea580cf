//! The questions that several rules share, each in one place.

pub mod backup_plans;
pub mod backup_role;
pub mod backup_target;
pub mod backup_types;
pub mod backup_usage;
pub mod bucket_keys;
pub mod central_copies;
pub mod context;
pub mod copy_regions;
pub mod db_windows;
pub mod declaration;
pub mod encryption;
pub mod intervals;
pub mod job_errors;
pub mod job_history;
mod member_key;
pub mod network_index;
pub mod outcome;
pub mod policy_cache;
pub mod proof;
mod region_index;
mod rejected_plans;
pub mod remedy;
pub(crate) mod role_call;
pub mod role_name;
pub mod role_permissions;
pub mod rule_runs;
pub mod s3_routing;
pub mod schedule;
mod selection_arns;
pub mod sharing;
pub mod stack_members;

pub use context::RuleContext;
pub use job_history::Prerequisites;
pub use outcome::{Cause, CheckResult, Evidence, Outcome, Verdict};
pub use remedy::Remedy;
