//! The documentation of rules, with the names that the settings of this run have.
//!
//! A rule's doc comment names the central account, the contact and the tag key of the company's defaults.
//! With another central account, they would otherwise let a foreign account into a key.

use crate::report::Report;
use crate::rule::Rule;
use crate::settings::{CENTRAL_ACCOUNT, Settings, TAG_KEY};

/// The names that come from the settings.
#[derive(Debug, Clone, Copy)]
pub struct GuideNames<'a> {
    /// The central account, 12 digits.
    pub central_account: &'a str,
    /// Whom to contact where only the platform team can help.
    pub contact: &'a str,
    /// The key of the backup tag.
    pub tag_key: &'a str,
}

impl<'a> GuideNames<'a> {
    /// Returns the names that a report was made with.
    #[must_use]
    pub fn from_report(report: &'a Report) -> Self {
        GuideNames {
            central_account: &report.central_account_id,
            contact: &report.contact,
            tag_key: &report.tag_key,
        }
    }

    /// Returns the names in some settings.
    #[must_use]
    pub fn from_settings(settings: &'a Settings) -> Self {
        GuideNames {
            central_account: &settings.central_account,
            contact: &settings.contact,
            tag_key: &settings.tag_key,
        }
    }

    /// Returns a rule's documentation in Markdown.
    #[must_use]
    pub fn write_markdown(&self, rule: &Rule) -> String {
        // The lines of a doc comment start with the blank after the slashes.
        let lines = rule.docs.lines();
        let lines: Vec<&str> = lines
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let text = lines.join("\n").trim().to_owned();
        self.replace_names(&text)
    }

    fn replace_names(&self, text: &str) -> String {
        let text = text
            .replace(CENTRAL_ACCOUNT, self.central_account)
            .replace("<central account>", self.central_account)
            .replace(&format!("`{TAG_KEY}="), &format!("`{}=", self.tag_key))
            .replace(
                &format!("the key `{TAG_KEY}`"),
                &format!("the key `{}`", self.tag_key),
            );
        let mut named = text;
        for ask in ["sk the platform team", "ontact the platform team"] {
            named = named.replacen(ask, &format!("{ask} ({})", self.contact), 1);
        }
        named
    }
}

/// A part of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text.
    Text(String),
    /// Code.
    Code(String),
    /// Code that can be pasted into a shell.
    Command(String),
    /// Emphasized text.
    Emphasis(String),
    /// The text of a link, and its URL.
    Link(String, String),
}

/// A part of a rule's documentation.
#[derive(Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Paragraph(Vec<Piece>),
    /// The items of a list.
    List(Vec<Vec<Piece>>),
    /// A block of code.
    Code(String),
}

/// Returns the blocks of a rule's documentation: the subset of Markdown that doc comments of rules use.
#[must_use]
pub fn parse_documentation(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph = String::new();
    let mut items: Vec<String> = Vec::new();
    let mut fence: Option<Vec<&str>> = None;
    for line in markdown.lines() {
        if let Some(code) = &mut fence {
            if line.starts_with("```") {
                blocks.push(Block::Code(code.join("\n")));
                fence = None;
            } else {
                code.push(line);
            }
            continue;
        }
        let heading = line.strip_prefix("## ");
        let item = line.strip_prefix("- ");
        let ends = line.is_empty() || heading.is_some() || line.starts_with("```");
        if ends || item.is_some() {
            end_paragraph(&mut blocks, &mut paragraph);
        }
        if ends {
            end_list(&mut blocks, &mut items);
        }
        match (heading, item) {
            (Some(heading), _) => blocks.push(Block::Heading(heading.to_owned())),
            (_, Some(item)) => items.push(item.to_owned()),
            _ if line.starts_with("```") => fence = Some(Vec::new()),
            _ => {
                let open = items.last_mut().unwrap_or(&mut paragraph);
                if !open.is_empty() && !line.is_empty() {
                    open.push(' ');
                }
                open.push_str(line.trim());
            }
        }
    }
    end_paragraph(&mut blocks, &mut paragraph);
    end_list(&mut blocks, &mut items);
    blocks
}

fn end_paragraph(blocks: &mut Vec<Block>, paragraph: &mut String) {
    if !paragraph.is_empty() {
        blocks.push(Block::Paragraph(parse_inline(paragraph)));
        paragraph.clear();
    }
}

fn end_list(blocks: &mut Vec<Block>, items: &mut Vec<String>) {
    if !items.is_empty() {
        blocks.push(Block::List(
            items.iter().map(|item| parse_inline(item)).collect(),
        ));
        items.clear();
    }
}

/// Returns the pieces of a line: text, code, emphasis and links.
fn parse_inline(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '<', '[']) {
        let (before, from) = rest.split_at(at);
        let found = match from.as_bytes()[0] {
            b'`' => split_between(from, "`", "`")
                .map(|(_, code, after)| (Piece::Code(code.to_owned()), after)),
            b'*' => split_between(from, "*", "*")
                .filter(|(_, words, _)| !words.is_empty() && !words.starts_with(' '))
                .map(|(_, words, after)| (Piece::Emphasis(words.to_owned()), after)),
            b'<' => split_between(from, "<", ">")
                .filter(|(_, url, _)| url.starts_with("https://"))
                .map(|(_, url, after)| (Piece::Link(url.to_owned(), url.to_owned()), after)),
            _ => split_between(from, "[", "](").and_then(|(_, words, after)| {
                let (url, after) = after.split_once(')')?;
                url.starts_with("https://")
                    .then(|| (Piece::Link(words.to_owned(), url.to_owned()), after))
            }),
        };
        match found {
            Some((piece, after)) => {
                push_text(&mut pieces, before);
                pieces.push(piece);
                rest = after;
            }
            None => {
                push_text(&mut pieces, &rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    push_text(&mut pieces, rest);
    pieces
}

/// Returns the text before, between and after two marks.
pub(super) fn split_between<'t>(
    text: &'t str,
    open: &str,
    close: &str,
) -> Option<(&'t str, &'t str, &'t str)> {
    let (before, rest) = text.split_once(open)?;
    let (inner, after) = rest.split_once(close)?;
    Some((before, inner, after))
}

pub(super) fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn the_names_of_the_settings_replace_the_defaults() {
        let names = GuideNames {
            central_account: "999988887777",
            contact: "Backup Team",
            tag_key: "aws-backup",
        };
        assert_eq!(
            names.replace_names(
                "Tag it `backup=enabled`, with exactly the key `backup`: AWS Backup, a backup."
            ),
            "Tag it `aws-backup=enabled`, with exactly the key `aws-backup`: AWS Backup, a backup."
        );
        assert_eq!(
            names.replace_names(
                "`arn:aws:iam::<central account>:root` or \"arn:aws:iam::692653576357:root\""
            ),
            "`arn:aws:iam::999988887777:root` or \"arn:aws:iam::999988887777:root\""
        );
        assert_eq!(
            names.replace_names("Ask the platform team. They own it; ask the platform team."),
            "Ask the platform team (Backup Team). They own it; ask the platform team."
        );
    }

    #[test]
    fn documentation_becomes_blocks() {
        let docs = "One `code` and *so*\non, 2 * 3 < 7.\n\n## Fix\n\n```json\n{\"a\": 1}\n\n{}\n```\n- <https://example.com/a>\n- a [page](https://example.com/b)\n  of two lines\n- <javascript:x>\n";
        assert_eq!(
            parse_documentation(docs),
            [
                Block::Paragraph(vec![
                    text("One "),
                    Piece::Code("code".to_owned()),
                    text(" and "),
                    Piece::Emphasis("so".to_owned()),
                    text(" on, 2 * 3 < 7."),
                ]),
                Block::Heading("Fix".to_owned()),
                Block::Code("{\"a\": 1}\n\n{}".to_owned()),
                Block::List(vec![
                    vec![Piece::Link(
                        "https://example.com/a".to_owned(),
                        "https://example.com/a".to_owned()
                    )],
                    vec![
                        text("a "),
                        Piece::Link("page".to_owned(), "https://example.com/b".to_owned()),
                        text(" of two lines"),
                    ],
                    vec![text("<javascript:x>")],
                ]),
            ]
        );
    }
}
