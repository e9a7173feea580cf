//! The source locations of resources in plans and templates.

use std::collections::BTreeMap;

use super::Finding;
use crate::model::place::Place;

/// Returns the locations of resources, by ARN.
pub(super) fn locations_by_arn(findings: &[Finding]) -> BTreeMap<&str, &Place> {
    let located = findings
        .iter()
        .filter_map(|it| Some((it.resource.as_str(), it.place.as_deref()?)));
    located.collect()
}

/// Returns a location as compilers write it: `stack.yaml:12`.
pub(super) fn format_location(place: &Place) -> String {
    match place.line {
        Some(line) => format!("{}:{line}", place.file),
        None => place.file.clone(),
    }
}
