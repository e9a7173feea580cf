//! Resources without a backup tag, with the verdict that each would have with one.

use std::collections::BTreeSet;

use super::causes::{CauseList, Shown};
use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::ResourceVerdict;
use crate::report::digest::counts::VerdictCounts;
use crate::report::digest::names::resource_label;
use crate::report::digest::view::{Row, Section};
use crate::report::page::{Page, Tone};
use crate::text::{count_more, display_width, pad_to_width, plural};

/// The number of resources that are listed.
const MOST: usize = 40;
/// The number of causes that the line of a resource refers to.
const MOST_REFERENCES: usize = 3;
/// The width from which the columns have a wide gap.
const ROOMY: usize = 100;
/// The least number of columns for a name.
const NARROWEST_NAME: usize = 12;

/// Writes the resources without a valid tag, worst first, and their causes.
pub(super) fn write_untagged(page: &mut Page, causes: &mut CauseList<'_, '_>) {
    let view = &causes.digest.view;
    let mut rows: Vec<&Row<'_>> = view.rows_in(Section::Untagged).collect();
    if rows.is_empty() {
        return;
    }
    let is_invalid = |row: &&Row<'_>| row.line.backup_tag == BackupTag::Invalid;
    let heading = match rows.iter().any(is_invalid) {
        true => "WITHOUT A VALID BACKUP TAG",
        false => "WITHOUT A BACKUP TAG",
    };
    let number = plural(rows.len(), "resource");
    page.title(&format!("{heading}: {number}"), "");
    page.flow(0, 0, &[(Tone::Plain, &advise(&view.report.tag_key, &rows))]);
    page.blank();

    // Stable: within a verdict the report's order remains.
    rows.sort_by_key(|row| std::cmp::Reverse(row.verdict));
    let (listed, rest) = rows.split_at(rows.len().min(MOST));
    let numbers = listed.iter().flat_map(|row| decisive_causes(row, causes));
    let numbers: Vec<usize> = numbers.collect();
    let new = causes.mark_shown(numbers);
    write_rows(page, listed, causes);
    if !rest.is_empty() {
        let counts: VerdictCounts = rest.iter().map(|row| row.verdict).collect();
        let counts = counts.worst_first().into_iter();
        let counts: Vec<String> = counts
            .filter(|(_, number)| *number > 0)
            .map(|(verdict, number)| format!("{number} {}", verdict.as_str()))
            .collect();
        let more = format!("{} ({})", count_more(rest.len()), counts.join(", "));
        page.flow(2, 4, &[(Tone::Plain, &more)]);
    }
    for number in new {
        page.blank();
        let shown = Shown {
            number,
            note: "",
            with_gating: false,
        };
        causes.write_cause(page, shown);
    }
}

fn advise(key: &str, rows: &[&Row<'_>]) -> String {
    let is_volume = |row: &&Row<'_>| row.line.kind == ResourceKind::EbsVolume;
    let volumes = match rows.iter().any(is_volume) {
        true => " A volume is backed up with its instance if the instance is tagged.",
        false => "",
    };
    format!(
        "AWS Backup does not select these resources. Tag each one {key}=enabled, or {key}=disabled if it needs no backup.{volumes} The verdict is the one that the resource would have with {key}=enabled."
    )
}

/// Returns the causes of the verdict of an untagged resource, other than the missing tag.
fn decisive_causes(row: &Row<'_>, causes: &CauseList<'_, '_>) -> BTreeSet<usize> {
    let links = causes.digest.causes.links_of(&row.line.arn).iter();
    links
        .filter(|link| !link.is_tagging && ResourceVerdict::of(link.status) == row.verdict)
        .map(|link| link.number)
        .collect()
}

fn write_rows(page: &mut Page, rows: &[&Row<'_>], causes: &CauseList<'_, '_>) {
    let gap = if page.width() < ROOMY { 1 } else { 2 };
    let widest = |width: &dyn Fn(&Row<'_>) -> usize| {
        let widths = rows.iter().map(|row| width(row));
        widths.max().unwrap_or_default()
    };
    let verdicts = widest(&|row| display_width(row.verdict.as_str()));
    let kinds = widest(&|row| display_width(row.line.kind.noun()));
    let regions = widest(&|row| display_width(&row.line.region));
    let free = page
        .width()
        .saturating_sub(2 + verdicts + kinds + regions + 4 * gap);
    let lines: Vec<(&Row<'_>, String, String)> = rows
        .iter()
        .map(|row| {
            let references =
                causes.write_references(&decisive_causes(row, causes), MOST_REFERENCES);
            let room = free.saturating_sub(display_width(&references));
            let name = resource_label(row.line, room.max(NARROWEST_NAME));
            (*row, name, references)
        })
        .collect();
    let names = lines.iter().map(|(_, name, _)| display_width(name));
    let names = names.max().unwrap_or_default();
    for (row, name, references) in lines {
        let room = free.saturating_sub(display_width(&references));
        let cells = [
            pad_to_width(row.line.kind.noun(), kinds),
            pad_to_width(&row.line.region, regions),
            pad_to_width(&name, names.min(room)),
            references,
        ];
        let text = cells.join(&" ".repeat(gap));
        let verdict = pad_to_width(row.verdict.as_str(), verdicts + gap - 1);
        let pieces = [
            (Tone::for_verdict(row.verdict), verdict.as_str()),
            (Tone::Plain, &text),
        ];
        page.flow(2, 4, &pieces);
    }
}
