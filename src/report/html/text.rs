//! Names and numbers as the page shows them.

use crate::text::{plural_noun, truncate_middle};
/// The width to which a name is truncated, in columns.
const LONGEST_NAME: usize = 120;

/// Returns a name, escaped and truncated.
pub(super) fn format_name(text: &str) -> String {
    truncate_middle(text, LONGEST_NAME)
}

/// Returns a number as people read it: `12,345`.
pub(super) fn format_number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with its noun: `1 rule`, `12,345 rules`.
pub(super) fn count_of(number: usize, noun: &str) -> String {
    format!("{} {}", format_number(number), plural_noun(number, noun))
}

/// Returns a text percent-encoded for the fragment of a link.
pub(super) fn encode_fragment(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
