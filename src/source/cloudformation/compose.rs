//! Texts that functions compose.

use crate::model::GapKind;

use super::node::Mark;
use super::value::{MOST_CANDIDATES, Open, Phrase, Piece, Resolved};

/// The most texts that unknown parts are combined to.
const MOST_TEXTS: usize = MOST_CANDIDATES;

/// Returns the text that the parts make, or every text that they may make.
pub(super) fn compose_text(parts: Vec<Resolved>, mark: Mark) -> Resolved {
    let texts = parts.iter().try_fold(1_usize, |texts, part| {
        texts.checked_mul(part.candidates().len())
    });
    let choice = parts.iter().find_map(|part| match part {
        Resolved::OneOf(open, candidates) => Some((part, open, candidates)),
        _ => None,
    });
    if let (Some((choice, open, candidates)), true) =
        (choice, texts.is_some_and(|texts| texts <= MOST_TEXTS))
    {
        let texts = candidates.iter().map(|candidate| {
            // A value that occurs twice is the same in both places.
            let parts =
                parts
                    .iter()
                    .map(|part| match part == choice || std::ptr::eq(part, choice) {
                        true => candidate.clone(),
                        false => part.clone(),
                    });
            compose_text(parts.collect(), mark)
        });
        return Resolved::one_of(open.clone(), texts);
    }
    let mut phrase = Phrase::default();
    for part in parts {
        if !phrase.extend(part.phrase()) {
            return too_long(mark);
        }
    }
    check_dynamic_reference(phrase, mark)
}

/// Returns a value as JSON text, in which parts of texts may be unknown.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-ToJsonString.html>.
pub(super) fn compose_json(value: &Resolved, mark: Mark) -> Resolved {
    let mut text = Phrase::default();
    match write_json(value, &mut text) {
        Err(open) => Resolved::Open(open.unnamed()),
        Ok(false) => too_long(mark),
        Ok(true) => Resolved::Text(text),
    }
}

/// Appends a value as JSON; returns whether there was room for it.
///
/// # Errors
/// A part of it is not known.
fn write_json(value: &Resolved, text: &mut Phrase) -> Result<bool, Box<Open>> {
    let escape = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        let inside = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        inside.unwrap_or(&quoted).to_owned()
    };
    match value {
        Resolved::Absent => Ok(text.extend(Phrase::of("null"))),
        Resolved::Bool(yes) => Ok(text.extend(Phrase::of(yes.to_string()))),
        Resolved::Number(number) => Ok(text.extend(Phrase::of(number))),
        Resolved::Text(phrase) => {
            text.push(Piece::Text("\"".to_owned()));
            for piece in &phrase.0 {
                text.push(match piece {
                    Piece::Text(part) => Piece::Text(escape(part)),
                    piece => piece.clone(),
                });
            }
            Ok(text.extend(Phrase::of("\"")))
        }
        Resolved::List(items) => {
            text.push(Piece::Text("[".to_owned()));
            for (index, item) in items.iter().enumerate() {
                text.push(Piece::Text(if index > 0 { "," } else { "" }.to_owned()));
                if !write_json(item, text)? {
                    return Ok(false);
                }
            }
            Ok(text.extend(Phrase::of("]")))
        }
        Resolved::Map(members) => {
            text.push(Piece::Text("{".to_owned()));
            for (index, (name, member)) in members.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                text.push(Piece::Text(format!("{comma}\"{}\":", escape(name))));
                if !write_json(member, text)? {
                    return Ok(false);
                }
            }
            Ok(text.extend(Phrase::of("}")))
        }
        Resolved::Open(open) | Resolved::OneOf(open, _) => Err(Box::new(open.clone())),
    }
}

/// Returns a function's name and line for a message.
pub(super) fn describe_place(name: &str, mark: Mark) -> String {
    format!("{name} in line {}", mark.line)
}

fn too_long(mark: Mark) -> Resolved {
    let what = describe_place("a text", mark);
    Resolved::Open(Open::new(GapKind::Unreadable, what, "it is too long"))
}

/// Returns a literal text; unknown if it is a dynamic reference, which is resolved at deployment.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>.
pub(super) fn text_at(text: &str, mark: Mark) -> Resolved {
    // Functions compose references of parts of them.
    let is_dynamic = text
        .split_once("{{resolve:")
        .is_some_and(|(_, it)| it.contains("}}"));
    if !is_dynamic {
        return Resolved::text_of(text);
    }
    let why = "it is read from Systems Manager or Secrets Manager at deployment";
    let what = describe_place("a dynamic reference", mark);
    let open = Open::new(GapKind::Unplanned, what, why);
    // The same reference is the same value in a deployment.
    Resolved::Open(open.named(text))
}

/// Returns a composed text; unknown if it is a dynamic reference.
fn check_dynamic_reference(phrase: Phrase, mark: Mark) -> Resolved {
    let is_dynamic =
        |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains("{{resolve:"));
    if phrase.0.iter().any(is_dynamic) {
        return match (phrase.known(), text_at("{{resolve:}}", mark)) {
            (Ok(text), _) => text_at(&text, mark),
            (Err(_), Resolved::Open(open)) => Resolved::Open(open.unnamed()),
            (Err(_), other) => other,
        };
    }
    Resolved::Text(phrase)
}
