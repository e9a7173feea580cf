//! Names of resources and resource types.

use std::collections::BTreeMap;

use super::view::Row;
use crate::model::ResourceKind;
use crate::report::ResourceLine;
use crate::text::{display_width, escape_invisible, plural, truncate_middle};

/// The least number of columns in which a truncated name is still useful.
const SHORTEST_NAME: usize = 5;

/// Returns the `Name` tag of a resource, unless it is blank or repeats the id.
pub(in crate::report) fn distinct_name(line: &ResourceLine) -> Option<&str> {
    line.name
        .as_deref()
        .filter(|name| !name.trim().is_empty() && *name != line.id)
}

/// Returns the id of a resource with its name, in at most `width` columns. The name is truncated first, so
/// that the id can be pasted.
pub(in crate::report) fn resource_label(line: &ResourceLine, width: usize) -> String {
    let id = escape_invisible(&line.id);
    let room = width.saturating_sub(display_width(&id) + 3);
    match distinct_name(line) {
        Some(name) if room >= SHORTEST_NAME => format!("{id} ({})", truncate_middle(name, room)),
        _ => truncate_middle(&id, width),
    }
}

/// Returns the number of resources of each type: `3 s3-buckets, 1 ebs-volume`.
pub(in crate::report) fn count_by_kind<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>) -> String {
    let mut kinds: BTreeMap<ResourceKind, usize> = BTreeMap::new();
    for row in rows {
        *kinds.entry(row.line.kind).or_default() += 1;
    }
    let texts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, number)| plural(number, kind.noun()))
        .collect();
    texts.join(", ")
}
