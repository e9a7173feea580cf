//! What one pass over a snapshot is for.

use crate::model::ResourceKind;

/// What one pass over a snapshot evaluates and keeps.
#[derive(Clone, Copy)]
pub(super) struct Pass<'e> {
    /// Whether a region, or a type of resource in it, is evaluated.
    pub(super) is_wanted: &'e dyn Fn(&str, Option<ResourceKind>) -> bool,
    /// Whether the report has the lines of resources.
    pub(super) keeps_lines: bool,
}
