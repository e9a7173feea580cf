//! Encryption of EBS volumes.
//!
//! Whether a volume is encrypted, and with which default key, depends on the account's settings, even
//! where the template has `Encrypted: false`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-volume.html>,
//! <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>.

use std::rc::Rc;

use crate::model::Observed;
use crate::model::observed::AccountFact;
use crate::source::planned::unplanned;

use super::build::{Build, locate_gap};
use super::value::Resolved;

pub(super) const VOLUME: &str = "AWS::EC2::Volume";

/// Most volumes of which one is a copy of the next.
const MAX_COPIES: usize = 8;

/// What a volume is made from.
enum Origin {
    Snapshot,
    Volume,
}

/// Returns what a volume is made from; `None` for an empty one. A copy of a volume is encrypted if its source is.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyVolumes.html>.
fn find_origin(properties: &Resolved) -> Option<Origin> {
    let says = |name: &str| !properties.get(name).is_absent();
    match (says("SnapshotId"), says("SourceVolumeId")) {
        (true, _) => Some(Origin::Snapshot),
        (false, true) => Some(Origin::Volume),
        (false, false) => None,
    }
}

/// Returns the properties of the volume of the template that a volume is a copy of, if that is known to be encrypted.
fn find_encrypted_source(
    build: &Build<'_>,
    properties: &Resolved,
    depth: usize,
) -> Option<Rc<Resolved>> {
    if depth == MAX_COPIES || !matches!(find_origin(properties), Some(Origin::Volume)) {
        return None;
    }
    let source = build.referenced_resource(&properties.get("SourceVolumeId"), &[VOLUME])?;
    let source = build.properties(&source);
    (follow_encrypted(build, &source, depth + 1).known() == Some(&true)).then_some(source)
}

/// Returns whether a volume is encrypted.
pub(super) fn read_encrypted(build: &Build<'_>, properties: &Resolved) -> Observed<bool> {
    follow_encrypted(build, properties, 0)
}

fn follow_encrypted(build: &Build<'_>, properties: &Resolved, depth: usize) -> Observed<bool> {
    if find_encrypted_source(build, properties, depth).is_some() {
        return Observed::Known(true);
    }
    let given = locate_gap("Encrypted", properties.get("Encrypted").as_boolean());
    let (by, fact) = match find_origin(properties) {
        None => (
            "the account's encryption by default",
            Some(AccountFact::EbsEncryption),
        ),
        Some(Origin::Snapshot) => (
            "its snapshot and the account's encryption by default",
            Some(AccountFact::EbsEncryptionOrSnapshot),
        ),
        Some(Origin::Volume) => (
            "its source volume and the account's encryption by default",
            None,
        ),
    };
    match given {
        Ok(Some(true)) => Observed::Known(true),
        Ok(given) => {
            let says = match given {
                Some(_) => "has Encrypted: false",
                None => "does not set Encrypted",
            };
            let gap = unplanned(format!(
                "the template {says}, so it depends on {by}, which the template does not contain"
            ));
            Observed::Unknown(match fact {
                Some(fact) => gap.needing(fact),
                None => gap,
            })
        }
        Err(gap) => Observed::Unknown(gap),
    }
}

/// Returns the key of a volume.
pub(super) fn read_volume_key(
    build: &Build<'_>,
    properties: &Resolved,
) -> Observed<Option<String>> {
    follow_key(build, properties, 0)
}

fn follow_key(build: &Build<'_>, properties: &Resolved, depth: usize) -> Observed<Option<String>> {
    match locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))) {
        Ok(None) if let Some(source) = find_encrypted_source(build, properties, depth) => {
            follow_key(build, &source, depth + 1)
        }
        // A volume from an encrypted snapshot has the key of the snapshot, and a copy that of its source.
        Ok(None) if let Some(origin) = find_origin(properties) => {
            Observed::Unknown(unplanned(format!(
                "the template names no key, so it depends on its {} and the account's default key for EBS, which the template does not contain",
                match origin {
                    Origin::Snapshot => "snapshot",
                    Origin::Volume => "source volume",
                }
            )))
        }
        Ok(None) => {
            let gap = unplanned(
                "the template names no key, so the account's default key for EBS applies, which the template does not contain",
            );
            Observed::Unknown(gap.needing(AccountFact::EbsKey))
        }
        key => key.into(),
    }
}
