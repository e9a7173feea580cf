use crate::analysis::s3_routing::{is_own, s3_endpoints, workloads};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::vpc::Vpc;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Every VPC in which something runs has a *gateway* endpoint for S3.
    ///
    /// Backups and their copies do not go through the VPC: they work without it. The endpoint is for
    /// the workloads' own traffic to the buckets, which otherwise leaves through a NAT or internet
    /// gateway, where it costs money. A gateway endpoint is free.
    ///
    /// ## Fix
    ///
    /// Create a gateway endpoint for S3 with the route tables of the private subnets. Open
    /// connections to S3 break at that moment: choose a quiet one.
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
        check: Check::Vpc(check),
    }
}

fn check(cx: &RuleContext<'_>, vpc: &Vpc) -> CheckResult {
    if !is_own(cx, vpc) {
        return Ok(Outcome::skip(
            "shared by another account, which alone can add endpoints",
        ));
    }
    let network = &cx.seen()?.network;
    let running = workloads(cx, vpc)?;
    if !running.any {
        return match running.gap {
            Some(gap) => Err(gap.clone()),
            None => Ok(Outcome::skip("nothing runs in it")),
        };
    }
    let (available, others) = s3_endpoints(network, vpc, cx.region);
    if let Some(endpoint) = available.first() {
        return Ok(
            Outcome::pass(format!("has the gateway endpoint {}", endpoint.id))
                .with("endpoint", endpoint.id.as_str()),
        );
    }
    network.endpoints.all_items()?;
    let seen = match others.first() {
        Some(endpoint) => format!(
            "its gateway endpoint for S3, {}, is {}",
            endpoint.id, endpoint.state
        ),
        None => "no gateway endpoint for S3".to_owned(),
    };
    let fix = match others.first() {
        Some(endpoint) if endpoint.state.eq_ignore_ascii_case("pending") => {
            "Look again in a moment.".to_owned()
        }
        Some(endpoint) => format!(
            "Delete {} and create it anew with the route tables of the private subnets.",
            endpoint.id
        ),
        None => format!(
            "Run `aws ec2 create-vpc-endpoint --region {0} --vpc-id {1} --service-name com.amazonaws.{0}.s3 --vpc-endpoint-type Gateway --route-table-ids ...` with the route tables of its private subnets, in a quiet moment: open connections to S3 break.",
            cx.region, vpc.id
        ),
    };
    Ok(Outcome::breach(format!(
        "{seen}: traffic to buckets that has no other way leaves through a NAT or internet gateway (backups work all the same)"
    ))
    .fix(fix)
    .with("default_vpc", vpc.is_default))
}
