//! Escapes values for Markdown, so that they render as the characters that they are.
//!
//! GitHub interprets more than the syntax of Markdown: `@name` notifies a person, `#12` and `GH-12` link an
//! issue, a commit hash becomes a link, a URL links itself, and HTML is HTML
//! (<https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls>).
//! None of that happens in a code span, so every word that could be interpreted becomes one.

use crate::text::escape_invisible;

/// The lengths of a commit hash that GitHub links.
const HASH: std::ops::RangeInclusive<usize> = 7..=40;

/// Returns a sentence with every word that is not plain in a code span.
pub(in crate::report) fn escape_sentence(text: &str) -> String {
    let text = escape_invisible(text);
    // Commands in fixes are quoted with backticks already.
    let is_quoted = text.matches('`').count().is_multiple_of(2);
    if !is_quoted {
        return escape_words(&text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str(&quote_code(piece));
        } else {
            out.push_str(&escape_words(piece));
        }
    }
    out
}

/// Returns a sentence for a cell of a table.
pub(in crate::report) fn escape_cell(text: &str) -> String {
    // A bar ends a cell even in a code span, and a backslash before it is ambiguous.
    escape_sentence(&text.replace('|', "\\u{7c}"))
}

/// Returns a row of a table.
pub(in crate::report) fn format_row(cells: &[&str]) -> String {
    let cells = cells.iter().map(|cell| format!("| {} ", escape_cell(cell)));
    cells.collect::<String>() + "|\n"
}

/// Returns a value in a code span.
pub(super) fn quote_code(text: &str) -> String {
    let text = escape_invisible(text);
    if text.trim().is_empty() {
        return format!("\"{text}\"");
    }
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // Markdown removes one space at each end if both are present.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn escape_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        // Punctuation around a name is not part of it.
        let inner = word.trim_start_matches('(');
        let (before, rest) = word.split_at(word.len() - inner.len());
        let name = rest.trim_end_matches([',', '.', ';', ':', ')', '?']);
        let after = &rest[name.len()..];
        out.push_str(before);
        if is_plain(name) {
            out.push_str(name);
        } else {
            out.push_str(&quote_code(name));
        }
        out.push_str(after);
    }
    out
}

/// Whether GitHub renders a word as its characters.
fn is_plain(word: &str) -> bool {
    let time = |c: char| c == ':' && word.chars().all(|it| it.is_ascii_digit() || it == ':');
    let mark = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-,.;'\"%?()".contains(c);
    let lower = word.to_ascii_lowercase();
    let is_hash = |piece: &str| {
        HASH.contains(&piece.len())
            && piece.bytes().all(|it| it.is_ascii_hexdigit())
            && piece.bytes().any(|it| it.is_ascii_digit())
    };
    let names_issue = lower
        .rsplit_once("gh-")
        .is_some_and(|(_, number)| number.starts_with(|c: char| c.is_ascii_digit()));
    !word.contains(|c| mark(c) && !time(c))
        && !word.split(|c: char| !c.is_alphanumeric()).any(is_hash)
        && !names_issue
        && !lower.contains("www.")
        // At the start of a line it begins a list or underlines a heading.
        && !word.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_are_unchanged() {
        let text = "versioning was never enabled: AWS Backup only backs up versioned buckets (see below), 100% of them at 06:00:12 on 2026-03-03";
        assert_eq!(escape_sentence(text), text);
    }

    #[test]
    fn words_that_github_interprets_become_code() {
        for (word, expected) in [
            ("@octocat", "`@octocat`"),
            ("(@octocat),", "(`@octocat`),"),
            ("#123", "`#123`"),
            ("GH-123", "`GH-123`"),
            ("octo/repo#1", "`octo/repo#1`"),
            ("5f0c9a3", "`5f0c9a3`"),
            ("key-5f0c9a3e-1", "`key-5f0c9a3e-1`"),
            ("https://example.com", "`https://example.com`"),
            ("www.example.com", "`www.example.com`"),
            ("a@example.com", "`a@example.com`"),
            ("**bold**", "`**bold**`"),
            ("[a](b)", "`[a](b`)"),
            ("<b>", "`<b>`"),
            ("&lt;", "`&lt`;"),
            (":bomb:", "`:bomb`:"),
            ("$x$", "`$x$`"),
            ("two\nlines", "`two\\nlines`"),
            ("\u{202e}abc", "`\\u{202e}abc`"),
            ("-", "`-`"),
        ] {
            assert_eq!(escape_sentence(word), expected);
        }
    }

    #[test]
    fn quoted_commands_stay_quoted() {
        assert_eq!(
            escape_sentence("Run `aws s3 ls | wc`."),
            "Run `aws s3 ls | wc`."
        );
        assert_eq!(escape_cell("Run `a | b`."), "Run `a \\u{7c} b`.");
        // A single backtick opens nothing.
        assert_eq!(escape_sentence("a`b"), "``a`b``");
        assert_eq!(quote_code("`"), "`` ` ``");
        assert_eq!(quote_code("a``b"), "```a``b```");
        assert_eq!(quote_code(" "), "\" \"");
    }
}
