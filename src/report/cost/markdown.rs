//! An estimate as Markdown: by itself, or as a section of a report.

use std::io::Write;

use super::view::CostView;
use crate::cost::estimate::Estimate;
use crate::report::WriteError;
use crate::report::markdown::escape::{escape_sentence, format_row};

/// Writes an estimate as a document.
pub(super) fn write(estimate: &Estimate, out: &mut dyn Write) -> Result<(), WriteError> {
    out.write_all(write_section(estimate).trim_start().as_bytes())?;
    Ok(())
}

pub(in crate::report) fn write_section(estimate: &Estimate) -> String {
    let view = CostView::new(estimate);
    let mut text = format!("\n### Cost\n\n{}\n", escape_sentence(&view.question));
    if view.is_empty() {
        text.push_str("\nThere is nothing to back up.\n");
    } else {
        text.push_str("\n| type | region | resources | GiB | basis |\n|---|---|--:|--:|---|\n");
        for row in &view.sizes {
            text.push_str(&format_row(&[
                row.kind,
                &row.region,
                &row.resources,
                &row.gib,
                &row.basis,
            ]));
        }
        text.push_str("\n| type | region | paid by | points |");
        for heading in &view.headings {
            text.push_str(&format!(" {heading}, USD a month |"));
        }
        text.push_str("\n|---|---|---|--:|");
        text.push_str(&"--:|".repeat(view.headings.len()));
        text.push('\n');
        for row in &view.costs {
            let mut cells = vec![row.kind, &row.region, row.payer, &row.points];
            cells.extend(row.amounts.iter().map(String::as_str));
            text.push_str(&format_row(&cells));
        }
        push_list(&mut text, &view.totals);
    }
    if !view.accounts.is_empty() {
        text.push_str("\n| account | resources | it pays for one full copy, USD a month | the central account pays |\n|---|--:|--:|--:|\n");
        for row in &view.accounts {
            let [member, central] = &row.amounts;
            text.push_str(&format_row(
                &[&row.account, &row.resources, member, central].map(String::as_str),
            ));
        }
        if !view.more_accounts.is_empty() {
            text.push_str(&format!("\n{}\n", view.more_accounts));
        }
    }
    for remark in &view.remarks {
        text.push_str(&format!("\n{}\n", escape_sentence(remark)));
    }
    push_list(&mut text, &view.notes);
    text
}

fn push_list(text: &mut String, sentences: &[String]) {
    text.push('\n');
    for sentence in sentences {
        text.push_str(&format!("- {}\n", escape_sentence(sentence)));
    }
}
