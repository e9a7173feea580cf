//! What may add resources that the template does not show: nested stacks, modules, macros.

use crate::model::Listing;
use crate::model::cloudformation::Stack;
use crate::model::tag::{BackupTag, Tags};
use crate::source::planned::{after_apply, unplanned};

use super::build::{Build, not_yet};
use super::node::{Node, Value};
use super::tags;

/// Types that a nested stack must reference to add to a network.
const NETWORK: [&str; 3] = ["AWS::EC2::RouteTable", "AWS::EC2::Subnet", "AWS::EC2::VPC"];

pub(super) fn read_stack(build: &mut Build<'_>) {
    for kind in ["AWS::CloudFormation::Stack", "AWS::Serverless::Application"] {
        for declared in build.of_type(kind) {
            let properties = build.template.properties(&declared);
            let gap = unplanned(format!(
                "line {}: the nested stack {} has its own template, which is not read; scan it too",
                declared.at.line, declared.id
            ));
            let stack = Stack {
                arn: build.declare_resource(&declared, ""),
                id: declared.id.to_owned(),
                tags: build.tags(&properties, "Tags"),
                state: not_yet(),
                parent: Some(build.file().to_owned()),
                resources: Listing {
                    items: Vec::new(),
                    gap: Some(gap.clone()),
                },
            };
            let names = build.template.named_by(&declared);
            let is_network = |id: &String| {
                let named = build.template.find_resource(id);
                named.is_some_and(|it| NETWORK.contains(&it.kind))
            };
            if names.iter().any(is_network) {
                build.obscure_network(&gap);
            }
            let stacks = &mut build.stack_region().stacks;
            stacks.items.push(stack);
            stacks.gap.get_or_insert(gap);
        }
    }
    note_launch_templates(build);
    let mut modules = build.template.resources().iter();
    let module = modules.find(|it| it.kind.ends_with("::MODULE"));
    if let Some(module) = module {
        let gap = unplanned(format!(
            "line {}: {} is a module whose resources are not in the template",
            module.at.line, module.id
        ));
        build.mark_listings_open(&gap);
    }
    note_macros(build);
}

/// Notes instances and volumes that are tagged when they are launched from a launch template.
fn note_launch_templates(build: &mut Build<'_>) {
    let mut found = Vec::new();
    for declared in build.of_type("AWS::AutoScaling::AutoScalingGroup") {
        let properties = build.template.properties(&declared);
        found.push((declared, build.tags(&properties, "Tags")));
    }
    for kind in [
        "AWS::EC2::EC2Fleet",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::SpotFleet",
    ] {
        for declared in build.of_type(kind) {
            let properties = build.template.properties(&declared);
            let holder = match kind {
                "AWS::EC2::LaunchTemplate" => properties.get("LaunchTemplateData"),
                _ => properties,
            };
            let specifications = holder.get("TagSpecifications");
            let tags =
                specifications.read_list(|it| tags::read_tags(&it.get("Tags"), build.tag_key()));
            let all = tags.map(|tags| tags.into_iter().flatten().collect::<Tags>());
            found.push((declared, all.into()));
        }
    }
    for (declared, tags) in found {
        let tag = BackupTag::from_tags(&tags, build.tag_key());
        if matches!(tag, BackupTag::Enabled | BackupTag::Unknown) {
            let perhaps = match tag {
                BackupTag::Enabled => "",
                _ => "perhaps ",
            };
            let gap = unplanned(format!(
                "line {}: instances or volumes that {} launches are {perhaps}tagged for backup and are not in the template",
                declared.at.line, declared.id
            ));
            build.stack_region().instances.gap.get_or_insert(gap);
        }
    }
}

/// Macros that add nothing that is checked here, or only what is read from their input.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-reference.html>.
const KNOWN_MACROS: [&str; 6] = [
    "AWS::CodeDeployBlueGreen",
    "AWS::CodeStar",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::Serverless-2016-10-31",
];

fn note_macros(build: &mut Build<'_>) {
    let mut found = Vec::new();
    if let Some(transform) = build.template.find_section("Transform") {
        let listed = match &transform.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![transform],
        };
        for node in listed {
            let name = node
                .text()
                .or_else(|| node.get("Name").and_then(Node::text));
            let name = name.unwrap_or("without a name");
            if !KNOWN_MACROS.contains(&name) {
                found.push((node.at, format!("the macro {name}")));
            }
        }
    }
    let root = build.template.find_section("Fn::Transform");
    let resources = build.template.find_section("Resources");
    let inside = resources.into_iter().flat_map(Node::entries);
    let inside = inside.filter(|it| it.name.starts_with("Fn::"));
    found.extend(root.map(|node| (node.at, "Fn::Transform".to_owned())));
    found.extend(inside.map(|it| (it.at, it.name.clone())));
    if let Some((at, name)) = found.first() {
        let gap = after_apply(format!(
            "line {}: the resources that {name} adds or changes are known only after deployment",
            at.line
        ));
        build.mark_listings_open(&gap);
    }
}
