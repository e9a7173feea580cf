use crate::analysis::encryption::{KeyOwner, KeyUse, all_parts, each_customer_key};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::observed::{Gap, GapKind};
use crate::model::service::Service;
use crate::model::snapshot::UNKNOWN_REGION;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The customer managed key of a resource or of a backup vault is usable: it exists, is enabled, is
    /// a symmetric encryption key, and is in the region of the resource.
    ///
    /// A key that belongs to another account is skipped: its owner is responsible for it.
    ///
    /// ## Why it matters
    ///
    /// While the key is disabled or pending deletion, no backup can be made, copied or restored. This
    /// also applies to the key of the vault that stores the backups.
    ///
    /// ## Fix
    ///
    /// Enable the key. If it is pending deletion, cancel the deletion first.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
    RULE = Rule {
        id: "kms-key-usable",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The key is usable",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::AnyAndVaults(check_resource),
        reads: &[Fact::Resources(Service::Ebs), Fact::BucketEncryption, Fact::Keys, Fact::Vaults, Fact::Plans],
        is_of_encryption: true,
    }
}

/// What enables a key again, by its state.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>. Checked 2026-11-29.
const FIXES: [(&str, &str); 2] = [
    ("PendingImport", "Import the key material of the key."),
    ("Unavailable", "Connect the custom key store of the key."),
];

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, all_parts(cx, resource)?, |key| {
        Ok(match key.owner {
            KeyOwner::Central | KeyOwner::Foreign => {
                Outcome::skip("the key belongs to another account")
            }
            KeyOwner::Own | KeyOwner::Unclear => check_key(cx, key)?
                .about(key.arn.as_str())
                .with("key_arn", key.arn.as_str()),
        })
    })
}

fn check_key(cx: &RuleContext<'_>, key: &KeyUse<'_>) -> CheckResult {
    let name = key.name();
    let Some(metadata) = key.metadata()? else {
        return Ok(Outcome::breach(format!("{name} does not exist"))
            .fix("The data cannot be decrypted. Restore it from a backup with another key.")
            .remedy(replace_key(key)));
    };
    let state = metadata.state.as_str();
    let key_id = format!("--region {} --key-id {}", key.region(), key.id());
    let region = cx.known_region()?;
    if key.region() != region {
        if [key.region(), region].contains(&UNKNOWN_REGION) {
            let message = format!("whether {name} is in the region of the resource is not known");
            return Err(Gap::new(GapKind::Unplanned, message));
        }
        return Ok(
            Outcome::breach(format!("{name} is in {}, not in {region}", key.region()))
                .fix(format!("Use a key of {region}."))
                .remedy(replace_key(key)),
        );
    }
    let is_known = !metadata.spec.is_empty() && !metadata.usage.is_empty();
    if is_known && (metadata.spec != "SYMMETRIC_DEFAULT" || metadata.usage != "ENCRYPT_DECRYPT") {
        return Ok(Outcome::breach(format!(
            "{name} has the key spec {} and the key usage {}: resources need a symmetric encryption key",
            metadata.spec, metadata.usage
        ))
        .fix("Use a symmetric encryption key.")
        .remedy(replace_key(key)));
    }
    Ok(match state {
        // Only a template leaves it open.
        "" => {
            let message = format!(
                "whether {name} is enabled is not known: its key material is imported after it is created"
            );
            return Err(Gap::new(GapKind::AfterApply, message));
        }
        "Enabled" if is_known => Outcome::pass(format!("{name} is enabled")),
        "Enabled" => {
            let message = format!(
                "{name} is enabled, but whether it is a symmetric encryption key depends on its primary key in another region, which the file does not contain"
            );
            return Err(Gap::new(GapKind::Unplanned, message));
        }
        "PendingDeletion" | "PendingReplicaDeletion" => Outcome::breach(format!(
            "{name} is pending deletion; data encrypted under it will be unrecoverable"
        ))
        .fix(format!(
            "Run `aws kms cancel-key-deletion {key_id}`, then `aws kms enable-key {key_id}`."
        ))
        .remedy(enable_key(key, true)),
        "Disabled" => Outcome::breach(format!("{name} is disabled"))
            .fix(match cx.snapshot.source.is_planned() {
                true => "Enable the key where it is declared.".to_owned(),
                false => format!("Run `aws kms enable-key {key_id}`."),
            })
            .remedy(enable_key(key, false)),
        "Creating" | "Updating" => {
            Outcome::warn(format!("{name} is in state {state}: check again shortly"))
        }
        _ => {
            let fix = FIXES.iter().find(|(it, _)| *it == state);
            Outcome::breach(format!("{name} is in state {state}, not Enabled"))
                .fix(fix.map_or("Return the key to the state Enabled.", |(_, fix)| fix))
                .remedy(replace_key(key))
        }
    }
    .with("key_state", state))
}

fn enable_key(key: &KeyUse<'_>, is_pending_deletion: bool) -> Remedy {
    Remedy::EnableKey {
        key_arn: key.arn.clone(),
        is_pending_deletion,
    }
}

fn replace_key(key: &KeyUse<'_>) -> Remedy {
    Remedy::ReplaceKey {
        key_arn: key.arn.clone(),
    }
}
