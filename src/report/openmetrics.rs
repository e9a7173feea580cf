//! Counts in the OpenMetrics text format, for the textfile collector of the Prometheus node exporter.
//!
//! Gauges without timestamps, which the collector rejects. Prometheus reads the text as its own format, too:
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>.
//!
//! Series with a count of zero are written: a series that disappears would look like one that was not scanned.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use jiff::Timestamp;

use super::{Report, ResourceVerdict, Status, WriteError};
use crate::text::escape_invisible;

/// The statuses that are counted, worst first. Skipped findings are not.
pub(super) const STATUSES: [Status; 4] =
    [Status::Fail, Status::Unknown, Status::Warn, Status::Pass];
/// The status of findings that a waiver covers. As in the summary, no other count includes them.
const WAIVED: &str = "waived";

/// One metric.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, which the name ends with.
    pub unit: Option<&'static str>,
    /// What it counts.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

/// Every metric, in the order of the output.
pub static METRICS: [Metric; 4] = [
    Metric {
        name: "backup_check_resources",
        unit: None,
        help: "Resources that were read, by region, type and verdict.",
        labels: &["account", "region", "type", "verdict"],
    },
    Metric {
        name: "backup_check_findings",
        unit: None,
        help: "Findings by rule and status, and whether they count toward the exit code.",
        labels: &["account", "rule", "status", "gating"],
    },
    Metric {
        name: "backup_check_complete",
        unit: None,
        help: "Whether everything that was requested could be read: 1, else 0.",
        labels: &["account"],
    },
    Metric {
        name: "backup_check_scan_timestamp_seconds",
        unit: Some("seconds"),
        help: "The time at which reading finished, in seconds since 1970.",
        labels: &["account"],
    },
];

/// Writes a report as gauges.
///
/// # Errors
/// The output failed.
pub fn write_report(report: &Report, out: &mut dyn Write) -> Result<(), WriteError> {
    let account = report.account_id.as_deref().unwrap_or_default();
    let [resources, findings, complete, scanned] = &METRICS;
    let mut text = String::new();
    begin_metric(&mut text, resources);
    for ((region, kind, verdict), count) in count_resources(report) {
        let values = [account, region, kind, verdict.as_str()];
        add_sample(&mut text, resources, &values, count);
    }
    begin_metric(&mut text, findings);
    for ((rule, status, gating), count) in count_findings(report) {
        let gating = if gating { "true" } else { "false" };
        add_sample(&mut text, findings, &[account, rule, status, gating], count);
    }
    begin_metric(&mut text, complete);
    let is_complete = report.complete && !report.interrupted;
    add_sample(&mut text, complete, &[account], i64::from(is_complete));
    if let Ok(at) = report.finished_at.parse::<Timestamp>() {
        begin_metric(&mut text, scanned);
        add_sample(&mut text, scanned, &[account], at.as_second());
    }
    text.push_str("# EOF\n");
    Ok(out.write_all(text.as_bytes())?)
}

/// Counts resources by region, type and verdict.
fn count_resources(report: &Report) -> BTreeMap<(&str, &str, ResourceVerdict), i64> {
    let mut counts = BTreeMap::new();
    for line in &report.resources {
        let (region, kind) = (line.region.as_str(), line.kind.as_str());
        for verdict in ResourceVerdict::WORST_FIRST {
            let count = counts.entry((region, kind, verdict)).or_default();
            *count += i64::from(verdict == line.verdict);
        }
    }
    counts
}

/// Counts findings by rule, status and gating.
fn count_findings(report: &Report) -> BTreeMap<(&str, &str, bool), i64> {
    let listed = report.shown(false).map(|finding| {
        let key = match finding.waiver {
            Some(_) => (finding.rule.id, WAIVED, false),
            None => (finding.rule.id, finding.status.as_str(), finding.gating),
        };
        (key, 1)
    });
    let omitted = report.omitted.iter();
    let omitted = omitted.filter(|((_, status, _), _)| *status != Status::Skip);
    let omitted = omitted.filter_map(|((rule, status, gating), (_, number))| {
        Some((
            (*rule, status.as_str(), *gating),
            i64::try_from(*number).ok()?,
        ))
    });
    let mut counts = BTreeMap::new();
    for (key, number) in listed.chain(omitted) {
        let rule = key.0;
        for status in STATUSES.map(Status::as_str) {
            counts.entry((rule, status, false)).or_default();
            counts.entry((rule, status, true)).or_default();
        }
        counts.entry((rule, WAIVED, false)).or_default();
        *counts.entry(key).or_default() += number;
    }
    counts
}

pub(super) fn begin_metric(text: &mut String, metric: &Metric) {
    let Metric { name, help, .. } = metric;
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    if let Some(unit) = metric.unit {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
}

pub(super) fn add_sample(text: &mut String, metric: &Metric, values: &[&str], number: i64) {
    let labels = metric.labels.iter().zip(values);
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}=\"{}\"", escape_value(value)))
        .collect();
    let _ = writeln!(text, "{}{{{}}} {number}", metric.name, labels.join(","));
}

/// Returns a label value with the three characters escaped that the format reserves.
fn escape_value(value: &str) -> String {
    escape_invisible(value)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_stay_within_their_quotes() {
        assert_eq!(escape_value("a\"b\\c"), "a\\\"b\\\\c");
        assert_eq!(escape_value("a\nb"), "a\\\\nb");
    }
}
