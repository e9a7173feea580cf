use crate::model::ec2::Volume;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Cx, Group, Judgement, Outcome, Owner, rule};
use crate::settings::Severity;

rule! {
    /// A volume is not backed up twice: on its own, and as part of its instance.
    ///
    /// A backup of an EC2 instance holds a snapshot of every attached volume. A volume that carries
    /// `backup=enabled` itself is a second backup job: AWS Backup makes both, and both are paid for.
    ///
    /// ## Fix
    ///
    /// Leave the tag on the instance, and tag the volume `backup=disabled`.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    RULE = Rule {
        id: "backup-not-duplicated",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The volume is not backed up twice",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Volume(check),
    }
}

fn check(cx: &Cx<'_>, volume: &Volume) -> Judgement {
    let key = &cx.settings.tag_key;
    if volume.attached_to.known().is_some_and(Vec::is_empty) {
        return Ok(Outcome::skip("attached to no instance"));
    }
    volume.tags.get()?;
    if cx.backup_tag(&volume.tags) != BackupTag::Enabled {
        return Ok(Outcome::pass(format!(
            "does not carry {key}=enabled itself"
        )));
    }
    let instances = volume.attached_to.get()?;
    let parents = instances.iter().map(|id| {
        let outcome =
            cx.instance(id).and_then(|instance| {
                instance.tags.get()?;
                Ok(match cx.backup_tag(&instance.tags) {
                BackupTag::Enabled => Outcome::breach(format!(
                    "backed up twice: its instance {id} carries {key}=enabled too and includes it"
                ))
                .fix(format!("Tag the volume {key}=disabled: the backup of {id} holds it."))
                .with("instance", id.as_str()),
                _ => Outcome::pass(format!("its instance {id} does not carry {key}=enabled")),
            })
            });
        outcome.unwrap_or_else(|gap| Outcome::unknown(&gap))
    });
    Ok(Outcome::worst(parents).unwrap_or_else(|| Outcome::skip("attached to no instance")))
}
