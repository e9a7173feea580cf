//! Why a plan cannot be read.

use thiserror::Error;

/// Why JSON from Terraform cannot be read.
#[derive(Debug, Error)]
pub enum TerraformError {
    /// A newer format version.
    #[error(
        "the plan has format version {found}; this version of backup-check reads 0.x and 1.x; use a newer backup-check or an older Terraform"
    )]
    Newer {
        /// Format version of the file.
        found: String,
    },
    /// A plan that Terraform did not complete.
    #[error(
        "the plan is incomplete (\"errored\": true); fix the `terraform plan` errors and plan again"
    )]
    Errored,
    /// Neither a plan nor a state.
    #[error(
        "nothing to check: the output of `terraform show -json` has neither a plan nor a state"
    )]
    Empty,
    /// A part with an unexpected type.
    #[error("not valid output of `terraform show -json`: {path} is not {expected}")]
    Form {
        /// Path of the part in the JSON.
        path: String,
        /// Expected type.
        expected: &'static str,
    },
}

impl TerraformError {
    pub(super) fn unexpected_form(path: impl Into<String>, expected: &'static str) -> Self {
        let path = path.into();
        TerraformError::Form { path, expected }
    }
}
