//! Where plans and templates declare what findings are about.

use std::collections::BTreeMap;

use super::Finding;
use crate::model::place::Place;

/// The places of resources, by ARN.
pub(super) fn by_resource(findings: &[Finding]) -> BTreeMap<&str, &Place> {
    let placed = findings
        .iter()
        .filter_map(|it| Some((it.resource.as_str(), it.place.as_ref()?)));
    placed.collect()
}

/// A place as compilers write it: `stack.yaml:12`.
pub(super) fn words(place: &Place) -> String {
    match place.line {
        Some(line) => format!("{}:{line}", place.file),
        None => place.file.clone(),
    }
}
