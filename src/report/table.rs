//! The report for people, on a terminal or in a pipe.
//!
//! It gates nothing: what fails and what counts is in the [`Report`]. It sorts, groups and words.
//! A cause that many resources share is told once, under a number that their lines refer to.

mod counts;
pub(super) mod reasons;
mod resources;
mod skipped;
pub(super) mod summary;
pub(super) mod unread;
mod untagged;
pub(super) mod view;
mod waivers;

use std::io::Write;

use super::{Report, WriteError};
use crate::report::page::Page;
use reasons::Reasons;
use view::{Place, View};

/// How the table looks. The caller knows the terminal; the table does not ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns that a line may take.
    pub width: usize,
    /// Whether there are colours.
    pub color: bool,
    /// Whether findings of rules that do not apply are told too.
    pub show_skipped: bool,
}

/// Writes a report for people: what gates first, worst first; then what is not tagged; then counts,
/// what could not be read, a summary and the next commands.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> Result<(), WriteError> {
    let view = View::new(report);
    let mut reasons = Reasons::new(report);
    let mut page = Page::new(style.width, style.color);
    let settings_gate = view
        .placed(Place::Setting)
        .flat_map(|row| reasons.of(&row.line.arn))
        .any(|link| reasons.get(link.reason).gating);

    summary::head(&mut page, report);
    resources::counted(&mut page, &view, &mut reasons);
    // What gates comes before what does not.
    if settings_gate {
        resources::settings(&mut page, &view, &mut reasons);
    }
    untagged::write(&mut page, &view, &mut reasons);
    resources::exempt(&mut page, &view, &mut reasons);
    if !settings_gate {
        resources::settings(&mut page, &view, &mut reasons);
    }
    if style.show_skipped {
        skipped::write(&mut page, report);
    }
    counts::write(&mut page, &view);
    waivers::write(&mut page, report);
    unread::write(&mut page, report);
    summary::write(&mut page, &view, &reasons);
    out.write_all(page.into_text().as_bytes())?;
    Ok(())
}
