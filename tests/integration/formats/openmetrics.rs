//! The OpenMetrics report, read by a strict parser.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::evaluate::Options;
use backup_check::report::openmetrics::METRICS;
use backup_check::report::{ResourceVerdict, Status, Waiver};

use super::{hostile, render, report, snapshot};
use crate::support::promtool::check_metrics;

/// A sample: its metric, its labels and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub metric: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Returns the samples of an exposition.
///
/// Follows the grammar of
/// <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>, as far as gauges need it,
/// and rejects what the textfile collector rejects.
pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?;
    let mut samples: Vec<Sample> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut families: Vec<String> = Vec::new();
    let mut described: BTreeSet<(String, String)> = BTreeSet::new();
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (kind, name) = (words.next().unwrap(), words.next().ok_or(line)?);
            let value = words.next().ok_or(line)?;
            let is_valid = match kind {
                "HELP" => !value.is_empty() && !value.contains('\r'),
                "TYPE" => value == "gauge",
                "UNIT" => name.ends_with(&format!("_{value}")),
                _ => false,
            };
            if families.last().is_none_or(|last| last != name) {
                if families.iter().any(|it| it == name) {
                    return Err(format!("{name} is interleaved"));
                }
                families.push(name.to_owned());
            }
            let has_samples = samples.iter().any(|it| it.metric == name);
            let is_new = described.insert((kind.to_owned(), name.to_owned()));
            if !is_valid || has_samples || !is_new || !is_name(name, true) {
                return Err(format!("invalid metadata: {line}"));
            }
            continue;
        }
        let sample = parse_sample(line).ok_or_else(|| format!("invalid sample: {line}"))?;
        if families.last() != Some(&sample.metric) {
            return Err(format!("a sample outside its family: {line}"));
        }
        if !seen.insert(format!("{}{:?}", sample.metric, sample.labels)) {
            return Err(format!("twice: {line}"));
        }
        samples.push(sample);
    }
    Ok(samples)
}

fn is_name(name: &str, colon: bool) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(valid)
}

fn parse_sample(line: &str) -> Option<Sample> {
    let (metric, rest) = line.split_once('{')?;
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = after.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                c => value.push(c),
            }
        }
        if !is_name(name, false) || labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        rest = chars.as_str();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    // No second number: the textfile collector rejects timestamps.
    let value = rest.strip_prefix("} ")?.parse().ok()?;
    is_name(metric, true).then(|| Sample {
        metric: metric.to_owned(),
        labels,
        value,
    })
}

/// Returns the sum of the samples of a metric with some labels.
pub fn sum(samples: &[Sample], metric: &str, labels: &[(&str, &str)]) -> usize {
    let wanted = |it: &&Sample| {
        it.metric == metric
            && labels
                .iter()
                .all(|(name, value)| it.labels.get(*name).is_some_and(|it| it == value))
    };
    samples
        .iter()
        .filter(wanted)
        .map(|it| it.value as usize)
        .sum()
}

#[test]
fn the_parser_is_strict() {
    let gauge = "# HELP a_b x\n# TYPE a_b gauge\n";
    assert!(
        parse(&format!(
            "{gauge}a_b{{x=\"1\"}} 1\na_b{{x=\"2\"}} 0\n# EOF\n"
        ))
        .is_ok()
    );
    for text in [
        format!("{gauge}a_b{{x=\"1\"}} 1\n"),
        format!("{gauge}\n# EOF\n"),
        format!("{gauge}a_b{{x=\"1\"}} 1 1700000000\n# EOF\n"),
        format!("{gauge}a_b{{x=\"1\"}} 1\na_b{{x=\"1\"}} 2\n# EOF\n"),
        format!("{gauge}a_b{{x=\"a\"b\"}} 1\n# EOF\n"),
        format!("{gauge}a_b{{x=\"a\\q\"}} 1\n# EOF\n"),
        format!("{gauge}a_b{{1x=\"a\"}} 1\n# EOF\n"),
        format!("{gauge}a_c{{x=\"a\"}} 1\n# EOF\n"),
        format!("{gauge}a_b{{x=\"a\"}} 1\n{gauge}# EOF\n"),
        format!("{gauge}# UNIT a_b seconds\na_b{{x=\"a\"}} 1\n# EOF\n"),
        "# HELP a_b x\n# TYPE a_b counter\na_b{x=\"a\"} 1\n# EOF\n".to_owned(),
    ] {
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn every_report_is_valid_and_counts_what_the_report_has() {
    for input in [
        snapshot("clean"),
        snapshot("mixed"),
        snapshot("no-access"),
        hostile(),
    ] {
        let mut report = report(input, &Options::default());
        report.account_id = Some("a\"b\\c\nd".to_owned());
        let samples = parse(&render("openmetrics", &report)).unwrap();
        for sample in &samples {
            let metric = METRICS.iter().find(|it| it.name == sample.metric).unwrap();
            let names: BTreeSet<&str> = metric.labels.iter().copied().collect();
            let labels: BTreeSet<&str> = sample.labels.keys().map(String::as_str).collect();
            assert_eq!(labels, names);
            assert_eq!(sample.labels["account"], "a\"b\\c\\nd");
        }
        for verdict in ResourceVerdict::WORST_FIRST {
            let lines = report.resources.iter();
            assert_eq!(
                sum(
                    &samples,
                    "backup_check_resources",
                    &[("verdict", verdict.as_str())]
                ),
                lines.filter(|it| it.verdict == verdict).count()
            );
        }
        for (status, gating) in [
            (Status::Fail, true),
            (Status::Fail, false),
            (Status::Unknown, true),
            (Status::Warn, false),
            (Status::Pass, true),
        ] {
            let labels = [
                ("status", status.as_str()),
                ("gating", if gating { "true" } else { "false" }),
            ];
            let findings = report.findings.iter();
            assert_eq!(
                sum(&samples, "backup_check_findings", &labels),
                findings
                    .filter(|it| it.status == status && it.gating == gating)
                    .count()
            );
        }
        assert_eq!(
            sum(&samples, "backup_check_complete", &[]),
            usize::from(report.complete)
        );
    }
}

#[test]
fn prometheus_reads_the_metrics() {
    for snapshot in [snapshot("mixed"), snapshot("no-access"), hostile()] {
        check_metrics(&render(
            "openmetrics",
            &report(snapshot, &Options::default()),
        ));
    }
}

#[test]
fn the_time_of_the_scan_is_in_seconds() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.finished_at = "2026-03-03T06:00:04Z".to_owned();
    let samples = parse(&render("openmetrics", &report)).unwrap();
    // `date -u -d 2026-03-03T06:00:04Z +%s`
    let time = sum(&samples, "backup_check_scan_timestamp_seconds", &[]);
    assert_eq!(time, 1_772_517_604);
    report.interrupted = true;
    let samples = parse(&render("openmetrics", &report)).unwrap();
    assert_eq!(sum(&samples, "backup_check_complete", &[]), 0);
}

#[test]
fn waived_findings_and_zeros_have_a_series_of_their_own() {
    let mut report = report(snapshot("mixed"), &Options::default());
    let fails = |it: &&mut backup_check::report::Finding| {
        it.rule.id == "kms-key-shared" && it.status == Status::Fail
    };
    let mut waived = 0;
    for finding in report.findings.iter_mut().filter(fails) {
        finding.gating = false;
        finding.waiver = Some(Box::new(Waiver {
            reason: "r".to_owned(),
            owner: "o".to_owned(),
            expires: "2026-06-30".to_owned(),
        }));
        waived += 1;
    }
    assert!(waived > 0);
    let samples = parse(&render("openmetrics", &report)).unwrap();
    let count = |status: &str| {
        let labels = [("rule", "kms-key-shared"), ("status", status)];
        sum(&samples, "backup_check_findings", &labels)
    };
    assert_eq!((count("waived"), count("fail")), (waived, 0));
    let zero = samples.iter().find(|it| {
        it.metric == "backup_check_findings"
            && it.labels["rule"] == "kms-key-shared"
            && it.labels["status"] == "fail"
            && it.labels["gating"] == "true"
    });
    assert_eq!(zero.map(|it| it.value), Some(0.0));
}
