//! CloudFormation stacks and what is in them.

use serde::{Deserialize, Serialize};

use super::arn::Arn;
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
    /// What AWS calls it: the id, the name or the ARN by its type; none where it was never made, or where the
    /// response leaves it out.
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
        match self.state.as_str() {
            "DELETE_COMPLETE" | "EXPORT_COMPLETE" | "DELETE_IN_PROGRESS" | "DELETE_SKIPPED"
            | "CREATE_FAILED" => true,
            // It was not created yet, or never.
            "CREATE_IN_PROGRESS"
            | "ROLLBACK_IN_PROGRESS"
            | "ROLLBACK_COMPLETE"
            | "ROLLBACK_FAILED" => !self.has_id(),
            // It exists, whether the response has its id or not.
            _ => false,
        }
    }

    /// Whether its physical id is known.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.physical_id.as_deref().is_some_and(|id| !id.is_empty())
    }
}

/// An output of a stack that other stacks import. Source: CloudFormation API, `ListExports`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Its name, which is unique in the account and region.
    pub name: String,
    /// Its value; none where it is not a list of identifiers. Others are not kept: they may be anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Returns whether a value is an identifier of AWS, or several with commas between them: an ARN, an id such as
/// `vpc-0a1b2c3d`, or the id or alias of a key.
#[must_use]
pub fn is_identifier(value: &str) -> bool {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_hexdigit());
    let is_one = |text: &str| {
        let groups: Vec<&str> = text.split('-').collect();
        let is_uuid = groups.iter().map(|it| it.len()).eq([8, 4, 4, 4, 12])
            && groups.iter().all(|it| is_hex(it));
        let is_id = text.rsplit_once('-').is_some_and(|(kind, id)| {
            let is_kind = |it: char| it.is_ascii_lowercase() || it == '-';
            (8..=32).contains(&id.len())
                && is_hex(id)
                && !kind.is_empty()
                && kind.chars().all(is_kind)
        });
        is_uuid || is_id || text.starts_with("alias/") || Arn::parse(text).is_some()
    };
    value.split(',').all(|it| is_one(it.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_without_an_id_is_gone_only_if_it_may_never_have_been_made() {
        let is_gone = |state: &str| {
            let resource = StackResource {
                logical_id: "Data".to_owned(),
                physical_id: None,
                resource_type: "AWS::EC2::Volume".to_owned(),
                state: state.to_owned(),
            };
            resource.is_gone()
        };
        for state in ["CREATE_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE"] {
            assert!(is_gone(state), "{state}");
        }
        for state in [
            "UPDATE_FAILED",
            "UPDATE_ROLLBACK_COMPLETE",
            "DELETE_FAILED",
            "",
        ] {
            assert!(!is_gone(state), "{state}");
        }
    }

    #[test]
    fn only_identifiers_are_kept_of_exports() {
        for value in [
            "vpc-0a1b2c3d4e5f60718",
            "subnet-0a1b2c3d, subnet-1a1b2c3d",
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            "alias/orders",
        ] {
            assert!(is_identifier(value), "{value}");
        }
        for value in [
            "",
            "hunter2",
            "correct-horse",
            "vpc-0a1b2c3d,hunter2",
            "12345678",
        ] {
            assert!(!is_identifier(value), "{value}");
        }
    }
}
