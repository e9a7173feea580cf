//! Parses the text of a template, JSON or YAML.

use super::node::{Fault, Parsed};
use super::{json, yaml};

/// Whether a text is JSON rather than YAML.
pub(super) fn is_json(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_start().starts_with('{')
}

/// Parses a template.
///
/// # Errors
/// The text is neither JSON nor YAML as CloudFormation reads them, or exceeds a limit.
pub(super) fn parse_template(text: &str) -> Result<Parsed, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_json(text) {
        json::parse_json(text)
    } else {
        yaml::parse_yaml(text)
    }
}
