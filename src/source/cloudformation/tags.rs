//! Tags, in every shape that resource types use.

use crate::model::Gap;
use crate::model::tag::{Tags, is_near_miss};
use crate::source::planned::Surroundings;

use super::value::{Resolved, unexpected_shape};

/// Reads the tags that rules use, from a list of keys and values or from a mapping.
///
/// # Errors
/// Why it is unknown whether they include the backup tag, or its value.
pub(super) fn read_tags(value: &Resolved, around: &Surroundings<'_>) -> Result<Tags, Gap> {
    let mut tags = Tags::new();
    gather(value, around, &mut tags)?;
    Ok(tags)
}

/// Reads the tags that a launch template or a fleet gives to resources of a type, such as `instance`, when it
/// launches them. Its other tags are those of requests, interfaces or of the fleet itself.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchTemplateTagSpecificationRequest.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TagSpecification.html>.
///
/// # Errors
/// Why it is unknown whether they include the backup tag, or its value.
pub(super) fn read_tags_at_launch(
    holder: &Resolved,
    of: &str,
    around: &Surroundings<'_>,
) -> Result<Tags, Gap> {
    let specifications = holder.get("TagSpecifications");
    let all = specifications.read_list(|it| {
        match it.get("ResourceType").text() {
            Ok(Some(kind)) if kind == of => read_tags(&it.get("Tags"), around),
            Ok(_) => Ok(Tags::new()),
            // With an open type, its tags matter only if they are those of backups.
            Err(gap) => match read_tags(&it.get("Tags"), around) {
                Ok(tags) if !tags.contains_key(around.tag_key) => Ok(Tags::new()),
                _ => Err(gap),
            },
        }
    })?;
    Ok(all.into_iter().flatten().collect())
}

fn gather(value: &Resolved, around: &Surroundings<'_>, tags: &mut Tags) -> Result<(), Gap> {
    match value {
        Resolved::Open(open) => Err(open.gap.clone()),
        Resolved::OneOf(open, candidates) => {
            let before = tags.clone();
            let mut first: Option<Tags> = None;
            for candidate in candidates {
                let mut with = before.clone();
                gather(candidate, around, &mut with)?;
                let but_name = |tags: &Tags| {
                    let mut tags = tags.clone();
                    tags.remove("Name");
                    tags
                };
                match &first {
                    Some(first) if but_name(first) != but_name(&with) => {
                        return Err(open.gap.clone());
                    }
                    _ => drop(first.insert(with)),
                }
            }
            tags.extend(first.unwrap_or_default());
            Ok(())
        }
        Resolved::List(items) => items.iter().try_for_each(|it| gather(it, around, tags)),
        Resolved::Map(members) if members.iter().any(|(name, _)| name == "Key") => {
            let key = value.get("Key").text()?.unwrap_or_default();
            put(key, value.get("Value"), around, tags)
        }
        Resolved::Map(members) => members
            .iter()
            .try_for_each(|(key, value)| put(key.clone(), value.clone(), around, tags)),
        Resolved::Absent => Ok(()),
        _ => Err(unexpected_shape("tags").gap),
    }
}

fn put(
    key: String,
    value: Resolved,
    around: &Surroundings<'_>,
    tags: &mut Tags,
) -> Result<(), Gap> {
    if !around.keeps_tag(&key) {
        return Ok(());
    }
    let value = match value.text() {
        Ok(value) => value.unwrap_or_default(),
        Err(_) if key == "Name" => value.phrase().show(),
        // A misspelled key selects nothing with any value.
        Err(_) if is_near_miss(&key, around.tag_key) => "...".to_owned(),
        Err(gap) => return Err(gap),
    };
    tags.insert(key, value);
    Ok(())
}
