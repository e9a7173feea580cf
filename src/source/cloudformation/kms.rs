//! KMS keys. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html>.

use crate::model::kms::{Key, KeyMetadata};
use crate::model::{Gap, Observed};
use crate::source::defaults;
use crate::source::planned::{after_apply, unplanned};

use super::build::{Build, KEY, REPLICA_KEY, locate_gap};
use super::policy;
use super::value::Resolved;

pub(super) fn read_keys(build: &mut Build<'_>) {
    for declared in build.of_type(KEY) {
        let properties = build.template.properties(&declared);
        let key = Key {
            metadata: read_metadata(&properties).map(Some).into(),
            policy: key_policy(build, &properties),
        };
        let arn = build.key_arn(declared.id);
        build.planned.add_key(arn, key);
    }
    for declared in build.of_type(REPLICA_KEY) {
        let properties = build.template.properties(&declared);
        let primary = "its primary key is in another region and not part of the template";
        let key = Key {
            metadata: Observed::Unknown(unplanned(primary)),
            policy: key_policy(build, &properties),
        };
        let arn = build.key_arn(declared.id);
        build.planned.add_key(arn, key);
    }
}

fn read_metadata(properties: &Resolved) -> Result<KeyMetadata, Gap> {
    let text = |name: &str, default: &str| {
        let given = locate_gap(name, properties.get(name).text())?;
        Ok(given.unwrap_or_else(|| default.to_owned()))
    };
    let boolean = |name: &str, default| {
        let given = locate_gap(name, properties.get(name).as_boolean())?;
        Ok(given.unwrap_or(default))
    };
    let origin = text("Origin", defaults::KMS_ORIGIN)?;
    if origin == "EXTERNAL" {
        return Err(after_apply(
            "its key material is imported after it is created",
        ));
    }
    let state = match boolean("Enabled", defaults::KMS_ENABLED)? {
        true => "Enabled",
        false => "Disabled",
    };
    Ok(KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state: state.to_owned(),
        spec: text("KeySpec", defaults::KMS_SPEC)?,
        usage: text("KeyUsage", defaults::KMS_USAGE)?,
        origin,
        multi_region: boolean("MultiRegion", defaults::KMS_MULTI_REGION)?,
    })
}

fn key_policy(build: &Build<'_>, properties: &Resolved) -> Observed<String> {
    let given = properties.get("KeyPolicy");
    if given.is_absent() {
        return Observed::Known(defaults::key_policy(build.partition(), ""));
    }
    locate_gap("KeyPolicy", policy::policy_for_evaluation(build, &given)).into()
}
