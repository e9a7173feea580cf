//! CloudFormation stacks and what is in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::model::cloudformation::{Stack, StackResource};
use crate::model::observed::{Gap, Listing, Observed};

use super::call::{Caller, Operation, Scope};
use super::scan_scope::joined;
use super::session::Session;
use super::tagging::keep;

const DESCRIBE_STACKS: Operation = Operation::new("cloudformation:DescribeStacks");
const LIST_STACK_RESOURCES: Operation = Operation::new("cloudformation:ListStackResources");

/// What reading stacks takes.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_STACKS, LIST_STACK_RESOURCES];

/// The stacks of a region, nested ones too, each with what it holds. Neither operation takes the size of a page.
///
/// A stack that was deleted is described no more.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<Stack> {
    let scope = caller.scope(region, "cloudformation");
    let client = session.cloudformation(region);
    let pages = client.describe_stacks().into_paginator().send();
    let stacks = scope
        .list(DESCRIBE_STACKS, pages, |page| {
            let stacks = page.stacks.unwrap_or_default().into_iter();
            Some(stacks.map(|stack| stack_of(stack, tag_key)).collect())
        })
        .await;
    opened(&scope, &client, stacks).await
}

/// Some stacks, with those that are nested in them. Which others there are was not asked.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    arns: &[String],
) -> Listing<Stack> {
    let scope = caller.scope(region, "cloudformation");
    let client = session.cloudformation(region);
    let mut all = Listing::complete(Vec::new());
    let mut wanted: BTreeSet<String> = arns.iter().cloned().collect();
    let mut known = BTreeSet::new();
    while !wanted.is_empty() {
        let described = wanted.iter().map(|arn| {
            let pages = client.describe_stacks().stack_name(arn);
            let pages = pages.into_paginator().send();
            // What a stack's ARN is to CloudFormation that it does not know: no other fault of the call.
            scope.list_of(DESCRIBE_STACKS, &["ValidationError"], pages, |page| {
                let stacks = page.stacks.unwrap_or_default().into_iter();
                Some(stacks.map(|stack| stack_of(stack, tag_key)).collect())
            })
        });
        let stacks = opened(&scope, &client, joined(join_all(described).await)).await;
        let held = stacks.items.iter().flat_map(|stack| &stack.resources.items);
        let nested = held.filter(|it| it.resource_type == NESTED && !it.is_gone());
        let found: BTreeSet<String> = nested.filter_map(|it| it.physical_id.clone()).collect();
        all.items.extend(stacks.items);
        all.gap = all.gap.or(stacks.gap);
        known.append(&mut wanted);
        wanted = found.difference(&known).cloned().collect();
    }
    all.gap = all.gap.or(Some(Gap::not_asked()));
    all
}

const NESTED: &str = "AWS::CloudFormation::Stack";

/// Stacks with what they hold.
async fn opened(
    scope: &Scope,
    client: &aws_sdk_cloudformation::Client,
    mut stacks: Listing<Stack>,
) -> Listing<Stack> {
    let resources = join_all(stacks.items.iter().map(|stack| {
        let pages = client
            .list_stack_resources()
            .stack_name(&stack.arn)
            .into_paginator()
            .send();
        scope.list(LIST_STACK_RESOURCES, pages, |page| {
            let resources = page.stack_resource_summaries.unwrap_or_default();
            Some(resources.into_iter().map(resource_of).collect())
        })
    }))
    .await;
    for (stack, resources) in stacks.items.iter_mut().zip(resources) {
        stack.resources = resources;
    }
    stacks
}

fn stack_of(stack: aws_sdk_cloudformation::types::Stack, tag_key: &str) -> Option<Stack> {
    let tags = stack.tags.unwrap_or_default().into_iter();
    let pairs = tags.filter_map(|tag| Some((tag.key?, tag.value?)));
    let state = stack.stack_status.map(|state| state.as_str().to_owned());
    Some(Stack {
        arn: stack.stack_id?,
        id: stack.stack_name?,
        tags: Observed::Known(keep(pairs, tag_key)),
        state: DESCRIBE_STACKS.field(state, "StackStatus"),
        parent: stack.parent_id,
        resources: Listing::default(),
    })
}

fn resource_of(
    resource: aws_sdk_cloudformation::types::StackResourceSummary,
) -> Option<StackResource> {
    let state = resource.resource_status?;
    Some(StackResource {
        logical_id: resource.logical_resource_id?,
        physical_id: resource.physical_resource_id,
        resource_type: resource.resource_type?,
        state: state.as_str().to_owned(),
    })
}
