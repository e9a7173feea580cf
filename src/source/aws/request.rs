//! What to scan.

use jiff::Timestamp;

use crate::model::fact::Extent;
use crate::model::selection::Selection;

/// What to scan.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// The regions to scan. The regions of selected buckets are added.
    pub regions: Vec<String>,
    /// The regions that selected buckets must be in. Empty allows any region.
    pub within: Vec<String>,
    /// The resources and services to check, which decides what is read.
    pub selection: Selection,
    /// What of the selection is read.
    pub extent: Extent,
    /// The key of the backup tag. Most other tags are not kept.
    pub tag_key: String,
    /// The start of the scan. Jobs are read for the days before it.
    pub now: Timestamp,
    /// The backup role to use if no organization policy names one.
    pub backup_role: String,
}
