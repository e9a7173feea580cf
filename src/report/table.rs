//! The report as text, for a terminal or a pipe: the answer at a glance.
//!
//! Status, gating and root causes come from the [`Report`] and its digest; the table only lays them out. The
//! summary has at most 60 lines for an account of any size.

mod card;
mod causes;
mod coverage;
mod header;
mod marks;
mod resources;
mod result;
mod services;
mod skipped;
mod waivers;

use std::io::Write;

use super::console::Links;
use super::digest::Digest;
use super::page::Page;
use super::{Report, WriteError};
use crate::exit::FailOn;

/// What the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableView {
    /// The answer: services, what to fix first, the worst resources.
    #[default]
    Summary,
    /// Every cause with its fix.
    Causes,
    /// A row for every resource.
    Resources,
}

/// The layout of the table. The caller knows the terminal; the table does not query it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The width in columns.
    pub width: usize,
    /// Whether to use colors.
    pub color: bool,
    /// Whether the names of resources and rules are hyperlinks.
    pub links: bool,
    /// Whether to use only ASCII characters for marks and for what is cut out of names.
    pub ascii: bool,
    /// Whether to show findings of rules that do not apply.
    pub show_skipped: bool,
    /// What to show.
    pub view: TableView,
}

impl Style {
    /// Returns the style of text that is not for a terminal.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Style {
            width,
            color: false,
            links: false,
            ascii: false,
            show_skipped: false,
            view: TableView::default(),
        }
    }
}

/// Writes a report as text.
///
/// # Errors
/// The writer failed.
pub fn write(
    report: &Report,
    style: &Style,
    gate: FailOn,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let digest = Digest::new(report);
    let mut page = Page::new(style.width, style.color);
    if style.links {
        page.link_words(Links::of_report(report));
    }
    header::write_header(&mut page, &digest);
    match (style.view, card::single_resource(&digest)) {
        (TableView::Summary, Some(row)) => card::write_card(&mut page, &digest, row, style.ascii),
        (TableView::Summary, None) => write_summary(&mut page, &digest, style.ascii, gate),
        (TableView::Causes, _) => {
            causes::write_all_causes(&mut page, &digest, style.ascii, gate);
            waivers::write_waived_findings(&mut page, report);
            waivers::write_stale_waivers(&mut page, report);
            coverage::write_gaps(&mut page, &digest);
        }
        (TableView::Resources, _) => {
            services::write_services(&mut page, &digest, style.ascii);
            resources::write_all_resources(&mut page, &digest, style.ascii, gate);
        }
    }
    if style.show_skipped {
        skipped::write_skipped(&mut page, report);
    }
    result::write_result(&mut page, &digest, gate);
    let mut text = page.into_text();
    if style.ascii {
        // As wide as the signs, so that columns stay aligned.
        text = text.replace('…', "~").replace('·', "-");
    }
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// Writes the services, what to fix first and the worst resources, in the lines that the result leaves.
fn write_summary(page: &mut Page, digest: &Digest<'_>, ascii: bool, gate: FailOn) {
    services::write_services(page, digest, ascii);
    let mut result = Page::new(page.width(), false);
    result::write_result(&mut result, digest, gate);
    let result_lines = result.count_lines();
    let rows = resources::count_few_lines(page, digest, ascii);
    let others = page.count_lines() + rows + 1 + result_lines;
    let room = resources::MOST_LINES.saturating_sub(others);
    causes::write_first_causes(page, digest, ascii, room, gate);
    resources::write_worst_resources(page, digest, ascii, result_lines, gate);
}
