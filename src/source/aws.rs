//! Reads a live AWS account: all regions and services at the same time.
//!
//! There is one client per service and region. Every call goes through [`call::ServiceCalls`], which
//! bounds the number of concurrent calls, turns each failure into a gap and records each result for the
//! coverage.
//!
//! No module here imports one that depends on it: `operation`, `meter` and `scan_scope` are leaves,
//! `reader` is what all readers share, each service has a module, `region` and `account` join them.

pub mod account;
pub mod backup;
pub mod backup_jobs;
pub mod by_id;
pub mod call;
pub mod clients;
pub mod cloudformation;
pub mod cloudwatch;
pub mod coverage;
pub mod dynamodb;
pub mod ec2;
pub mod efs;
mod error;
pub mod fsx;
mod http_client;
pub mod iam;
mod images;
pub mod key_requests;
pub mod kms;
pub mod listing;
pub mod lists;
pub mod meter;
pub mod operation;
pub mod organizations;
pub mod page;
pub mod permissions;
mod rate;
pub mod rds;
pub mod reader;
pub mod redshift;
mod region;
pub mod request;
pub mod retry;
pub mod s3;
pub mod s3_store;
pub mod scan_scope;
pub mod service_reader;
pub mod session;
pub mod storage_gateway;
pub mod tagging;
pub mod task;
pub mod truncation;
pub mod vpc;
