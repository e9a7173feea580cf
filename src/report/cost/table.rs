//! An estimate as text for a terminal.

use std::io::Write;

use super::view::CostView;
use crate::cost::estimate::Estimate;
use crate::report::WriteError;
use crate::report::page::{Page, Tone};
use crate::report::table::Style;
use crate::text::{display_width, pad_to_width};

/// Writes an estimate: what there is to back up, what it costs whom, and what to know about the figures.
pub(super) fn write(
    estimate: &Estimate,
    style: &Style,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let view = CostView::new(estimate);
    let mut page = Page::new(style.width, style.color);
    page.flow(0, 2, &[(Tone::Strong, &view.question)]);
    if view.is_empty() {
        page.blank();
        page.flow(0, 0, &[(Tone::Plain, "There is nothing to back up.")]);
    } else {
        write_sizes(&mut page, &view);
        write_costs(&mut page, &view);
        page.title("TOTAL", "");
        for total in &view.totals {
            page.flow(0, 2, &[(Tone::Plain, total)]);
        }
    }
    write_accounts(&mut page, &view);
    for remark in &view.remarks {
        page.flow(0, 2, &[(Tone::Dim, remark)]);
    }
    if !view.notes.is_empty() {
        page.title("NOTES", "");
        for note in &view.notes {
            page.flow(0, 2, &[(Tone::Plain, "-"), (Tone::Plain, note)]);
        }
    }
    out.write_all(page.into_text().as_bytes())?;
    Ok(())
}

fn write_sizes(page: &mut Page, view: &CostView) {
    page.title("WHAT IS BACKED UP", "");
    let widest = view.sizes.iter().map(|row| display_width(row.kind)).max();
    let width = widest.unwrap_or_default() + 2;
    let rows: Vec<Vec<String>> = view
        .sizes
        .iter()
        .map(|row| {
            vec![
                format!("{}{}", pad_to_width(row.kind, width), row.region),
                row.resources.clone(),
                row.gib.clone(),
                row.basis.clone(),
            ]
        })
        .collect();
    page.add_table(&["", "resources", "GiB", "basis"], &rows);
}

fn write_accounts(page: &mut Page, view: &CostView) {
    if view.accounts.is_empty() {
        return;
    }
    page.title("ACCOUNTS", "one full copy, in USD a month");
    let rows: Vec<Vec<String>> = view
        .accounts
        .iter()
        .map(|row| {
            let [member, central] = &row.amounts;
            vec![
                row.account.clone(),
                row.resources.clone(),
                member.clone(),
                central.clone(),
            ]
        })
        .collect();
    page.add_table(&["", "resources", "the account pays", "central"], &rows);
    page.flow(0, 2, &[(Tone::Plain, &view.more_accounts)]);
}

/// Writes a row for each payer: the type before the first, the region before the second.
fn write_costs(page: &mut Page, view: &CostView) {
    page.title("WHAT IT COSTS", "in USD a month");
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut before: Option<(&str, &str)> = None;
    let mut number = 0;
    for row in &view.costs {
        let here = (row.kind, row.region.as_str());
        number = if before == Some(here) { number + 1 } else { 0 };
        before = Some(here);
        let name = match number {
            0 => row.kind.to_owned(),
            1 => format!("  {}", row.region),
            _ => String::new(),
        };
        let mut cells = vec![name, row.payer.to_owned(), row.points.clone()];
        cells.extend(row.amounts.iter().cloned());
        rows.push(cells);
    }
    let headings: Vec<&str> = ["", "paid by", "points"]
        .into_iter()
        .chain(view.headings.iter().copied())
        .collect();
    page.add_table(&headings, &rows);
}
