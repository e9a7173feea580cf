//! S3 buckets and the resources that configure them.

use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::{Gap, GapKind, Observed};
use crate::source::defaults::S3_ALGORITHM;
use crate::source::planned::Planned;

use super::keys::KeyName;
use super::reader::{Reader, Satellites, not_in_plan};
use super::view::{Fact, View};

const OF: [&str; 1] = ["aws_s3_bucket"];
const BY: [&str; 3] = ["bucket", "id", "arn"];

/// Reads the buckets of the plan.
pub(super) fn read_buckets<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let of = |kind: &str| reader.find_satellites(kind, "bucket", &OF, &BY);
    let versionings = of("aws_s3_bucket_versioning");
    let encryptions = of("aws_s3_bucket_server_side_encryption_configuration");
    let lifecycles = of("aws_s3_bucket_lifecycle_configuration");
    let notifications = of("aws_s3_bucket_notification");
    for item in reader.document.items_of("aws_s3_bucket") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("bucket"));
        // A region with only a bucket is a region of the plan too.
        planned.region_mut(&named.region);
        let bucket = Bucket {
            region: Observed::Known(named.region),
            tags: reader.read_tags(item),
            versioning: read_versioning(&view, &versionings).into(),
            encryption: read_encryption(reader, &view, &encryptions, planned).into(),
            expiry: read_expiry(&view, &lifecycles).into(),
            event_bridge: read_event_bridge(&view, &notifications).into(),
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &bucket.arn, planned);
        planned.snapshot_mut().buckets.items.push(bucket);
    }
}

/// Returns the resource that configures a setting of a bucket: a satellite, or the bucket itself if it has the
/// inline block of older versions of the provider.
fn find_carrier<'a>(
    view: &View<'a>,
    satellites: &Satellites<'a>,
    inline: &str,
) -> Result<Option<View<'a>>, Gap> {
    let has_inline = matches!(view.fact(inline), Fact::Known(_));
    match satellites.attached_to(view.item) {
        // The current setting may be removed together with the satellite that set it.
        Ok([]) if satellites.gone && view.item.exists && view.is_set(inline) != Some(true) => {
            Err(view.known_after_apply(inline))
        }
        Ok([satellite, ..]) => Ok(Some(satellite.view())),
        _ if has_inline && view.is_set(inline) != Some(false) => Ok(Some(*view)),
        Err(gap) => Err(gap),
        // An existing bucket shows its current setting.
        Ok([]) if has_inline => Ok(Some(*view)),
        Ok([]) => match view.fact(inline) {
            Fact::Open(gap) => Err(gap),
            // A satellite in another plan may configure it.
            _ if view.item.exists => Err(not_in_plan(view, inline)),
            _ => Ok(None),
        },
    }
}

/// Returns whether a bucket sends its events to EventBridge. A new bucket does not.
fn read_event_bridge<'a>(view: &View<'a>, notifications: &Satellites<'a>) -> Result<bool, Gap> {
    let what = "the notification configuration";
    match notifications.attached_to(view.item)? {
        [notification, ..] => {
            let is_on = notification.view().flag("eventbridge").set_value()?;
            Ok(is_on.unwrap_or(false))
        }
        [] if view.item.exists => Err(not_in_plan(view, what)),
        [] => Ok(false),
    }
}

/// Returns the versioning status of a bucket; `None` if versioning was never enabled.
fn read_versioning<'a>(
    view: &View<'a>,
    satellites: &Satellites<'a>,
) -> Result<Option<String>, Gap> {
    let Some(carrier) = find_carrier(view, satellites, "versioning")? else {
        return Ok(None);
    };
    if carrier.item.address == view.item.address {
        let block = carrier
            .blocks("versioning")
            .set_value()?
            .unwrap_or_default();
        let Some(block) = block.first() else {
            return Ok(None);
        };
        let on = block.flag("enabled").set_value()?.unwrap_or(false);
        // `false` means either suspended or never enabled: versioning is off.
        return Ok(on.then(|| "Enabled".to_owned()));
    }
    let block = carrier
        .blocks("versioning_configuration")
        .set_value()?
        .unwrap_or_default();
    let Some(block) = block.first() else {
        return Ok(None);
    };
    let status = block.text("status").final_value()?;
    Ok(status.filter(|it| *it != "Disabled").map(str::to_owned))
}

/// Returns the default encryption of a bucket.
fn read_encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    satellites: &Satellites<'a>,
    planned: &mut Planned,
) -> Result<BucketEncryption, Gap> {
    let own = "server_side_encryption_configuration";
    let plain = || BucketEncryption {
        algorithm: S3_ALGORITHM.to_owned(),
        kms_key: None,
    };
    let Some(carrier) = find_carrier(view, satellites, own)? else {
        return Ok(plain());
    };
    let holders = match carrier.item.address == view.item.address {
        true => carrier.blocks(own).set_value()?.unwrap_or_default(),
        false => vec![carrier],
    };
    for holder in holders {
        for rule in holder.blocks("rule").set_value()?.unwrap_or_default() {
            let name = "apply_server_side_encryption_by_default";
            let blocks = rule.blocks(name).set_value()?.unwrap_or_default();
            let Some(block) = blocks.first() else {
                continue;
            };
            let algorithm = block
                .text("sse_algorithm")
                .final_value()?
                .unwrap_or(S3_ALGORITHM);
            let kms_key = match reader.read_key(block, "kms_master_key_id", planned) {
                KeyName::Is(key) => Some(key),
                KeyName::Unset => None,
                KeyName::Open(gap) => return Err(gap),
            };
            return Ok(BucketEncryption {
                algorithm: algorithm.to_owned(),
                kms_key,
            });
        }
    }
    Ok(plain())
}

/// Returns which noncurrent versions in a bucket expire.
fn read_expiry<'a>(view: &View<'a>, satellites: &Satellites<'a>) -> Result<NoncurrentExpiry, Gap> {
    let Some(carrier) = find_carrier(view, satellites, "lifecycle_rule")? else {
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
