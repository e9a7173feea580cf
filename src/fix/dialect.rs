//! The languages in which a change is written.

pub mod aws_cli;
pub mod cdk;
pub mod key_policy;
pub mod terraform;
