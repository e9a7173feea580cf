//! CloudFormation stacks, tagged resources of other types, and types that cannot be read.

use crate::model::cloudformation::Stack;
use crate::model::kind::ResourceKind;
use crate::model::service::Service;
use crate::model::tag::{BackupTag, Tags};
use crate::model::tagged::TaggedResource;
use crate::model::{Gap, GapKind, Listing, Observed};
use crate::source::cloudformation::{Contents, find_contents};
use crate::source::planned::{Planned, unplanned};
use crate::source::unsupported::{UNSUPPORTED, explain_unsupported};

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

/// Types that create resources to back up but cannot be read.
const UNREAD: [(&str, ResourceKind); 4] = [
    ("aws_dynamodb_global_table", ResourceKind::DynamodbTable),
    ("aws_ec2_fleet", ResourceKind::Ec2Instance),
    ("aws_spot_fleet_request", ResourceKind::Ec2Instance),
    ("aws_spot_instance_request", ResourceKind::Ec2Instance),
];

/// Types that create a stack, with the attribute that names it.
///
/// Source: <https://docs.aws.amazon.com/servicecatalog/latest/adminguide/what-is_concepts.html>,
/// <https://docs.aws.amazon.com/serverlessrepo/latest/devguide/serverlessrepo-how-to-consume.html>.
const STACKS: [&str; 3] = [
    "aws_cloudformation_stack",
    "aws_serverlessapplicationrepository_cloudformation_stack",
    "aws_servicecatalog_provisioned_product",
];

/// Reads the stacks and the tagged resources of the plan, and marks listings with unsupported types.
pub(super) fn read_others<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in STACKS {
        for item in reader.document.items_of(kind) {
            read_stack(reader, item, planned);
        }
    }
    for item in reader.document.items_of("aws_cloudformation_stack_set") {
        let gap = unplanned(format!(
            "the stack set {} deploys a template to the accounts and regions that it names, which is not read; scan it too",
            item.address
        ));
        note_template(reader, item, gap, planned);
    }
    for (kind, aws_type) in TAGGED {
        for item in reader.document.items_of(kind) {
            read_tagged(reader, item, aws_type, reader.read_tags(item), planned);
        }
    }
    for (kind, listed) in UNREAD {
        for item in reader.document.items_of(kind) {
            mark_unread(reader, item, listed, planned);
        }
    }
    for kind in UNSUPPORTED.iter().map(|it| it.terraform) {
        for item in reader.document.items_of(kind) {
            note_unsupported(reader, item, &reader.read_tags(item), planned);
        }
    }
}

/// Notes what has a type that AWS Backup does not support, if it is tagged for backup.
pub(super) fn note_unsupported(
    reader: &Reader<'_>,
    item: &Item<'_>,
    tags: &Observed<Tags>,
    planned: &mut Planned,
) {
    if BackupTag::from_tags(tags, reader.around.tag_key) == BackupTag::Enabled {
        let region = reader.places.region_of(item);
        let reason = explain_unsupported(item.address, item.kind);
        planned.note_partial(&region, Service::Backup, reason);
    }
}

fn read_stack<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("name"));
    let gap = unplanned(format!(
        "the plan does not contain the resources of stack {}",
        named.id
    ));
    let mut resources = Listing::complete(Vec::new());
    mark_incomplete(&mut resources, gap);
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
    let gap = unplanned(format!(
        "the stack {} has a template of resources that are not read; scan it too",
        item.address
    ));
    note_template(reader, item, gap, planned);
}

/// Notes the template of a stack or of a stack set, unless it is in the plan and has nothing that is checked.
fn note_template(reader: &Reader<'_>, item: &Item<'_>, gap: Gap, planned: &mut Planned) {
    let region = reader.places.region_of(item);
    let body = item.view().text("template_body").known();
    match body.map_or(Contents::Data, find_contents) {
        Contents::Unchecked => {}
        Contents::Infrastructure => {
            planned.note_partial(&region, Service::Cloudformation, gap.to_string());
        }
        Contents::Data => {
            planned.mark_incomplete(&region, ResourceKind::CloudformationStack, &gap);
        }
    }
}

/// Returns the gap of a resource with a type that is not read.
pub(super) fn explain_unread(item: &Item<'_>) -> Gap {
    let message = format!(
        "{} cannot be read: the type {} is not supported",
        item.address, item.kind
    );
    Gap::new(GapKind::Unreadable, message)
}

/// Notes a resource with a type that is not read.
pub(super) fn mark_unread(
    reader: &Reader<'_>,
    item: &Item<'_>,
    kind: ResourceKind,
    planned: &mut Planned,
) {
    let gap = explain_unread(item);
    planned.mark_incomplete(&reader.places.region_of(item), kind, &gap);
}

/// Reads a resource that is listed if its tags ask for a backup, or may.
pub(super) fn read_tagged<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    aws_type: &str,
    tags: Observed<Tags>,
    planned: &mut Planned,
) {
    let named = reader.identify_item(item, item.view().text("id"));
    let tag = BackupTag::from_tags(&tags, reader.around.tag_key);
    if !matches!(
        tag,
        BackupTag::Enabled | BackupTag::Invalid | BackupTag::Unknown
    ) {
        return;
    }
    let found = TaggedResource {
        aws_type: aws_type.to_owned(),
        tags,
        exists: None,
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &found.arn, planned);
    planned.region_mut(&named.region).tagged.items.push(found);
}
