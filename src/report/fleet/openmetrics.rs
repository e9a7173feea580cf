//! Counts of an organization in the OpenMetrics text format. There is no series per resource.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;

use super::summary::FleetReport;
use crate::model::ResourceKind;
use crate::model::fleet::Outcome;
use crate::report::openmetrics::{Metric, STATUSES, add_sample, begin_metric};
use crate::report::{ResourceVerdict, Status, WriteError};

/// The number of accounts with a series each.
const MOST_ACCOUNTS: usize = 10_000;

/// Every metric, in the order of the output.
static METRICS: [Metric; 5] = [
    Metric {
        name: "backup_check_accounts",
        unit: None,
        help: "Accounts by what became of them.",
        labels: &["outcome"],
    },
    Metric {
        name: "backup_check_resources",
        unit: None,
        help: "Resources of all accounts by verdict and type.",
        labels: &["verdict", "type"],
    },
    Metric {
        name: "backup_check_findings",
        unit: None,
        help: "Findings of all accounts by rule and status.",
        labels: &["rule", "status"],
    },
    Metric {
        name: "backup_check_account_failures",
        unit: None,
        help: "Gating findings that fail in an account. An account of which nothing was seen has no series.",
        labels: &["account_id"],
    },
    Metric {
        name: "backup_check_run_timestamp_seconds",
        unit: Some("seconds"),
        help: "The time at which reading of the last account finished, in seconds since 1970.",
        labels: &[],
    },
];

/// Writes a report as gauges.
pub(super) fn write_report(report: &FleetReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let [accounts, resources, findings, failures, finished] = &METRICS;
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut text = String::new();
    begin_metric(&mut text, accounts);
    for outcome in Outcome::ALL {
        let number = report.outcomes.get(outcome);
        add_sample(&mut text, accounts, &[outcome.as_str()], count(number));
    }
    begin_metric(&mut text, resources);
    let mut by_type: BTreeMap<(ResourceKind, ResourceVerdict), usize> = BTreeMap::new();
    for row in &report.resources_by_type {
        for verdict in ResourceVerdict::WORST_FIRST {
            by_type.entry((row.kind, verdict)).or_default();
        }
        *by_type.entry((row.kind, row.verdict)).or_default() += row.resources;
    }
    for ((kind, verdict), number) in by_type {
        let values = [verdict.as_str(), kind.as_str()];
        add_sample(&mut text, resources, &values, count(number));
    }
    begin_metric(&mut text, findings);
    let mut by_rule: BTreeMap<(&str, Status), usize> = BTreeMap::new();
    for row in &report.findings_by_rule {
        for status in STATUSES {
            by_rule.entry((&row.rule, status)).or_default();
        }
        *by_rule.entry((&row.rule, row.status)).or_default() += row.findings;
    }
    for ((rule, status), number) in by_rule {
        add_sample(&mut text, findings, &[rule, status.as_str()], count(number));
    }
    begin_metric(&mut text, failures);
    let seen = report.accounts.iter().filter(|it| !it.statuses.is_empty());
    for account in seen.take(MOST_ACCOUNTS) {
        let number = count(account.findings.gating_fail);
        add_sample(&mut text, failures, &[&account.id], number);
    }
    let at = report.finished_at.as_ref();
    if let Some(Ok(at)) = at.map(|at| at.parse::<Timestamp>()) {
        begin_metric(&mut text, finished);
        add_sample(&mut text, finished, &[], at.as_second());
    }
    text.push_str("# EOF\n");
    Ok(out.write_all(text.as_bytes())?)
}
