//! Plans and states of Terraform: expected verdicts of `fixtures/terraform`, of single resources, and of files
//! that are not valid plans.

use std::collections::BTreeMap;
use std::fs;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::Snapshot;
use backup_check::report::{Report, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::planned::Surroundings;
use backup_check::source::terraform::{self, TerraformError};
use serde_json::{Value, json};

use crate::support::command::repository;

mod choices;
mod databases;
mod files;
mod fsx;
mod network;
mod plans;
mod provider;
mod references;
mod services;
mod unknown;

/// Returns a plan of `fixtures/terraform`.
fn load_plan(name: &str) -> Value {
    let file = repository().join(format!("fixtures/terraform/{name}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn try_read(root: &Value, region: Option<&str>) -> Result<Snapshot, TerraformError> {
    let around = Surroundings {
        file: "plan.json",
        tag_key: "backup",
        region,
        account: None,
        without_lookups: false,
        central_account: "692653576357",
        read_at: "2026-03-03T06:00:00Z",
    };
    terraform::read_plan(root, &around)
}

fn read_snapshot(root: &Value) -> Snapshot {
    try_read(root, None).unwrap()
}

fn evaluate_plan(root: &Value) -> Report {
    evaluate(
        &read_snapshot(root),
        &Settings::default(),
        &Options::default(),
        &ALL,
    )
}

/// Returns the verdicts of resources by ARN or address, without those of regions.
fn verdicts_of(report: &Report) -> BTreeMap<&str, &str> {
    let resources = report.resources.iter();
    resources
        .filter(|it| !it.arn.starts_with("backup-check:"))
        .map(|it| (it.arn.as_str(), it.verdict.as_str()))
        .collect()
}

/// Returns the findings of a resource that are worse than a pass, as `status rule`.
fn problems_of(report: &Report, resource: &str) -> Vec<String> {
    let findings = report.findings.iter();
    findings
        .filter(|it| it.resource == resource)
        .filter(|it| matches!(it.status, Status::Fail | Status::Warn | Status::Unknown))
        .map(|it| format!("{} {}", it.status.as_str(), it.rule.id))
        .collect()
}

/// Returns the message of a finding.
fn message_of<'a>(report: &'a Report, rule: &str, resource: &str) -> &'a str {
    let mut findings = report.findings.iter();
    let finding = findings.find(|it| it.rule.id == rule && it.resource == resource);
    &finding
        .unwrap_or_else(|| panic!("no {rule} on {resource}"))
        .explanation
        .message
}

/// Returns the planned change of an address.
fn change_mut<'a>(root: &'a mut Value, address: &str) -> &'a mut Value {
    let changes = root["resource_changes"].as_array_mut().unwrap();
    let mut changes = changes.iter_mut();
    changes.find(|it| it["address"] == address).unwrap()
}

/// Returns the expressions of a resource in the root module.
fn expressions_mut<'a>(root: &'a mut Value, address: &str) -> &'a mut Value {
    let resources = &mut root["configuration"]["root_module"]["resources"];
    let mut resources = resources.as_array_mut().unwrap().iter_mut();
    &mut resources.find(|it| it["address"] == address).unwrap()["expressions"]
}

/// Returns a plan that creates one resource and contains nothing else.
fn plan_with_one(kind: &str, after: Value, unknown: Value) -> Value {
    let expressions: serde_json::Map<String, Value> = after
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, value)| !value.is_null() && *name != "tags_all")
        .map(|(name, value)| (name.clone(), json!({"constant_value": value})))
        .collect();
    json!({
        "format_version": "1.2",
        "resource_changes": [{
            "address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown},
        }],
        "configuration": {"root_module": {"resources": [{
            "address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
            "provider_config_key": "aws", "expressions": expressions,
        }]}},
    })
}

/// Adds resources that the plan creates in its root module: type, name, values, names of unknown values and
/// expressions.
fn add_resources(root: &mut Value, items: &[(&str, &str, Value, &[&str], Value)]) {
    for (kind, name, after, unknown, expressions) in items {
        let item = json!({"address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name});
        let unknown: Value = unknown
            .iter()
            .map(|name| ((*name).to_owned(), json!(true)))
            .collect();
        let (mut planned, mut config) = (item.clone(), item);
        planned["change"] = json!({"actions": ["create"], "before": null, "after": after, "after_unknown": unknown});
        config["provider_config_key"] = json!("aws");
        config["expressions"] = expressions.clone();
        root["resource_changes"]
            .as_array_mut()
            .unwrap()
            .push(planned);
        root["configuration"]["root_module"]["resources"]
            .as_array_mut()
            .unwrap()
            .push(config);
    }
}

/// Returns an expression that refers to an attribute.
fn reference_to(reference: &str) -> Value {
    let (address, _) = reference.rsplit_once('.').unwrap();
    json!({"references": [reference, address]})
}

/// Adds a data source that Terraform read for the plan.
fn add_data_source(root: &mut Value, kind: &str, values: Value) {
    let resources = &mut root["prior_state"]["values"]["root_module"]["resources"];
    resources.as_array_mut().unwrap().push(json!({
        "address": format!("data.{kind}.x"), "mode": "data", "type": kind, "name": "x", "values": values,
    }));
}
