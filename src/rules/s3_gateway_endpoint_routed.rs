use crate::analysis::s3_routing::{InUse, endpoints_in_use, routes_to_internet};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext, Verdict};
use crate::model::Gap;
use crate::model::observed::GapKind;
use crate::model::vpc::{Network, Route, RouteTable, Vpc, VpcEndpoint};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The route table of every subnet with workloads has a route to the S3 gateway endpoint.
    ///
    /// The route table is the one associated with the subnet, or else the main route table of the VPC.
    /// A subnet is public if its route table has a route to an internet gateway. A public subnet
    /// without the route is only a warning.
    ///
    /// ## Why it matters
    ///
    /// An endpoint serves only subnets whose route table contains its route.
    ///
    /// ## Fix
    ///
    /// Add the route tables to the endpoint. This interrupts open connections to S3, so choose a quiet
    /// time.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>
    /// - <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>
    RULE = Rule {
        id: "s3-gateway-endpoint-routed",
        group: Group::Network,
        owner: Owner::Member,
        title: "Every route table in use has a route to the S3 gateway endpoint",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Vpc(check_vpc),
    }
}

fn check_vpc(cx: &RuleContext<'_>, vpc: &Vpc) -> CheckResult {
    let InUse {
        network,
        running,
        endpoints,
    } = match endpoints_in_use(cx, vpc)? {
        Ok(in_use) => in_use,
        Err(skip) => return Ok(skip),
    };
    let check = |subnet: &str| check_subnet(cx, network, vpc, subnet, &endpoints);
    let subnets = running.subnets.iter();
    let subnets = subnets.map(|subnet| Outcome::from(check(subnet)));
    // Where more may run does not matter if every subnet has the route.
    let in_vpc = cx.network().subnets_of(&vpc.id).iter();
    let mut all = in_vpc.map(|it| check(it)).peekable();
    let is_routed = |outcome: CheckResult| outcome.is_ok_and(|it| it.verdict == Verdict::Pass);
    let is_settled =
        network.subnets_gap(vpc).is_none() && all.peek().is_some() && all.all(is_routed);
    let unseen = running.gap.iter().map(|gap| match is_settled {
        true => Outcome::pass("every subnet routes S3 to the endpoint"),
        false => Outcome::unknown(gap),
    });
    Ok(Outcome::worst(subnets.chain(unseen)).unwrap_or_else(|| Outcome::skip("no workloads")))
}

fn check_subnet(
    cx: &RuleContext<'_>,
    network: &Network,
    vpc: &Vpc,
    subnet: &str,
    endpoints: &[&VpcEndpoint],
) -> CheckResult {
    if !cx.network().has_subnet(&vpc.id, subnet) {
        if let Some(gap) = network.subnets_gap(vpc) {
            return Err(gap.clone());
        }
        return Ok(Outcome::skip("its subnet was deleted during the scan"));
    }
    let tables = find_route_tables(cx, network, vpc, subnet)?;
    let tables: Result<Vec<_>, Gap> = tables
        .into_iter()
        .map(|table| check_table(cx, network, vpc, (table, subnet), endpoints))
        .collect();
    Ok(Outcome::worst(tables?).unwrap_or_else(|| Outcome::skip("has no route table")))
}

fn check_table(
    cx: &RuleContext<'_>,
    network: &Network,
    vpc: &Vpc,
    (table, subnet): (&RouteTable, &str),
    endpoints: &[&VpcEndpoint],
) -> CheckResult {
    let leads_to_endpoint = |route: &Route| {
        route.destination.starts_with("pl-")
            && endpoints.iter().any(|endpoint| endpoint.id == route.target)
    };
    let routed = |route: &Route| leads_to_endpoint(route) && route.state == "active";
    if table.routes.iter().any(routed) {
        return Ok(Outcome::pass(
            "every subnet in use routes S3 to the endpoint",
        ));
    }
    let elsewhere = table.routes.iter().any(|route| {
        route.target.starts_with("vpce-") && !cx.network().has_endpoint(&route.target)
    });
    if let Some(gap) = find_state_gap(table, leads_to_endpoint) {
        return Err(gap);
    }
    // An endpoint that is missing from the list may be one for S3.
    if let (true, Some(gap)) = (elsewhere, network.endpoints_gap(vpc)) {
        return Err(gap.clone());
    }
    let public = is_public(table)?;
    let fix = format!(
        "Run `aws ec2 modify-vpc-endpoint --region {} --vpc-endpoint-id {} --add-route-table-ids {}`. Choose a quiet time: this interrupts open connections to S3.",
        cx.region,
        endpoints
            .first()
            .map_or("", |endpoint| endpoint.id.as_str()),
        table.id
    );
    let message = |kind: &str| {
        format!(
            "route table {} of {kind} subnets with workloads has no route to the S3 endpoint",
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
        .remedy(endpoints.first().map(|endpoint| Remedy::AddRouteTable {
            vpc_id: vpc.id.clone(),
            region: cx.region.to_owned(),
            endpoint_id: endpoint.id.clone(),
            route_table_id: table.id.clone(),
        }))
        .part(Some(subnet))
        .with("route_tables", vec![table.id.as_str()])
        .with("subnets", vec![subnet]))
}

/// Whether the default route leads to an internet gateway.
///
/// # Errors
/// The gap, if a route that may lead to the endpoint or to an internet gateway is known only after apply, or has no
/// state.
fn is_public(table: &RouteTable) -> Result<bool, Gap> {
    let is_default = |route: &Route| matches!(route.destination.as_str(), "0.0.0.0/0" | "::/0");
    let is_open = |may_be: &dyn Fn(&Route) -> bool| {
        let mut open = table.routes.iter().filter(|it| it.target.is_empty());
        open.any(|route| route.destination.is_empty() || may_be(route))
    };
    let gap = |what: &str| {
        let message = format!(
            "{what} of route table {} depends on what the file leaves open",
            table.id
        );
        Gap::new(GapKind::AfterApply, message)
    };
    if is_open(&|route| route.destination.starts_with("pl-")) {
        return Err(gap("a route"));
    }
    let public = routes_to_internet(table);
    if !public && is_open(&is_default) {
        return Err(gap("the target of the default route"));
    }
    let to_internet = |route: &Route| is_default(route) && route.target.starts_with("igw-");
    match find_state_gap(table, to_internet) {
        Some(gap) if !public => Err(gap),
        _ => Ok(public),
    }
}

/// Returns why it is not known whether such a route is active: the response left its state out.
fn find_state_gap(table: &RouteTable, is_wanted: impl Fn(&Route) -> bool) -> Option<Gap> {
    let mut stateless = table.routes.iter().filter(|it| it.state.is_empty());
    stateless.any(is_wanted).then(|| {
        let message = format!("the state of a route of {} is not known", table.id);
        Gap::new(GapKind::Unreadable, message)
    })
}

/// Returns the route table that is in effect for the subnet: its own, or else the main one of the VPC. In a plan its own
/// may be one of several with the same routes.
fn find_route_tables<'a>(
    cx: &RuleContext<'a>,
    network: &Network,
    vpc: &Vpc,
    subnet: &str,
) -> Result<Vec<&'a RouteTable>, Gap> {
    let named = cx.network().route_tables_naming(subnet);
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    // Only the complete list shows that the subnet has no explicit association.
    if let Some(gap) = network.route_tables_gap(vpc) {
        return Err(gap.clone());
    }
    let mut tables = cx.network().route_tables_of(&vpc.id).iter();
    tables
        .find(|table| table.main)
        .map(|table| vec![*table])
        .ok_or_else(|| {
            let message = format!(
                "no route table for {subnet} and no main route table for {}",
                vpc.id
            );
            Gap::new(GapKind::Unreadable, message)
        })
}
