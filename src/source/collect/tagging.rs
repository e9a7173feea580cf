//! Tags of resources whose own API does not tell them: Resource Groups Tagging API.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::observed::{Gap, Listing, Observed};
use crate::model::tag::{Tags, is_kept};

use super::books::SHARED;
use super::call::{Caller, Operation};
use super::session::Session;

/// The one operation there is to read tags.
pub const GET_RESOURCES: Operation = Operation::new("tag:GetResources");

/// What reading tags takes.
pub const OPERATIONS: &[Operation] = &[GET_RESOURCES];

/// The largest page: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
const PAGE: i32 = 100;

/// The types whose tags are read here. Without a filter, snapshots and recovery points would come too.
///
/// The ARN of a gateway's volume begins with its gateway's, so the whole service is asked for.
const TYPES: [&str; 6] = [
    "s3",
    "dynamodb:table",
    "rds:db",
    "rds:cluster",
    "storagegateway",
    "redshift-serverless:namespace",
];

/// The tags of a region's resources by ARN.
#[derive(Debug)]
pub struct Tagged {
    tags: BTreeMap<String, Tags>,
    /// Why there may be more.
    pub gap: Option<Gap>,
}

impl Tagged {
    /// The tags of a resource. `GetResources` leaves out what was never tagged, so a resource that is
    /// not in the whole list has none; one that is not in a list that broke off may have some.
    #[must_use]
    pub fn of(&self, arn: &str) -> Observed<Tags> {
        match (self.tags.get(arn), &self.gap) {
            (Some(tags), _) => Observed::Known(tags.clone()),
            (None, None) => Observed::Known(Tags::new()),
            (None, Some(gap)) => Observed::Unknown(gap.clone()),
        }
    }
}

/// Reads the tags of a region.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Tagged {
    let scope = caller.scope(region, SHARED);
    let pages = session
        .tagging(region)
        .get_resources()
        .set_resource_type_filters(Some(TYPES.map(str::to_owned).to_vec()))
        .resources_per_page(PAGE)
        .into_paginator()
        .send();
    let listing: Listing<(String, Tags)> = scope
        .list(GET_RESOURCES, pages, |page| {
            let resources = page.resource_tag_mapping_list?;
            let read = resources.into_iter().map(|resource| {
                let tags = resource.tags?;
                let kept = tags.into_iter().map(|tag| (tag.key, tag.value));
                Some((resource.resource_arn?, keep(kept, tag_key)))
            });
            Some(read.collect())
        })
        .await;
    Tagged {
        tags: listing.items.into_iter().collect(),
        gap: listing.gap,
    }
}

/// The tags that a snapshot keeps, of those that AWS returned.
pub fn keep(tags: impl IntoIterator<Item = (String, String)>, tag_key: &str) -> Tags {
    tags.into_iter()
        .filter(|(key, _)| is_kept(key, tag_key))
        .collect()
}
