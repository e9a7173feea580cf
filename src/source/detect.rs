//! Recognizes what a file holds by its content, not by its name.

use serde_json::Value;
use thiserror::Error;

use super::terraform;

/// What a file holds.
#[derive(Debug)]
pub enum Found {
    /// The output of `terraform show -json`.
    Terraform(Value),
    /// Any other text, which may be a snapshot or a template.
    Text(String),
}

/// A known kind of file that cannot be checked, with the command that makes one that can.
#[derive(Debug, Error)]
pub enum NotForUs {
    /// Bytes that are not UTF-8.
    #[error("is not text: byte {at} is not UTF-8")]
    NotText {
        /// Offset of the first invalid byte.
        at: usize,
    },
    /// A text in an encoding that is not UTF-8: Windows PowerShell writes UTF-16 with `>`.
    #[error("is {encoding} text, as Windows PowerShell writes it; save it as UTF-8")]
    NotUtf8 {
        /// `UTF-16`, `UTF-32`.
        encoding: &'static str,
    },
    /// A plan file of `terraform plan -out`.
    #[error(
        "is a binary Terraform plan; run `terraform show -json {file}` and check its output instead"
    )]
    BinaryPlan {
        /// Name of the plan file.
        file: String,
    },
    /// A state file.
    #[error(
        "is a raw Terraform state file; run `terraform show -json` and check its output instead"
    )]
    RawState,
    /// The log of a plan.
    #[error(
        "is the log of `terraform plan -json`; run `terraform plan -out FILE`, then `terraform show -json FILE`, and check its output instead"
    )]
    Log,
    /// A plan as `terraform plan` prints it.
    #[error(
        "is the human-readable output of `terraform plan`; run `terraform show -json FILE` and check its output instead"
    )]
    Prose,
    /// A configuration.
    #[error(
        "is a Terraform configuration; run `terraform plan -out FILE`, then `terraform show -json FILE`, and check its output instead"
    )]
    Configuration,
}

/// Text of which at least one part is in every JSON file from Terraform.
const HINTS: [&str; 4] = [
    "\"format_version\"",
    "\"lineage\"",
    "\"terraform_version\"",
    "\"@level\"",
];

/// First words of lines that only a plan for people has.
const PROSE: [&str; 4] = [
    "Terraform will perform",
    "Terraform used the selected",
    "OpenTofu will perform",
    "OpenTofu used the selected",
];

/// First words of lines that only a configuration has.
const CONFIGURATION: [&str; 8] = [
    "resource \"",
    "provider \"",
    "module \"",
    "variable \"",
    "data \"",
    "output \"",
    "terraform {",
    "locals {",
];

/// Returns the text of a file, which must be UTF-8.
///
/// # Errors
/// The file is in another encoding, which is named where it is known.
pub fn decode_text(bytes: Vec<u8>) -> Result<String, NotForUs> {
    if let Some(encoding) = find_wide_encoding(&bytes) {
        return Err(NotForUs::NotUtf8 { encoding });
    }
    String::from_utf8(bytes).map_err(|error| NotForUs::NotText {
        at: error.utf8_error().valid_up_to(),
    })
}

/// Returns the encoding of a text whose characters have two or four bytes each: by its byte order mark, else by the
/// zeros next to the first character, which is one of ASCII in JSON and YAML.
fn find_wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [a, 0, 0, 0, ..] | [0, 0, 0, a, ..] if *a > 0 => Some("UTF-32"),
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] if *a > 0 && *b > 0 => Some("UTF-16"),
        _ => None,
    }
}

/// Returns what the bytes of a file hold.
///
/// # Errors
/// The bytes are a known kind of file that cannot be checked.
pub fn recognize_file(bytes: Vec<u8>, file: &str) -> Result<Found, NotForUs> {
    // A saved plan is a ZIP archive: <https://developer.hashicorp.com/terraform/internals/json-format>.
    if bytes.starts_with(b"PK\x03\x04") {
        let file = file.to_owned();
        return Err(NotForUs::BinaryPlan { file });
    }
    let text = decode_text(bytes)?;
    let bare = text.trim_start_matches('\u{feff}');
    if bare.trim_start().starts_with('{') {
        // Parsing a large snapshot as untyped JSON first would double the time of a scan.
        if !HINTS.iter().any(|hint| bare.contains(hint)) {
            return Ok(Found::Text(text));
        }
        return match serde_json::from_str(bare) {
            Ok(value) => classify_json(value, text),
            Err(_) if bare.lines().next().is_some_and(is_log_line) => Err(NotForUs::Log),
            Err(_) => Ok(Found::Text(text)),
        };
    }
    let has_line = |starts: &[&str]| {
        bare.lines()
            .map(strip_color_codes)
            .any(|line| starts.iter().any(|it| line.starts_with(it)))
    };
    if has_line(&PROSE) {
        return Err(NotForUs::Prose);
    }
    if has_line(&CONFIGURATION) {
        return Err(NotForUs::Configuration);
    }
    Ok(Found::Text(text))
}

/// Returns a line without its leading ANSI color codes, which Terraform writes to files too.
fn strip_color_codes(mut line: &str) -> &str {
    while let Some((_, rest)) = line
        .strip_prefix("\u{1b}[")
        .and_then(|rest| rest.split_once('m'))
    {
        line = rest;
    }
    line
}

/// Returns what parsed JSON with a hint of Terraform holds.
fn classify_json(value: Value, text: String) -> Result<Found, NotForUs> {
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

fn is_log_line(line: &str) -> bool {
    serde_json::from_str(line).is_ok_and(|value| terraform::is_log(&value))
}
