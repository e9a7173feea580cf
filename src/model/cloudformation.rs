//! CloudFormation stacks and what is in them.

use serde::{Deserialize, Serialize};

use super::tag::Tags;
use super::{Listing, Observed};

/// A stack. Source: CloudFormation API, `DescribeStacks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// Its id, which is its ARN and ends with a UUID.
    pub arn: String,
    /// Its name.
    pub id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `CREATE_COMPLETE`, `UPDATE_ROLLBACK_FAILED`, ...
    #[serde(default)]
    pub state: Observed<String>,
    /// The ARN of the stack that it is nested in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What it holds, nested stacks as one resource each. Source: `ListStackResources`.
    #[serde(default)]
    pub resources: Listing<StackResource>,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// What AWS calls it: the id, the name or the ARN by its type; none where it was never made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<String>,
    /// `AWS::EC2::Volume`
    pub resource_type: String,
    /// `CREATE_COMPLETE`, `DELETE_COMPLETE`, ...
    pub state: String,
}

impl StackResource {
    /// Whether it is gone, never was, or was kept when the stack let go of it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.physical_id.as_deref().is_none_or(str::is_empty)
            || matches!(
                self.state.as_str(),
                "DELETE_COMPLETE"
                    | "EXPORT_COMPLETE"
                    | "DELETE_IN_PROGRESS"
                    | "DELETE_SKIPPED"
                    | "CREATE_FAILED"
            )
    }
}
