//! What runs in the subnets of the plan.
//!
//! Whatever names a subnet is a workload unless its type is known to run nothing that reads from S3.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Gap;
use crate::model::snapshot::Region;
use crate::model::vpc::NetworkInterface;
use crate::source::planned::Planned;

use super::item::Item;
use super::network::{NO_WORKLOADS, SUBNET_ATTRIBUTES, SUBNET_GROUPS, SUBNETS};
use super::reader::{LinkedIds, Reader, mark_incomplete};
use super::view::{Config, Fact, View};

/// Deepest nesting of blocks that is searched.
const MAX_DEPTH: usize = 6;

/// Subnets, each of which is in one of several VPCs, and the gap that says so.
pub(super) type Unplaced = BTreeMap<String, (Vec<String>, Gap)>;

/// Reads a network interface for each subnet of the plan in which something runs.
pub(super) fn read_workloads<'a>(reader: &Reader<'a>, unplaced: &Unplaced, planned: &mut Planned) {
    let mut networks = planned.snapshot_mut().regions.values();
    let has_vpc = networks.any(|it| !it.network.vpcs.items.is_empty());
    // The account knows the VPCs of subnets that exist.
    if !has_vpc && reader.around.account.is_none() {
        return;
    }
    for item in &reader.document.items {
        let is_workload =
            !item.is_data && item.kind.starts_with("aws_") && !NO_WORKLOADS.contains(&item.kind);
        if is_workload {
            let mut used = Vec::new();
            find_subnets(reader, &item.view(), &mut used, 0);
            for subnets in used {
                add_interfaces(reader, item, subnets, unplaced, planned);
            }
        }
    }
}

/// Finds the subnets that a resource or a block names.
fn find_subnets<'a>(reader: &Reader<'a>, view: &View<'a>, used: &mut Vec<LinkedIds>, depth: usize) {
    for name in SUBNET_ATTRIBUTES {
        used.extend(read_subnets(reader, view, name));
    }
    for (name, kinds) in SUBNET_GROUPS {
        match reader.linked_items(view, name, kinds, &["name", "id"]) {
            Ok(groups) => used.extend(groups.iter().filter_map(|group| {
                let mut subnets = read_subnets(reader, &group.view(), "subnet_ids")?;
                if groups.len() > 1 {
                    let certain = std::mem::take(&mut subnets.certain);
                    subnets.possible.extend(certain);
                }
                Some(subnets)
            })),
            Err(gap) => used.push(LinkedIds {
                gap: Some(gap),
                ..LinkedIds::default()
            }),
        }
    }
    if depth > MAX_DEPTH {
        return;
    }
    for name in block_names(view) {
        match view.blocks(name) {
            Fact::Known(blocks) => {
                for block in blocks {
                    find_subnets(reader, &block, used, depth + 1);
                }
            }
            Fact::Open(gap) if names_subnets(view, name) => used.push(LinkedIds {
                gap: Some(gap),
                ..LinkedIds::default()
            }),
            Fact::Unset | Fact::Computed(_) | Fact::Open(_) => {}
        }
    }
}

/// Returns the names of the attributes that are, or may be, blocks.
fn block_names<'a>(view: &View<'a>) -> BTreeSet<&'a str> {
    let written = match view.config {
        Config::Block(block) => block.as_object(),
        Config::Hidden | Config::Shared(_) => None,
    };
    let written = written.into_iter().flatten();
    let written = written.filter(|(_, value)| value.is_array());
    let values = view.values.as_object().into_iter().flatten();
    let values = values.filter(|(_, value)| {
        let list = value.as_array().and_then(|list| list.first());
        list.is_some_and(serde_json::Value::is_object)
    });
    written
        .chain(values)
        .map(|(name, _)| name.as_str())
        .collect()
}

/// Returns whether the configuration of a block names a subnet.
fn names_subnets(view: &View<'_>, name: &str) -> bool {
    let Config::Block(block) = view.config else {
        return false;
    };
    let blocks = block.get(name).and_then(serde_json::Value::as_array);
    let mut blocks = blocks.into_iter().flatten();
    blocks.any(|block| SUBNET_ATTRIBUTES.iter().any(|it| block.get(it).is_some()))
}

/// Returns the subnets that an attribute names, one or a list; `None` if there is no such attribute.
fn read_subnets<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str) -> Option<LinkedIds> {
    let value = match view.fact(name) {
        Fact::Known(value) => Some(value),
        Fact::Unset | Fact::Computed(_) => return None,
        Fact::Open(_) => None,
    };
    let is_list = value.map_or(name.ends_with('s'), serde_json::Value::is_array)
        || name == "vpc_zone_identifier";
    if is_list {
        return Some(reader.linked_ids(view, name, &SUBNETS));
    }
    Some(match reader.possible_ids(view, name, &SUBNETS) {
        Ok(ids) if ids.len() == 1 => LinkedIds {
            certain: ids,
            ..LinkedIds::default()
        },
        Ok(ids) => LinkedIds {
            possible: ids,
            ..LinkedIds::default()
        },
        Err(gap) => LinkedIds {
            gap: Some(gap),
            ..LinkedIds::default()
        },
    })
}

/// Adds a network interface in each subnet of the plan that a resource uses. If it uses one of several, it is
/// in the first of them if they are in one VPC and use one route table.
fn add_interfaces<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    used: LinkedIds,
    unplaced: &Unplaced,
    planned: &mut Planned,
) {
    let name = reader.places.region_of(item);
    let region = planned.region_mut(&name);
    let mut gap = used.gap;
    let mut subnets = used.certain;
    if !used.possible.is_empty() {
        let network = &region.network;
        let table_of = |subnet: &String| {
            let mut tables = network.route_tables.items.iter();
            tables.position(|it| it.subnets.contains(subnet))
        };
        let vpc_of = |subnet: &String| {
            let mut listed = network.subnets.items.iter();
            listed.find(|it| it.id == *subnet).map(|it| &it.vpc_id)
        };
        let first = used.possible.first();
        let is_one = |of: &dyn Fn(&String) -> bool| used.possible.iter().all(of);
        let one_vpc =
            first.and_then(vpc_of).is_some() && is_one(&|it| vpc_of(it) == first.and_then(vpc_of));
        let one_table = is_one(&|it| table_of(it) == first.and_then(table_of));
        if one_vpc {
            subnets.extend(first.cloned());
        }
        if !(one_vpc && one_table) {
            let open = item.view().known_after_apply("the subnet");
            gap = gap.or_else(|| note_possible(region, &used.possible, unplaced, open).err());
        }
    }
    for subnet_id in subnets {
        let network = &mut region.network;
        let found = network.subnets.items.iter().find(|it| it.id == subnet_id);
        if let Some(subnet) = found {
            network.interfaces.items.push(NetworkInterface {
                id: reader.id_of(item),
                vpc_id: subnet.vpc_id.clone(),
                subnet_id,
                interface_type: "interface".to_owned(),
            });
        } else if let Some((_, open)) = unplaced.get(&subnet_id) {
            let open = open.clone();
            gap = gap.or_else(|| note_possible(region, &[subnet_id], unplaced, open).err());
        } else {
            // The subnet is in the plan, and its VPC is not known; or the account knows the VPC of one that exists.
            gap = gap.or_else(|| network.subnets.gap.clone());
            if subnet_id.starts_with("subnet-") {
                network.interfaces.items.push(NetworkInterface {
                    id: reader.id_of(item),
                    vpc_id: String::new(),
                    subnet_id,
                    interface_type: "interface".to_owned(),
                });
            }
        }
    }
    // The resource may use a VPC of the plan or another one.
    if let Some(gap) = gap {
        mark_incomplete(&mut region.network.interfaces, gap);
    }
}

/// Notes that something runs in one of several subnets, in the VPCs that these may be in.
///
/// # Errors
/// The VPC of one of them is not known, so that it may be any.
fn note_possible(
    region: &mut Region,
    subnets: &[String],
    unplaced: &Unplaced,
    gap: Gap,
) -> Result<(), Gap> {
    let mut vpcs = BTreeSet::new();
    for id in subnets {
        let listed = region.network.subnets.items.iter();
        match (listed.clone().find(|it| it.id == *id), unplaced.get(id)) {
            (Some(subnet), _) => {
                vpcs.insert(subnet.vpc_id.clone());
            }
            (None, Some((possible, _))) => vpcs.extend(possible.iter().cloned()),
            (None, None) => return Err(gap),
        }
    }
    for vpc in vpcs {
        let possible = &mut region.possible_workloads;
        possible.entry(vpc).or_insert_with(|| gap.clone());
    }
    Ok(())
}
