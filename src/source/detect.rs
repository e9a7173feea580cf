//! What a file is, by what is in it and not by its name.

use serde_json::Value;
use thiserror::Error;

use super::terraform;

/// What a file holds.
#[derive(Debug)]
pub enum Found {
    /// What `terraform show -json` prints.
    Terraform(Value),
    /// Anything else, which may be a snapshot.
    Text(String),
}

/// What a file holds that cannot be judged, and what to do about it.
#[derive(Debug, Error)]
pub enum NotForUs {
    /// Some other bytes.
    #[error("is not text: byte {at} is not UTF-8")]
    NotText {
        /// Where.
        at: usize,
    },
    /// What Windows PowerShell writes with `>`.
    #[error("is text in UTF-16, as Windows PowerShell writes it: save it as UTF-8")]
    Utf16,
    /// A plan as Terraform keeps it.
    #[error(
        "is a plan as Terraform saves it, which only Terraform can read: run `terraform show -json {file}` and judge what that prints"
    )]
    BinaryPlan {
        /// Its name.
        file: String,
    },
    /// A state as Terraform keeps it.
    #[error(
        "is a state file as Terraform keeps it, which only Terraform can read: run `terraform show -json` and judge what that prints"
    )]
    RawState,
    /// The log of a plan.
    #[error(
        "is the log of `terraform plan -json`: run `terraform plan -out FILE`, then `terraform show -json FILE`, and judge what that prints"
    )]
    Log,
    /// A plan for people.
    #[error(
        "is a plan as people read it: run `terraform show -json FILE` and judge what that prints"
    )]
    Prose,
    /// A configuration.
    #[error(
        "is a Terraform configuration: run `terraform plan -out FILE`, then `terraform show -json FILE`, and judge what that prints"
    )]
    Configuration,
}

/// What JSON from Terraform has in it somewhere.
const HINTS: [&str; 4] = [
    "\"format_version\"",
    "\"lineage\"",
    "\"terraform_version\"",
    "\"@level\"",
];

/// What some bytes are.
///
/// # Errors
/// They are something that is known and cannot be judged.
pub fn recognize(bytes: Vec<u8>, file: &str) -> Result<Found, NotForUs> {
    // A saved plan is a ZIP archive: <https://developer.hashicorp.com/terraform/internals/json-format>.
    if bytes.starts_with(b"PK\x03\x04") {
        let file = file.to_owned();
        return Err(NotForUs::BinaryPlan { file });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(NotForUs::Utf16);
    }
    let text = String::from_utf8(bytes).map_err(|error| NotForUs::NotText {
        at: error.utf8_error().valid_up_to(),
    })?;
    let bare = text.trim_start_matches('\u{feff}');
    if bare.trim_start().starts_with('{') {
        // Reading a large snapshot as JSON of any sort first would take as long as judging it.
        if !HINTS.iter().any(|hint| bare.contains(hint)) {
            return Ok(Found::Text(text));
        }
        return match serde_json::from_str(bare) {
            Ok(value) => json(value, text),
            Err(_) if bare.lines().next().is_some_and(is_log) => Err(NotForUs::Log),
            Err(_) => Ok(Found::Text(text)),
        };
    }
    let begins = |words: &[&str]| {
        bare.lines()
            .map(uncoloured)
            .any(|line| words.iter().any(|it| line.starts_with(it)))
    };
    if begins(&[
        "Terraform will perform",
        "Terraform used the selected",
        "OpenTofu will perform",
        "OpenTofu used the selected",
    ]) {
        return Err(NotForUs::Prose);
    }
    if begins(&[
        "resource \"",
        "provider \"",
        "module \"",
        "variable \"",
        "data \"",
        "output \"",
        "terraform {",
        "locals {",
    ]) {
        return Err(NotForUs::Configuration);
    }
    Ok(Found::Text(text))
}

/// A line without the colours that it begins with: Terraform writes them to files too.
fn uncoloured(mut line: &str) -> &str {
    while let Some((_, rest)) = line
        .strip_prefix("\u{1b}[")
        .and_then(|rest| rest.split_once('m'))
    {
        line = rest;
    }
    line
}

fn json(value: Value, text: String) -> Result<Found, NotForUs> {
    if terraform::is_shown(&value) {
        Ok(Found::Terraform(value))
    } else if terraform::is_raw_state(&value) {
        Err(NotForUs::RawState)
    } else if terraform::is_log(&value) {
        Err(NotForUs::Log)
    } else {
        Ok(Found::Text(text))
    }
}

fn is_log(line: &str) -> bool {
    serde_json::from_str(line).is_ok_and(|value| terraform::is_log(&value))
}
