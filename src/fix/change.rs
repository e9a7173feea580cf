//! What can be changed in place.

use std::collections::BTreeMap;

/// A change in place, with the real ids of what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Puts a policy on a key.
    PutKeyPolicy {
        /// The key's ARN.
        key_arn: String,
        /// Its region.
        region: String,
        /// The policy that it has.
        before: String,
        /// The policy that it gets.
        after: String,
    },
    /// Sets AWS Backup's settings of a region.
    BackupSettings {
        /// The region.
        region: String,
        /// Services that are opted in.
        opt_in: Preferences,
        /// Services that AWS Backup manages fully.
        management: Preferences,
    },
    /// Enables versioning of a bucket.
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
        /// After how many days a version goes that is no longer the current one.
        days: u32,
    },
    /// Sets a tag on resources and leaves their other tags alone.
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
    /// Takes a tag off resources.
    Untag {
        /// ARNs, all in one region.
        arns: Vec<String>,
        /// The region.
        region: String,
        /// The tag's key.
        key: String,
    },
    /// Encrypts new volumes with a customer managed key, which whoever runs it names.
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
        /// The route tables of its private subnets.
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
        /// The route tables to add.
        route_tables: Vec<String>,
    },
    /// Gives a gateway endpoint the policy of full access.
    ResetEndpointPolicy {
        /// The endpoint's id.
        endpoint_id: String,
        /// Its region.
        region: String,
    },
}

/// A map of AWS Backup's settings: what changes, and what stays as it is.
///
/// The whole map is always sent, so that it does not matter whether AWS adds to what it has or replaces
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Services that are turned on, by AWS Backup's names for them.
    pub on: Vec<String>,
    /// The others, as they were read.
    pub kept: BTreeMap<String, bool>,
    /// The whole map as it was read.
    pub before: BTreeMap<String, bool>,
}

impl Preferences {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.on.is_empty()
    }

    /// The whole map.
    #[must_use]
    pub fn whole(&self) -> BTreeMap<&str, bool> {
        let kept = self.kept.iter().map(|(name, on)| (name.as_str(), *on));
        kept.chain(self.on.iter().map(|name| (name.as_str(), true)))
            .collect()
    }
}

impl Action {
    /// The IAM actions that it takes.
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
            // The tagging API asks for the service's own permission too; these are those of what is tagged.
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

    /// The region in which it is made.
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
