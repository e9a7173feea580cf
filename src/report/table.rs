//! The report as text, for a terminal or a pipe.
//!
//! Status, gating and root causes come from the [`Report`] and its digest; the table only lays them out. A
//! cause that affects many resources is shown once, under a number that their lines refer to.

mod causes;
mod counts;
mod coverage;
mod resources;
mod skipped;
mod summary;
mod untagged;
mod waivers;

use std::io::Write;

use super::digest::Digest;
use super::digest::view::Section;
use super::page::Page;
use super::{Report, WriteError};
use causes::CauseList;

/// The layout of the table. The caller knows the terminal; the table does not query it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The width in columns.
    pub width: usize,
    /// Whether to use colors.
    pub color: bool,
    /// Whether to show findings of rules that do not apply.
    pub show_skipped: bool,
}

/// Writes a report as text: gating sections first, worst first; then untagged resources, counts, coverage
/// gaps, a summary and the next commands.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, style: &Style, out: &mut dyn Write) -> Result<(), WriteError> {
    let digest = Digest::new(report);
    let mut page = Page::new(style.width, style.color);
    let mut causes = CauseList::new(&digest);
    let settings_gate = digest
        .view
        .rows_in(Section::Setting)
        .flat_map(|row| digest.causes.links_of(&row.line.arn))
        .any(|link| digest.causes.get(link.number).gating);

    summary::write_header(&mut page, &digest);
    resources::write_counted(&mut page, &mut causes);
    // Gating sections come before the others.
    if settings_gate {
        resources::write_settings(&mut page, &mut causes);
    }
    untagged::write_untagged(&mut page, &mut causes);
    resources::write_exempt(&mut page, &mut causes);
    if !settings_gate {
        resources::write_settings(&mut page, &mut causes);
    }
    if style.show_skipped {
        skipped::write_skipped(&mut page, report);
    }
    counts::write_counts(&mut page, &digest.view);
    waivers::write_stale_waivers(&mut page, report);
    coverage::write_gaps(&mut page, &digest);
    summary::write_summary(&mut page, &digest);
    out.write_all(page.into_text().as_bytes())?;
    Ok(())
}
