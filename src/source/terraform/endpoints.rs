//! Gateway endpoints for S3, their policies and their routes.

use crate::model::vpc::{Route, VpcEndpoint};
use crate::source::defaults::{VPC_ENDPOINT_POLICY, VPC_ENDPOINT_TYPE};
use crate::source::planned::Planned;

use super::item::Item;
use super::network::{TABLES, VPCS};
use super::policy;
use super::reader::{Reader, Satellites};
use super::routes::{add_routes, associate_subnets, possible_tables, unknown_route};
use super::view::View;

/// Placeholder for the id of the S3 prefix list.
const PREFIX_LIST: &str = "pl-s3";

/// Reads the endpoints of the plan and the routes to them.
pub(super) fn read_endpoints<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let policies = reader.find_satellites(
        "aws_vpc_endpoint_policy",
        "vpc_endpoint_id",
        &["aws_vpc_endpoint"],
        &["id"],
    );
    for item in reader.document.items_of("aws_vpc_endpoint") {
        if may_be_s3_gateway(&item.view()) {
            read_endpoint(reader, item, &policies, planned);
        }
    }
    let kind = "aws_vpc_endpoint_route_table_association";
    let routes = reader.document.items_of(kind).map(|item| {
        let view = item.view();
        let tables = possible_tables(reader, &view);
        let route = match reader.linked_id(&view, "vpc_endpoint_id", &["aws_vpc_endpoint"]) {
            Ok(Some(endpoint)) => endpoint_route(&endpoint),
            Ok(None) | Err(_) => unknown_route(),
        };
        (item, tables, vec![route])
    });
    add_routes(reader, routes.collect(), planned);
    associate_subnets(reader, planned);
}

/// Returns whether an endpoint may be a gateway endpoint for S3. Endpoints of other types, and for other
/// services, do not matter.
fn may_be_s3_gateway(view: &View<'_>) -> bool {
    let kind = view.text("vpc_endpoint_type").known();
    let service = view.text("service_name").known();
    kind.is_none_or(|it| it.eq_ignore_ascii_case(VPC_ENDPOINT_TYPE))
        && service.is_none_or(|it| it.ends_with(".s3"))
}

fn read_endpoint<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    policies: &Satellites<'a>,
    planned: &mut Planned,
) {
    let view = item.view();
    let region = reader.places.region_of(item);
    let id = reader.id_of(item);
    let network = &mut planned.region_mut(&region).network;
    let vpc_id = reader.linked_id(&view, "vpc_id", &VPCS);
    let kind = view.text("vpc_endpoint_type").set_value();
    let service = view.text("service_name").final_value();
    match (vpc_id, kind, service) {
        (Ok(Some(vpc_id)), Ok(kind), Ok(Some(service))) => {
            let policy = policies.settle(item, |satellite| {
                let view = satellite.unwrap_or(item).view();
                let text = policy::policy_text(reader, &view, "policy")?;
                Ok(text.unwrap_or_else(|| VPC_ENDPOINT_POLICY.to_owned()))
            });
            let state = view.text("state").known().filter(|_| item.exists);
            network.endpoints.items.push(VpcEndpoint {
                vpc_id,
                endpoint_type: kind.unwrap_or(VPC_ENDPOINT_TYPE).to_owned(),
                service_name: service.to_owned(),
                // A new endpoint is available after apply.
                state: state.unwrap_or("available").to_owned(),
                policy: policy.into(),
                id: id.clone(),
            });
        }
        (Ok(None), _, _) => return,
        (Err(gap), _, _) => {
            let vpcs = reader.possible_ids(&view, "vpc_id", &VPCS);
            network.note_endpoints_gap(&vpcs.unwrap_or_default(), &gap);
        }
        (Ok(Some(vpc_id)), Err(gap), _) | (Ok(Some(vpc_id)), _, Err(gap)) => {
            network.note_endpoints_gap(&[vpc_id], &gap);
        }
        (Ok(Some(vpc_id)), _, Ok(None)) => {
            network.note_endpoints_gap(&[vpc_id], &view.known_after_apply("service_name"));
        }
    }
    let ids = reader.linked_ids(&view, "route_table_ids", &TABLES);
    if let Some(gap) = ids.gap {
        add_routes(reader, vec![(item, Err(gap), Vec::new())], planned);
    }
    for table in ids.certain {
        let routes = vec![endpoint_route(&id)];
        add_routes(reader, vec![(item, Ok(vec![table]), routes)], planned);
    }
    let routes = vec![unknown_route()];
    add_routes(reader, vec![(item, Ok(ids.possible), routes)], planned);
}

/// Returns the route to S3 through an endpoint.
fn endpoint_route(endpoint: &str) -> Route {
    Route {
        destination: PREFIX_LIST.to_owned(),
        target: endpoint.to_owned(),
        state: "active".to_owned(),
    }
}
