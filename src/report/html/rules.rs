//! The rules that were judged: how they came out, and what they check.

use std::collections::BTreeMap;

use crate::report::{Report, Status};
use crate::rule::Rule;
use crate::settings::Severity;
use crate::text::escape_invisible;

use super::markup::{Block, documentation};
use super::number;

/// One rule that was judged.
#[derive(Debug)]
pub(super) struct RuleSheet {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) group: &'static str,
    pub(super) owner: &'static str,
    /// What a breach yields.
    pub(super) severity: &'static str,
    /// How many findings have which status, worst first.
    pub(super) counts: Vec<(&'static str, String)>,
    pub(super) docs: Vec<Block>,
    /// The rule's page in the guide.
    pub(super) help_uri: String,
}

/// Rules that did not apply, for those who ask.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) total: String,
    /// Rule, reason, and how many resources.
    pub(super) rows: Vec<(&'static str, String, String)>,
}

/// Every rule with a finding, in the order of the table of rules.
pub(super) fn sheets(report: &Report) -> Vec<RuleSheet> {
    type Counts = (&'static Rule, BTreeMap<Status, usize>, usize);
    let mut rules: BTreeMap<_, Counts> = BTreeMap::new();
    for finding in &report.findings {
        let rule = finding.rule;
        let entry = rules
            .entry((rule.group, rule.id))
            .or_insert_with(|| (rule, BTreeMap::new(), 0));
        if finding.waiver.is_some() {
            entry.2 += 1;
        } else {
            *entry.1.entry(finding.status).or_default() += 1;
        }
    }
    rules
        .into_values()
        .map(|(rule, counts, waived)| {
            let worst_first = counts.iter().rev();
            let mut counts: Vec<(&'static str, String)> = worst_first
                .filter(|(status, _)| **status != Status::Skip)
                .map(|(status, count)| {
                    let word = status.as_str();
                    (word, format!("{} {word}", number(*count)))
                })
                .collect();
            if waived > 0 {
                counts.push(("exempt", format!("{} waived", number(waived))));
            }
            RuleSheet {
                id: rule.id,
                title: rule.title,
                group: rule.group.as_str(),
                owner: rule.owner.as_str(),
                severity: match rule.severity(report.standard) {
                    Severity::Fail => "fails",
                    Severity::Warn => "warns",
                    Severity::Off => "is not judged",
                },
                counts,
                docs: documentation(rule.docs),
                help_uri: rule.help_uri(),
            }
        })
        .collect()
}

impl Skipped {
    pub(super) fn new(report: &Report) -> Self {
        let mut skipped: BTreeMap<(&'static str, &str), usize> = BTreeMap::new();
        for finding in report
            .findings
            .iter()
            .filter(|it| it.status == Status::Skip)
        {
            *skipped
                .entry((finding.rule.id, &finding.message))
                .or_default() += 1;
        }
        Skipped {
            total: number(skipped.values().sum()),
            rows: skipped
                .into_iter()
                .map(|((rule, message), count)| {
                    (rule, escape_invisible(message).into_owned(), number(count))
                })
                .collect(),
        }
    }
}
