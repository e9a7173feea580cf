//! Text that people read: plurals, lists that are cut, names cut to a width, and invisible characters made visible.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// Returns the text with every character escaped that could move the cursor, change a color or turn the
/// direction of writing: names and tags hold whatever somebody typed.
#[must_use]
pub fn escape_invisible(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte);
    if text.bytes().all(is_plain) || !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_invisible(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// Returns a text of several lines with the characters of each escaped as [`escape_invisible`] does.
#[must_use]
pub fn escape_lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.lines().map(escape_invisible).collect();
    lines.join("\n")
}

/// Whether a character is a control character or changes the text around it without being seen.
///
/// Joiners are not: scripts and emoji need them.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the longest prefix that is at most `width` columns wide.
#[must_use]
pub fn prefix_of_width(text: &str, width: usize) -> &str {
    let mut best = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let wide = text[..end].width();
        if wide <= width {
            best = end;
        } else if wide > width + 8 {
            break;
        }
    }
    &text[..best]
}

/// Returns the longest suffix that is at most `width` columns wide.
fn suffix_of_width(text: &str, width: usize) -> &str {
    let mut best = text.len();
    for (at, _) in text.char_indices().rev() {
        if text[at..].width() > width {
            break;
        }
        best = at;
    }
    &text[best..]
}

/// Returns the text cut in its middle to at most `width` columns: names often differ at their end.
#[must_use]
pub fn truncate_middle(text: &str, width: usize) -> String {
    let text = escape_invisible(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let room = width.saturating_sub(1);
    let tail = suffix_of_width(&text, room / 2);
    format!("{}…{tail}", prefix_of_width(&text, room - tail.width()))
}

/// Returns the text cut at its end to at most `width` columns.
#[must_use]
pub fn truncate_end(text: &str, width: usize) -> String {
    let text = escape_invisible(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let head = prefix_of_width(&text, width.saturating_sub(3));
    format!("{}...", head.trim_end())
}

/// Returns the text padded with blanks to `width` columns.
#[must_use]
pub fn pad_to_width(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Returns the number of terminal columns that the text occupies.
#[must_use]
pub fn display_width(text: &str) -> usize {
    text.width()
}

/// Returns bytes as hex digits.
#[must_use]
pub fn format_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns digits in groups of three: `12,345`.
#[must_use]
pub fn group_digits(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a text percent-encoded, except letters, digits and the given characters.
#[must_use]
pub fn percent_encode(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Returns a number with its noun: `1 volume`, `2 volumes`, `3 policies`.
#[must_use]
pub fn plural(number: usize, noun: &str) -> String {
    format!("{number} {}", plural_noun(number, noun))
}

/// Returns a number of days with its noun.
#[must_use]
pub fn plural_days(days: u32) -> String {
    plural(usize::try_from(days).unwrap_or(usize::MAX), "day")
}

/// Returns the noun alone, in the singular for exactly one: `volume`, `volumes`, `policies`, `copies`.
///
/// Only the last word changes, so `backup job` and `KMS key` are given as they are.
#[must_use]
pub fn plural_noun(number: usize, noun: &str) -> Cow<'_, str> {
    if number == 1 {
        return Cow::Borrowed(noun);
    }
    let vowel_before_y = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    Cow::Owned(match noun.strip_suffix('y') {
        Some(stem) if !vowel_before_y(stem) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    })
}

/// Returns at most `most` of the texts, comma separated, then how many more there are: `a, b and 3 more`.
#[must_use]
pub fn and_more<'a>(texts: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let texts: Vec<&str> = texts.into_iter().collect();
    let mut list = texts[..texts.len().min(most)].join(", ");
    if texts.len() > most {
        list.push(' ');
        list.push_str(&count_more(texts.len() - most));
    }
    list
}

/// Returns the end of a list that was cut: `and 3 more`.
#[must_use]
pub fn count_more(number: usize) -> String {
    format!("and {number} more")
}

/// Replaces a word where it is not part of a longer one: `eu-west-1` not in `eu-west-1a`, nor `kms:Decrypt` in `kms:Decrypt*`.
#[must_use]
pub fn replace_word(text: &str, word: &str, by: &str) -> String {
    if word.is_empty() || !text.contains(word) {
        return text.to_owned();
    }
    let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '*');
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (at, found) in text.match_indices(word) {
        let end = at + found.len();
        let alone = !text[..at].chars().next_back().is_some_and(part_of_word)
            && !text[end..].chars().next().is_some_and(part_of_word);
        if alone {
            replaced.push_str(&text[done..at]);
            replaced.push_str(by);
            done = end;
        }
    }
    replaced.push_str(&text[done..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_made_visible() {
        assert_eq!(
            escape_invisible("a\u{1b}[31mb\n\u{202e}c"),
            "a\\u{1b}[31mb\\n\\u{202e}c"
        );
        assert_eq!(escape_invisible("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(escape_invisible("日本 👩‍💻"), "日本 👩‍💻");
        // Twice is as good as once.
        assert_eq!(escape_invisible(&escape_invisible("\u{7}")), "\\u{7}");
    }

    #[test]
    fn names_are_cut_to_columns_and_not_to_bytes() {
        assert_eq!(truncate_middle("データベース", 7), "デー…ス");
        assert_eq!(truncate_middle("data", 4), "data");
        assert_eq!(
            truncate_middle("logs-of-the-payment-service-prod", 16),
            "logs-of-…ce-prod"
        );
        for width in 1..20 {
            assert!(display_width(&truncate_middle("データ👩‍💻ベ", width)) <= width);
            assert!(display_width(&truncate_middle("データベースabcdef", width)) <= width);
        }
    }

    #[test]
    fn only_whole_words_are_replaced() {
        assert_eq!(
            replace_word("eu-west-1: eu-west-1a, (eu-west-1)", "eu-west-1", "X"),
            "X: eu-west-1a, (X)"
        );
        assert_eq!(
            replace_word("logs and my-logs", "logs", "<id>"),
            "<id> and my-logs"
        );
    }

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!(plural(1, "day"), "1 day");
        assert_eq!(plural(0, "volume"), "0 volumes");
        assert_eq!(plural(2, "key policy"), "2 key policies");
        assert_eq!(plural(3, "day"), "3 days");
        assert_eq!(plural(2, "S3 bucket"), "2 S3 buckets");
        assert_eq!(plural(2, "switch"), "2 switches");
    }

    #[test]
    fn a_long_list_ends_with_the_number_left_out() {
        assert_eq!(and_more(["a", "b"], 2), "a, b");
        assert_eq!(and_more(["a", "b", "c"], 1), "a and 2 more");
    }
}
