//! Values in Markdown, so that they stay the letters that they are.
//!
//! GitHub turns more than Markdown's own marks into something else: `@name` notifies a person, `#12`
//! and `GH-12` link an issue, a commit's hash links it, an address links itself, and HTML is HTML
//! (<https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls>).
//! None of that happens in a code span, so every word that could be more than a word becomes one.

use crate::text::escape_invisible;

/// The longest name of a commit, and the shortest that GitHub links.
const HASH: std::ops::RangeInclusive<usize> = 7..=40;

/// A sentence, its words as they are, and in code spans what is no plain word.
pub(super) fn sentence(text: &str) -> String {
    let text = escape_invisible(text);
    // Commands in fixes are quoted like this already.
    let quoted = text.matches('`').count().is_multiple_of(2);
    if !quoted {
        return words(&text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, piece) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str(&code(piece));
        } else {
            out.push_str(&words(piece));
        }
    }
    out
}

/// A sentence in a cell of a table.
pub(super) fn cell(text: &str) -> String {
    sentence(&bar_free(text))
}

/// A value in a code span: nothing in it is anything but itself.
pub(super) fn code(text: &str) -> String {
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
    // One blank at each end is taken away again, where both are there.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A bar ends a cell even in a code span, and a backslash before it is read in two ways.
fn bar_free(text: &str) -> String {
    text.replace('|', "\\u{7c}")
}

fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        // What surrounds a name is no part of it.
        let inner = word.trim_start_matches('(');
        let (before, rest) = word.split_at(word.len() - inner.len());
        let name = rest.trim_end_matches([',', '.', ';', ':', ')', '?']);
        let after = &rest[name.len()..];
        out.push_str(before);
        if is_plain(name) {
            out.push_str(name);
        } else {
            out.push_str(&code(name));
        }
        out.push_str(after);
    }
    out
}

/// Whether nothing reads a word as more than its letters.
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
        // The beginning of a list, or a line under a heading, where it starts a line.
        && !word.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_plain() {
        let text = "versioning was never enabled: AWS Backup only backs up versioned buckets (see below), 100% of them at 06:00:12 on 2026-03-03";
        assert_eq!(sentence(text), text);
    }

    #[test]
    fn what_github_reads_becomes_code() {
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
            assert_eq!(sentence(word), expected);
        }
    }

    #[test]
    fn commands_are_quoted_as_they_were() {
        assert_eq!(sentence("Run `aws s3 ls | wc`."), "Run `aws s3 ls | wc`.");
        assert_eq!(cell("Run `a | b`."), "Run `a \\u{7c} b`.");
        // One alone opens nothing.
        assert_eq!(sentence("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code(" "), "\" \"");
    }
}
