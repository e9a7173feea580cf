//! The table of rules. A rule is one file in `rules/`, one fixture in `fixtures/rules/`, and two lines below.

use crate::rule::Rule;

mod backup_decision_made;
mod backup_not_duplicated;
mod backup_policy_effective;
mod backup_recent;
mod backup_region_covered;
mod backup_role_ready;
mod backup_tag_not_custom;
mod backup_tag_placed;
mod backup_tag_valid;
mod central_copy_retained;
mod copy_recent;
mod cross_account_copy_supported;
mod dynamodb_advanced_features_enabled;
mod ebs_default_encryption;
mod ec2_image_copyable;
mod encryption_at_rest;
mod encryption_customer_key;
mod encryption_customer_key_recommended;
mod kms_key_fully_shared;
mod kms_key_locally_usable;
mod kms_key_not_central;
mod kms_key_shared;
mod kms_key_usable;
mod local_vault_key_shared;
mod local_vault_ready;
mod organization_member;
mod rds_automated_backups_enabled;
mod rds_option_group_shareable;
mod rds_windows_clear;
mod resource_state_ready;
mod s3_continuous_events;
mod s3_gateway_endpoint_open;
mod s3_gateway_endpoint_present;
mod s3_gateway_endpoint_routed;
mod s3_old_versions_expire;
mod s3_versioning_enabled;
mod service_opted_in;
mod stack_resources_ready;

/// Every rule, ordered by group and, within a group, by the order in which to read them.
pub static ALL: [&Rule; 38] = [
    &backup_tag_valid::RULE,
    &backup_decision_made::RULE,
    &backup_tag_not_custom::RULE,
    &backup_tag_placed::RULE,
    &backup_not_duplicated::RULE,
    &encryption_at_rest::RULE,
    &encryption_customer_key::RULE,
    &encryption_customer_key_recommended::RULE,
    &kms_key_usable::RULE,
    &kms_key_shared::RULE,
    &kms_key_fully_shared::RULE,
    &kms_key_locally_usable::RULE,
    &kms_key_not_central::RULE,
    &ebs_default_encryption::RULE,
    &cross_account_copy_supported::RULE,
    &resource_state_ready::RULE,
    &s3_versioning_enabled::RULE,
    &s3_old_versions_expire::RULE,
    &s3_continuous_events::RULE,
    &dynamodb_advanced_features_enabled::RULE,
    &service_opted_in::RULE,
    &rds_automated_backups_enabled::RULE,
    &rds_option_group_shareable::RULE,
    &rds_windows_clear::RULE,
    &ec2_image_copyable::RULE,
    &stack_resources_ready::RULE,
    &s3_gateway_endpoint_present::RULE,
    &s3_gateway_endpoint_routed::RULE,
    &s3_gateway_endpoint_open::RULE,
    &organization_member::RULE,
    &backup_policy_effective::RULE,
    &central_copy_retained::RULE,
    &local_vault_ready::RULE,
    &local_vault_key_shared::RULE,
    &backup_role_ready::RULE,
    &backup_region_covered::RULE,
    &backup_recent::RULE,
    &copy_recent::RULE,
];

/// Returns the rule with the id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.into_iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_enforces_is_a_copy_prerequisite() {
        let is_prerequisite = |id| find(id).unwrap().is_copy_prerequisite();
        for id in ["s3-versioning-enabled", "kms-key-usable", "kms-key-shared"] {
            assert!(is_prerequisite(id), "{id}");
        }
        // A warning under AWS's standard, a recommendation, another group.
        for id in [
            "encryption-at-rest",
            "s3-old-versions-expire",
            "backup-tag-valid",
        ] {
            assert!(!is_prerequisite(id), "{id}");
        }
    }
}
