//! The default encryption of new EBS volumes in a region.

use serde_json::Value;

use crate::model::ec2::EbsDefaults;
use crate::model::encryption::EBS_ALIAS;
use crate::model::observed::AccountFact;
use crate::model::{Gap, GapKind, Observed};
use crate::source::defaults::TERRAFORM_EBS_ENCRYPTION_BY_DEFAULT;
use crate::source::planned::{Planned, after_apply, unplanned};

use super::item::Item;
use super::keys::KeyName;
use super::reader::Reader;

/// Type of the resource that turns encryption by default on, and its attribute.
const ENCRYPTION: (&str, &str) = ("aws_ebs_encryption_by_default", "enabled");

/// Type of the resource that sets the default key, and its attribute.
const KEY: (&str, &str) = ("aws_ebs_default_kms_key", "key_arn");

/// Reads the default encryption of new volumes, if the plan sets it.
pub(super) fn read_ebs_defaults<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    reset_ebs_defaults(reader, planned);
    let is_here = |it: &&Item<'_>| !reader.places.is_elsewhere(it);
    for item in reader.document.items_of(ENCRYPTION.0).filter(is_here) {
        let region = reader.places.region_of(item);
        let on = item.view().flag(ENCRYPTION.1);
        let on = on.or_else(|| Ok(TERRAFORM_EBS_ENCRYPTION_BY_DEFAULT));
        planned.region_mut(&region).ebs_defaults.encryption = on;
    }
    for item in reader.document.items_of(KEY.0).filter(is_here) {
        let region = reader.places.region_of(item);
        let key = match reader.read_key(&item.view(), KEY.1, planned) {
            KeyName::Is(key) => Observed::Known(key),
            KeyName::Unset => Observed::Unknown(item.view().known_after_apply(KEY.1)),
            KeyName::Open(gap) => Observed::Unknown(gap),
        };
        planned.region_mut(&region).ebs_defaults.kms_key = key;
    }
}

/// Resets what the plan destroys. The provider then turns encryption by default off, and makes the AWS managed key
/// the default.
///
/// Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ebs_encryption_by_default>,
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ebs_default_kms_key>.
fn reset_ebs_defaults(reader: &Reader<'_>, planned: &mut Planned) {
    for (region, gap) in destroyed_switches(reader, ENCRYPTION.0) {
        planned.region_mut(&region).ebs_defaults.encryption =
            gap.map_or(Observed::Known(false), Observed::Unknown);
    }
    for (region, gap) in destroyed_switches(reader, KEY.0) {
        let key = Observed::Known(EBS_ALIAS.to_owned());
        planned.region_mut(&region).ebs_defaults.kms_key = gap.map_or(key, Observed::Unknown);
    }
}

/// Returns the regions in which the plan destroys a resource of a type, or may, and then the gap that says so.
fn destroyed_switches(reader: &Reader<'_>, kind: &str) -> Vec<(String, Option<Gap>)> {
    let mut found = Vec::new();
    for before in reader.document.gone.get(kind).into_iter().flatten() {
        let regions = reader.places.regions_before(before);
        let is_certain = regions.len() == 1;
        let gap = || {
            after_apply(format!(
                "the plan destroys a resource of type {kind}, in which region is not known"
            ))
        };
        found.extend(regions.into_iter().map(|it| (it, (!is_certain).then(gap))));
    }
    found
}

/// Returns the default encryption of the volumes that are created for a resource. A default that the same plan
/// changes holds only for what depends on it: everything else may be created before.
///
/// Source: <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>.
pub(super) fn ebs_defaults_for<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    region: &str,
    planned: &mut Planned,
) -> EbsDefaults {
    let defaults = planned.region_mut(region).ebs_defaults.clone();
    if reader.places.is_elsewhere(item) {
        let gap = unplanned(format!(
            "it depends on the default EBS encryption of the account of {}, which is another one than that of the plan",
            item.address
        ));
        return EbsDefaults {
            encryption: Observed::Unknown(gap.clone()),
            kms_key: Observed::Unknown(gap),
        };
    }
    let explain = |gap: Gap, fact: AccountFact| {
        match gap.kind {
        GapKind::Unplanned => unplanned(
            "it depends on the default EBS encryption of the region, a setting of the account that is not in the plan",
        )
        .needing(fact),
        _ => gap,
    }
    };
    let race = |switch| find_race(reader, item, region, switch);
    EbsDefaults {
        encryption: match race(ENCRYPTION) {
            Some(gap) => Observed::Unknown(gap),
            None => {
                let found = defaults.encryption.get().copied();
                found
                    .map_err(|gap| explain(gap, AccountFact::EbsEncryption))
                    .into()
            }
        },
        kms_key: match race(KEY) {
            Some(gap) => Observed::Unknown(gap),
            None => {
                let found = defaults.kms_key.get().cloned();
                found
                    .map_err(|gap| explain(gap, AccountFact::EbsKey))
                    .into()
            }
        },
    }
}

/// Returns why a resource may be created before or after the plan changes a default; `None` if it is not.
fn find_race<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    region: &str,
    (kind, attribute): (&str, &str),
) -> Option<Gap> {
    let mut destroyed = destroyed_switches(reader, kind).into_iter();
    let is_after = || {
        let mut switches = reader.document.items_of(kind);
        switches.any(|it| reader.document.depends_on(item, it))
    };
    if destroyed.any(|(it, _)| it == region) && !item.exists && !is_after() {
        return Some(after_apply(format!(
            "{} may be created before or after the plan destroys the {kind} of the region",
            item.address
        )));
    }
    let mut switches = reader.document.items_of(kind);
    let switch = switches.find(|it| {
        reader.places.region_of(it) == region
            && !reader.places.is_elsewhere(it)
            && is_changed(it, attribute)
            && !reader.document.depends_on(item, it)
    })?;
    Some(after_apply(format!(
        "{} does not depend on {}, so it may be created before that sets the default EBS encryption of the region",
        item.address, switch.address
    )))
}

/// Returns whether the plan changes an attribute.
fn is_changed(item: &Item<'_>, attribute: &str) -> bool {
    let before = item.before.get(attribute).unwrap_or(&Value::Null);
    let after = item.values.get(attribute).unwrap_or(&Value::Null);
    !item.exists || before != after
}
