//! What a CloudFormation stack contains, with its nested stacks expanded.

use std::collections::BTreeSet;

use crate::model::Resource;
use crate::model::cloudformation::{Stack, StackResource};
use crate::model::kind::kinds_in_stack;
use crate::model::observed::Gap;

use super::context::RuleContext;

/// A resource of a stack that AWS Backup backs up with the stack.
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    /// A resource that was read.
    Read(Resource<'a>),
    /// A resource that was not read, or whose type is not checked.
    NotRead(&'a StackResource),
}

/// What a stack contains, and what could not be read of it.
#[derive(Debug, Default)]
pub struct Members<'a> {
    /// The members, in the order of the templates.
    pub list: Vec<Member<'a>>,
    /// Why there may be more members, or why some were not read.
    pub gaps: Vec<Gap>,
}

impl Members<'_> {
    /// Whether there are no members.
    ///
    /// # Errors
    /// Why there may be members, where none was read because reading failed.
    pub fn is_known_empty(&self) -> Result<bool, Gap> {
        let failure = self.gaps.iter().find(|gap| gap.kind.is_read_failure());
        match failure {
            Some(gap) if self.list.is_empty() => Err(gap.clone()),
            _ => Ok(self.list.is_empty() && self.gaps.is_empty()),
        }
    }
}

/// Returns what a stack and its nested stacks contain of what AWS Backup backs up.
///
/// The backup of a stack includes the backups of its nested stacks:
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>.
#[must_use]
pub fn find_members<'a>(cx: &RuleContext<'a>, stack: &'a Stack) -> Members<'a> {
    let mut members = Members::default();
    let mut expanded = BTreeSet::new();
    let mut waiting = vec![stack];
    while let Some(stack) = waiting.pop() {
        if !expanded.insert(stack.arn.as_str()) {
            continue;
        }
        members.gaps.extend(stack.resources.gap.clone());
        for resource in stack.resources.items.iter().filter(|it| !it.is_gone()) {
            let id = resource.physical_id.as_deref().unwrap_or_default();
            match (resource.resource_type.as_str(), cx.stack_member(resource)) {
                (_, Some(Resource::Stack(nested))) => waiting.push(nested),
                // Only its tag is known.
                (_, Some(Resource::Tagged(_))) => members.list.push(Member::NotRead(resource)),
                (_, Some(found)) => members.list.push(Member::Read(found)),
                // It is checked with its cluster.
                ("AWS::RDS::DBInstance", None)
                    if cx.db_instance(id).is_ok_and(|it| it.is_member()) => {}
                (kind, None) if kinds_in_stack(kind).next().is_some() => {
                    members.list.push(Member::NotRead(resource));
                }
                (_, None) => {}
            }
        }
    }
    members
}
