//! Names of resources and resource types.

use crate::model::ResourceKind;
use crate::model::service::Service;
use crate::report::ResourceLine;
use crate::text::{display_width, escape_invisible, truncate_middle};

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

/// Returns the service of a resource as the tables name it.
pub(in crate::report) fn service_name(kind: ResourceKind) -> &'static str {
    match (kind, kind.service()) {
        (ResourceKind::Region, _) => "region",
        (ResourceKind::Account, _) => "account",
        (kind, Some(Service::Backup)) if kind.is_backed_up() => "other",
        (_, service) => service.map_or("other", |service| service.as_str()),
    }
}

/// Returns the service and the id of a resource, never truncated, with its name in the room that is left of
/// `width` columns: `ebs vol-0ab (db-data)`.
pub(in crate::report) fn service_label(line: &ResourceLine, width: usize) -> String {
    let service = service_name(line.kind);
    let id = escape_invisible(&line.id);
    let used = display_width(service) + 1 + display_width(&id);
    match distinct_name(line) {
        Some(name) if used + 3 + SHORTEST_NAME <= width => {
            let name = truncate_middle(name, width - used - 3);
            format!("{service} {id} ({name})")
        }
        _ => format!("{service} {id}"),
    }
}
