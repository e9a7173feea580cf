//! S3 buckets.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::operation::get_bucket_encryption::GetBucketEncryptionOutput;
use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule};
use futures_util::future::join_all;

use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::service::Service;

use super::call::ServiceCalls;
use super::key_requests::ListOrder;
use super::listing::read_if;
use super::operation::{Operation, ResponseText};
use super::reader::AccountReader;
use super::service_reader::{ServiceReader, TagSource, store};
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
const GET_NOTIFICATION: Operation = Operation::with_action(
    "s3:GetBucketNotificationConfiguration",
    "s3:GetBucketNotification",
);

/// The reader of buckets, of which only the tags are read per region: see [`list_buckets`].
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::S3],
    operations: &[
        LIST_BUCKETS,
        HEAD_BUCKET,
        GET_VERSIONING,
        GET_ENCRYPTION,
        GET_LIFECYCLE,
        GET_NOTIFICATION,
    ],
    tags: TagSource::Tagging(&["s3"]),
    finds_one_by_one: false,
    order: ListOrder::Last,
    list: |_| Box::pin(async { store(|_| ()) }),
    find: |_, _| Box::pin(async { store(|_| ()) }),
};

/// The largest page. With a page size, S3 also returns the region of each bucket:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>.
const PAGE: i32 = 10_000;

/// The buckets of the account.
#[derive(Debug, Default)]
pub struct Buckets {
    /// The buckets of the scanned regions, and those whose region is unknown. Their tags are added later.
    pub scanned: Listing<Bucket>,
    /// Regions of all buckets whose region is known, by ARN.
    pub regions: BTreeMap<String, String>,
}

/// Lists the buckets of some regions: all, or those with some names.
pub async fn list_buckets(
    reader: &AccountReader<'_>,
    regions: &[String],
    names: Option<&BTreeSet<String>>,
) -> Buckets {
    let calls: Vec<ServiceCalls> = regions
        .iter()
        .map(|region| reader.caller.begin_service(region, "s3"))
        .collect();
    let mut listed = list_names(reader, None).await;
    record_list(reader, regions, &listed);
    if let Some(names) = names {
        listed.items.retain(|(name, _)| names.contains(name));
    }
    let located = join_all(listed.items.into_iter().map(|(name, region)| async {
        let region = match region {
            Some(region) => Observed::Known(region),
            None => locate_bucket(reader, regions, &name).await.into(),
        };
        (name, region)
    }))
    .await;
    let arns = located.iter().filter_map(|(name, region)| {
        Some((bucket_arn(reader.session, name), region.known()?.clone()))
    });
    let bucket_regions = arns.collect();
    let scanned = located
        .into_iter()
        .filter_map(|(name, region)| match region {
            Observed::Known(region) => {
                let at = regions.iter().position(|scanned| *scanned == region)?;
                Some((name, Ok((region, &calls[at]))))
            }
            Observed::Unknown(gap) => Some((name, Err(gap))),
        });
    let buckets = join_all(scanned.map(|(name, place)| async {
        match place {
            Ok((region, calls)) => read_bucket(reader, calls, name, region).await,
            Err(gap) => bucket_without_region(reader.session, name, &gap),
        }
    }))
    .await;
    Buckets {
        scanned: Listing {
            items: buckets,
            gap: listed.gap,
        },
        regions: bucket_regions,
    }
}

/// A bucket and its region.
#[derive(Debug)]
pub struct BucketLocation {
    /// The name of the bucket.
    pub name: String,
    /// The region of the bucket.
    pub region: Observed<String>,
    /// Why `ListBuckets` did not return the bucket, if `HeadBucket` located it instead.
    list_gap: Option<Gap>,
}

/// Locates buckets by name. Buckets that the account does not own are left out: `ListBuckets` returns
/// only the account's buckets, whereas `HeadBucket` finds the buckets of any account.
pub async fn locate_buckets(reader: &AccountReader<'_>, names: &[String]) -> Vec<BucketLocation> {
    let found = join_all(names.iter().map(|name| async move {
        let listing = list_names(reader, Some(name)).await;
        let own = listing.items.into_iter().find(|(it, _)| it == name);
        let (region, list_gap) = match (own, listing.gap) {
            (Some((_, Some(region))), _) => (Ok(region), None),
            (Some((_, None)), _) => (locate_bucket(reader, &[], name).await, None),
            (None, None) => return None,
            (None, gap) => (locate_bucket(reader, &[], name).await, gap),
        };
        let is_absent = |gap: &Gap| gap.code.as_deref() == Some("NotFound");
        if region.as_ref().err().is_some_and(is_absent) {
            return None;
        }
        Some(BucketLocation {
            name: name.clone(),
            region: region.into(),
            list_gap,
        })
    }))
    .await;
    found.into_iter().flatten().collect()
}

/// Reads buckets that were located. Their tags are added later.
pub async fn read_buckets(
    reader: &AccountReader<'_>,
    locations: Vec<BucketLocation>,
) -> Listing<Bucket> {
    let read = locations.into_iter().map(|location| async move {
        match location.region {
            Observed::Known(region) => {
                let calls = reader.caller.begin_service(&region, "s3");
                let gap = location.list_gap.as_ref();
                let log = reader.caller.coverage_log();
                log.record_call(&region, "s3", LIST_BUCKETS, gap);
                read_bucket(reader, &calls, location.name, region).await
            }
            Observed::Unknown(gap) => bucket_without_region(reader.session, location.name, &gap),
        }
    });
    Listing::complete(join_all(read).await)
}

/// Lists the account's buckets: names and, if S3 returns them, regions.
async fn list_names(
    reader: &AccountReader<'_>,
    prefix: Option<&String>,
) -> Listing<(String, Option<String>)> {
    let pages = reader
        .session
        .clients
        .s3(&reader.session.home)
        .list_buckets()
        .set_prefix(prefix.cloned())
        .max_buckets(PAGE)
        .into_paginator()
        .send();
    reader
        .begin_shared()
        .list_items(LIST_BUCKETS, pages, |page| {
            let buckets = page.buckets?.into_iter();
            let read =
                buckets.map(|bucket| Some((bucket.name.filled()?, bucket.bucket_region.filled())));
            Some(read.collect())
        })
        .await
}

/// Records the result of `ListBuckets` for each region.
fn record_list<T>(reader: &AccountReader<'_>, regions: &[String], listing: &Listing<T>) {
    let log = reader.caller.coverage_log();
    for region in regions {
        if !listing.items.is_empty() {
            log.record_call(region, "s3", LIST_BUCKETS, None);
        }
        log.record_call(region, "s3", LIST_BUCKETS, listing.gap.as_ref());
    }
}

/// Returns the region of a bucket for which `ListBuckets` returned none. S3 returns the region in a
/// header, also with an error or a redirect. The result is recorded for each region in `regions`.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>.
async fn locate_bucket(
    reader: &AccountReader<'_>,
    regions: &[String],
    name: &str,
) -> Result<String, Gap> {
    const HEADER: &str = "x-amz-bucket-region";
    let client = reader.session.clients.s3(&reader.session.home);
    let request = client.head_bucket().bucket(name);
    let call = async move {
        match request.send().await {
            Ok(response) => Ok(response.bucket_region.filled()),
            Err(error) => {
                let header = error
                    .raw_response()
                    .and_then(|response| response.headers().get(HEADER));
                header.map(|region| region.to_owned().filled()).ok_or(error)
            }
        }
    };
    let response = reader.begin_shared().send_call(HEAD_BUCKET, call).await;
    let located = response.and_then(|region| {
        region.ok_or_else(|| {
            let message = format!("S3 returned no region for bucket {name}");
            HEAD_BUCKET.make_gap(GapKind::Unreadable, "NoRegion", message)
        })
    });
    for region in regions {
        let log = reader.caller.coverage_log();
        log.record_call(region, "s3", HEAD_BUCKET, located.as_ref().err());
    }
    located
}

fn bucket_without_region(session: &Session, name: String, gap: &Gap) -> Bucket {
    Bucket {
        arn: bucket_arn(session, &name),
        id: name,
        region: Observed::Unknown(gap.clone()),
        tags: Observed::Unknown(gap.clone()),
        versioning: Observed::Unknown(gap.clone()),
        encryption: Observed::Unknown(gap.clone()),
        expiry: Observed::Unknown(gap.clone()),
        event_bridge: Observed::Unknown(gap.clone()),
        size: Observed::Unknown(gap.clone()),
        objects: Observed::default(),
    }
}

/// Reads whether the buckets of some regions send their events to EventBridge. Only continuous backups need
/// it, so it is not read in other regions.
pub async fn read_event_bridge(
    reader: &AccountReader<'_>,
    buckets: &mut [Bucket],
    regions: &BTreeSet<String>,
) {
    let relevant = buckets.iter_mut().filter_map(|bucket| {
        let region = bucket.region.known()?.clone();
        regions.contains(&region).then_some((bucket, region))
    });
    join_all(relevant.map(|(bucket, region)| async move {
        let calls = reader.caller.begin_service(&region, "s3");
        let client = reader.session.clients.s3(&region);
        let call = client
            .get_bucket_notification_configuration()
            .bucket(&bucket.id)
            .send();
        let found = calls.send_call(GET_NOTIFICATION, call).await;
        // The configuration is empty: https://docs.aws.amazon.com/AmazonS3/latest/API/API_EventBridgeConfiguration.html
        bucket.event_bridge = found
            .map(|response| response.event_bridge_configuration.is_some())
            .into();
    }))
    .await;
}

async fn read_bucket(
    reader: &AccountReader<'_>,
    calls: &ServiceCalls,
    name: String,
    region: String,
) -> Bucket {
    let scope = reader.scope.buckets;
    let client = reader.session.clients.s3(&region);
    let versioning = async {
        let call = client.get_bucket_versioning().bucket(&name).send();
        let response = calls.send_call(GET_VERSIONING, call).await;
        let status = response.map(|it| it.status.map(|it| it.as_str().to_owned()));
        status.map(ResponseText::filled).into()
    };
    let encryption = async {
        let call = client.get_bucket_encryption().bucket(&name).send();
        let absent = &["ServerSideEncryptionConfigurationNotFoundError"];
        let response = calls.find_optional(GET_ENCRYPTION, absent, call).await;
        let encryption = response.and_then(encryption_from);
        let found = encryption.as_ref().ok();
        let key = found.and_then(|it| it.kms_key.as_deref());
        reader.keys.request(&region, key);
        encryption.into()
    };
    let expiry = async {
        let configuration = client.get_bucket_lifecycle_configuration();
        let call = configuration.bucket(&name).send();
        let absent = &["NoSuchLifecycleConfiguration"];
        let response = calls.find_optional(GET_LIFECYCLE, absent, call).await;
        let rules = response.map(|it| it.and_then(|it| it.rules).unwrap_or_default());
        rules.and_then(|rules| expiry_from(&rules)).into()
    };
    let (versioning, encryption, expiry) = tokio::join!(
        read_if(scope.versioning, versioning),
        read_if(scope.encryption, encryption),
        read_if(scope.lifecycle, expiry),
    );
    Bucket {
        arn: bucket_arn(reader.session, &name),
        id: name,
        region: Observed::Known(region),
        tags: Observed::default(),
        versioning,
        encryption,
        expiry,
        event_bridge: Observed::default(),
        size: Observed::default(),
        objects: Observed::default(),
    }
}

fn encryption_from(response: Option<GetBucketEncryptionOutput>) -> Result<BucketEncryption, Gap> {
    let Some(response) = response else {
        return Ok(BucketEncryption {
            algorithm: "none".to_owned(),
            kms_key: None,
        });
    };
    let configuration = response.server_side_encryption_configuration;
    let rules = configuration.map(|it| it.rules).unwrap_or_default();
    let mut defaults = rules
        .into_iter()
        .filter_map(|rule| rule.apply_server_side_encryption_by_default);
    let default =
        GET_ENCRYPTION.require_field(defaults.next(), "ApplyServerSideEncryptionByDefault");
    let default = default.get()?;
    let algorithm = Some(default.sse_algorithm.as_str().to_owned());
    let algorithm = GET_ENCRYPTION.require_text(algorithm, "SSEAlgorithm");
    Ok(BucketEncryption {
        algorithm: algorithm.get()?.clone(),
        kms_key: default.kms_master_key_id.clone().filled(),
    })
}

fn bucket_arn(session: &Session, name: &str) -> String {
    format!("arn:{}:s3:::{name}", session.partition)
}

/// Returns how far the lifecycle rules of a bucket expire noncurrent versions.
fn expiry_from(rules: &[LifecycleRule]) -> Result<NoncurrentExpiry, Gap> {
    for rule in rules {
        let status = Some(rule.status.as_str().to_owned());
        GET_LIFECYCLE.require_text(status, "Status").get()?;
    }
    let mut expiring = rules.iter().filter(|rule| {
        rule.status == ExpirationStatus::Enabled
            && rule
                .noncurrent_version_expiration
                .as_ref()
                .is_some_and(|expiration| expiration.noncurrent_days.is_some())
    });
    Ok(if expiring.clone().any(covers_all) {
        NoncurrentExpiry::AllObjects
    } else if expiring.next().is_some() {
        NoncurrentExpiry::Filtered
    } else {
        NoncurrentExpiry::Never
    })
}

/// Whether a lifecycle rule applies to the full bucket.
fn covers_all(rule: &LifecycleRule) -> bool {
    let is_empty = |prefix: Option<&String>| prefix.is_none_or(String::is_empty);
    // A prefix outside the filter is the older form.
    #[expect(deprecated)]
    let no_prefix = is_empty(rule.prefix.as_ref());
    no_prefix
        && rule.filter.as_ref().is_none_or(|filter| {
            is_empty(filter.prefix.as_ref())
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
            assert_eq!(expiry_from(&rules).unwrap(), want, "{rules:?}");
        }
    }
}
