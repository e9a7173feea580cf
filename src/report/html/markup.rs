//! Text with code, links and lists as data: the template escapes every part.

use crate::text::escape_invisible;

/// A part of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Code(String),
    /// Code that can be pasted into a shell.
    Command(String),
    Emphasis(String),
    /// The text of a link, and its URL.
    Link(String, String),
}

/// A part of a rule's documentation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    Heading(String),
    Paragraph(Vec<Piece>),
    List(Vec<Vec<Piece>>),
    Code(String),
}

/// Returns the pieces of a sentence of a finding: text between backticks is code.
pub(super) fn parse_sentence(text: &str) -> Vec<Piece> {
    let text = escape_invisible(text);
    let mut pieces = Vec::new();
    let mut rest: &str = &text;
    while let Some((before, code, after)) = split_between(rest, "`", "`") {
        push_text(&mut pieces, before);
        pieces.push(if is_command(code) {
            Piece::Command(code.to_owned())
        } else {
            Piece::Code(code.to_owned())
        });
        rest = after;
    }
    push_text(&mut pieces, rest);
    pieces
}

/// Returns the pieces of a sentence with its first word capitalized, unless it is a name.
pub(super) fn parse_paragraph(text: &str) -> Vec<Piece> {
    let mut pieces = parse_sentence(text);
    if let Some(Piece::Text(first)) = pieces.first_mut() {
        let word = first.split(' ').next().unwrap_or_default();
        if word.chars().all(|c| c.is_ascii_lowercase()) {
            let end = word.len().min(1);
            first[..end].make_ascii_uppercase();
        }
    }
    pieces
}

/// Whether a shell would run the code as the one command that it looks like: a name may contain anything.
fn is_command(code: &str) -> bool {
    // The only pipe in fixes passes a policy to this program.
    let (first, then) = match code.split_once(" | ") {
        Some((first, then)) => (first, Some(then)),
        None => (code, None),
    };
    let plain = |code: &str| {
        !code.contains("...")
            && code
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || " -_./:=,@+".contains(c))
    };
    (first.starts_with("aws ") || first.starts_with("backup-check "))
        && plain(first)
        && then.is_none_or(|then| then.starts_with("backup-check key-policy ") && plain(then))
}

/// Returns the commands in a sentence.
pub(super) fn parse_commands(text: &str) -> Vec<String> {
    let commands = parse_sentence(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Command(code) => Some(code),
            _ => None,
        });
    commands.collect()
}

/// Returns the blocks of a rule's documentation: the subset of Markdown that doc comments of rules use.
pub(super) fn parse_documentation(docs: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph = String::new();
    let mut items: Vec<String> = Vec::new();
    let mut fence: Option<Vec<&str>> = None;
    // The lines of a doc comment begin with the space after the slashes.
    for line in docs
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
    {
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
fn split_between<'t>(
    text: &'t str,
    open: &str,
    close: &str,
) -> Option<(&'t str, &'t str, &'t str)> {
    let (before, rest) = text.split_once(open)?;
    let (inner, after) = rest.split_once(close)?;
    Some((before, inner, after))
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
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
    fn text_between_backticks_is_code() {
        assert_eq!(
            parse_sentence("Run `aws kms enable-key k-1`, not `x`. A `lone tick."),
            [
                text("Run "),
                Piece::Command("aws kms enable-key k-1".to_owned()),
                text(", not "),
                Piece::Code("x".to_owned()),
                text(". A `lone tick."),
            ]
        );
    }

    #[test]
    fn a_paragraph_begins_with_a_capital() {
        assert_eq!(parse_paragraph("no tag"), [text("No tag")]);
        assert_eq!(parse_paragraph("s3-rule: x"), [text("s3-rule: x")]);
        assert_eq!(
            parse_paragraph("\u{e9}t\u{e9} x"),
            [text("\u{e9}t\u{e9} x")]
        );
        assert_eq!(parse_paragraph(""), []);
    }

    #[test]
    fn only_plain_commands_can_be_copied() {
        for code in [
            "aws s3api put-bucket-versioning --bucket a;rm",
            "aws s3api put-bucket-versioning --bucket $(id)",
            "aws s3api put-bucket-versioning --bucket <id>",
            "aws ec2 create-vpc-endpoint --route-table-ids ...",
            "curl x",
            "aws kms get-key-policy --key-id k | sh",
            "aws kms get-key-policy --key-id k | backup-check key-policy - | sh",
        ] {
            assert_eq!(parse_commands(&format!("Run `{code}`.")), [""; 0], "{code}");
        }
        assert_eq!(
            parse_commands("Run `aws kms enable-key k-1`, then `aws sts get-caller-identity`."),
            ["aws kms enable-key k-1", "aws sts get-caller-identity"]
        );
    }

    #[test]
    fn documentation_becomes_blocks() {
        let docs = " One `code` and *so*\n on, 2 * 3 < 7.\n\n ## Fix\n\n ```json\n {\"a\": 1}\n\n {}\n ```\n - <https://example.com/a>\n - a [page](https://example.com/b)\n   of two lines\n - <javascript:x>\n";
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
