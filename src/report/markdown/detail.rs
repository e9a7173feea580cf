//! How much of a report fits into a page of Markdown.

/// The width to which names and messages are truncated elsewhere, in columns.
pub(super) const LONGEST_TEXT: usize = 1_024;

/// The level of detail of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    /// Whether the resources behind non-gating causes are listed.
    pub(super) non_gating: bool,
    /// The number of lines after which lists are cut.
    pub(super) list_length: usize,
}
