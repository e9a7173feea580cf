//! Every resource with its verdict, by type, worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::text::{count_of, format_name, format_number};
use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::digest::Digest;
use crate::report::digest::names::{distinct_name, service_name};
use crate::report::digest::root_causes::RootCauses;
use crate::report::digest::view::View;
use crate::report::facts::ResourceCounts;
use crate::report::maps::{HashMap, HashSet};
use crate::report::{Report, ResourceLine, ResourceVerdict, Status};
use crate::text::escape_invisible;

/// The number of resources that are listed.
const MOST: usize = 20_000;
/// The number of resources in the table of the most severe verdicts.
const MOST_WORST: usize = 12;
/// The number of causes that the row of a resource refers to.
const MOST_CAUSES: usize = 6;
/// The number of rules that the row of a resource names.
const MOST_RULES: usize = 4;
/// The families of checks, in the order of the columns.
pub(super) const FAMILIES: [&str; 5] = ["Tagging", "Encryption", "Key", "Service", "Proof"];

/// The resources that are listed, worst first, and their numbers.
#[derive(Debug)]
pub(super) struct ListedResources<'a> {
    order: Vec<usize>,
    numbers: HashMap<&'a str, usize>,
    omitted: usize,
}

impl<'a> ListedResources<'a> {
    pub(super) fn new(view: &View<'a>) -> Self {
        let mut order: Vec<usize> = (0..view.rows.len()).collect();
        // Stable: within a verdict the report's order remains.
        order.sort_by_key(|&at| Reverse(view.rows[at].verdict));
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

/// The listed resources, by type.
#[derive(Debug)]
pub(super) struct Resources<'d> {
    pub(super) kinds: Vec<KindTable<'d>>,
    /// The resources with the most severe verdicts.
    pub(super) worst: Vec<ResourceRow<'d>>,
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

#[derive(Debug)]
pub(super) struct ResourceRow<'d> {
    line: &'d ResourceLine,
    /// Its verdict; for an untagged resource the one that it would have if it were tagged.
    verdict: ResourceVerdict,
    pub(super) number: usize,
    pub(super) gating: bool,
    checks: ResourceChecks,
    /// The first digits of the ids of its causes.
    causes: Vec<String>,
}

impl<'d> Resources<'d> {
    pub(super) fn new(digest: &'d Digest<'d>, listed: &ListedResources<'d>) -> Self {
        let findings = digest.report.findings.iter().filter(|it| it.gating);
        let lines = digest.report.resources.iter();
        let lines = lines.filter(|it| it.omitted.gating);
        let gating = findings.map(|it| it.resource.as_str());
        let gating: HashSet<&str> = gating.chain(lines.map(|it| it.arn.as_str())).collect();
        let checks = combine_checks(digest.report, listed);
        let causes = open_causes(&digest.causes, listed);
        let new_row = |at: usize| {
            let row = &digest.view.rows[at];
            let arn = row.line.arn.as_str();
            ResourceRow {
                line: row.line,
                verdict: row.verdict,
                number: at + 1,
                gating: gating.contains(arn),
                checks: checks.get(arn).cloned().unwrap_or_default(),
                causes: causes.get(arn).cloned().unwrap_or_default(),
            }
        };
        let mut kinds: BTreeMap<ResourceKind, Vec<ResourceRow<'d>>> = BTreeMap::new();
        for &at in &listed.order {
            let kind = digest.view.rows[at].line.kind;
            kinds.entry(kind).or_default().push(new_row(at));
        }
        let mut worst: Vec<ResourceRow<'d>> = listed
            .order
            .iter()
            .filter(|&&at| digest.view.rows[at].verdict > ResourceVerdict::Ready)
            .map(|&at| new_row(at))
            .collect();
        worst.sort_by_key(|row| Reverse((row.verdict, row.gating, row.checks.rules.len())));
        worst.truncate(MOST_WORST);
        Resources {
            worst,
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

    /// Returns how many resources are not among the most severe ones.
    pub(super) fn count_others(&self) -> Option<String> {
        let others = self.total - self.worst.len();
        (others > 0).then(|| count_of(others, "more resource"))
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

/// The results of the checks of one resource, without waived ones.
#[derive(Debug, Clone, Default)]
struct ResourceChecks {
    /// The worst status of each family; `None` if none applies.
    families: [Option<Status>; FAMILIES.len()],
    /// The rules that fail, warn or are unknown, worst first.
    rules: Vec<(Status, &'static str)>,
}

/// Returns the checks of the resources that are listed.
fn combine_checks<'d>(
    report: &'d Report,
    listed: &ListedResources<'d>,
) -> HashMap<&'d str, ResourceChecks> {
    let of_line = |line: &ResourceLine| ResourceChecks {
        families: line.omitted.passed.map(|it| it.then_some(Status::Pass)),
        rules: Vec::new(),
    };
    let is_listed = |arn: &str| listed.number_of(arn).is_some();
    let lines = report.resources.iter().filter(|it| is_listed(&it.arn));
    let mut checks: HashMap<&str, ResourceChecks> =
        lines.map(|it| (it.arn.as_str(), of_line(it))).collect();
    let open = report.shown(false).filter(|it| it.waiver.is_none());
    for finding in open {
        let Some(entry) = checks.get_mut(finding.resource.as_str()) else {
            continue;
        };
        let family = &mut entry.families[finding.rule.family() as usize];
        *family = (*family).max(Some(finding.status));
        if finding.status.is_trouble() {
            entry.rules.push((finding.status, finding.rule.id));
        }
    }
    for entry in checks.values_mut() {
        entry.rules.sort_by_key(|(status, _)| Reverse(*status));
    }
    checks
}

/// Returns the first digits of the ids of the causes of each listed resource whose findings are not waived, worst first.
fn open_causes<'d>(
    causes: &'d RootCauses<'d>,
    listed: &ListedResources<'d>,
) -> HashMap<&'d str, Vec<String>> {
    let mut ids: HashMap<&str, Vec<String>> = HashMap::default();
    for cause in causes.open() {
        let arns = cause.open_members().map(|(arn, _)| arn);
        for arn in arns.filter(|arn| listed.number_of(arn).is_some()) {
            let of_resource = ids.entry(arn).or_default();
            of_resource.push(cause.short_id().to_owned());
        }
    }
    ids
}

impl KindTable<'_> {
    pub(super) fn resource_rows(&self) -> &[ResourceRow<'_>] {
        &self.rows
    }

    pub(super) fn count_rows(&self) -> String {
        format_number(self.rows.len())
    }

    /// Returns the CSS class and the number of each verdict, worst first.
    pub(super) fn verdict_counts(&self) -> Vec<(&'static str, String)> {
        let counts: ResourceCounts = self.rows.iter().map(|it| it.verdict).collect();
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
        verdict_class(self.verdict)
    }

    pub(super) fn verdict_name(&self) -> &'static str {
        verdict_name(self.verdict)
    }

    pub(super) fn noun(&self) -> &'static str {
        self.line.kind.noun()
    }

    /// Returns the name and the worst status of each family of checks.
    pub(super) fn family_marks(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let marks = FAMILIES.iter().zip(self.checks.families);
        marks.map(|(name, status)| (*name, status.map_or("", Status::as_str)))
    }

    /// Returns the CSS class and the id of the first rules that do not pass, worst first.
    pub(super) fn first_rules(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let rules = self.checks.rules.iter().take(MOST_RULES);
        rules.map(|(status, id)| (status.as_str(), *id))
    }

    pub(super) fn count_more_rules(&self) -> usize {
        self.checks.rules.len().saturating_sub(MOST_RULES)
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

    pub(super) fn first_causes(&self) -> &[String] {
        &self.causes[..self.causes.len().min(MOST_CAUSES)]
    }

    pub(super) fn count_more_causes(&self) -> usize {
        self.causes.len().saturating_sub(MOST_CAUSES)
    }

    /// Returns all causes as a list for the filter.
    pub(super) fn cause_list(&self) -> String {
        self.causes.join(" ")
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
