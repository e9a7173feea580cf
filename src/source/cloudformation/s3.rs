//! S3 buckets. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>.

use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::snapshot::DefaultFact;
use crate::model::{Gap, Observed};

use super::build::{Build, locate_gap, not_yet};
use super::template::Declared;
use super::value::Resolved;
use crate::source::defaults::S3_ALGORITHM;

const BUCKET: &str = "AWS::S3::Bucket";

pub(super) fn read_buckets(build: &mut Build<'_>) {
    for declared in build.of_type(BUCKET) {
        let properties = build.template.properties(&declared);
        let bucket = Bucket {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            region: Observed::Known(build.region().to_owned()),
            tags: build.tags(&properties, "Tags"),
            versioning: locate_gap("VersioningConfiguration", read_versioning(&properties)).into(),
            encryption: locate_gap("BucketEncryption", read_encryption(build, &properties)).into(),
            expiry: locate_gap("LifecycleConfiguration", read_expiry(&properties)).into(),
            event_bridge: locate_gap(
                "NotificationConfiguration",
                read_event_bridge(build, &declared),
            )
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

/// The custom resource with which the AWS CDK configures the notifications of a bucket.
///
/// Source: <https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_s3-readme.html#eventbridge-notifications>.
const CDK_NOTIFICATIONS: &str = "Custom::S3BucketNotifications";

/// Returns whether a bucket sends its events to EventBridge, by its own configuration or that of a custom resource.
fn read_event_bridge<'a>(build: &Build<'a>, bucket: &Declared<'a>) -> Result<bool, Gap> {
    let notifications = |of: &Declared<'a>| build.properties(of).get("NotificationConfiguration");
    let mut is_on = sends_events(&notifications(bucket));
    for custom in build.of_type(CDK_NOTIFICATIONS) {
        let named = build.properties(&custom).get("BucketName");
        let is_own = |it: &Resolved| {
            let of = build.referenced_resource(it, &[BUCKET]);
            of.is_some_and(|it| it.id == bucket.id)
        };
        if named.candidates().iter().any(is_own) && is_on != Ok(true) {
            let open = build.own_condition_gap(&custom, Some(bucket.id));
            is_on = match open.or_else(|| build.choice_gap(&named)) {
                Some(gap) => Err(gap),
                None => sends_events(&notifications(&custom)),
            };
        }
    }
    is_on
}

/// Whether a notification configuration names EventBridge. An empty configuration turns it on.
fn sends_events(notifications: &Resolved) -> Result<bool, Gap> {
    let configuration = notifications.get("EventBridgeConfiguration");
    configuration.agree(|it| match it {
        Resolved::Absent => Ok(false),
        it => Ok(it.get("EventBridgeEnabled").as_boolean()?.unwrap_or(true)),
    })
}

fn read_versioning(properties: &Resolved) -> Result<Option<String>, Gap> {
    const SUSPENDED: &str = "Suspended";
    let status = properties.get("VersioningConfiguration").get("Status");
    let is_off = |it: &Resolved| Ok(matches!(it.text()?.as_deref(), None | Some(SUSPENDED)));
    let given = match (status.text(), status.agree(is_off)) {
        // Absent or suspended: no version is kept either way.
        (Err(_), Ok(true)) => Ok(Some(SUSPENDED.to_owned())),
        (given, _) => given,
    };
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

/// What a lifecycle rule expires of noncurrent versions.
#[derive(Clone, Copy, PartialEq)]
enum Expires {
    Nothing,
    Some,
    All,
}

fn read_expiry(properties: &Resolved) -> Result<NoncurrentExpiry, Gap> {
    let rules = properties.get("LifecycleConfiguration").get("Rules");
    rules.agree(|rules| {
        let mut open = None;
        let mut expiring = Vec::new();
        for (condition, rule) in rules.items()? {
            match (read_rule(rule), condition) {
                (Ok(Expires::Nothing), _) => {}
                (Ok(expires), None) => expiring.push(expires),
                (Ok(_), Some(it)) => drop(open.get_or_insert(it.gap)),
                (Err(gap), _) => drop(open.get_or_insert(gap)),
            }
        }
        // One rule for all objects is enough, whatever the others are.
        if expiring.contains(&Expires::All) {
            return Ok(NoncurrentExpiry::AllObjects);
        }
        match (open, expiring.is_empty()) {
            (Some(gap), _) => Err(gap),
            (None, true) => Ok(NoncurrentExpiry::Never),
            (None, false) => Ok(NoncurrentExpiry::Filtered),
        }
    })
}

fn read_rule(rule: &Resolved) -> Result<Expires, Gap> {
    if rule.get("Status").text()?.as_deref() != Some("Enabled") {
        return Ok(Expires::Nothing);
    }
    let expires = rule
        .get("NoncurrentVersionExpiration")
        .get("NoncurrentDays");
    let older = rule.get("NoncurrentVersionExpirationInDays");
    // After how many days does not matter.
    if !is_given(&expires)? && !is_given(&older)? {
        return Ok(Expires::Nothing);
    }
    let narrows = |name: &&str| {
        let filter = rule.get(name);
        !filter.is_absent() && filter != Resolved::text_of("")
    };
    Ok(match FILTERS.iter().any(narrows) {
        true => Expires::Some,
        false => Expires::All,
    })
}

/// Whether a value is given, whatever it is: a parameter always has one.
fn is_given(value: &Resolved) -> Result<bool, Gap> {
    value.agree(|value| match value {
        Resolved::Absent => Ok(false),
        Resolved::Open(open) if open.symbol.is_none() => Err(open.gap.clone()),
        _ => Ok(true),
    })
}
