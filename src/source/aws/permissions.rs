//! The operations that a scan calls, and the IAM actions that it needs.

use std::collections::BTreeSet;

use crate::model::selection::Selection;
use crate::model::service::Service;

use super::operation::Operation;
use super::scan_scope::ScanScope;
use super::{
    backup, backup_jobs, cloudformation, dynamodb, ec2, efs, iam, kms, organizations, rds,
    redshift, s3, storage_gateway, tagging, vpc,
};

/// Returns the IAM actions that a scan of a selection needs, sorted.
///
/// `sts:GetCallerIdentity` requires no permission and is not included:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.
#[must_use]
pub fn required_actions(selection: &Selection) -> Vec<&'static str> {
    let operations = list_operations(&ScanScope::of_selection(selection));
    let actions: BTreeSet<&str> = operations.iter().map(|it| it.action).collect();
    actions.into_iter().collect()
}

/// Returns all operations that a scan may call.
#[must_use]
pub fn list_operations(scope: &ScanScope) -> Vec<Operation> {
    let mut parts: Vec<&[Operation]> = vec![ec2::REGION_OPERATIONS];
    let listed = scope.listed_services().iter();
    parts.extend(listed.map(|service| listing_operations(*service)));
    let tags = scope.account || scope.tagged_resources || !scope.services_without_tags().is_empty();
    for (is_needed, operations) in [
        (scope.ebs_defaults, ec2::DEFAULTS_OPERATIONS),
        (scope.backup_settings, backup::SETTINGS_OPERATIONS),
        (scope.jobs, backup_jobs::OPERATIONS),
        (scope.keys, kms::OPERATIONS),
        (scope.keys, organizations::ID_OPERATIONS),
        (scope.keys, iam::ROLE_OPERATIONS),
        (scope.backup_plans(), organizations::POLICY_OPERATIONS),
        (scope.backup_plans(), backup::PLAN_OPERATIONS),
        (scope.account, backup::VAULT_OPERATIONS),
        (scope.account, iam::OPERATIONS),
        (tags, tagging::OPERATIONS),
    ] {
        if is_needed {
            parts.push(operations);
        }
    }
    parts.concat()
}

/// Returns the operations that list the resources of a service.
fn listing_operations(service: Service) -> &'static [Operation] {
    match service {
        Service::Cloudformation => cloudformation::OPERATIONS,
        Service::Dynamodb => dynamodb::OPERATIONS,
        Service::Ebs => ec2::VOLUME_OPERATIONS,
        Service::Ec2 => ec2::INSTANCE_OPERATIONS,
        Service::Efs => efs::OPERATIONS,
        Service::Rds => rds::OPERATIONS,
        Service::Redshift => redshift::OPERATIONS,
        Service::S3 => s3::OPERATIONS,
        Service::Storagegateway => storage_gateway::OPERATIONS,
        Service::Vpc => vpc::OPERATIONS,
        Service::Backup | Service::Kms => &[],
    }
}
