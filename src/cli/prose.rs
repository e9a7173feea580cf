//! Documentation as text for a terminal: wrapped, with headings, code and links.

use anstyle::{AnsiColor, Style};

use crate::report::documentation::{Block, Piece};
use crate::text::display_width;

/// The widest text, in columns: longer lines are hard to read.
const WIDEST: usize = 100;
/// The narrowest text, in columns.
const NARROWEST: usize = 30;
/// The indentation of text below a heading, and that of code.
const INDENT: usize = 2;
const CODE_INDENT: usize = 4;

/// Text for a terminal, or for a pipe.
#[derive(Debug)]
pub(super) struct Prose {
    width: usize,
    /// Whether colors are written.
    styled: bool,
    /// Whether hyperlinks are written; the address is written out otherwise.
    links: bool,
    text: String,
}

/// A part of a word: code may begin in the middle of one.
#[derive(Debug, Clone)]
struct Span {
    text: String,
    look: Style,
    link: Option<String>,
}

/// What no space separates, so that no line break may.
type Word = Vec<Span>;

impl Prose {
    /// Returns an empty text. Unstyled text marks code with backticks instead.
    pub(super) fn new(width: usize, styled: bool, links: bool) -> Self {
        Prose {
            width: width.clamp(NARROWEST, WIDEST),
            styled,
            links,
            text: String::new(),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Adds an empty line, unless the text is empty.
    pub(super) fn add_gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds a heading on its own line, after an empty line.
    pub(super) fn add_heading(&mut self, heading: &str, link: Option<&str>) {
        self.add_gap();
        let span = Span {
            text: heading.to_owned(),
            look: Style::new().bold(),
            link: link.map(str::to_owned),
        };
        self.add_words(0, 0, &[vec![span]]);
    }

    /// Adds a label and its value on one line, wrapped below the value.
    pub(super) fn add_field(&mut self, label: &str, width: usize, value: &str) {
        let start = INDENT + width + 2;
        let mut words = self.split_words(&[Piece::Text(value.to_owned())]);
        let label = Span {
            text: format!("{label:<width$} "),
            look: Style::new().dimmed(),
            link: None,
        };
        words.insert(0, vec![label]);
        self.add_words(INDENT, start, &words);
    }

    /// Adds a block of documentation.
    pub(super) fn add_block(&mut self, block: &Block) {
        match block {
            Block::Heading(text) => self.add_heading(text, None),
            Block::Paragraph(pieces) => {
                if !self.ends_with_heading() {
                    self.add_gap();
                }
                self.add_words(INDENT, INDENT, &self.split_words(pieces));
            }
            Block::List(items) => {
                for pieces in items {
                    let mut words = self.split_words(pieces);
                    // The mark stays on the line of a long address.
                    if let Some(first) = words.first_mut() {
                        first.insert(0, plain_span("- "));
                    }
                    self.add_words(INDENT, INDENT + 2, &words);
                }
            }
            Block::Code(code) => {
                self.add_gap();
                for line in code.lines() {
                    let line = format!("{:CODE_INDENT$}{}", "", self.paint(line, code_look()));
                    self.text.push_str(line.trim_end());
                    self.text.push('\n');
                }
            }
        }
    }

    /// Whether the last line is a heading: it has no indentation.
    fn ends_with_heading(&self) -> bool {
        let last = self.text.lines().last().unwrap_or_default();
        !last.is_empty() && !last.starts_with(' ')
    }

    /// Adds words, the first line indented by `first` and the others by `rest`.
    fn add_words(&mut self, first: usize, rest: usize, words: &[Word]) {
        let mut column = first;
        let mut line = " ".repeat(first);
        let mut is_empty = true;
        for word in words {
            let width: usize = word.iter().map(|span| display_width(&span.text)).sum();
            if !is_empty && column + 1 + width > self.width {
                self.text.push_str(line.trim_end_matches(' '));
                self.text.push('\n');
                line = " ".repeat(rest);
                (column, is_empty) = (rest, true);
            }
            if !is_empty {
                line.push(' ');
                column += 1;
            }
            for span in word {
                line.push_str(&self.paint_span(span));
            }
            column += width;
            is_empty = false;
        }
        self.text.push_str(line.trim_end_matches(' '));
        self.text.push('\n');
    }

    fn split_words(&self, pieces: &[Piece]) -> Vec<Word> {
        split_words(pieces, self.styled, self.links)
    }

    fn paint_span(&self, span: &Span) -> String {
        let painted = self.paint(&span.text, span.look);
        match &span.link {
            // https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
            Some(url) if self.links => format!("\x1b]8;;{url}\x1b\\{painted}\x1b]8;;\x1b\\"),
            _ => painted,
        }
    }

    fn paint(&self, text: &str, look: Style) -> String {
        match self.styled && look != Style::new() && !text.is_empty() {
            true => format!("{look}{text}{look:#}"),
            false => text.to_owned(),
        }
    }
}

fn plain_span(text: &str) -> Span {
    Span {
        text: text.to_owned(),
        look: Style::new(),
        link: None,
    }
}

fn code_look() -> Style {
    Style::new().fg_color(Some(AnsiColor::Cyan.into()))
}

/// Returns pieces as words. Code is one word: a command that is broken over lines cannot be pasted.
fn split_words(pieces: &[Piece], styled: bool, links: bool) -> Vec<Word> {
    let mut words: Vec<Word> = vec![Vec::new()];
    let mut add_span = |span: Span, breaks: bool| {
        if breaks {
            words.push(Vec::new());
        }
        if let Some(word) = words.last_mut().filter(|_| !span.text.is_empty()) {
            word.push(span);
        }
    };
    for piece in pieces {
        let (text, look, link) = match piece {
            Piece::Code(code) | Piece::Command(code) => {
                let quoted = match styled {
                    true => code.clone(),
                    false => format!("`{code}`"),
                };
                let span = Span {
                    look: code_look(),
                    ..plain_span(&quoted)
                };
                add_span(span, false);
                continue;
            }
            Piece::Text(text) => (text.clone(), Style::new(), None),
            Piece::Emphasis(text) => (text.clone(), Style::new().italic(), None),
            Piece::Link(text, url) if links || text == url => {
                (text.clone(), Style::new().underline(), Some(url.clone()))
            }
            Piece::Link(text, url) => (format!("{text} ({url})"), Style::new(), None),
        };
        for (at, part) in text.split(' ').enumerate() {
            let span = Span {
                text: part.to_owned(),
                look,
                link: link.clone(),
            };
            add_span(span, at > 0);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::documentation::parse_documentation;

    const DOCS: &str = "Run `aws kms get-key-policy --key-id k-1`, then *look* at it, see\n[the page](https://example.com/a).\n\n## Fix\n\nDo it.\n\n```json\n{\"a\":\n  1}\n```\n\n- <https://example.com/b>\n";

    fn render(width: usize, styled: bool) -> String {
        let mut prose = Prose::new(width, styled, styled);
        for block in parse_documentation(DOCS) {
            prose.add_block(&block);
        }
        prose.into_text()
    }

    #[test]
    fn plain_text_is_wrapped_and_has_no_escape_sequence() {
        assert_eq!(
            render(51, false),
            "  Run `aws kms get-key-policy --key-id k-1`, then
  look at it, see the page (https://example.com/a).

Fix
  Do it.

    {\"a\":
      1}
  - https://example.com/b
"
        );
    }

    #[test]
    fn a_command_is_never_broken() {
        let text = render(30, false);
        assert!(
            text.contains("`aws kms get-key-policy --key-id k-1`,\n"),
            "{text}"
        );
    }

    #[test]
    fn styled_text_has_links_and_no_mark_of_markdown() {
        let text = render(80, true);
        assert!(
            text.contains("\x1b]8;;https://example.com/a\x1b\\"),
            "{text:?}"
        );
        assert!(
            text.contains("\x1b]8;;https://example.com/b\x1b\\"),
            "{text:?}"
        );
        assert!(!text.contains(['`', '*', '#']), "{text:?}");
    }
}
