//! Quotes parts of a policy in messages.

use super::document::Label;

/// The number of characters of a policy's text that a message quotes.
const MAX_QUOTE_CHARS: usize = 120;

/// Truncates text from a policy to the length of a quote, and replaces its control characters.
#[must_use]
pub fn shorten_text(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(MAX_QUOTE_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MAX_QUOTE_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// Returns a statement's name for the start of a sentence: `statement 3 ("Allow use of the key")`.
#[must_use]
pub fn name_statement(label: &Label) -> String {
    match &label.sid {
        Some(sid) => format!("statement {} (\"{}\")", label.number, shorten_text(sid)),
        None => format!("statement {}", label.number),
    }
}

/// Returns at most three values, joined with `conjunction`.
pub(super) fn list_values<'a>(
    values: impl ExactSizeIterator<Item = &'a str>,
    conjunction: &str,
) -> String {
    let count = values.len();
    let quote = |text: &str| match shorten_text(text) {
        // Blanks at the ends would be invisible.
        short if short.trim() != short || short.is_empty() => format!("{short:?}"),
        short => short,
    };
    let mut quoted: Vec<String> = values.take(3).map(quote).collect();
    if count > quoted.len() {
        quoted.push(format!("{} more", count - quoted.len()));
    }
    quoted.join(conjunction)
}
