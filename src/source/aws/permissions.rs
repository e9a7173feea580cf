//! The operations that a scan calls, and the IAM actions that it needs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::model::observed::{Gap, GapKind};
use crate::model::selection::Selection;

use super::coverage::CoverageLog;
use super::lists::readers_of;
use super::operation::Operation;
use super::scan_scope::ScanScope;
use super::service_reader::TagSource;
use super::{backup, backup_jobs, cloudformation, ec2, iam, images, kms, organizations, tagging};

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

/// The most characters of a session policy.
///
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>, checked 2026-11-29.
pub const MAX_SESSION_POLICY: usize = 2_048;

/// Returns a session policy that allows some actions. A session may do what both its role and this policy allow, so
/// that even the role of an administrator only reads.
#[must_use]
pub fn write_session_policy(actions: &[&str]) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    });
    policy.to_string()
}

/// What the calls of a scan show about a permission. The first of several operations counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PermissionState {
    /// AWS denied a call, with this message.
    Denied(String),
    /// A call succeeded, and none was denied.
    Allowed,
    /// Every call failed for another reason, such as this.
    Failed(String),
    /// No call was made: it needs a resource that does not exist.
    NotTried,
}

/// Returns the state of each IAM action that a scan of a selection needs, from the calls that it made.
#[must_use]
pub fn check_permissions(
    selection: &Selection,
    log: &CoverageLog,
) -> BTreeMap<&'static str, PermissionState> {
    let mut states = BTreeMap::new();
    for operation in list_operations(&ScanScope::of_selection(selection)) {
        let (succeeded, gaps) = log.list_results(operation);
        let state = judge_calls(succeeded, &gaps);
        let known = states
            .entry(operation.action)
            .or_insert(PermissionState::NotTried);
        if state < *known {
            *known = state;
        }
    }
    states
}

fn judge_calls(succeeded: bool, gaps: &[Gap]) -> PermissionState {
    let denied = gaps.iter().find(|gap| gap.kind == GapKind::Denied);
    match (denied, gaps.first()) {
        (Some(gap), _) => PermissionState::Denied(gap.message.clone()),
        (None, _) if succeeded => PermissionState::Allowed,
        (None, Some(gap)) => PermissionState::Failed(gap.message.clone()),
        (None, None) => PermissionState::NotTried,
    }
}

/// Returns all operations that a scan may call.
#[must_use]
pub fn list_operations(scope: &ScanScope) -> Vec<Operation> {
    let mut parts: Vec<&[Operation]> = vec![ec2::REGION_OPERATIONS];
    parts.extend(readers_of(scope).map(|it| it.operations));
    let needs_tags = readers_of(scope).any(|it| it.tags != TagSource::Own);
    let by_tag = scope.other_regions || scope.tags_in_scanned_regions;
    let tags = by_tag || scope.tagged_resources || needs_tags;
    for (is_needed, operations) in [
        (scope.ebs_defaults, ec2::DEFAULTS_OPERATIONS),
        (scope.backup_settings, backup::SETTINGS_OPERATIONS),
        (scope.jobs, backup_jobs::OPERATIONS),
        (scope.keys, kms::OPERATIONS),
        (scope.organization, organizations::ID_OPERATIONS),
        (scope.roles, iam::ROLE_OPERATIONS),
        (scope.backup_plans, organizations::POLICY_OPERATIONS),
        (scope.backup_plans, backup::PLAN_OPERATIONS),
        (scope.vaults, backup::VAULT_OPERATIONS),
        (scope.role_policies, iam::OPERATIONS),
        (tags, tagging::OPERATIONS),
        (scope.images, images::OPERATIONS),
        (scope.exports, cloudformation::EXPORT_OPERATIONS),
        (scope.key_aliases, kms::ALIAS_OPERATIONS),
    ] {
        if is_needed {
            parts.push(operations);
        }
    }
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_session_is_as_short_as_sts_requires() {
        let actions = required_actions(&Selection::default());
        assert!(actions.len() >= 50, "{}", actions.len());
        let policy = write_session_policy(&actions);
        assert!(policy.len() <= MAX_SESSION_POLICY, "{}", policy.len());
        assert!(actions.iter().all(|action| policy.contains(action)));
        assert!(!policy.contains("sts:"), "{policy}");
    }
}
