//! Resources that are found by their tag alone, because no list of the snapshot covers their type.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::tag::Tags;

/// A resource that is tagged `enabled`. Source: `GetResources`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaggedResource {
    /// Its ARN.
    pub arn: String,
    /// The part of the ARN after the resource type.
    pub id: String,
    /// Its CloudFormation type: `AWS::FSx::FileSystem`.
    pub aws_type: String,
    /// Its tags.
    pub tags: Observed<Tags>,
    /// Whether its service knows it, where the list of its type lacks it and it was looked up by its id.
    /// `None` for a type that is not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<Observed<bool>>,
}
