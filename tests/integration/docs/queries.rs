//! The queries of the page on dashboards, and the files that it links to.

use std::collections::BTreeSet;
use std::fs;

use backup_check::report::openmetrics::METRICS;
use serde_json::Value;

use super::commands::{can_run, shell};
use super::pages::Page;
use crate::support::command::repository;

const PAGE: &str = "docs/src/dashboards.md";

/// The command that writes the files which the queries read.
pub fn write_files() -> String {
    let blocks = Page::read(PAGE).code_blocks("sh");
    let mut setup = blocks
        .into_iter()
        .filter(|it| it.text.contains("fixtures/"));
    let first = setup.next().expect("a block that writes the files").text;
    assert!(setup.next().is_none(), "one block writes all files");
    first
}

#[test]
fn every_jq_query_has_an_answer() {
    let setup = write_files();
    let mut count = 0;
    for block in Page::read(PAGE).code_blocks("sh") {
        if !block.text.starts_with("jq ") || !can_run(&block.text) {
            continue;
        }
        let run = shell(&format!("set -e\n{{ {setup} }} >/dev/null\n{}", block.text));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", block.text);
        assert!(run.stdout.lines().count() >= 3, "{}", run.stdout);
        assert!(!run.stdout.contains("null"), "{}", run.stdout);
        count += 1;
    }
    let queries = Page::read(PAGE).code_blocks("sql").len();
    assert!(count == 0 || count + queries == 12, "{count} + {queries}");
}

/// Returns the metrics in a query with the labels that it selects or groups by.
fn read_query(query: &str) -> Vec<(String, BTreeSet<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let grouped = query.split("by (").skip(1);
    let grouped: Vec<&str> = grouped
        .flat_map(|rest| rest.split(')').next().unwrap().split(", "))
        .collect();
    let mut found = Vec::new();
    for (at, _) in query.match_indices("backup_check_") {
        let rest = &query[at..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let matchers = after
            .strip_prefix('{')
            .map_or("", |it| it.split('}').next().unwrap());
        let labels = matchers.split(',').filter(|it| !it.is_empty());
        let labels = labels.map(|it| it.split(['=', '!']).next().unwrap());
        let labels = labels.chain(grouped.iter().copied()).map(str::to_owned);
        found.push((name.to_owned(), labels.collect()));
    }
    found
}

/// Checks that queries name only metrics and labels that the program writes, and all of the metrics.
fn check_queries(place: &str, queries: &[String]) {
    let mut used = BTreeSet::new();
    for query in queries {
        for (name, labels) in read_query(query) {
            let metric = METRICS.iter().find(|it| it.name == name);
            let metric = metric.unwrap_or_else(|| panic!("{place}: no metric {name}"));
            for label in labels {
                assert!(
                    metric.labels.contains(&label.as_str()),
                    "{place}: {name} has no label {label}"
                );
            }
            used.insert(name);
        }
    }
    assert!(!used.is_empty(), "{place}");
    if place.ends_with("grafana.json") {
        assert_eq!(used.len(), METRICS.len(), "{used:?}");
    }
}

#[test]
fn the_dashboard_and_the_alerts_use_metrics_that_are_written() {
    let read = |name: &str| fs::read_to_string(repository().join("docs/src").join(name)).unwrap();
    let dashboard: Value = serde_json::from_str(&read("grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 8);
    let targets = panels
        .iter()
        .flat_map(|it| it["targets"].as_array().unwrap());
    let mut queries: Vec<String> = targets
        .map(|it| it["expr"].as_str().unwrap().to_owned())
        .collect();
    let variable = &dashboard["templating"]["list"][1]["query"]["query"];
    assert_eq!(variable, "label_values(backup_check_complete, account)");
    queries.push("backup_check_complete".to_owned());
    check_queries("grafana.json", &queries);
    let alerts = read("alerts.yml");
    let queries = alerts
        .lines()
        .filter_map(|it| it.trim().strip_prefix("expr: "));
    let queries: Vec<String> = queries.map(str::to_owned).collect();
    assert_eq!(queries.len(), 3);
    check_queries("alerts.yml", &queries);
}

#[test]
fn the_table_of_metrics_is_that_of_the_program() {
    let page = Page::read(PAGE).text;
    for metric in &METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let row = format!("| `{}` | {} |", metric.name, labels.join(", "));
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn queries_are_read_with_their_labels() {
    assert_eq!(
        read_query("sum by (a, b) (backup_check_x{c=~\"$c\",d!=\"1\"}) / backup_check_y"),
        [
            (
                "backup_check_x".to_owned(),
                BTreeSet::from(["a", "b", "c", "d"].map(str::to_owned))
            ),
            (
                "backup_check_y".to_owned(),
                BTreeSet::from(["a", "b"].map(str::to_owned))
            ),
        ]
    );
}
