//! CloudFormation stacks, tagged resources of other types, and types that cannot be read.

use crate::model::cloudformation::Stack;
use crate::model::kind::ResourceKind;
use crate::model::snapshot::Region;
use crate::model::tag::BackupTag;
use crate::model::tagged::TaggedResource;
use crate::model::{Gap, GapKind, Listing};
use crate::source::planned::{Planned, unplanned};

use super::item::Item;
use super::reader::{Reader, mark_incomplete};

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
const UNSUPPORTED: [(&str, MarkListing); 14] = [
    ("aws_dynamodb_global_table", |it, gap| {
        mark_incomplete(&mut it.tables, gap)
    }),
    ("aws_dynamodb_table_replica", |it, gap| {
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
    for item in reader.document.items_of("aws_autoscaling_group") {
        read_scaling_group(reader, item, planned);
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

/// Marks the instances as incomplete if an Auto Scaling group tags those that it launches for backup.
fn read_scaling_group<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let tags = item.view().blocks("tag").known().unwrap_or_default();
    let is_backed_up = tags.iter().any(|tag| {
        tag.text("key").known() == Some(reader.around.tag_key)
            && tag.text("value").known() == Some(crate::model::tag::ENABLED)
            && tag.flag("propagate_at_launch").known() != Some(false)
    });
    if is_backed_up {
        let region = reader.places.region_of(item);
        let message = format!(
            "the instances of {} do not exist until it launches them",
            item.address
        );
        let gap = Gap::new(GapKind::Unplanned, message);
        mark_incomplete(&mut planned.region_mut(&region).instances, gap);
    }
}
