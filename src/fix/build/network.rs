//! Changes of gateway endpoints for S3.

use crate::analysis::Remedy;
use crate::fix::cause::Draft;
use crate::fix::change::{Action, Change, Method};
use crate::fix::runbook::endpoint;

/// What running workloads notice of a route to an endpoint.
///
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>.
const CONNECTIONS: &str = "Open connections to S3 from the subnets of these route tables are dropped. New connections use private source addresses, so bucket policies that require a public source address deny them. Choose a quiet time.";

/// Creates a gateway endpoint with the route tables of the private subnets.
pub(super) fn create_endpoint(region: &str, vpc_id: &str, draft: Draft) -> Change {
    let title = format!("Create a gateway endpoint for S3 in {vpc_id}, {region}");
    let tables = draft.remedies.iter().find_map(|remedy| match remedy {
        Remedy::CreateS3Endpoint { route_tables, .. } => route_tables.clone(),
        _ => None,
    });
    // Without all route tables the main one is not known.
    let Some(tables) = tables else {
        let line = "The route tables could not be read; scan again with ec2:DescribeRouteTables.";
        return draft.finish(title, Method::Advice(vec![line.to_owned()]));
    };
    if tables.private.is_empty() {
        let steps = endpoint::create_public_endpoint(region, vpc_id, &tables.public);
        return draft.by_hand(title, steps);
    }
    let action = Action::CreateS3Endpoint {
        vpc_id: vpc_id.to_owned(),
        region: region.to_owned(),
        route_tables: tables.private,
    };
    draft.in_place(title, vec![action], &[CONNECTIONS])
}

/// Adds route tables to a gateway endpoint.
pub(super) fn add_route_tables(region: &str, vpc_id: &str, draft: Draft) -> Change {
    let title = format!("Route S3 traffic of {vpc_id} through its gateway endpoint, {region}");
    let endpoints = draft.collect(|remedy| match remedy {
        Remedy::AddRouteTable { endpoint_id, .. } => Some(endpoint_id.clone()),
        _ => None,
    });
    let actions = endpoints
        .into_iter()
        .map(|endpoint| Action::AddRouteTables {
            vpc_id: vpc_id.to_owned(),
            region: region.to_owned(),
            route_tables: draft.collect(|remedy| match remedy {
                Remedy::AddRouteTable {
                    endpoint_id,
                    route_table_id,
                    ..
                } if *endpoint_id == endpoint => Some(route_table_id.clone()),
                _ => None,
            }),
            endpoint_id: endpoint,
        });
    let actions = actions.collect();
    draft.in_place(title, actions, &[CONNECTIONS])
}

/// Resets the policies of gateway endpoints.
pub(super) fn reset_endpoint_policy(region: &str, vpc_id: &str, draft: Draft) -> Change {
    let endpoints = draft.collect(|remedy| match remedy {
        Remedy::ResetEndpointPolicy { endpoint_id, .. } => Some(endpoint_id.clone()),
        _ => None,
    });
    let actions = endpoints
        .into_iter()
        .map(|endpoint_id| Action::ResetEndpointPolicy {
            endpoint_id,
            region: region.to_owned(),
        });
    let actions = actions.collect();
    draft.in_place(
        format!("Allow all buckets in the S3 gateway endpoint policy of {vpc_id}, {region}"),
        actions,
        &[
            "This replaces the endpoint policy. If it restricts buckets on purpose, add the missing buckets instead.",
        ],
    )
}
