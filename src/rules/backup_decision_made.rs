use crate::model::Resource;
use crate::model::storage_gateway::holds_volumes;
use crate::model::tag::BackupTag;
use crate::rule::stack::members;
use crate::rule::{Check, Cx, Group, Judgement, Outcome, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Somebody decided whether the resource is to be backed up: it carries the backup tag.
    ///
    /// Without the tag nothing is backed up. `backup=disabled` says that this is meant; no tag at
    /// all says that nobody thought of it. With `--require-tag` a missing tag fails.
    ///
    /// A stack that holds nothing that AWS Backup backs up needs no tag, nor does a nested one.
    ///
    /// Of a volume gateway only the volumes are backed up, so the gateway itself needs no tag.
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

fn check(cx: &Cx<'_>, resource: Resource<'_>) -> Judgement {
    if let Resource::Gateway(gateway) = resource
        && holds_volumes(gateway.gateway_type.get()?)
    {
        return Ok(Outcome::skip(
            "AWS Backup does not back up the gateway, only its volumes",
        ));
    }
    let (tag, _) = cx.tags_of(resource)?;
    let key = &cx.settings.tag_key;
    if let (BackupTag::None, Resource::Stack(stack)) = (tag, resource) {
        let found = members(cx, stack);
        if found.list.is_empty() && found.gaps.is_empty() {
            return Ok(Outcome::skip("holds nothing that AWS Backup backs up"));
        }
        if stack.parent.is_some() {
            return Ok(Outcome::skip(
                "nested: it is backed up with the stack that holds it",
            ));
        }
    }
    Ok(match tag {
        BackupTag::None => match held_by(cx, resource) {
            Some(instance) => Outcome::breach(format!(
                "no {key} tag: it is not backed up on its own, only with its instance {instance}"
            ))
            .fix(format!(
                "Tag it {key}=disabled: the backup of {instance} holds it."
            )),
            None if matches!(resource, Resource::Gateway(_)) => Outcome::breach(format!(
                "no {key} tag, and AWS Backup does not back up gateways of its type"
            ))
            .fix(format!("Tag it {key}=disabled.")),
            None => Outcome::breach(format!("no {key} tag: it is not backed up")).fix(format!(
                "Tag it {key}=enabled, or {key}=disabled where it needs no backup."
            )),
        },
        BackupTag::Invalid => Outcome::skip("the tag is there but not valid: see backup-tag-valid"),
        tag => Outcome::pass(format!("{key}={}", tag.as_str())),
    })
}

/// The instance whose backup holds the volume anyway.
fn held_by<'a>(cx: &Cx<'a>, resource: Resource<'a>) -> Option<&'a str> {
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
