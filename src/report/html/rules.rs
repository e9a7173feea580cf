//! The rules that were checked: their results and their documentation.

use std::collections::BTreeMap;

use super::markup::{Block, parse_documentation};
use super::text::format_number;
use crate::report::digest::counts::count_skipped;
use crate::report::documentation::GuideNames;
use crate::report::{Report, Status};
use crate::rule::{Owner, Rule};
use crate::settings::Severity;
use crate::text::escape_invisible;

/// One rule that was checked.
#[derive(Debug)]
pub(super) struct RuleSheet {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) group: &'static str,
    /// Who fixes a violation.
    pub(super) owner: String,
    /// What a violation does, as a predicate.
    pub(super) severity: &'static str,
    /// The CSS class and the number of findings of each status, worst first.
    pub(super) counts: Vec<(&'static str, String)>,
    pub(super) docs: Vec<Block>,
    /// The rule's page in the guide.
    pub(super) help_uri: String,
}

/// Findings of rules that do not apply.
#[derive(Debug)]
pub(super) struct SkippedFindings {
    pub(super) total: String,
    /// The rule, the reason, and the number of resources.
    pub(super) rows: Vec<(&'static str, String, String)>,
}

/// Returns every rule with a finding, by group.
pub(super) fn describe_rules(report: &Report, show_skipped: bool) -> Vec<RuleSheet> {
    type Counts = (&'static Rule, BTreeMap<Status, usize>, usize);
    let mut rules: BTreeMap<_, Counts> = BTreeMap::new();
    for finding in report.shown(show_skipped) {
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
    let omitted = report.omitted.iter();
    let omitted = omitted.filter(|((_, status, _), _)| show_skipped || *status != Status::Skip);
    for ((_, status, _), (rule, number)) in omitted {
        let entry = rules
            .entry((rule.group, rule.id))
            .or_insert_with(|| (*rule, BTreeMap::new(), 0));
        *entry.1.entry(*status).or_default() += number;
    }
    let names = GuideNames::from_report(report);
    rules
        .into_values()
        .map(|(rule, counts, waived)| {
            let worst_first = counts.iter().rev();
            let mut counts: Vec<(&'static str, String)> = worst_first
                .filter(|(status, _)| **status != Status::Skip)
                .map(|(status, count)| {
                    let word = status.as_str();
                    (word, format!("{} {word}", format_number(*count)))
                })
                .collect();
            if waived > 0 {
                counts.push(("exempt", format!("{} waived", format_number(waived))));
            }
            RuleSheet {
                id: rule.id,
                title: rule.title,
                group: rule.group.as_str(),
                owner: match rule.owner {
                    Owner::Member => "the team that owns the account".to_owned(),
                    Owner::Platform => {
                        format!("the platform team ({})", escape_invisible(&report.contact))
                    }
                },
                severity: match rule.severity(report.standard) {
                    Severity::Fail => "fails",
                    Severity::Warn => "warns",
                    Severity::Off => "is not checked",
                },
                counts,
                docs: parse_documentation(&names.write_markdown(rule)),
                help_uri: rule.help_uri(),
            }
        })
        .collect()
}

impl SkippedFindings {
    pub(super) fn new(report: &Report) -> Self {
        let skipped = count_skipped(report);
        SkippedFindings {
            total: format_number(skipped.values().sum()),
            rows: skipped
                .into_iter()
                .map(|((rule, message), count)| {
                    let message = escape_invisible(message).into_owned();
                    (rule, message, format_number(count))
                })
                .collect(),
        }
    }
}
