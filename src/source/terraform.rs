//! Plans and states of Terraform and OpenTofu: what `terraform show -json` prints.
//!
//! What a plan knows of a resource becomes the same snapshot that a live account gives. What is known
//! only after apply, and what the plan does not hold, stays unknown with that reason. A key that is made in
//! the same plan is followed by what the configuration's expressions refer to.

mod address;
mod backup;
mod document;
mod dynamodb;
mod ec2;
mod efs;
mod follow;
mod keys;
mod other;
mod place;
mod policy;
mod rds;
mod reader;
mod redshift;
mod s3;
mod storage_gateway;
mod view;
mod vpc;

use serde_json::Value;
use thiserror::Error;

use crate::model::snapshot::{Snapshot, Source};

use super::planned::{Planned, Surroundings};
use document::{Document, has_one};
use reader::Reader;

/// Why JSON from Terraform cannot be judged.
#[derive(Debug, Error)]
pub enum TerraformError {
    /// Its form is newer than this program.
    #[error(
        "a plan of format version {found}, and this backup-check reads 0.x and 1.x: use a newer one, or show the plan with an older terraform"
    )]
    Newer {
        /// The version it has.
        found: String,
    },
    /// The plan was not finished.
    #[error(
        "the plan failed and holds only a part of what was to be planned (\"errored\" is true): mend what `terraform plan` says, and plan again"
    )]
    Errored,
    /// It has no resources, and no place for them.
    #[error("nothing to judge: `terraform show -json` had neither a plan nor a state to show")]
    Empty,
    /// A part is not what Terraform writes there.
    #[error("not in the form of `terraform show -json`: {path} is not {expected}")]
    Form {
        /// Where in the JSON.
        path: String,
        /// What should be there.
        expected: &'static str,
    },
}

impl TerraformError {
    fn form(path: impl Into<String>, expected: &'static str) -> Self {
        let path = path.into();
        TerraformError::Form { path, expected }
    }
}

/// What a plan or a state has at least one of, beside its format version.
const FIELDS: [&str; 5] = [
    "planned_values",
    "resource_changes",
    "prior_state",
    "configuration",
    "values",
];

/// Whether JSON is what `terraform show -json` prints, by its fields.
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

/// Whether JSON is a state file as Terraform keeps it, which is not for other programs to read.
#[must_use]
pub fn is_raw_state(value: &Value) -> bool {
    value.get("version").is_some_and(Value::is_u64)
        && (value.get("lineage").is_some() || value.get("terraform_version").is_some())
}

/// Whether JSON is a line of what `terraform plan -json` logs.
#[must_use]
pub fn is_log(value: &Value) -> bool {
    value.get("@level").is_some() && value.get("@module").is_some()
}

/// Makes a snapshot of what `terraform show -json` printed.
///
/// # Errors
/// Why it cannot be judged.
pub fn read(root: &Value, around: &Surroundings<'_>) -> Result<Snapshot, TerraformError> {
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
            return Err(TerraformError::form(
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
    let document = Document::read(root)?;
    let reader = Reader::new(&document, around);
    let account = reader.places.account.clone();
    let mut planned = Planned::new(Source::TerraformPlan, account, around);
    keys::read(&reader, &mut planned);
    ec2::read(&reader, &mut planned);
    rds::read(&reader, &mut planned);
    s3::read(&reader, &mut planned);
    dynamodb::read(&reader, &mut planned);
    efs::read(&reader, &mut planned);
    redshift::read(&reader, &mut planned);
    storage_gateway::read(&reader, &mut planned);
    vpc::read(&reader, &mut planned);
    backup::read(&reader, &mut planned);
    other::read(&reader, &mut planned);
    Ok(planned.finish())
}
