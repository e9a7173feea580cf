//! API operations and the IAM actions that allow them.

use crate::model::observed::{Gap, GapDetails, GapKind, Observed};
use crate::model::tag::Tags;

/// Coverage key for calls shared by several services. It has no row in the report: the results of
/// these calls are recorded for each service that they serve.
pub const SHARED: &str = "shared";

/// Lists the regions of the partition.
pub const DESCRIBE_REGIONS: Operation = Operation::new("ec2:DescribeRegions");

/// Lists tagged resources with their tags.
pub const GET_RESOURCES: Operation = Operation::new("tag:GetResources");

/// Describes images.
pub const DESCRIBE_IMAGES: Operation = Operation::new("ec2:DescribeImages");

/// Describes the snapshots of images.
pub const DESCRIBE_SNAPSHOTS: Operation = Operation::new("ec2:DescribeSnapshots");

/// Describes launch templates, which name images.
pub const DESCRIBE_TEMPLATES: Operation = Operation::new("ec2:DescribeLaunchTemplateVersions");

/// Lists what stacks export.
pub const LIST_EXPORTS: Operation = Operation::new("cloudformation:ListExports");

/// Lists the aliases of keys.
pub const LIST_ALIASES: Operation = Operation::new("kms:ListAliases");

/// The operations of which a failure does not mean that the resources of a service were not read: they return tags,
/// regions, or what only plans and templates need.
pub const SECONDARY: [Operation; 7] = [
    GET_RESOURCES,
    DESCRIBE_REGIONS,
    DESCRIBE_IMAGES,
    DESCRIBE_SNAPSHOTS,
    DESCRIBE_TEMPLATES,
    LIST_EXPORTS,
    LIST_ALIASES,
];

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
        Gap::from_details(GapDetails {
            kind,
            operation: self.name.to_owned(),
            action: self.action.to_owned(),
            code: Some(code.to_owned()),
            message: message.into(),
            needs: None,
            keys: Vec::new(),
        })
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

impl Operation {
    /// Returns the tags of a response by key. An empty value is one. What a snapshot keeps of them depends on the backup
    /// plans, which are read at the same time: [`crate::model::Snapshot::retain_selected_tags`] removes the others.
    ///
    /// # Errors
    /// A tag has no key or no value: what it says is not known.
    pub fn read_tags(
        self,
        tags: impl IntoIterator<Item = (Option<String>, Option<String>)>,
    ) -> Observed<Tags> {
        let tags = tags.into_iter().map(|(key, value)| {
            let key = self.require_field(key.filter(|key| !key.is_empty()), "key of a tag");
            let key = key.get()?.clone();
            let value = self.require_field(value, &format!("value of the tag {key}"));
            Ok((key, value.get()?.clone()))
        });
        let tags = tags.collect::<Result<Vec<_>, Gap>>();
        // A key of blanks selects nothing.
        let named = |tags: Vec<(String, String)>| {
            let tags = tags.into_iter();
            tags.filter(|(key, _)| !key.trim().is_empty()).collect()
        };
        tags.map(named).into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_without_a_key_or_a_value_is_not_known() {
        let read = |key: &str, value: Option<&str>| {
            let tags = [
                (Some("Name".to_owned()), Some("db".to_owned())),
                (Some(key.to_owned()), value.map(str::to_owned)),
            ];
            Operation::new("ec2:DescribeVolumes").read_tags(tags)
        };
        let empty = read("backup", Some(""));
        assert_eq!(empty.known().unwrap().get("backup").unwrap(), "");
        let gap = read("backup", None).gap().unwrap().to_string();
        assert!(gap.contains("value of the tag backup"), "{gap}");
        let gap = read("", Some("enabled")).gap().unwrap().to_string();
        assert!(gap.contains("key of a tag"), "{gap}");
        // A key of blanks selects nothing.
        assert_eq!(read(" ", Some("")).known().unwrap().iter().count(), 1);
    }
}
