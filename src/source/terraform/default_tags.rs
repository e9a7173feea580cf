//! The default tags that providers give to resources, as far as a plan shows them.
//!
//! Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs#default_tags>.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::tag::Tags;
use crate::source::planned::Surroundings;

use super::document::Document;
use super::item::ALL;
use super::view::contains_true;

/// Returns the default tags that providers are seen to give to resources of the plan, as far as a snapshot keeps
/// them; `None` for a provider that gives several.
pub(super) fn find_default_tags<'a>(
    document: &Document<'a>,
    around: &Surroundings<'_>,
) -> BTreeMap<&'a str, Option<Tags>> {
    let mut seen: BTreeMap<&str, Option<Tags>> = BTreeMap::new();
    for item in document.items.iter().filter(|it| !it.is_data) {
        let (Some(provider), Some(all)) =
            (item.provider_key(), item.values["tags_all"].as_object())
        else {
            continue;
        };
        let Some(own) = item.values.get("tags") else {
            continue;
        };
        let own = own.as_object();
        let is_own = |key: &str| own.is_some_and(|it| it.contains_key(key));
        let marks = ["tags", "tags_all"];
        let is_open = |marks_of: &Value| marks.iter().any(|it| contains_true(&marks_of[*it]));
        let is_hidden = *item.sensitive == ALL || *item.unknown == ALL;
        if is_hidden || is_open(item.unknown) || is_open(item.sensitive) {
            continue;
        }
        let default = all.iter().filter(|(key, _)| !is_own(key));
        let default = default.filter(|(key, _)| around.keeps_tag(key));
        let default = default.filter_map(|(key, it)| Some((key.clone(), it.as_str()?.to_owned())));
        let default: Tags = default.collect();
        // The own tag of a resource hides the default one.
        if is_own(around.tag_key) {
            continue;
        }
        let entry = seen.entry(document.resolve_provider(provider));
        let known = entry.or_insert_with(|| Some(default.clone()));
        let of = |tags: &Tags| tags.get(around.tag_key).cloned();
        if known.as_ref().map(of) != Some(of(&default)) {
            *known = None;
        }
    }
    seen
}
