//! Builds the change that removes a root cause: its actions or steps, permissions and warnings.

mod keys;
mod network;
mod settings;
mod tags;

use super::cause::{Cause, Draft};
use super::change::{Action, Change, Method};
use super::runbook::automated_backups::enable_automated_backups;
use super::runbook::event_bridge::enable_event_bridge;
use super::runbook::rds_windows::move_windows;
use super::runbook::role::attach_policies;
use crate::analysis::Remedy;
use crate::model::Snapshot;
use crate::rule::Owner;
use crate::settings::Settings;
use crate::text::plural_noun;

/// How many days a version of an object is kept after it becomes noncurrent.
const NONCURRENT_DAYS: u32 = 30;

/// Builds the change for a root cause.
pub(super) fn build_change(
    snapshot: &Snapshot,
    settings: &Settings,
    cause: Cause,
    draft: Draft,
) -> Change {
    match cause {
        Cause::KeyPolicy(key_arn) => keys::share_key(snapshot, settings, &key_arn, draft),
        Cause::KeyState(key_arn) => keys::enable_key(&key_arn, draft),
        Cause::LocalUse(key_arn) => keys::grant_local_use(snapshot, &key_arn, draft),
        Cause::RolePolicies(role) => {
            let policies = draft.collect(|remedy| match remedy {
                Remedy::AttachRolePolicy { policy_arn, .. } => Some(policy_arn.clone()),
                _ => None,
            });
            let title = format!(
                "Attach {} to role {role}",
                plural_noun(policies.len(), "policy")
            );
            draft.by_hand(title, attach_policies(&role, &policies, &settings.contact))
        }
        Cause::BackupSettings(region) => {
            settings::update_backup_settings(snapshot, settings, region, draft)
        }
        Cause::Versioning(bucket) => enable_versioning(bucket, draft),
        Cause::NoncurrentVersions(bucket) => expire_noncurrent_versions(bucket, draft),
        Cause::EbsDefaults(region) => set_ebs_defaults(region, draft),
        Cause::Tag { region, key, value } => tags::set_tag(&region, &key, &value, draft),
        Cause::Untag { region, key } => tags::remove_tag(&region, &key, draft),
        Cause::BackupTagChoice { rule, region } => {
            tags::choose_backup_tags(rule, &region, &settings.tag_key, draft)
        }
        Cause::Endpoint { region, vpc_id } => network::create_endpoint(&region, &vpc_id, draft),
        Cause::Routes { region, vpc_id } => network::add_route_tables(&region, &vpc_id, draft),
        Cause::EndpointPolicy { region, vpc_id } => {
            network::reset_endpoint_policy(&region, &vpc_id, draft)
        }
        Cause::Storage(storage, region) => {
            let ids = draft.collect(|remedy| match remedy {
                Remedy::UseCustomerKey { id, .. } => Some(id.clone()),
                _ => None,
            });
            draft.by_hand(storage.title(&ids, &region), storage.steps(&ids, &region))
        }
        Cause::Declaration(declaration) => draft.finish(
            format!("Change the declaration of {}", declaration.address),
            Method::Declaration(declaration),
        ),
        Cause::EventBridge { bucket, region } => draft.by_hand(
            format!("Turn on EventBridge notifications of bucket {bucket}"),
            enable_event_bridge(&bucket, &region),
        ),
        Cause::DbWindows {
            arn,
            maintenance,
            backup,
        } => draft.by_hand(
            format!("Move the windows of {arn} away from its backups"),
            move_windows(&arn, maintenance.as_deref(), backup.as_deref()),
        ),
        Cause::AutomatedBackups(arn) => draft.by_hand(
            format!("Enable automated backups of {arn}"),
            enable_automated_backups(&arn),
        ),
        Cause::Other { rule, region } => advise(snapshot, settings, rule, &region, draft),
    }
}

fn enable_versioning(bucket: String, draft: Draft) -> Change {
    let title = format!("Enable versioning on bucket {bucket}");
    let region = draft.region.clone();
    draft.in_place(
        title,
        vec![Action::EnableVersioning { bucket, region }],
        &[
            "Noncurrent versions of objects are kept and billed from now on. Versioning can be suspended, but not removed. For up to 15 minutes after it is enabled, an overwritten object may not be kept.",
        ],
    )
}

fn expire_noncurrent_versions(bucket: String, draft: Draft) -> Change {
    let title =
        format!("Expire noncurrent versions in bucket {bucket} after {NONCURRENT_DAYS} days");
    let action = Action::ExpireOldVersions {
        bucket,
        region: draft.region.clone(),
        days: NONCURRENT_DAYS,
    };
    let warning =
        format!("Noncurrent versions older than {NONCURRENT_DAYS} days are permanently deleted.");
    draft.in_place(title, vec![action], &[&warning])
}

fn set_ebs_defaults(region: String, draft: Draft) -> Change {
    draft.in_place(
        format!("Encrypt new EBS volumes in {region} with a customer managed key"),
        vec![Action::EbsDefaults { region }],
        &["Existing volumes do not change. Principals that create volumes need permission to use the key."],
    )
}

/// Builds the advice for findings without a remedy.
fn advise(
    snapshot: &Snapshot,
    settings: &Settings,
    rule: &str,
    region: &str,
    draft: Draft,
) -> Change {
    let title = match draft.owner {
        Owner::Platform => format!("Contact {}: {rule} in {region}", settings.contact),
        Owner::Member if snapshot.source.is_planned() => {
            format!("Change the code: {rule} in {region}")
        }
        Owner::Member => format!("No automated fix for {rule} in {region}"),
    };
    draft.with_advice(title)
}
