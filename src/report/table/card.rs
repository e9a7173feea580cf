//! One resource: a mark and a few words for each family of checks, then what to fix.

use super::causes::shorten_ids;
use super::marks::mark_of;
use crate::report::digest::Digest;
use crate::report::digest::families::family_heading;
use crate::report::digest::names::resource_label;
use crate::report::digest::view::Row;
use crate::report::page::{Page, Tone};
use crate::report::{Finding, Report, SHORT_ID, Status, cause_id_of};
use crate::rule::Family;
use crate::text::{display_width, plural, truncate_end};

/// The column in which the words on a check start.
const INDENT: usize = 13;
/// The width of most of the longest words.
const LONGEST_WORD: usize = 20;
/// The width from which a fix is left to the command that prints it.
const LONGEST_FIX: usize = 140;

/// Returns the resource of a report on one resource.
pub(super) fn single_resource<'d, 'a>(digest: &'d Digest<'a>) -> Option<&'d Row<'a>> {
    if digest.report.selection.resources.len() != 1 {
        return None;
    }
    let mut rows = digest.view.rows.iter();
    let mut backed_up = rows.by_ref().filter(|row| row.line.kind.is_backed_up());
    let row = backed_up.next()?;
    backed_up.next().is_none().then_some(row)
}

/// Writes the checks of a resource, the worst of each family first.
pub(super) fn write_card(page: &mut Page, digest: &Digest<'_>, row: &Row<'_>, ascii: bool) {
    let report = digest.report;
    page.blank();
    let verdict = format!("{}:", row.verdict.as_str());
    let tag = format!("{}={}", report.tag_key, row.line.backup_tag.as_str());
    let noun = row.line.kind.noun();
    let others = [&verdict, noun, &row.line.region, &tag].map(|it| display_width(it) + 1);
    let room = page.width().saturating_sub(others.iter().sum());
    let label = resource_label(row.line, room.max(display_width(&row.line.id)));
    page.flow(
        0,
        2,
        &[
            (Tone::for_verdict(row.verdict), &verdict),
            (Tone::Plain, noun),
            (Tone::Strong, &label),
            (Tone::Plain, &row.line.region),
            (Tone::Plain, &tag),
        ],
    );
    let checks = worst_checks(report, row);
    let trouble = checks.iter().filter(|it| it.finding.status.is_trouble());
    // Of the same status the first family comes first: a failed job is the result of another check.
    let to_fix = trouble.rev().max_by_key(|it| it.finding.status);
    let to_fix = to_fix.map(|it| it.finding);
    for check in &checks {
        let is_to_fix = to_fix.is_some_and(|it| std::ptr::eq(it, check.finding));
        write_check(page, check, if is_to_fix { 2 } else { 1 }, ascii);
    }
    if let Some(finding) = to_fix {
        write_fix(page, report, finding);
    }
}

/// The worst finding of a family of checks.
struct WorstCheck<'a> {
    family: Family,
    finding: &'a Finding,
    /// The number of checks of the family.
    number: usize,
}

/// Returns the worst finding of a resource in each family that was checked.
fn worst_checks<'a>(report: &'a Report, row: &Row<'_>) -> Vec<WorstCheck<'a>> {
    let findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|it| it.resource == row.line.arn)
        .filter(|it| it.status != Status::Skip && it.waiver.is_none())
        .collect();
    let worst_of = |family: Family| {
        let of_family = || findings.iter().filter(|it| it.rule.family() == family);
        let finding = of_family().rev().max_by_key(|it| it.status)?;
        Some(WorstCheck {
            family,
            finding,
            number: of_family().count(),
        })
    };
    Family::ALL.into_iter().filter_map(worst_of).collect()
}

/// Writes the mark of a check and a few words, in at most `lines` lines.
fn write_check(page: &mut Page, check: &WorstCheck<'_>, lines: usize, ascii: bool) {
    let status = check.finding.status;
    let words = match status.is_trouble() {
        true => {
            let message = shorten_ids(&check.finding.explanation.message);
            format!("{}: {message}", check.finding.rule.id)
        }
        false => format!("{} passed", plural(check.number, "check")),
    };
    let room = page.width().saturating_sub(INDENT) * lines;
    // The second line may end early, before a long word.
    let words = truncate_end(&words, room - (lines - 1) * LONGEST_WORD);
    page.flow(
        2,
        INDENT,
        &[
            (Tone::for_status(status), mark_of(Some(status), ascii)),
            (Tone::Plain, &format!("{:<8}", family_heading(check.family))),
            (Tone::Plain, &words),
        ],
    );
}

/// Writes what to fix: in words if they are few, and the command that prints all of it.
fn write_fix(page: &mut Page, report: &Report, finding: &Finding) {
    let fix = finding.explanation.fix.as_deref().unwrap_or_default();
    let is_short = !fix.is_empty() && display_width(fix) <= LONGEST_FIX;
    if is_short {
        page.flow(0, 2, &[(Tone::Good, "fix:"), (Tone::Plain, fix)]);
    }
    let what = match cause_id_of(finding).filter(|_| finding.status != Status::Unknown) {
        Some(id) => format!("fix {}{}", &id[..SHORT_ID], report.arguments),
        None => format!("explain {}", finding.rule.id),
    };
    if !is_short && !fix.is_empty() {
        page.flow(0, 2, &[(Tone::Good, "fix:")]);
    }
    page.add_command(2, &format!("backup-check {what}"));
}
