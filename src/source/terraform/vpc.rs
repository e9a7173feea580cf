//! VPCs and their subnets.

use std::collections::BTreeMap;

use crate::model::observed::AccountFact;
use crate::model::vpc::{RouteTable, Subnet, Vpc, VpcGaps};
use crate::model::{Gap, Observed};
use crate::source::planned::{Planned, unplanned};

use super::endpoints;
use super::item::Item;
use super::network::{SUBNETS, VPCS};
use super::reader::{Reader, main_table_id, mark_incomplete};
use super::routes;
use super::view::View;
use super::workloads;

/// Returns the VPC of the subnet that an attribute refers to.
pub(super) fn vpc_of_subnet<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
) -> Observed<Option<String>> {
    let elsewhere = || {
        unplanned(format!(
            "the plan does not contain the subnet of {}",
            view.item.address
        ))
    };
    let kinds = [SUBNETS[0], SUBNETS[1], "data.aws_subnet"];
    let read = |subnet: &'a Item<'a>| reader.linked_id(&subnet.view(), "vpc_id", &VPCS);
    let found: Result<Option<Option<String>>, Gap> =
        reader.settle_link(view, name, &kinds, &["id"], read);
    match found {
        Ok(Some(Some(vpc))) => Observed::Known(Some(vpc)),
        Ok(_) => {
            let id = view.text(name).known().map(str::to_owned);
            Observed::Unknown(match id {
                Some(id) => elsewhere().needing(AccountFact::Subnet(id)),
                None => elsewhere(),
            })
        }
        Err(gap) => Observed::Unknown(gap),
    }
}

/// Reads the VPCs of the plan.
pub(super) fn read_networks<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let mut unplaced = BTreeMap::new();
    for kind in VPCS {
        for item in reader.document.items_of(kind) {
            read_vpc(reader, item, planned);
        }
    }
    for kind in SUBNETS {
        for item in reader.document.items_of(kind) {
            let region = reader.places.region_of(item);
            let subnets = &mut planned.region_mut(&region).network.subnets;
            let view = item.view();
            match reader.linked_id(&view, "vpc_id", &VPCS) {
                Ok(Some(vpc_id)) => {
                    let id = reader.id_of(item);
                    subnets.items.push(Subnet { id, vpc_id });
                }
                Ok(None) => {}
                Err(gap) => {
                    mark_incomplete(subnets, gap.clone());
                    if let Ok(vpcs) = reader.possible_ids(&view, "vpc_id", &VPCS) {
                        unplaced.insert(reader.id_of(item), (vpcs, gap));
                    }
                }
            }
        }
    }
    routes::read_tables(reader, planned);
    endpoints::read_endpoints(reader, planned);
    workloads::read_workloads(reader, &unplaced, planned);
}

fn read_vpc<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let owner = view
        .text("owner_id")
        .known()
        .or(reader.places.account_of(item));
    let is_default = item.kind == "aws_default_vpc";
    let is_new = !item.exists && !is_default;
    // Other plans may have added resources to a VPC that exists.
    let more = |what: &str| {
        (!is_new).then(|| {
            unplanned(format!(
                "{} exists and may have {what} that are not in the plan",
                item.address
            ))
        })
    };
    let vpc = Vpc {
        name: reader
            .read_tags(item)
            .known()
            .and_then(|tags| tags.get("Name").cloned()),
        is_default,
        owner: owner.map(str::to_owned),
        id: named.id,
        arn: named.arn,
    };
    let gaps = VpcGaps {
        subnets: more("subnets"),
        route_tables: more("route tables"),
        interfaces: more("network interfaces"),
        endpoints: more("endpoints"),
    };
    reader.add_place(item, &vpc.arn, planned);
    let network = &mut planned.region_mut(&named.region).network;
    network.gaps.insert(vpc.id.clone(), gaps);
    if is_new {
        // A new VPC has a main route table with only the local route.
        network.route_tables.items.push(RouteTable {
            id: main_table_id(&vpc.id),
            vpc_id: vpc.id.clone(),
            main: true,
            subnets: Vec::new(),
            routes: Vec::new(),
        });
    }
    network.vpcs.items.push(vpc);
}
