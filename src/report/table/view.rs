//! What belongs where in the report: which resources count, which carry no tag, which are settings.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::{Report, ResourceLine, ResourceVerdict, Status};
use crate::rule::{Check, Group};

use crate::text::{display_width, escape_invisible, plural, truncate_middle};

/// Less of a name says nothing.
const SHORTEST_NAME: usize = 5;

/// The part of the report that a resource is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum Place {
    /// It is to be backed up, or something about it gates.
    Counted,
    /// Without a valid tag: judged as if it were tagged.
    Untagged,
    /// Tagged `disabled` or `custom`.
    Exempt,
    /// A VPC, or the account's settings in a region; what nobody needs to tag.
    Setting,
}

/// One resource, where it is told and with which verdict.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Row<'a> {
    pub(in crate::report) line: &'a ResourceLine,
    pub(in crate::report) place: Place,
    /// Its verdict; of an untagged one that which it would have if it were tagged.
    pub(in crate::report) verdict: ResourceVerdict,
}

/// A report, sorted into places.
#[derive(Debug)]
pub(in crate::report) struct View<'a> {
    pub(in crate::report) report: &'a Report,
    pub(in crate::report) rows: Vec<Row<'a>>,
    by_arn: BTreeMap<&'a str, usize>,
}

/// What the findings of one resource say together.
#[derive(Debug, Clone, Copy)]
struct Findings {
    /// The worst that gates.
    gating: Option<Status>,
    /// Whether anything but a tagging rule gates.
    beyond_tagging: bool,
    /// The worst of all rules but those about the tag.
    if_tagged: Status,
    /// Whether it is a stack with nothing in it that could be backed up, as most are.
    holds_nothing: bool,
}

impl<'a> View<'a> {
    pub(in crate::report) fn new(report: &'a Report) -> Self {
        let mut found: BTreeMap<&str, Findings> = BTreeMap::new();
        for finding in &report.findings {
            let entry = found.entry(&finding.resource).or_insert(Findings {
                gating: None,
                beyond_tagging: false,
                if_tagged: Status::Skip,
                holds_nothing: false,
            });
            entry.holds_nothing |=
                matches!(finding.rule.check, Check::Stack(_)) && finding.status == Status::Skip;
            let tagging = finding.rule.group == Group::Tagging;
            if finding.gating {
                entry.gating = entry.gating.max(Some(finding.status));
                entry.beyond_tagging |= !tagging;
            }
            if !tagging {
                entry.if_tagged = entry.if_tagged.max(finding.status);
            }
        }
        let rows: Vec<Row<'a>> = report
            .resources
            .iter()
            .map(|line| row(line, found.get(line.arn.as_str()).copied()))
            .collect();
        let by_arn = rows
            .iter()
            .enumerate()
            .map(|(index, row)| (row.line.arn.as_str(), index))
            .collect();
        View {
            report,
            rows,
            by_arn,
        }
    }

    /// The resources of one place, in the report's order.
    pub(in crate::report) fn placed(&self, place: Place) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(move |row| row.place == place)
    }

    pub(in crate::report) fn row(&self, arn: &str) -> Option<&Row<'a>> {
        self.by_arn.get(arn).map(|&index| &self.rows[index])
    }

    /// How many of what: `12 ebs-volumes`, `3 resources, and 4 untagged ones`.
    pub(in crate::report) fn crowd(&self, arns: &BTreeSet<&str>) -> String {
        let rows: Vec<&Row<'_>> = arns.iter().filter_map(|arn| self.row(arn)).collect();
        let kinds: BTreeSet<ResourceKind> = rows.iter().map(|row| row.line.kind).collect();
        let thing = match kinds.first() {
            Some(&kind) if kinds.len() == 1 => noun(kind),
            _ => "resource",
        };
        let untagged = rows
            .iter()
            .filter(|row| row.place == Place::Untagged)
            .count();
        let others = rows.len() - untagged;
        match (others, untagged) {
            (0, untagged) => plural(untagged, thing),
            (others, 0) => plural(others, thing),
            (others, untagged) => {
                format!("{}, and {untagged} without a tag", plural(others, thing))
            }
        }
    }
}

fn row(line: &ResourceLine, found: Option<Findings>) -> Row<'_> {
    let gating = found.and_then(|it| it.gating);
    let beyond_tagging = found.is_some_and(|it| it.beyond_tagging);
    // Nobody needs to tag a gateway: AWS Backup looks at its volumes.
    let is_plain_gateway =
        line.kind == ResourceKind::StorageGateway && line.backup_tag == BackupTag::None;
    let is_plain_stack = found.is_some_and(|it| it.holds_nothing)
        && line.backup_tag == BackupTag::None
        && line.verdict <= ResourceVerdict::Ready;
    let place = if !line.kind.is_backed_up() || is_plain_gateway || is_plain_stack {
        Place::Setting
    } else if matches!(line.backup_tag, BackupTag::Enabled | BackupTag::Unknown)
        || beyond_tagging
        || gating.is_some_and(|worst| worst >= Status::Unknown)
    {
        Place::Counted
    } else if line.backup_tag.is_exempt() {
        Place::Exempt
    } else {
        Place::Untagged
    };
    let verdict = match (place, gating, found) {
        // A tag in the wrong place gates although the resource is exempt.
        (Place::Counted, Some(worst), _) if line.verdict == ResourceVerdict::Exempt => {
            ResourceVerdict::of(worst)
        }
        (Place::Untagged, _, Some(found)) => ResourceVerdict::of(found.if_tagged),
        _ => line.verdict,
    };
    Row {
        line,
        place,
        verdict,
    }
}

/// A kind in a sentence, or in a table of the narrowest page: the longest name is cut short there.
pub(in crate::report) fn noun(kind: ResourceKind) -> &'static str {
    kind.noun()
}

/// A resource by its id and, where that says more, its name, in so many columns: the id can be
/// pasted, so the name is cut first.
pub(in crate::report) fn label(line: &ResourceLine, width: usize) -> String {
    let id = escape_invisible(&line.id);
    let name = line
        .name
        .as_deref()
        .filter(|name| !name.trim().is_empty() && *name != line.id);
    let room = width.saturating_sub(display_width(&id) + 3);
    match name {
        Some(name) if room >= SHORTEST_NAME => format!("{id} ({})", truncate_middle(name, room)),
        _ => truncate_middle(&id, width),
    }
}

/// Resources by type: `3 s3-buckets, 1 ebs-volume`.
pub(in crate::report) fn by_kind<'a>(rows: impl IntoIterator<Item = &'a Row<'a>>) -> String {
    let mut kinds: BTreeMap<ResourceKind, usize> = BTreeMap::new();
    for row in rows {
        *kinds.entry(row.line.kind).or_default() += 1;
    }
    let texts: Vec<String> = kinds
        .into_iter()
        .map(|(kind, number)| plural(number, noun(kind)))
        .collect();
    texts.join(", ")
}
