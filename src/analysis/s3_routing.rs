//! Workloads, subnets and gateway endpoints of VPCs, for the rules about traffic to S3.

use std::collections::BTreeSet;

use crate::model::vpc::{Network, Vpc, VpcEndpoint};
use crate::model::{Gap, Resource};

use super::outcome::Outcome;
use crate::analysis::RuleContext;

/// The subnets of a VPC that contain workloads.
#[derive(Debug)]
pub struct Workloads<'a> {
    /// Subnets with a network interface that does not belong to an endpoint or a NAT gateway.
    pub subnets: BTreeSet<&'a str>,
    /// Whether the VPC has any workload.
    pub any: bool,
    /// Why there may be more workloads.
    pub gap: Option<&'a Gap>,
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

/// Returns the workloads of a VPC.
///
/// # Errors
/// The region was not read.
pub fn workloads<'a>(cx: &RuleContext<'a>, vpc: &Vpc) -> Result<Workloads<'a>, Gap> {
    let region = cx.seen()?;
    let interfaces = &region.network.interfaces;
    let subnets: BTreeSet<&str> = interfaces
        .items
        .iter()
        .filter(|interface| interface.vpc_id == vpc.id && !is_plumbing(&interface.interface_type))
        .map(|interface| interface.subnet_id.as_str())
        .collect();
    let instance = region
        .instances
        .items
        .iter()
        .filter(|instance| !Resource::Instance(instance).is_being_deleted())
        .any(|instance| {
            instance
                .vpc_id
                .known()
                .is_some_and(|id| id.as_ref() == Some(&vpc.id))
        });
    Ok(Workloads {
        any: instance || !subnets.is_empty(),
        subnets,
        gap: interfaces.gap.as_ref(),
    })
}

// EC2 returns `nat_gateway` although its API model has `natGateway`.
fn is_plumbing(interface_type: &str) -> bool {
    let folded: String = interface_type
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    matches!(
        folded.as_str(),
        "natgateway" | "vpcendpoint" | "gatewayloadbalancerendpoint"
    )
}

/// Returns the S3 gateway endpoints of a VPC that are available, and those in another state.
///
/// The complete service name is compared: S3 Express and DynamoDB have gateway endpoints too. Case is
/// ignored: EC2 returns `available` although its API model has `Available`.
#[must_use]
pub fn s3_endpoints<'a>(
    network: &'a Network,
    vpc: &Vpc,
    region: &str,
) -> (Vec<&'a VpcEndpoint>, Vec<&'a VpcEndpoint>) {
    let service = format!("com.amazonaws.{region}.s3");
    network
        .endpoints
        .items
        .iter()
        .filter(|endpoint| {
            endpoint.vpc_id == vpc.id
                && endpoint.endpoint_type.eq_ignore_ascii_case("gateway")
                && endpoint.service_name.eq_ignore_ascii_case(&service)
        })
        .partition(|endpoint| endpoint.state.eq_ignore_ascii_case("available"))
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
    let (endpoints, _) = s3_endpoints(network, vpc, cx.region);
    if endpoints.is_empty() {
        network.endpoints.all_items()?;
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
