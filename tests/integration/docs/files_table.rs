//! The table of what is read of each type in templates and plans, from the readers themselves.

use std::collections::BTreeSet;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::ResourceKind;
use backup_check::model::Snapshot;
use backup_check::model::kind::{KINDS, Kind};
use backup_check::report::Status;
use backup_check::rule::Group;
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::planned::Surroundings;
use backup_check::source::{cloudformation, terraform};
use serde_json::{Value, json};

const AROUND: Surroundings<'static> = Surroundings {
    file: "file",
    tag_key: "backup",
    region: Some("eu-central-1"),
    account: None,
    without_lookups: false,
    central_account: "692653576357",
    read_at: "2026-03-03T06:00:00Z",
};

/// Type by type, what templates and plans declare it with, and which groups of rules it is checked by there.
pub fn file_table() -> String {
    let mut table =
        "| type | CloudFormation | checked | Terraform | checked |\n|---|---|---|---|---|\n"
            .to_owned();
    for row in list_kinds() {
        let types: Vec<&str> = row.types.iter().map(|it| it.cloudformation).collect();
        let template = describe_types(row, &types, read_template);
        let plan = describe_types(row, row.terraform, read_plan);
        table.push_str(&format!("| `{}` | {template} | {plan} |\n", row.name));
    }
    table
}

/// Returns the kinds that a report on a file lists. A vault only provides facts.
fn list_kinds() -> impl Iterator<Item = &'static Kind> {
    let is_listed = |it: &&Kind| it.kind.is_backed_up() || it.kind == ResourceKind::Vpc;
    KINDS.iter().filter(is_listed)
}

/// Returns the cells of the types that a reader knows, and of the rules that check them.
fn describe_types(row: &Kind, types: &[&str], read: fn(ResourceKind, &str) -> Snapshot) -> String {
    let mut named = Vec::new();
    let mut groups = BTreeSet::new();
    for name in types {
        if let Some(checked) = find_groups(row.kind, &read(row.kind, name)) {
            named.push(*name);
            groups.extend(checked);
        }
    }
    if named.is_empty() {
        return "none | no".to_owned();
    }
    let all = Group::ALL.iter().filter(|it| groups.contains(&it.as_str()));
    let groups: Vec<&str> = all.map(|it| it.as_str()).collect();
    format!("{} | {}", named.join(", "), groups.join(", "))
}

/// Returns the groups of the rules that apply to the resource of a kind; `None` if it is not listed.
fn find_groups(kind: ResourceKind, snapshot: &Snapshot) -> Option<BTreeSet<&'static str>> {
    let report = evaluate(snapshot, &Settings::default(), &Options::default(), &ALL);
    let is_listed = report.resources.iter().any(|it| it.kind == kind);
    let findings = report.findings.iter();
    let own = findings.filter(|it| it.subject.kind == kind && it.status != Status::Skip);
    is_listed.then(|| own.map(|it| it.rule.group.as_str()).collect())
}

/// Returns the engine of a database of a kind.
fn engine_of(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::AuroraCluster => "aurora-mysql",
        ResourceKind::DocumentdbCluster => "docdb",
        ResourceKind::NeptuneCluster => "neptune",
        _ => "mysql",
    }
}

fn read_template(kind: ResourceKind, name: &str) -> Snapshot {
    let tags = json!([{"Key": "backup", "Value": "enabled"}]);
    let properties = json!({
        "Tags": tags,
        "FileSystemTags": tags,
        "Engine": engine_of(kind),
        "Replicas": [{"Region": "eu-central-1", "Tags": tags}],
    });
    let template = json!({"Resources": {
        "Resource": {"Type": name, "Properties": properties},
        "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Resource"}}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"VpcConfig": {"SubnetIds": [{"Ref": "Subnet"}]}}},
    }});
    let read = cloudformation::read(&template.to_string(), &AROUND, &[]);
    read.unwrap().snapshot
}

fn read_plan(kind: ResourceKind, name: &str) -> Snapshot {
    let tags = json!({"backup": "enabled"});
    let change = |address: &str, name: &str, after: Value| {
        json!({
            "address": format!("{name}.{address}"), "mode": "managed", "type": name, "name": address,
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": {"id": true, "arn": true}},
        })
    };
    let after = json!({"tags": tags, "tags_all": tags, "engine": engine_of(kind)});
    let subnet = json!({"cidr_block": "10.0.0.0/24"});
    let instance = json!({"instance_type": "m6i.large"});
    let declared = |address: &str, name: &str, expressions: Value| {
        json!({
            "address": format!("{name}.{address}"), "mode": "managed", "type": name, "name": address,
            "provider_config_key": "aws", "expressions": expressions,
        })
    };
    let link = |to: String| json!({"references": [format!("{to}.id"), to]});
    let plan = json!({
        "format_version": "1.2",
        "planned_values": {"root_module": {}},
        "resource_changes": [
            change("resource", name, after),
            change("subnet", "aws_subnet", subnet),
            change("instance", "aws_instance", instance),
        ],
        "configuration": {"root_module": {"resources": [
            declared("resource", name, json!({})),
            declared("subnet", "aws_subnet", json!({"vpc_id": link(format!("{name}.resource"))})),
            declared("instance", "aws_instance", json!({"subnet_id": link("aws_subnet.subnet".to_owned())})),
        ]}},
    });
    terraform::read_plan(&plan, &AROUND).unwrap()
}

#[test]
fn every_type_of_the_provider_is_read_as_its_kind() {
    for row in list_kinds() {
        for name in row.terraform {
            let snapshot = read_plan(row.kind, name);
            assert!(find_groups(row.kind, &snapshot).is_some(), "{name}");
        }
    }
}
