//! Workloads, subnets and gateway endpoints of VPCs, for the rules about traffic to S3.

use std::collections::BTreeSet;

use crate::model::ec2::Instance;
use crate::model::vpc::{Network, RouteTable, Vpc, VpcEndpoint};
use crate::model::{Gap, GapKind, Resource};

use super::outcome::Outcome;
use super::remedy::RouteTableIds;
use crate::analysis::RuleContext;

/// The subnets of a VPC that contain workloads.
#[derive(Debug)]
pub struct Workloads<'a> {
    /// Subnets with an instance, or with a network interface that may belong to a workload.
    pub subnets: BTreeSet<&'a str>,
    /// Whether the VPC has any workload.
    pub any: bool,
    /// Why there may be more workloads.
    pub gap: Option<Gap>,
}

/// Whether this account owns the VPC: only the owner of a shared VPC can add endpoints.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>.
#[must_use]
pub fn is_own(cx: &RuleContext<'_>, vpc: &Vpc) -> bool {
    match (&vpc.owner, &cx.snapshot.account_id) {
        (Some(owner), Some(account)) => owner == account,
        _ => true,
    }
}

/// Returns why no endpoint is needed in the account: it is known to be in none of the organizational units that
/// the config names.
#[must_use]
pub fn outside_endpoint_ous(cx: &RuleContext<'_>) -> Option<Outcome> {
    let ous = &cx.settings.endpoint_ous;
    let path = cx.snapshot.organization_path.as_ref()?;
    let is_inside = path.split('/').any(|unit| ous.iter().any(|ou| ou == unit));
    (!ous.is_empty() && !is_inside).then(|| {
        Outcome::skip("the account is in none of the organizational units of endpoint_ous")
    })
}

/// Returns the workloads of a VPC: its instances, and the network interfaces that may belong to others.
///
/// # Errors
/// The region was not read.
pub fn workloads<'a>(cx: &RuleContext<'a>, vpc: &Vpc) -> Result<Workloads<'a>, Gap> {
    let region = cx.seen()?;
    let network = &region.network;
    let interfaces = cx.network().interfaces_of(&vpc.id).iter();
    let in_use = interfaces.filter(|it| it.may_run_workload());
    let mut subnets: BTreeSet<&str> = in_use.map(|it| it.subnet_id.as_str()).collect();
    let instances = cx.instances_around(&vpc.id).into_iter();
    let instances = instances.filter(|it| !Resource::Instance(it).is_being_deleted());
    let vpc_gap = |it: &&'a Instance| it.vpc_id.gap().filter(|gap| gap.is_failed_call());
    let is_here = |it: &&'a Instance| match it.vpc_id.known() {
        Some(id) => id.as_ref() == Some(&vpc.id),
        None => vpc_gap(it).is_some(),
    };
    // It may run in another VPC, or be gone soon.
    let find_doubt = |it: &&'a Instance| vpc_gap(it).or(Resource::Instance(it).deletion_gap());
    let (doubtful, instances): (Vec<&Instance>, Vec<&Instance>) = instances
        .filter(is_here)
        .partition(|it| find_doubt(it).is_some());
    let doubtful = doubtful.iter().find_map(find_doubt);
    subnets.extend(instances.iter().filter_map(|it| it.subnet_id.as_deref()));
    let unplaced = (!instances.is_empty() && subnets.is_empty()).then(|| {
        let message = format!("the subnets of the instances in {} are not known", vpc.id);
        Gap::new(GapKind::Unreadable, message)
    });
    let possible = region.possible_workloads.get(&vpc.id).cloned();
    Ok(Workloads {
        any: !instances.is_empty() || !subnets.is_empty(),
        subnets,
        gap: network
            .interfaces_gap(vpc)
            .cloned()
            .or(possible)
            .or(doubtful.cloned())
            .or(unplaced),
    })
}

/// Returns the S3 gateway endpoints of a VPC that are available, and those in another state.
///
/// The complete service name is compared: S3 Express and DynamoDB have gateway endpoints too. Case is
/// ignored: EC2 returns `available` although its API model has `Available`.
#[must_use]
pub fn s3_endpoints<'a>(
    cx: &RuleContext<'a>,
    vpc: &Vpc,
) -> (Vec<&'a VpcEndpoint>, Vec<&'a VpcEndpoint>) {
    let service = format!("com.amazonaws.{}.s3", cx.region);
    let endpoints = cx.network().endpoints_of(&vpc.id).iter().copied();
    endpoints
        .filter(|endpoint| {
            endpoint.endpoint_type.eq_ignore_ascii_case("gateway")
                && endpoint.service_name.eq_ignore_ascii_case(&service)
        })
        .partition(|endpoint| endpoint.state.eq_ignore_ascii_case("available"))
}

/// Returns the route tables of a VPC that subnets use, and its main one, which serves subnets that name
/// none; `None` where not all route tables could be read.
#[must_use]
pub fn route_tables_in_use(
    cx: &RuleContext<'_>,
    network: &Network,
    vpc: &Vpc,
) -> Option<RouteTableIds> {
    let mut ids = RouteTableIds::default();
    if network.route_tables_gap(vpc).is_some() {
        return None;
    }
    let tables = cx.network().route_tables_of(&vpc.id).iter();
    for table in tables.filter(|it| it.main || !it.subnets.is_empty()) {
        match routes_to_internet(table) {
            true => ids.public.push(table.id.clone()),
            false => ids.private.push(table.id.clone()),
        }
    }
    Some(ids)
}

/// Whether subnets with this route table reach the internet directly.
#[must_use]
pub fn routes_to_internet(table: &RouteTable) -> bool {
    table.routes.iter().any(|route| {
        matches!(route.destination.as_str(), "0.0.0.0/0" | "::/0")
            && route.target.starts_with("igw-")
            && route.state == "active"
    })
}

/// What a rule about a VPC's S3 gateway endpoints checks.
#[derive(Debug)]
pub struct InUse<'a> {
    /// The region's networks.
    pub network: &'a Network,
    /// The workloads of the VPC.
    pub running: Workloads<'a>,
    /// Its available S3 gateway endpoints: at least one.
    pub endpoints: Vec<&'a VpcEndpoint>,
}

/// Returns a VPC's S3 gateway endpoints if it has workloads that may use them; otherwise why they do not
/// matter.
///
/// # Errors
/// Why it is not known whether there are any.
pub fn endpoints_in_use<'a>(
    cx: &RuleContext<'a>,
    vpc: &Vpc,
) -> Result<Result<InUse<'a>, Outcome>, Gap> {
    if let Some(skip) = outside_endpoint_ous(cx) {
        return Ok(Err(skip));
    }
    if !is_own(cx, vpc) {
        return Ok(Err(Outcome::skip(
            "owned by another account; only the owner can change its endpoints and routes",
        )));
    }
    let network = &cx.seen()?.network;
    let running = workloads(cx, vpc)?;
    if !running.any && running.gap.is_none() {
        return Ok(Err(Outcome::skip("has no workloads")));
    }
    let (endpoints, _) = s3_endpoints(cx, vpc);
    if endpoints.is_empty() {
        if let Some(gap) = network.endpoints_gap(vpc) {
            return Err(gap.clone());
        }
        return Ok(Err(Outcome::skip(
            "has no gateway endpoint for S3; see s3-gateway-endpoint-present",
        )));
    }
    Ok(Ok(InUse {
        network,
        running,
        endpoints,
    }))
}
