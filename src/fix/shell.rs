//! Quoting for POSIX shells.

/// Returns a text as one word of a POSIX shell: in single quotes, unless it is plain.
///
/// Control characters are data and stay: a name with a line break is still one word.
/// Source: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02>.
#[must_use]
pub fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('=') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Returns a text for a comment: on one line, without characters that a terminal interprets.
#[must_use]
pub fn sanitize_comment(text: &str) -> String {
    let sanitize = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(sanitize).collect()
}

/// Whether a character separates lines or changes the direction of text.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_are_not_quoted() {
        assert_eq!(
            quote("arn:aws:kms:eu-west-1:1:key/a"),
            "arn:aws:kms:eu-west-1:1:key/a"
        );
        assert_eq!(quote("--region"), "--region");
    }

    #[test]
    fn other_words_are_quoted() {
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("$(rm -rf /)"), "'$(rm -rf /)'");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote("a\nb"), "'a\nb'");
        assert_eq!(quote("=ls"), "'=ls'");
        assert_eq!(quote("~root"), "'~root'");
    }

    #[test]
    fn a_comment_stays_on_one_line() {
        assert_eq!(
            sanitize_comment("a\nrm -rf /\r\u{1b}[31m"),
            "a rm -rf / \u{fffd}[31m"
        );
        assert_eq!(
            sanitize_comment("a\u{2028}b\u{202e}c"),
            "a\u{fffd}b\u{fffd}c"
        );
    }
}
