//! One resource: a mark and a few words for each family of checks, then what to fix.

use super::marks::mark_of;
use crate::report::digest::Digest;
use crate::report::digest::families::family_heading;
use crate::report::digest::names::service_label;
use crate::report::digest::view::Row;
use crate::report::page::{Page, Tone};
use crate::report::{Finding, SHORT_ID, Status, cause_id_of};
use crate::rule::Family;
use crate::text::plural;

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
    page.flow(
        0,
        2,
        &[
            (Tone::for_verdict(row.verdict), &verdict),
            (Tone::Strong, &service_label(row.line, page.width())),
            (Tone::Plain, row.line.kind.noun()),
            (Tone::Plain, &row.line.region),
            (
                Tone::Plain,
                &format!("{}={}", report.tag_key, row.line.backup_tag.as_str()),
            ),
        ],
    );
    let of_resource = |finding: &&Finding| finding.resource == row.line.arn;
    let findings: Vec<&Finding> = report.findings.iter().filter(of_resource).collect();
    let mut to_fix: Option<&Finding> = None;
    for family in Family::ALL {
        let checked = findings.iter().filter(|it| it.rule.family() == family);
        let mut checked: Vec<&Finding> = checked.copied().collect();
        checked.retain(|it| it.status != Status::Skip && it.waiver.is_none());
        checked.sort_by_key(|it| std::cmp::Reverse(it.status));
        let Some(worst) = checked.first() else {
            continue;
        };
        if to_fix.is_none_or(|known| worst.status > known.status) && worst.status.is_trouble() {
            to_fix = Some(worst);
        }
        let mark = mark_of(Some(worst.status), ascii);
        let words = match worst.status.is_trouble() {
            true => format!("{}: {}", worst.rule.id, worst.explanation.message),
            false => format!("{} passed", plural(checked.len(), "check")),
        };
        let name = format!("{:<8}", family_heading(family));
        page.flow(
            2,
            13,
            &[
                (Tone::for_status(worst.status), mark),
                (Tone::Plain, &name),
                (Tone::Plain, &words),
            ],
        );
    }
    let Some(finding) = to_fix else {
        return;
    };
    if let Some(fix) = &finding.explanation.fix {
        page.flow(0, 2, &[(Tone::Good, "fix:"), (Tone::Plain, fix)]);
    }
    let what = match cause_id_of(finding).filter(|_| finding.status != Status::Unknown) {
        Some(id) => format!("fix {}{}", &id[..SHORT_ID], report.arguments),
        None => format!("explain {}", finding.rule.id),
    };
    page.add_command(2, &format!("backup-check {what}"));
}
