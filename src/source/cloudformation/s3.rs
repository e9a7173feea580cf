//! Buckets. What a property's absence means:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>.

use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::{Gap, Observed};
use crate::source::defaults::S3_ALGORITHM;

use super::build::{Build, located};
use super::value::Resolved;

pub(super) fn read(build: &mut Build<'_>) {
    for declared in build.of_type("AWS::S3::Bucket") {
        let properties = build.template.properties(&declared);
        let bucket = Bucket {
            arn: build.declare(&declared, ""),
            id: declared.id.to_owned(),
            region: Observed::Known(build.region().to_owned()),
            tags: build.tags(&properties, "Tags"),
            versioning: located("VersioningConfiguration", versioning(&properties)).into(),
            encryption: located("BucketEncryption", encryption(build, &properties)).into(),
            expiry: located("LifecycleConfiguration", expiry(&properties)).into(),
        };
        build.planned.snapshot_mut().buckets.items.push(bucket);
    }
}

fn versioning(properties: &Resolved) -> Result<Option<String>, Gap> {
    let given = properties
        .get("VersioningConfiguration")
        .get("Status")
        .text();
    if matches!(&given, Ok(Some(status)) if status == "Enabled") {
        return given;
    }
    // S3 versions a bucket that it locks objects in:
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    match properties.get("ObjectLockEnabled").boolean()? {
        Some(true) => Ok(Some("Enabled".to_owned())),
        _ => given,
    }
}

fn encryption(build: &Build<'_>, properties: &Resolved) -> Result<BucketEncryption, Gap> {
    let rules = properties
        .get("BucketEncryption")
        .get("ServerSideEncryptionConfiguration");
    let rules = rules.list(|rule| Ok(rule.get("ServerSideEncryptionByDefault")))?;
    let rule = rules.into_iter().find(|rule| !rule.is_absent());
    let Some(rule) = rule else {
        return Ok(BucketEncryption {
            algorithm: S3_ALGORITHM.to_owned(),
            kms_key: None,
        });
    };
    let algorithm = rule.get("SSEAlgorithm").text()?;
    Ok(BucketEncryption {
        algorithm: algorithm.unwrap_or_else(|| S3_ALGORITHM.to_owned()),
        kms_key: build.key(&rule.get("KMSMasterKeyID"))?,
    })
}

/// Names that narrow a rule to some objects.
const FILTERS: [&str; 4] = [
    "Prefix",
    "TagFilters",
    "ObjectSizeGreaterThan",
    "ObjectSizeLessThan",
];

fn expiry(properties: &Resolved) -> Result<NoncurrentExpiry, Gap> {
    let rules = properties.get("LifecycleConfiguration").get("Rules");
    let rules = rules.list(|rule| {
        if rule.get("Status").text()?.as_deref() != Some("Enabled") {
            return Ok(None);
        }
        let expires = rule
            .get("NoncurrentVersionExpiration")
            .get("NoncurrentDays");
        let older = rule.get("NoncurrentVersionExpirationInDays");
        if expires.integer()?.is_none() && older.integer()?.is_none() {
            return Ok(None);
        }
        let narrows = |name: &&str| {
            let filter = rule.get(name);
            !filter.is_absent() && filter != Resolved::text_of("")
        };
        Ok(Some(!FILTERS.iter().any(narrows)))
    })?;
    let expiring: Vec<bool> = rules.into_iter().flatten().collect();
    Ok(if expiring.contains(&true) {
        NoncurrentExpiry::Whole
    } else if expiring.is_empty() {
        NoncurrentExpiry::Never
    } else {
        NoncurrentExpiry::Filtered
    })
}
