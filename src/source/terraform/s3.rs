//! S3 buckets, with the resources that carry their settings.

use crate::model::s3::{Bucket, BucketEncryption, NoncurrentExpiry};
use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::Planned;

use super::keys::KeyName;
use super::reader::{Reader, Satellites, untold};
use super::view::{Fact, View};

const OF: [&str; 1] = ["aws_s3_bucket"];
const BY: [&str; 3] = ["bucket", "id", "arn"];

/// What S3 does with new objects where nothing is set.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html>.
const OWN_KEYS: &str = "AES256";

/// Reads the buckets.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let of = |kind: &str| reader.satellites(kind, "bucket", &OF, &BY);
    let versionings = of("aws_s3_bucket_versioning");
    let encryptions = of("aws_s3_bucket_server_side_encryption_configuration");
    let lifecycles = of("aws_s3_bucket_lifecycle_configuration");
    for item in reader.document.of("aws_s3_bucket") {
        let view = item.view();
        let named = reader.named(item, view.text("bucket"));
        // A bucket alone makes its region one that is planned for.
        planned.region(&named.region);
        let bucket = Bucket {
            region: Observed::Known(named.region),
            tags: reader.tags(item),
            versioning: versioning(&view, &versionings).into(),
            encryption: encryption(reader, &view, &encryptions, planned).into(),
            expiry: expiry(&view, &lifecycles).into(),
            id: named.id,
            arn: named.arn,
        };
        reader.place(item, &bucket.arn, planned);
        planned.snapshot().buckets.items.push(bucket);
    }
}

/// The resource that carries a setting of a bucket; else the bucket itself, in the older form, where
/// it says anything of it.
fn carrier<'a>(
    view: &View<'a>,
    satellites: &Satellites<'a>,
    inline: &str,
) -> Result<Option<View<'a>>, Gap> {
    let own = matches!(view.fact(inline), Fact::Known(_));
    match satellites.of(view.item) {
        // What a bucket shows now may go with the resource that set it.
        Ok([]) if satellites.gone && view.item.exists && view.is_set(inline) != Some(true) => {
            Err(view.later(inline))
        }
        Ok([beside, ..]) => Ok(Some(beside.view())),
        _ if own && view.is_set(inline) != Some(false) => Ok(Some(*view)),
        Err(gap) => Err(gap),
        // What exists shows how it is.
        Ok([]) if own => Ok(Some(*view)),
        Ok([]) => match view.fact(inline) {
            Fact::Open(gap) => Err(gap),
            // A resource of its own sets it elsewhere, if anything does.
            _ if view.item.exists => Err(untold(view, inline)),
            _ => Ok(None),
        },
    }
}

fn versioning<'a>(view: &View<'a>, satellites: &Satellites<'a>) -> Result<Option<String>, Gap> {
    let Some(carrier) = carrier(view, satellites, "versioning")? else {
        return Ok(None);
    };
    if carrier.item.address == view.item.address {
        let block = carrier.blocks("versioning").set()?.unwrap_or_default();
        let Some(block) = block.first() else {
            return Ok(None);
        };
        let on = block.flag("enabled").set()?.unwrap_or(false);
        // Whether it was on before is not told by `false`; either way it is off.
        return Ok(on.then(|| "Enabled".to_owned()));
    }
    let block = carrier
        .blocks("versioning_configuration")
        .set()?
        .unwrap_or_default();
    let Some(block) = block.first() else {
        return Ok(None);
    };
    let status = block.text("status").chosen()?;
    Ok(status.filter(|it| *it != "Disabled").map(str::to_owned))
}

fn encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    satellites: &Satellites<'a>,
    planned: &mut Planned,
) -> Result<BucketEncryption, Gap> {
    let own = "server_side_encryption_configuration";
    let plain = || BucketEncryption {
        algorithm: OWN_KEYS.to_owned(),
        kms_key: None,
    };
    let Some(carrier) = carrier(view, satellites, own)? else {
        return Ok(plain());
    };
    let holders = match carrier.item.address == view.item.address {
        true => carrier.blocks(own).set()?.unwrap_or_default(),
        false => vec![carrier],
    };
    for holder in holders {
        for rule in holder.blocks("rule").set()?.unwrap_or_default() {
            let name = "apply_server_side_encryption_by_default";
            let blocks = rule.blocks(name).set()?.unwrap_or_default();
            let Some(block) = blocks.first() else {
                continue;
            };
            let algorithm = block.text("sse_algorithm").chosen()?.unwrap_or(OWN_KEYS);
            let kms_key = match reader.key(block, "kms_master_key_id", planned) {
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

fn expiry<'a>(view: &View<'a>, satellites: &Satellites<'a>) -> Result<NoncurrentExpiry, Gap> {
    let Some(carrier) = carrier(view, satellites, "lifecycle_rule")? else {
        return Ok(NoncurrentExpiry::Never);
    };
    let is_inline = carrier.item.address == view.item.address;
    let rules = carrier.blocks(if is_inline { "lifecycle_rule" } else { "rule" });
    let mut found = NoncurrentExpiry::Never;
    for rule in rules.set()?.unwrap_or_default() {
        let on = match is_inline {
            true => rule.flag("enabled").set()?.unwrap_or(false),
            false => rule.text("status").chosen()? == Some("Enabled"),
        };
        if !on || !expires(&rule)? {
            continue;
        }
        if covers_all(&rule)? {
            return Ok(NoncurrentExpiry::AllObjects);
        }
        found = NoncurrentExpiry::Filtered;
    }
    Ok(found)
}

fn expires(rule: &View<'_>) -> Result<bool, Gap> {
    for block in rule
        .blocks("noncurrent_version_expiration")
        .set()?
        .unwrap_or_default()
    {
        for name in ["noncurrent_days", "days"] {
            match block.number(name) {
                Fact::Known(_) => return Ok(true),
                // Some number of days is as good as any.
                Fact::Open(gap) if gap.kind == GapKind::AfterApply => return Ok(true),
                Fact::Open(gap) => return Err(gap),
                Fact::Unset | Fact::Computed(_) => {}
            }
        }
    }
    Ok(false)
}

fn covers_all(rule: &View<'_>) -> Result<bool, Gap> {
    let open = |view: &View<'_>| Ok(view.text("prefix").set()?.is_none());
    let bare = |view: &View<'_>, name: &str| {
        Ok(match view.fact(name).set()? {
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
    for filter in rule.blocks("filter").set()?.unwrap_or_default() {
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
