use crate::analysis::s3_routing::{InUse, endpoints_in_use};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Gap;
use crate::model::observed::GapKind;
use crate::model::vpc::{Network, Route, RouteTable, Subnet, Vpc, VpcEndpoint};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The S3 gateway endpoint is in the route table of every subnet in which something runs.
    ///
    /// An endpoint serves only the subnets whose route table holds its route. The table that counts
    /// is the one the subnet names, or else the VPC's main one. A subnet without a route to an
    /// internet gateway is private; one with such a route only warns.
    ///
    /// ## Fix
    ///
    /// Add the route tables to the endpoint. Open connections to S3 break at that moment.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>
    /// - <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>
    RULE = Rule {
        id: "s3-gateway-endpoint-routed",
        group: Group::Network,
        owner: Owner::Member,
        title: "The S3 gateway endpoint is in every route table in use",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Vpc(check),
    }
}

fn check(cx: &RuleContext<'_>, vpc: &Vpc) -> CheckResult {
    let InUse {
        network,
        running,
        endpoints,
    } = match endpoints_in_use(cx, vpc)? {
        Ok(in_use) => in_use,
        Err(skip) => return Ok(skip),
    };
    let subnets = running.subnets.iter().map(|subnet| {
        judge(cx.region, network, vpc, subnet, &endpoints)
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
    });
    let unseen = running.gap.map(Outcome::unknown);
    Ok(
        Outcome::worst(subnets.chain(unseen))
            .unwrap_or_else(|| Outcome::skip("nothing runs in it")),
    )
}

fn judge(
    region: &str,
    network: &Network,
    vpc: &Vpc,
    subnet: &str,
    endpoints: &[&VpcEndpoint],
) -> CheckResult {
    let of_vpc = |it: &Subnet| it.id == subnet && it.vpc_id == vpc.id;
    if network.subnets.find(of_vpc)?.is_none() {
        return Ok(Outcome::skip(
            "its subnet went away while the account was read",
        ));
    }
    let table = table_of(network, vpc, subnet)?;
    let routed = table.routes.iter().any(|route| {
        route.destination.starts_with("pl-")
            && route.state == "active"
            && endpoints.iter().any(|endpoint| endpoint.id == route.target)
    });
    if routed {
        return Ok(Outcome::pass(
            "every subnet in use routes S3 to the endpoint",
        ));
    }
    let listed = |id: &str| {
        network
            .endpoints
            .items
            .iter()
            .any(|endpoint| endpoint.id == id)
    };
    let elsewhere = table
        .routes
        .iter()
        .any(|route| route.target.starts_with("vpce-") && !listed(&route.target));
    if elsewhere {
        // An endpoint that the list does not show may be one for S3.
        network.endpoints.all_items()?;
    }
    let is_default = |route: &Route| matches!(route.destination.as_str(), "0.0.0.0/0" | "::/0");
    let is_open = |may_be: &dyn Fn(&Route) -> bool| {
        let mut open = table.routes.iter().filter(|it| it.target.is_empty());
        open.any(|route| route.destination.is_empty() || may_be(route))
    };
    let gap = |what: &str| {
        let message = format!(
            "{what} of route table {} is known only after apply",
            table.id
        );
        Gap::new(GapKind::AfterApply, message)
    };
    if is_open(&|route| route.destination.starts_with("pl-")) {
        return Err(gap("a route"));
    }
    let public = table.routes.iter().any(|route| {
        is_default(route) && route.target.starts_with("igw-") && route.state == "active"
    });
    if !public && is_open(&is_default) {
        return Err(gap("where the default route leads"));
    }
    let fix = format!(
        "Run `aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --add-route-table-ids {}`, in a quiet moment: open connections to S3 break.",
        endpoints
            .first()
            .map_or("", |endpoint| endpoint.id.as_str()),
        table.id
    );
    let message = |kind: &str| {
        format!(
            "route table {} of {kind} subnets in use has no route to the S3 endpoint",
            table.id
        )
    };
    let outcome = if public {
        Outcome::warn(message("public"))
    } else {
        Outcome::breach(message("private"))
    };
    Ok(outcome
        .fix(fix)
        .part(Some(subnet))
        .with("route_tables", vec![table.id.as_str()])
        .with("subnets", vec![subnet]))
}

/// The route table in effect: the one that the subnet names, else the VPC's main one.
fn table_of<'a>(network: &'a Network, vpc: &Vpc, subnet: &str) -> Result<&'a RouteTable, Gap> {
    let tables = &network.route_tables;
    let named = tables
        .items
        .iter()
        .find(|table| table.subnets.iter().any(|id| id == subnet));
    if let Some(table) = named {
        return Ok(table);
    }
    // Only the whole list tells that the subnet names none.
    tables
        .all_items()?
        .iter()
        .find(|table| table.main && table.vpc_id == vpc.id)
        .ok_or_else(|| {
            let message = format!(
                "AWS lists no route table for {subnet} and no main one for {}",
                vpc.id
            );
            Gap::new(GapKind::Unreadable, message)
        })
}
