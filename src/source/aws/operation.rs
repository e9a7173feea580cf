//! API operations and the IAM actions that allow them.

use crate::model::observed::{Gap, GapKind, Observed};

/// Coverage key for calls shared by several services. It has no row in the report: the results of
/// these calls are recorded for each service that they serve.
pub const SHARED: &str = "shared";

/// Lists the regions of the partition.
pub const DESCRIBE_REGIONS: Operation = Operation::new("ec2:DescribeRegions");

/// Lists tagged resources with their tags.
pub const GET_RESOURCES: Operation = Operation::new("tag:GetResources");

/// An API operation and the IAM action that allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The name in the API reference: `s3:GetBucketEncryption`.
    pub name: &'static str,
    /// The IAM action: `s3:GetEncryptionConfiguration`.
    pub action: &'static str,
}

impl Operation {
    /// Returns an operation whose IAM action has the same name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Operation { name, action: name }
    }

    /// Returns an operation whose IAM action has another name.
    #[must_use]
    pub const fn with_action(name: &'static str, action: &'static str) -> Self {
        Operation { name, action }
    }

    /// Returns a gap caused by this operation.
    #[must_use]
    pub fn make_gap(self, kind: GapKind, code: &str, message: impl Into<String>) -> Gap {
        Gap {
            kind,
            operation: self.name.to_owned(),
            action: self.action.to_owned(),
            code: Some(code.to_owned()),
            message: message.into(),
            needs: None,
        }
    }

    /// Returns a text of the response, or a gap if AWS left it out.
    pub fn require_text(self, value: Option<String>, name: &str) -> Observed<String> {
        self.require_field(value.filled(), name)
    }

    /// Returns a field of the response, or a gap if AWS left the field out.
    pub fn require_field<T>(self, value: Option<T>, name: &str) -> Observed<T> {
        match value {
            Some(value) => Observed::Known(value),
            None => Observed::Unknown(Gap::new(
                GapKind::Unreadable,
                format!("the response of {} has no {name}", self.name),
            )),
        }
    }
}

/// A text of a response. An empty one counts as left out: some implementations of AWS's APIs write it for what
/// AWS leaves out, and the SDK fills a required text in.
pub trait ResponseText {
    /// Returns the text, unless it is left out.
    fn filled(self) -> Option<String>;
}

/// What the SDK writes for a required value of an enumeration that a response leaves out.
const NO_VALUE: &str = "no value was set";

impl ResponseText for Option<String> {
    fn filled(self) -> Option<String> {
        self.filter(|text| !text.trim().is_empty() && text != NO_VALUE)
    }
}

impl ResponseText for String {
    fn filled(self) -> Option<String> {
        Some(self).filled()
    }
}
