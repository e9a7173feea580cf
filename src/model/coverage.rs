//! What was asked of AWS, and how far it was answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One region and service that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The region asked; `global` for calls about the account: its organization and
    /// its roles, as part of `backup`.
    pub region: String,
    /// The service: `s3`, `ec2`, `ebs`, `rds`, `efs`, `dynamodb`, `storagegateway`, `redshift`, `vpc`, `kms`, `backup`.
    pub service: String,
    /// How far it was answered.
    pub state: CoverageState,
    /// How many resources were read there.
    pub resources: usize,
    /// The first failure, where there was one.
    pub error: Option<CoverageError>,
}

/// How far a service answered in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CoverageState {
    /// Everything that was asked was answered.
    Scanned,
    /// An operation was denied throughout.
    Denied,
    /// An operation failed throughout.
    Error,
    /// An operation failed for some resources or after some pages.
    Partial,
    /// The region is not enabled for the account.
    Disabled,
}

impl CoverageState {
    /// As in the JSON report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CoverageState::Scanned => "scanned",
            CoverageState::Denied => "denied",
            CoverageState::Error => "error",
            CoverageState::Partial => "partial",
            CoverageState::Disabled => "disabled",
        }
    }
}

/// A failure as AWS reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageError {
    /// AWS's error code; a short word of ours where the network failed.
    pub code: String,
    /// The operation: `kms:GetKeyPolicy`.
    pub operation: String,
    /// What AWS, or the network, said.
    pub message: String,
}

/// How many calls a scan took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// Requests sent, retries included.
    pub api_calls: u64,
    /// Requests that repeated an earlier one.
    pub retries: u64,
    /// Answers that asked for fewer calls.
    pub throttled: u64,
}
