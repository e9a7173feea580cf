//! The questions that several rules share, each in one place.

pub mod backup_plans;
pub mod backup_role;
pub mod context;
pub mod encryption;
pub mod job_errors;
pub mod job_history;
mod member_key;
pub mod outcome;
pub mod policy_cache;
mod region_index;
pub mod role_name;
pub mod s3_routing;
pub mod stack_members;

pub use context::RuleContext;
pub use job_history::Prerequisites;
pub use outcome::{Cause, CheckResult, Evidence, Outcome, Verdict};
