//! Parts of a document, which are written completely or not at all.

use std::collections::BTreeMap;

use crate::text::{count_more, plural};

/// A part of a document.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) content: Content,
}

/// The content of a part: what is omitted with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// The header, or the heading of other parts.
    Frame,
    /// A row of the table of causes.
    Cause,
    /// The list of resources behind one cause.
    List,
    /// A section that is not about causes.
    Section,
}

impl Part {
    pub(super) fn frame(text: String) -> Self {
        let content = Content::Frame;
        Part { text, content }
    }

    pub(super) fn section(text: String) -> Self {
        let content = Content::Section;
        Part { text, content }
    }
}

/// Returns the size of the parts in bytes.
pub(super) fn total_size(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.text.len()).sum()
}

/// Removes parts from the end until the rest fits in `limit` bytes, and adds a note on what was removed.
pub(super) fn cut_parts(parts: &mut Vec<Part>, limit: usize) {
    let mut size = total_size(parts);
    if size <= limit {
        return;
    }
    let mut removed: BTreeMap<Content, usize> = BTreeMap::new();
    while let Some(part) = parts.pop() {
        size -= part.text.len();
        *removed.entry(part.content).or_default() += 1;
        let note = write_cut_note(&removed);
        if size + note.len() <= limit {
            parts.push(Part::frame(note));
            return;
        }
    }
}

fn write_cut_note(removed: &BTreeMap<Content, usize>) -> String {
    let texts: Vec<String> = removed
        .iter()
        .filter_map(|(content, number)| match content {
            Content::Frame => None,
            Content::Cause => Some(plural(*number, "root cause")),
            Content::List => Some(format!("{} of resources", plural(*number, "list"))),
            Content::Section => Some(plural(*number, "section")),
        })
        .collect();
    let removed = match texts.is_empty() {
        true => String::new(),
        false => format!(" ({})", texts.join(", ")),
    };
    format!("\n**Truncated**{removed}: see `--format json` for the complete report.\n")
}

/// Returns the lines as a list, with the number of those that are not among them.
pub(super) fn format_list(lines: Vec<String>, total: usize) -> String {
    let omitted = total - lines.len();
    let mut text: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    if omitted > 0 {
        text.push_str(&format!("- {}\n", count_more(omitted)));
    }
    text
}

/// Returns a text that opens on a click. The title must not contain names: Markdown is not rendered there.
pub(super) fn format_summary(title: &str, text: &str) -> String {
    format!("\n<details>\n<summary>{title}</summary>\n\n{text}\n</details>\n")
}
