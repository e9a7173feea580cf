//! Flow collections of YAML whose lines are indented less than their parent.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::node::Mark;

/// How far lines are moved to the right: more than any parent is indented.
const SHIFT: &str =
    "                                                                                ";

/// A text in which some lines are moved to the right.
pub(super) struct Shifted<'t> {
    text: Cow<'t, str>,
    /// The lines that were moved, counted from 1.
    lines: BTreeSet<u32>,
}

impl<'t> Shifted<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Shifted {
            text: Cow::Borrowed(text),
            lines: BTreeSet::new(),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the place in the original text.
    pub(super) fn original(&self, mark: Mark) -> Mark {
        let shift = match self.lines.contains(&mark.line) {
            true => u32::try_from(SHIFT.len()).unwrap_or_default(),
            false => 0,
        };
        Mark {
            line: mark.line,
            column: mark.column.saturating_sub(shift).max(1),
        }
    }
}

/// Moves the lines of the flow collection that begins at a character to the right; returns false if the line
/// of the error is not among them, or was moved already.
pub(super) fn indent_flow(shifted: &mut Shifted<'_>, start: usize, error_line: u32) -> bool {
    let text = shifted.text();
    let Some(length) = text.get(start..).and_then(find_flow_end) else {
        return false;
    };
    let count_lines = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
    let first = count_lines(text.get(..start).unwrap_or_default()) + 1;
    let last = first + count_lines(text.get(start..start + length).unwrap_or_default());
    let is_inside = (first + 1..=last).contains(&error_line);
    if !is_inside || shifted.lines.contains(&error_line) {
        return false;
    }
    let mut moved = String::with_capacity(text.len() + SHIFT.len());
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        if number > first && number <= last && !shifted.lines.contains(&number) {
            moved.push_str(SHIFT);
        }
        moved.push_str(line);
    }
    shifted.text = Cow::Owned(moved);
    shifted.lines.extend(first + 1..=last);
    true
}

/// Returns the length in bytes of the flow collection that a text begins with; none where it has no end.
fn find_flow_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            // A quote inside a plain scalar is a character of it.
            '"' | '\'' if before.is_whitespace() || "[{,:!".contains(before) => {
                skip_quoted(c, &mut characters)?;
            }
            '#' if before.is_whitespace() => {
                characters.by_ref().find(|(_, c)| *c == '\n')?;
            }
            _ => {}
        }
        before = c;
    }
    None
}

/// Advances behind the end of a quoted scalar.
fn skip_quoted(quote: char, characters: &mut std::str::CharIndices<'_>) -> Option<()> {
    loop {
        match characters.next()?.1 {
            '\\' if quote == '"' => drop(characters.next()?),
            // A doubled single quote is one quote of the text, which a second scalar reads as well.
            c if c == quote => return Some(()),
            _ => {}
        }
    }
}
