//! Every resource with its verdict, by type, worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::ResourceKind;
use crate::model::tag::BackupTag;
use crate::report::table::view::{Row, View, noun};
use crate::report::{ResourceLine, ResourceVerdict};
use crate::text::escape_invisible;

use super::causes::Causes;
use super::{many, number, shown};

/// Resources that are listed.
const MOST: usize = 20_000;
/// A list longer than this stands closed.
const OPEN: usize = 25;
/// Causes that a resource refers to.
const MOST_CAUSES: usize = 6;

/// The resources that are listed, worst first, and their places.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    order: Vec<usize>,
    numbers: BTreeMap<&'a str, usize>,
    left_out: usize,
}

impl<'a> Listed<'a> {
    pub(super) fn new(view: &View<'a>) -> Self {
        let mut order: Vec<usize> = (0..view.rows.len()).collect();
        // Stable: within a verdict the report's order stays.
        order.sort_by_key(|&at| Reverse(view.rows[at].line.verdict));
        let left_out = order.len().saturating_sub(MOST);
        order.truncate(MOST);
        let numbers = order
            .iter()
            .map(|&at| (view.rows[at].line.arn.as_str(), at + 1))
            .collect();
        Listed {
            order,
            numbers,
            left_out,
        }
    }

    /// The number of a resource that is listed.
    pub(super) fn number(&self, arn: &str) -> Option<usize> {
        self.numbers.get(arn).copied()
    }
}

/// A resource as it is named in a list.
#[derive(Debug)]
pub(super) struct Naming {
    /// Where it is listed with all that is known about it.
    pub(super) number: Option<usize>,
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) kind: &'static str,
    pub(super) service: &'static str,
    pub(super) region: String,
}

impl Naming {
    pub(super) fn of(view: &View<'_>, listed: &Listed<'_>, arn: &str) -> Self {
        match view.row(arn) {
            Some(row) => Naming {
                number: listed.number(arn),
                id: shown(&row.line.id),
                name: name(row.line),
                kind: noun(row.line.kind),
                service: service(row.line.kind),
                region: escape_invisible(&row.line.region).into_owned(),
            },
            None => Naming {
                number: None,
                id: shown(arn),
                name: None,
                kind: "resource",
                service: "",
                region: String::new(),
            },
        }
    }
}

/// A resource's name, where it says more than its id.
fn name(line: &ResourceLine) -> Option<String> {
    line.name
        .as_deref()
        .filter(|name| !name.trim().is_empty() && *name != line.id)
        .map(shown)
}

/// The service that a kind is filtered by.
pub(super) fn service(kind: ResourceKind) -> &'static str {
    kind.service().map_or("account", |it| it.as_str())
}

/// Every resource that is listed, by type.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) kinds: Vec<Kind<'a>>,
    total: usize,
    left_out: usize,
}

/// The resources of one type.
#[derive(Debug)]
pub(super) struct Kind<'a> {
    pub(super) noun: &'static str,
    pub(super) service: &'static str,
    rows: Vec<Entry<'a>>,
}

/// One resource.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    line: &'a ResourceLine,
    pub(super) number: usize,
    pub(super) gating: bool,
    causes: Vec<usize>,
}

impl<'a> Resources<'a> {
    pub(super) fn new(view: &View<'a>, listed: &Listed<'a>, causes: &Causes<'a>) -> Self {
        let mut kinds: BTreeMap<ResourceKind, Vec<Entry<'a>>> = BTreeMap::new();
        for &at in &listed.order {
            let row: &Row<'a> = &view.rows[at];
            kinds.entry(row.line.kind).or_default().push(Entry {
                line: row.line,
                number: at + 1,
                gating: causes.gating.contains(row.line.arn.as_str()),
                causes: causes.of(&row.line.arn),
            });
        }
        Resources {
            kinds: kinds
                .into_iter()
                .map(|(kind, rows)| Kind {
                    noun: noun(kind),
                    service: service(kind),
                    rows,
                })
                .collect(),
            total: view.rows.len(),
            left_out: listed.left_out,
        }
    }

    pub(super) fn total(&self) -> String {
        number(self.total)
    }

    /// Said where not all are listed.
    pub(super) fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| {
            format!(
                "{} with the mildest verdicts are not listed here; each is in the JSON report.",
                many(self.left_out, "resource")
            )
        })
    }
}

impl Kind<'_> {
    pub(super) fn rows(&self) -> &[Entry<'_>] {
        &self.rows
    }

    pub(super) fn count(&self) -> String {
        number(self.rows.len())
    }

    pub(super) fn is_short(&self) -> bool {
        self.rows.len() <= OPEN
    }

    /// How many have which verdict, worst first.
    pub(super) fn verdicts(&self) -> Vec<(&'static str, String)> {
        let with = |verdict| {
            self.rows
                .iter()
                .filter(|it| it.line.verdict == verdict)
                .count()
        };
        ResourceVerdict::WORST_FIRST
            .into_iter()
            .map(|verdict| (verdict, with(verdict)))
            .filter(|(_, count)| *count > 0)
            .map(|(verdict, count)| {
                (
                    verdict_tone(verdict),
                    format!("{} {}", number(count), verdict_words(verdict)),
                )
            })
            .collect()
    }
}

impl Entry<'_> {
    pub(super) fn tone(&self) -> &'static str {
        verdict_tone(self.line.verdict)
    }

    pub(super) fn verdict(&self) -> &'static str {
        verdict_words(self.line.verdict)
    }

    pub(super) fn id(&self) -> String {
        shown(&self.line.id)
    }

    pub(super) fn name(&self) -> Option<String> {
        name(self.line)
    }

    pub(super) fn arn(&self) -> String {
        escape_invisible(&self.line.arn).into_owned()
    }

    pub(super) fn region(&self) -> String {
        escape_invisible(&self.line.region).into_owned()
    }

    pub(super) fn aws_type(&self) -> Option<String> {
        self.line.aws_type.as_deref().map(shown)
    }

    /// What the backup tag says; nothing where nobody tags such a thing.
    pub(super) fn tag(&self) -> &'static str {
        match self.line.backup_tag {
            BackupTag::None if !self.line.kind.is_backed_up() => "",
            BackupTag::None => "no tag",
            tag => tag.as_str(),
        }
    }

    pub(super) fn causes(&self) -> &[usize] {
        &self.causes[..self.causes.len().min(MOST_CAUSES)]
    }

    pub(super) fn more_causes(&self) -> usize {
        self.causes.len().saturating_sub(MOST_CAUSES)
    }

    /// All causes, as the filter reads them.
    pub(super) fn cause_words(&self) -> String {
        let numbers: Vec<String> = self.causes.iter().map(usize::to_string).collect();
        numbers.join(" ")
    }
}

/// The word by which a verdict is filtered and coloured: the status that makes it.
pub(super) fn verdict_tone(verdict: ResourceVerdict) -> &'static str {
    match verdict {
        ResourceVerdict::Exempt => "exempt",
        ResourceVerdict::Ready => "pass",
        ResourceVerdict::AtRisk => "warn",
        ResourceVerdict::Unknown => "unknown",
        ResourceVerdict::NotReady => "fail",
    }
}

/// A verdict in words.
pub(super) fn verdict_words(verdict: ResourceVerdict) -> &'static str {
    match verdict {
        ResourceVerdict::Exempt => "exempt",
        ResourceVerdict::Ready => "ready",
        ResourceVerdict::AtRisk => "at risk",
        ResourceVerdict::Unknown => "unknown",
        ResourceVerdict::NotReady => "not ready",
    }
}
