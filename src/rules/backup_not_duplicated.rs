use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::cloudformation::Stack;
use crate::model::ec2::Volume;
use crate::model::fact::Fact;
use crate::model::service::Service;
use crate::model::tag::BackupTag;
use crate::model::{Gap, GapKind, Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource is not backed up twice: by its own tag, and as part of an EC2 instance or a
    /// CloudFormation stack.
    ///
    /// ## Why it matters
    ///
    /// A backup of an EC2 instance includes a snapshot of every attached volume. A backup of a
    /// CloudFormation stack includes its resources. If a volume or a stack resource carries
    /// `backup=enabled` too, AWS Backup makes a second backup. Both are billed.
    ///
    /// CloudFormation propagates the tags of a stack to its resources. Tagging a stack therefore often
    /// causes duplicates.
    ///
    /// ## Fix
    ///
    /// Keep the tag on the instance and tag the volume `backup=disabled`. For a stack, tag either the
    /// stack or its resources.
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
        check: Check::Any(check_resource),
        reads: &[Fact::Resources(Service::Ec2), Fact::Resources(Service::Cloudformation)],
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let key = &cx.settings.tag_key;
    let detached = match resource {
        Resource::Volume(volume) => volume.attached_to.known().is_some_and(Vec::is_empty),
        _ => unread_attachments(resource).is_none(),
    };
    let (stacks, gap) = find_stacks(cx, resource)?;
    let alone = detached && stacks.is_empty();
    if alone && gap.is_none() {
        return Ok(Outcome::skip("not part of an instance or a stack"));
    }
    let (tag, _) = cx.tags_of(resource)?;
    if tag != BackupTag::Enabled {
        let seen = format!("not tagged {key}=enabled itself");
        return Ok(if alone {
            Outcome::skip(seen)
        } else {
            Outcome::pass(seen)
        });
    }
    let mut holders = match resource {
        Resource::Volume(volume) => match check_instances(cx, volume) {
            // A plan need not contain the instances that its volumes are attached to.
            Err(gap) if gap.kind == GapKind::Unplanned => {
                return Ok(Outcome::skip(gap.to_string()));
            }
            instances => instances?,
        },
        _ => unread_attachments(resource)
            .map(Outcome::unknown)
            .into_iter()
            .collect(),
    };
    for stack in stacks {
        let stack_tag = cx.tags_of(Resource::Stack(stack)).map(|(tag, _)| tag);
        holders.push(match stack_tag {
            Ok(BackupTag::Enabled) => Outcome::breach(format!(
                "backed up twice: its stack {} is tagged {key}=enabled too and includes it",
                stack.id
            ))
            .fix(format!(
                "Remove the tag {key}=enabled from the stack {} or from its resources.",
                stack.id
            ))
            .remedy(Remedy::choose_backup_tag(resource))
            .with("stack", stack.arn.as_str()),
            Ok(_) => Outcome::pass(format!(
                "its stack {} is not tagged {key}=enabled",
                stack.id
            )),
            Err(gap) => Outcome::unknown(&gap),
        });
    }
    holders.extend(gap.as_ref().map(Outcome::unknown));
    let worst = Outcome::worst(holders);
    Ok(worst.unwrap_or_else(|| Outcome::skip("not part of an instance or a stack")))
}

/// Returns the stacks that contain a resource, and why there may be more.
///
/// A snapshot may hold stacks that a scan of the same services would not read: they are left out, so that both give
/// the same findings.
fn find_stacks<'a>(
    cx: &RuleContext<'a>,
    resource: Resource<'_>,
) -> Result<(Vec<&'a Stack>, Option<Gap>), Gap> {
    let region = cx.seen()?;
    if !cx.selects(ResourceKind::CloudformationStack) {
        return Ok((Vec::new(), Some(Gap::not_asked())));
    }
    // A stack whose resources were not all read may contain it. A stack in the same template that is not deployed does not.
    let gap = region.stacks.gap.as_ref().or(cx.half_read_stack());
    let is_beside = |gap: &Gap| matches!(gap.kind, GapKind::AfterApply | GapKind::Unplanned);
    let gap = gap.filter(|gap| !is_beside(gap));
    Ok((cx.stacks_containing(resource), gap.cloned()))
}

/// Returns why it is not known to which instances a volume is attached, if only its tag was read.
fn unread_attachments(resource: Resource<'_>) -> Option<&Gap> {
    match resource {
        Resource::Tagged(it) if it.kind() == ResourceKind::EbsVolume => it.exists.as_ref()?.gap(),
        _ => None,
    }
}

fn check_instances(cx: &RuleContext<'_>, volume: &Volume) -> Result<Vec<Outcome>, Gap> {
    let key = &cx.settings.tag_key;
    let parents = volume.attached_to.get()?.iter().map(|id| {
        let tag = cx
            .instance(id)
            .and_then(|instance| cx.tags_of(Resource::Instance(instance)).map(|(tag, _)| tag));
        match tag {
            Ok(BackupTag::Enabled) => Outcome::breach(format!(
                "backed up twice: its instance {id} is tagged {key}=enabled too and includes it"
            ))
            .fix(format!(
                "Tag the volume {key}=disabled: the backup of {id} includes it."
            ))
            .remedy(Remedy::choose_backup_tag(Resource::Volume(volume)))
            .with("instance", id.as_str()),
            Ok(_) => Outcome::pass(format!("its instance {id} is not tagged {key}=enabled")),
            Err(gap) => Outcome::unknown(&gap),
        }
    });
    Ok(parents.collect())
}
