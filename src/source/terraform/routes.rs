//! Route tables, their routes and the subnets that use them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Gap;
use crate::model::vpc::{Network, Route, RouteTable};
use crate::source::planned::{Planned, after_apply};

use super::item::Item;
use super::network::{SUBNETS, TABLES, VPCS};
use super::reader::{Link, Reader, main_table_id};
use super::view::{Fact, View};

/// Placeholder for the target of a route that is neither an internet gateway nor an endpoint.
const OTHER_TARGET: &str = "other";

/// Gateways that the attribute `gateway_id` of a route may name, with the prefixes of their ids.
const GATEWAYS: [(&str, &str); 2] = [("aws_internet_gateway", "igw"), ("aws_vpn_gateway", "vgw")];

/// Reads the route tables of the plan.
pub(super) fn read_tables<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for kind in ["aws_route_table", "aws_default_route_table"] {
        for item in reader.document.items_of(kind) {
            read_table(reader, item, planned);
        }
    }
    let routes = reader.document.items_of("aws_route").map(|item| {
        let view = item.view();
        let tables = possible_tables(reader, &view);
        (item, tables, vec![read_route(reader, &view)])
    });
    add_routes(reader, routes.collect(), planned);
    for item in reader.document.items_of("aws_main_route_table_association") {
        read_main_association(reader, item, planned);
    }
}

fn read_main_association<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let region = reader.places.region_of(item);
    let network = &mut planned.region_mut(&region).network;
    let vpcs = reader.possible_ids(&view, "vpc_id", &VPCS);
    match (
        reader.linked_id(&view, "vpc_id", &VPCS),
        reader.linked_id(&view, "route_table_id", &TABLES),
    ) {
        (Ok(Some(vpc)), Ok(Some(id))) => {
            // The account knows which table is the main one now.
            if vpc.starts_with("vpc-") {
                let gap = format!("{} sets the main route table of {vpc}", item.address);
                network.note_route_tables_gap(std::slice::from_ref(&vpc), &after_apply(gap));
            }
            let tables = network.route_tables.items.iter_mut();
            for table in tables.filter(|it| it.vpc_id == vpc) {
                table.main = table.id == id;
            }
        }
        (Err(gap), _) | (_, Err(gap)) => {
            network.note_route_tables_gap(&vpcs.unwrap_or_default(), &gap)
        }
        _ => {}
    }
}

/// Returns the VPCs of route tables; none if one of them is not known.
fn vpcs_of_tables(network: &Network, ids: &[String]) -> Vec<String> {
    let tables = network.route_tables.items.iter();
    let vpcs: BTreeMap<&str, &str> = tables
        .map(|it| (it.id.as_str(), it.vpc_id.as_str()))
        .collect();
    let found = ids.iter().map(|id| {
        let vpc = vpcs.get(id.as_str()).filter(|it| !it.is_empty())?;
        Some((*vpc).to_owned())
    });
    let found: Option<Vec<String>> = found.collect();
    found.unwrap_or_default()
}

/// Returns the VPC of a subnet of the plan.
fn vpc_of_subnet<'n>(network: &'n Network, id: &str) -> Option<&'n String> {
    let subnet = network.subnets.items.iter().find(|it| it.id == id);
    subnet.map(|it| &it.vpc_id)
}

/// Returns the VPCs that a resource with routes may be in, by the endpoint that it is or names, or by its internet
/// gateway; none if it may be in any.
fn vpcs_of_routes<'a>(reader: &Reader<'a>, item: &'a Item<'a>) -> Vec<String> {
    let view = item.view();
    let found = match item.kind {
        "aws_vpc_endpoint" => reader.possible_ids(&view, "vpc_id", &VPCS),
        _ => {
            let vpc_of = |it: &'a Item<'a>| reader.possible_ids(&it.view(), "vpc_id", &VPCS);
            let target = |name: &str, kind: &str| {
                let found = reader.settle_link(&view, name, &[kind], &["id"], vpc_of);
                found.map(Option::unwrap_or_default)
            };
            match target("vpc_endpoint_id", "aws_vpc_endpoint") {
                Ok(vpcs) if !vpcs.is_empty() => Ok(vpcs),
                _ => target("gateway_id", "aws_internet_gateway"),
            }
        }
    };
    found.unwrap_or_default()
}

fn read_table<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let region = reader.places.region_of(item);
    let is_default = item.kind == "aws_default_route_table";
    let named_by = match is_default {
        false => "vpc_id",
        true => "default_route_table_id",
    };
    let vpc = match is_default {
        false => reader.linked_id(&view, named_by, &VPCS),
        true => {
            let found = reader.linked_item(&view, named_by, &VPCS, &[named_by]);
            found.map(|vpc| vpc.map(|vpc| reader.id_of(vpc)))
        }
    };
    let mut routes = Vec::new();
    match view.blocks("route") {
        Fact::Known(blocks) => routes.extend(blocks.iter().map(|it| read_route(reader, it))),
        Fact::Unset | Fact::Computed(_) => {}
        Fact::Open(_) => routes.push(unknown_route()),
    }
    let network = &mut planned.region_mut(&region).network;
    // A table of a VPC that is not known is that of the subnets that name it all the same.
    let vpc_id = match vpc {
        Ok(Some(vpc_id)) => vpc_id,
        Ok(None) => return,
        Err(gap) => {
            let vpcs = reader.possible_ids(&view, named_by, &VPCS);
            network.note_route_tables_gap(&vpcs.unwrap_or_default(), &gap);
            String::new()
        }
    };
    let tables = &mut network.route_tables;
    if is_default {
        let own = main_table_id(&vpc_id);
        tables.items.retain(|it| it.id != own);
    }
    tables.items.push(RouteTable {
        id: reader.id_of(item),
        main: is_default,
        subnets: Vec::new(),
        routes,
        vpc_id,
    });
}

/// Returns the ids of the route tables that an attribute may name.
pub(super) fn possible_tables<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
) -> Result<Vec<String>, Gap> {
    let ids = reader.linked_ids(view, "route_table_id", &TABLES);
    match reader.resolve_link(view, "route_table_id", &TABLES) {
        Link::Named(id) => Ok(vec![id.to_owned()]),
        Link::Nothing => Ok(Vec::new()),
        Link::To(_) | Link::OneOf(..) => Ok([ids.certain, ids.possible].concat()),
        Link::Open(gap) => Err(gap),
    }
}

/// A resource with the tables that it names, or why they are unknown, and its routes.
pub(super) type RouteSource<'a> = (&'a Item<'a>, Result<Vec<String>, Gap>, Vec<Route>);

/// A resource with the tables that it may name, and its routes.
type TableRoutes<'a> = (&'a Item<'a>, Vec<String>, Vec<Route>);

/// Adds routes of resources to the tables that they may name.
///
/// The instances of one resource name as many tables. If they all add the same route, every table has it;
/// otherwise a table that only may have a route has an unknown one.
pub(super) fn add_routes<'a>(
    reader: &Reader<'a>,
    routes: Vec<RouteSource<'a>>,
    planned: &mut Planned,
) {
    type Group<'g> = (&'g str, &'g str, &'g str);
    let mut groups: BTreeMap<Group<'a>, Vec<TableRoutes<'a>>> = BTreeMap::new();
    for (item, tables, routes) in routes {
        let region = reader.places.region_of(item);
        let network = &mut planned.region_mut(&region).network;
        let vpcs = match &tables {
            Ok(tables) if tables.len() <= 1 => Vec::new(),
            _ => vpcs_of_routes(reader, item),
        };
        // A table of a VPC that is not known may be one of any.
        let may_be_here =
            |it: &RouteTable| vpcs.is_empty() || it.vpc_id.is_empty() || vpcs.contains(&it.vpc_id);
        match tables {
            Ok(mut tables) => {
                let listed = &network.route_tables.items;
                let elsewhere = listed.iter().filter(|it| !may_be_here(it));
                tables.retain(|id| elsewhere.clone().all(|it| it.id != *id));
                groups
                    .entry((item.module, item.kind, item.name))
                    .or_default()
                    .push((item, tables, routes));
            }
            Err(gap) => {
                let tables = network.route_tables.items.iter_mut();
                for table in tables.filter(|it| may_be_here(it)) {
                    table.routes.push(unknown_route());
                }
                network.note_route_tables_gap(&vpcs, &gap);
            }
        }
    }
    for members in groups.into_values() {
        let all: BTreeSet<&String> = members.iter().flat_map(|it| &it.1).collect();
        let is_covering = members.len() >= all.len();
        let is_same = members
            .iter()
            .all(|it| Some(&it.2) == members.first().map(|it| &it.2));
        for (item, tables, routes) in &members {
            let is_certain = tables.len() == 1 || (is_covering && is_same);
            let region = reader.places.region_of(item);
            let listed = &mut planned.region_mut(&region).network.route_tables.items;
            tables
                .iter()
                .for_each(|id| list_outside(reader, id, listed));
            for table in listed.iter_mut().filter(|it| tables.contains(&it.id)) {
                let added = match is_certain {
                    true => routes.clone(),
                    false => vec![unknown_route()],
                };
                for route in added {
                    if !table.routes.contains(&route) {
                        table.routes.push(route);
                    }
                }
            }
        }
    }
}

/// Adds a route table that exists, so that what the plan adds to it is added to that of the account.
fn list_outside(reader: &Reader<'_>, id: &str, listed: &mut Vec<RouteTable>) {
    let is_outside = id.starts_with("rtb-") && listed.iter().all(|it| it.id != id);
    if is_outside && reader.around.account.is_some() {
        listed.push(RouteTable {
            id: id.to_owned(),
            vpc_id: String::new(),
            main: false,
            subnets: Vec::new(),
            routes: Vec::new(),
        });
    }
}

/// Assigns the subnets to the route tables that they name, once all routes are known. Where one of several tables is a
/// subnet's, and which one is known only after apply, it is assigned to each if their routes are the same.
pub(super) fn associate_subnets<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let mut of_subnet: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut open: BTreeSet<(String, String)> = BTreeSet::new();
    for item in reader.document.items_of("aws_route_table_association") {
        let view = item.view();
        let region = reader.places.region_of(item);
        let network = &mut planned.region_mut(&region).network;
        let tables = possible_tables(reader, &view);
        for id in tables.iter().flatten() {
            list_outside(reader, id, &mut network.route_tables.items);
        }
        let vpcs = vpcs_of_tables(network, tables.as_deref().unwrap_or_default());
        let mut subnets = match reader.possible_ids(&view, "subnet_id", &SUBNETS) {
            Ok(subnets) => subnets,
            Err(gap) => {
                network.note_route_tables_gap(&vpcs, &gap);
                continue;
            }
        };
        // A subnet and its route table are in one VPC.
        let is_here = |vpc: &String| vpcs.is_empty() || vpcs.contains(vpc);
        subnets.retain(|id| vpc_of_subnet(network, id).is_none_or(is_here));
        let is_covering = reader.document.count_siblings(item) >= subnets.len();
        for subnet in subnets {
            let key = (region.clone(), subnet);
            match &tables {
                Ok(tables) if is_covering => {
                    of_subnet.entry(key).or_default().extend(tables.clone())
                }
                Ok(_) | Err(_) => {
                    open.insert(key);
                }
            }
        }
    }
    for (key, tables) in of_subnet {
        let (region, subnet) = &key;
        let network = &mut planned.region_mut(region).network;
        let found = find_equal_tables(network, subnet, tables);
        if found.is_empty() || open.contains(&key) {
            open.insert(key);
            continue;
        }
        for table in found {
            table.subnets.push(subnet.clone());
        }
    }
    for (region, subnet) in open {
        let gap = after_apply(format!(
            "which route table {subnet} uses is known only after apply"
        ));
        let network = &mut planned.region_mut(&region).network;
        let vpc: Vec<String> = vpc_of_subnet(network, &subnet)
            .cloned()
            .into_iter()
            .collect();
        network.note_route_tables_gap(&vpc, &gap);
    }
}

/// Returns the route tables of which a subnet has one, if all of them have the same routes; else none. Those of another
/// VPC are none of it.
fn find_equal_tables<'n>(
    network: &'n mut Network,
    subnet: &str,
    mut ids: BTreeSet<String>,
) -> Vec<&'n mut RouteTable> {
    let vpc = vpc_of_subnet(network, subnet).cloned();
    let listed = &mut network.route_tables.items;
    if ids.len() > 1 {
        let is_elsewhere = |it: &RouteTable| {
            !it.vpc_id.is_empty() && vpc.as_ref().is_some_and(|vpc| *vpc != it.vpc_id)
        };
        for table in listed.iter().filter(|it| is_elsewhere(it)) {
            ids.remove(&table.id);
        }
    }
    let routes_of = |table: &RouteTable| -> BTreeSet<(String, String, String)> {
        let routes = table.routes.iter().cloned();
        routes
            .map(|it| (it.destination, it.target, it.state))
            .collect()
    };
    let found: Vec<&mut RouteTable> = listed
        .iter_mut()
        .filter(|it| ids.contains(&it.id))
        .collect();
    let is_same = found.len() == ids.len()
        && found
            .windows(2)
            .all(|it| routes_of(it[0]) == routes_of(it[1]));
    match is_same {
        true => found,
        false => Vec::new(),
    }
}

/// Returns a route with unknown destination and target.
pub(super) fn unknown_route() -> Route {
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
    Route {
        destination: destination.unwrap_or_default().to_owned(),
        state: "active".to_owned(),
        target: read_target(reader, view),
    }
}

/// Returns the target of a route; empty if it is not known.
fn read_target<'a>(reader: &Reader<'a>, view: &View<'a>) -> String {
    let kinds = GATEWAYS.map(|(kind, _)| kind);
    // The prefix of the id shows that a subnet is public.
    let placeholder = |gateway: &Item<'_>| {
        let named = GATEWAYS.iter().find(|(kind, _)| *kind == gateway.kind);
        let prefix = named.map_or("other", |(_, prefix)| prefix);
        format!("{prefix}-{}", gateway.address)
    };
    match reader.resolve_link(view, "gateway_id", &kinds) {
        Link::Named(id) => id.to_owned(),
        Link::To(gateway) => placeholder(gateway),
        Link::OneOf(gateways, _) => match gateways.split_first() {
            Some((first, others)) if others.iter().all(|it| it.kind == first.kind) => {
                placeholder(first)
            }
            _ => String::new(),
        },
        Link::Nothing => match reader.linked_id(view, "vpc_endpoint_id", &["aws_vpc_endpoint"]) {
            Ok(Some(endpoint)) => endpoint,
            Ok(None) => OTHER_TARGET.to_owned(),
            Err(_) => String::new(),
        },
        Link::Open(_) => String::new(),
    }
}
