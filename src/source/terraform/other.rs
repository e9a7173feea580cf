//! CloudFormation stacks, tagged resources of other types, and types that cannot be read.

use crate::model::cloudformation::Stack;
use crate::model::kind::ResourceKind;
use crate::model::snapshot::Region;
use crate::model::tag::{BackupTag, ENABLED, Tags};
use crate::model::tagged::TaggedResource;
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::source::planned::{Planned, unplanned};

use super::item::Item;
use super::launch::read_template;
use super::reader::{Link, Reader, mark_incomplete};
use super::view::{Fact, View};

/// Types that are listed if they are tagged, with their CloudFormation types.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>.
const TAGGED: [(&str, &str); 7] = [
    ("aws_dsql_cluster", "AWS::DSQL::Cluster"),
    ("aws_eks_cluster", "AWS::EKS::Cluster"),
    ("aws_secretsmanager_secret", "AWS::SecretsManager::Secret"),
    ("aws_ssm_parameter", "AWS::SSM::Parameter"),
    ("aws_timestreamwrite_database", "AWS::Timestream::Database"),
    ("aws_timestreamwrite_table", "AWS::Timestream::Table"),
    (
        "aws_ssmsap_application",
        "AWS::SystemsManagerSAP::Application",
    ),
];

/// Marks the listing of a region that a type belongs to as incomplete.
type MarkListing = fn(&mut Region, Gap);

/// Types that create resources to back up but cannot be read.
const UNSUPPORTED: [(&str, MarkListing); 13] = [
    ("aws_dynamodb_global_table", |it, gap| {
        mark_incomplete(&mut it.tables, gap)
    }),
    ("aws_ec2_fleet", |it, gap| {
        mark_incomplete(&mut it.instances, gap)
    }),
    ("aws_spot_fleet_request", |it, gap| {
        mark_incomplete(&mut it.instances, gap)
    }),
    ("aws_spot_instance_request", |it, gap| {
        mark_incomplete(&mut it.instances, gap)
    }),
    ("awscc_cloudformation_stack", |it, gap| {
        mark_incomplete(&mut it.stacks, gap)
    }),
    ("awscc_dynamodb_global_table", |it, gap| {
        mark_incomplete(&mut it.tables, gap)
    }),
    ("awscc_dynamodb_table", |it, gap| {
        mark_incomplete(&mut it.tables, gap)
    }),
    ("awscc_ec2_instance", |it, gap| {
        mark_incomplete(&mut it.instances, gap)
    }),
    ("awscc_ec2_volume", |it, gap| {
        mark_incomplete(&mut it.volumes, gap)
    }),
    ("awscc_efs_file_system", |it, gap| {
        mark_incomplete(&mut it.file_systems, gap)
    }),
    ("awscc_rds_db_cluster", |it, gap| {
        mark_incomplete(&mut it.db_clusters, gap)
    }),
    ("awscc_rds_db_instance", |it, gap| {
        mark_incomplete(&mut it.db_instances, gap)
    }),
    ("awscc_redshift_cluster", |it, gap| {
        mark_incomplete(&mut it.redshift_clusters, gap)
    }),
];

/// Types that give their tags to instances that they launch, with the block that has the tags.
///
/// Sources: <https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html>,
/// <https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html>,
/// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-tags.html>.
const LAUNCHERS: [(&str, Option<&str>); 3] = [
    ("aws_batch_compute_environment", Some("compute_resources")),
    ("aws_elastic_beanstalk_environment", None),
    ("aws_emr_cluster", None),
];

/// Marks the volumes as incomplete if ECS tags those that it creates for the tasks of a service for backup.
///
/// Source: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceManagedEBSVolumeConfiguration.html>.
fn read_task_volumes<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let tags = || -> Result<Vec<Tags>, Gap> {
        let mut tags = Vec::new();
        for volume in view
            .blocks("volume_configuration")
            .set_value()?
            .unwrap_or_default()
        {
            let managed = volume.blocks("managed_ebs_volume").set_value()?;
            for managed in managed.unwrap_or_default() {
                tags.push(reader.read_specified_tags(&managed, "volume")?);
            }
        }
        Ok(tags)
    };
    let gap = match tags() {
        Ok(tags) => {
            let mut tags = tags.iter();
            tags.any(|it| is_backed_up(reader, it)).then(|| {
                let message = format!(
                    "the volumes of {} do not exist until ECS starts its tasks",
                    item.address
                );
                Gap::new(GapKind::Unplanned, message)
            })
        }
        Err(gap) => Some(gap),
    };
    if let Some(gap) = gap {
        let region = planned.region_mut(&reader.places.region_of(item));
        mark_incomplete(&mut region.volumes, gap);
    }
}

/// Reads the stacks and the tagged resources of the plan, and marks listings with unsupported types.
pub(super) fn read_others<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.items_of("aws_cloudformation_stack") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("name"));
        let mut resources = Listing::complete(Vec::new());
        let gap = format!(
            "the plan does not contain the resources of stack {}",
            named.id
        );
        mark_incomplete(&mut resources, unplanned(gap));
        let arn = view.text("id").known().filter(|id| id.starts_with("arn:"));
        let stack = Stack {
            tags: reader.read_tags(item),
            state: reader.read_state(&view, "stack_status"),
            parent: None,
            resources,
            id: named.id,
            arn: arn.map_or(named.arn, str::to_owned),
        };
        reader.add_place(item, &stack.arn, planned);
        planned.region_mut(&named.region).stacks.items.push(stack);
    }
    for (kind, aws_type) in TAGGED {
        for item in reader.document.items_of(kind) {
            read_tagged(reader, item, aws_type, planned);
        }
    }
    for (kind, listing) in UNSUPPORTED {
        for item in reader.document.items_of(kind) {
            let region = reader.places.region_of(item);
            listing(planned.region_mut(&region), unsupported_gap(item));
        }
    }
    for kind in ["aws_autoscaling_group", "aws_eks_node_group"] {
        for item in reader.document.items_of(kind) {
            read_group(reader, item, planned);
        }
    }
    for (kind, block) in LAUNCHERS {
        for item in reader.document.items_of(kind) {
            read_launcher(reader, item, block, planned);
        }
    }
    for item in reader.document.items_of("aws_ecs_service") {
        read_task_volumes(reader, item, planned);
    }
    for item in reader.document.items_of("aws_autoscaling_group_tag") {
        let gap = match group_tags(reader, &item.view()) {
            Ok(tags) => is_backed_up(reader, &tags).then(|| later(item)),
            Err(gap) => Some(gap),
        };
        if let Some(gap) = gap {
            mark_instances(planned.region_mut(&reader.places.region_of(item)), gap);
        }
    }
    for item in reader.document.items_of("awscc_s3_bucket") {
        mark_incomplete(&mut planned.snapshot_mut().buckets, unsupported_gap(item));
    }
}

/// Returns the gap of a resource with an unsupported type.
fn unsupported_gap(item: &Item<'_>) -> Gap {
    let message = format!(
        "{} cannot be read: the type {} is not supported",
        item.address, item.kind
    );
    Gap::new(GapKind::Unreadable, message)
}

/// Reads a resource that is listed if it is tagged.
fn read_tagged<'a>(reader: &Reader<'a>, item: &'a Item<'a>, aws_type: &str, planned: &mut Planned) {
    let named = reader.identify_item(item, item.view().text("id"));
    let found = TaggedResource {
        aws_type: aws_type.to_owned(),
        tags: reader.read_tags(item),
        exists: None,
        id: named.id,
        arn: named.arn,
    };
    let tag = BackupTag::from_tags(&found.tags, reader.around.tag_key);
    let is_listed = match tag {
        BackupTag::Enabled => true,
        // A resource that may not be tagged for backup is listed only if its type is covered.
        BackupTag::Unknown => found.kind() == ResourceKind::Other,
        _ => false,
    };
    if is_listed {
        reader.add_place(item, &found.arn, planned);
        planned.region_mut(&named.region).tagged.items.push(found);
    }
}

/// Marks the instances, and their volumes, as incomplete if a group tags those that it launches for backup, with
/// its own tags or with those of its launch template.
///
/// Source: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>.
fn read_group<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let region = reader.places.region_of(item);
    let later = || later(item);
    let is_backed_up = |tags: &Tags| is_backed_up(reader, tags);
    let templates = group_templates(reader, &view);
    for (kind, mark) in [
        ("instance", mark_instances as MarkListing),
        ("volume", |it, gap| mark_incomplete(&mut it.volumes, gap)),
    ] {
        let mut gap = match kind {
            "instance" => match group_tags(reader, &view) {
                Ok(tags) => is_backed_up(&tags).then(later),
                Err(gap) => Some(gap),
            },
            _ => None,
        };
        for template in &templates {
            let tags = match template {
                Ok(template) => reader.read_specified_tags(&template.view(), kind),
                Err(gap) => Err(gap.clone()),
            };
            match tags {
                Ok(tags) if is_backed_up(&tags) => gap = gap.or_else(|| Some(later())),
                Ok(_) => {}
                Err(open) => gap = gap.or(Some(open)),
            }
        }
        if let Some(gap) = gap {
            mark(planned.region_mut(&region), gap);
        }
    }
}

/// Marks the instances as incomplete if a resource tags those that it launches for backup.
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
    let tags = holders.map(|holders| {
        let holders = holders.iter();
        let tags = holders.map(|it| reader.read_block_tags(it, "tags", "tags_all"));
        tags.collect::<Vec<_>>()
    });
    let gap = match tags {
        Ok(tags) => tags.into_iter().find_map(|tags| match tags {
            Observed::Known(tags) => is_backed_up(reader, &tags).then(|| later(item)),
            Observed::Unknown(gap) => Some(gap),
        }),
        Err(gap) => Some(gap),
    };
    if let Some(gap) = gap {
        mark_instances(planned.region_mut(&reader.places.region_of(item)), gap);
    }
}

/// Returns the gap of instances that something launches.
fn later(item: &Item<'_>) -> Gap {
    let message = format!(
        "the instances of {} do not exist until it launches them",
        item.address
    );
    Gap::new(GapKind::Unplanned, message)
}

/// Whether tags select a resource for backup.
fn is_backed_up(reader: &Reader<'_>, tags: &Tags) -> bool {
    let value = tags.get(reader.around.tag_key);
    value.is_some_and(|it| it == ENABLED)
}

fn mark_instances(region: &mut Region, gap: Gap) {
    mark_incomplete(&mut region.instances, gap);
}

/// Returns the tags that an Auto Scaling group gives to its instances.
fn group_tags(reader: &Reader<'_>, view: &View<'_>) -> Result<Tags, Gap> {
    let mut tags = Tags::new();
    for tag in view.blocks("tag").set_value()?.unwrap_or_default() {
        let key = tag.text("key").final_value()?.unwrap_or_default();
        if key == reader.around.tag_key && tag.flag("propagate_at_launch").known() != Some(false) {
            let value = tag.text("value").final_value()?.unwrap_or_default();
            tags.insert(key.to_owned(), value.to_owned());
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
    let names = [
        ("launch_template", "id"),
        ("launch_template_specification", "launch_template_id"),
    ];
    let mut found = Vec::new();
    for (block, id) in names {
        for holder in &holders {
            let is_named = holder.blocks(block).known();
            for named in is_named.unwrap_or_default() {
                found.extend(find_templates(reader, &named, holder, (block, id)));
            }
        }
    }
    found
}

fn find_templates<'a>(
    reader: &Reader<'a>,
    named: &View<'a>,
    holder: &View<'a>,
    (block, id): (&str, &str),
) -> Vec<Result<&'a Item<'a>, Gap>> {
    match (read_template(reader, holder, block), named.text(id)) {
        (Ok(template), _) => template.map(Ok).into_iter().collect(),
        (Err(gap), Fact::Open(open)) if open.kind == GapKind::AfterApply => {
            let kinds = ["aws_launch_template"];
            let all = reader.document.items_of(kinds[0]);
            match reader.resolve_link(named, id, &kinds) {
                Link::OneOf(items, _) => items.into_iter().map(Ok).collect(),
                // An id that is not known yet is that of a template of the plan.
                _ if all.count() > 0 => reader.document.items_of(kinds[0]).map(Ok).collect(),
                _ => vec![Err(gap)],
            }
        }
        (Err(gap), _) => vec![Err(gap)],
    }
}
