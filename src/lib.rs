//! Tells, before a resource is tagged for AWS Backup, whether its copy to the central account can work.
//!
//! ```text
//! source ──> snapshot ──> rules ──────────> report ──> writers
//! (live AWS, (pure facts) (pure evaluation)  (one finding model, many formats)
//!  saved file,                                 └─────> fix
//!  plan, template)                            (the changes that fix it, in several dialects)
//! ```
//!
//! Everything that talks to the world is at the two ends. The middle is pure: no SDK, no clock, no
//! environment, no files. A [`model::Snapshot`] holds facts, each known or the reason it is not;
//! [`rules::ALL`] judge it through [`evaluate::evaluate`]; [`report`] writes what they found, and
//! [`fix`] what would fix it.

pub mod analysis;
pub mod cli;
pub mod cost;
pub mod evaluate;
pub mod exit;
pub mod fix;
pub mod fleet;
pub mod iam;
pub mod key_sharing;
pub mod model;
pub mod report;
pub mod rule;
pub mod rules;
pub mod settings;
pub mod source;
pub mod store;
pub mod text;
