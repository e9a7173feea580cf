//! Stacks, what is backed up and the guide does not cover, and what this program cannot read.

use crate::model::cloudformation::Stack;
use crate::model::resource::ResourceKind;
use crate::model::snapshot::Region;
use crate::model::tag::BackupTag;
use crate::model::tagged::TaggedResource;
use crate::model::{Gap, GapKind, Listing};
use crate::source::planned::{Planned, unplanned};

use super::document::Item;
use super::reader::{Reader, widen};

/// Types that are listed where they are tagged, with what CloudFormation calls them.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>.
const TAGGED: [(&str, &str); 16] = [
    ("aws_docdb_cluster", "AWS::DocDB::DBCluster"),
    ("aws_dsql_cluster", "AWS::DSQL::Cluster"),
    ("aws_eks_cluster", "AWS::EKS::Cluster"),
    ("aws_fsx_lustre_file_system", "AWS::FSx::FileSystem"),
    ("aws_fsx_ontap_file_system", "AWS::FSx::FileSystem"),
    ("aws_fsx_ontap_volume", "AWS::FSx::Volume"),
    ("aws_fsx_openzfs_file_system", "AWS::FSx::FileSystem"),
    ("aws_fsx_openzfs_volume", "AWS::FSx::Volume"),
    ("aws_fsx_windows_file_system", "AWS::FSx::FileSystem"),
    ("aws_neptune_cluster", "AWS::Neptune::DBCluster"),
    ("aws_rds_cluster", "AWS::RDS::DBCluster"),
    ("aws_secretsmanager_secret", "AWS::SecretsManager::Secret"),
    ("aws_ssm_parameter", "AWS::SSM::Parameter"),
    ("aws_timestreamwrite_database", "AWS::Timestream::Database"),
    ("aws_timestreamwrite_table", "AWS::Timestream::Table"),
    (
        "aws_ssmsap_application",
        "AWS::SystemsManagerSAP::Application",
    ),
];

/// A listing of a region that a resource belongs to.
type ListingOf = fn(&mut Region, Gap);

/// Types that make what is backed up, in ways that are not read.
const UNREAD: [(&str, ListingOf); 14] = [
    ("aws_dynamodb_global_table", |it, gap| {
        widen(&mut it.tables, gap)
    }),
    ("aws_dynamodb_table_replica", |it, gap| {
        widen(&mut it.tables, gap)
    }),
    ("aws_ec2_fleet", |it, gap| widen(&mut it.instances, gap)),
    ("aws_spot_fleet_request", |it, gap| {
        widen(&mut it.instances, gap)
    }),
    ("aws_spot_instance_request", |it, gap| {
        widen(&mut it.instances, gap)
    }),
    ("awscc_cloudformation_stack", |it, gap| {
        widen(&mut it.stacks, gap)
    }),
    ("awscc_dynamodb_global_table", |it, gap| {
        widen(&mut it.tables, gap)
    }),
    ("awscc_dynamodb_table", |it, gap| widen(&mut it.tables, gap)),
    ("awscc_ec2_instance", |it, gap| {
        widen(&mut it.instances, gap)
    }),
    ("awscc_ec2_volume", |it, gap| widen(&mut it.volumes, gap)),
    ("awscc_efs_file_system", |it, gap| {
        widen(&mut it.file_systems, gap)
    }),
    ("awscc_rds_db_cluster", |it, gap| {
        widen(&mut it.db_clusters, gap)
    }),
    ("awscc_rds_db_instance", |it, gap| {
        widen(&mut it.db_instances, gap)
    }),
    ("awscc_redshift_cluster", |it, gap| {
        widen(&mut it.redshift_clusters, gap)
    }),
];

/// Reads the rest.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_cloudformation_stack") {
        let view = item.view();
        let named = reader.named(item, view.text("name"));
        let mut resources = Listing::complete(Vec::new());
        let gap = format!("the plan does not hold what is in the stack {}", named.id);
        widen(&mut resources, unplanned(gap));
        let arn = view.text("id").known().filter(|id| id.starts_with("arn:"));
        let stack = Stack {
            tags: reader.tags(item),
            state: reader.state(&view, "stack_status"),
            parent: None,
            resources,
            id: named.id,
            arn: arn.map_or(named.arn, str::to_owned),
        };
        reader.place(item, &stack.arn, planned);
        planned.region(&named.region).stacks.items.push(stack);
    }
    for (kind, aws_type) in TAGGED {
        for item in reader.document.of(kind) {
            tagged(reader, item, aws_type, planned);
        }
    }
    for (kind, listing) in UNREAD {
        for item in reader.document.of(kind) {
            let region = reader.places.region(item);
            listing(planned.region(&region), unread(item));
        }
    }
    for item in reader.document.of("aws_autoscaling_group") {
        group(reader, item, planned);
    }
    for item in reader.document.of("awscc_s3_bucket") {
        widen(&mut planned.snapshot().buckets, unread(item));
    }
}

fn unread(item: &Item<'_>) -> Gap {
    let message = format!(
        "{} is not read: backup-check does not know the type {}",
        item.address, item.kind
    );
    Gap::new(GapKind::Unreadable, message)
}

fn tagged<'a>(reader: &Reader<'a>, item: &'a Item<'a>, aws_type: &str, planned: &mut Planned) {
    // DocumentDB and Neptune can be made through RDS.
    let engine = item.view().text("engine").known();
    if item.kind == "aws_rds_cluster" && engine.is_none_or(crate::model::rds::is_rds_cluster) {
        return;
    }
    let named = reader.named(item, item.view().text("id"));
    let found = TaggedResource {
        aws_type: aws_type.to_owned(),
        tags: reader.tags(item),
        id: named.id,
        arn: named.arn,
    };
    let tag = BackupTag::from_tags(&found.tags, reader.around.tag_key);
    let is_listed = match tag {
        BackupTag::Enabled => true,
        // Nothing is said of a secret that may not even be tagged.
        BackupTag::Unknown => found.kind() == ResourceKind::Other,
        _ => false,
    };
    if is_listed {
        reader.place(item, &found.arn, planned);
        planned.region(&named.region).tagged.items.push(found);
    }
}

/// A group makes instances as it needs them: what it tags for backups cannot be judged before.
fn group<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let tags = item.view().blocks("tag").known().unwrap_or_default();
    let is_backed_up = tags.iter().any(|tag| {
        tag.text("key").known() == Some(reader.around.tag_key)
            && tag.text("value").known() == Some(crate::model::tag::ENABLED)
            && tag.flag("propagate_at_launch").known() != Some(false)
    });
    if is_backed_up {
        let region = reader.places.region(item);
        let message = format!(
            "the instances of {} exist only when it starts them",
            item.address
        );
        let gap = Gap::new(GapKind::Unplanned, message);
        widen(&mut planned.region(&region).instances, gap);
    }
}
