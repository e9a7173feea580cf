//! Text in lines of a given width: escaped, measured, wrapped and colored.

use anstyle::{AnsiColor, Style as Ansi};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use crate::report::console::Links;
use crate::report::{ResourceVerdict, Status};
use crate::text::{display_width, escape_invisible, pad_to_width, prefix_of_width, truncate_end};

/// The least width in columns: half a table of services needs it.
const NARROWEST: usize = 40;
/// The greatest width in columns: longer lines are hard to read.
const WIDEST: usize = 140;
/// The width from which columns have a wide gap.
const ROOMY: usize = 100;
/// The wide gap between two columns.
const GAP: u16 = 2;
/// The least width in columns that a text has at the end of a line.
const LEAST_TEXT: usize = 16;

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
    links: Option<Links>,
    text: String,
}

impl Page {
    pub(super) fn new(width: usize, color: bool) -> Self {
        Page {
            width: width.clamp(NARROWEST, WIDEST),
            color,
            links: None,
            text: String::new(),
        }
    }

    /// Makes the words that name resources and rules hyperlinks.
    pub(super) fn link_words(&mut self, links: Links) {
        self.links = Some(links);
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Returns the number of lines so far.
    pub(super) fn count_lines(&self) -> usize {
        self.text.lines().count()
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
            for word in split_words(&escape_invisible(text)) {
                if !line.is_empty() && line.width + 1 + word.width() > self.width {
                    self.push_line(&line);
                    line = Line::new(hang);
                }
                let mut rest = word;
                // Only a word longer than a line is split: half an ARN cannot be pasted. A command is never.
                let is_command = word.contains(' ');
                while !is_command && line.is_empty() && line.width + rest.width() > self.width {
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

    /// Adds a table: text in the first column, numbers and marks in the others.
    pub(super) fn add_table(&mut self, headings: &[&str], rows: &[Vec<String>]) {
        let mut table = new_table();
        table.add_row(headings.iter().map(Cell::new));
        for row in rows {
            table.add_row(row.iter().map(|text| Cell::new(escape_invisible(text))));
        }
        for column in table.column_iter_mut() {
            let gap = match column.index {
                0 => 0,
                _ => self.column_gap(),
            };
            column.set_padding((gap, 0));
            if column.index > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = table.lines().collect();
        let heads = headings
            .iter()
            .map(|heading| heading.lines().count().max(1))
            .max();
        for (number, laid_out) in lines.iter().enumerate() {
            let mut line = Line::new(0);
            match number < heads.unwrap_or(1) {
                true => line
                    .pieces
                    .push((Tone::Strong, laid_out.trim_end().to_owned())),
                false => line.push_marks(laid_out.trim_end()),
            }
            self.push_line(&line);
        }
    }

    /// Returns the blanks between columns of a table.
    pub(super) fn column_gap(&self) -> u16 {
        if self.width < ROOMY { 1 } else { GAP }
    }

    /// Adds rows of resources: the mark of the verdict, the name, marks, and a rule. A name that ends with a
    /// line break is on a line before its marks, in full.
    pub(super) fn add_resource_rows(
        &mut self,
        headings: &[&str],
        rows: &[Vec<String>],
        name_width: usize,
    ) {
        let widths: Vec<usize> = (0..headings.len())
            .map(|column| match column {
                1 => name_width.max(display_width(headings[1])),
                _ => {
                    let cells = rows.iter().map(|row| display_width(&row[column]));
                    cells
                        .max()
                        .unwrap_or_default()
                        .max(display_width(headings[column]))
                }
            })
            .collect();
        let pad = |cells: Vec<&str>| {
            let padded = cells.iter().zip(&widths);
            let padded: Vec<String> = padded
                .map(|(cell, width)| pad_to_width(&escape_invisible(cell), *width))
                .collect();
            padded.join(" ").trim_end().to_owned()
        };
        let mut line = Line::new(0);
        line.pieces.push((Tone::Strong, pad(headings.to_vec())));
        self.push_line(&line);
        for row in rows {
            let mut cells: Vec<&str> = row.iter().map(String::as_str).collect();
            if let Some(name) = cells[1].strip_suffix('\n') {
                let mut line = Line::new(0);
                line.push_marks(&format!(
                    "{} {}",
                    pad_to_width(cells[0], widths[0]),
                    escape_invisible(name)
                ));
                self.push_line(&line);
                cells[0] = "";
                cells[1] = "";
            }
            // A rule that does not fit has its own line: half of its name could not be looked up.
            let rule = cells.pop().unwrap_or_default();
            let marks = pad(cells);
            let fits = display_width(&marks) + 1 + display_width(rule) <= self.width;
            let mut line = Line::new(0);
            match fits {
                true => line.push_marks(format!("{marks} {rule}").trim_end()),
                false => line.push_marks(&marks),
            }
            self.push_line(&line);
            if !fits {
                self.flow(4, 4, &[(Tone::Plain, rule)]);
            }
        }
    }

    /// Adds a command on one line, however long: half of it could not be pasted.
    pub(super) fn add_command(&mut self, indent: usize, command: &str) {
        let mut line = Line::new(indent);
        line.pieces
            .push((Tone::Plain, escape_invisible(command).into_owned()));
        self.push_line(&line);
    }

    /// Adds a line of pieces and a text that is truncated to the width, on its own line where little is left for it.
    pub(super) fn headline(&mut self, pieces: &[(Tone, &str)], text: &str) {
        let mut line = Line::new(2);
        for (tone, piece) in pieces {
            line.push_word(*tone, &escape_invisible(piece));
        }
        if self.width < line.width + LEAST_TEXT {
            self.push_line(&line);
            line = Line::new(4);
        }
        let room = self.width.saturating_sub(line.width + 1);
        line.push_word(Tone::Plain, &truncate_end(text, room));
        self.push_line(&line);
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
        let mut previous = String::new();
        for (tone, text) in &line.pieces {
            let ansi = tone.to_ansi();
            let linked = match &self.links {
                Some(links) => link_words(text, &mut previous, links),
                None => text.clone(),
            };
            if self.color && ansi != Ansi::new() {
                self.text.push_str(&format!("{ansi}{linked}{ansi:#}"));
            } else {
                self.text.push_str(&linked);
            }
        }
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }
}

/// The first words of commands in texts.
const COMMANDS: [&str; 2] = ["`aws ", "`backup-check "];

/// Returns the words of a text. A quoted command is one word: half of it could not be pasted.
fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let is_command = COMMANDS.iter().any(|start| rest.starts_with(start));
        let quoted = is_command.then(|| rest[1..].find('`')).flatten();
        let from = quoted.map_or(0, |at| at + 1);
        match rest[from..].find(' ') {
            Some(at) => {
                words.push(&rest[..from + at]);
                rest = &rest[from + at + 1..];
            }
            None => {
                words.push(rest);
                return words;
            }
        }
    }
}

/// Punctuation around a word that is no part of its name.
const PUNCTUATION: [char; 6] = [',', ';', ':', '.', '(', ')'];

/// Returns a text whose words are hyperlinks if they name something. `previous` is the word before it.
///
/// Source: <https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda>.
fn link_words(text: &str, previous: &mut String, links: &Links) -> String {
    let words = text.split(' ').map(|word| {
        let name = word.trim_matches(PUNCTUATION);
        let linked = match links.find_url(name, previous) {
            Some(url) => {
                word.replacen(name, &format!("\x1b]8;;{url}\x1b\\{name}\x1b]8;;\x1b\\"), 1)
            }
            None => word.to_owned(),
        };
        if !name.is_empty() {
            name.clone_into(previous);
        }
        linked
    });
    words.collect::<Vec<String>>().join(" ")
}

fn new_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    table
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

    /// Adds text that is laid out already, with its marks colored.
    fn push_marks(&mut self, text: &str) {
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                self.pieces.push((Tone::Plain, " ".to_owned()));
            }
            let tone = match word {
                "✗" | "x" => Tone::Bad,
                "?" => Tone::Unknown,
                "!" => Tone::Risk,
                "✓" | "ok" => Tone::Good,
                _ => Tone::Plain,
            };
            self.pieces.push((tone, word.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 72;

    #[test]
    fn only_words_longer_than_a_line_are_split() {
        let mut page = Page::new(WIDTH, false);
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd";
        page.flow(0, 4, &[(Tone::Plain, "the key is"), (Tone::Bad, arn)]);
        page.flow(0, 4, &[(Tone::Plain, &"x".repeat(100))]);
        let text = page.into_text();
        assert!(text.contains(arn), "{text}");
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert_eq!(text.matches('x').count(), 100);
    }

    #[test]
    fn a_quoted_command_is_on_one_line() {
        let short = "`aws kms enable-key --region eu-west-3 --key-id 1234abcd`";
        let long = format!("`backup-check fix {}`", "a b ".repeat(30));
        let stray = "a `name, and `aws without an end ".repeat(4);
        let mut page = Page::new(WIDTH, false);
        for text in [
            format!("Run something and then {short}."),
            format!("Run {long}, then look"),
            stray,
        ] {
            page.flow(0, 2, &[(Tone::Plain, &text)]);
        }
        let text = page.into_text();
        assert!(text.contains(&format!("  {short}.\n")), "{text}");
        assert!(text.contains(&format!("  {long},\n")), "{text}");
        let wide = |line: &&str| line.width() > WIDTH;
        assert_eq!(text.lines().filter(wide).count(), 1, "{text}");
    }

    #[test]
    fn colors_do_not_change_the_words() {
        let pieces = [
            (Tone::Bad, "one two"),
            (Tone::Dim, "three"),
            (Tone::Dim, "four"),
        ];
        let mut plain = Page::new(WIDTH, false);
        plain.flow(2, 2, &pieces);
        let mut colored = Page::new(WIDTH, true);
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
