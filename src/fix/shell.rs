//! Words of a shell script that hold whatever they are given.

/// A text as one word of a POSIX shell: in single quotes, unless it is plain.
///
/// Characters that a terminal acts on are kept where they are data; a name with a line break is one
/// word all the same.
/// Source: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02>.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('=') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text as it may stand in a comment: on one line, with nothing that a terminal acts on.
#[must_use]
pub fn remark(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Separators of lines and marks that change the direction of text.
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
    fn plain_words_stay_as_they_are() {
        assert_eq!(
            quote("arn:aws:kms:eu-west-1:1:key/a"),
            "arn:aws:kms:eu-west-1:1:key/a"
        );
        assert_eq!(quote("--region"), "--region");
    }

    #[test]
    fn everything_else_is_quoted() {
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("$(rm -rf /)"), "'$(rm -rf /)'");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote("a\nb"), "'a\nb'");
        assert_eq!(quote("=ls"), "'=ls'");
        assert_eq!(quote("~root"), "'~root'");
    }

    #[test]
    fn a_remark_stays_on_its_line() {
        assert_eq!(remark("a\nrm -rf /\r\u{1b}[31m"), "a rm -rf / \u{fffd}[31m");
        assert_eq!(remark("a\u{2028}b\u{202e}c"), "a\u{fffd}b\u{fffd}c");
    }
}
