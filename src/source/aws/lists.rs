//! The resources that the services of a region list.

use crate::model::cloudformation::Stack;
use crate::model::dynamodb::Table;
use crate::model::ec2::{Instance, Volume};
use crate::model::efs::FileSystem;
use crate::model::observed::{Listing, Observed};
use crate::model::rds::OptionGroup;
use crate::model::redshift::{Cluster, Namespace};
use crate::model::service::Service;
use crate::model::storage_gateway::{Gateway, GatewayVolume};
use crate::model::tag::Tags;

use super::listing::read_if;
use super::rds::Databases;
use super::reader::RegionReader;
use super::{cloudformation, dynamodb, ec2, efs, rds, redshift, storage_gateway};

/// The resources of a region, one listing per type.
pub(super) struct Lists {
    pub(super) instances: Listing<Instance>,
    pub(super) volumes: Listing<Volume>,
    pub(super) databases: Databases,
    pub(super) option_groups: Listing<OptionGroup>,
    pub(super) file_systems: Listing<FileSystem>,
    pub(super) tables: Listing<Table>,
    pub(super) gateways: Listing<Gateway>,
    pub(super) gateway_volumes: Listing<GatewayVolume>,
    pub(super) redshift_clusters: Listing<Cluster>,
    pub(super) redshift_namespaces: Listing<Namespace>,
    pub(super) stacks: Listing<Stack>,
}

/// A resource whose service returned no tags.
pub(super) struct Untagged<'a> {
    /// The service, as in the coverage.
    pub(super) service: &'static str,
    pub(super) arn: &'a String,
    pub(super) tags: &'a mut Observed<Tags>,
}

impl Lists {
    /// Returns the resources whose tags are still missing.
    pub(super) fn untagged_resources(&mut self) -> Vec<Untagged<'_>> {
        fn of_service<'a>(
            service: &'static str,
            items: impl Iterator<Item = (&'a String, &'a mut Observed<Tags>)>,
        ) -> impl Iterator<Item = Untagged<'a>> {
            items.map(move |(arn, tags)| Untagged { service, arn, tags })
        }
        let tables = self.tables.items.iter_mut();
        let gateways = self.gateways.items.iter_mut();
        let gateway_volumes = self.gateway_volumes.items.iter_mut();
        let namespaces = self.redshift_namespaces.items.iter_mut();
        let instances = self.databases.instances.items.iter_mut();
        let clusters = self.databases.clusters.items.iter_mut();
        of_service("dynamodb", tables.map(|it| (&it.arn, &mut it.tags)))
            .chain(of_service(
                "storagegateway",
                gateways.map(|it| (&it.arn, &mut it.tags)),
            ))
            .chain(of_service(
                "storagegateway",
                gateway_volumes.map(|it| (&it.arn, &mut it.tags)),
            ))
            .chain(of_service(
                "redshift",
                namespaces.map(|it| (&it.arn, &mut it.tags)),
            ))
            .chain(of_service(
                "rds",
                instances.map(|it| (&it.arn, &mut it.tags)),
            ))
            .chain(of_service(
                "rds",
                clusters.map(|it| (&it.arn, &mut it.tags)),
            ))
            .filter(|it| it.tags.known().is_none())
            .collect()
    }
}

/// Lists the resources of a region, for the services in scope.
pub(super) async fn list_resources(reader: &RegionReader<'_>) -> Lists {
    let is_listed = |service: Service| reader.scope.lists_service(service);
    let (
        instances,
        volumes,
        (databases, option_groups),
        file_systems,
        tables,
        (gateways, gateway_volumes),
        (redshift_clusters, redshift_namespaces),
        stacks,
    ) = tokio::join!(
        read_if(is_listed(Service::Ec2), ec2::list_instances(reader)),
        read_if(is_listed(Service::Ebs), ec2::list_volumes(reader)),
        read_if(is_listed(Service::Rds), async {
            add_option_groups(reader, rds::list_databases(reader).await).await
        }),
        read_if(is_listed(Service::Efs), efs::list_file_systems(reader)),
        read_if(is_listed(Service::Dynamodb), dynamodb::list_tables(reader)),
        read_if(
            is_listed(Service::Storagegateway),
            storage_gateway::list_all(reader)
        ),
        read_if(is_listed(Service::Redshift), redshift::list_all(reader)),
        read_if(
            is_listed(Service::Cloudformation),
            cloudformation::list_stacks(reader)
        ),
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

/// Reads the option groups of the instances among some databases.
pub(super) async fn add_option_groups(
    reader: &RegionReader<'_>,
    databases: Databases,
) -> (Databases, Listing<OptionGroup>) {
    let groups = rds::read_option_groups(reader, &databases.instances.items).await;
    (databases, groups)
}
