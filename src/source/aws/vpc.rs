//! VPCs and the routes of their traffic to S3.

use crate::model::observed::{Listing, Observed};
use crate::model::service::Service;
use crate::model::vpc::{Network, NetworkInterface, Route, RouteTable, Subnet, Vpc, VpcEndpoint};

use super::ec2::PAGE;
use super::key_requests::ListOrder;
use super::listing::Skippable;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const DESCRIBE_VPCS: Operation = Operation::new("ec2:DescribeVpcs");
const DESCRIBE_SUBNETS: Operation = Operation::new("ec2:DescribeSubnets");
const DESCRIBE_ROUTE_TABLES: Operation = Operation::new("ec2:DescribeRouteTables");
const DESCRIBE_NETWORK_INTERFACES: Operation = Operation::new("ec2:DescribeNetworkInterfaces");
const DESCRIBE_VPC_ENDPOINTS: Operation = Operation::new("ec2:DescribeVpcEndpoints");

/// The reader of VPCs. The network is read as a unit, for selected resources too.
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Vpc],
    operations: &[
        DESCRIBE_VPCS,
        DESCRIBE_SUBNETS,
        DESCRIBE_ROUTE_TABLES,
        DESCRIBE_NETWORK_INTERFACES,
        DESCRIBE_VPC_ENDPOINTS,
    ],
    tags: TagSource::Own,
    finds_one_by_one: false,
    order: ListOrder::Last,
    list: |reader| {
        Box::pin(async move {
            let found = read_network(reader).await;
            store(|region| region.network = found)
        })
    },
    find: |reader, _| (READER.list)(reader),
};

/// The largest page of route tables, which is smaller than in the rest of EC2:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>.
const ROUTE_TABLE_PAGE: i32 = 100;

impl Skippable for Network {
    fn not_requested() -> Self {
        Network {
            vpcs: Listing::not_requested(),
            subnets: Listing::not_requested(),
            route_tables: Listing::not_requested(),
            interfaces: Listing::not_requested(),
            endpoints: Listing::not_requested(),
            gaps: Default::default(),
        }
    }
}

/// Reads the VPCs of a region.
async fn read_network(reader: &RegionReader<'_>) -> Network {
    let calls = reader.begin_service("vpc");
    let client = reader.session.clients.ec2(reader.region);
    let vpcs = client
        .describe_vpcs()
        .max_results(PAGE)
        .into_paginator()
        .send();
    let subnets = client
        .describe_subnets()
        .max_results(PAGE)
        .into_paginator()
        .send();
    let tables = client
        .describe_route_tables()
        .max_results(ROUTE_TABLE_PAGE)
        .into_paginator()
        .send();
    let interfaces = client
        .describe_network_interfaces()
        .max_results(PAGE)
        .into_paginator()
        .send();
    let endpoints = client
        .describe_vpc_endpoints()
        .max_results(PAGE)
        .into_paginator()
        .send();
    let (vpcs, subnets, route_tables, interfaces, endpoints) = tokio::join!(
        calls.list_items(DESCRIBE_VPCS, vpcs, |page| {
            let vpcs = page.vpcs?.into_iter();
            Some(vpcs.map(|vpc| vpc_from(reader, vpc)).collect())
        }),
        calls.list_items(DESCRIBE_SUBNETS, subnets, |page| {
            let subnets = page.subnets?.into_iter();
            Some(subnets.map(subnet_from).collect())
        }),
        calls.list_items(DESCRIBE_ROUTE_TABLES, tables, |page| {
            let tables = page.route_tables?.into_iter();
            Some(tables.map(route_table_from).collect())
        }),
        calls.list_items(DESCRIBE_NETWORK_INTERFACES, interfaces, |page| {
            let interfaces = page.network_interfaces?.into_iter();
            Some(interfaces.map(interface_from).collect())
        }),
        calls.list_items(DESCRIBE_VPC_ENDPOINTS, endpoints, |page| {
            let endpoints = page.vpc_endpoints?.into_iter();
            Some(endpoints.map(endpoint_from).collect())
        }),
    );
    Network {
        vpcs,
        subnets,
        route_tables,
        interfaces,
        endpoints,
        gaps: Default::default(),
    }
}

fn vpc_from(reader: &RegionReader<'_>, vpc: aws_sdk_ec2::types::Vpc) -> Option<Vpc> {
    let id = vpc.vpc_id.filled()?;
    let mut tags = vpc.tags.unwrap_or_default().into_iter();
    let owner = vpc.owner_id.filled();
    Some(Vpc {
        // A shared VPC belongs to another account.
        arn: format!(
            "arn:{}:ec2:{}:{}:vpc/{id}",
            reader.session.partition,
            reader.region,
            owner.as_deref().unwrap_or(&reader.session.account)
        ),
        name: tags
            .find(|tag| tag.key.as_deref() == Some("Name"))
            .and_then(|tag| tag.value.filled()),
        is_default: vpc.is_default.unwrap_or_default(),
        owner,
        id,
    })
}

fn subnet_from(subnet: aws_sdk_ec2::types::Subnet) -> Option<Subnet> {
    Some(Subnet {
        id: subnet.subnet_id.filled()?,
        vpc_id: subnet.vpc_id.filled()?,
    })
}

fn interface_from(interface: aws_sdk_ec2::types::NetworkInterface) -> Option<NetworkInterface> {
    Some(NetworkInterface {
        id: interface.network_interface_id.filled()?,
        vpc_id: interface.vpc_id.filled()?,
        subnet_id: interface.subnet_id.filled()?,
        interface_type: interface.interface_type?.as_str().to_owned().filled()?,
    })
}

fn route_table_from(table: aws_sdk_ec2::types::RouteTable) -> Option<RouteTable> {
    let associations = table.associations.unwrap_or_default();
    let routes = table.routes?.into_iter();
    Some(RouteTable {
        id: table.route_table_id.filled()?,
        vpc_id: table.vpc_id.filled()?,
        main: associations
            .iter()
            .any(|association| association.main == Some(true)),
        subnets: associations
            .into_iter()
            .filter_map(|association| association.subnet_id.filled())
            .collect(),
        routes: routes.filter_map(route_from).collect(),
    })
}

/// Returns a route to a gateway: to the internet, or to a gateway endpoint. Rules read no other routes. What the response
/// leaves out of a route that may lead to a gateway endpoint is empty.
fn route_from(route: aws_sdk_ec2::types::Route) -> Option<Route> {
    let list = route.destination_prefix_list_id.filled();
    let others = [
        route.carrier_gateway_id,
        route.core_network_arn,
        route.egress_only_internet_gateway_id,
        route.instance_id,
        route.local_gateway_id,
        route.nat_gateway_id,
        route.network_interface_id,
        route.odb_network_arn,
        route.transit_gateway_id,
        route.vpc_peering_connection_id,
    ];
    let may_lead_to_endpoint = list.is_some() && others.into_iter().all(|it| it.filled().is_none());
    let target = match route.gateway_id.filled() {
        None if may_lead_to_endpoint => String::new(),
        gateway => gateway?,
    };
    let destination = list
        .or(route.destination_cidr_block.filled())
        .or(route.destination_ipv6_cidr_block.filled());
    let (destination, target) = match destination {
        None if target.starts_with("vpce-") => Default::default(),
        destination => (destination?, target),
    };
    Some(Route {
        destination,
        target,
        state: route
            .state
            .map_or_else(String::new, |state| state.as_str().to_owned()),
    })
}

fn endpoint_from(endpoint: aws_sdk_ec2::types::VpcEndpoint) -> Option<VpcEndpoint> {
    let endpoint_type = endpoint.vpc_endpoint_type?.as_str().to_owned().filled()?;
    let service_name = endpoint.service_name.filled()?;
    // Rules read only the policies of S3 gateway endpoints.
    let is_s3_gateway =
        endpoint_type.eq_ignore_ascii_case("gateway") && service_name.ends_with(".s3");
    Some(VpcEndpoint {
        id: endpoint.vpc_endpoint_id.filled()?,
        vpc_id: endpoint.vpc_id.filled()?,
        endpoint_type,
        service_name,
        state: endpoint.state?.as_str().to_owned().filled()?,
        policy: if is_s3_gateway {
            DESCRIBE_VPC_ENDPOINTS.require_text(endpoint.policy_document, "PolicyDocument")
        } else {
            Observed::default()
        },
    })
}
