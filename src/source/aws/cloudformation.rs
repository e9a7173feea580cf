//! CloudFormation stacks and their resources.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::model::cloudformation::{Export, Stack, StackResource, is_identifier};
use crate::model::observed::{Gap, Listing};
use crate::model::service::Service;

use super::call::ServiceCalls;
use super::key_requests::ListOrder;
use super::listing::join_listings;
use super::operation::{LIST_EXPORTS, Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const DESCRIBE_STACKS: Operation = Operation::new("cloudformation:DescribeStacks");
const LIST_STACK_RESOURCES: Operation = Operation::new("cloudformation:ListStackResources");

/// The reader of stacks. Selected stacks are found first, as their resources are needed too: see
/// [`find_stacks`].
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Cloudformation],
    operations: &[DESCRIBE_STACKS, LIST_STACK_RESOURCES],
    tags: TagSource::Own,
    finds_one_by_one: false,
    order: ListOrder::Last,
    list: |reader| {
        Box::pin(async move {
            let found = list_stacks(reader).await;
            store(|region| region.stacks = found)
        })
    },
    find: |_, _| Box::pin(async { store(|_| ()) }),
};

const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// Lists the stacks of a region, including nested stacks, with their resources. Neither operation has a
/// page size.
///
/// `DescribeStacks` omits deleted stacks.
async fn list_stacks(reader: &RegionReader<'_>) -> Listing<Stack> {
    let calls = reader.begin_service("cloudformation");
    let client = reader.session.clients.cloudformation(reader.region);
    let pages = client.describe_stacks().into_paginator().send();
    let stacks = calls
        .list_items(DESCRIBE_STACKS, pages, |page| {
            let stacks = page.stacks?.into_iter();
            Some(stacks.map(stack_from).collect())
        })
        .await;
    add_resources(&calls, &client, stacks).await
}

/// Looks up stacks by ARN, with the stacks that are nested in them. The listing has a gap: other stacks
/// were not requested.
pub async fn find_stacks(reader: &RegionReader<'_>, arns: &[String]) -> Listing<Stack> {
    let calls = reader.begin_service("cloudformation");
    let client = reader.session.clients.cloudformation(reader.region);
    let mut all = Listing::complete(Vec::new());
    let mut wanted: BTreeSet<String> = arns.iter().cloned().collect();
    let mut known = BTreeSet::new();
    while !wanted.is_empty() {
        let described = wanted.iter().map(|arn| {
            let pages = client.describe_stacks().stack_name(arn);
            let pages = pages.into_paginator().send();
            // The error code for an unknown stack. An ARN causes no other validation error.
            calls.list_optional(DESCRIBE_STACKS, &["ValidationError"], pages, |page| {
                let stacks = page.stacks?.into_iter();
                Some(stacks.map(stack_from).collect())
            })
        });
        let described = join_listings(join_all(described).await);
        let stacks = add_resources(&calls, &client, described).await;
        let resources = stacks.items.iter().flat_map(|stack| &stack.resources.items);
        let nested = resources.filter(|it| it.resource_type == NESTED_STACK && !it.is_gone());
        let found: BTreeSet<String> = nested.filter_map(|it| it.physical_id.clone()).collect();
        all.items.extend(stacks.items);
        all.gap = all.gap.or(stacks.gap);
        known.append(&mut wanted);
        wanted = found.difference(&known).cloned().collect();
    }
    all.gap = all.gap.or(Some(Gap::not_asked()));
    all
}

/// API operations used to read exports.
pub const EXPORT_OPERATIONS: &[Operation] = &[LIST_EXPORTS];

/// Lists what the stacks of a region export.
pub async fn list_exports(reader: &RegionReader<'_>) -> Listing<Export> {
    let calls = reader.begin_service("cloudformation");
    let client = reader.session.clients.cloudformation(reader.region);
    let pages = client.list_exports().into_paginator().send();
    calls
        .list_items(LIST_EXPORTS, pages, |page| {
            let exports = page.exports?.into_iter().map(|it| {
                Some(Export {
                    name: it.name.filled()?,
                    value: it.value.filled().filter(|value| is_identifier(value)),
                })
            });
            Some(exports.collect())
        })
        .await
}

/// Lists the resources of each stack.
async fn add_resources(
    calls: &ServiceCalls,
    client: &aws_sdk_cloudformation::Client,
    mut stacks: Listing<Stack>,
) -> Listing<Stack> {
    let resources = join_all(stacks.items.iter().map(|stack| {
        let pages = client
            .list_stack_resources()
            .stack_name(&stack.arn)
            .into_paginator()
            .send();
        calls.list_items(LIST_STACK_RESOURCES, pages, |page| {
            let resources = page.stack_resource_summaries?;
            Some(resources.into_iter().map(stack_resource_from).collect())
        })
    }))
    .await;
    for (stack, resources) in stacks.items.iter_mut().zip(resources) {
        stack.resources = resources;
    }
    stacks
}

fn stack_from(stack: aws_sdk_cloudformation::types::Stack) -> Option<Stack> {
    let tags = stack.tags.unwrap_or_default().into_iter();
    let state = stack.stack_status.map(|state| state.as_str().to_owned());
    Some(Stack {
        arn: stack.stack_id.filled()?,
        id: stack.stack_name.filled()?,
        tags: DESCRIBE_STACKS.read_tags(tags.map(|tag| (tag.key, tag.value))),
        state: DESCRIBE_STACKS.require_text(state, "StackStatus"),
        parent: stack.parent_id.filled(),
        resources: Listing::default(),
    })
}

fn stack_resource_from(
    resource: aws_sdk_cloudformation::types::StackResourceSummary,
) -> Option<StackResource> {
    let state = resource.resource_status?.as_str().to_owned();
    Some(StackResource {
        logical_id: resource.logical_resource_id.filled()?,
        physical_id: resource.physical_resource_id.filled(),
        resource_type: resource.resource_type.filled()?,
        state: state.filled()?,
    })
}
