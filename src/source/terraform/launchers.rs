//! What launches instances, or creates volumes, that are not in the plan.

use crate::model::kind::ResourceKind;
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::Planned;

use super::item::Item;
use super::launch::read_template;
use super::reader::{Link, Reader};
use super::view::{Fact, View};

/// Types that give their tags to instances that they launch, with the block that has the tags.
///
/// Sources: <https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html>,
/// <https://docs.aws.amazon.com/cloud9/latest/user-guide/tags.html>,
/// <https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html>,
/// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-tags.html>.
const LAUNCHERS: [(&str, Option<&str>); 4] = [
    ("aws_batch_compute_environment", Some("compute_resources")),
    ("aws_cloud9_environment_ec2", None),
    ("aws_elastic_beanstalk_environment", None),
    ("aws_emr_cluster", None),
];

/// Notes the resources that launch instances, or create volumes, with a backup tag.
pub(super) fn note_launchers<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in ["aws_autoscaling_group", "aws_eks_node_group"] {
        for item in reader.document.items_of(kind) {
            let tags = group_tags(reader, &item.view());
            note_launched(
                reader,
                item,
                ResourceKind::Ec2Instance,
                tags.into(),
                planned,
            );
            let templates = group_templates(reader, &item.view());
            note_templates(reader, item, templates, planned);
        }
    }
    for item in reader.document.items_of("aws_autoscaling_group_tag") {
        let tags = group_tags(reader, &item.view());
        note_launched(
            reader,
            item,
            ResourceKind::Ec2Instance,
            tags.into(),
            planned,
        );
    }
    for (kind, block) in LAUNCHERS {
        for item in reader.document.items_of(kind) {
            read_launcher(reader, item, block, planned);
        }
    }
    for item in reader.document.items_of("aws_ecs_capacity_provider") {
        let tags = managed_instance_tags(reader, item);
        note_launched(reader, item, ResourceKind::Ec2Instance, tags, planned);
    }
    for item in reader.document.items_of("aws_ecs_service") {
        let tags = task_volume_tags(reader, &item.view());
        note_launched(reader, item, ResourceKind::EbsVolume, tags.into(), planned);
    }
}

/// Marks the list of a kind as incomplete if something launches resources of the kind with these tags, and they may
/// be tagged for backup.
fn note_launched(
    reader: &Reader<'_>,
    item: &Item<'_>,
    kind: ResourceKind,
    tags: Observed<Tags>,
    planned: &mut Planned,
) {
    let gap = match (BackupTag::from_tags(&tags, reader.around.tag_key), tags) {
        (_, Observed::Unknown(gap)) => gap,
        (BackupTag::Enabled | BackupTag::Invalid, _) => {
            let what = match kind {
                ResourceKind::EbsVolume => "volumes",
                _ => "instances",
            };
            let message = format!(
                "the {what} of {} do not exist until it launches them",
                item.address
            );
            Gap::new(GapKind::Unplanned, message)
        }
        _ => return,
    };
    planned.mark_incomplete(&reader.places.region_of(item), kind, &gap);
}

/// Notes the instances and the volumes that something launches from templates.
fn note_templates<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    templates: Vec<Result<&'a Item<'a>, Gap>>,
    planned: &mut Planned,
) {
    for template in templates {
        for (kind, resource_type) in [
            (ResourceKind::Ec2Instance, "instance"),
            (ResourceKind::EbsVolume, "volume"),
        ] {
            let template = template.as_ref().map_err(Clone::clone);
            let tags =
                template.and_then(|it| reader.read_specified_tags(&it.view(), resource_type));
            note_launched(reader, item, kind, tags.into(), planned);
        }
    }
}

/// Returns the tags of the volumes that ECS creates for the tasks of a service.
///
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceManagedEBSVolumeConfiguration.html>.
fn task_volume_tags<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<Tags, Gap> {
    let mut tags = Tags::new();
    for volume in view
        .blocks("volume_configuration")
        .set_value()?
        .unwrap_or_default()
    {
        let managed = volume.blocks("managed_ebs_volume").set_value()?;
        for managed in managed.unwrap_or_default() {
            tags.extend(reader.read_specified_tags(&managed, "volume")?);
        }
    }
    Ok(tags)
}

/// Returns the tags that a capacity provider gives to the instances that ECS manages for it.
///
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateManagedInstancesProviderConfiguration.html>.
fn managed_instance_tags<'a>(reader: &Reader<'a>, item: &'a Item<'a>) -> Observed<Tags> {
    let passes_on = || -> Result<bool, Gap> {
        let providers = item
            .view()
            .blocks("managed_instances_provider")
            .set_value()?;
        for provider in providers.unwrap_or_default() {
            if provider.text("propagate_tags").set_value()? == Some("CAPACITY_PROVIDER") {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let tags = reader.read_tags(item);
    match (passes_on(), tags.known()) {
        (Ok(true), _) => tags,
        // Other tags do not matter, whether they are passed on or not.
        (Err(gap), Some(tags)) if tags.contains_key(reader.around.tag_key) => {
            Observed::Unknown(gap)
        }
        _ => Observed::Known(Tags::new()),
    }
}

/// Notes the instances of a resource that gives them its tags, or those of a block.
fn read_launcher<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    block: Option<&str>,
    planned: &mut Planned,
) {
    let view = item.view();
    let holders = match block {
        Some(name) => view.blocks(name).set_value().map(Option::unwrap_or_default),
        None => Ok(vec![view]),
    };
    let holders = match holders {
        Ok(holders) => holders,
        Err(gap) => {
            let tags = Observed::Unknown(gap);
            return note_launched(reader, item, ResourceKind::Ec2Instance, tags, planned);
        }
    };
    for holder in holders {
        let tags = reader.read_block_tags(&holder, "tags", "tags_all");
        note_launched(reader, item, ResourceKind::Ec2Instance, tags, planned);
        let templates = group_templates(reader, &holder);
        note_templates(reader, item, templates, planned);
    }
}

/// Returns the tags that an Auto Scaling group gives to its instances. Version 3 of the provider has them as maps
/// in `tags` too.
///
/// Source: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>.
fn group_tags(reader: &Reader<'_>, view: &View<'_>) -> Result<Tags, Gap> {
    let mut tags = Tags::new();
    let legacy = match view.item.kind {
        "aws_autoscaling_group" => Some("tags"),
        _ => None,
    };
    for name in ["tag"].into_iter().chain(legacy) {
        for tag in view.blocks(name).set_value()?.unwrap_or_default() {
            let key = tag.text("key").final_value()?.unwrap_or_default();
            let propagates = tag.flag("propagate_at_launch").known() != Some(false);
            if reader.keeps_tag(key) && propagates {
                let value = tag.text("value").final_value()?.unwrap_or_default();
                tags.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    Ok(tags)
}

/// Returns the launch templates that a group may use. Of one that is known only after apply, all templates of
/// the plan.
fn group_templates<'a>(reader: &Reader<'a>, view: &View<'a>) -> Vec<Result<&'a Item<'a>, Gap>> {
    let policies = view.blocks("mixed_instances_policy").known();
    let mut holders = vec![*view];
    for policy in policies.unwrap_or_default() {
        let templates = policy.blocks("launch_template").known();
        for template in templates.unwrap_or_default() {
            let overrides = template.blocks("override").known();
            holders.extend(overrides.unwrap_or_default());
            holders.push(template);
        }
    }
    let mut found = Vec::new();
    for block in ["launch_template", "launch_template_specification"] {
        for holder in &holders {
            let is_named = holder.blocks(block).known();
            for named in is_named.unwrap_or_default() {
                found.extend(find_templates(reader, &named, holder, block));
            }
        }
    }
    found
}

fn find_templates<'a>(
    reader: &Reader<'a>,
    named: &View<'a>,
    holder: &View<'a>,
    block: &str,
) -> Vec<Result<&'a Item<'a>, Gap>> {
    let gap = match read_template(reader, holder, block) {
        Ok(template) => return template.map(Ok).into_iter().collect(),
        Err(gap) => gap,
    };
    let kinds = ["aws_launch_template"];
    let is_later = |name: &&str| matches!(named.text(name), Fact::Open(open) if open.kind == GapKind::AfterApply);
    let Some(id) = ["id", "launch_template_id"].into_iter().find(is_later) else {
        return vec![Err(gap)];
    };
    if let Link::OneOf(items, _) = reader.resolve_link(named, id, &kinds) {
        return items.into_iter().map(Ok).collect();
    }
    // An id that is not known yet is that of a template of the plan.
    let all: Vec<_> = reader.document.items_of(kinds[0]).map(Ok).collect();
    match all.is_empty() {
        true => vec![Err(gap)],
        false => all,
    }
}
