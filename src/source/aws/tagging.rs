//! Tags of resources whose own API does not return them, and resources that are found by their backup
//! tag: Resource Groups Tagging API.

use std::collections::BTreeMap;

use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};
use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::arn::Arn;
use crate::model::kind::is_backed_up;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::tag::{ENABLED, Tags};
use crate::model::tagged::TaggedResource;

use super::call::ServiceCalls;
use super::operation::{GET_RESOURCES, Operation, ResponseText, SHARED};
use super::reader::RegionReader;

/// API operations used to read tags.
pub const OPERATIONS: &[Operation] = &[GET_RESOURCES];

/// The largest page: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
const PAGE: i32 = 100;

/// The number of ARNs in one call:
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>.
const MAX_ARNS: usize = 100;

/// Returns the ARN and the tags of a resource; `None` if the response leaves one of them out.
fn read_tags(resource: ResourceTagMapping) -> Option<(String, Tags)> {
    let tags = resource.tags?.into_iter();
    let tags = GET_RESOURCES.read_tags(tags.map(|tag| (Some(tag.key), Some(tag.value))));
    Some((resource.resource_arn.filled()?, tags.known()?.clone()))
}

/// The tags of a region's resources by ARN.
#[derive(Debug)]
pub struct TagIndex {
    tags: BTreeMap<String, Tags>,
    /// Why there may be more.
    pub gap: Option<Gap>,
}

impl TagIndex {
    /// Returns the tags of some resources. Those of other resources were not collected.
    #[must_use]
    pub fn of_some(tags: &[(String, Tags)]) -> Self {
        TagIndex {
            tags: tags.iter().cloned().collect(),
            gap: Some(Gap::not_collected()),
        }
    }

    /// Returns the tags of a resource.
    ///
    /// `GetResources` leaves out resources that were never tagged. A resource that is missing from a
    /// complete list has no tags; the tags of one that is missing from a truncated list are unknown.
    #[must_use]
    pub fn tags_of(&self, arn: &str) -> Observed<Tags> {
        match (self.tags.get(arn), &self.gap) {
            (Some(tags), _) => Observed::Known(tags.clone()),
            (None, None) => Observed::Known(Tags::new()),
            (None, Some(gap)) => Observed::Unknown(gap.clone()),
        }
    }
}

/// Reads the tags of some resource types in a region: without a filter, the response would include snapshots and
/// recovery points. Sends no call if there are no types.
pub async fn read_tags_of_types(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    types: &[&str],
) -> TagIndex {
    if types.is_empty() {
        return TagIndex {
            tags: BTreeMap::new(),
            gap: Some(Gap::not_asked()),
        };
    }
    let pages = reader
        .session
        .clients
        .tagging(reader.region)
        .get_resources()
        .set_resource_type_filters(Some(types.iter().map(|it| (*it).to_owned()).collect()))
        .resources_per_page(PAGE)
        .into_paginator()
        .send();
    let listing: Listing<(String, Tags)> = calls
        .list_items(GET_RESOURCES, pages, |page| {
            let resources = page.resource_tag_mapping_list?;
            Some(resources.into_iter().map(read_tags).collect())
        })
        .await;
    TagIndex {
        tags: listing.items.into_iter().collect(),
        gap: listing.gap,
    }
}

/// Reads the tags of some resources of a region.
pub async fn read_tags_of_arns(reader: &RegionReader<'_>, arns: &[String]) -> TagIndex {
    let calls = &reader.begin_service(SHARED);
    // The response to a call with ARNs has a single page.
    let responses = join_all(arns.chunks(MAX_ARNS).map(|arns| async move {
        let call = reader
            .session
            .clients
            .tagging(reader.region)
            .get_resources()
            .set_resource_arn_list(Some(arns.to_vec()))
            .send();
        let response = calls.send_call(GET_RESOURCES, call).await?;
        let list = response.resource_tag_mapping_list;
        let list = GET_RESOURCES.require_field(list, "ResourceTagMappingList");
        list.get().cloned()
    }))
    .await;
    let mut index = TagIndex {
        tags: BTreeMap::new(),
        gap: None,
    };
    for response in responses {
        match response {
            Ok(list) => {
                for resource in list {
                    match read_tags(resource) {
                        Some((arn, tags)) => index.tags.extend([(arn, tags)]),
                        None => {
                            let message = "an item in the response has no identifier";
                            let kind = GapKind::Error;
                            let gap = GET_RESOURCES.make_gap(kind, "UnreadableAnswer", message);
                            index.gap.get_or_insert(gap);
                        }
                    }
                }
            }
            Err(gap) => index.gap = index.gap.or(Some(gap)),
        }
    }
    index
}

/// Returns a resource that is checked only for its backup tag.
#[must_use]
pub fn tagged_resource(arn: &str, aws_type: &str, tags: Observed<Tags>) -> Option<TaggedResource> {
    Some(TaggedResource {
        arn: arn.to_owned(),
        id: Arn::parse(arn)?.resource_id().to_owned(),
        aws_type: aws_type.to_owned(),
        tags,
        exists: None,
    })
}

/// Returns a tagged resource that the list of its kind lacks.
#[must_use]
pub fn stray_resource(
    arn: &str,
    kind: ResourceKind,
    tags: &Tags,
    exists: Observed<bool>,
) -> Option<TaggedResource> {
    let aws_type = kind.facts().types.first()?.cloudformation;
    Some(TaggedResource {
        exists: Some(exists),
        ..tagged_resource(arn, aws_type, Observed::Known(tags.clone()))?
    })
}

/// Lists the ARNs of resources in a region that are tagged `enabled` and that AWS Backup supports. Used
/// for regions, or services, that are not listed.
pub async fn list_backed_up_arns(reader: &RegionReader<'_>) -> Listing<String> {
    let listing = list_enabled(reader).await;
    let arns = listing.items.into_iter().map(|(arn, _)| arn);
    Listing {
        items: arns.filter(|arn| is_backed_up(arn)).collect(),
        gap: listing.gap,
    }
}

/// Lists the ARNs and tags of everything that is tagged `enabled`. This includes recovery points, which
/// have the tags of their source.
///
/// There is no type filter: the API rejects the call if it does not know one of the types.
pub async fn list_enabled(reader: &RegionReader<'_>) -> Listing<(String, Tags)> {
    let calls = reader.begin_service("backup");
    let filter = TagFilter::builder().key(reader.tag_key).values(ENABLED);
    let pages = reader
        .session
        .clients
        .tagging(reader.region)
        .get_resources()
        .tag_filters(filter.build())
        .resources_per_page(PAGE)
        .into_paginator()
        .send();
    let mut listing = calls
        .list_items(GET_RESOURCES, pages, |page| {
            let resources = page.resource_tag_mapping_list?;
            let read = resources.into_iter().map(|resource| {
                let (arn, mut tags) = read_tags(resource)?;
                // The filter of the call.
                tags.insert(reader.tag_key.to_owned(), ENABLED.to_owned());
                Some((arn, tags))
            });
            Some(read.collect())
        })
        .await;
    listing.items.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_not_backed_up() {
        for (arn, want) in [
            ("arn:aws:s3:::logs", true),
            ("arn:aws:ec2:eu-west-2:111122223333:volume/vol-1", true),
            ("arn:aws:ec2:eu-west-2:111122223333:snapshot/snap-1", false),
            ("arn:aws:ec2:eu-west-2:111122223333:image/ami-1", false),
            ("arn:aws:ec2:eu-west-2:111122223333:volume-set/v", false),
            ("arn:aws:rds:eu-west-2:111122223333:db:web", true),
            ("arn:aws:rds:eu-west-2:111122223333:cluster:web", true),
            ("arn:aws:rds:eu-west-2:111122223333:snapshot:web", false),
            (
                "arn:aws:rds:eu-west-2:111122223333:cluster-snapshot:web",
                false,
            ),
            (
                "arn:aws:backup:eu-west-2:111122223333:recovery-point:1",
                false,
            ),
            (
                "arn:aws:storagegateway:eu-west-2:111122223333:gateway/sgw-1/volume/vol-1",
                true,
            ),
            (
                "arn:aws:storagegateway:eu-west-2:111122223333:gateway/sgw-1",
                false,
            ),
            ("arn:aws:fsx:eu-west-2:111122223333:backup/backup-1", false),
            ("not an arn", false),
        ] {
            assert_eq!(is_backed_up(arn), want, "{arn}");
        }
    }
}
