use crate::analysis::stack_members::find_members;
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::storage_gateway::holds_volumes;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Somebody decided whether the resource is to be backed up: it carries the backup tag.
    ///
    /// Without the tag nothing is backed up. `backup=disabled` says that this is meant; no tag at
    /// all says that nobody thought of it. With `--require-tag` a missing tag fails.
    ///
    /// A stack that holds nothing that AWS Backup backs up needs no tag. Where AWS Backup looks
    /// elsewhere (the volumes of a gateway, the stack around a nested one) the message says so.
    ///
    /// ## Fix
    ///
    /// Tag the resource `backup=enabled`, or `backup=disabled` where it needs no backup.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Resource Tagging".
    RULE = Rule {
        id: "backup-decision-made",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The resource carries a backup tag",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (tag, _) = cx.tags_of(resource)?;
    let key = &cx.settings.tag_key;
    match tag {
        BackupTag::None => untagged(cx, resource),
        BackupTag::Invalid => Ok(Outcome::skip(
            "the tag is there but not valid: see backup-tag-valid",
        )),
        tag => Ok(Outcome::pass(format!("{key}={}", tag.as_str()))),
    }
}

fn untagged(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let key = &cx.settings.tag_key;
    let (seen, fix) = match resource {
        Resource::Stack(stack) => {
            let found = find_members(cx, stack);
            if found.list.is_empty() && found.gaps.is_empty() {
                return Ok(Outcome::skip("holds nothing that AWS Backup backs up"));
            }
            match stack.parent {
                Some(_) => (
                    format!(
                        "no {key} tag: it is not backed up on its own, only with the stack that holds it"
                    ),
                    format!("Tag it {key}=disabled where the stack that holds it is backed up."),
                ),
                None => missing(key),
            }
        }
        Resource::Gateway(gateway) if holds_volumes(gateway.gateway_type.get()?) => (
            format!(
                "no {key} tag; its volumes are backed up by their own tags, never by the gateway's"
            ),
            format!("Tag its volumes, and the gateway {key}=disabled."),
        ),
        Resource::Gateway(_) => (
            format!("no {key} tag, and AWS Backup does not back up gateways of its type"),
            format!("Tag it {key}=disabled."),
        ),
        _ => match held_by(cx, resource) {
            Some(instance) => (
                format!(
                    "no {key} tag: it is not backed up on its own, only with its instance {instance}"
                ),
                format!("Tag it {key}=disabled: the backup of {instance} holds it."),
            ),
            None => missing(key),
        },
    };
    Ok(Outcome::breach(seen).fix(fix))
}

fn missing(key: &str) -> (String, String) {
    (
        format!("no {key} tag: it is not backed up"),
        format!("Tag it {key}=enabled, or {key}=disabled where it needs no backup."),
    )
}

/// The instance whose backup holds the volume anyway.
fn held_by<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Option<&'a str> {
    let Resource::Volume(volume) = resource else {
        return None;
    };
    let mut instances = volume.attached_to.known()?.iter();
    let enabled = |id: &&String| {
        let instance = cx.instance(id);
        instance.is_ok_and(|it| cx.backup_tag(&it.tags) == BackupTag::Enabled)
    };
    instances.find(enabled).map(String::as_str)
}
