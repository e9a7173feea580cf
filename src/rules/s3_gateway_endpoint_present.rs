use crate::analysis::s3_routing::{
    is_own, outside_endpoint_ous, route_tables_in_use, s3_endpoints, workloads,
};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::vpc::Vpc;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Every VPC with workloads has a *gateway* endpoint for S3.
    ///
    /// If `endpoint_ous` in the config names organizational units and the place of the account in its
    /// organization is known, only VPCs of accounts in these units need one.
    ///
    /// ## Why it matters
    ///
    /// Without the endpoint, traffic from the workloads to S3 goes through a NAT or internet gateway,
    /// unless it has another private route. A NAT gateway charges for it. A gateway endpoint is free.
    ///
    /// Backups and copies do not pass through the VPC. They work without the endpoint.
    ///
    /// ## Fix
    ///
    /// Create a gateway endpoint for S3 with the route tables of the private subnets. This interrupts
    /// open connections to S3, so choose a quiet time.
    ///
    /// ## Sources
    ///
    /// - The company guide, "S3 VPC Gateway Endpoint".
    /// - <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html>
    RULE = Rule {
        id: "s3-gateway-endpoint-present",
        group: Group::Network,
        owner: Owner::Member,
        title: "The VPC has a gateway endpoint for S3",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Vpc(check_vpc),
    }
}

fn check_vpc(cx: &RuleContext<'_>, vpc: &Vpc) -> CheckResult {
    if let Some(skip) = outside_endpoint_ous(cx) {
        return Ok(skip);
    }
    if !is_own(cx, vpc) {
        return Ok(Outcome::skip(
            "shared by another account; only its owner can add endpoints",
        ));
    }
    let network = &cx.seen()?.network;
    let running = workloads(cx, vpc)?;
    if !running.any && running.gap.is_none() {
        return Ok(Outcome::skip("no workloads"));
    }
    let (available, others) = s3_endpoints(cx, vpc);
    if let Some(endpoint) = available.first() {
        return Ok(Outcome::pass(format!("gateway endpoint {}", endpoint.id))
            .with("endpoint", endpoint.id.as_str()));
    }
    if let (false, Some(gap)) = (running.any, running.gap) {
        return Err(gap);
    }
    if let Some(gap) = network.endpoints_gap(vpc) {
        return Err(gap.clone());
    }
    let seen = match others.first() {
        Some(endpoint) => format!(
            "its gateway endpoint for S3, {}, is {}",
            endpoint.id, endpoint.state
        ),
        None => "no gateway endpoint for S3".to_owned(),
    };
    let fix = match others.first() {
        Some(endpoint) if endpoint.state.eq_ignore_ascii_case("pending") => {
            "Check again shortly.".to_owned()
        }
        Some(endpoint) => format!(
            "Delete {} and create it again with the route tables of the private subnets.",
            endpoint.id
        ),
        None => format!(
            "Run `aws ec2 create-vpc-endpoint --region {0} --vpc-id {1} --service-name com.amazonaws.{0}.s3 --vpc-endpoint-type Gateway --route-table-ids ...` with the route tables of its private subnets. Choose a quiet time: this interrupts open connections to S3.",
            cx.region, vpc.id
        ),
    };
    Ok(Outcome::breach(format!(
        "{seen}: traffic to S3 without another private route goes through a NAT or internet gateway (backups work anyway)"
    ))
    .fix(fix)
    // An endpoint that failed or is pending is not replaced without a look at it.
    .remedy(others.is_empty().then(|| Remedy::CreateS3Endpoint {
        vpc_id: vpc.id.clone(),
        region: cx.region.to_owned(),
        route_tables: route_tables_in_use(cx, network, vpc),
    }))
    .with("default_vpc", vpc.is_default))
}
