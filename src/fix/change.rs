//! What a change is: data that each dialect writes in its own language.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::remedy::Declaration;

/// The number of ARNs that one call of `TagResources` or `UntagResources` accepts.
///
/// Source: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>.
pub(super) const MAX_TAGGED_ARNS: usize = 20;

/// One change: it fixes one root cause, however many findings that has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it does, in one line.
    pub title: String,
    /// The region it is made in; `None` where it has none or several.
    pub region: Option<String>,
    /// The findings that it fixes.
    pub fixes: Vec<FixedFinding>,
    /// How to make it.
    pub method: Method,
    /// What running workloads and the bill notice of it.
    pub warnings: Vec<String>,
    /// The IAM actions needed to make it, sorted.
    pub permissions: BTreeSet<&'static str>,
}

/// A finding that a change fixes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FixedFinding {
    /// The resource's ARN, or the identifier used in place of one.
    pub resource: String,
    /// The rule's id.
    pub rule: &'static str,
    /// The finding's id.
    pub finding: String,
}

/// How a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// In place: nothing is replaced and nothing stops.
    InPlace(Vec<Action>),
    /// Step by step and supervised: it replaces data, causes downtime, enables a key, or needs a decision.
    Runbook(Vec<Step>),
    /// In the plan's configuration or the template, in its language.
    Declaration(Declaration),
    /// Not in the configuration of this account: the lines say who changes what instead.
    Advice(Vec<String>),
}

/// One step of a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What to know or to do before the next command.
    Note(String),
    /// A command.
    Run {
        /// The command, quoted for a shell. The operator sets the variables in it, such as `"$KEY_ARN"`.
        command: String,
        /// The IAM actions that it needs.
        permissions: &'static [&'static str],
    },
}

impl Step {
    /// Returns a step that is text.
    pub(super) fn note(text: impl Into<String>) -> Self {
        Step::Note(text.into())
    }

    /// Returns a step that is a command.
    pub(super) fn run(command: impl Into<String>, permissions: &'static [&'static str]) -> Self {
        Step::Run {
            command: command.into(),
            permissions,
        }
    }

    /// Returns the IAM actions that the step needs.
    pub fn permissions(&self) -> impl Iterator<Item = &'static str> {
        let permissions: &'static [&'static str] = match self {
            Step::Note(_) => &[],
            Step::Run { permissions, .. } => permissions,
        };
        permissions.iter().copied()
    }
}

/// A change in place, with the ids of what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Puts a policy on a key.
    PutKeyPolicy {
        /// The key's ARN.
        key_arn: String,
        /// Its region.
        region: String,
        /// The policy that the scan read.
        before: String,
        /// The policy to put.
        after: String,
    },
    /// Updates the settings of AWS Backup in a region.
    BackupSettings {
        /// The region.
        region: String,
        /// Whether AWS Backup is opted in, by service.
        opt_in: Preferences,
        /// Whether backups are fully managed by AWS Backup, by service.
        management: Preferences,
    },
    /// Enables versioning on a bucket.
    EnableVersioning {
        /// The bucket's name.
        bucket: String,
        /// Its region.
        region: String,
    },
    /// Adds a lifecycle rule that expires noncurrent versions.
    ExpireOldVersions {
        /// The bucket's name.
        bucket: String,
        /// Its region.
        region: String,
        /// How many days a version is kept after it becomes noncurrent.
        days: u32,
    },
    /// Sets a tag on resources and keeps their other tags.
    Tag {
        /// ARNs, all in one region.
        arns: Vec<String>,
        /// The region.
        region: String,
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
    /// Removes a tag from resources.
    Untag {
        /// ARNs, all in one region.
        arns: Vec<String>,
        /// The region.
        region: String,
        /// The tag's key.
        key: String,
    },
    /// Encrypts new volumes with a customer managed key, which the operator names.
    EbsDefaults {
        /// The region.
        region: String,
    },
    /// Creates a gateway endpoint for S3.
    CreateS3Endpoint {
        /// The VPC's id.
        vpc_id: String,
        /// Its region.
        region: String,
        /// The ids of the route tables of its private subnets.
        route_tables: Vec<String>,
    },
    /// Adds route tables to a gateway endpoint.
    AddRouteTables {
        /// The VPC's id.
        vpc_id: String,
        /// The endpoint's id.
        endpoint_id: String,
        /// Its region.
        region: String,
        /// The ids of the route tables to add.
        route_tables: Vec<String>,
    },
    /// Resets the policy of a gateway endpoint to the default, full access.
    ResetEndpointPolicy {
        /// The endpoint's id.
        endpoint_id: String,
        /// Its region.
        region: String,
    },
}

/// One map of the settings of AWS Backup: the services to turn on, and those that stay as they are.
///
/// All of the map is sent, so it does not matter whether AWS Backup replaces its map or adds to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// The services to turn on, by AWS Backup's names.
    pub on: Vec<String>,
    /// The other services, as the scan read them.
    pub kept: BTreeMap<String, bool>,
    /// The map as the scan read it.
    pub before: BTreeMap<String, bool>,
}

impl Preferences {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.on.is_empty()
    }

    /// Returns the map to send.
    #[must_use]
    pub fn merged(&self) -> BTreeMap<&str, bool> {
        let kept = self.kept.iter().map(|(name, on)| (name.as_str(), *on));
        kept.chain(self.on.iter().map(|name| (name.as_str(), true)))
            .collect()
    }
}

impl Action {
    /// Returns the IAM actions that the change needs.
    #[must_use]
    pub fn permissions(&self) -> &'static [&'static str] {
        match self {
            Action::PutKeyPolicy { .. } => &["kms:GetKeyPolicy", "kms:PutKeyPolicy"],
            Action::BackupSettings { .. } => &[
                "backup:DescribeRegionSettings",
                "backup:UpdateRegionSettings",
            ],
            Action::EnableVersioning { .. } => &["s3:PutBucketVersioning"],
            Action::ExpireOldVersions { .. } => &[
                "s3:GetLifecycleConfiguration",
                "s3:PutLifecycleConfiguration",
            ],
            // The service of each tagged resource needs a permission too, which depends on the ARNs.
            Action::Tag { .. } => &["tag:TagResources"],
            Action::Untag { .. } => &["tag:UntagResources"],
            Action::EbsDefaults { .. } => &[
                "ec2:EnableEbsEncryptionByDefault",
                "ec2:ModifyEbsDefaultKmsKeyId",
                "kms:DescribeKey",
            ],
            Action::CreateS3Endpoint { .. } => {
                &["ec2:CreateVpcEndpoint", "ec2:DescribeVpcEndpoints"]
            }
            Action::AddRouteTables { .. } => &["ec2:DescribeVpcEndpoints", "ec2:ModifyVpcEndpoint"],
            Action::ResetEndpointPolicy { .. } => &["ec2:ModifyVpcEndpoint"],
        }
    }

    /// Returns the region in which the change is made.
    #[must_use]
    pub fn region(&self) -> &str {
        match self {
            Action::PutKeyPolicy { region, .. }
            | Action::BackupSettings { region, .. }
            | Action::EnableVersioning { region, .. }
            | Action::ExpireOldVersions { region, .. }
            | Action::Tag { region, .. }
            | Action::Untag { region, .. }
            | Action::EbsDefaults { region }
            | Action::CreateS3Endpoint { region, .. }
            | Action::AddRouteTables { region, .. }
            | Action::ResetEndpointPolicy { region, .. } => region,
        }
    }
}
