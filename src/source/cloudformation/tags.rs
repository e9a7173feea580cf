//! Tags, in every shape that resource types use.

use crate::model::Gap;
use crate::model::tag::{Tags, is_kept, is_near_miss};

use super::value::{Open, Phrase, Piece, Resolved, unexpected_shape};

/// Reads the tags that rules use, from a list of keys and values or from a mapping.
///
/// # Errors
/// Why it is unknown whether they include the backup tag, or its value.
pub(super) fn read_tags(value: &Resolved, tag_key: &str) -> Result<Tags, Gap> {
    let mut tags = Tags::new();
    gather(value, tag_key, &mut tags)?;
    Ok(tags)
}

fn gather(value: &Resolved, tag_key: &str, tags: &mut Tags) -> Result<(), Gap> {
    match value {
        Resolved::Open(open) => Err(open.gap.clone()),
        Resolved::Either(open, both) => {
            let mut one = tags.clone();
            gather(&both.0, tag_key, &mut one)?;
            gather(&both.1, tag_key, tags)?;
            let but_name = |tags: &Tags| {
                let mut tags = tags.clone();
                tags.remove("Name");
                tags
            };
            if but_name(&one) != but_name(tags) {
                return Err(open.gap.clone());
            }
            Ok(())
        }
        Resolved::List(items) => items.iter().try_for_each(|it| gather(it, tag_key, tags)),
        Resolved::Map(members) if members.iter().any(|(name, _)| name == "Key") => {
            let key = value.get("Key").text()?.unwrap_or_default();
            put(key, value.get("Value"), tag_key, tags)
        }
        Resolved::Map(members) => members
            .iter()
            .try_for_each(|(key, value)| put(key.clone(), value.clone(), tag_key, tags)),
        Resolved::Absent => Ok(()),
        _ => Err(unexpected_shape("tags").gap),
    }
}

fn put(key: String, value: Resolved, tag_key: &str, tags: &mut Tags) -> Result<(), Gap> {
    if !is_kept(&key, tag_key) {
        return Ok(());
    }
    let value = match value.text() {
        Ok(value) => value.unwrap_or_default(),
        Err(_) if key == "Name" => show_phrase(value.phrase()),
        // A misspelled key selects nothing with any value.
        Err(_) if is_near_miss(&key, tag_key) => "...".to_owned(),
        Err(gap) => return Err(gap),
    };
    tags.insert(key, value);
    Ok(())
}

/// Returns a name for people, in which unknown parts are named.
fn show_phrase(phrase: Phrase) -> String {
    let pieces = phrase.0.into_iter().map(|piece| match piece {
        Piece::Text(text) => text,
        piece => {
            let what = piece.open().map(|Open { what, .. }| what);
            format!("${{{}}}", what.unwrap_or_default())
        }
    });
    pieces.collect()
}
