//! KMS keys. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html>.

use crate::model::kms::{Key, KeyMetadata};
use crate::model::{Gap, Observed};
use crate::source::defaults;

use super::build::{Build, KEY, REPLICA_KEY, locate_gap};
use super::policy;
use super::template::Declared;
use super::value::Resolved;

pub(super) fn read_keys(build: &mut Build<'_>) {
    for declared in build.of_type(KEY) {
        let properties = build.template.properties(&declared);
        let key = Key {
            metadata: read_metadata(&properties).map(Some).into(),
            policy: key_policy(build, &properties),
        };
        add_key(build, &declared, key);
    }
    for declared in build.of_type(REPLICA_KEY) {
        let properties = build.template.properties(&declared);
        let key = Key {
            metadata: read_replica_metadata(&properties).map(Some).into(),
            policy: key_policy(build, &properties),
        };
        add_key(build, &declared, key);
    }
}

fn add_key<'a>(build: &mut Build<'a>, declared: &Declared<'a>, key: Key) {
    let arn = build.key_arn(declared.id);
    let place = build.find_place(declared);
    build.planned.add_place(arn.clone(), place);
    build.planned.add_key(arn, key);
}

/// Reads a replica key. Its specification and usage are those of its primary key, which is in another region.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-replicakey.html>.
fn read_replica_metadata(properties: &Resolved) -> Result<KeyMetadata, Gap> {
    Ok(KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state: read_state(properties)?,
        spec: String::new(),
        usage: String::new(),
        origin: defaults::KMS_ORIGIN.to_owned(),
        multi_region: true,
    })
}

fn read_state(properties: &Resolved) -> Result<String, Gap> {
    let given = locate_gap("Enabled", properties.get("Enabled").as_boolean())?;
    let state = match given.unwrap_or(defaults::KMS_ENABLED) {
        true => "Enabled",
        false => "Disabled",
    };
    Ok(state.to_owned())
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
    let state = match origin.as_str() {
        // The template neither imports the key material nor says whether that has happened: Enabled is ignored.
        "EXTERNAL" => String::new(),
        _ => read_state(properties)?,
    };
    Ok(KeyMetadata {
        manager: "CUSTOMER".to_owned(),
        state,
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
