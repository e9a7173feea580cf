use crate::analysis::encryption::{KeyOwner, KeyUse, all_parts, each_customer_key};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The customer managed key of a resource can be used: it exists, is enabled, is a symmetric
    /// encryption key, and is in the resource's region.
    ///
    /// Neither a backup nor a copy can be made, nor one restored, while the key is disabled or
    /// waits to be deleted. The same goes for the key of the vault that keeps the backups; one that
    /// belongs to another account is for the platform team to look after.
    ///
    /// ## Fix
    ///
    /// Enable the key, or cancel its deletion and enable it.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
    RULE = Rule {
        id: "kms-key-usable",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The key can be used",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::AnyAndVaults(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, all_parts(cx, resource)?, |key| {
        Ok(match key.owner {
            KeyOwner::Central | KeyOwner::Foreign => {
                Outcome::skip("the key belongs to another account")
            }
            KeyOwner::Own | KeyOwner::Unclear => judge(cx, key)?
                .about(key.arn.as_str())
                .with("key_arn", key.arn.as_str()),
        })
    })
}

fn judge(cx: &RuleContext<'_>, key: &KeyUse<'_>) -> CheckResult {
    let name = key.name();
    let Some(metadata) = key.metadata()? else {
        return Ok(Outcome::breach(format!("{name} does not exist any more"))
            .fix("Nothing can decrypt what it encrypted. Restore the data from a backup under another key.").remedy(replace_key(key)));
    };
    let state = metadata.state.as_str();
    let key_id = format!("--region {} --key-id {}", key.region(), key.id());
    let region = cx.known_region()?;
    if key.region() != region {
        return Ok(
            Outcome::breach(format!("{name} is in {}, not in {region}", key.region()))
                .fix(format!("Use a key of {region}."))
                .remedy(replace_key(key)),
        );
    }
    if metadata.spec != "SYMMETRIC_DEFAULT" || metadata.usage != "ENCRYPT_DECRYPT" {
        return Ok(Outcome::breach(format!(
            "{name} is a {} key for {}: only symmetric encryption keys encrypt resources",
            metadata.spec, metadata.usage
        ))
        .fix("Use a symmetric encryption key.")
        .remedy(replace_key(key)));
    }
    Ok(match state {
        "Enabled" => Outcome::pass(format!("{name} is enabled")),
        "PendingDeletion" | "PendingReplicaDeletion" => Outcome::breach(format!(
            "{name} waits to be deleted: nothing it encrypted can be read after that"
        ))
        .fix(format!(
            "Run `aws kms cancel-key-deletion {key_id}`, then `aws kms enable-key {key_id}`."
        ))
        .remedy(enable_key(key, true)),
        "Disabled" => Outcome::breach(format!("{name} is disabled"))
            .fix(match cx.snapshot.source.is_planned() {
                true => "Enable it where it is declared.".to_owned(),
                false => format!("Run `aws kms enable-key {key_id}`."),
            })
            .remedy(enable_key(key, false)),
        "Creating" | "Updating" => {
            Outcome::warn(format!("{name} is {state}: look again in a moment"))
        }
        _ => Outcome::breach(format!("{name} is in state {state}, not Enabled"))
            .fix("Bring the key back to the state Enabled.")
            .remedy(replace_key(key)),
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
