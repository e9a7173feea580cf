//! Resources without a backup tag: judged as if they had one, which is what a developer wants to know
//! before tagging.

use std::collections::BTreeSet;

use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::ResourceVerdict;

use super::reasons::{Reasons, Told, references};
use super::view::{Place, Row, View, label, noun};
use crate::report::page::{Page, Tone};
use crate::text::{display_width, pad_to_width, plural};

/// Resources that are listed.
const MOST: usize = 40;
/// Causes that are referred to beside a resource.
const MOST_REFERENCES: usize = 3;
/// From this width on columns need not stand so close.
const ROOMY: usize = 100;

/// What carries no tag, each with the verdict it would have.
pub(super) fn write<'a>(page: &mut Page, view: &View<'a>, reasons: &mut Reasons<'a>) {
    let mut rows: Vec<&Row<'a>> = view.placed(Place::Untagged).collect();
    if rows.is_empty() {
        return;
    }
    let key = &view.report.tag_key;
    let invalid = rows
        .iter()
        .any(|row| row.line.backup_tag == BackupTag::Invalid);
    let what = if invalid {
        "WITHOUT A VALID BACKUP TAG"
    } else {
        "WITHOUT A BACKUP TAG"
    };
    page.title(&format!("{what}: {}", plural(rows.len(), "resource")), "");
    let mut advice = format!(
        "AWS Backup does not select these. Tag each {key}=enabled, or {key}=disabled where it needs no backup."
    );
    if rows
        .iter()
        .any(|row| row.line.kind == ResourceKind::EbsVolume)
    {
        advice.push_str(" A volume is backed up with its instance if that is tagged.");
    }
    advice.push_str(&format!(
        " The verdict is the one it would have with {key}=enabled."
    ));
    page.flow(0, 0, &[(Tone::Plain, &advice)]);
    page.blank();

    // Stable: within a verdict the report's order stays.
    rows.sort_by_key(|row| std::cmp::Reverse(row.verdict));
    let (shown, rest) = rows.split_at(rows.len().min(MOST));
    let fresh = reasons.number_new(
        shown
            .iter()
            .flat_map(|row| causes(row, reasons))
            .collect::<Vec<_>>(),
    );
    list(page, shown, reasons);
    if !rest.is_empty() {
        let verdicts: Vec<String> = ResourceVerdict::WORST_FIRST
            .into_iter()
            .map(|verdict| {
                (
                    verdict,
                    rest.iter().filter(|row| row.verdict == verdict).count(),
                )
            })
            .filter(|(_, number)| *number > 0)
            .map(|(verdict, number)| format!("{number} {}", verdict.as_str()))
            .collect();
        page.flow(
            2,
            4,
            &[(
                Tone::Plain,
                &format!("and {} more ({})", rest.len(), verdicts.join(", ")),
            )],
        );
    }
    for index in fresh {
        page.blank();
        reasons.tell(
            page,
            view,
            Told {
                index,
                more: "",
                weigh: false,
            },
        );
    }
}

/// What makes the verdict of an untagged resource. That the tag is missing is told above it all.
fn causes(row: &Row<'_>, reasons: &Reasons<'_>) -> BTreeSet<usize> {
    let links = reasons
        .of(&row.line.arn)
        .iter()
        .filter(|link| !link.tagging);
    links
        .filter(|link| ResourceVerdict::of(link.status) == row.verdict)
        .map(|link| link.reason)
        .collect()
}

fn list(page: &mut Page, rows: &[&Row<'_>], reasons: &Reasons<'_>) {
    let gap = if page.width() < ROOMY { 1 } else { 2 };
    let widest =
        |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(|row| of(row)).max().unwrap_or_default();
    let verdicts = widest(&|row| display_width(row.verdict.as_str()));
    let kinds = widest(&|row| display_width(noun(row.line.kind)));
    let regions = widest(&|row| display_width(&row.line.region));
    let free = page
        .width()
        .saturating_sub(2 + verdicts + kinds + regions + 4 * gap);
    let lines: Vec<(&Row<'_>, String, String)> = rows
        .iter()
        .map(|row| {
            let numbers = causes(row, reasons)
                .into_iter()
                .map(|index| reasons.number(index))
                .collect();
            let why = references(&numbers, MOST_REFERENCES);
            let name = label(row.line, free.saturating_sub(display_width(&why)).max(12));
            (*row, name, why)
        })
        .collect();
    let names = lines
        .iter()
        .map(|(_, name, _)| display_width(name))
        .max()
        .unwrap_or_default();
    for (row, name, why) in lines {
        let name = pad_to_width(&name, names.min(free.saturating_sub(display_width(&why))));
        let cells = [
            pad_to_width(noun(row.line.kind), kinds),
            pad_to_width(&row.line.region, regions),
            name,
            why,
        ];
        let text = cells.join(&" ".repeat(gap));
        let verdict = pad_to_width(row.verdict.as_str(), verdicts + gap - 1);
        page.flow(
            2,
            4,
            &[(Tone::of(row.verdict), &verdict), (Tone::Plain, &text)],
        );
    }
}
