//! S3 buckets and the resources that configure them.

use crate::model::place::Configurer;
use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::{Gap, GapKind, Observed};
use crate::source::defaults::S3_ALGORITHM;
use crate::source::planned::Planned;

use super::item::Item;
use super::keys::KeyName;
use super::reader::{Reader, Satellites, not_in_plan};
use super::view::{Fact, View};

const OF: [&str; 1] = ["aws_s3_bucket"];
const BY: [&str; 3] = ["bucket", "id", "arn"];

const VERSIONING: &str = "aws_s3_bucket_versioning";
const ENCRYPTION: &str = "aws_s3_bucket_server_side_encryption_configuration";
const LIFECYCLE: &str = "aws_s3_bucket_lifecycle_configuration";
const NOTIFICATION: &str = "aws_s3_bucket_notification";

/// Status of versioning, and of Object Lock, that is on.
const ENABLED: &str = "Enabled";

/// Reads the buckets of the plan.
pub(super) fn read_buckets<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let of = |kind: &str| reader.find_satellites(kind, "bucket", &OF, &BY);
    let versionings = of(VERSIONING);
    let encryptions = of(ENCRYPTION);
    let lifecycles = of(LIFECYCLE);
    let locks = of("aws_s3_bucket_object_lock_configuration");
    let notifications = of(NOTIFICATION);
    for item in reader.document.items_of("aws_s3_bucket") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("bucket"));
        // A region with only a bucket is a region of the plan too.
        planned.region_mut(&named.region);
        let bucket = Bucket {
            region: Observed::Known(named.region),
            tags: reader.read_tags(item),
            versioning: match has_object_lock(&view, &locks) {
                true => Observed::Known(Some(ENABLED.to_owned())),
                false => {
                    let own = read_versioning(&view, &versionings);
                    let is_on = own.as_ref().is_ok_and(|it| it.as_deref() == Some(ENABLED));
                    match view.flag("object_lock_enabled") {
                        // A bucket that may have Object Lock may have versions.
                        Fact::Open(gap) if !is_on => Observed::Unknown(gap),
                        _ => own.into(),
                    }
                }
            },
            encryption: read_encryption(reader, &view, &encryptions, planned).into(),
            expiry: read_expiry(&view, &lifecycles).into(),
            event_bridge: read_event_bridge(&view, &notifications).into(),
            size: Observed::default(),
            objects: Observed::default(),
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &bucket.arn, planned);
        let configured_by = &mut planned.declaration_mut(&bucket.arn).configured_by;
        for (kind, satellites, block) in [
            (VERSIONING, &versionings, Some("versioning")),
            (
                ENCRYPTION,
                &encryptions,
                Some("server_side_encryption_configuration"),
            ),
            (LIFECYCLE, &lifecycles, Some("lifecycle_rule")),
            (NOTIFICATION, &notifications, None),
        ] {
            let configurer = find_configurer(&view, satellites, block);
            configured_by.extend(configurer.map(|it| (kind, it)));
        }
        planned.snapshot_mut().buckets.items.push(bucket);
    }
}

/// Returns what configures a setting of a bucket, if the plan contains it: a satellite, or the inline block.
fn find_configurer<'a>(
    view: &View<'a>,
    satellites: &Satellites<'a>,
    block: Option<&str>,
) -> Option<Configurer> {
    if let Some(address) = satellites.find_address(view.item) {
        return Some(Configurer::Resource(address.to_owned()));
    }
    let block = block?;
    if view.is_set(block) == Some(true) {
        return Some(Configurer::Block);
    }
    // The configuration of a plan has no dynamic blocks, and the values of an existing bucket have its settings even if
    // it has no block.
    let blocks = view.blocks(block).known().unwrap_or_default();
    match view.item.exists {
        false => (!blocks.is_empty()).then_some(Configurer::Block),
        true => is_configured(block, &blocks).then_some(Configurer::Unseen),
    }
}

/// Whether the values of a setting of a bucket are not those that it has if nothing configures it.
fn is_configured(block: &str, values: &[View<'_>]) -> bool {
    match block {
        "lifecycle_rule" => !values.is_empty(),
        "server_side_encryption_configuration" => {
            let rule = read_encryption_rule(values);
            rule.is_ok_and(|it| it.algorithm != S3_ALGORITHM)
        }
        // Versioning that is suspended looks like versioning that was never enabled.
        _ => false,
    }
}

/// Returns a setting of a bucket, read from the resource that configures it: a satellite, or the bucket itself
/// if it has the inline block of older versions of the provider; `None` if nothing does.
fn read_setting<'a, T: PartialEq>(
    view: &View<'a>,
    satellites: &Satellites<'a>,
    inline: &str,
    read: impl Fn(Option<View<'a>>) -> Result<T, Gap>,
) -> Result<T, Gap> {
    let has_inline = matches!(view.fact(inline), Fact::Known(_));
    let attached = satellites.attached_to(view.item).unwrap_or_default();
    let may_be_removed = satellites.may_be_destroyed(view.item);
    let is_inline = match view.is_set(inline) {
        Some(is_set) => is_set,
        None => !may_be_removed,
    };
    if has_inline && is_inline && attached.is_empty() {
        return read(Some(*view));
    }
    satellites.settle(view.item, |satellite| match satellite {
        Some(satellite) => read(Some(satellite.view())),
        // The current setting is removed together with the satellite that set it.
        None if satellites.is_destroyed(view.item) => read(None),
        None if may_be_removed => Err(view.known_after_apply(inline)),
        // An existing bucket shows its current setting.
        None if has_inline => read(Some(*view)),
        None => match view.fact(inline) {
            Fact::Open(gap) => Err(gap),
            // A satellite in another plan may configure it.
            _ if view.item.exists => Err(not_in_plan(view, inline)),
            _ => read(None),
        },
    })
}

/// Returns whether a bucket has Object Lock, which requires versioning: AWS enables it with Object Lock and does
/// not let anyone suspend it.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html>.
fn has_object_lock<'a>(view: &View<'a>, locks: &Satellites<'a>) -> bool {
    let is_inline = view.blocks("object_lock_configuration").known();
    let is_inline = is_inline.is_some_and(|blocks| {
        let on = |block: &View<'_>| block.text("object_lock_enabled").known() == Some(ENABLED);
        blocks.iter().any(on)
    });
    let is_enabled = |satellite: &&Item<'_>| {
        let on = satellite.view().text("object_lock_enabled");
        matches!(on, Fact::Known(ENABLED) | Fact::Unset | Fact::Computed(_))
    };
    let locked = locks.attached_to(view.item);
    view.flag("object_lock_enabled").known() == Some(true)
        || is_inline
        || locked.is_ok_and(|locks| locks.iter().any(is_enabled))
}

/// Returns whether a bucket sends its events to EventBridge. A new bucket does not.
fn read_event_bridge<'a>(view: &View<'a>, notifications: &Satellites<'a>) -> Result<bool, Gap> {
    notifications.settle(view.item, |notification| match notification {
        Some(notification) => {
            let is_on = notification.view().flag("eventbridge").set_value()?;
            Ok(is_on.unwrap_or(false))
        }
        None if view.item.exists => Err(not_in_plan(view, "the notification configuration")),
        None => Ok(false),
    })
}

/// Returns the versioning status of a bucket; `None` if versioning was never enabled.
fn read_versioning<'a>(
    view: &View<'a>,
    satellites: &Satellites<'a>,
) -> Result<Option<String>, Gap> {
    let is_destroyed = satellites.is_destroyed(view.item);
    read_setting(view, satellites, "versioning", |carrier| {
        let Some(carrier) = carrier else {
            // The provider suspends versioning when it destroys the resource that enabled it:
            // https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_versioning
            return Ok(is_destroyed.then(|| "Suspended".to_owned()));
        };
        if carrier.item.address == view.item.address {
            let blocks = carrier.blocks("versioning").set_value()?;
            let Some(block) = blocks.unwrap_or_default().into_iter().next() else {
                return Ok(None);
            };
            let on = block.flag("enabled").set_value()?.unwrap_or(false);
            // `false` means either suspended or never enabled: versioning is off.
            return Ok(on.then(|| "Enabled".to_owned()));
        }
        let blocks = carrier.blocks("versioning_configuration").set_value()?;
        let Some(block) = blocks.unwrap_or_default().into_iter().next() else {
            return Ok(None);
        };
        let status = block.text("status").final_value()?;
        Ok(status.filter(|it| *it != "Disabled").map(str::to_owned))
    })
}

/// The default encryption of a bucket with the view of its key, which is read later.
struct Rule<'a> {
    algorithm: String,
    key: Option<View<'a>>,
}

impl PartialEq for Rule<'_> {
    /// Rules with a key are never the same: what their keys are is not known here.
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.key.is_none() && other.key.is_none()
    }
}

/// Returns the default encryption of a bucket.
fn read_encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    satellites: &Satellites<'a>,
    planned: &mut Planned,
) -> Result<BucketEncryption, Gap> {
    let own = "server_side_encryption_configuration";
    let rule = read_setting(view, satellites, own, |carrier| {
        let holders = match carrier {
            None => Vec::new(),
            Some(it) if it.item.address == view.item.address => {
                it.blocks(own).set_value()?.unwrap_or_default()
            }
            Some(it) => vec![it],
        };
        read_encryption_rule(&holders)
    })?;
    let kms_key = match rule.key {
        None => None,
        Some(block) => match reader.read_key(&block, "kms_master_key_id", planned) {
            KeyName::Is(key) => Some(key),
            KeyName::Unset => None,
            KeyName::Open(gap) => return Err(gap),
        },
    };
    Ok(BucketEncryption {
        algorithm: rule.algorithm,
        kms_key,
    })
}

fn read_encryption_rule<'a>(holders: &[View<'a>]) -> Result<Rule<'a>, Gap> {
    for holder in holders {
        for rule in holder.blocks("rule").set_value()?.unwrap_or_default() {
            let name = "apply_server_side_encryption_by_default";
            let blocks = rule.blocks(name).set_value()?.unwrap_or_default();
            let Some(block) = blocks.first() else {
                continue;
            };
            let algorithm = block.text("sse_algorithm").final_value()?;
            let algorithm = algorithm.unwrap_or(S3_ALGORITHM).to_owned();
            let has_key = algorithm != S3_ALGORITHM;
            return Ok(Rule {
                algorithm,
                key: has_key.then_some(*block),
            });
        }
    }
    Ok(Rule {
        algorithm: S3_ALGORITHM.to_owned(),
        key: None,
    })
}

/// Returns which noncurrent versions in a bucket expire.
fn read_expiry<'a>(view: &View<'a>, satellites: &Satellites<'a>) -> Result<NoncurrentExpiry, Gap> {
    read_setting(view, satellites, "lifecycle_rule", |carrier| {
        let Some(carrier) = carrier else {
            return Ok(NoncurrentExpiry::Never);
        };
        let is_inline = carrier.item.address == view.item.address;
        let rules = carrier.blocks(if is_inline { "lifecycle_rule" } else { "rule" });
        let mut found = NoncurrentExpiry::Never;
        for rule in rules.set_value()?.unwrap_or_default() {
            let on = match is_inline {
                true => rule.flag("enabled").set_value()?.unwrap_or(false),
                false => rule.text("status").final_value()? == Some("Enabled"),
            };
            if !on || !expires_noncurrent(&rule)? {
                continue;
            }
            if covers_all(&rule)? {
                return Ok(NoncurrentExpiry::AllObjects);
            }
            found = NoncurrentExpiry::Filtered;
        }
        Ok(found)
    })
}

/// Returns whether a lifecycle rule expires noncurrent versions.
fn expires_noncurrent(rule: &View<'_>) -> Result<bool, Gap> {
    for block in rule
        .blocks("noncurrent_version_expiration")
        .set_value()?
        .unwrap_or_default()
    {
        for name in ["noncurrent_days", "days"] {
            match block.number(name) {
                Fact::Known(_) => return Ok(true),
                // Any number of days will do.
                Fact::Open(gap) if gap.kind == GapKind::AfterApply => return Ok(true),
                Fact::Open(gap) => return Err(gap),
                Fact::Unset | Fact::Computed(_) => {}
            }
        }
    }
    Ok(false)
}

/// Returns whether a lifecycle rule applies to all objects.
fn covers_all(rule: &View<'_>) -> Result<bool, Gap> {
    let open = |view: &View<'_>| Ok(view.text("prefix").set_value()?.is_none());
    let bare = |view: &View<'_>, name: &str| {
        Ok(match view.fact(name).set_value()? {
            None => true,
            Some(value) => {
                value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(serde_json::Map::is_empty)
                    || *value == 0
            }
        })
    };
    if !open(rule)? || !bare(rule, "tags")? {
        return Ok(false);
    }
    for filter in rule.blocks("filter").set_value()?.unwrap_or_default() {
        if !open(&filter)? {
            return Ok(false);
        }
        for name in [
            "tag",
            "and",
            "object_size_greater_than",
            "object_size_less_than",
        ] {
            if !bare(&filter, name)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
