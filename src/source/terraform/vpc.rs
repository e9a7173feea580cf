//! VPCs, as far as traffic to S3 goes.

use crate::model::vpc::{NetworkInterface, Route, RouteTable, Subnet, Vpc, VpcEndpoint};
use crate::model::{Gap, Observed};
use crate::source::planned::{Planned, unplanned};

use super::document::Item;
use super::policy;
use super::reader::{Link, Reader, widen};
use super::view::{Fact, View};

const VPCS: [&str; 2] = ["aws_vpc", "aws_default_vpc"];
const SUBNETS: [&str; 2] = ["aws_subnet", "aws_default_subnet"];
const TABLES: [&str; 2] = ["aws_route_table", "aws_default_route_table"];

/// What stands for the prefix list of S3, whose id no plan needs.
const PREFIX_LIST: &str = "pl-s3";

/// What stands for the target of a route that is neither a gateway nor an endpoint.
const ELSEWHERE: &str = "other";

/// An endpoint's policy where none is set.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>.
const FULL_ACCESS: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// The VPC of the subnet that an attribute names.
pub(super) fn of_subnet<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
) -> Observed<Option<String>> {
    let elsewhere = || {
        unplanned(format!(
            "the plan does not hold the subnet of {}",
            view.item.address
        ))
    };
    let kinds = [SUBNETS[0], SUBNETS[1], "data.aws_subnet"];
    match reader.linked(view, name, &kinds, &["id"]) {
        Ok(Some(subnet)) => match reader.linked_id(&subnet.view(), "vpc_id", &VPCS) {
            Ok(Some(vpc)) => Observed::Known(Some(vpc)),
            Ok(None) => Observed::Unknown(elsewhere()),
            Err(gap) => Observed::Unknown(gap),
        },
        Ok(None) => Observed::Unknown(elsewhere()),
        Err(gap) => Observed::Unknown(gap),
    }
}

/// Reads the networks.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in VPCS {
        for item in reader.document.of(kind) {
            vpc(reader, item, planned);
        }
    }
    for kind in SUBNETS {
        for item in reader.document.of(kind) {
            let region = reader.places.region(item);
            if let Ok(Some(vpc_id)) = reader.linked_id(&item.view(), "vpc_id", &VPCS) {
                let id = reader.id(item);
                let subnets = &mut planned.region(&region).network.subnets;
                subnets.items.push(Subnet { id, vpc_id });
            }
        }
    }
    tables(reader, planned);
    endpoints(reader, planned);
    interfaces(reader, planned);
}

fn vpc<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.named(item, view.text("id"));
    let owner = view
        .text("owner_id")
        .known()
        .or(reader.places.account.as_deref());
    let vpc = Vpc {
        name: reader
            .tags(item)
            .known()
            .and_then(|tags| tags.get("Name").cloned()),
        is_default: item.kind == "aws_default_vpc",
        owner: owner.map(str::to_owned),
        id: named.id,
        arn: named.arn,
    };
    reader.place(item, &vpc.arn, planned);
    let network = &mut planned.region(&named.region).network;
    if item.exists || vpc.is_default {
        // Other plans may have put more into it.
        let more = |what: &str| {
            unplanned(format!(
                "{} exists, and may have {what} that the plan does not hold",
                item.address
            ))
        };
        widen(&mut network.endpoints, more("endpoints"));
        widen(&mut network.interfaces, more("network interfaces"));
        widen(&mut network.route_tables, more("route tables"));
        widen(&mut network.subnets, more("subnets"));
    } else {
        // Its main table comes with it, and is empty but for the local route.
        network.route_tables.items.push(RouteTable {
            id: main_table(&vpc.id),
            vpc_id: vpc.id.clone(),
            main: true,
            subnets: Vec::new(),
            routes: Vec::new(),
        });
    }
    network.vpcs.items.push(vpc);
}

fn main_table(vpc: &str) -> String {
    format!("{vpc}.main_route_table_id")
}

fn tables<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in TABLES {
        for item in reader.document.of(kind) {
            let view = item.view();
            let region = reader.places.region(item);
            let is_default = kind == TABLES[1];
            let vpc = match is_default {
                false => reader.linked_id(&view, "vpc_id", &VPCS),
                true => match reader.linked(
                    &view,
                    "default_route_table_id",
                    &VPCS,
                    &["default_route_table_id"],
                ) {
                    Ok(found) => Ok(found.map(|vpc| reader.id(vpc))),
                    Err(gap) => Err(gap),
                },
            };
            let tables = &mut planned.region(&region).network.route_tables;
            let vpc_id = match vpc {
                Ok(Some(vpc_id)) => vpc_id,
                Ok(None) => continue,
                Err(gap) => {
                    widen(tables, gap);
                    continue;
                }
            };
            let mut routes = Vec::new();
            match view.blocks("route") {
                Fact::Known(blocks) => routes.extend(blocks.iter().map(|it| route(reader, it))),
                Fact::Unset | Fact::Computed(_) => {}
                Fact::Open(_) => routes.push(open_route()),
            }
            let table = RouteTable {
                id: reader.id(item),
                main: is_default,
                subnets: Vec::new(),
                routes,
                vpc_id,
            };
            if is_default {
                let own = main_table(&table.vpc_id);
                tables.items.retain(|it| it.id != own);
            }
            tables.items.push(table);
        }
    }
    for item in reader.document.of("aws_route") {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let route = route(reader, &view);
        add(reader, item, table, planned, route);
    }
    for item in reader.document.of("aws_route_table_association") {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let subnet = reader.linked_id(&view, "subnet_id", &SUBNETS);
        let (table, subnet) = match (table, subnet) {
            (Err(gap), _) | (_, Err(gap)) => (Err(gap), None),
            (table, Ok(subnet)) => (table, subnet),
        };
        change(reader, item, table, planned, |table| {
            table.subnets.extend(subnet)
        });
    }
    for item in reader.document.of("aws_main_route_table_association") {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let region = reader.places.region(item);
        if let Ok(Some(vpc)) = reader.linked_id(&view, "vpc_id", &VPCS) {
            let tables = &mut planned.region(&region).network.route_tables.items;
            for other in tables.iter_mut().filter(|it| it.vpc_id == vpc) {
                other.main = false;
            }
        }
        change(reader, item, table, planned, |table| table.main = true);
    }
}

/// Changes the route table of an id; one that cannot be told leaves all of the region open.
fn change<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    table: Result<Option<String>, Gap>,
    planned: &mut Planned,
    change: impl FnOnce(&mut RouteTable),
) {
    let region = reader.places.region(item);
    let tables = &mut planned.region(&region).network.route_tables;
    match table {
        Ok(Some(id)) => {
            if let Some(table) = tables.items.iter_mut().find(|it| it.id == id) {
                change(table);
            }
        }
        Ok(None) => {}
        Err(gap) => widen(tables, gap),
    }
}

/// Adds a route to the table of an id. One of a table that cannot be told may be in any.
fn add<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    table: Result<Option<String>, Gap>,
    planned: &mut Planned,
    route: Route,
) {
    if table.is_err() {
        let region = reader.places.region(item);
        let tables = &mut planned.region(&region).network.route_tables;
        for table in &mut tables.items {
            table.routes.push(open_route());
        }
    }
    change(reader, item, table, planned, |table| {
        table.routes.push(route)
    });
}

/// A route of which nothing is known.
fn open_route() -> Route {
    Route {
        destination: String::new(),
        target: String::new(),
        state: "active".to_owned(),
    }
}

fn route<'a>(reader: &Reader<'a>, view: &View<'a>) -> Route {
    let destinations = [
        ("destination_cidr_block", "cidr_block"),
        ("destination_ipv6_cidr_block", "ipv6_cidr_block"),
        ("destination_prefix_list_id", "destination_prefix_list_id"),
    ];
    let destination = destinations.into_iter().find_map(|(route, block)| {
        let text = view.text(route).known();
        text.or_else(|| view.text(block).known())
    });
    let target = match reader.link(view, "gateway_id", &["aws_internet_gateway"]) {
        Link::Named(id) => id.to_owned(),
        // Whether a subnet is public is told by the form of an id.
        Link::To(gateway) => format!("igw-{}", gateway.address),
        Link::Nothing => match reader.linked_id(view, "vpc_endpoint_id", &["aws_vpc_endpoint"]) {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => ELSEWHERE.to_owned(),
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

fn endpoints<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let policies = reader.satellites(
        "aws_vpc_endpoint_policy",
        "vpc_endpoint_id",
        &["aws_vpc_endpoint"],
        &["id"],
    );
    for item in reader.document.of("aws_vpc_endpoint") {
        let view = item.view();
        let region = reader.places.region(item);
        let network = &mut planned.region(&region).network;
        let vpc_id = match reader.linked_id(&view, "vpc_id", &VPCS) {
            Ok(Some(vpc_id)) => vpc_id,
            Ok(None) => continue,
            Err(gap) => {
                widen(&mut network.endpoints, gap);
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
            // None of S3's gateways, whatever it is for.
            continue;
        }
        let (Ok(kind), Ok(Some(service))) = (kind.set(), service.chosen()) else {
            let gap = view.later("service_name");
            widen(&mut network.endpoints, gap);
            continue;
        };
        let policy = match policies.of(item) {
            Ok([]) => policy::text(reader, &view, "policy")
                .map(|it| it.unwrap_or_else(|| FULL_ACCESS.to_owned())),
            Ok([beside, ..]) => policy::text(reader, &beside.view(), "policy")
                .map(|it| it.unwrap_or_else(|| FULL_ACCESS.to_owned())),
            Err(gap) => Err(gap),
        };
        let id = reader.id(item);
        let state = view.text("state").known().filter(|_| item.exists);
        network.endpoints.items.push(VpcEndpoint {
            vpc_id,
            endpoint_type: kind.unwrap_or("Gateway").to_owned(),
            service_name: service.to_owned(),
            // One that is created is available when the apply is done.
            state: state.unwrap_or("available").to_owned(),
            policy: policy.into(),
            id: id.clone(),
        });
        routed(reader, &view, &id, planned);
    }
    for item in reader
        .document
        .of("aws_vpc_endpoint_route_table_association")
    {
        let view = item.view();
        let table = reader.linked_id(&view, "route_table_id", &TABLES);
        let endpoint = reader.linked_id(&view, "vpc_endpoint_id", &["aws_vpc_endpoint"]);
        let (table, endpoint) = match (table, endpoint) {
            (Err(gap), _) | (_, Err(gap)) => (Err(gap), None),
            (table, Ok(endpoint)) => (table, endpoint),
        };
        if let Some(route) = endpoint.as_deref().map(to_endpoint) {
            add(reader, item, table, planned, route);
        } else if table.is_err() {
            add(reader, item, table, planned, open_route());
        }
    }
}

/// The route tables that an endpoint names itself.
fn routed<'a>(reader: &Reader<'a>, view: &View<'a>, endpoint: &str, planned: &mut Planned) {
    let ids = match reader.linked_ids(view, "route_table_ids", &TABLES) {
        Ok(ids) => ids,
        Err(gap) => return add(reader, view.item, Err(gap), planned, to_endpoint(endpoint)),
    };
    for id in ids {
        let route = to_endpoint(endpoint);
        add(reader, view.item, Ok(Some(id)), planned, route);
    }
}

fn to_endpoint(endpoint: &str) -> Route {
    Route {
        destination: PREFIX_LIST.to_owned(),
        target: endpoint.to_owned(),
        state: "active".to_owned(),
    }
}

/// What runs in subnets, by its type, the block and the attribute that names them.
const RUNNING: [(&str, &str, &str); 13] = [
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

/// Interfaces that the plan makes, and those of what it runs.
fn interfaces<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in [
        "aws_instance",
        "aws_network_interface",
        "aws_efs_mount_target",
    ] {
        for item in reader.document.of(kind) {
            let subnet = reader.linked_id(&item.view(), "subnet_id", &SUBNETS);
            running(
                reader,
                item,
                subnet.map(|it| it.into_iter().collect()),
                planned,
            );
        }
    }
    for (kind, block, name) in RUNNING {
        for item in reader.document.of(kind) {
            let view = item.view();
            let views = match block {
                "" => Ok(vec![view]),
                _ => view.blocks(block).set().map(Option::unwrap_or_default),
            };
            let subnets = views.and_then(|views| {
                let ids = views
                    .iter()
                    .map(|view| reader.linked_ids(view, name, &SUBNETS));
                let ids: Result<Vec<Vec<String>>, Gap> = ids.collect();
                Ok(ids?.concat())
            });
            running(reader, item, subnets, planned);
        }
    }
}

fn running<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    subnets: Result<Vec<String>, Gap>,
    planned: &mut Planned,
) {
    let region = reader.places.region(item);
    let network = &mut planned.region(&region).network;
    let subnets = match subnets {
        Ok(subnets) => subnets,
        // It may be in a VPC of the plan or in another.
        Err(gap) => return widen(&mut network.interfaces, gap),
    };
    for subnet_id in subnets {
        let found = network.subnets.items.iter().find(|it| it.id == subnet_id);
        if let Some(subnet) = found {
            network.interfaces.items.push(NetworkInterface {
                id: reader.id(item),
                vpc_id: subnet.vpc_id.clone(),
                subnet_id,
                interface_type: "interface".to_owned(),
            });
        }
    }
}
