//! S3 buckets. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>.

use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::snapshot::DefaultFact;
use crate::model::{Gap, Observed};

use super::build::{Build, locate_gap, not_yet};
use super::value::Resolved;
use crate::source::defaults::S3_ALGORITHM;

pub(super) fn read_buckets(build: &mut Build<'_>) {
    for declared in build.of_type("AWS::S3::Bucket") {
        let properties = build.template.properties(&declared);
        let bucket = Bucket {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            region: Observed::Known(build.region().to_owned()),
            tags: build.tags(&properties, "Tags"),
            versioning: locate_gap("VersioningConfiguration", read_versioning(&properties)).into(),
            encryption: locate_gap("BucketEncryption", read_encryption(build, &properties)).into(),
            expiry: locate_gap("LifecycleConfiguration", read_expiry(&properties)).into(),
            event_bridge: locate_gap("NotificationConfiguration", read_event_bridge(&properties))
                .into(),
            size: not_yet(),
            objects: Observed::default(),
        };
        build.note_default(
            &bucket.arn,
            &properties,
            "BucketEncryption",
            DefaultFact::Encryption,
        );
        build.note_default(
            &bucket.arn,
            &properties,
            "VersioningConfiguration",
            DefaultFact::Versioning,
        );
        build.planned.snapshot_mut().buckets.items.push(bucket);
    }
}

/// Returns whether a bucket sends its events to EventBridge. An empty configuration turns it on.
fn read_event_bridge(properties: &Resolved) -> Result<bool, Gap> {
    let notifications = properties.get("NotificationConfiguration");
    match notifications.get("EventBridgeConfiguration") {
        Resolved::Absent => Ok(false),
        configuration => {
            let given = configuration.get("EventBridgeEnabled").as_boolean()?;
            Ok(given.unwrap_or(true))
        }
    }
}

fn read_versioning(properties: &Resolved) -> Result<Option<String>, Gap> {
    let given = properties
        .get("VersioningConfiguration")
        .get("Status")
        .text();
    if matches!(&given, Ok(Some(status)) if status == "Enabled") {
        return given;
    }
    // Object Lock requires and enables versioning:
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    let configuration = properties.get("ObjectLockConfiguration");
    let is_locked = configuration.get("ObjectLockEnabled").text()?.as_deref() == Some("Enabled");
    match properties.get("ObjectLockEnabled").as_boolean()? {
        Some(true) => Ok(Some("Enabled".to_owned())),
        _ if is_locked => Ok(Some("Enabled".to_owned())),
        _ => given,
    }
}

fn read_encryption(build: &Build<'_>, properties: &Resolved) -> Result<BucketEncryption, Gap> {
    let rules = properties
        .get("BucketEncryption")
        .get("ServerSideEncryptionConfiguration");
    let rules = rules.read_list(|rule| Ok(rule.get("ServerSideEncryptionByDefault")))?;
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

/// Properties that limit a lifecycle rule to some objects.
const FILTERS: [&str; 4] = [
    "Prefix",
    "TagFilters",
    "ObjectSizeGreaterThan",
    "ObjectSizeLessThan",
];

fn read_expiry(properties: &Resolved) -> Result<NoncurrentExpiry, Gap> {
    let rules = properties.get("LifecycleConfiguration").get("Rules");
    let rules = rules.read_list(|rule| {
        if rule.get("Status").text()?.as_deref() != Some("Enabled") {
            return Ok(None);
        }
        let expires = rule
            .get("NoncurrentVersionExpiration")
            .get("NoncurrentDays");
        let older = rule.get("NoncurrentVersionExpirationInDays");
        if expires.as_integer()?.is_none() && older.as_integer()?.is_none() {
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
        NoncurrentExpiry::AllObjects
    } else if expiring.is_empty() {
        NoncurrentExpiry::Never
    } else {
        NoncurrentExpiry::Filtered
    })
}
