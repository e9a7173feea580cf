//! S3 buckets.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule};
use futures_util::future::join_all;

use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};

use super::call::{Caller, Operation, Scope};
use super::coverage::SHARED;
use super::session::Session;

const LIST_BUCKETS: Operation = Operation::with_action("s3:ListBuckets", "s3:ListAllMyBuckets");
const HEAD_BUCKET: Operation = Operation::with_action("s3:HeadBucket", "s3:ListBucket");
const GET_VERSIONING: Operation = Operation::new("s3:GetBucketVersioning");
const GET_ENCRYPTION: Operation =
    Operation::with_action("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration");
const GET_LIFECYCLE: Operation = Operation::with_action(
    "s3:GetBucketLifecycleConfiguration",
    "s3:GetLifecycleConfiguration",
);

/// What reading buckets takes.
pub const OPERATIONS: &[Operation] = &[
    LIST_BUCKETS,
    HEAD_BUCKET,
    GET_VERSIONING,
    GET_ENCRYPTION,
    GET_LIFECYCLE,
];

/// The largest page. Naming it also makes S3 return each bucket's region:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>.
const PAGE: i32 = 10_000;

/// What was found out about the account's buckets.
#[derive(Debug)]
pub struct Buckets {
    /// Those of the scanned regions, and those whose region cannot be found out. Their tags are for the
    /// caller to add.
    pub here: Listing<Bucket>,
    /// The regions of all whose region is known, by ARN.
    pub places: BTreeMap<String, String>,
}

/// Reads the buckets of some regions.
pub async fn collect(session: &Session, caller: &Arc<Caller>, regions: &[String]) -> Buckets {
    let scopes: Vec<Scope> = regions
        .iter()
        .map(|region| caller.scope(region, "s3"))
        .collect();
    let listed = list(session, caller, regions).await;
    let placed = join_all(listed.items.into_iter().map(|(name, region)| async {
        let region = match region {
            Some(region) => Observed::Known(region),
            None => locate(session, caller, regions, &name).await.into(),
        };
        (name, region)
    }))
    .await;
    let places = placed
        .iter()
        .filter_map(|(name, region)| Some((arn(session, name), region.known()?.clone())))
        .collect();
    let reads = placed
        .into_iter()
        .filter_map(|(name, region)| match region {
            Observed::Known(region) => {
                let at = regions.iter().position(|scanned| *scanned == region)?;
                Some((name, Ok((region, &scopes[at]))))
            }
            Observed::Unknown(gap) => Some((name, Err(gap))),
        });
    let buckets = join_all(reads.map(|(name, place)| async {
        match place {
            Ok((region, scope)) => read(session, scope, name, region).await,
            Err(gap) => unplaced(session, name, &gap),
        }
    }))
    .await;
    Buckets {
        here: Listing {
            items: buckets,
            gap: listed.gap,
        },
        places,
    }
}

/// Where a bucket is that was named.
#[derive(Debug)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: Observed<String>,
    /// Why the account's buckets could not be listed, where the bucket itself had to be asked.
    unlisted: Option<Gap>,
}

/// Finds some buckets. Those that the account does not have are left out: the list is the account's own,
/// while a bucket that is asked may be anybody's.
pub async fn places(session: &Session, caller: &Arc<Caller>, names: &[String]) -> Vec<Place> {
    let found = join_all(names.iter().map(|name| async move {
        let pages = session
            .s3(&session.home)
            .list_buckets()
            .prefix(name)
            .max_buckets(PAGE)
            .into_paginator()
            .send();
        let listing = caller
            .scope(&session.home, SHARED)
            .list(LIST_BUCKETS, pages, |page| {
                let buckets = page.buckets.unwrap_or_default().into_iter();
                let read = buckets.map(|bucket| Some((bucket.name?, bucket.bucket_region)));
                Some(read.collect())
            })
            .await;
        let own = listing.items.into_iter().find(|(it, _)| it == name);
        let (region, unlisted) = match (own, listing.gap) {
            (Some((_, Some(region))), _) => (Ok(region), None),
            (Some((_, None)), _) => (locate(session, caller, &[], name).await, None),
            (None, None) => return None,
            (None, gap) => (locate(session, caller, &[], name).await, gap),
        };
        let absent = |gap: &Gap| gap.code.as_deref() == Some("NotFound");
        if region.as_ref().err().is_some_and(absent) {
            return None;
        }
        Some(Place {
            name: name.clone(),
            region: region.into(),
            unlisted,
        })
    }))
    .await;
    found.into_iter().flatten().collect()
}

/// Reads some buckets. Their tags are for the caller to add.
pub async fn some(session: &Session, caller: &Arc<Caller>, places: Vec<Place>) -> Listing<Bucket> {
    let read = places.into_iter().map(|place| async move {
        match place.region {
            Observed::Known(region) => {
                let scope = caller.scope(&region, "s3");
                let gap = place.unlisted.as_ref();
                caller.books().note(&region, "s3", LIST_BUCKETS, gap);
                read(session, &scope, place.name, region).await
            }
            Observed::Unknown(gap) => unplaced(session, place.name, &gap),
        }
    });
    Listing::complete(join_all(read).await)
}

/// Names and, where S3 tells it, regions of all the account's buckets.
async fn list(
    session: &Session,
    caller: &Arc<Caller>,
    regions: &[String],
) -> Listing<(String, Option<String>)> {
    let pages = session
        .s3(&session.home)
        .list_buckets()
        .max_buckets(PAGE)
        .into_paginator()
        .send();
    let listing = caller
        .scope(&session.home, SHARED)
        .list(LIST_BUCKETS, pages, |page| {
            let buckets = page.buckets.unwrap_or_default().into_iter();
            let read = buckets.map(|bucket| Some((bucket.name?, bucket.bucket_region)));
            Some(read.collect())
        })
        .await;
    for region in regions {
        let books = caller.books();
        if !listing.items.is_empty() {
            books.note(region, "s3", LIST_BUCKETS, None);
        }
        books.note(region, "s3", LIST_BUCKETS, listing.gap.as_ref());
    }
    listing
}

/// The region of a bucket that `ListBuckets` did not place. S3 says it in a header, also of the
/// answer that refuses the call or sends it elsewhere.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>.
async fn locate(
    session: &Session,
    caller: &Arc<Caller>,
    regions: &[String],
    name: &str,
) -> Result<String, Gap> {
    const HEADER: &str = "x-amz-bucket-region";
    let call = async {
        match session
            .s3(&session.home)
            .head_bucket()
            .bucket(name)
            .send()
            .await
        {
            Ok(answer) => Ok(answer.bucket_region),
            Err(error) => {
                let header = error
                    .raw_response()
                    .and_then(|answer| answer.headers().get(HEADER));
                header.map(|region| Some(region.to_owned())).ok_or(error)
            }
        }
    };
    let answer = caller
        .scope(&session.home, SHARED)
        .call(HEAD_BUCKET, call)
        .await;
    let located = answer.and_then(|region| {
        region.ok_or_else(|| {
            HEAD_BUCKET.gap(
                GapKind::Unreadable,
                "NoRegion",
                format!("S3 does not say where {name} is"),
            )
        })
    });
    for region in regions {
        caller
            .books()
            .note(region, "s3", HEAD_BUCKET, located.as_ref().err());
    }
    located
}

fn unplaced(session: &Session, name: String, gap: &Gap) -> Bucket {
    Bucket {
        arn: arn(session, &name),
        id: name,
        region: Observed::Unknown(gap.clone()),
        tags: Observed::Unknown(gap.clone()),
        versioning: Observed::Unknown(gap.clone()),
        encryption: Observed::Unknown(gap.clone()),
        expiry: Observed::Unknown(gap.clone()),
    }
}

async fn read(session: &Session, scope: &Scope, name: String, region: String) -> Bucket {
    let client = session.s3(&region);
    let (versioning, encryption, lifecycle) = tokio::join!(
        scope.call(
            GET_VERSIONING,
            client.get_bucket_versioning().bucket(&name).send()
        ),
        scope.find(
            GET_ENCRYPTION,
            &["ServerSideEncryptionConfigurationNotFoundError"],
            client.get_bucket_encryption().bucket(&name).send()
        ),
        scope.find(
            GET_LIFECYCLE,
            &["NoSuchLifecycleConfiguration"],
            client
                .get_bucket_lifecycle_configuration()
                .bucket(&name)
                .send()
        ),
    );
    let versioning =
        versioning.map(|answer| answer.status.map(|status| status.as_str().to_owned()));
    let encryption = encryption.map(|answer| {
        let rules = answer
            .and_then(|it| it.server_side_encryption_configuration)
            .map(|it| it.rules);
        let default = rules
            .unwrap_or_default()
            .into_iter()
            .find_map(|rule| rule.apply_server_side_encryption_by_default);
        match default {
            Some(default) => BucketEncryption {
                algorithm: default.sse_algorithm.as_str().to_owned(),
                kms_key: default.kms_master_key_id,
            },
            None => BucketEncryption {
                algorithm: "none".to_owned(),
                kms_key: None,
            },
        }
    });
    let expiry =
        lifecycle.map(|answer| expiry(&answer.and_then(|it| it.rules).unwrap_or_default()));
    Bucket {
        arn: arn(session, &name),
        id: name,
        region: Observed::Known(region),
        tags: Observed::default(),
        versioning: versioning.into(),
        encryption: encryption.into(),
        expiry: expiry.into(),
    }
}

fn arn(session: &Session, name: &str) -> String {
    format!("arn:{}:s3:::{name}", session.partition)
}

fn expiry(rules: &[LifecycleRule]) -> NoncurrentExpiry {
    let mut expiring = rules.iter().filter(|rule| {
        rule.status == ExpirationStatus::Enabled
            && rule
                .noncurrent_version_expiration
                .as_ref()
                .is_some_and(|expiration| expiration.noncurrent_days.is_some())
    });
    if expiring.clone().any(covers_all) {
        NoncurrentExpiry::AllObjects
    } else if expiring.next().is_some() {
        NoncurrentExpiry::Filtered
    } else {
        NoncurrentExpiry::Never
    }
}

fn covers_all(rule: &LifecycleRule) -> bool {
    let open = |prefix: Option<&String>| prefix.is_none_or(String::is_empty);
    // `Prefix` beside the filter is S3's older form of the same.
    #[expect(deprecated)]
    let whole = open(rule.prefix.as_ref());
    whole
        && rule.filter.as_ref().is_none_or(|filter| {
            open(filter.prefix.as_ref())
                && filter.tag.is_none()
                && filter.and.is_none()
                && filter.object_size_greater_than.is_none()
                && filter.object_size_less_than.is_none()
        })
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleRuleFilter, NoncurrentVersionExpiration};

    use super::*;

    fn rule(status: ExpirationStatus, days: Option<i32>, prefix: Option<&str>) -> LifecycleRule {
        let expiration = NoncurrentVersionExpiration::builder()
            .set_noncurrent_days(days)
            .build();
        let filter = LifecycleRuleFilter::builder()
            .set_prefix(prefix.map(str::to_owned))
            .build();
        LifecycleRule::builder()
            .status(status)
            .noncurrent_version_expiration(expiration)
            .filter(filter)
            .build()
            .unwrap()
    }

    #[test]
    fn only_enabled_rules_that_expire_noncurrent_versions_count() {
        use ExpirationStatus::{Disabled, Enabled};
        for (rules, want) in [
            (vec![], NoncurrentExpiry::Never),
            (
                vec![rule(Enabled, Some(30), None)],
                NoncurrentExpiry::AllObjects,
            ),
            (
                vec![rule(Enabled, Some(30), Some(""))],
                NoncurrentExpiry::AllObjects,
            ),
            (
                vec![rule(Enabled, Some(30), Some("logs/"))],
                NoncurrentExpiry::Filtered,
            ),
            (
                vec![rule(Disabled, Some(30), None)],
                NoncurrentExpiry::Never,
            ),
            (vec![rule(Enabled, None, None)], NoncurrentExpiry::Never),
            (
                vec![
                    rule(Enabled, Some(1), Some("a/")),
                    rule(Enabled, Some(90), None),
                ],
                NoncurrentExpiry::AllObjects,
            ),
        ] {
            assert_eq!(expiry(&rules), want, "{rules:?}");
        }
    }
}
