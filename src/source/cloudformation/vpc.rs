//! VPCs as far as they concern traffic to S3: subnets, route tables, endpoints and workloads.
//!
//! A VPC that does not exist yet contains only what the template adds.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Build, locate_gap};
use super::policy;
use super::value::{Piece, Resolved};
use crate::model::vpc::{
    NetworkInterface, OUTSIDE_VPC, Route, RouteTable, Subnet, Vpc, VpcEndpoint,
};
use crate::model::{Gap, Observed};
use crate::source::defaults::{VPC_ENDPOINT_POLICY, VPC_ENDPOINT_TYPE};

const VPC: &str = "AWS::EC2::VPC";
const SUBNET: &str = "AWS::EC2::Subnet";
const ROUTE_TABLE: &str = "AWS::EC2::RouteTable";

/// The placeholder for the id of the S3 prefix list.
const S3_PREFIXES: &str = "pl-s3";

pub(super) fn read_networks(build: &mut Build<'_>) {
    let mut tables = read_vpcs(build);
    let unplaced = read_subnets(build);
    for declared in build.of_type(ROUTE_TABLE) {
        let properties = build.template.properties(&declared);
        // A table of a VPC that is not known is that of the subnets that name it all the same.
        let vpc = build.name(&properties.get("VpcId"), VPC);
        let vpc = vpc.ok().flatten().unwrap_or_default();
        let table = new_route_table(declared.id, &vpc, false);
        tables.insert(declared.id.to_owned(), table);
        let (file, id) = build.locate(declared.id);
        let place = build.find_place(&declared);
        build.planned.add_place(format!("{file}#{id}"), place);
    }
    read_associations(build, &unplaced, &mut tables);
    read_routes(build, &mut tables);
    read_endpoints(build, &mut tables);
    build.stack_region().network.route_tables.items = tables.into_values().collect();
    read_workloads(build, &unplaced);
}

fn new_route_table(id: &str, vpc: &str, main: bool) -> RouteTable {
    RouteTable {
        id: id.to_owned(),
        vpc_id: vpc.to_owned(),
        main,
        subnets: Vec::new(),
        routes: Vec::new(),
    }
}

fn read_vpcs(build: &mut Build<'_>) -> BTreeMap<String, RouteTable> {
    let mut tables = BTreeMap::new();
    for declared in build.of_type(VPC) {
        let properties = build.template.properties(&declared);
        let tags = build.tags(&properties, "Tags");
        let vpc = Vpc {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            name: tags.known().and_then(|tags| tags.get("Name").cloned()),
            is_default: false,
            owner: None,
        };
        build.stack_region().network.vpcs.items.push(vpc);
        // Every VPC has a main route table, which a template cannot declare.
        let name = format!("{}/main", declared.id);
        tables.insert(name.clone(), new_route_table(&name, declared.id, true));
    }
    tables
}

/// Subnets, each of which is in one of several VPCs of the template or in another one, and the gap that says so.
type Unplaced = BTreeMap<String, (Vec<String>, Gap)>;

fn read_subnets(build: &mut Build<'_>) -> Unplaced {
    let mut unplaced = Unplaced::new();
    for declared in build.of_type(SUBNET) {
        let properties = build.template.properties(&declared);
        let named = properties.get("VpcId");
        let id = declared.id.to_owned();
        match build.name(&named, VPC) {
            Ok(Some(vpc_id)) => {
                let subnets = &mut build.stack_region().network.subnets;
                subnets.items.push(Subnet { id, vpc_id });
            }
            Ok(None) => {}
            Err(gap) => {
                let vpcs = possible_vpcs(build, &named);
                let network = &mut build.stack_region().network;
                network.note_subnets_gap(&vpcs, &gap);
                unplaced.insert(id, (vpcs, gap));
            }
        }
    }
    unplaced
}

/// Returns the VPCs that a value may refer to; none if it may be any.
fn possible_vpcs(build: &Build<'_>, value: &Resolved) -> Vec<String> {
    let id_of = |it: &Resolved| match build.name(it, VPC) {
        Ok(id) => id,
        Err(_) => it.is_from_outside().then(|| OUTSIDE_VPC.to_owned()),
    };
    let candidates = value.candidates().iter().filter(|it| !it.is_absent());
    let vpcs: Option<Vec<String>> = candidates.map(id_of).collect();
    vpcs.unwrap_or_default()
}

fn read_associations(
    build: &mut Build<'_>,
    unplaced: &Unplaced,
    tables: &mut BTreeMap<String, RouteTable>,
) {
    for declared in build.of_type("AWS::EC2::SubnetRouteTableAssociation") {
        let properties = build.template.properties(&declared);
        let named = properties.get("SubnetId");
        let candidates = named.candidates().iter();
        let subnets = candidates.filter_map(|it| build.referenced_resource(it, &[SUBNET]));
        let subnets: Vec<&str> = subnets.map(|it| it.id).collect();
        let vpcs = vpcs_of_subnets(build, unplaced, &subnets);
        let subnet = match (&named, subnets.as_slice()) {
            // A choice that may include a resource of the template.
            (Resolved::OneOf(open, _), _) => {
                let network = &mut build.stack_region().network;
                network.note_route_tables_gap(&vpcs, &open.gap);
                continue;
            }
            (_, [subnet]) => *subnet,
            _ => continue,
        };
        if let Some(gap) = build.own_condition_gap(&declared, Some(subnet)) {
            let network = &mut build.stack_region().network;
            network.note_route_tables_gap(&vpcs, &gap);
            continue;
        }
        let named = properties.get("RouteTableId");
        let id = find_table(build, &named).unwrap_or_else(|| declared.id.to_owned());
        let is_listed = tables.contains_key(&id);
        let table = tables.entry(id);
        let table = table.or_insert_with_key(|id| new_route_table(id, "", false));
        table.subnets.push(subnet.to_owned());
        if !is_listed && !build.account_has_table(&table.id) {
            table.routes.push(unknown_route());
        }
    }
}

/// Returns the VPCs that subnets of the template may be in; none if they may be in any.
fn vpcs_of_subnets(build: &mut Build<'_>, unplaced: &Unplaced, subnets: &[&str]) -> Vec<String> {
    let listed = &build.stack_region().network.subnets.items;
    let is_named = |id: &String| subnets.contains(&id.as_str());
    let placed = listed.iter().filter(|it| is_named(&it.id));
    let possible = unplaced.iter().filter(|(id, _)| is_named(id));
    placed
        .map(|it| it.vpc_id.clone())
        .chain(possible.flat_map(|(_, (vpcs, _))| vpcs.iter().cloned()))
        .collect()
}

/// Returns the id of the route table that a value refers to.
fn find_table(build: &Build<'_>, value: &Resolved) -> Option<String> {
    if let Some(table) = build.referenced_resource(value, &[ROUTE_TABLE]) {
        return Some(table.id.to_owned());
    }
    let id = value.text().ok().flatten();
    id.filter(|id| id.starts_with("rtb-"))
}

/// Returns a route with unknown destination and target.
fn unknown_route() -> Route {
    active_route("", String::new())
}

fn active_route(destination: &str, target: String) -> Route {
    Route {
        destination: destination.to_owned(),
        target,
        state: "active".to_owned(),
    }
}

fn read_routes(build: &Build<'_>, tables: &mut BTreeMap<String, RouteTable>) {
    for declared in build.of_type("AWS::EC2::Route") {
        let properties = build.template.properties(&declared);
        let gateway = properties.get("GatewayId");
        if gateway.is_absent() {
            continue;
        }
        let destinations = ["DestinationCidrBlock", "DestinationIpv6CidrBlock"];
        let destinations = destinations.map(|name| properties.get(name).text());
        let Some(destination) = destinations.into_iter().find_map(Result::transpose) else {
            continue;
        };
        let named = properties.get("RouteTableId");
        let candidates = named.candidates();
        for candidate in candidates {
            let table = build.referenced_resource(candidate, &[ROUTE_TABLE]);
            let Some(table) = table.and_then(|it| tables.get_mut(it.id)) else {
                continue;
            };
            let is_certain = candidates.len() == 1
                && build
                    .own_condition_gap(&declared, Some(&table.id))
                    .is_none();
            let target = gateway_target(build, &gateway, declared.id).filter(|_| is_certain);
            table.routes.push(match &destination {
                Ok(destination) => active_route(destination, target.unwrap_or_default()),
                Err(_) => unknown_route(),
            });
        }
    }
}

/// Returns the target of a route to a gateway. Only an internet gateway or a virtual private gateway is named this
/// way; `None` if it may be either.
fn gateway_target(build: &Build<'_>, gateway: &Resolved, route: &str) -> Option<String> {
    let kind = |it: &Resolved| match it {
        Resolved::Absent => "none",
        _ if build
            .referenced_resource(it, &["AWS::EC2::VPNGateway"])
            .is_some() =>
        {
            "vgw"
        }
        _ => "igw",
    };
    let mut kinds = gateway.candidates().iter().map(kind);
    let first = kinds.next()?;
    kinds
        .all(|it| it == first)
        .then(|| format!("{first}-{route}"))
}

fn read_endpoints(build: &mut Build<'_>, tables: &mut BTreeMap<String, RouteTable>) {
    for declared in build.of_type("AWS::EC2::VPCEndpoint") {
        let properties = build.template.properties(&declared);
        let facts = (
            build.name(&properties.get("VpcId"), VPC),
            properties.get("VpcEndpointType").text(),
            build.text_with_stand_ins(&properties.get("ServiceName")),
        );
        // An endpoint of another service or type is none for S3, whatever else is open.
        let is_other_service = matches!(&facts.2, Ok(Some(it)) if !it.ends_with(".s3"));
        let is_other_type = matches!(&facts.1, Ok(Some(it)) if it != "Gateway");
        if is_other_service || is_other_type {
            continue;
        }
        let (vpc_id, kind, service) = match facts {
            (Ok(Some(vpc)), Ok(kind), Ok(Some(service))) => (vpc, kind, service),
            (Err(gap), _, _) => {
                let vpcs = possible_vpcs(build, &properties.get("VpcId"));
                let network = &mut build.stack_region().network;
                network.note_endpoints_gap(&vpcs, &gap);
                continue;
            }
            (Ok(Some(vpc)), Err(gap), _) | (Ok(Some(vpc)), _, Err(gap)) => {
                let network = &mut build.stack_region().network;
                network.note_endpoints_gap(&[vpc], &gap);
                continue;
            }
            _ => continue,
        };
        if let Some(gap) = build.own_condition_gap(&declared, Some(&vpc_id)) {
            let network = &mut build.stack_region().network;
            network.note_endpoints_gap(&[vpc_id], &gap);
            continue;
        }
        let region = build.region().to_owned();
        let is_open = build.region_is_open();
        let service_name = match service.split('.').collect::<Vec<_>>().as_slice() {
            // An endpoint is in the region of its service, so that is the stack's region.
            ["com", "amazonaws", _, "s3"] if is_open => format!("com.amazonaws.{region}.s3"),
            _ => service,
        };
        let own_tables = OwnTables::read(build, &properties.get("RouteTableIds"));
        // A table that exists has more routes than the template adds to it.
        for id in own_tables.ids.keys().filter(|id| id.starts_with("rtb-")) {
            let table = tables.entry(id.clone());
            table.or_insert_with(|| new_route_table(id, &vpc_id, false));
        }
        for table in tables.values_mut() {
            let is_named = own_tables.ids.contains_key(&table.id);
            // A table that the endpoint names is in its VPC, and one of a VPC that is not known may be.
            if is_named || table.vpc_id.is_empty() || table.vpc_id == vpc_id {
                let route = own_tables.find_route(&table.id, declared.id);
                table.routes.extend(route);
            }
        }
        let policy = match properties.get("PolicyDocument") {
            Resolved::Absent => Observed::Known(VPC_ENDPOINT_POLICY.to_owned()),
            given => locate_gap("PolicyDocument", policy::complete_policy(build, &given)).into(),
        };
        let endpoint = VpcEndpoint {
            id: declared.id.to_owned(),
            vpc_id,
            endpoint_type: kind.unwrap_or_else(|| VPC_ENDPOINT_TYPE.to_owned()),
            service_name,
            state: "available".to_owned(),
            policy,
        };
        build.stack_region().network.endpoints.items.push(endpoint);
    }
}

/// The route tables that an endpoint names.
struct OwnTables {
    /// Whether it certainly names a table, by the id of each that it may name.
    ids: BTreeMap<String, bool>,
    /// Whether it may name any other.
    may_have_more: bool,
}

impl OwnTables {
    fn read(build: &Build<'_>, value: &Resolved) -> Self {
        let lists = value.candidates();
        let mut may_have_more = false;
        let mut certain: BTreeMap<String, usize> = BTreeMap::new();
        for list in lists {
            let Ok(items) = list.items() else {
                may_have_more |= !list.is_from_outside();
                continue;
            };
            let mut in_list = BTreeMap::new();
            for (condition, item) in items {
                match find_table(build, item) {
                    Some(id) => *in_list.entry(id).or_insert(false) |= condition.is_none(),
                    None => may_have_more |= !item.is_from_outside(),
                }
            }
            for (id, is_certain) in in_list {
                *certain.entry(id).or_insert(0) += usize::from(is_certain);
            }
        }
        let all = lists.len();
        let ids = certain.into_iter().map(|(id, count)| (id, count == all));
        OwnTables {
            ids: ids.collect(),
            may_have_more,
        }
    }

    /// Returns the route to the endpoint that a table has, if it may have one.
    fn find_route(&self, table: &str, endpoint: &str) -> Option<Route> {
        match self.ids.get(table) {
            Some(true) => Some(active_route(S3_PREFIXES, endpoint.to_owned())),
            Some(false) => Some(unknown_route()),
            None => self.may_have_more.then(unknown_route),
        }
    }
}

/// Types that name subnets, or have interfaces in them, and run nothing that could read from S3, checked on
/// 2026-11-29.
///
/// Sources, of each its page on interfaces or subnets:
/// <https://docs.aws.amazon.com/efs/latest/ug/accessing-fs.html>,
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html>,
/// <https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-components.html>,
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-overview-DSN-queries-to-vpc.html>,
/// <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html>.
const WITHOUT_WORKLOAD: [&str; 12] = [
    "AWS::ApiGatewayV2::VpcLink",
    "AWS::EFS::MountTarget",
    "AWS::ElasticLoadBalancing::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::GlobalAccelerator::EndpointGroup",
    "AWS::NetworkFirewall::Firewall",
    "AWS::NetworkManager::VpcAttachment",
    "AWS::QuickSight::VPCConnection",
    "AWS::RAM::ResourceShare",
    "AWS::Route53Resolver::ResolverEndpoint",
    "AWS::SSM::Parameter",
    "AWS::VpcLattice::ServiceNetworkVpcAssociation",
];

/// Types of EC2 that run something in a subnet; its others configure the network.
const EC2_WORKLOADS: [&str; 5] = [
    "EC2Fleet",
    "Instance",
    "LaunchTemplate",
    "NetworkInterface",
    "SpotFleet",
];

/// Whether resources of a type are known to run nothing in a subnet that they refer to. Everything else is a
/// workload.
fn runs_nothing(kind: &str) -> bool {
    match kind.strip_prefix("AWS::EC2::") {
        Some(name) => !EC2_WORKLOADS.contains(&name),
        None => {
            WITHOUT_WORKLOAD.contains(&kind)
                || kind.starts_with("Custom::")
                || kind.starts_with("AWS::CloudFormation::")
        }
    }
}

/// The beginning of the id of a subnet.
const SUBNET_ID: &str = "subnet-";

/// Adds the ids of existing subnets that a value contains anywhere, and of what the template creates.
fn find_subnets(value: &Resolved, found: &mut BTreeSet<String>) {
    match value {
        Resolved::Text(phrase) => {
            found.extend(phrase.0.iter().filter_map(|piece| match piece {
                Piece::Made(made) => Some(made.id.clone()),
                _ => None,
            }));
            let text = value.text().ok().flatten();
            found.extend(text.filter(|it| it.starts_with(SUBNET_ID)));
        }
        Resolved::List(items) | Resolved::OneOf(_, items) => {
            items.iter().for_each(|item| find_subnets(item, found));
        }
        Resolved::Map(members) => {
            members
                .iter()
                .for_each(|(_, member)| find_subnets(member, found));
        }
        _ => {}
    }
}

/// Properties that give a subnet group its name, and that name the group of a workload.
const GROUP_NAMES: [&str; 4] = [
    "CacheSubnetGroupName",
    "ClusterSubnetGroupName",
    "DBSubnetGroupName",
    "SubnetGroupName",
];

/// Returns the names in properties that name subnet groups.
fn list_group_names(properties: &Resolved) -> Vec<(String, Resolved)> {
    let names = GROUP_NAMES.map(|name| properties.get(name)).into_iter();
    names
        .filter_map(|name| Some((name.name_key()?, name)))
        .collect()
}

/// Returns why a workload may run in a subnet group: the name that one of them has is a choice.
fn find_possible_use(build: &Build<'_>, group: &str, used: &[Resolved]) -> Option<Gap> {
    let properties = build.properties(build.template.find_resource(group)?);
    let gap = |it: &Resolved| match it {
        Resolved::OneOf(open, _) => Some(open.gap.clone()),
        _ => None,
    };
    GROUP_NAMES.iter().find_map(|name| {
        let own = properties.get(name);
        let is_shared = |it: &&Resolved| {
            let mut names = it.candidates().iter().filter(|it| !it.is_absent());
            names.any(|it| own.candidates().contains(it))
        };
        let mut used = used.iter().filter(is_shared);
        used.find_map(|it| gap(it).or_else(|| gap(&own)))
    })
}

/// Notes that something may run in VPCs.
fn note_possible_workloads(build: &mut Build<'_>, vpcs: &[String], gap: &Gap) {
    let possible = &mut build.stack_region().possible_workloads;
    for vpc in vpcs {
        possible.entry(vpc.clone()).or_insert_with(|| gap.clone());
    }
}

/// Notes that something may run in the VPCs that a subnet with a workload may be in.
fn note_unplaced_workloads(build: &mut Build<'_>, unplaced: &Unplaced, named: &BTreeSet<String>) {
    let listed = &build.stack_region().network.vpcs.items;
    let all: Vec<String> = listed.iter().map(|it| it.id.clone()).collect();
    for (_, (vpcs, gap)) in unplaced.iter().filter(|(id, _)| named.contains(*id)) {
        let vpcs = match vpcs.as_slice() {
            [] => &all,
            vpcs => vpcs,
        };
        note_possible_workloads(build, vpcs, gap);
    }
}

/// Notes each subnet with a workload of the template, directly or through a subnet group.
fn read_workloads(build: &mut Build<'_>, unplaced: &Unplaced) {
    let subnets: BTreeMap<String, String> = build
        .stack_region()
        .network
        .subnets
        .items
        .iter()
        .map(|subnet| (subnet.id.clone(), subnet.vpc_id.clone()))
        .collect();
    let mut groups = BTreeMap::new();
    let mut named = BTreeSet::new();
    let mut used_names: BTreeMap<String, Vec<Resolved>> = BTreeMap::new();
    let mut chosen_names = Vec::new();
    for declared in build.template.resources() {
        let mut names = build.template.named_by(declared);
        find_subnets(&build.properties(declared), &mut names);
        let properties = build.properties(declared);
        if declared.kind.ends_with("SubnetGroup") {
            groups.insert(declared.id, names);
            continue;
        }
        for (key, name) in list_group_names(&properties) {
            used_names.entry(key).or_default().push(name);
        }
        chosen_names.extend(GROUP_NAMES.map(|name| properties.get(name)));
        if !runs_nothing(declared.kind) {
            named.extend(names);
        }
    }
    // AWS SAM gives every function what its globals say.
    let functions = build.template.of_type("AWS::Serverless::Function").next();
    if let (Some(_), Some(globals)) = (functions, build.template.find_section("Globals")) {
        named.extend(build.template.names_in(globals));
        find_subnets(&build.template.resolve_node(globals), &mut named);
    }
    // A workload refers to the group, or repeats its name.
    let is_used = |group: &str| {
        let declared = build.template.find_resource(group);
        let own = declared.map(|it| build.template.properties(it));
        let names = own.map(|it| list_group_names(&it)).unwrap_or_default();
        let is_named = |(key, name): &(String, Resolved)| {
            used_names.get(key).is_some_and(|it| it.contains(name))
        };
        named.contains(group) || names.iter().any(is_named)
    };
    let (through, others): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|(group, _)| is_used(group));
    named.extend(through.into_iter().flat_map(|(_, ids)| ids));
    for (group, ids) in others {
        if let Some(gap) = find_possible_use(build, group, &chosen_names) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let vpcs = vpcs_of_subnets(build, unplaced, &ids);
            note_possible_workloads(build, &vpcs, &gap);
        }
    }
    note_unplaced_workloads(build, unplaced, &named);
    // The account knows the VPC of a subnet that exists.
    let existing = named.iter().filter(|it| it.starts_with(SUBNET_ID));
    let subnets = subnets
        .into_iter()
        .chain(existing.map(|id| (id.clone(), String::new())))
        .collect::<Vec<_>>();
    for (subnet_id, vpc_id) in subnets {
        if named.contains(&subnet_id) {
            let interface = NetworkInterface {
                id: format!("{subnet_id}/interface"),
                vpc_id,
                subnet_id,
                interface_type: "interface".to_owned(),
            };
            build
                .stack_region()
                .network
                .interfaces
                .items
                .push(interface);
        }
    }
}
