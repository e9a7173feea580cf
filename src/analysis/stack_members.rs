//! What a CloudFormation stack holds, nested stacks opened.

use std::collections::BTreeSet;

use crate::model::Resource;
use crate::model::cloudformation::{BEYOND_THE_GUIDE, Stack, StackResource};
use crate::model::observed::Gap;
use crate::model::resource::CLOUDFORMATION_TYPES;

use crate::analysis::RuleContext;

/// A resource of a stack that AWS Backup backs up with it.
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    /// One that was read.
    Read(Resource<'a>),
    /// One that was not, or whose type is not judged.
    Unread(&'a StackResource),
}

/// What a stack holds, and what kept some of it from being seen.
#[derive(Debug, Default)]
pub struct Members<'a> {
    /// In the order of the templates.
    pub list: Vec<Member<'a>>,
    /// Why there may be more, or why some were not read.
    pub gaps: Vec<Gap>,
}

/// What a stack and the stacks in it hold of what AWS Backup backs up.
///
/// The backup of a stack has those of its nested stacks in it:
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>.
#[must_use]
pub fn members<'a>(cx: &RuleContext<'a>, stack: &'a Stack) -> Members<'a> {
    let mut members = Members::default();
    let mut opened = BTreeSet::new();
    let mut waiting = vec![stack];
    while let Some(stack) = waiting.pop() {
        if !opened.insert(stack.arn.as_str()) {
            continue;
        }
        members.gaps.extend(stack.resources.gap.clone());
        for resource in stack.resources.items.iter().filter(|it| !it.is_gone()) {
            let id = resource.physical_id.as_deref().unwrap_or_default();
            match (resource.resource_type.as_str(), cx.stack_member(resource)) {
                (_, Some(Resource::Stack(nested))) => waiting.push(nested),
                // Its tag gave it away, and nothing more is known of it.
                (_, Some(Resource::Tagged(_))) => members.list.push(Member::Unread(resource)),
                (_, Some(found)) => members.list.push(Member::Read(found)),
                // It is judged with its cluster.
                ("AWS::RDS::DBInstance", None)
                    if cx.db_instance(id).is_ok_and(|it| it.cluster.is_some()) => {}
                (kind, None) if is_backed_up(kind) => {
                    members.list.push(Member::Unread(resource));
                }
                (_, None) => {}
            }
        }
    }
    members
}

/// Whether AWS Backup backs up resources of a type that stands in a template.
fn is_backed_up(resource_type: &str) -> bool {
    let listed = |(name, _): &(&str, _)| *name == resource_type;
    BEYOND_THE_GUIDE.contains(&resource_type) || CLOUDFORMATION_TYPES.iter().any(listed)
}
