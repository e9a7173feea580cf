//! S3 buckets.

use serde::{Deserialize, Serialize};

use super::Observed;
use super::size::Size;
use super::tag::Tags;

/// A general purpose bucket. Source: S3 API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub id: String,
    /// Where it lives. Source: `ListBuckets`, else `HeadBucket`.
    #[serde(default)]
    pub region: Observed<String>,
    /// Its tags. Source: `GetResources`.
    #[serde(default)]
    pub tags: Observed<Tags>,
    /// `Enabled`, `Suspended`; none where it was never enabled. Source: `GetBucketVersioning`.
    #[serde(default)]
    pub versioning: Observed<Option<String>>,
    /// Its default encryption. Source: `GetBucketEncryption`.
    #[serde(default)]
    pub encryption: Observed<BucketEncryption>,
    /// Whether an enabled lifecycle rule expires noncurrent versions of every object.
    /// Source: `GetBucketLifecycleConfiguration`.
    #[serde(default)]
    pub expiry: Observed<NoncurrentExpiry>,
    /// Whether it sends its events to Amazon EventBridge. Source: `GetBucketNotificationConfiguration`.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub event_bridge: Observed<bool>,
    /// The size of its objects, noncurrent versions too. S3 itself does not return it.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub size: Observed<Size>,
    /// The number of its objects, noncurrent versions too.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub objects: Observed<u64>,
}

/// Default encryption of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketEncryption {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`.
    pub algorithm: String,
    /// The key as S3 names it. With `aws:kms` and none it is `alias/aws/s3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// What a bucket's lifecycle does to noncurrent versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoncurrentExpiry {
    /// An enabled rule expires them in all of the bucket.
    #[serde(rename = "whole")]
    AllObjects,
    /// Enabled rules expire them under some prefixes, tags or sizes only.
    Filtered,
    /// No enabled rule does.
    Never,
}
