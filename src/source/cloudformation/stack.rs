//! What may add resources that the template does not show: nested stacks, modules, macros.

use crate::model::cloudformation::Stack;
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Gap, Listing};
use crate::source::planned::{add_gap, after_apply, unplanned};
use crate::text::and_more;

use super::build::{Build, not_yet};
use super::macros::list_unknown_macros;
use super::node::{Mark, Node};
use super::tags;
use super::template::Declared;
use super::value::Resolved;

/// Types that a nested stack must reference to add to a network.
const NETWORK: [&str; 3] = ["AWS::EC2::RouteTable", "AWS::EC2::Subnet", "AWS::EC2::VPC"];

/// Types that create a stack, whose template is another one.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-servicecatalog-cloudformationprovisionedproduct.html>.
pub(super) const STACKS: [&str; 3] = [
    "AWS::CloudFormation::Stack",
    "AWS::Serverless::Application",
    "AWS::ServiceCatalog::CloudFormationProvisionedProduct",
];

pub(super) fn read_stack(build: &mut Build<'_>) {
    for kind in STACKS {
        for declared in build.of_type(kind) {
            let properties = build.template.properties(&declared);
            let gap = unplanned(match build.is_inlined(declared.id) {
                true => format!(
                    "line {}: the resources of the nested stack {} are checked one by one, not as its members",
                    declared.at.line, declared.id
                ),
                false => format!(
                    "line {}: the nested stack {} has its own template, which is not read; scan it too",
                    declared.at.line, declared.id
                ),
            });
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
            let is_inlined = build.is_inlined(declared.id);
            let names = build.template.named_by(&declared);
            let is_network = |id: &String| {
                let named = build.template.find_resource(id);
                named.is_some_and(|it| NETWORK.contains(&it.kind))
            };
            if !is_inlined && names.iter().any(is_network) {
                build.obscure_network(&gap);
            }
            let stacks = &mut build.stack_region().stacks;
            stacks.items.push(stack);
            if !is_inlined {
                add_gap(&mut stacks.gap, &gap);
            }
        }
    }
    note_launched(build);
    let modules = build.template.resources().iter();
    let modules: Vec<Gap> = modules
        .filter(|it| it.kind.ends_with("::MODULE"))
        .map(|module| {
            unplanned(format!(
                "line {}: {} is a module whose resources are not in the template",
                module.at.line, module.id
            ))
        })
        .collect();
    for gap in &modules {
        build.mark_listings_open(gap);
    }
    note_macros(build);
}

/// A type whose resources launch instances, and where the tags of those are.
struct Launcher {
    kind: &'static str,
    tags: LaunchTags,
}

/// Where a type has the tags of the instances that it launches.
enum LaunchTags {
    /// In `Tags`, where `PropagateAtLaunch` is true.
    Propagated,
    /// In a property.
    All(&'static [&'static str]),
    /// In a property, if another one has a value that passes them on.
    IfSet {
        tags: &'static [&'static str],
        switch: &'static [&'static str],
        on: &'static str,
    },
    /// In `TagSpecifications` of the volumes of each task.
    Tasks,
    /// In `TagSpecifications` of a property, for instances and volumes; of the resource itself if none.
    Specified(&'static [&'static str]),
}

/// Types that launch instances, checked on 2026-11-30. Those of which tags stay on the resource itself are not
/// among them: `AWS::EKS::Nodegroup`.
///
/// Source: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFleet.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SpotFleetLaunchSpecification.html>,
/// <https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeResource.html>,
/// <https://docs.aws.amazon.com/cloud9/latest/user-guide/tags.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateManagedInstancesProviderConfiguration.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EBSTagSpecification.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-tag-propagation.html>,
/// <https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-plan-tags.html>,
/// <https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html>.
const LAUNCHERS: [Launcher; 12] = [
    Launcher {
        kind: "AWS::AutoScaling::AutoScalingGroup",
        tags: LaunchTags::Propagated,
    },
    Launcher {
        kind: "AWS::Batch::ComputeEnvironment",
        tags: LaunchTags::All(&["ComputeResources", "Tags"]),
    },
    Launcher {
        kind: "AWS::Cloud9::EnvironmentEC2",
        tags: LaunchTags::All(&["Tags"]),
    },
    Launcher {
        kind: "AWS::EC2::EC2Fleet",
        tags: LaunchTags::Specified(&[]),
    },
    Launcher {
        kind: "AWS::EC2::LaunchTemplate",
        tags: LaunchTags::Specified(&["LaunchTemplateData"]),
    },
    Launcher {
        kind: "AWS::EC2::SpotFleet",
        tags: LaunchTags::Specified(&["SpotFleetRequestConfigData", "LaunchSpecifications"]),
    },
    Launcher {
        kind: "AWS::ECS::CapacityProvider",
        tags: LaunchTags::IfSet {
            tags: &["Tags"],
            switch: &["ManagedInstancesProvider", "PropagateTags"],
            on: "CAPACITY_PROVIDER",
        },
    },
    Launcher {
        kind: "AWS::ECS::Service",
        tags: LaunchTags::Tasks,
    },
    Launcher {
        kind: "AWS::EMR::Cluster",
        tags: LaunchTags::All(&["Tags"]),
    },
    Launcher {
        kind: "AWS::ElasticBeanstalk::Environment",
        tags: LaunchTags::All(&["Tags"]),
    },
    Launcher {
        kind: "AWS::Lambda::CapacityProvider",
        tags: LaunchTags::IfSet {
            tags: &["PropagateTags", "ExplicitTags"],
            switch: &["PropagateTags", "Mode"],
            on: "Explicit",
        },
    },
    Launcher {
        kind: "AWS::Serverless::CapacityProvider",
        tags: LaunchTags::All(&["ManagedResourceTags", "Tags"]),
    },
];

/// Returns the types whose resources launch instances.
pub fn list_launchers() -> impl Iterator<Item = &'static str> {
    LAUNCHERS.iter().map(|it| it.kind)
}

impl LaunchTags {
    fn read(&self, build: &Build<'_>, properties: &Resolved) -> Result<Tags, Gap> {
        let around = build.around();
        let inside = |path: &[&str]| {
            let own = properties.clone();
            path.iter().fold(own, |value, name| value.get(name))
        };
        match self {
            LaunchTags::Propagated => {
                let all = properties.get("Tags").read_list(|tag| {
                    match tag.get("PropagateAtLaunch").as_boolean() {
                        // A template always says it; the tags of a nested stack do not.
                        Ok(Some(true) | None) => tags::read_tags(tag, around),
                        Ok(Some(false)) => Ok(Tags::new()),
                        Err(gap) => match tags::read_tags(tag, around) {
                            Ok(tags) if !tags.contains_key(around.tag_key) => Ok(Tags::new()),
                            _ => Err(gap),
                        },
                    }
                })?;
                Ok(all.into_iter().flatten().collect())
            }
            LaunchTags::Tasks => {
                let volumes = properties.get("VolumeConfigurations");
                let all = volumes.read_list(|volume| {
                    let volume = volume.get("ManagedEBSVolume");
                    let mut tags = tags::read_tags_at_launch(&volume, "volume", around)?;
                    let more = volume.get("TagSpecifications").read_list(|it| {
                        read_propagated_tags(build, properties, &it.get("PropagateTags"))
                    })?;
                    tags.extend(more.into_iter().flatten());
                    Ok(tags)
                })?;
                Ok(all.into_iter().flatten().collect())
            }
            LaunchTags::All(path) => tags::read_tags(&inside(path), around),
            LaunchTags::IfSet { tags, switch, on } => {
                let tags = tags::read_tags(&inside(tags), around);
                match inside(switch).text() {
                    Ok(given) if given.as_deref() != Some(on) => Ok(Tags::new()),
                    // Other tags do not matter, whether they are passed on or not.
                    Err(gap) => tags.and_then(|it| match it.contains_key(around.tag_key) {
                        true => Err(gap),
                        false => Ok(it),
                    }),
                    Ok(_) => tags,
                }
            }
            LaunchTags::Specified(path) => {
                let holders = inside(path);
                let all = holders.read_list(|holder| {
                    let mut tags = tags::read_tags_at_launch(holder, "instance", around)?;
                    tags.extend(tags::read_tags_at_launch(holder, "volume", around)?);
                    Ok(tags)
                })?;
                Ok(all.into_iter().flatten().collect())
            }
        }
    }
}

/// Reads the tags that a service passes on to the volumes of its tasks: its own, or those of its task definition.
fn read_propagated_tags(
    build: &Build<'_>,
    service: &Resolved,
    from: &Resolved,
) -> Result<Tags, Gap> {
    match from.text()?.as_deref() {
        Some("SERVICE") => tags::read_tags(&service.get("Tags"), build.around()),
        Some("TASK_DEFINITION") => {
            let definition = service.get("TaskDefinition");
            let outside = || unplanned("the template does not contain its task definition");
            let definition = build
                .referenced_resource(&definition, &["AWS::ECS::TaskDefinition"])
                .ok_or_else(outside)?;
            tags::read_tags(&build.properties(&definition).get("Tags"), build.around())
        }
        _ => Ok(Tags::new()),
    }
}

/// Notes instances and volumes that are tagged when they are launched.
fn note_launched(build: &mut Build<'_>) {
    let mut sure = Vec::new();
    let mut unsure = Vec::new();
    for launcher in &LAUNCHERS {
        for declared in build.of_type(launcher.kind) {
            if launcher.kind == "AWS::EC2::LaunchTemplate" && is_only_of_instances(build, &declared)
            {
                continue;
            }
            let properties = build.properties(&declared);
            let tags = launcher.tags.read(build, &properties).into();
            let place = (declared.at.line, declared.id);
            match BackupTag::from_tags(&tags, build.tag_key()) {
                BackupTag::Enabled => sure.push(place),
                BackupTag::Unknown | BackupTag::Invalid => unsure.push(place),
                _ => {}
            }
        }
    }
    for (mut places, perhaps) in [(sure, ""), (unsure, "perhaps ")] {
        if places.is_empty() {
            continue;
        }
        places.sort_unstable();
        let names = places
            .iter()
            .map(|(line, id)| format!("{id} (line {line})"));
        let names: Vec<String> = names.collect();
        let gap = unplanned(format!(
            "instances or volumes that these launch are {perhaps}tagged for backup and are not in the template: {}",
            and_more(names.iter().map(String::as_str), MOST_LAUNCHERS)
        ));
        add_gap(&mut build.stack_region().instances.gap, &gap);
    }
}

/// The most launching resources that a message names.
const MOST_LAUNCHERS: usize = 50;

/// Whether only instances of the template refer to a launch template: they are read with its tags.
fn is_only_of_instances(build: &Build<'_>, launch_template: &Declared<'_>) -> bool {
    let resources = build.template.resources().iter();
    let mut users = resources.filter(|it| {
        it.id != launch_template.id && build.template.named_by(it).contains(launch_template.id)
    });
    let first = users.next();
    first.is_some_and(|it| it.kind == "AWS::EC2::Instance")
        && users.all(|it| it.kind == "AWS::EC2::Instance")
}

fn note_macros(build: &mut Build<'_>) {
    let transform = build.template.find_section("Transform");
    let macros = list_unknown_macros(transform).into_iter();
    let macros = macros.map(|(at, name)| (at, format!("the macro {name}")));
    let mut found: Vec<(Mark, String)> = macros.collect();
    let root = build.template.find_section("Fn::Transform");
    let resources = build.template.find_section("Resources");
    let inside = resources.into_iter().flat_map(Node::entries);
    let inside = inside.filter(|it| it.name.starts_with("Fn::"));
    found.extend(root.map(|node| (node.at, "Fn::Transform".to_owned())));
    found.extend(inside.map(|it| (it.at, it.name.clone())));
    for (at, name) in &found {
        let gap = after_apply(format!(
            "line {}: the resources that {name} adds or changes are known only after deployment",
            at.line
        ));
        build.mark_listings_open(&gap);
    }
}
