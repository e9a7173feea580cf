//! One test binary: each further one would link the AWS SDK again.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test may read files, fail loudly, and be a long table of cases"
)]

mod accounts;
mod actions;
mod browser;
#[cfg(target_os = "linux")]
mod budget;
mod cases;
mod cli;
mod cloudformation;
#[cfg(feature = "aws")]
mod collect;
mod cost;
#[cfg(all(feature = "aws", unix))]
mod deploy;
#[cfg(unix)]
mod docs;
#[cfg(all(feature = "aws", unix))]
mod duckdb;
#[cfg(feature = "aws")]
mod faults;
mod fix;
mod fleet;
mod formats;
mod fuzz;
mod gaps;
mod gates;
#[cfg(target_os = "linux")]
mod hostile;
mod install;
mod key_policy;
mod language;
mod layering;
mod limits;
#[cfg(all(feature = "aws", unix))]
mod ministack;
#[cfg(feature = "aws")]
mod moto;
mod policy;
mod read_only;
mod reasons;
mod rules;
mod selection;
mod support;
mod table;
mod terraform;
