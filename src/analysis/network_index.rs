//! What the VPCs of one region contain, so that each VPC is not a search.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ec2::Instance;
use crate::model::snapshot::Region;
use crate::model::vpc::{NetworkInterface, RouteTable, VpcEndpoint};

type ByVpc<'a, T> = BTreeMap<&'a str, Vec<&'a T>>;

/// The parts of VPCs, each list in the order in which it was read.
#[derive(Debug, Default)]
pub struct NetworkIndex<'a> {
    interfaces: ByVpc<'a, NetworkInterface>,
    instances: ByVpc<'a, Instance>,
    endpoints: ByVpc<'a, VpcEndpoint>,
    endpoint_ids: BTreeSet<&'a str>,
    route_tables: ByVpc<'a, RouteTable>,
    subnets: BTreeMap<&'a str, Vec<&'a str>>,
    subnet_ids: BTreeSet<(&'a str, &'a str)>,
    /// Route tables by a subnet that names them.
    named: BTreeMap<&'a str, Vec<&'a RouteTable>>,
}

impl<'a> NetworkIndex<'a> {
    pub(super) fn new(region: &'a Region) -> Self {
        let network = &region.network;
        let mut index = NetworkIndex {
            interfaces: group_by_vpc(&network.interfaces.items, |it| &it.vpc_id),
            endpoints: group_by_vpc(&network.endpoints.items, |it| &it.vpc_id),
            route_tables: group_by_vpc(&network.route_tables.items, |it| &it.vpc_id),
            ..NetworkIndex::default()
        };
        for endpoint in &network.endpoints.items {
            index.endpoint_ids.insert(&endpoint.id);
        }
        for instance in &region.instances.items {
            if let Some(Some(vpc_id)) = instance.vpc_id.known() {
                index.instances.entry(vpc_id).or_default().push(instance);
            }
        }
        for subnet in &network.subnets.items {
            let of_vpc = index.subnets.entry(&subnet.vpc_id).or_default();
            of_vpc.push(&subnet.id);
            index.subnet_ids.insert((&subnet.vpc_id, &subnet.id));
        }
        for table in &network.route_tables.items {
            // A table that names a subnet twice is one table.
            for subnet in table.subnets.iter().collect::<BTreeSet<_>>() {
                index.named.entry(subnet).or_default().push(table);
            }
        }
        index
    }

    /// Returns the network interfaces of a VPC.
    #[must_use]
    pub fn interfaces_of(&self, vpc_id: &str) -> &[&'a NetworkInterface] {
        self.interfaces.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    /// Returns the instances of a VPC.
    #[must_use]
    pub fn instances_of(&self, vpc_id: &str) -> &[&'a Instance] {
        self.instances.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    /// Returns the endpoints of a VPC.
    #[must_use]
    pub fn endpoints_of(&self, vpc_id: &str) -> &[&'a VpcEndpoint] {
        self.endpoints.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    /// Whether there is an endpoint, in any VPC.
    #[must_use]
    pub fn has_endpoint(&self, id: &str) -> bool {
        self.endpoint_ids.contains(id)
    }

    /// Returns the route tables of a VPC.
    #[must_use]
    pub fn route_tables_of(&self, vpc_id: &str) -> &[&'a RouteTable] {
        self.route_tables.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    /// Returns the route tables that name a subnet.
    #[must_use]
    pub fn route_tables_naming(&self, subnet_id: &str) -> &[&'a RouteTable] {
        self.named.get(subnet_id).map_or(&[], Vec::as_slice)
    }

    /// Returns the ids of the subnets of a VPC.
    #[must_use]
    pub fn subnets_of(&self, vpc_id: &str) -> &[&'a str] {
        self.subnets.get(vpc_id).map_or(&[], Vec::as_slice)
    }

    /// Whether a VPC has a subnet.
    #[must_use]
    pub fn has_subnet(&self, vpc_id: &str, subnet_id: &str) -> bool {
        self.subnet_ids.contains(&(vpc_id, subnet_id))
    }
}

fn group_by_vpc<T>(items: &[T], vpc_id: fn(&T) -> &str) -> ByVpc<'_, T> {
    let mut groups: ByVpc<'_, T> = BTreeMap::new();
    for item in items {
        groups.entry(vpc_id(item)).or_default().push(item);
    }
    groups
}
