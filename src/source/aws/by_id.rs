//! The resources of a region that were selected by ARN, and the resources that are needed to evaluate
//! them, each looked up by its id.

use std::collections::BTreeMap;

use crate::model::cloudformation::{Stack, StackResource};
use crate::model::kind::{kinds_in_stack, type_found_by_tag};
use crate::model::observed::Listing;
use crate::model::selection::{Selection, Target};
use crate::model::service::Service;

use super::listing::read_if;
use super::lists::{Lists, add_option_groups};
use super::reader::RegionReader;
use super::{cloudformation, dynamodb, ec2, efs, rds, redshift, storage_gateway};

/// The selected resources of a region.
#[derive(Debug)]
pub struct SelectedResources {
    /// Their ARNs.
    pub arns: Vec<String>,
    /// The resources, and the members of the selected stacks.
    pub targets: Vec<Target>,
}

impl SelectedResources {
    /// Returns the resources of a selection, or `None` if it selects no single resources.
    #[must_use]
    pub fn of_selection(selection: &Selection) -> Option<Self> {
        let arns: Vec<String> = selection.resources.iter().cloned().collect();
        let targets = arns.iter().filter_map(|arn| Target::parse(arn).ok());
        let targets: Vec<Target> = targets.collect();
        (!arns.is_empty()).then_some(SelectedResources { arns, targets })
    }

    /// Whether a selected stack may contain resources that are found only by their backup tag.
    #[must_use]
    pub fn has_stacks(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|it| matches!(it, Target::Stack(_)))
    }

    /// Returns the selected resources that are checked only for their backup tag, with their types:
    /// resources that no service lists, and clusters that do not belong to RDS.
    #[must_use]
    pub fn tagged_resources(
        &self,
        other_clusters: &BTreeMap<String, &'static str>,
    ) -> Vec<(String, String)> {
        let found = self.arns.iter().filter_map(|arn| {
            let aws_type = match Target::parse(arn) {
                Ok(Target::Tagged(_)) => type_found_by_tag(arn)?,
                _ => *other_clusters.get(arn)?,
            };
            Some((arn.clone(), aws_type.to_owned()))
        });
        found.collect()
    }

    fn ids_of(&self, id: impl Fn(&Target) -> Option<&String>) -> Vec<String> {
        let targets = self.targets.iter();
        let mut ids: Vec<String> = targets.filter_map(|it| id(it).cloned()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// Looks up the selected stacks, with the stacks that are nested in them.
pub async fn find_stacks(
    reader: &RegionReader<'_>,
    selected: &SelectedResources,
) -> Listing<Stack> {
    cloudformation::find_stacks(reader, &selected.ids_of(stack_arn)).await
}

/// Returns the resources of some stacks that can be looked up by id.
#[must_use]
pub fn stack_members(stacks: &Listing<Stack>) -> Vec<Target> {
    let resources = stacks.items.iter().flat_map(|stack| &stack.resources.items);
    let existing = resources.filter(|it| !it.is_gone());
    existing.filter_map(stack_member).collect()
}

fn stack_member(resource: &StackResource) -> Option<Target> {
    let id = resource.physical_id.clone()?;
    let row = kinds_in_stack(&resource.resource_type).next()?;
    Target::from_id(row.kind, id)
}

/// Looks up the selected resources. Their tags are added later.
pub(super) async fn find_resources(
    reader: &RegionReader<'_>,
    selected: &SelectedResources,
    stacks: Listing<Stack>,
) -> Lists {
    let is_listed = |service: Service| reader.scope.lists_service(service);
    // An instance needs its volumes, and a volume its instances.
    let compute = is_listed(Service::Ec2) || is_listed(Service::Ebs);
    let (
        (instances, volumes),
        (databases, option_groups),
        file_systems,
        tables,
        (gateways, gateway_volumes),
        (redshift_clusters, redshift_namespaces),
    ) = tokio::join!(
        read_if(compute, async {
            let instances = selected.ids_of(instance_id);
            let volumes = selected.ids_of(volume_id);
            ec2::find_by_id(reader, &instances, &volumes).await
        }),
        read_if(is_listed(Service::Rds), async {
            let instances = selected.ids_of(db_instance_id);
            let clusters = selected.ids_of(db_cluster_id);
            let databases = rds::find_databases(reader, &instances, &clusters).await;
            add_option_groups(reader, databases).await
        }),
        read_if(is_listed(Service::Efs), async {
            efs::find_file_systems(reader, &selected.ids_of(file_system_id)).await
        }),
        read_if(is_listed(Service::Dynamodb), async {
            dynamodb::find_tables(reader, &selected.ids_of(table_name)).await
        }),
        read_if(
            is_listed(Service::Storagegateway),
            storage_gateway::find_by_arn(reader, &selected.targets)
        ),
        read_if(is_listed(Service::Redshift), async {
            let clusters = selected.ids_of(redshift_cluster_id);
            let namespaces = selected.ids_of(redshift_namespace_id);
            redshift::find_by_id(reader, &clusters, &namespaces).await
        }),
    );
    Lists {
        instances,
        volumes,
        databases,
        option_groups,
        file_systems,
        tables,
        gateways,
        gateway_volumes,
        redshift_clusters,
        redshift_namespaces,
        stacks,
    }
}

/// Defines a function that returns the id of a target of one type.
macro_rules! id_of {
    ($name:ident, $variant:ident) => {
        fn $name(target: &Target) -> Option<&String> {
            match target {
                Target::$variant(id) => Some(id),
                _ => None,
            }
        }
    };
}

id_of!(instance_id, Instance);
id_of!(volume_id, Volume);
id_of!(db_instance_id, DbInstance);
id_of!(db_cluster_id, DbCluster);
id_of!(table_name, Table);
id_of!(file_system_id, FileSystem);
id_of!(redshift_cluster_id, RedshiftCluster);
id_of!(redshift_namespace_id, RedshiftNamespace);
id_of!(stack_arn, Stack);
