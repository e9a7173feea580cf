//! Reads plans and states of Terraform and OpenTofu, as `terraform show -json` prints them.
//!
//! The known values of a plan become a snapshot as a live account has it. A value that is known only after
//! apply, or that is not in the plan, is unknown with that reason. A reference to a key that the same plan
//! creates is resolved through the expressions of the configuration.

mod account;
mod address;
mod backup;
mod candidates;
mod cloud_control;
mod default_tags;
mod document;
mod dynamodb;
mod ebs;
mod ebs_defaults;
mod ec2;
mod efs;
mod endpoints;
mod error;
mod expression;
mod fsx;
mod iam;
mod item;
mod key_arns;
mod keys;
mod launch;
mod launchers;
mod network;
mod order;
mod origin;
mod other;
mod place;
mod policy;
mod rds;
mod reader;
mod redshift;
mod routes;
mod s3;
mod scope;
mod search;
mod storage_gateway;
mod tags;
mod view;
mod vpc;
mod workloads;

use serde_json::Value;

use crate::model::Observed;
use crate::model::snapshot::{Snapshot, Source};

pub use error::TerraformError;

use super::planned::{Planned, Surroundings};
use document::{Document, has_one};
use reader::Reader;

/// Fields of which a plan or a state has at least one.
const FIELDS: [&str; 5] = [
    "planned_values",
    "resource_changes",
    "prior_state",
    "configuration",
    "values",
];

/// Returns whether JSON is the output of `terraform show -json`, by its fields.
#[must_use]
pub fn is_shown(value: &Value) -> bool {
    let Some(fields) = value.as_object() else {
        return false;
    };
    let bare = fields
        .keys()
        .all(|it| matches!(it.as_str(), "format_version" | "terraform_version"));
    fields.contains_key("format_version") && (bare || has_one(fields, &FIELDS))
}

/// Returns whether JSON is a raw state file, whose format is internal to Terraform, or one that OpenTofu encrypted.
///
/// Source: <https://opentofu.org/docs/language/state/encryption/>.
#[must_use]
pub fn is_raw_state(value: &Value) -> bool {
    let is_encrypted = value.get("encrypted_data").is_some();
    (is_encrypted || value.get("version").is_some_and(Value::is_u64))
        && (value.get("lineage").is_some() || value.get("terraform_version").is_some())
}

/// Returns whether JSON is a line of the log of `terraform plan -json`.
#[must_use]
pub fn is_log(value: &Value) -> bool {
    value.get("@level").is_some() && value.get("@module").is_some()
}

/// Returns the id of the organization if a data source looked it up.
fn organization_id(document: &Document<'_>) -> Option<String> {
    let mut organizations = document.items_of(item::data_type("aws_organizations_organization"));
    let id = organizations.find_map(|it| it.view().text("id").known());
    id.filter(|id| id.starts_with("o-")).map(str::to_owned)
}

/// Builds a snapshot from the output of `terraform show -json`.
///
/// # Errors
/// The output cannot be read.
pub fn read_plan(root: &Value, around: &Surroundings<'_>) -> Result<Snapshot, TerraformError> {
    let version = root["format_version"].as_str().unwrap_or_default();
    let major = version
        .split('.')
        .next()
        .and_then(|it| it.parse::<u32>().ok());
    match major {
        Some(0 | 1) => {}
        Some(_) => {
            return Err(TerraformError::Newer {
                found: version.to_owned(),
            });
        }
        None => {
            return Err(TerraformError::unexpected_form(
                "format_version",
                "a version such as \"1.2\"",
            ));
        }
    }
    if root["errored"] == true {
        return Err(TerraformError::Errored);
    }
    if !root
        .as_object()
        .is_some_and(|fields| has_one(fields, &FIELDS))
    {
        return Err(TerraformError::Empty);
    }
    let document = Document::parse(root)?;
    let reader = Reader::new(&document, around);
    let account = reader.places.named_account.clone();
    let is_state = root.get("values").is_some() && root.get("planned_values").is_none();
    let source = match is_state {
        true => Source::TerraformState,
        false => Source::TerraformPlan,
    };
    let mut planned = Planned::new(source, account, around);
    if let Some(organization) = organization_id(&document) {
        planned.snapshot_mut().organization_id = Observed::Known(Some(organization));
    }
    keys::read_keys(&reader, &mut planned);
    ec2::read_instances(&reader, &mut planned);
    rds::read_databases(&reader, &mut planned);
    s3::read_buckets(&reader, &mut planned);
    dynamodb::read_tables(&reader, &mut planned);
    efs::read_file_systems(&reader, &mut planned);
    fsx::read_all(&reader, &mut planned);
    redshift::read_clusters(&reader, &mut planned);
    storage_gateway::read_gateways(&reader, &mut planned);
    vpc::read_networks(&reader, &mut planned);
    backup::read_backup(&reader, &mut planned);
    iam::read_backup_roles(&reader, &mut planned);
    other::read_others(&reader, &mut planned);
    launchers::note_launchers(&reader, &mut planned);
    cloud_control::read_cloud_control(&reader, &mut planned);
    account::note_changes(&reader, &mut planned);
    let mut snapshot = planned.finish();
    let has_instances = document.items_of("aws_instance").next().is_some();
    if has_instances && around.has_lookups() {
        let alone = Surroundings {
            without_lookups: true,
            ..around.clone()
        };
        snapshot.file_only = Some(Box::new(read_plan(root, &alone)?));
    }
    Ok(snapshot)
}
