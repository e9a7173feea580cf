//! Text on a page of a given width: neutralised, measured, wrapped, coloured.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style as Ansi};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use crate::report::{ResourceVerdict, Status};

/// Narrower than this the counts do not fit, so nothing is made to.
const NARROWEST: usize = 72;
/// Lines longer than this are hard to read, however wide the terminal.
const WIDEST: usize = 140;
/// Blanks between two columns.
const GAP: u16 = 2;

/// How a piece of text looks where colours are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Dim,
    Good,
    Risk,
    Unknown,
    Bad,
}

impl Tone {
    pub(super) fn of(verdict: ResourceVerdict) -> Self {
        match verdict {
            ResourceVerdict::Exempt => Tone::Dim,
            ResourceVerdict::Ready => Tone::Good,
            ResourceVerdict::AtRisk => Tone::Risk,
            ResourceVerdict::Unknown => Tone::Unknown,
            ResourceVerdict::NotReady => Tone::Bad,
        }
    }

    pub(super) fn of_status(status: Status) -> Self {
        Tone::of(ResourceVerdict::of(status))
    }

    fn ansi(self) -> Ansi {
        let color = |color: AnsiColor| Ansi::new().fg_color(Some(color.into())).bold();
        match self {
            Tone::Plain => Ansi::new(),
            Tone::Strong => Ansi::new().bold(),
            Tone::Dim => Ansi::new().dimmed(),
            Tone::Good => color(AnsiColor::Green),
            Tone::Risk => color(AnsiColor::Yellow),
            Tone::Unknown => color(AnsiColor::Magenta),
            Tone::Bad => color(AnsiColor::Red),
        }
    }
}

/// A report under construction.
#[derive(Debug)]
pub(super) struct Page {
    width: usize,
    color: bool,
    text: String,
}

impl Page {
    pub(super) fn new(width: usize, color: bool) -> Self {
        Page {
            width: width.clamp(NARROWEST, WIDEST),
            color,
            text: String::new(),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// An empty line, but never two, and none at the top.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// The head of a section, with what follows it on the same line.
    pub(super) fn title(&mut self, title: &str, rest: &str) {
        self.blank();
        self.flow(0, 2, &[(Tone::Strong, title), (Tone::Plain, rest)]);
    }

    /// Words over as many lines as they need: the first line is indented by `indent`, the others by `hang`.
    /// Pieces are joined by a blank; an empty one is left out.
    pub(super) fn flow(&mut self, indent: usize, hang: usize, pieces: &[(Tone, &str)]) {
        let mut line = Line::new(indent);
        for (tone, text) in pieces.iter().filter(|(_, text)| !text.is_empty()) {
            for word in clean(text).split(' ') {
                if !line.is_empty() && line.width + 1 + word.width() > self.width {
                    self.push(&line);
                    line = Line::new(hang);
                }
                let mut rest = word;
                // Only what is longer than a line is cut: half an ARN cannot be pasted.
                while line.is_empty() && line.width + rest.width() > self.width {
                    let head = match prefix(rest, self.width - line.width) {
                        // Never without progress, however narrow.
                        "" => rest,
                        head => head,
                    };
                    line.add(*tone, head);
                    rest = &rest[head.len()..];
                    self.push(&line);
                    line = Line::new(hang);
                }
                line.add(*tone, rest);
            }
        }
        if !line.is_empty() {
            self.push(&line);
        }
    }

    /// Numbers under their heads, which are coloured.
    pub(super) fn numbers(
        &mut self,
        indent: usize,
        rows: Vec<Vec<String>>,
        heads: &[(&str, Tone)],
    ) {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .force_no_tty();
        for row in rows {
            table.add_row(row.iter().map(|text| Cell::new(clean(text))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
            if column.index > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = table.lines().collect();
        for (number, laid_out) in lines.iter().enumerate() {
            let mut line = Line::new(indent);
            line.paint(laid_out.trim_end(), if number == 0 { heads } else { &[] });
            self.push(&line);
        }
    }

    /// Texts under each other, with what is said of each beside it.
    pub(super) fn pairs(&mut self, indent: usize, pairs: &[(String, String)]) {
        let widest = pairs
            .iter()
            .map(|(text, _)| columns(&clean(text)))
            .max()
            .unwrap_or_default();
        for (text, about) in pairs {
            let text = format!("{} ", pad(&clean(text), widest));
            self.flow(
                indent,
                indent + 2,
                &[(Tone::Plain, &text), (Tone::Plain, about)],
            );
        }
    }

    fn push(&mut self, line: &Line) {
        self.text.extend(std::iter::repeat_n(' ', line.indent));
        for (tone, text) in &line.pieces {
            let ansi = tone.ansi();
            if self.color && ansi != Ansi::new() {
                self.text.push_str(&format!("{ansi}{text}{ansi:#}"));
            } else {
                self.text.push_str(text);
            }
        }
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }
}

/// One line: pieces of text, each in its tone.
#[derive(Debug)]
struct Line {
    indent: usize,
    width: usize,
    pieces: Vec<(Tone, String)>,
}

impl Line {
    fn new(indent: usize) -> Self {
        Line {
            indent,
            width: indent,
            pieces: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Adds a word, after a blank where it is not the first.
    fn add(&mut self, tone: Tone, word: &str) {
        if !self.is_empty() {
            // The blank goes where no style ends a line with it.
            match self.pieces.last_mut() {
                Some((last, text)) if *last == tone => text.push(' '),
                _ => self.pieces.push((Tone::Plain, " ".to_owned())),
            }
            self.width += 1;
        }
        match self.pieces.last_mut() {
            Some((last, text)) if *last == tone => text.push_str(word),
            _ => self.pieces.push((tone, word.to_owned())),
        }
        self.width += word.width();
    }

    /// Takes a laid-out line, with the first of `tones` that occurs in it, as a word of its own, coloured.
    fn paint(&mut self, text: &str, tones: &[(&str, Tone)]) {
        let mut rest = text;
        for (word, tone) in tones {
            let Some(at) = rest.find(word) else { continue };
            let (before, found) = rest.split_at(at);
            let (found, after) = found.split_at(word.len());
            self.pieces.push((Tone::Plain, before.to_owned()));
            self.pieces.push((*tone, found.to_owned()));
            rest = after;
        }
        self.pieces.push((Tone::Plain, rest.to_owned()));
    }
}

/// The text with everything that could move the cursor, change a colour or turn the direction of
/// writing made visible: names and tags are whatever somebody typed.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hostile(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

// Joiners stay: scripts and emoji need them.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The longest beginning that is at most so wide.
fn prefix(text: &str, width: usize) -> &str {
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

/// The longest end that is at most so wide.
fn suffix(text: &str, width: usize) -> &str {
    let mut best = text.len();
    for (at, _) in text.char_indices().rev() {
        if text[at..].width() > width {
            break;
        }
        best = at;
    }
    &text[best..]
}

/// The text, cut in its middle to a width: names often differ at their end.
pub(super) fn shorten_middle(text: &str, width: usize) -> String {
    let text = clean(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let room = width.saturating_sub(1);
    let tail = suffix(&text, room / 2);
    format!("{}…{tail}", prefix(&text, room - tail.width()))
}

/// The text, filled up with blanks to a width.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Columns that a text takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `1 thing`, `2 things`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

/// At most `most` of the texts, and how many more there are.
pub(super) fn some_of<'a>(texts: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let texts: Vec<&str> = texts.into_iter().collect();
    let mut list = texts[..texts.len().min(most)].join(", ");
    if texts.len() > most {
        list.push_str(&format!(" and {} more", texts.len() - most));
    }
    list
}

/// Replaces a word where it stands alone: `eu-west-1` not in `eu-west-1a`, nor `kms:Decrypt` in `kms:Decrypt*`.
pub(super) fn replace_word(text: &str, word: &str, by: &str) -> String {
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
            clean("a\u{1b}[31mb\n\u{202e}c"),
            "a\\u{1b}[31mb\\n\\u{202e}c"
        );
        assert_eq!(clean("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(clean("日本 👩‍💻"), "日本 👩‍💻");
        // Twice is as good as once.
        assert_eq!(clean(&clean("\u{7}")), "\\u{7}");
    }

    #[test]
    fn names_are_cut_to_columns_and_not_to_bytes() {
        assert_eq!(shorten_middle("データベース", 7), "デー…ス");
        assert_eq!(shorten_middle("data", 4), "data");
        assert_eq!(
            shorten_middle("logs-of-the-payment-service-prod", 16),
            "logs-of-…ce-prod"
        );
        for width in 1..20 {
            assert!(columns(&shorten_middle("データ👩‍💻ベ", width)) <= width);
            assert!(columns(&shorten_middle("データベースabcdef", width)) <= width);
        }
    }

    #[test]
    fn words_are_only_cut_where_they_are_longer_than_a_line() {
        let mut page = Page::new(NARROWEST, false);
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd";
        page.flow(0, 4, &[(Tone::Plain, "the key is"), (Tone::Bad, arn)]);
        page.flow(0, 4, &[(Tone::Plain, &"x".repeat(100))]);
        let text = page.into_text();
        assert!(text.contains(arn), "{text}");
        assert!(text.lines().all(|line| line.width() <= NARROWEST), "{text}");
        assert_eq!(text.matches('x').count(), 100);
    }

    #[test]
    fn colours_do_not_change_the_words() {
        let pieces = [
            (Tone::Bad, "one two"),
            (Tone::Dim, "three"),
            (Tone::Dim, "four"),
        ];
        let mut plain = Page::new(NARROWEST, false);
        plain.flow(2, 2, &pieces);
        let mut colored = Page::new(NARROWEST, true);
        colored.flow(2, 2, &pieces);
        assert_eq!(plain.into_text(), "  one two three four\n");
        let text = colored.into_text();
        assert!(text.contains("\u{1b}["), "{text:?}");
        assert!(
            text.contains("one two") && text.contains("three four"),
            "{text:?}"
        );
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
}
