use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::ec2::Volume;
use crate::model::tag::BackupTag;
use crate::model::{Gap, GapKind, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// A resource is not backed up twice: on its own, and as part of what holds it.
    ///
    /// A backup of an EC2 instance holds a snapshot of every attached volume, and a backup of a
    /// CloudFormation stack holds one of everything in it. A volume, or a resource of a stack, that
    /// carries `backup=enabled` itself is a second backup job: AWS Backup makes both, and both are
    /// paid for. CloudFormation hands a stack's tags down to what is in it, so this comes about by
    /// tagging a stack.
    ///
    /// ## Fix
    ///
    /// Leave the tag on the instance, and tag the volume `backup=disabled`. Of a stack and its
    /// resources, tag one or the other.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>
    /// - <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>
    RULE = Rule {
        id: "backup-not-duplicated",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The resource is not backed up twice",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let key = &cx.settings.tag_key;
    let detached = match resource {
        Resource::Volume(volume) => volume.attached_to.known().is_some_and(Vec::is_empty),
        _ => true,
    };
    let stacks = cx.stacks_containing(resource);
    let region = cx.seen()?;
    // A stack that was not read to its end may hold it; one beside it in a template does not.
    let gap = region.stacks.gap.as_ref().or(cx.half_read_stack());
    let is_beside = |gap: &Gap| matches!(gap.kind, GapKind::AfterApply | GapKind::Unplanned);
    let gap = gap.filter(|gap| !is_beside(gap));
    let alone = detached && stacks.is_empty();
    if alone && gap.is_none() {
        return Ok(Outcome::skip("part of no instance and no stack"));
    }
    let (tag, _) = cx.tags_of(resource)?;
    if tag != BackupTag::Enabled {
        let seen = format!("does not carry {key}=enabled itself");
        return Ok(if alone {
            Outcome::skip(seen)
        } else {
            Outcome::pass(seen)
        });
    }
    let mut holders = match resource {
        Resource::Volume(volume) => match instances(cx, volume) {
            // Nobody can tag in one plan with all others in sight.
            Err(gap) if gap.kind == GapKind::Unplanned => {
                return Ok(Outcome::skip(gap.to_string()));
            }
            instances => instances?,
        },
        _ => Vec::new(),
    };
    for stack in stacks {
        let stack_tag = cx.tags_of(Resource::Stack(stack)).map(|(tag, _)| tag);
        holders.push(match stack_tag {
            Ok(BackupTag::Enabled) => Outcome::breach(format!(
                "backed up twice: its stack {} carries {key}=enabled too and includes it",
                stack.id
            ))
            .fix(format!(
                "Take {key}=enabled from the stack {} or from what is in it.",
                stack.id
            ))
            .with("stack", stack.arn.as_str()),
            Ok(_) => Outcome::pass(format!(
                "its stack {} does not carry {key}=enabled",
                stack.id
            )),
            Err(gap) => Outcome::unknown(&gap),
        });
    }
    holders.extend(gap.map(Outcome::unknown));
    let worst = Outcome::worst(holders);
    Ok(worst.unwrap_or_else(|| Outcome::skip("part of no instance and no stack")))
}

fn instances(cx: &RuleContext<'_>, volume: &Volume) -> Result<Vec<Outcome>, Gap> {
    let key = &cx.settings.tag_key;
    let parents = volume.attached_to.get()?.iter().map(|id| {
        let tag = cx
            .instance(id)
            .and_then(|instance| cx.tags_of(Resource::Instance(instance)).map(|(tag, _)| tag));
        match tag {
            Ok(BackupTag::Enabled) => Outcome::breach(format!(
                "backed up twice: its instance {id} carries {key}=enabled too and includes it"
            ))
            .fix(format!(
                "Tag the volume {key}=disabled: the backup of {id} holds it."
            ))
            .with("instance", id.as_str()),
            Ok(_) => Outcome::pass(format!("its instance {id} does not carry {key}=enabled")),
            Err(gap) => Outcome::unknown(&gap),
        }
    });
    Ok(parents.collect())
}
