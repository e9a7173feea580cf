//! Resource types in AWS's terms: what CloudFormation calls them, and the shape of their ARNs.

use super::arn::Arn;

/// A resource type in AWS's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsType {
    /// The CloudFormation type: `AWS::EC2::Volume`.
    pub cloudformation: &'static str,
    /// The shape of its ARNs, as the Resource Groups Tagging API names types: `ec2:volume`. `s3` is any
    /// ARN of the service; in `timestream:database/*/table` the type follows the id of its parent. `None`
    /// if other types share its ARNs.
    pub arn: Option<&'static str>,
    /// Whether AWS Backup backs the type up with the stack that contains it.
    pub in_stack_backups: bool,
}

/// A type that a stack may contain and AWS Backup backs up with it.
pub(super) const fn stack_type(cloudformation: &'static str, arn: &'static str) -> AwsType {
    AwsType {
        cloudformation,
        arn: Some(arn),
        in_stack_backups: true,
    }
}

/// A type that AWS Backup does not back up with a stack.
pub(super) const fn plain_type(cloudformation: &'static str, arn: &'static str) -> AwsType {
    AwsType {
        in_stack_backups: false,
        ..stack_type(cloudformation, arn)
    }
}

/// A type with the same ARNs as an RDS cluster: only the engine distinguishes them.
pub(super) const fn cluster_type(cloudformation: &'static str) -> AwsType {
    AwsType {
        cloudformation,
        arn: None,
        in_stack_backups: true,
    }
}

/// CloudFormation's type of a DB cluster. The ARNs of DocumentDB and Neptune clusters look the same.
pub(super) const DB_CLUSTER: AwsType = stack_type("AWS::RDS::DBCluster", "rds:cluster");

impl AwsType {
    /// Whether an ARN has the shape of the type.
    #[must_use]
    pub fn matches_arn(&self, arn: &Arn<'_>) -> bool {
        // First, because nearly every type is of another service, and all are compared with each resource.
        let Some(rest) = self.arn.and_then(|shape| shape.strip_prefix(arn.service)) else {
            return false;
        };
        let Some(resource) = rest.strip_prefix(':') else {
            return rest.is_empty();
        };
        let (parent, child) = match resource.split_once("/*/") {
            Some((parent, child)) => (parent, Some(child)),
            None => (resource, None),
        };
        let id = arn.resource.strip_prefix(parent);
        let id = id.and_then(|rest| rest.strip_prefix([':', '/']));
        id.is_some_and(|id| child.is_none_or(|child| id.split('/').nth(1) == Some(child)))
    }
}
