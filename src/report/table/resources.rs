//! A row for each resource: a mark for each family of checks, and the rule that sets its verdict.

use std::cmp::Reverse;

use super::marks::mark_of;
use crate::exit::FailOn;
use crate::report::digest::Digest;
use crate::report::digest::families::{Marks, family_heading, mark_resources};
use crate::report::digest::names::service_label;
use crate::report::digest::summary::summarize_untagged;
use crate::report::digest::view::{Row, Section};
use crate::report::maps::{HashMap, HashSet};
use crate::report::page::{Page, Tone};
use crate::report::{Baseline, ResourceVerdict, Status};
use crate::rule::Family;
use crate::rule::Group;
use crate::text::{count_more, display_width};

/// The number of lines of the summary.
pub(super) const MOST_LINES: usize = 60;
/// The lines around the rows: the headings, the legend, how many are left out, and the blank lines before the three
/// blocks.
const LINES_AROUND: usize = 6;
/// The number of rows of the summary.
const MOST_ROWS: usize = 12;
/// The number of resources up to which the summary has a row for each.
const FEW: usize = 20;
/// The width from which a row names the region.
const WIDE: usize = 100;
/// The share of the width that a name may have; a longer one has its own line.
const NAME_SHARE: usize = 45;

/// Returns the lines that the summary needs for resources, with a row for each of a few.
pub(super) fn count_few_lines(page: &Page, digest: &Digest<'_>, ascii: bool) -> usize {
    let rows = rank_rows(digest, FailOn::Fail);
    let mut block = Page::new(page.width(), false);
    if rows.len() <= FEW {
        let checks = RowChecks::of_rows(digest, &rows);
        write_rows(&mut block, &checks, &rows, ascii);
    }
    write_untagged(&mut block, digest);
    block.count_lines() + 1
}

/// Writes the worst resources, as many as there is room for in the summary above the result of `result_lines`, and
/// how many have no tag.
pub(super) fn write_worst_resources(
    page: &mut Page,
    digest: &Digest<'_>,
    ascii: bool,
    result_lines: usize,
    gate: FailOn,
) {
    let mut rows = rank_rows(digest, gate);
    let all = rows.len();
    if all > FEW {
        rows.retain(|row| row.verdict > ResourceVerdict::Ready);
        rows.truncate(MOST_ROWS);
    }
    let mut untagged = Page::new(page.width(), false);
    write_untagged(&mut untagged, digest);
    let others = page.count_lines() + LINES_AROUND + untagged.count_lines() + result_lines;
    let room = MOST_LINES.saturating_sub(others);
    let checks = RowChecks::of_rows(digest, &rows);
    while count_rows(page, &checks, &rows, ascii) > room {
        rows.pop();
    }
    write_rows(page, &checks, &rows, ascii);
    if rows.len() < all {
        let what = match rows.is_empty() {
            true => "all resources".to_owned(),
            false => count_more(all - rows.len()),
        };
        let arguments = &digest.report.arguments;
        let list_all = format!("{what}: backup-check scan --view resources{arguments}");
        page.add_command(2, &list_all);
    }
    write_untagged(page, digest);
}

/// Writes every resource.
pub(super) fn write_all_resources(page: &mut Page, digest: &Digest<'_>, ascii: bool, gate: FailOn) {
    let rows = rank_rows(digest, gate);
    let checks = RowChecks::of_rows(digest, &rows);
    write_rows(page, &checks, &rows, ascii);
    write_untagged(page, digest);
}

/// Returns the lines of rows without the heading and the legend.
fn count_rows(page: &Page, checks: &RowChecks<'_>, rows: &[&Row<'_>], ascii: bool) -> usize {
    let mut block = Page::new(page.width(), false);
    write_rows(&mut block, checks, rows, ascii);
    block.count_lines().saturating_sub(2)
}

/// Returns the resources, those to be backed up first, then by verdict; the worst first. Where the gate is about new
/// failures, resources with new findings come before all others.
fn rank_rows<'d, 'a>(digest: &'d Digest<'a>, gate: FailOn) -> Vec<&'d Row<'a>> {
    let findings = digest.report.findings.iter().filter(|it| {
        let is_new = it.baseline == Some(Baseline::New) && gate == FailOn::New;
        is_new && it.status.is_trouble() && it.waiver.is_none()
    });
    let new: HashSet<&str> = findings.map(|it| it.resource.as_str()).collect();
    let mut rows: Vec<&Row<'_>> = digest.view.rows.iter().collect();
    let is_trouble = |row: &Row<'_>| {
        let verdict = row.verdict;
        verdict > ResourceVerdict::Ready && row.section != Section::Untagged
    };
    // Stable: within a verdict the order of the report remains.
    rows.sort_by_key(|row| {
        (
            !new.contains(row.line.arn.as_str()),
            !is_trouble(row),
            row.section == Section::Setting,
            row.section != Section::Counted,
            Reverse(row.verdict),
        )
    });
    rows
}

fn write_rows(page: &mut Page, checks: &RowChecks<'_>, rows: &[&Row<'_>], ascii: bool) {
    if rows.is_empty() {
        return;
    }
    let is_wide = page.width() >= WIDE;
    let most = page.width() * NAME_SHARE / 100;
    let labels: Vec<String> = rows
        .iter()
        .map(|row| service_label(row.line, most))
        .collect();
    let widths = labels.iter().map(|label| display_width(label));
    let name_width = widths.filter(|width| *width <= most).max().unwrap_or(most);
    let mut headings = vec!["RESOURCES", ""];
    if is_wide {
        headings.push("region");
    }
    headings.extend(Family::ALL.map(|family| &family_heading(family)[..1]));
    headings.push("");
    page.blank();
    let mut grid = Vec::new();
    for (row, label) in rows.iter().zip(&labels) {
        let arn = row.line.arn.as_str();
        let mut cells = vec![verdict_mark(row.verdict, ascii).to_owned()];
        match display_width(label) <= name_width {
            true => cells.push(label.clone()),
            false => cells.push(format!("{label}\n")),
        }
        if is_wide {
            cells.push(row.line.region.clone());
        }
        let of_resource: Marks = checks.marks.get(arn).copied().unwrap_or_default();
        cells.extend(of_resource.map(|mark| mark_of(mark, ascii).to_owned()));
        let reason = match checks.rules.get(arn) {
            Some(rule) => rule,
            None if row.section == Section::Untagged => "no backup tag",
            None => "",
        };
        cells.push(reason.to_owned());
        grid.push(cells);
    }
    headings.swap(0, 1);
    page.add_resource_rows(&headings, &grid, name_width);
    let legend = Family::ALL.map(|family| {
        let heading = family_heading(family);
        format!("{} {heading}", &heading[..1])
    });
    page.flow(0, 0, &[(Tone::Dim, &legend.join(", "))]);
}

fn verdict_mark(verdict: ResourceVerdict, ascii: bool) -> &'static str {
    match verdict {
        ResourceVerdict::Exempt => "-",
        ResourceVerdict::Ready => mark_of(Some(Status::Pass), ascii),
        ResourceVerdict::AtRisk => mark_of(Some(Status::Warn), ascii),
        ResourceVerdict::Unknown => mark_of(Some(Status::Unknown), ascii),
        ResourceVerdict::NotReady => mark_of(Some(Status::Fail), ascii),
    }
}

/// What the rows say of their checks.
struct RowChecks<'a> {
    marks: HashMap<&'a str, Marks>,
    /// The rule that sets the verdict of each resource in trouble. A failed job comes last: another rule may explain it.
    rules: HashMap<&'a str, &'static str>,
}

impl<'a> RowChecks<'a> {
    fn of_rows(digest: &Digest<'a>, rows: &[&Row<'a>]) -> Self {
        let shown: HashMap<&str, &Row<'_>> = rows
            .iter()
            .map(|row| (row.line.arn.as_str(), *row))
            .collect();
        let marks = mark_resources(digest.report, |arn| shown.contains_key(arn));
        let mut worst: HashMap<&str, ((Status, bool, bool), &'static str)> = HashMap::default();
        for finding in &digest.report.findings {
            if !finding.status.is_trouble() || finding.waiver.is_some() {
                continue;
            }
            let Some(row) = shown.get(finding.resource.as_str()) else {
                continue;
            };
            if row.section == Section::Untagged && finding.rule.group == Group::Tagging {
                continue;
            }
            let rank = (
                finding.status,
                finding.gating,
                finding.rule.group != Group::Proof,
            );
            let entry = worst
                .entry(&finding.resource)
                .or_insert((rank, finding.rule.id));
            if rank > entry.0 {
                *entry = (rank, finding.rule.id);
            }
        }
        let rules = worst.into_iter().map(|(arn, (_, rule))| (arn, rule));
        let rules = rules.collect();
        RowChecks { marks, rules }
    }
}

fn write_untagged(page: &mut Page, digest: &Digest<'_>) {
    if let Some(sentence) = summarize_untagged(&digest.view) {
        page.blank();
        page.flow(0, 2, &[(Tone::Plain, &sentence)]);
    }
}
