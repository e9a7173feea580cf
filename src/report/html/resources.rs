//! Every resource with its verdict, by type, worst first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::text::{count_of, format_name, format_number};
use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::digest::Digest;
use crate::report::digest::counts::VerdictCounts;
use crate::report::digest::names::distinct_name;
use crate::report::digest::root_causes::RootCauses;
use crate::report::digest::view::View;
use crate::report::{ResourceLine, ResourceVerdict};
use crate::text::escape_invisible;

/// The number of resources that are listed.
const MOST: usize = 20_000;
/// The number of resources up to which a table is open.
const MOST_OPEN: usize = 25;
/// The number of causes that the row of a resource refers to.
const MOST_CAUSES: usize = 6;

/// The resources that are listed, worst first, and their numbers.
#[derive(Debug)]
pub(super) struct ListedResources<'a> {
    order: Vec<usize>,
    numbers: BTreeMap<&'a str, usize>,
    omitted: usize,
}

impl<'a> ListedResources<'a> {
    pub(super) fn new(view: &View<'a>) -> Self {
        let mut order: Vec<usize> = (0..view.rows.len()).collect();
        // Stable: within a verdict the report's order remains.
        order.sort_by_key(|&at| Reverse(view.rows[at].line.verdict));
        let omitted = order.len().saturating_sub(MOST);
        order.truncate(MOST);
        let numbers = order
            .iter()
            .map(|&at| (view.rows[at].line.arn.as_str(), at + 1))
            .collect();
        ListedResources {
            order,
            numbers,
            omitted,
        }
    }

    /// Returns the number of a resource, if it is listed.
    pub(super) fn number_of(&self, arn: &str) -> Option<usize> {
        self.numbers.get(arn).copied()
    }
}

/// The name of a resource in a list.
#[derive(Debug)]
pub(super) struct ResourceName {
    /// The number of its row, if it has one.
    pub(super) number: Option<usize>,
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) kind: &'static str,
    pub(super) service: &'static str,
    pub(super) region: String,
}

impl ResourceName {
    pub(super) fn new(view: &View<'_>, listed: &ListedResources<'_>, arn: &str) -> Self {
        match view.row_of(arn) {
            Some(row) => ResourceName {
                number: listed.number_of(arn),
                id: format_name(&row.line.id),
                name: distinct_name(row.line).map(format_name),
                kind: row.line.kind.noun(),
                service: service_name(row.line.kind),
                region: escape_invisible(&row.line.region).into_owned(),
            },
            None => ResourceName {
                number: None,
                id: format_name(arn),
                name: None,
                kind: "resource",
                service: "",
                region: String::new(),
            },
        }
    }
}

/// Returns the service that a resource type is filtered by.
pub(super) fn service_name(kind: ResourceKind) -> &'static str {
    kind.service().map_or("account", |it| it.as_str())
}

/// The listed resources, by type.
#[derive(Debug)]
pub(super) struct Resources<'d> {
    pub(super) kinds: Vec<KindTable<'d>>,
    total: usize,
    omitted: usize,
}

/// The resources of one type.
#[derive(Debug)]
pub(super) struct KindTable<'d> {
    pub(super) noun: &'static str,
    pub(super) service: &'static str,
    rows: Vec<ResourceRow<'d>>,
}

/// One resource.
#[derive(Debug)]
pub(super) struct ResourceRow<'d> {
    line: &'d ResourceLine,
    pub(super) number: usize,
    pub(super) gating: bool,
    causes: Vec<usize>,
}

impl<'d> Resources<'d> {
    pub(super) fn new(digest: &'d Digest<'d>, listed: &ListedResources<'d>) -> Self {
        let findings = digest.report.findings.iter().filter(|it| it.gating);
        let gating: BTreeSet<&str> = findings.map(|it| it.resource.as_str()).collect();
        let mut kinds: BTreeMap<ResourceKind, Vec<ResourceRow<'d>>> = BTreeMap::new();
        for &at in &listed.order {
            let line = digest.view.rows[at].line;
            kinds.entry(line.kind).or_default().push(ResourceRow {
                line,
                number: at + 1,
                gating: gating.contains(line.arn.as_str()),
                causes: open_causes(&digest.causes, &line.arn),
            });
        }
        Resources {
            kinds: kinds
                .into_iter()
                .map(|(kind, rows)| KindTable {
                    noun: kind.noun(),
                    service: service_name(kind),
                    rows,
                })
                .collect(),
            total: digest.view.rows.len(),
            omitted: listed.omitted,
        }
    }

    pub(super) fn count_resources(&self) -> String {
        format_number(self.total)
    }

    /// Returns the note on resources that are not listed.
    pub(super) fn omission_note(&self) -> Option<String> {
        (self.omitted > 0).then(|| {
            format!(
                "{} with the least severe verdicts are omitted; see the JSON report.",
                count_of(self.omitted, "resource")
            )
        })
    }
}

/// Returns the numbers of the causes of a resource's findings that are not waived.
fn open_causes(causes: &RootCauses<'_>, arn: &str) -> Vec<usize> {
    let links = causes.links_of(arn).iter().map(|link| link.number);
    let numbers: BTreeSet<usize> = links
        .filter(|number| causes.get(*number).is_open_for(arn))
        .collect();
    numbers.into_iter().collect()
}

impl KindTable<'_> {
    pub(super) fn resource_rows(&self) -> &[ResourceRow<'_>] {
        &self.rows
    }

    pub(super) fn count_rows(&self) -> String {
        format_number(self.rows.len())
    }

    pub(super) fn is_short(&self) -> bool {
        self.rows.len() <= MOST_OPEN
    }

    /// Returns the CSS class and the number of each verdict, worst first.
    pub(super) fn verdict_counts(&self) -> Vec<(&'static str, String)> {
        let counts: VerdictCounts = self.rows.iter().map(|it| it.line.verdict).collect();
        let counts = counts.worst_first().into_iter();
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| {
                (
                    verdict_class(verdict),
                    format!("{} {}", format_number(count), verdict_name(verdict)),
                )
            })
            .collect()
    }
}

impl ResourceRow<'_> {
    pub(super) fn status_class(&self) -> &'static str {
        verdict_class(self.line.verdict)
    }

    pub(super) fn verdict_name(&self) -> &'static str {
        verdict_name(self.line.verdict)
    }

    pub(super) fn shown_id(&self) -> String {
        format_name(&self.line.id)
    }

    pub(super) fn shown_name(&self) -> Option<String> {
        distinct_name(self.line).map(format_name)
    }

    pub(super) fn shown_arn(&self) -> String {
        escape_invisible(&self.line.arn).into_owned()
    }

    pub(super) fn shown_region(&self) -> String {
        escape_invisible(&self.line.region).into_owned()
    }

    pub(super) fn aws_type(&self) -> Option<String> {
        self.line.aws_type.as_deref().map(format_name)
    }

    /// Returns the value of the backup tag; nothing for resources that need no tag.
    pub(super) fn tag_value(&self) -> &'static str {
        match self.line.backup_tag {
            BackupTag::None if !self.line.kind.is_backed_up() => "",
            BackupTag::None => "no tag",
            tag => tag.as_str(),
        }
    }

    pub(super) fn first_causes(&self) -> &[usize] {
        &self.causes[..self.causes.len().min(MOST_CAUSES)]
    }

    pub(super) fn count_more_causes(&self) -> usize {
        self.causes.len().saturating_sub(MOST_CAUSES)
    }

    /// Returns all causes as a list for the filter.
    pub(super) fn cause_list(&self) -> String {
        let numbers: Vec<String> = self.causes.iter().map(usize::to_string).collect();
        numbers.join(" ")
    }
}

/// Returns the CSS class of a verdict, which is also its value in the filter: the status that leads to it.
pub(super) fn verdict_class(verdict: ResourceVerdict) -> &'static str {
    match verdict {
        ResourceVerdict::Exempt => "exempt",
        ResourceVerdict::Ready => "pass",
        ResourceVerdict::AtRisk => "warn",
        ResourceVerdict::Unknown => "unknown",
        ResourceVerdict::NotReady => "fail",
    }
}

/// Returns a verdict as a phrase.
pub(super) fn verdict_name(verdict: ResourceVerdict) -> &'static str {
    match verdict {
        ResourceVerdict::Exempt => "exempt",
        ResourceVerdict::Ready => "ready",
        ResourceVerdict::AtRisk => "at risk",
        ResourceVerdict::Unknown => "unknown",
        ResourceVerdict::NotReady => "not ready",
    }
}
