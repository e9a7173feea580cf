//! Recognizes what a file holds by its content, not by its name.

use serde_json::Value;
use thiserror::Error;

use super::terraform;

/// What a file holds.
#[derive(Debug)]
pub enum Found {
    /// The output of `terraform show -json`, and a note about lines around it.
    Terraform(Value, Option<&'static str>),
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
    /// A file of gzip, as artifacts of CI often are: <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>.
    #[error("is compressed with gzip; decompress it first, with `gunzip`")]
    Gzip,
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
    /// Several plans in one file.
    #[error("contains {count} Terraform plans; check each of them separately")]
    SeveralPlans {
        /// Number of plans.
        count: usize,
    },
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

/// What to know about a plan with lines in front of it.
const WRAPPER_NOTE: &str = "the lines before the plan are not part of it and were left out; setup-terraform writes none with terraform_wrapper: false";

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
    if bytes.starts_with(b"\x1f\x8b") {
        return Err(NotForUs::Gzip);
    }
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
    // Parsing a large snapshot as untyped JSON first would double the time of a scan, and so would looking for parts
    // of other files.
    if starts_as_snapshot(bare) {
        return Ok(Found::Text(text));
    }
    let may_be_terraform = HINTS.iter().any(|hint| bare.contains(hint));
    if let Some(json) = may_be_terraform.then(|| find_json(bare)).flatten() {
        let note = (json.len() < bare.trim_start().len()).then_some(WRAPPER_NOTE);
        let found = read_json(json).map(|it| it.map(|plan| Found::Terraform(plan, note)));
        return found.unwrap_or(Ok(Found::Text(text)));
    }
    if bare.trim_start().starts_with('{') {
        return Ok(Found::Text(text));
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

/// Whether a text begins as `collect` writes snapshots.
#[must_use]
pub fn starts_as_snapshot(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let rest = text.strip_prefix('{').map(str::trim_start);
    rest.is_some_and(|it| it.starts_with("\"snapshot_version\""))
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

/// Returns the JSON in a text: all of it, or what follows the lines that a wrapper of Terraform writes first.
///
/// The wrapper of hashicorp/setup-terraform writes `[command]/path/terraform-bin show -json plan.bin`:
/// <https://github.com/hashicorp/setup-terraform/issues/42>. Terragrunt writes such lines too.
fn find_json(text: &str) -> Option<&str> {
    if text.trim_start().starts_with(['{', '[']) && !text.trim_start().starts_with("[command]") {
        return Some(text);
    }
    let mut rest = text;
    while !rest.is_empty() {
        if rest.starts_with('{') {
            let compact = rest.chars().filter(|c| !c.is_whitespace()).take(32);
            let compact: String = compact.collect();
            let starts = ["{\"format_version\"", "{\"@level\""];
            if starts.iter().any(|it| compact.starts_with(it)) {
                return Some(rest);
            }
        }
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    None
}

/// Returns what JSON with a hint of Terraform holds; `None` if it is not from Terraform.
fn read_json(json: &str) -> Option<Result<Value, NotForUs>> {
    if json.lines().next().is_some_and(is_log_line) {
        return Some(Err(NotForUs::Log));
    }
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let first = values.next()?.ok()?;
    let rest = json.get(values.byte_offset()..).unwrap_or_default();
    if let Value::Array(list) = &first
        && list.len() > 1
        && list.iter().all(terraform::is_shown)
    {
        return Some(Err(NotForUs::SeveralPlans { count: list.len() }));
    }
    if terraform::is_raw_state(&first) && !terraform::is_shown(&first) {
        return Some(Err(NotForUs::RawState));
    }
    if !terraform::is_shown(&first) {
        return None;
    }
    let more = values.map_while(Result::ok).filter(terraform::is_shown);
    match more.count() {
        0 if is_wrapped(rest) => Some(Ok(first)),
        0 => None,
        more => Some(Err(NotForUs::SeveralPlans { count: more + 1 })),
    }
}

/// Returns whether what follows a plan is nothing, or a workflow command that a wrapper writes.
fn is_wrapped(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with("::") || rest.starts_with("##[")
}

fn is_log_line(line: &str) -> bool {
    serde_json::from_str(line).is_ok_and(|value| terraform::is_log(&value))
}
