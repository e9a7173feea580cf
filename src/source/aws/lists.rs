//! The services whose resources are listed in a region, in one table.

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::model::observed::Gap;
use crate::model::region::Region;
use crate::model::selection::Target;
use crate::model::service::Service;

use super::listing::Skippable;
use super::reader::RegionReader;
use super::scan_scope::ScanScope;
use super::service_reader::{Reading, ServiceReader};
use super::{cloudformation, dynamodb, ec2, efs, fsx, rds, redshift, s3, storage_gateway, vpc};

/// Every service.
pub static READERS: [&ServiceReader; 11] = [
    &s3::READER,
    &cloudformation::READER,
    &dynamodb::READER,
    &ec2::VOLUME_READER,
    &ec2::INSTANCE_READER,
    &efs::READER,
    &fsx::READER,
    &rds::READER,
    &redshift::READER,
    &storage_gateway::READER,
    &vpc::READER,
];

/// Returns the readers of the services that a scan lists.
pub fn readers_of(scope: &ScanScope) -> impl Iterator<Item = &'static ServiceReader> {
    let is_listed = |it: &&ServiceReader| it.is_listed(scope);
    READERS.into_iter().filter(is_listed)
}

/// Lists the resources of a region, for the services in scope.
pub(super) async fn list_resources(reader: &RegionReader<'_>) -> Region {
    let readings = readers_of(reader.scope).map(|it| -> Reading<'_> {
        Box::pin(async {
            reader.keys.wait_for_lists(it.order).await;
            (it.list)(reader).await
        })
    });
    store_all(reader, readings).await
}

/// Looks resources of a region up. Missing tags are added later.
pub(super) async fn find_resources(reader: &RegionReader<'_>, targets: &[Target]) -> Region {
    let readings = readers_of(reader.scope).map(|it| (it.find)(reader, targets));
    store_all(reader, readings).await
}

/// The number of resources from which a list costs fewer calls than looking each of them up: a list of instances and
/// one of clusters, each of a page or more.
const MIN_LISTED: usize = 4;

/// Reads the resources of a region that are tagged `enabled`, and what their verdicts depend on. Missing tags are
/// added later.
pub(super) async fn read_enabled(reader: &RegionReader<'_>, targets: &[Target]) -> Region {
    let readings = readers_of(reader.scope).map(|it| match lists_enabled(it, reader, targets) {
        true => (it.list)(reader),
        false => (it.find)(reader, targets),
    });
    store_all(reader, readings).await
}

/// Whether a reader lists its resources to read those that are tagged `enabled`.
fn lists_enabled(it: &ServiceReader, reader: &RegionReader<'_>, targets: &[Target]) -> bool {
    let scope = reader.scope;
    let is_own = |target: &&Target| it.services.contains(&target.service());
    match it.services {
        [Service::Vpc] => true,
        // What runs in a VPC decides whether it is in use. Volumes are looked up with instances.
        [Service::Ec2 | Service::Ebs] => {
            scope.lists_service(Service::Vpc) || !scope.lists_service(Service::Ec2)
        }
        _ => it.finds_one_by_one && targets.iter().filter(is_own).count() >= MIN_LISTED,
    }
}

/// Whether [`read_enabled`] looks one of its targets up by its id.
pub(super) fn looks_up(reader: &RegionReader<'_>, targets: &[Target], target: &Target) -> bool {
    let mut readers = readers_of(reader.scope);
    let own = readers.find(|it| it.services.contains(&target.service()));
    own.is_some_and(|it| !lists_enabled(it, reader, targets))
}

/// Looks resources of a region up that its lists lack. The network is not read again.
pub(super) async fn find_unlisted(reader: &RegionReader<'_>, targets: &[Target]) -> Region {
    let readers = readers_of(reader.scope).filter(|it| it.services != [Service::Vpc]);
    let readings = readers.map(|it| (it.find)(reader, targets));
    let mut found = store_all(reader, readings).await;
    // A table that could not be described may not exist.
    let tables = std::mem::take(&mut found.tables.items).into_iter();
    let (described, open): (Vec<_>, Vec<_>) = tables.partition(|it| it.state.known().is_some());
    found.tables.items = described;
    if let Some(table) = open.first() {
        found.tables.gap = table.state.gap().cloned();
    }
    found
}

/// Returns a region with what was read; every other list was not requested. Keys are requested as each service is read.
async fn store_all<'a>(
    reader: &RegionReader<'_>,
    readings: impl Iterator<Item = Reading<'a>>,
) -> Region {
    let mut region = Region {
        option_groups: Skippable::not_requested(),
        network: Skippable::not_requested(),
        ..Region::default()
    };
    for gap in region.listing_gaps_mut() {
        *gap = Some(Gap::not_asked());
    }
    let mut readings: FuturesUnordered<Reading<'a>> = readings.collect();
    let mut listed = 0;
    while let Some(store) = readings.next().await {
        store(&mut region);
        let count = region.listed_resources().count();
        if count > listed {
            listed = count;
            reader.request_keys(region.listed_resources());
        }
    }
    region
}
