//! Tags of resources whose own API does not tell them: Resource Groups Tagging API.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_resourcegroupstagging::types::TagFilter;
use futures_util::future::join_all;

use crate::model::arn::Arn;
use crate::model::kind::{is_backed_up, type_found_by_tag};
use crate::model::observed::{Gap, Listing, Observed};
use crate::model::service::Service;
use crate::model::tag::{ENABLED, Tags, is_kept};
use crate::model::tagged::TaggedResource;

use super::call::{Caller, Operation, Scope};
use super::coverage::SHARED;
use super::session::Session;

/// The one operation there is to read tags.
pub const GET_RESOURCES: Operation = Operation::new("tag:GetResources");

/// What reading tags takes.
pub const OPERATIONS: &[Operation] = &[GET_RESOURCES];

/// The largest page: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
const PAGE: i32 = 100;

/// Types whose tags every region is asked for. Without a filter, snapshots and recovery points would come too.
const COMMON: [(Service, &str); 4] = [
    (Service::S3, "s3"),
    (Service::Dynamodb, "dynamodb:table"),
    (Service::Rds, "rds:db"),
    (Service::Rds, "rds:cluster"),
];
/// The ARN of a gateway's volume begins with its gateway's, so the whole service is asked for.
pub const STORAGE_GATEWAY: &[&str] = &["storagegateway"];
/// Namespaces of Redshift Serverless.
pub const NAMESPACES: &[&str] = &["redshift-serverless:namespace"];

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

/// The types of some services whose tags a region is asked for.
#[must_use]
pub fn common(services: &[Service]) -> Vec<&'static str> {
    let asked = COMMON.iter().filter(|(of, _)| services.contains(of));
    asked.map(|(_, kind)| *kind).collect()
}

/// Reads the tags of some types in a region; nothing is asked where there are none.
pub async fn collect(scope: &Scope, session: &Session, tag_key: &str, types: &[&str]) -> Tagged {
    if types.is_empty() {
        return Tagged {
            tags: BTreeMap::new(),
            gap: Some(Gap::not_asked()),
        };
    }
    let pages = session
        .tagging(scope.region())
        .get_resources()
        .set_resource_type_filters(Some(types.iter().map(|it| (*it).to_owned()).collect()))
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

/// Reads the tags of some resources of a region.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    arns: &[String],
) -> Tagged {
    let scope = &caller.scope(region, SHARED);
    // Named by their ARNs, resources come on one page.
    let read = join_all(arns.chunks(MOST_ARNS).map(|arns| async move {
        let call = session
            .tagging(region)
            .get_resources()
            .set_resource_arn_list(Some(arns.to_vec()))
            .send();
        let answer = scope.call(GET_RESOURCES, call).await?;
        let list = GET_RESOURCES.field(answer.resource_tag_mapping_list, "ResourceTagMappingList");
        list.get().cloned()
    }))
    .await;
    let mut tagged = Tagged {
        tags: BTreeMap::new(),
        gap: None,
    };
    for answer in read {
        match answer {
            Ok(list) => tagged.tags.extend(list.into_iter().filter_map(|resource| {
                let kept = resource.tags?.into_iter().map(|tag| (tag.key, tag.value));
                Some((resource.resource_arn?, keep(kept, tag_key)))
            })),
            Err(gap) => tagged.gap = tagged.gap.or(Some(gap)),
        }
    }
    tagged
}

/// What may be named in one call:
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
const MOST_ARNS: usize = 100;

/// A resource that is judged for its tag alone, where it is tagged `enabled`.
#[must_use]
pub fn beyond_of(arn: &str, aws_type: &str, tags: Observed<Tags>) -> Option<TaggedResource> {
    Some(TaggedResource {
        arn: arn.to_owned(),
        id: Arn::parse(arn)?.resource_id().to_owned(),
        aws_type: aws_type.to_owned(),
        tags,
    })
}

/// The ARNs of what is tagged `enabled` in a region that is not read otherwise, of what AWS Backup
/// backs up.
pub async fn enabled(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<String> {
    let mut listing = everything(session, caller, region, tag_key).await;
    listing.items.retain(|arn| is_backed_up(arn));
    listing
}

/// What is tagged `enabled` and has no list of its own. The clusters of RDS are among it, whatever
/// their engine; the caller knows the engines.
pub async fn beyond(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<TaggedResource> {
    let listing = everything(session, caller, region, tag_key).await;
    let found = listing.items.into_iter().filter_map(|arn| {
        let tags = Tags::from([(tag_key.to_owned(), ENABLED.to_owned())]);
        beyond_of(&arn, type_found_by_tag(&arn)?, Observed::Known(tags))
    });
    Listing {
        items: found.collect(),
        gap: listing.gap,
    }
}

/// The ARNs of what is tagged `enabled`, backups too: they carry the tags of their source.
///
/// No filter of types: the API refuses the whole question where it does not know one of them.
async fn everything(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Listing<String> {
    let scope = caller.scope(region, "backup");
    let filter = TagFilter::builder().key(tag_key).values(ENABLED).build();
    let pages = session
        .tagging(region)
        .get_resources()
        .tag_filters(filter)
        .resources_per_page(PAGE)
        .into_paginator()
        .send();
    let mut listing = scope
        .list(GET_RESOURCES, pages, |page| {
            let resources = page.resource_tag_mapping_list?;
            Some(resources.into_iter().map(|it| it.resource_arn).collect())
        })
        .await;
    listing.items.sort_unstable();
    listing
}

/// The tags that a snapshot keeps, of those that AWS returned.
pub fn keep(tags: impl IntoIterator<Item = (String, String)>, tag_key: &str) -> Tags {
    tags.into_iter()
        .filter(|(key, _)| is_kept(key, tag_key))
        .collect()
}
