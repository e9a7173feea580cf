//! Sentences of findings as data: the template escapes every part.

pub(super) use crate::report::documentation::{Block, Piece, parse_documentation};
use crate::report::documentation::{push_text, split_between};
use crate::text::escape_invisible;

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
}
