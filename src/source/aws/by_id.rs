//! The resources of a region that were named, and what it takes to judge them: each by its id.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::cloudformation::{Stack, StackResource};
use crate::model::kind::{kinds_in_stack, type_found_by_tag};
use crate::model::observed::Listing;
use crate::model::selection::Target;
use crate::model::service::Service;

use super::call::Caller;
use super::region::Lists;
use super::scan_scope::{Reads, asked};
use super::session::Session;
use super::{cloudformation, dynamodb, ec2, efs, rds, redshift, storage_gateway};

/// The stacks among some resources, with those that are nested in them.
pub async fn stacks(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    targets: &[Target],
) -> Listing<Stack> {
    let arns = ids(targets, |target| match target {
        Target::Stack(arn) => Some(arn),
        _ => None,
    });
    cloudformation::some(session, caller, region, tag_key, &arns).await
}

/// What some stacks hold, as far as it can be looked up by its id.
#[must_use]
pub fn members(stacks: &Listing<Stack>) -> Vec<Target> {
    let held = stacks.items.iter().flat_map(|stack| &stack.resources.items);
    held.filter(|it| !it.is_gone()).filter_map(member).collect()
}

fn member(resource: &StackResource) -> Option<Target> {
    let id = resource.physical_id.clone()?;
    let row = kinds_in_stack(&resource.resource_type).next()?;
    Target::from_id(row.kind, id)
}

/// Looks resources up, all services at once. Their tags are for the caller to add.
pub(super) async fn lists(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    reads: &Reads,
    targets: &[Target],
    stacks: Listing<Stack>,
) -> Lists {
    let instances = ids(targets, |it| match it {
        Target::Instance(id) => Some(id),
        _ => None,
    });
    let volumes = ids(targets, |it| match it {
        Target::Volume(id) => Some(id),
        _ => None,
    });
    let databases = ids(targets, |it| match it {
        Target::DbInstance(id) => Some(id),
        _ => None,
    });
    let clusters = ids(targets, |it| match it {
        Target::DbCluster(id) => Some(id),
        _ => None,
    });
    let tables = ids(targets, |it| match it {
        Target::Table(name) => Some(name),
        _ => None,
    });
    let systems = ids(targets, |it| match it {
        Target::FileSystem(id) => Some(id),
        _ => None,
    });
    let warehouses = ids(targets, |it| match it {
        Target::RedshiftCluster(id) => Some(id),
        _ => None,
    });
    let namespaces = ids(targets, |it| match it {
        Target::RedshiftNamespace(arn) => Some(arn),
        _ => None,
    });
    // An instance is looked up with its volumes, a volume with its instances.
    let computing = reads.lists(Service::Ec2) || reads.lists(Service::Ebs);
    let (compute, databases, file_systems, tables, gateways, redshift) = tokio::join!(
        asked(
            computing,
            ec2::some(session, caller, region, tag_key, &instances, &volumes)
        ),
        asked(reads.lists(Service::Rds), async {
            let read = rds::some(session, caller, region, tag_key, &databases, &clusters).await;
            let found = &read.instances.items;
            let groups = rds::option_groups(session, caller, region, found).await;
            (read, groups)
        }),
        asked(
            reads.lists(Service::Efs),
            efs::some(session, caller, region, tag_key, &systems)
        ),
        asked(
            reads.lists(Service::Dynamodb),
            dynamodb::some(session, caller, region, &tables)
        ),
        asked(
            reads.lists(Service::Storagegateway),
            storage_gateway::some(session, caller, region, targets)
        ),
        asked(
            reads.lists(Service::Redshift),
            redshift::some(session, caller, region, tag_key, &warehouses, &namespaces)
        ),
    );
    Lists {
        compute,
        databases,
        file_systems,
        tables,
        gateways,
        redshift,
        stacks,
    }
}

fn ids(targets: &[Target], id: impl Fn(&Target) -> Option<&String>) -> Vec<String> {
    let mut ids: Vec<String> = targets.iter().filter_map(|it| id(it).cloned()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether a stack may hold what is known by its tag alone.
#[must_use]
pub fn holds_beyond(targets: &[Target]) -> bool {
    targets.iter().any(|it| matches!(it, Target::Stack(_)))
}

/// What was named and is judged for its tag alone, each with its type: what has no list of its own, and
/// clusters that are not RDS's.
#[must_use]
pub fn alone(arns: &[String], engines: &BTreeMap<String, &'static str>) -> Vec<(String, String)> {
    let found = arns.iter().filter_map(|arn| {
        let aws_type = match Target::parse(arn) {
            Ok(Target::Tagged(_)) => type_found_by_tag(arn)?,
            _ => *engines.get(arn)?,
        };
        Some((arn.clone(), aws_type.to_owned()))
    });
    found.collect()
}
