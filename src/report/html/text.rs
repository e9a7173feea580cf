//! Names and numbers as the page shows them.

use crate::text::{group_digits, percent_encode, plural_noun, truncate_middle};

/// The width to which a name is truncated, in columns.
const LONGEST_NAME: usize = 120;

/// Returns a name, escaped and truncated.
pub(super) fn format_name(text: &str) -> String {
    truncate_middle(text, LONGEST_NAME)
}

/// Returns a number as people read it: `12,345`.
pub(super) fn format_number(number: usize) -> String {
    group_digits(&number.to_string())
}

/// Returns a number with its noun: `1 rule`, `12,345 rules`.
pub(super) fn count_of(number: usize, noun: &str) -> String {
    format!("{} {}", format_number(number), plural_noun(number, noun))
}

/// Returns a text percent-encoded for the fragment of a link.
pub(super) fn encode_fragment(text: &str) -> String {
    percent_encode(text, "-._~")
}
