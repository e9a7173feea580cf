//! Route tables, their routes and the subnets that use them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Gap;
use crate::model::vpc::{Route, RouteTable};
use crate::source::planned::{Planned, after_apply};

use super::item::Item;
use super::network::{SUBNETS, TABLES, VPCS};
use super::reader::{Link, Reader, main_table_id, mark_incomplete};
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
        let view = item.view();
        let region = reader.places.region_of(item);
        let tables = &mut planned.region_mut(&region).network.route_tables;
        match (
            reader.linked_id(&view, "vpc_id", &VPCS),
            reader.linked_id(&view, "route_table_id", &TABLES),
        ) {
            (Ok(Some(vpc)), Ok(Some(id))) => {
                // The account knows which table is the main one now.
                if vpc.starts_with("vpc-") {
                    let gap = format!("{} sets the main route table of {vpc}", item.address);
                    mark_incomplete(tables, after_apply(gap));
                }
                for table in tables.items.iter_mut().filter(|it| it.vpc_id == vpc) {
                    table.main = table.id == id;
                }
            }
            (Err(gap), _) | (_, Err(gap)) => mark_incomplete(tables, gap),
            _ => {}
        }
    }
}

fn read_table<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let region = reader.places.region_of(item);
    let is_default = item.kind == "aws_default_route_table";
    let vpc = match is_default {
        false => reader.linked_id(&view, "vpc_id", &VPCS),
        true => {
            let name = "default_route_table_id";
            let found = reader.linked_item(&view, name, &VPCS, &[name]);
            found.map(|vpc| vpc.map(|vpc| reader.id_of(vpc)))
        }
    };
    let mut routes = Vec::new();
    match view.blocks("route") {
        Fact::Known(blocks) => routes.extend(blocks.iter().map(|it| read_route(reader, it))),
        Fact::Unset | Fact::Computed(_) => {}
        Fact::Open(_) => routes.push(unknown_route()),
    }
    let tables = &mut planned.region_mut(&region).network.route_tables;
    // A table of a VPC that is not known is that of the subnets that name it all the same.
    let vpc_id = match vpc {
        Ok(Some(vpc_id)) => vpc_id,
        Ok(None) => return,
        Err(gap) => {
            mark_incomplete(tables, gap);
            String::new()
        }
    };
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
        match tables {
            Ok(tables) => groups
                .entry((item.module, item.kind, item.name))
                .or_default()
                .push((item, tables, routes)),
            Err(gap) => {
                let region = reader.places.region_of(item);
                let tables = &mut planned.region_mut(&region).network.route_tables;
                for table in &mut tables.items {
                    table.routes.push(unknown_route());
                }
                mark_incomplete(tables, gap);
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
        let listed = &mut planned.region_mut(&region).network.route_tables;
        let subnets = match reader.possible_ids(&view, "subnet_id", &SUBNETS) {
            Ok(subnets) => subnets,
            Err(gap) => {
                mark_incomplete(listed, gap);
                continue;
            }
        };
        let tables = possible_tables(reader, &view);
        for id in tables.iter().flatten() {
            list_outside(reader, id, &mut listed.items);
        }
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
        let listed = &mut planned.region_mut(region).network.route_tables.items;
        let routes_of = |table: &RouteTable| -> BTreeSet<(String, String, String)> {
            let routes = table.routes.iter().cloned();
            routes
                .map(|it| (it.destination, it.target, it.state))
                .collect()
        };
        let mut found: Vec<&mut RouteTable> = listed
            .iter_mut()
            .filter(|it| tables.contains(&it.id))
            .collect();
        let is_same = found.len() == tables.len()
            && found
                .windows(2)
                .all(|it| routes_of(it[0]) == routes_of(it[1]));
        if found.is_empty() || !is_same || open.contains(&key) {
            open.insert(key);
            continue;
        }
        for table in &mut found {
            table.subnets.push(subnet.clone());
        }
    }
    for (region, subnet) in open {
        let gap = after_apply(format!(
            "which route table {subnet} uses is known only after apply"
        ));
        let listed = &mut planned.region_mut(&region).network.route_tables;
        mark_incomplete(listed, gap);
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
