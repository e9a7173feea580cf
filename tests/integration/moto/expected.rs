//! The report that the seeding states, compared with the report of a scan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// The report that the seeding states.
#[derive(Deserialize)]
pub(super) struct Expected {
    pub(super) resources: BTreeMap<String, ExpectedResource>,
    pub(super) exit_code: i32,
}

#[derive(Deserialize)]
pub(super) struct ExpectedResource {
    #[serde(rename = "type")]
    pub(super) kind: String,
    region: String,
    backup_tag: Option<String>,
    verdict: String,
    findings: BTreeMap<String, String>,
    gating: Vec<String>,
}

/// Returns the findings by resource and rule: the status, and whether it is gating.
pub(super) fn findings_by_place(report: &Value) -> BTreeMap<(String, String), (String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = report["findings"].as_array().unwrap();
    list.iter()
        .map(|it| {
            let place = (text(&it["resource"]), text(&it["rule"]));
            (
                place,
                (text(&it["status"]), it["gating"].as_bool().unwrap()),
            )
        })
        .collect()
}

/// Returns the differences between a report and the expected one, in some regions.
pub(super) fn find_differences(
    report: &Value,
    expected: &Expected,
    regions: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut differences = Vec::new();
    let mut listed = BTreeSet::new();
    for resource in report["resources"].as_array().unwrap() {
        let arn = resource["arn"].as_str().unwrap();
        if !regions(resource["region"].as_str().unwrap()) {
            continue;
        }
        listed.insert(arn);
        let Some(want) = expected.resources.get(arn) else {
            differences.push(format!("{arn} is in the report but was not seeded"));
            continue;
        };
        for (name, got, want) in [
            ("type", resource["type"].as_str(), Some(want.kind.as_str())),
            (
                "verdict",
                resource["verdict"].as_str(),
                Some(want.verdict.as_str()),
            ),
            (
                "region",
                resource["region"].as_str(),
                Some(want.region.as_str()),
            ),
        ] {
            if got != want {
                differences.push(format!("{arn}: {name} is {got:?}, not {want:?}"));
            }
        }
        if let Some(tag) = &want.backup_tag
            && resource["backup_tag"].as_str() != Some(tag)
        {
            differences.push(format!(
                "{arn}: tag is {}, not {tag}",
                resource["backup_tag"]
            ));
        }
    }
    let got = findings_by_place(report);
    let mut wanted = BTreeMap::new();
    for (arn, resource) in &expected.resources {
        if !regions(&resource.region) {
            continue;
        }
        if !listed.contains(arn.as_str()) {
            differences.push(format!("{arn} was seeded but is not in the report"));
        }
        for (rule, status) in &resource.findings {
            wanted.insert(
                (arn.clone(), rule.clone()),
                (status.clone(), resource.gating.contains(rule)),
            );
        }
    }
    for (place, want) in &wanted {
        if got.get(place) != Some(want) {
            differences.push(format!("{place:?} is {:?}, not {want:?}", got.get(place)));
        }
    }
    for (place, found) in &got {
        if listed.contains(place.0.as_str()) && !wanted.contains_key(place) {
            differences.push(format!("{place:?} is {found:?}, but nothing was expected"));
        }
    }
    differences
}

pub(super) fn assert_expected(report: &Value, expected: &Expected) {
    let differences = find_differences(report, expected, &|_| true);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
