//! What would make a check pass, as data: `fix` turns it into commands and code.

use std::sync::Arc;

use crate::key_sharing::facts::KeyFacts;
use crate::model::{Resource, ResourceKind};

/// A language in which resources are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// HCL of Terraform and OpenTofu.
    Hcl,
    /// A CloudFormation template.
    Template,
}

/// What to declare.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declaration {
    /// The language of the file.
    pub language: Language,
    /// The resource's address in a plan, or its logical id in a template.
    pub address: String,
    /// The file.
    pub file: String,
    /// The file, with the line if it is known.
    pub place: String,
    /// The key under `Resources` where the lines of a template can be merged; `None` where they cannot.
    pub logical_id: Option<String>,
    /// Lines of the resource's block, or of its properties.
    pub lines: Vec<String>,
    /// Lines of other resources.
    pub separate: Vec<String>,
    /// What else to change, in sentences.
    pub notes: Vec<String>,
    /// The name of the parameter or variable for a key that the lines use, which the file may not declare.
    pub key_parameter: Option<String>,
}

/// A change that makes a check pass, with everything that is needed to make it.
///
/// Remedies have an order so that a set of them can be kept without duplicates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Grant the central account the actions that a copy needs, in the policy of a key.
    ShareKey {
        /// The key's ARN.
        key_arn: String,
        /// What is known about the key, to merge its policy with the missing statements.
        facts: Arc<KeyFacts>,
    },
    /// Enable a key.
    EnableKey {
        /// The key's ARN.
        key_arn: String,
        /// Whether its deletion must be canceled first.
        is_pending_deletion: bool,
    },
    /// Use another key: this one cannot be made usable.
    ReplaceKey {
        /// The ARN of the unusable key.
        key_arn: String,
    },
    /// Grant this account the use of a key, in the key's policy.
    GrantLocalUse {
        /// The key's ARN.
        key_arn: String,
    },
    /// Attach a managed policy to a role.
    AttachRolePolicy {
        /// The role's name.
        role: String,
        /// The policy's ARN.
        policy_arn: String,
    },
    /// Turn on settings of AWS Backup in a region.
    UpdateBackupSettings {
        /// The region.
        region: String,
        /// Services to opt in, by AWS Backup's names.
        opt_in: Vec<&'static str>,
        /// Services to have fully managed by AWS Backup.
        management: Vec<&'static str>,
    },
    /// Enable versioning of a bucket.
    EnableVersioning {
        /// The bucket's name.
        bucket: String,
        /// The bucket's region.
        region: String,
    },
    /// Add a lifecycle rule that expires the noncurrent versions of all objects.
    ExpireNoncurrentVersions {
        /// The bucket's name.
        bucket: String,
        /// The bucket's region.
        region: String,
    },
    /// Encrypt new EBS volumes with a customer managed key by default.
    SetEbsDefaults {
        /// The region.
        region: String,
    },
    /// Set a tag.
    SetTag {
        /// The ARN of the resource to tag.
        arn: String,
        /// The resource's region.
        region: String,
        /// The tag's key.
        key: String,
        /// The tag's value.
        value: String,
    },
    /// Remove a tag.
    RemoveTag {
        /// The ARN of the tagged resource.
        arn: String,
        /// The resource's region.
        region: String,
        /// The tag's key.
        key: String,
    },
    /// Decide which value the backup tag of a resource should have.
    ChooseBackupTag {
        /// The resource's ARN.
        arn: String,
    },
    /// Create a gateway endpoint for S3.
    CreateS3Endpoint {
        /// The VPC's id.
        vpc_id: String,
        /// The VPC's region.
        region: String,
        /// The VPC's route tables in use; `None` where they could not be read completely.
        route_tables: Option<RouteTableIds>,
    },
    /// Add a route table to a gateway endpoint for S3.
    AddRouteTable {
        /// The VPC's id.
        vpc_id: String,
        /// The VPC's region.
        region: String,
        /// The endpoint's id.
        endpoint_id: String,
        /// The route table's id.
        route_table_id: String,
    },
    /// Give a gateway endpoint for S3 the default policy, which allows full access.
    ResetEndpointPolicy {
        /// The VPC's id.
        vpc_id: String,
        /// The VPC's region.
        region: String,
        /// The endpoint's id.
        endpoint_id: String,
    },
    /// Encrypt storage with a customer managed key of this account.
    UseCustomerKey {
        /// The type of the storage.
        kind: ResourceKind,
        /// The storage's id.
        id: String,
        /// The ARN of what the key is an argument of, where that is another resource: the volume of an instance, or
        /// the file system of a volume of FSx.
        holder: Option<String>,
        /// The storage's region.
        region: String,
        /// Whether it is encrypted now.
        is_encrypted: bool,
    },
    /// Turn on the EventBridge notifications of a bucket.
    EnableEventBridge {
        /// The bucket's name.
        bucket: String,
        /// The bucket's region.
        region: String,
    },
    /// Move the windows of a DB instance away from its backups.
    MoveDbWindows {
        /// The ARN of the DB instance.
        arn: String,
        /// The maintenance window to set, where it moves.
        maintenance: Option<String>,
        /// The window of automated backups to set, where it moves.
        backup: Option<String>,
    },
    /// Change the declaration of a resource in its plan or template.
    Declare(Declaration),
    /// Turn on the automated backups of a database.
    EnableAutomatedBackups {
        /// The ARN of the DB instance or cluster.
        arn: String,
    },
}

impl Remedy {
    /// Returns the decision on the backup tag of a resource; `None` where the resource has no ARN.
    #[must_use]
    pub fn choose_backup_tag(resource: Resource<'_>) -> Option<Self> {
        let (arn, _) = resource.arn_and_id()?;
        let arn = arn.to_owned();
        Some(Remedy::ChooseBackupTag { arn })
    }

    /// Whether it changes a key, and so is the same for every resource that the key encrypts.
    #[must_use]
    pub fn is_of_key(&self) -> bool {
        matches!(
            self,
            Remedy::ShareKey { .. }
                | Remedy::EnableKey { .. }
                | Remedy::ReplaceKey { .. }
                | Remedy::GrantLocalUse { .. }
        )
    }
}

/// The route tables of a VPC that its subnets use, and its main one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteTableIds {
    /// Route tables without an active default route to an internet gateway.
    pub private: Vec<String>,
    /// Route tables with one.
    pub public: Vec<String>,
}
