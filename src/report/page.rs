//! Text in lines of a given width: escaped, measured, wrapped and colored.

use anstyle::{AnsiColor, Style as Ansi};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use crate::report::{ResourceVerdict, Status};
use crate::text::{display_width, escape_invisible, pad_to_width, prefix_of_width};

/// The least width in columns: the table of counts needs it.
const NARROWEST: usize = 72;
/// The greatest width in columns: longer lines are hard to read.
const WIDEST: usize = 140;
/// The gap between two columns.
const GAP: u16 = 2;

/// The style of a piece of text if colors are on.
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
    pub(super) fn for_verdict(verdict: ResourceVerdict) -> Self {
        match verdict {
            ResourceVerdict::Exempt => Tone::Dim,
            ResourceVerdict::Ready => Tone::Good,
            ResourceVerdict::AtRisk => Tone::Risk,
            ResourceVerdict::Unknown => Tone::Unknown,
            ResourceVerdict::NotReady => Tone::Bad,
        }
    }

    pub(super) fn for_status(status: Status) -> Self {
        Tone::for_verdict(ResourceVerdict::of(status))
    }

    fn to_ansi(self) -> Ansi {
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

/// A report that is being written.
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

    /// Adds an empty line, unless there is one already or the page is empty.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds the heading of a section, with text after it on the same line.
    pub(super) fn title(&mut self, title: &str, rest: &str) {
        self.blank();
        self.flow(0, 2, &[(Tone::Strong, title), (Tone::Plain, rest)]);
    }

    /// Adds wrapped text: the first line is indented by `indent`, the others by `hang`. Pieces are joined by
    /// a space; empty ones are left out.
    pub(super) fn flow(&mut self, indent: usize, hang: usize, pieces: &[(Tone, &str)]) {
        let mut line = Line::new(indent);
        for (tone, text) in pieces.iter().filter(|(_, text)| !text.is_empty()) {
            for word in escape_invisible(text).split(' ') {
                if !line.is_empty() && line.width + 1 + word.width() > self.width {
                    self.push_line(&line);
                    line = Line::new(hang);
                }
                let mut rest = word;
                // Only a word longer than a line is split: half an ARN cannot be pasted.
                while line.is_empty() && line.width + rest.width() > self.width {
                    let head = match prefix_of_width(rest, self.width - line.width) {
                        // A character wider than the line is written anyway.
                        "" => rest,
                        head => head,
                    };
                    line.push_word(*tone, head);
                    rest = &rest[head.len()..];
                    self.push_line(&line);
                    line = Line::new(hang);
                }
                line.push_word(*tone, rest);
            }
        }
        if !line.is_empty() {
            self.push_line(&line);
        }
    }

    /// Adds a table of numbers. The headings are colored.
    pub(super) fn add_number_table(
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
            table.add_row(row.iter().map(|text| Cell::new(escape_invisible(text))));
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
            line.push_painted(laid_out.trim_end(), if number == 0 { heads } else { &[] });
            self.push_line(&line);
        }
    }

    /// Adds two columns of text.
    pub(super) fn add_pairs(&mut self, indent: usize, pairs: &[(String, String)]) {
        let widest = pairs
            .iter()
            .map(|(text, _)| display_width(&escape_invisible(text)))
            .max()
            .unwrap_or_default();
        for (text, about) in pairs {
            let text = format!("{} ", pad_to_width(&escape_invisible(text), widest));
            self.flow(
                indent,
                indent + 2,
                &[(Tone::Plain, &text), (Tone::Plain, about)],
            );
        }
    }

    fn push_line(&mut self, line: &Line) {
        self.text.extend(std::iter::repeat_n(' ', line.indent));
        for (tone, text) in &line.pieces {
            let ansi = tone.to_ansi();
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

    /// Adds a word, after a space unless it is the first.
    fn push_word(&mut self, tone: Tone, word: &str) {
        if !self.is_empty() {
            // A space belongs to no style, so that trailing ones can be removed.
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

    /// Adds a line that is laid out already, with the first occurrence of each word of `tones` colored.
    fn push_painted(&mut self, text: &str, tones: &[(&str, Tone)]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_longer_than_a_line_are_split() {
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
    fn colors_do_not_change_the_words() {
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
}
