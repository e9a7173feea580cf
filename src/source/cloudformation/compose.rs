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
    if !text.contains("{{resolve:") {
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
        let resolved = text_at("{{resolve:", mark);
        return match resolved {
            Resolved::Open(open) => Resolved::Open(open.unnamed()),
            other => other,
        };
    }
    Resolved::Text(phrase)
}
