//! The keys that connect the resources of a stack with the resources that were read.

use crate::model::cloudformation::StackResource;
use crate::model::kind::kinds_in_stack;
use crate::model::{Resource, ResourceKind};

/// The key under which a stack names its resources: kind, type and id. A nested stack goes by its ARN,
/// and only a type outside the guide has its CloudFormation type in the key.
pub(super) type MemberKey<'a> = (ResourceKind, Option<&'a str>, &'a str);

/// Returns the key under which a stack would name a resource.
pub(super) fn member_key(resource: Resource<'_>) -> Option<MemberKey<'_>> {
    let (arn, id) = resource.arn_and_id()?;
    Some(match resource {
        Resource::Stack(_) => (resource.kind(), None, arn),
        // Whatever its kind: `member_keys` has the type of what is known by its tag alone.
        Resource::Tagged(it) => {
            let id = id.rsplit('/').next()?;
            (ResourceKind::Other, Some(it.aws_type.as_str()), id)
        }
        _ => (resource.kind(), None, id),
    })
}

/// Returns the keys that a resource of a stack may have. One whose type is listed may still be known by its tag
/// alone, as in the snapshot of a version that did not list it.
pub(super) fn member_keys(member: &StackResource) -> impl Iterator<Item = MemberKey<'_>> {
    let name = member.resource_type.as_str();
    let id = member.physical_id.as_deref();
    let by_tag = kinds_in_stack(name).next();
    let by_tag = by_tag.map(|_| (ResourceKind::Other, Some(name)));
    kinds_in_stack(name)
        .filter(|row| !row.is_found_by_tag())
        .map(|row| (row.kind, None))
        .chain(by_tag)
        .filter_map(move |(kind, aws_type)| Some((kind, aws_type, id?)))
}
