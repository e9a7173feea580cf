//! Marks of a status, in Unicode or ASCII.

use crate::report::Status;

/// Returns the mark of a status; `None` is a check that does not apply.
pub(super) fn mark_of(status: Option<Status>, ascii: bool) -> &'static str {
    match (status, ascii) {
        (None | Some(Status::Skip), _) => "-",
        (Some(Status::Pass), false) => "✓",
        (Some(Status::Pass), true) => "ok",
        (Some(Status::Fail), false) => "✗",
        (Some(Status::Fail), true) => "x",
        (Some(Status::Warn), _) => "!",
        (Some(Status::Unknown), _) => "?",
    }
}

/// Returns the mark with the number of resources that have it: `✗ 4`. A mark that is no trouble has none.
pub(super) fn counted_mark(status: Option<Status>, number: usize, ascii: bool) -> String {
    let mark = mark_of(status, ascii);
    match status {
        Some(status) if status.is_trouble() => format!("{mark} {number}"),
        _ => mark.to_owned(),
    }
}
