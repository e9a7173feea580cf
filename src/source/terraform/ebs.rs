//! Encryption of EBS volumes, with what they are made from.

use crate::model::Observed;
use crate::model::ec2::EbsDefaults;
use crate::source::planned::{Planned, unplanned};

use super::ebs_defaults::ebs_defaults_for;
use super::item::Item;
use super::keys::KeyName;
use super::launch::ImageEncryption;
use super::reader::{Link, Reader, not_in_plan};
use super::view::{Fact, View};

/// Types of volumes.
pub(super) const VOLUMES: [&str; 2] = ["aws_ebs_volume", COPY];

/// Type of the volumes that are copies of others. It has no attribute for its encryption.
const COPY: &str = "aws_ebs_volume_copy";

/// What a volume may be made from.
pub(super) const SNAPSHOTS: [&str; 4] = [
    "aws_ebs_snapshot",
    "aws_ebs_snapshot_copy",
    "aws_ebs_snapshot_import",
    "data.aws_ebs_snapshot",
];

/// Most volumes of which one is a copy of the next.
const MAX_COPIES: usize = 8;

/// Whether a volume is encrypted, and its key.
type Encryption = (Observed<bool>, Observed<Option<String>>);

/// What a volume is made from, if that may be encrypted.
pub(super) struct Origin {
    /// `its image`
    pub(super) what: &'static str,
    /// What the account shows of it.
    pub(super) encryption: Option<ImageEncryption>,
}

impl Origin {
    pub(super) const SNAPSHOT: Origin = Origin {
        what: "its snapshot",
        encryption: None,
    };

    /// Returns what a volume is made from; `None` for an empty one.
    pub(super) fn of_volume<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<Self> {
        if view.item.kind == COPY {
            return Some(Origin {
                what: "its source volume",
                encryption: None,
            });
        }
        match reader.resolve_link(view, "snapshot_id", &SNAPSHOTS) {
            Link::Nothing => None,
            _ => Some(Origin::SNAPSHOT),
        }
    }
}

/// Returns whether a volume that is created for a resource is encrypted, and with which key. `origin` is what
/// it is made from, if that may be encrypted.
///
/// A volume that names no key uses the default key of the region. A volume cannot opt out of encryption by
/// default: <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>. A volume from an
/// encrypted snapshot is encrypted:
/// <https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html>.
pub(super) fn volume_encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    owner: &Item<'_>,
    origin: Option<Origin>,
    defaults: EbsDefaults,
    planned: &mut Planned,
) -> Encryption {
    let of_image = origin.as_ref().and_then(|it| it.encryption.as_ref());
    let of_image = of_image.map(|it| (it.encrypted.clone(), it.kms_key.clone()));
    let origin = origin.map(|it| it.what);
    let snapshot = match view.item.kind {
        COPY => read_source(reader, view, planned, 0),
        _ => read_snapshot(reader, view, planned),
    };
    let snapshot = snapshot.or(of_image);
    // What is made from an unencrypted snapshot is encrypted as what is made from none.
    let is_plain = matches!(&snapshot, Some((Observed::Known(false), _)));
    let origin = origin.filter(|_| !is_plain);
    let key = reader.read_key(view, "kms_key_id", planned);
    let forced = defaults.encryption.known() == Some(&true);
    let inherited = |origin: &str| {
        unplanned(format!(
            "the encryption of {} depends on {origin}, which the plan does not describe",
            owner.address
        ))
    };
    let encrypted = match view.flag("encrypted") {
        Fact::Known(true) => Observed::Known(true),
        // The encryption of an existing volume cannot change.
        Fact::Known(false) if owner.exists => Observed::Known(false),
        Fact::Known(false) | Fact::Unset | Fact::Computed(_) if forced => Observed::Known(true),
        Fact::Open(gap) => Observed::Unknown(gap),
        _ => match origin {
            Some(origin) => match &snapshot {
                Some((encrypted, _)) => encrypted.clone(),
                None => Observed::Unknown(inherited(origin)),
            },
            None => defaults.encryption,
        },
    };
    let kms_key = match (key, origin) {
        (KeyName::Is(key), _) => Observed::Known(Some(key)),
        (KeyName::Open(gap), _) => Observed::Unknown(gap),
        (KeyName::Unset, _) if encrypted.known() == Some(&false) => Observed::Known(None),
        (KeyName::Unset, _) if owner.exists => Observed::Unknown(not_in_plan(view, "the key")),
        (KeyName::Unset, Some(origin)) => match snapshot {
            // Another account owns the snapshot.
            Some((_, Observed::Known(None))) => defaults.kms_key.map(Some),
            Some((_, key)) => key,
            None => Observed::Unknown(inherited(origin)),
        },
        (KeyName::Unset, None) => defaults.kms_key.map(Some),
    };
    (encrypted, kms_key)
}

/// Returns whether the snapshot that a volume is made from is encrypted, and with which key; `None` if the plan
/// does not show it.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html>.
fn read_snapshot<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    planned: &mut Planned,
) -> Option<Encryption> {
    let found = reader.linked_item(view, "snapshot_id", &SNAPSHOTS, &["id"]);
    let item = found.ok().flatten()?;
    let snapshot = item.view();
    match item.type_key() {
        "data.aws_ebs_snapshot" => match snapshot.flag("encrypted").known()? {
            true => match reader.read_key(&snapshot, "kms_key_id", planned) {
                KeyName::Is(key) => Some((Observed::Known(true), Observed::Known(Some(key)))),
                KeyName::Unset | KeyName::Open(_) => None,
            },
            false => Some((Observed::Known(false), Observed::Known(None))),
        },
        "aws_ebs_snapshot_copy" => {
            let key = match reader.read_key(&snapshot, "kms_key_id", planned) {
                KeyName::Is(key) => Observed::Known(Some(key)),
                // A copy that is encrypted without a key has the default key of the region.
                KeyName::Unset if snapshot.flag("encrypted").known() == Some(true) => {
                    default_key(reader, item, planned)
                }
                KeyName::Unset | KeyName::Open(_) => return None,
            };
            Some((Observed::Known(true), key))
        }
        "aws_ebs_snapshot" => {
            let volume = reader.linked_item(&snapshot, "volume_id", &VOLUMES, &["id"]);
            read_volume_encryption(reader, volume.ok().flatten()?, planned, 0)
        }
        _ => None,
    }
}

/// Returns the encryption of the volume that a volume is a copy of; `None` if the plan does not show it.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyVolumes.html>.
fn read_source<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    planned: &mut Planned,
    depth: usize,
) -> Option<Encryption> {
    let source = reader.linked_item(view, "source_volume_id", &VOLUMES, &["id"]);
    let source = source.ok().flatten().filter(|_| depth < MAX_COPIES)?;
    read_volume_encryption(reader, source, planned, depth + 1)
}

/// Returns the encryption of a volume that another one, or a snapshot, is made from; `None` if the plan does not
/// show it.
fn read_volume_encryption<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    planned: &mut Planned,
    depth: usize,
) -> Option<Encryption> {
    let volume = item.view();
    if item.kind == COPY {
        return read_source(reader, &volume, planned, depth);
    }
    // The volume may be made from a snapshot itself, of which its own attributes do not tell.
    match volume.flag("encrypted").known()? {
        true => {}
        false if item.exists => return Some((Observed::Known(false), Observed::Known(None))),
        false => return None,
    }
    let from = reader.resolve_link(&volume, "snapshot_id", &SNAPSHOTS);
    let key = match reader.read_key(&volume, "kms_key_id", planned) {
        KeyName::Is(key) => Observed::Known(Some(key)),
        KeyName::Unset if matches!(from, Link::Nothing) && !item.exists => {
            default_key(reader, item, planned)
        }
        KeyName::Unset | KeyName::Open(_) => return None,
    };
    Some((Observed::Known(true), key))
}

/// Returns the default key of the region in which something is created.
fn default_key<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    planned: &mut Planned,
) -> Observed<Option<String>> {
    let region = reader.places.region_of(item);
    let defaults = ebs_defaults_for(reader, item, &region, planned);
    defaults.kms_key.map(Some)
}
