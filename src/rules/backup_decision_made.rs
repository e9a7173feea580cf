use crate::analysis::stack_members::find_members;
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::fsx::ONTAP;
use crate::model::service::Service;
use crate::model::storage_gateway::holds_volumes;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource carries a backup tag.
    ///
    /// A stack needs no tag if it contains nothing that AWS Backup supports. With `--require-tag` a
    /// missing tag fails instead of warning.
    ///
    /// ## Why it matters
    ///
    /// Without the tag, the resource is not backed up. `backup=disabled` records that this is intended.
    /// A missing tag may be an oversight.
    ///
    /// Some backups do not depend on the tag of the resource. AWS Backup selects the volumes of a
    /// gateway or of a file system for ONTAP, and a stack includes its nested stacks. The finding says so in these
    /// cases.
    ///
    /// ## Fix
    ///
    /// Tag the resource `backup=enabled`, or `backup=disabled` if it needs no backup.
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
        check: Check::Any(check_resource),
        reads: &[Fact::Resources(Service::Ec2)],
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (tag, _) = cx.tags_of(resource)?;
    let key = &cx.settings.tag_key;
    match tag {
        BackupTag::None => check_untagged(cx, resource),
        BackupTag::Invalid => Ok(Outcome::skip(
            "has an invalid backup tag: see backup-tag-valid",
        )),
        tag => Ok(Outcome::pass(format!("{key}={}", tag.as_str()))),
    }
}

fn check_untagged(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let key = &cx.settings.tag_key;
    let (seen, fix) = match resource {
        Resource::Stack(stack) => {
            let found = find_members(cx, stack);
            if found.is_known_empty()? {
                return Ok(Outcome::skip("contains nothing that AWS Backup supports"));
            }
            match stack.parent {
                Some(_) => (
                    format!("no {key} tag: backed up only as part of its parent stack"),
                    format!("Tag it {key}=disabled if its parent stack is backed up."),
                ),
                None => explain_missing_tag(key),
            }
        }
        Resource::Gateway(gateway) if holds_volumes(gateway.gateway_type.get()?) => (
            format!("no {key} tag: its volumes are selected by their own tags"),
            format!("Tag its volumes {key}=enabled and the gateway {key}=disabled."),
        ),
        Resource::Gateway(_) => (
            format!("no {key} tag: AWS Backup does not support gateways of this type"),
            format!("Tag it {key}=disabled."),
        ),
        Resource::FsxFileSystem(it) if it.is_ontap().unwrap_or(false) => (
            format!("no {key} tag: its volumes are selected by their own tags"),
            format!("Tag its volumes {key}=enabled and the file system {key}=disabled."),
        ),
        Resource::FsxVolume(it) if it.volume_type.known().is_some_and(|it| it != ONTAP) => (
            format!("no {key} tag: backed up only as part of its file system"),
            format!("Tag its file system {key}=enabled and the volume {key}=disabled."),
        ),
        _ => match backed_up_with(cx, resource) {
            Some(instance) => (
                format!("no {key} tag: backed up only as part of its instance {instance}"),
                format!("Tag it {key}=disabled: the backup of {instance} includes it."),
            ),
            None => explain_missing_tag(key),
        },
    };
    Ok(Outcome::breach(seen)
        .fix(fix)
        .remedy(Remedy::choose_backup_tag(resource)))
}

fn explain_missing_tag(key: &str) -> (String, String) {
    (
        format!("no {key} tag: not backed up"),
        format!("Tag it {key}=enabled, or {key}=disabled if it needs no backup."),
    )
}

/// Returns the instance that is tagged for backup and whose backup includes the volume.
fn backed_up_with<'a>(cx: &RuleContext<'a>, resource: Resource<'a>) -> Option<&'a str> {
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
