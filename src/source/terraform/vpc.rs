//! VPCs and their routes to S3.

use crate::model::observed::AccountFact;
use crate::model::vpc::{NetworkInterface, Route, RouteTable, Subnet, Vpc, VpcEndpoint};
use crate::model::{Gap, Observed};
use crate::source::defaults::{VPC_ENDPOINT_POLICY, VPC_ENDPOINT_TYPE};
use crate::source::planned::{Planned, unplanned};

use super::document::Item;
use super::policy;
use super::reader::{Link, Reader, mark_incomplete};
use super::view::{Fact, View};

const VPCS: [&str; 2] = ["aws_vpc", "aws_default_vpc"];
const SUBNETS: [&str; 2] = ["aws_subnet", "aws_default_subnet"];
const TABLES: [&str; 2] = ["aws_route_table", "aws_default_route_table"];

/// Placeholder for the id of the S3 prefix list.
const PREFIX_LIST: &str = "pl-s3";

/// Placeholder for the target of a route that is neither an internet gateway nor an endpoint.
const OTHER_TARGET: &str = "other";

/// Returns the VPC of the subnet that an attribute refers to.
pub(super) fn vpc_of_subnet<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
) -> Observed<Option<String>> {
    let elsewhere = || {
        unplanned(format!(
            "the plan does not contain the subnet of {}",
            view.item.address
        ))
    };
    let kinds = [SUBNETS[0], SUBNETS[1], "data.aws_subnet"];
    match reader.linked_item(view, name, &kinds, &["id"]) {
        Ok(Some(subnet)) => match reader.linked_id(&subnet.view(), "vpc_id", &VPCS) {
            Ok(Some(vpc)) => Observed::Known(Some(vpc)),
            Ok(None) => Observed::Unknown(elsewhere()),
            Err(gap) => Observed::Unknown(gap),
        },
        Ok(None) => {
            let id = view.text(name).known().map(str::to_owned);
            let gap = elsewhere();
            Observed::Unknown(match id {
                Some(id) => gap.needing(AccountFact::Subnet(id)),
                None => gap,
            })
        }
        Err(gap) => Observed::Unknown(gap),
    }
}

/// Reads the VPCs of the plan.
pub(super) fn read_networks<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in VPCS {
        for item in reader.document.items_of(kind) {
            read_vpc(reader, item, planned);
        }
    }
    for kind in SUBNETS {
        for item in reader.document.items_of(kind) {
            let region = reader.places.region_of(item);
            if let Ok(Some(vpc_id)) = reader.linked_id(&item.view(), "vpc_id", &VPCS) {
                let id = reader.id_of(item);
                let subnets = &mut planned.region_mut(&region).network.subnets;
                subnets.items.push(Subnet { id, vpc_id });
            }
        }
    }
    read_route_tables(reader, planned);
    read_endpoints(reader, planned);
    read_interfaces(reader, planned);
}

fn read_vpc<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let owner = view
        .text("owner_id")
        .known()
        .or(reader.places.account.as_deref());
    let vpc = Vpc {
        name: reader
            .read_tags(item)
            .known()
            .and_then(|tags| tags.get("Name").cloned()),
        is_default: item.kind == "aws_default_vpc",
        owner: owner.map(str::to_owned),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &vpc.arn, planned);
    let network = &mut planned.region_mut(&named.region).network;
    if item.exists || vpc.is_default {
        // Other plans may have added resources to it.
        let more = |what: &str| {
            unplanned(format!(
                "{} exists and may have {what} that are not in the plan",
                item.address
            ))
        };
        mark_incomplete(&mut network.endpoints, more("endpoints"));
        mark_incomplete(&mut network.interfaces, more("network interfaces"));
        mark_incomplete(&mut network.route_tables, more("route tables"));
        mark_incomplete(&mut network.subnets, more("subnets"));
    } else {
        // A new VPC has a main route table with only the local route.
        network.route_tables.items.push(RouteTable {
            id: main_table_id(&vpc.id),
            vpc_id: vpc.id.clone(),
            main: true,
            subnets: Vec::new(),
            routes: Vec::new(),
        });
    }
    network.vpcs.items.push(vpc);
}

/// Returns the placeholder id of the main route table of a VPC.
fn main_table_id(vpc: &str) -> String {
    format!("{vpc}.main_route_table_id")
}

fn read_route_tables<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in TABLES {
        for item in reader.document.items_of(kind) {
            let view = item.view();
            let region = reader.places.region_of(item);
            let is_default = kind == TABLES[1];
            let vpc = match is_default {
                false => reader.linked_id(&view, "vpc_id", &VPCS),
                true => match reader.linked_item(
                    &view,
                    "default_route_table_id",
                    &VPCS,
                    &["default_route_table_id"],
                ) {
                    Ok(found) => Ok(found.map(|vpc| reader.id_of(vpc))),
                    Err(gap) => Err(gap),
                },
            };
            let tables = &mut planned.region_mut(&region).network.route_tables;
            let vpc_id = match vpc {
                Ok(Some(vpc_id)) => vpc_id,
                Ok(None) => continue,
                Err(gap) => {
                    mark_incomplete(tables, gap);
                    continue;
                }
            };
            let mut routes = Vec::new();
            match view.blocks("route") {
                Fact::Known(blocks) => {
                    routes.extend(blocks.iter().map(|it| read_route(reader, it)))
                }
                Fact::Unset | Fact::Computed(_) => {}
                Fact::Open(_) => routes.push(unknown_route()),
            }
            let table = RouteTable {
                id: reader.id_of(item),
                main: is_default,
                subnets: Vec::new(),
                routes,
                vpc_id,
            };
            if is_default {
                let own = main_table_id(&table.vpc_id);
                tables.items.retain(|it| it.id != own);
            }
            tables.items.push(table);
        }
    }
    for item in reader.document.items_of("aws_route") {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let route = read_route(reader, &view);
        add_route(reader, item, table, planned, route);
    }
    for item in reader.document.items_of("aws_route_table_association") {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let subnet = reader.linked_id(&view, "subnet_id", &SUBNETS);
        let (table, subnet) = match (table, subnet) {
            (Err(gap), _) | (_, Err(gap)) => (Err(gap), None),
            (table, Ok(subnet)) => (table, subnet),
        };
        change_table(reader, item, table, planned, |table| {
            table.subnets.extend(subnet)
        });
    }
    for item in reader.document.items_of("aws_main_route_table_association") {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let region = reader.places.region_of(item);
        if let Ok(Some(vpc)) = reader.linked_id(&view, "vpc_id", &VPCS) {
            let tables = &mut planned.region_mut(&region).network.route_tables.items;
            for other in tables.iter_mut().filter(|it| it.vpc_id == vpc) {
                other.main = false;
            }
        }
        change_table(reader, item, table, planned, |table| table.main = true);
    }
}

/// Changes the route table with an id. If the id is not known, the route tables of the region are incomplete.
fn change_table<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    table: Result<Option<String>, Gap>,
    planned: &mut Planned,
    change: impl FnOnce(&mut RouteTable),
) {
    let region = reader.places.region_of(item);
    let tables = &mut planned.region_mut(&region).network.route_tables;
    match table {
        Ok(Some(id)) => {
            if let Some(table) = tables.items.iter_mut().find(|it| it.id == id) {
                change(table);
            }
        }
        Ok(None) => {}
        Err(gap) => mark_incomplete(tables, gap),
    }
}

/// Adds a route to the route table with an id. If the id is not known, every table gets an unknown route.
fn add_route<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    table: Result<Option<String>, Gap>,
    planned: &mut Planned,
    route: Route,
) {
    if table.is_err() {
        let region = reader.places.region_of(item);
        let tables = &mut planned.region_mut(&region).network.route_tables;
        for table in &mut tables.items {
            table.routes.push(unknown_route());
        }
    }
    change_table(reader, item, table, planned, |table| {
        table.routes.push(route)
    });
}

/// Returns a route with unknown destination and target.
fn unknown_route() -> Route {
    Route {
        destination: String::new(),
        target: String::new(),
        state: "active".to_owned(),
    }
}

/// Reads a route from `aws_route` or from the `route` block of a route table.
fn read_route<'a>(reader: &Reader<'a>, view: &View<'a>) -> Route {
    let destinations = [
        ("destination_cidr_block", "cidr_block"),
        ("destination_ipv6_cidr_block", "ipv6_cidr_block"),
        ("destination_prefix_list_id", "destination_prefix_list_id"),
    ];
    let destination = destinations.into_iter().find_map(|(route, block)| {
        let text = view.text(route).known();
        text.or_else(|| view.text(block).known())
    });
    let target = match reader.resolve_link(view, "gateway_id", &["aws_internet_gateway"]) {
        Link::Named(id) => id.to_owned(),
        // The prefix of the id shows that a subnet is public.
        Link::To(gateway) => format!("igw-{}", gateway.address),
        Link::Nothing => match reader.linked_id(view, "vpc_endpoint_id", &["aws_vpc_endpoint"]) {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => OTHER_TARGET.to_owned(),
            Err(_) => String::new(),
        },
        Link::Open(_) => String::new(),
    };
    Route {
        destination: destination.unwrap_or_default().to_owned(),
        state: "active".to_owned(),
        target,
    }
}

fn read_endpoints<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let policies = reader.find_satellites(
        "aws_vpc_endpoint_policy",
        "vpc_endpoint_id",
        &["aws_vpc_endpoint"],
        &["id"],
    );
    for item in reader.document.items_of("aws_vpc_endpoint") {
        let view = item.view();
        let region = reader.places.region_of(item);
        let network = &mut planned.region_mut(&region).network;
        let vpc_id = match reader.linked_id(&view, "vpc_id", &VPCS) {
            Ok(Some(vpc_id)) => vpc_id,
            Ok(None) => continue,
            Err(gap) => {
                mark_incomplete(&mut network.endpoints, gap);
                continue;
            }
        };
        let (kind, service) = (view.text("vpc_endpoint_type"), view.text("service_name"));
        if view
            .text("vpc_endpoint_type")
            .known()
            .is_some_and(|it| it != "Gateway")
            && service.clone().known().is_none()
        {
            // An endpoint of another type is not a gateway endpoint for S3.
            continue;
        }
        let (Ok(kind), Ok(Some(service))) = (kind.set_value(), service.final_value()) else {
            let gap = view.known_after_apply("service_name");
            mark_incomplete(&mut network.endpoints, gap);
            continue;
        };
        let policy = match policies.attached_to(item) {
            Ok([]) => policy::policy_text(reader, &view, "policy")
                .map(|it| it.unwrap_or_else(|| VPC_ENDPOINT_POLICY.to_owned())),
            Ok([satellite, ..]) => policy::policy_text(reader, &satellite.view(), "policy")
                .map(|it| it.unwrap_or_else(|| VPC_ENDPOINT_POLICY.to_owned())),
            Err(gap) => Err(gap),
        };
        let id = reader.id_of(item);
        let state = view.text("state").known().filter(|_| item.exists);
        network.endpoints.items.push(VpcEndpoint {
            vpc_id,
            endpoint_type: kind.unwrap_or(VPC_ENDPOINT_TYPE).to_owned(),
            service_name: service.to_owned(),
            // A new endpoint is available after apply.
            state: state.unwrap_or("available").to_owned(),
            policy: policy.into(),
            id: id.clone(),
        });
        add_endpoint_routes(reader, &view, &id, planned);
    }
    for item in reader
        .document
        .items_of("aws_vpc_endpoint_route_table_association")
    {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let endpoint = reader.linked_id(&view, "vpc_endpoint_id", &["aws_vpc_endpoint"]);
        let (table, endpoint) = match (table, endpoint) {
            (Err(gap), _) | (_, Err(gap)) => (Err(gap), None),
            (table, Ok(endpoint)) => (table, endpoint),
        };
        if let Some(route) = endpoint.as_deref().map(endpoint_route) {
            add_route(reader, item, table, planned, route);
        } else if table.is_err() {
            add_route(reader, item, table, planned, unknown_route());
        }
    }
}

/// Adds the routes to an endpoint in the route tables that it names.
fn add_endpoint_routes<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    endpoint: &str,
    planned: &mut Planned,
) {
    let ids = match reader.linked_ids(view, "route_table_ids", &TABLES) {
        Ok(ids) => ids,
        Err(gap) => {
            return add_route(
                reader,
                view.item,
                Err(gap),
                planned,
                endpoint_route(endpoint),
            );
        }
    };
    for id in ids {
        let route = endpoint_route(endpoint);
        add_route(reader, view.item, Ok(Some(id)), planned, route);
    }
}

/// Returns the route to S3 through an endpoint.
fn endpoint_route(endpoint: &str) -> Route {
    Route {
        destination: PREFIX_LIST.to_owned(),
        target: endpoint.to_owned(),
        state: "active".to_owned(),
    }
}

/// Resource types that use subnets, with the block and the attribute that name them.
const SUBNET_USERS: [(&str, &str, &str); 13] = [
    ("aws_autoscaling_group", "", "vpc_zone_identifier"),
    ("aws_db_subnet_group", "", "subnet_ids"),
    ("aws_docdb_subnet_group", "", "subnet_ids"),
    ("aws_ecs_service", "network_configuration", "subnets"),
    ("aws_eks_cluster", "vpc_config", "subnet_ids"),
    ("aws_eks_node_group", "", "subnet_ids"),
    ("aws_elasticache_subnet_group", "", "subnet_ids"),
    ("aws_lambda_function", "vpc_config", "subnet_ids"),
    ("aws_lb", "", "subnets"),
    (
        "aws_msk_cluster",
        "broker_node_group_info",
        "client_subnets",
    ),
    ("aws_neptune_subnet_group", "", "subnet_ids"),
    ("aws_opensearch_domain", "vpc_options", "subnet_ids"),
    ("aws_redshift_subnet_group", "", "subnet_ids"),
];

/// Reads the network interfaces of the plan, and those of resources that run in its subnets.
fn read_interfaces<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in [
        "aws_instance",
        "aws_network_interface",
        "aws_efs_mount_target",
    ] {
        for item in reader.document.items_of(kind) {
            let subnet = reader.linked_id(&item.view(), "subnet_id", &SUBNETS);
            add_interfaces(
                reader,
                item,
                subnet.map(|it| it.into_iter().collect()),
                planned,
            );
        }
    }
    for (kind, block, name) in SUBNET_USERS {
        for item in reader.document.items_of(kind) {
            let view = item.view();
            let views = match block {
                "" => Ok(vec![view]),
                _ => view
                    .blocks(block)
                    .set_value()
                    .map(Option::unwrap_or_default),
            };
            let subnets = views.and_then(|views| {
                let ids = views
                    .iter()
                    .map(|view| reader.linked_ids(view, name, &SUBNETS));
                let ids: Result<Vec<Vec<String>>, Gap> = ids.collect();
                Ok(ids?.concat())
            });
            add_interfaces(reader, item, subnets, planned);
        }
    }
}

/// Adds a network interface in each subnet of the plan that a resource uses.
fn add_interfaces<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    subnets: Result<Vec<String>, Gap>,
    planned: &mut Planned,
) {
    let region = reader.places.region_of(item);
    let network = &mut planned.region_mut(&region).network;
    let subnets = match subnets {
        Ok(subnets) => subnets,
        // The resource may use a VPC of the plan or another one.
        Err(gap) => return mark_incomplete(&mut network.interfaces, gap),
    };
    for subnet_id in subnets {
        let found = network.subnets.items.iter().find(|it| it.id == subnet_id);
        if let Some(subnet) = found {
            network.interfaces.items.push(NetworkInterface {
                id: reader.id_of(item),
                vpc_id: subnet.vpc_id.clone(),
                subnet_id,
                interface_type: "interface".to_owned(),
            });
        } else if subnet_id.starts_with("subnet-") {
            // The account knows the VPC of a subnet that exists.
            network.interfaces.items.push(NetworkInterface {
                id: reader.id_of(item),
                vpc_id: String::new(),
                subnet_id,
                interface_type: "interface".to_owned(),
            });
        }
    }
}
