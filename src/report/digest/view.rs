//! The section of the report that each resource belongs to, and the verdict that it has there.

use super::prerequisites::AccountPrerequisites;
use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::facts::ResourceCounts;
use crate::report::maps::HashMap;
use crate::report::{Report, ResourceLine, ResourceVerdict, Status};
use crate::rule::Group;
use crate::text::plural;

/// A section of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum Section {
    /// Resources to be backed up, and others with a gating finding.
    Counted,
    /// Resources without a valid backup tag, evaluated as if they had one.
    Untagged,
    /// Resources tagged `disabled` or `custom`.
    Exempt,
    /// VPCs, account and region settings, and resources that need no tag.
    Setting,
}

/// One resource, with its section and its verdict there.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Row<'a> {
    pub(in crate::report) line: &'a ResourceLine,
    pub(in crate::report) section: Section,
    /// Its verdict; for an untagged resource the one that it would have if it were tagged.
    pub(in crate::report) verdict: ResourceVerdict,
}

/// The resources of a report, by section.
#[derive(Debug)]
pub(in crate::report) struct View<'a> {
    pub(in crate::report) report: &'a Report,
    /// Every resource, in the report's order.
    pub(in crate::report) rows: Vec<Row<'a>>,
    /// What of the account blocks copies.
    pub(in crate::report) account: AccountPrerequisites<'a>,
    by_arn: HashMap<&'a str, usize>,
}

/// The findings of one resource, combined.
#[derive(Debug, Clone, Copy)]
struct Combined {
    /// The worst status of its gating findings.
    gating: Option<Status>,
    /// Whether a finding gates that is not about the tag.
    gates_beyond_tag: bool,
    /// The worst status of the findings that are not about the tag.
    if_tagged: Status,
    /// Whether it is a stack with resources that can be backed up, as few stacks are.
    is_full_stack: bool,
}

impl<'a> View<'a> {
    /// Sorts the resources of a report into sections.
    pub(super) fn new(report: &'a Report) -> Self {
        let combined = combine_findings(report);
        let rows: Vec<Row<'a>> = report
            .resources
            .iter()
            .map(|line| place_resource(line, combined.get(line.arn.as_str()).copied()))
            .collect();
        let by_arn = rows
            .iter()
            .enumerate()
            .map(|(index, row)| (row.line.arn.as_str(), index))
            .collect();
        View {
            report,
            rows,
            account: AccountPrerequisites::collect(report),
            by_arn,
        }
    }

    /// Returns the resources of one section, in the report's order.
    pub(in crate::report) fn rows_in(&self, section: Section) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(move |row| row.section == section)
    }

    /// Returns the row of a resource.
    pub(in crate::report) fn row_of(&self, arn: &str) -> Option<&Row<'a>> {
        self.by_arn.get(arn).map(|&index| &self.rows[index])
    }

    /// Counts the resources of one section by their verdict there.
    pub(in crate::report) fn count_verdicts(&self, section: Section) -> ResourceCounts {
        self.rows_in(section).map(|row| row.verdict).collect()
    }

    /// Returns how many resources of which type there are, tagged or not: `12 ebs-volumes`.
    pub(in crate::report) fn describe_kinds<'r>(
        &self,
        arns: impl IntoIterator<Item = &'r str>,
    ) -> String {
        let rows = arns.into_iter().filter_map(|arn| self.row_of(arn));
        let rows: Vec<&Row<'_>> = rows.collect();
        plural(rows.len(), noun_of(&rows))
    }

    /// Returns how many resources of which type there are: `12 ebs-volumes`, or
    /// `3 resources, and 4 without a tag`.
    pub(in crate::report) fn describe_resources<'r>(
        &self,
        arns: impl IntoIterator<Item = &'r str>,
    ) -> String {
        let rows: Vec<&Row<'_>> = arns
            .into_iter()
            .filter_map(|arn| self.row_of(arn))
            .collect();
        let noun = noun_of(&rows);
        let is_untagged = |row: &&&Row<'_>| row.section == Section::Untagged;
        let untagged = rows.iter().filter(is_untagged).count();
        match (rows.len() - untagged, untagged) {
            (0, untagged) => plural(untagged, noun),
            (others, 0) => plural(others, noun),
            (others, untagged) => {
                format!("{}, and {untagged} without a tag", plural(others, noun))
            }
        }
    }
}

/// Returns what resources are called together.
fn noun_of(rows: &[&Row<'_>]) -> &'static str {
    let mut kinds = rows.iter().map(|row| row.line.kind);
    match kinds.next() {
        Some(first) if kinds.all(|kind| kind == first) => first.noun(),
        _ => "resource",
    }
}

fn combine_findings(report: &Report) -> HashMap<&str, Combined> {
    let of_line = |line: &ResourceLine| Combined {
        gating: line.omitted.gating.then_some(Status::Pass),
        gates_beyond_tag: line.omitted.gating_beyond_tag,
        if_tagged: Status::Skip,
        is_full_stack: line.omitted.is_full_stack,
    };
    let lines = report.resources.iter();
    let mut combined: HashMap<&str, Combined> =
        lines.map(|it| (it.arn.as_str(), of_line(it))).collect();
    for finding in &report.findings {
        let Some(entry) = combined.get_mut(finding.resource.as_str()) else {
            continue;
        };
        entry.is_full_stack |= finding.says_full_stack();
        let is_tagging = finding.rule.group == Group::Tagging;
        if finding.gating {
            entry.gating = entry.gating.max(Some(finding.status));
            entry.gates_beyond_tag |= !is_tagging;
        }
        if !is_tagging {
            entry.if_tagged = entry.if_tagged.max(finding.status);
        }
    }
    combined
}

fn place_resource(line: &ResourceLine, combined: Option<Combined>) -> Row<'_> {
    let gating = combined.and_then(|it| it.gating);
    let section = section_of(line, combined);
    let verdict = match (section, gating, combined) {
        // A misplaced tag gates although the resource is exempt.
        (Section::Counted, Some(worst), _) if line.verdict == ResourceVerdict::Exempt => {
            ResourceVerdict::of(worst)
        }
        (Section::Untagged, _, Some(it)) => ResourceVerdict::of(it.if_tagged),
        _ => line.verdict,
    };
    Row {
        line,
        section,
        verdict,
    }
}

fn section_of(line: &ResourceLine, combined: Option<Combined>) -> Section {
    let gating = combined.and_then(|it| it.gating);
    let gates_beyond_tag = combined.is_some_and(|it| it.gates_beyond_tag);
    // A gateway needs no tag: AWS Backup backs up its volumes.
    let is_plain_gateway =
        line.kind == ResourceKind::StorageGateway && line.backup_tag == BackupTag::None;
    let is_plain_stack = line.kind == ResourceKind::CloudformationStack
        && !combined.is_some_and(|it| it.is_full_stack)
        && line.backup_tag == BackupTag::None
        && line.verdict <= ResourceVerdict::Ready;
    if !line.kind.is_backed_up() || is_plain_gateway || is_plain_stack {
        Section::Setting
    } else if matches!(line.backup_tag, BackupTag::Enabled | BackupTag::Unknown)
        || gates_beyond_tag
        || gating.is_some_and(|worst| worst >= Status::Unknown)
    {
        Section::Counted
    } else if line.backup_tag.is_exempt() {
        Section::Exempt
    } else {
        Section::Untagged
    }
}
